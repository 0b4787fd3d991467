//! `bivouac dev`: the whole system on an embedded cloud.
//!
//! What runs is the daemon's ordinary code with ordinary SDK clients; only the endpoints are others.

mod collected;
mod conversation;
mod people;
pub(crate) mod policy;
mod screen;
mod story;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bivouac_controller::{Leadership, Settings};
use bivouac_ops::{Metrics, Ops, Readiness};
use bivouac_simcloud::github::{HookTarget, Hub, HubError, HubOptions, Limits};
use bivouac_simcloud::{Options, SimCloud, Timings};
use chrono::Utc;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::compose::{Connected, Place, connect};
use crate::daemon::{Daemon, Ear, FIRST_OBSERVATION, TABLES, TABLES_SERVICE};

pub use policy::PolicyError;
pub use screen::Manner;
pub use story::StoryError;

use collected::Collected;
use conversation::Remark;
use people::{BOT_TOKEN, Browser, MAINTAINER, OUTSIDER};
use screen::Screen;
use story::{ECR_REPOSITORY, REPOSITORY, Story};

/// How often the screen is drawn.
const FRAME: Duration = Duration::from_millis(500);
/// How far apart the bot writes. GitHub asks for a second; the embedded one has no limits, and a story is not to drag.
const WRITE_GAP: Duration = Duration::from_millis(250);
/// The log group of the built-in template.
const LOG_GROUP: &str = "/ecs/hello";
/// The events that docs/getting-started.md names for the webhook of a repository.
const EVENTS: [&str; 6] = [
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "registry_package",
    "workflow_run",
];
/// What people are shown how to ask for: something that the story does not, so that it is seen to change something.
const COMMENT: &str = "/testenv up FEATURE_BLUE=true";

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
    /// The endpoints of the bot and of operations.
    #[error("the endpoints could not listen")]
    Listen(#[from] std::io::Error),
    /// The way in that the people of the story have.
    #[error("the story has no HTTP client")]
    Browser(#[from] reqwest::Error),
}

/// What happens beside the records.
#[derive(Debug)]
enum News {
    /// The story goes on.
    Story(String),
    /// Somebody said or did something on a pull request.
    Said(Remark),
}

/// Runs the embedded system until `stop`, or for as long as was asked.
///
/// # Errors
/// When a part of it does not come up. What goes wrong later is shown, as it would be in production.
pub async fn run(options: DevOptions, stop: CancellationToken) -> Result<(), DevError> {
    crate::open_files::raise();
    let cloud = Arc::new(SimCloud::start(Options { timings: Timings::quick(), ..Options::default() }).await?);
    let hub = Hub::start(HubOptions { limits: Limits::none(), ..HubOptions::default() }).await?;
    furnish(&cloud, &hub)?;
    let first = story::begin(&cloud, &hub)?;

    let readiness = Readiness::new(&[TABLES, FIRST_OBSERVATION]);
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION")).followed_by(&readiness, TABLES, TABLES_SERVICE);
    let policy = Arc::new(policy::policy()?);
    let mut place = Place::embedded(&cloud.aws_url(), &cloud.dynamodb_url(), hub.url(), BOT_TOKEN);
    place.github.write_gap = WRITE_GAP;
    let connected = connect(&place, Arc::new(metrics.clone())).await?;
    connected.doors.records.init().await?;

    let (listener, ops_url) = listen().await?;
    let stop = stop.child_token();
    let ops = Ops { metrics, readiness: readiness.clone() };
    let ops = tokio::spawn(bivouac_ops::serve(listener, ops, bivouac_ops::Limits::OPS, stop.clone()));

    let ear = Ear::default();
    let (listener, bot_url) = listen().await?;
    let secret = format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..));
    let repository = HookTarget::Repository(REPOSITORY.to_owned());
    hub.add_webhook(repository, &format!("{bot_url}/webhooks/github"), Some(&secret), &EVENTS)?;
    let settings = policy::bot(&policy, SecretString::from(secret));
    let serving = crate::bot::serve(listener, crate::bot::LIMITS, connected.bot(&ear), settings, stop.clone());
    let bot = tokio::spawn(serving);

    let urls =
        Urls { aws: cloud.aws_url(), dynamodb: cloud.dynamodb_url(), github: hub.url(), bot: &bot_url, ops: &ops_url };
    let mut screen = Screen::new(options.manner);
    announce(&mut screen, &options, &urls, first);
    let Connected { doors, leases, feed, .. } = connected;
    let records = Arc::clone(&doors.records);
    let mut collected = Collected::new(Arc::clone(&doors.journal));
    let daemon = Daemon {
        doors,
        leases,
        feed,
        policy,
        settings: Settings { resync: Duration::from_secs(3), collect: Duration::from_secs(3), ..Settings::default() },
        leadership: Leadership { name: "dev".into(), holder: "dev".into(), period: Duration::from_secs(15) },
        readiness,
        ear,
    };
    let daemon = tokio::spawn(daemon.run(stop.clone()));

    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let overheard = tell.clone();
    let listening =
        tokio::spawn(conversation::listen(hub.clone(), move |remark| overheard.send(News::Said(remark)).is_ok()));
    let browser = Browser::new(hub.url())?;
    let story = Story { cloud: Arc::clone(&cloud), hub: hub.clone(), browser, tell: tell.clone() };
    let story = (!options.empty).then(|| {
        tokio::spawn(async move {
            if let Err(error) = story.run(first).await {
                let _ = tell.send(News::Story(format!("the story broke off: {}", crate::exit::chain(&error))));
            }
        })
    });

    let mut frame = tokio::time::interval(FRAME);
    let end = async {
        match options.run_for {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    while !screen.is_closed() {
        tokio::select! {
            () = stop.cancelled() => break,
            () = &mut end => break,
            Some(news) = told.recv() => match news {
                News::Story(text) => screen.tell(Utc::now(), &text),
                News::Said(remark) => screen.say(Utc::now(), &remark),
            },
            _ = frame.tick() => {
                if let Ok(all) = records.all().await {
                    screen.show(Utc::now(), &all);
                }
                for line in collected.news().await {
                    screen.tell(Utc::now(), &line);
                }
            }
        }
    }
    stop.cancel();
    listening.abort();
    if let Some(story) = story {
        story.abort();
    }
    let _ = tokio::join!(daemon, bot, ops);
    hub.stop().await;
    Ok(())
}

/// A free port on loopback, and its address.
async fn listen() -> std::io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

/// What a real account and a real repository would have: cluster, network, registry, people.
fn furnish(cloud: &SimCloud, hub: &Hub) -> Result<(), HubError> {
    cloud.ecs().create_cluster(crate::compose::EMBEDDED_CLUSTER);
    cloud.ec2().create_subnet(crate::compose::EMBEDDED_SUBNET);
    cloud.logs().create_group(LOG_GROUP);
    cloud.logs().require_groups(true);
    cloud.ec2().create_security_group(crate::compose::EMBEDDED_SECURITY_GROUP);
    cloud.ecr().create_repository(ECR_REPOSITORY);
    hub.add_repository(REPOSITORY)?;
    people::settle(hub)
}

/// Where everything listens.
struct Urls<'a> {
    aws: String,
    dynamodb: String,
    github: &'a str,
    bot: &'a str,
    ops: &'a str,
}

