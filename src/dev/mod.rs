//! `bivouac dev`: the whole system on an embedded cloud.
//!
//! What runs is the daemon's ordinary code with ordinary SDK clients; only the endpoints are others.

mod policy;
mod screen;
mod story;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bivouac_controller::{Leadership, Settings};
use bivouac_ops::{Metrics, Ops, Readiness};
use bivouac_simcloud::github::{Hub, HubError, HubOptions, Limits, Rights};
use bivouac_simcloud::{Options, SimCloud, Timings};
use chrono::Utc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::compose::{Connected, Place, connect};
use crate::daemon::{Daemon, Ear, FIRST_OBSERVATION, TABLES};

pub use policy::PolicyError;
pub use screen::Manner;
pub use story::StoryError;

use policy::policy;
use screen::Screen;
use story::{ECR_REPOSITORY, REPOSITORY, Story};

/// The token of the embedded forge. It opens nothing anywhere.
const TOKEN: &str = "embedded-token";
/// Who writes the comments there.
const BOT: &str = "bivouac-bot";
/// How often the screen is drawn.
const FRAME: Duration = Duration::from_millis(500);

/// What a person asked of `bivouac dev`.
#[derive(Clone, Copy, Debug)]
pub struct DevOptions {
    /// Ends by itself after this time.
    pub run_for: Option<Duration>,
    /// Without the story.
    pub empty: bool,
    /// How it is shown.
    pub manner: Manner,
}

/// Why the embedded system did not come up.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// The embedded AWS.
    #[error("the embedded AWS did not start")]
    Cloud(#[from] bivouac_simcloud::Error),
    /// The embedded forge.
    #[error("the embedded GitHub did not start")]
    Hub(#[from] HubError),
    /// The built-in example.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The wiring.
    #[error(transparent)]
    Compose(#[from] crate::compose::ComposeError),
    /// The tables.
    #[error("the tables could not be made")]
    Tables(#[from] bivouac_ports::Error),
    /// The ops endpoints.
    #[error("the ops endpoints could not listen")]
    Ops(#[from] std::io::Error),
}

/// Runs the embedded system until `stop`, or for as long as was asked.
///
/// # Errors
/// When a part of it does not come up. What goes wrong later is shown, as it would be in production.
pub async fn run(options: DevOptions, stop: CancellationToken) -> Result<(), DevError> {
    let cloud = Arc::new(SimCloud::start(Options { timings: Timings::quick(), ..Options::default() }).await?);
    let hub = Hub::start(HubOptions { limits: Limits::none(), ..HubOptions::default() }).await?;
    furnish(&cloud, &hub)?;

    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
    let policy = Arc::new(policy()?);
    let place = Place::embedded(&cloud.aws_url(), &cloud.dynamodb_url(), hub.url(), TOKEN);
    let Connected { doors, leases, feed, .. } = connect(&place, Arc::new(metrics.clone())).await?;
    doors.records.init().await?;

    let readiness = Readiness::new(&[TABLES, FIRST_OBSERVATION]);
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let ops_url = format!("http://{}", listener.local_addr()?);
    let stop = stop.child_token();
    let ops = tokio::spawn(bivouac_ops::serve(listener, Ops { metrics, readiness: readiness.clone() }, stop.clone()));

    announce(&options, &cloud, &hub, &ops_url);
    let records = Arc::clone(&doors.records);
    let daemon = Daemon {
        doors,
        leases,
        feed,
        policy,
        settings: Settings { resync: Duration::from_secs(3), ..Settings::default() },
        leadership: Leadership { name: "dev".into(), holder: "dev".into(), period: Duration::from_secs(15) },
        readiness,
        ear: Ear::default(),
    };
    let daemon = tokio::spawn(daemon.run(stop.clone()));

    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let story =
        Story { cloud: Arc::clone(&cloud), hub: hub.clone(), records: Arc::clone(&records), tell: tell.clone() };
    let story = (!options.empty).then(|| {
        tokio::spawn(async move {
            if let Err(error) = story.run().await {
                let _ = tell.send(format!("the story broke off: {}", crate::exit::chain(&error)));
            }
        })
    });

    let mut screen = Screen::new(options.manner);
    let mut frame = tokio::time::interval(FRAME);
    let end = async {
        match options.run_for {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = &mut end => break,
            Some(text) = told.recv() => screen.tell(Utc::now(), &text),
            _ = frame.tick() => {
                if let Ok(all) = records.all().await {
                    screen.show(Utc::now(), &all);
                }
            }
        }
    }
    stop.cancel();
    if let Some(story) = story {
        story.abort();
    }
    let _ = tokio::join!(daemon, ops);
    hub.stop().await;
    Ok(())
}

/// What a real account and a real repository would have: cluster, network, registry, people.
fn furnish(cloud: &SimCloud, hub: &Hub) -> Result<(), HubError> {
    cloud.ecs().create_cluster(crate::compose::EMBEDDED_CLUSTER);
    cloud.ec2().create_subnet(crate::compose::EMBEDDED_SUBNET);
    cloud.ec2().create_security_group(crate::compose::EMBEDDED_SECURITY_GROUP);
    cloud.ecr().create_repository(ECR_REPOSITORY);
    hub.add_user("contributor");
    hub.add_repository(REPOSITORY)?;
    hub.add_token(TOKEN, BOT, Rights::commenter());
    Ok(())
}

/// Says where everything listens, first of all.
fn announce(options: &DevOptions, cloud: &SimCloud, hub: &Hub, ops: &str) {
    let (aws, dynamodb, github) = (cloud.aws_url(), cloud.dynamodb_url(), hub.url());
    if options.manner == Manner::Json {
        let line = serde_json::json!({
            "event": "listening",
            "aws": aws,
            "github": github,
            "dynamodb": dynamodb,
            // The bot comes with its own release.
            "bot": null,
            "ops": ops,
        });
        println!("{line}");
        return;
    }
    println!("Bivouac on an embedded cloud. Everything is on this machine and gone when it ends (Ctrl-C).\n");
    println!("  ECS, EC2, ECR  {aws}");
    println!("  DynamoDB       {dynamodb}   tables bivouac-environments, -events, -leases");
    println!("  GitHub         {github}/{REPOSITORY}/pulls");
    println!("  ops            {ops}/metrics\n");
    println!("Ask for an environment yourself, as any client does:");
    println!("  aws dynamodb put-item --endpoint-url {dynamodb} --table-name bivouac-environments \\");
    println!("    --item '{{\"repo\":{{\"S\":\"{REPOSITORY}\"}},\"pr\":{{\"N\":\"1\"}}}}'\n");
}
