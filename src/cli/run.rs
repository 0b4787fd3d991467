//! `run`: the daemon.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bivouac_controller::{Leadership, Settings};
use bivouac_ops::{Limits, Metrics, Ops, Readiness};
use bivouac_ports::Meaning;
use bivouac_runtime::LeaseTiming;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::output::Format;
use crate::compose::{Connected, Place, connect};
use crate::config::Config;
use crate::daemon::{Daemon, Ear, FIRST_OBSERVATION, TABLES, TABLES_SERVICE};
use crate::exit::Failure;
use crate::open_files::{self, Needs, RAISE};

/// What of the lease's margin a write may take; the rest is for the clock that measures it.
const OF_THE_MARGIN: f64 = 0.95;
/// The most that a write may take, however long the lease is. The ledger of places gives a place that was granted and not
/// recorded to the next one after a minute (`bivouac_planner::admission`), so no write may go on for as long.
const LONGEST_WRITE: Duration = Duration::from_secs(45);
/// What of that a comment may wait for its turn: the other half is for the request itself.
const OF_A_WRITE: u32 = 2;

/// Runs the daemon until `stop`, then ends within ten seconds: calls under way are finished and the lease is released.
///
/// # Errors
/// Everything that a person has to mend first: the configuration, a missing secret, a missing table, a cluster that is not
/// there or lacks the capacity that is configured. What may pass by itself is waited for.
pub async fn run(config: &Config, format: Format, stop: CancellationToken) -> Result<(), Failure> {
    let (needs, files) = (Needs::of(config), open_files::raise());
    let shares = needs.shares(files);
    let policy = Arc::new(config.policy()?);
    let mut place = Place::of(config)?;
    let (settings, leadership) = settings(config);
    let settings = Settings { concurrency: shares.concurrency, ..settings };
    let longest_write = settings.longest_write;
    // A write that is cut off while it waits loses its turn: one that waited longer than that each time would never be sent.
    place.github.write_patience = place.github.write_patience.min(longest_write / OF_A_WRITE);
    let readiness = Readiness::new(&[TABLES, FIRST_OBSERVATION]);
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION")).followed_by(&readiness, TABLES, TABLES_SERVICE);
    let connected = connect(&place, Arc::new(metrics.clone())).await?;
    let bot_settings = crate::bot::settings(config, &policy).map_err(crate::compose::ComposeError::from)?;
    let listener = listen("ops.listen", config.ops.listen).await?;
    let bot_listener = listen("bot.listen", config.bot.listen.filter(|_| bot_settings.is_some())).await?;
    check(&connected.doors, config).await?;

    say(config, format, url(bot_listener.as_ref()).as_deref(), url(listener.as_ref()).as_deref());
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    if let Some(shortage) = needs.shortage(files) {
        tracing::warn!("{shortage}; {RAISE}");
    }
    let ear = Ear::default();
    let bot_limits = crate::bot::LIMITS.with_connections(shares.bot);
    let bot = bot_listener.zip(bot_settings).map(|(listener, settings)| {
        tokio::spawn(crate::bot::serve(listener, bot_limits, connected.bot(&ear), settings, stop.clone()))
    });
    let ops_limits = Limits::OPS.with_connections(shares.ops);
    let ops = listener.map(|listener| {
        // It goes on while the daemon drains, so that whoever watches sees the end.
        let ops = Ops { metrics, readiness: readiness.clone() };
        tokio::spawn(bivouac_ops::serve(listener, ops, ops_limits, stop.clone()))
    });
    let Connected { doors, leases, feed, .. } = connected;
    let daemon = Daemon { doors, leases, feed, policy, settings, leadership, readiness, ear };
    daemon.run(stop).await;
    for served in [ops, bot].into_iter().flatten() {
        let _ = tokio::time::timeout(Duration::from_secs(2), served).await;
    }
    tracing::info!("stopped");
    Ok(())
}

/// How a controller runs under its lease, as a configuration says.
pub(super) fn settings(config: &Config) -> (Settings, Leadership) {
    let period = config.controller.lease;
    let longest_write = LeaseTiming::of(period).margin().mul_f64(OF_THE_MARGIN).min(LONGEST_WRITE);
    let (resync, collect) = (config.controller.resync, config.controller.collect);
    let settings = Settings { resync, longest_write, collect, ..Settings::default() };
    (settings, Leadership { name: config.controller.instance.clone(), holder: holder(), period })
}

async fn listen(key: &str, address: Option<SocketAddr>) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = address else { return Ok(None) };
    let bound = TcpListener::bind(address).await;
    bound.map(Some).map_err(|error| Failure::Usage(format!("{key}: cannot listen on {address}: {error}")))
}

fn url(listener: Option<&TcpListener>) -> Option<String> {
    Some(format!("http://{}", listener?.local_addr().ok()?))
}

/// What has to be mended before there is any use in running. A cloud that does not answer is not among it.
async fn check(doors: &bivouac_controller::Doors, config: &Config) -> Result<(), Failure> {
    let fatal = |error: &bivouac_ports::Error| {
        matches!(error.meaning(), Meaning::NotFound | Meaning::Invalid | Meaning::Denied)
    };
    match doors.records.check().await {
        Err(error) if fatal(&error) => return Err(Failure::Setup(Box::new(error))),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the tables could not be checked"),
        Ok(()) => {}
    }
    let needed = crate::compose::capacities(config.aws.capacity);
    match doors.cluster.capacities().await {
        Err(error) if fatal(&error) => Err(Failure::Setup(Box::new(error))),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the cluster could not be checked");
            Ok(())
        }
        Ok(there) => match needed.iter().find(|(capacity, _)| !there.contains(capacity)) {
            None => Ok(()),
            Some((_, name)) => Err(Failure::Usage(format!(
                "aws.capacity needs the capacity provider {name}, which the cluster `{cluster}` lacks; add it with `{command}`",
                cluster = config.aws.cluster,
                command = crate::doctor::words::put_providers(&config.aws.cluster),
            ))),
        },
    }
}

/// Says where it listens: first of all, and to scripts in the form of `dev`.
fn say(config: &Config, format: Format, bot: Option<&str>, ops: Option<&str>) {
    if format == Format::Json {
        let line = serde_json::json!({
            "event": "listening",
            // AWS's own endpoints, unless the SDK's variables name others.
            "aws": std::env::var("AWS_ENDPOINT_URL").ok(),
            "github": config.github.api_url,
            "dynamodb": std::env::var("AWS_ENDPOINT_URL_DYNAMODB").or_else(|_| std::env::var("AWS_ENDPOINT_URL")).ok(),
            "bot": bot,
            "ops": ops,
        });
        println!("{line}");
    }
    let bot = match (bot, config.bot.listen) {
        (Some(bot), _) => bot,
        (None, Some(_)) => "off: there is no webhook_secret_file, neither in [github] nor in a project",
        (None, None) => "off",
    };
    tracing::info!(instance = config.controller.instance, bot, ops = ops.unwrap_or("off"), "starting");
}

/// Who we are to whoever reads the table of leases.
fn holder() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    format!("{}:{}", host.as_deref().unwrap_or("bivouac"), std::process::id())
}