/// Says where everything listens, first of all, and how to comment on the pull request that is there already.
fn announce(screen: &mut Screen, options: &DevOptions, urls: &Urls<'_>, pr: u64) {
    let Urls { aws, dynamodb, github, bot, ops } = urls;
    if options.manner == Manner::Json {
        let line = serde_json::json!({
            "event": "listening",
            "aws": aws,
            "github": github,
            "dynamodb": dynamodb,
            "bot": bot,
            "ops": ops,
            "people": [MAINTAINER.json(), OUTSIDER.json()],
            "curl": MAINTAINER.curl(github, pr, COMMENT, ""),
        });
        screen.line(line);
        return;
    }
    let curl = MAINTAINER.curl(github, pr, COMMENT, " \\\n   ");
    screen.line(format_args!(
        "Bivouac on an embedded cloud. Everything is on this machine and gone when it ends (Ctrl-C).

  ECS, EC2, ECR  {aws}
  DynamoDB       {dynamodb}   tables bivouac-environments, -events, -leases
  GitHub         {github}/{REPOSITORY}/pulls
  bot            {bot}/webhooks/github
  ops            {ops}/metrics

Comment on #{pr} yourself, as {maintainer}, who may write:

  {curl}

or write a record, as any client does. The embedded cloud accepts any keys:

  AWS_ACCESS_KEY_ID=dev AWS_SECRET_ACCESS_KEY=dev aws dynamodb put-item --region us-west-2 \\
    --endpoint-url {dynamodb} --table-name bivouac-environments \\
    --item '{{\"repo\":{{\"S\":\"{REPOSITORY}\"}},\"pr\":{{\"N\":\"{pr}\"}}}}'
",
        maintainer = MAINTAINER.login,
    ));
}
