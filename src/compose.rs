//! The wiring: from a configuration to the doors behind it. The one place that knows every adapter.

use std::sync::Arc;
use std::time::Duration;

use bivouac_aws::{
    AwsClock, AwsSite, CloudWatchLogs, DynamoFeed, DynamoHeads, DynamoInbox, DynamoJournal, DynamoLeases,
    DynamoRecords, DynamoSpending, Ecr, Ecs, EcsSettings, Endpoints, Quotas, Sdk, SdkSettings, ServiceQuotas,
    StaticCredentials,
};
use bivouac_controller::Doors;
use bivouac_github::GitHub;
use bivouac_model::Capacity;
use bivouac_planner::CapacityPolicy;
use bivouac_ports::{
    Clock, Cluster, Conversation, Inbox, Journal, Leases, LogStore, Meter, NoMeter, RecordStore, Registry, SeenHeads,
    Site, SpendingStore, SystemClock,
};

use crate::config::{Config, Credentials, SecretError};
use crate::daemon::{Ear, FeedMaker};
use crate::probe::HttpProbe;

/// The cluster of the embedded cloud.
pub const EMBEDDED_CLUSTER: &str = "previews";
/// Its subnet.
pub const EMBEDDED_SUBNET: &str = "subnet-1";
/// Its security group.
pub const EMBEDDED_SECURITY_GROUP: &str = "sg-1";

/// Where the world is: what the adapters need of a configuration.
#[derive(Clone, Debug)]
pub struct Place {
    /// What the SDK is told beside its usual chain.
    pub sdk: SdkSettings,
    /// What comes before the names of the tables.
    pub prefix: String,
    /// Where services are made.
    pub ecs: EcsSettings,
    /// The forge.
    pub github: bivouac_github::Settings,
    /// Whether AWS's quotas are kept on our side.
    pub quotas: bool,
}

/// Everything that a daemon reaches the world through.
pub struct Connected {
    /// The doors of the controller.
    pub doors: Doors,
    /// The leases.
    pub leases: Arc<dyn Leases>,
    /// The people on the forge.
    pub conversation: Arc<dyn Conversation>,
    /// What arrived for the bot and is not handled yet.
    pub inbox: Arc<dyn Inbox>,
    /// Which commits were seen as heads of pull requests, and which were named by commands.
    pub heads: Arc<dyn SeenHeads>,
    /// News of the table.
    pub feed: FeedMaker,
}

/// What a client reaches: the tables, and what runs.
pub struct Tables {
    /// The table of environments.
    pub records: Arc<dyn RecordStore>,
    /// The table of events.
    pub journal: Arc<dyn Journal>,
    /// The ledger of spending.
    pub spending: Arc<dyn SpendingStore>,
    /// The services and tasks.
    pub cluster: Arc<dyn Cluster>,
    /// Their logs.
    pub logs: Arc<dyn LogStore>,
    /// The region in use.
    pub region: String,
}

/// What `bivouac doctor` looks at in AWS.
pub struct Ground {
    /// The table of environments.
    pub records: Arc<dyn RecordStore>,
    /// The images.
    pub registry: Arc<dyn Registry>,
    /// What the account may use of Fargate.
    pub quotas: Arc<dyn bivouac_ports::Quotas>,
    /// The logs of containers.
    pub logs: Arc<dyn LogStore>,
    /// Cluster, network, permissions.
    pub site: Arc<dyn Site>,
    /// The time, as AWS tells it in its answers.
    pub clock: AwsClock,
    /// The region in use.
    pub region: String,
}

/// Why the adapters could not be made. Nothing was called yet.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Nobody to be on the forge.
    #[error(
        "the configuration names no GitHub credentials: set `github.token_file`, or `github.app_id` with `github.private_key_file`"
    )]
    NoCredentials,
    /// A secret is missing.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The SDK's configuration.
    #[error(transparent)]
    Aws(#[from] bivouac_ports::Error),
    /// The forge's client.
    #[error(transparent)]
    GitHub(#[from] bivouac_github::SetupError),
    /// The probe's HTTP client.
    #[error("the health probe could not be made")]
    Probe(#[from] reqwest::Error),
}

impl Connected {
    /// The doors of the bot, whose hints are heard by `ear`.
    pub fn bot(&self, ear: &Ear) -> bivouac_bot::Doors {
        let ear = ear.clone();
        bivouac_bot::Doors {
            records: Arc::clone(&self.doors.records),
            forge: Arc::clone(&self.doors.forge),
            conversation: Arc::clone(&self.conversation),
            journal: Arc::clone(&self.doors.journal),
            heads: Arc::clone(&self.heads),
            inbox: Arc::clone(&self.inbox),
            logs: Arc::clone(&self.doors.logs),
            clock: Arc::clone(&self.doors.clock),
            meter: Arc::clone(&self.doors.meter),
            nudge: Arc::new(move |key| ear.hint(key)),
        }
    }
}

impl Place {
    /// Where a configuration says. Secrets are read here, so that a missing one is told before anything starts, and follow
    /// their files from then on.
    ///
    /// # Errors
    /// When a secret cannot be read or none is configured.
    pub fn of(config: &Config) -> Result<Self, ComposeError> {
        Ok(Self {
            sdk: sdk_settings(config),
            prefix: config.aws.table_prefix.clone(),
            ecs: ecs_settings(config),
            github: github_settings(config)?,
            quotas: true,
        })
    }

    /// The embedded cloud.
    pub fn embedded(aws: &str, dynamodb: &str, github: &str, token: &str) -> Self {
        let credentials = bivouac_github::Credentials::Token(token.into());
        Self {
            sdk: SdkSettings {
                endpoints: Endpoints { aws: Some(aws.to_owned()), dynamodb: Some(dynamodb.to_owned()) },
                credentials: Some(StaticCredentials::of_no_account()),
                ..SdkSettings::default()
            },
            prefix: "bivouac".to_owned(),
            ecs: EcsSettings {
                cluster: EMBEDDED_CLUSTER.to_owned(),
                subnets: vec![EMBEDDED_SUBNET.to_owned()],
                security_groups: vec![EMBEDDED_SECURITY_GROUP.to_owned()],
            },
            github: bivouac_github::Settings::new(github, credentials, "dev"),
            quotas: true,
        }
    }
}

fn sdk_settings(config: &Config) -> SdkSettings {
    SdkSettings { region: config.aws.region.clone(), ..SdkSettings::default() }
}

fn ecs_settings(config: &Config) -> EcsSettings {
    EcsSettings {
        cluster: config.aws.cluster.clone(),
        subnets: config.aws.subnets.clone(),
        security_groups: config.aws.security_groups.clone(),
    }
}

fn github_settings(config: &Config) -> Result<bivouac_github::Settings, ComposeError> {
    let credentials = match &config.github.credentials {
        None => return Err(ComposeError::NoCredentials),
        Some(Credentials::Token(token)) => bivouac_github::Credentials::Token(token.follow()?),
        Some(Credentials::App { id, private_key }) => {
            bivouac_github::Credentials::App { id: *id, private_key: private_key.follow()? }
        }
    };
    Ok(bivouac_github::Settings {
        deployments: config.github.deployments,
        check_run: config.github.check_run,
        environment: config.github.environment.clone(),
        ..bivouac_github::Settings::new(&config.github.api_url, credentials, &config.controller.instance)
    })
}

/// The capacity that a policy may ask of a cluster, and what AWS calls it.
pub fn capacities(policy: CapacityPolicy) -> Vec<(Capacity, &'static str)> {
    let (fargate, spot) = ((Capacity::OnDemand, "FARGATE"), (Capacity::Spot, "FARGATE_SPOT"));
    match policy {
        CapacityPolicy::OnDemand => vec![fargate],
        CapacityPolicy::Spot => vec![spot],
        CapacityPolicy::SpotWithFallback => vec![fargate, spot],
    }
}

/// Makes every adapter. No call is made yet, so nothing is known to be there.
///
/// # Errors
/// When the SDK finds no region, or a client cannot be made.
pub async fn connect(place: &Place, meter: Arc<dyn Meter>) -> Result<Connected, ComposeError> {
    connect_on(place, meter, Arc::new(SystemClock)).await
}

/// The same on a machine whose clock is this one, which AWS's answers correct.
///
/// # Errors
/// As [`connect`].
pub async fn connect_on(
    place: &Place,
    meter: Arc<dyn Meter>,
    machine: Arc<dyn Clock>,
) -> Result<Connected, ComposeError> {
    let sdk = Sdk::load(&place.sdk, Arc::clone(&meter)).await?.on_machine_clock(machine);
    let quotas = Arc::new(if place.quotas { Quotas::aws() } else { Quotas::unlimited() });
    let github = Arc::new(GitHub::new(place.github.clone(), Arc::clone(&meter))?);
    let conversation: Arc<dyn Conversation> = Arc::clone(&github) as _;
    let doors = Doors {
        records: Arc::new(DynamoRecords::new(&sdk, &place.prefix)),
        journal: Arc::new(journal(&sdk, &place.prefix)),
        spending: Arc::new(DynamoSpending::new(&sdk, &place.prefix)),
        cluster: Arc::new(Ecs::new(&sdk, quotas, place.ecs.clone())),
        registry: Arc::new(Ecr::new(&sdk)),
        quotas: Arc::new(ServiceQuotas::new(&sdk)),
        conversation: Some(Arc::clone(&conversation)),
        forge: github,
        probe: Arc::new(HttpProbe::new()?),
        logs: Arc::new(CloudWatchLogs::new(&sdk)),
        clock: Arc::new(sdk.clock()),
        meter,
    };
    let leases = Arc::new(DynamoLeases::new(&sdk, &place.prefix));
    let inbox = Arc::new(DynamoInbox::new(&sdk, &place.prefix));
    let heads = Arc::new(DynamoHeads::new(&sdk, &place.prefix));
    let prefix = place.prefix.clone();
    let feed: FeedMaker = Box::new(move || Box::new(DynamoFeed::new(&sdk, &prefix)));
    Ok(Connected { doors, leases, conversation, inbox, heads, feed })
}

/// What a client needs: no secret is read, and no call is made yet.
///
/// # Errors
/// When the SDK finds no region.
pub async fn tables(config: &Config) -> Result<Tables, ComposeError> {
    let sdk = Sdk::load(&sdk_settings(config), Arc::new(NoMeter)).await?;
    let prefix = &config.aws.table_prefix;
    Ok(Tables {
        records: Arc::new(DynamoRecords::new(&sdk, prefix)),
        journal: Arc::new(journal(&sdk, prefix)),
        spending: Arc::new(DynamoSpending::new(&sdk, prefix)),
        cluster: Arc::new(Ecs::new(&sdk, Arc::new(Quotas::aws()), ecs_settings(config))),
        logs: Arc::new(CloudWatchLogs::new(&sdk)),
        region: sdk.region().to_owned(),
    })
}

/// What the doctor looks at in AWS. No call is made yet, and no secret is read.
///
/// # Errors
/// When the SDK finds no region.
pub async fn ground(config: &Config) -> Result<Ground, ComposeError> {
    let sdk = Sdk::load(&sdk_settings(config), Arc::new(NoMeter)).await?;
    let prefix = &config.aws.table_prefix;
    Ok(Ground {
        records: Arc::new(DynamoRecords::new(&sdk, prefix)),
        registry: Arc::new(Ecr::new(&sdk)),
        quotas: Arc::new(ServiceQuotas::new(&sdk)),
        logs: Arc::new(CloudWatchLogs::new(&sdk)),
        site: Arc::new(AwsSite::new(&sdk, Arc::new(Quotas::aws()), ecs_settings(config), prefix)),
        clock: sdk.clock(),
        region: sdk.region().to_owned(),
    })
}

/// The forge alone, each of whose answers is waited for as long as `patience`. No call is made yet.
///
/// # Errors
/// When nobody is configured to be on the forge, or a secret cannot be read or cannot be one.
pub fn github(config: &Config, patience: Duration) -> Result<GitHub, ComposeError> {
    let settings = bivouac_github::Settings { timeout: patience, ..github_settings(config)? };
    Ok(GitHub::new(settings, Arc::new(NoMeter))?)
}

fn journal(sdk: &Sdk, prefix: &str) -> DynamoJournal {
    DynamoJournal::new(sdk, prefix, DynamoJournal::KEEP)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_the_configuration_says_of_github_reaches_the_forge() {
        let text = include_str!("../deploy/examples/bivouac.reference.toml");
        let text = text.replace("token_file =", "# token_file =").replace("deployments = false", "deployments = true");
        let variables = [("BIVOUAC__GITHUB__TOKEN", "t"), ("BIVOUAC__GITHUB__ENVIRONMENT", "previews")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let config = Config::parse(Path::new("bivouac.toml"), &text, &variables).expect("the reference is sound");
        let github = Place::of(&config).expect("no file is read").github;
        assert_eq!((github.environment.as_str(), github.deployments, github.check_run), ("previews", true, false));
    }
}
