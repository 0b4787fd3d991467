//! The SDK's configuration: its usual chain, with our limits on time and our counting of calls.

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use bivouac_ports::{Clock, Error, Meaning, Meter, Result, SystemClock};

use crate::calls::MeterCalls;
use crate::clock::AwsClock;
use crate::guard::GuardWrites;

/// How long a connection may take to stand. The SDK's own default (3.1 s), named here so that all three stand together.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// How long one attempt may take. The slowest answers we ask for, a thousand images or interfaces, come within two
/// seconds; the SDK itself would wait for ever.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call may take with its retries. Below the ten seconds in which the daemon must have ended after
/// SIGTERM, since it finishes the call under way.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// How often a call is tried. The SDK's standard mode: three, with a token bucket that ends the retries of all when
/// many fail. Longer waits are the work queue's.
const ATTEMPTS: u32 = 3;

/// The region of an embedded cloud that was not told one. Any would do.
const EMBEDDED_REGION: &str = "us-east-1";

/// Where AWS is, when it is not where the SDK's chain says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The URL of ECS, EC2, ECR, Service Quotas and CloudWatch Logs.
    pub aws: Option<String>,
    /// The URL of DynamoDB and its streams.
    pub dynamodb: Option<String>,
}

/// Credentials that are written down, for an embedded cloud or an emulator, which ask for some and check none.
#[derive(Clone)]
pub struct StaticCredentials {
    /// The access key's id. DynamoDB Local takes letters and digits only.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: String,
}

impl StaticCredentials {
    /// For whoever asks for credentials and looks at none.
    pub fn of_no_account() -> Self {
        Self { access_key_id: "embedded".into(), secret_access_key: "embedded".into() }
    }
}

impl std::fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaticCredentials(..)")
    }
}

/// What our configuration says of the SDK; the rest comes from the SDK's chain (`AWS_REGION`, `AWS_PROFILE`,
/// `AWS_ENDPOINT_URL_ECS`, container and instance roles, …).
#[derive(Clone, Debug, Default)]
pub struct SdkSettings {
    /// `aws.region`; comes before the chain's.
    pub region: Option<String>,
    /// Come before the chain's.
    pub endpoints: Endpoints,
    /// Come before the chain's, which then is not asked at all.
    pub credentials: Option<StaticCredentials>,
}

/// The loaded configuration, from which the clients are made. Cheap to clone.
#[derive(Clone)]
pub struct Sdk {
    shared: SdkConfig,
    endpoints: Endpoints,
    region: String,
    meter: Arc<dyn Meter>,
    clock: AwsClock,
}

impl Sdk {
    /// Loads the configuration. Credentials are looked for when the first call is made. With a region and credentials
    /// in the settings neither files nor the instance's metadata service are waited for.
    ///
    /// # Errors
    /// `Invalid` when no region is named anywhere.
    pub async fn load(settings: &SdkSettings, meter: Arc<dyn Meter>) -> Result<Self> {
        let embedded = settings.endpoints.aws.is_some() || settings.endpoints.dynamodb.is_some();
        let region = settings.region.clone().or_else(|| embedded.then(|| EMBEDDED_REGION.to_owned()));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        if let Some(StaticCredentials { access_key_id, secret_access_key }) = &settings.credentials {
            loader = loader.credentials_provider(Credentials::new(
                access_key_id,
                secret_access_key,
                None,
                None,
                "bivouac configuration",
            ));
        }
        let shared = loader.load().await;
        let region = shared.region().map(ToString::to_string).ok_or_else(|| {
            Error::new(Meaning::Invalid, "AWS configuration", "no region is named: set aws.region or AWS_REGION")
        })?;
        let clock = AwsClock::new(Arc::new(SystemClock));
        Ok(Self { shared, endpoints: settings.endpoints.clone(), region, meter, clock })
    }

    /// With another clock of the machine than the real one, for tests. To be called before a client is made.
    #[must_use]
    pub fn on_machine_clock(self, machine: Arc<dyn Clock>) -> Self {
        Self { clock: AwsClock::new(machine), ..self }
    }

    /// The time of day, corrected by the answers to every call that is made with this configuration.
    pub fn clock(&self) -> AwsClock {
        self.clock.clone()
    }

    /// The region in use.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// A client of ECS.
    pub(crate) fn ecs(&self) -> aws_sdk_ecs::Client {
        let mut config =
            aws_sdk_ecs::config::Builder::from(&self.shared).interceptor(self.meter()).interceptor(GuardWrites);
        if let Some(url) = &self.endpoints.aws {
            config = config.endpoint_url(url);
        }
        aws_sdk_ecs::Client::from_conf(config.build())
    }

    /// A client of EC2.
    pub(crate) fn ec2(&self) -> aws_sdk_ec2::Client {
        let mut config =
            aws_sdk_ec2::config::Builder::from(&self.shared).interceptor(self.meter()).interceptor(GuardWrites);
        if let Some(url) = &self.endpoints.aws {
            config = config.endpoint_url(url);
        }
        aws_sdk_ec2::Client::from_conf(config.build())
    }

    /// A client of ECR.
    pub(crate) fn ecr(&self) -> aws_sdk_ecr::Client {
        let mut config =
            aws_sdk_ecr::config::Builder::from(&self.shared).interceptor(self.meter()).interceptor(GuardWrites);
        if let Some(url) = &self.endpoints.aws {
            config = config.endpoint_url(url);
        }
        aws_sdk_ecr::Client::from_conf(config.build())
    }

    /// A client of Service Quotas.
    pub(crate) fn service_quotas(&self) -> aws_sdk_servicequotas::Client {
        let mut config = aws_sdk_servicequotas::config::Builder::from(&self.shared)
            .interceptor(self.meter())
            .interceptor(GuardWrites);
        if let Some(url) = &self.endpoints.aws {
            config = config.endpoint_url(url);
        }
        aws_sdk_servicequotas::Client::from_conf(config.build())
    }

    /// A client of CloudWatch Logs.
    pub(crate) fn cloudwatch_logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        let mut config = aws_sdk_cloudwatchlogs::config::Builder::from(&self.shared)
            .interceptor(self.meter())
            .interceptor(GuardWrites);
        if let Some(url) = &self.endpoints.aws {
            config = config.endpoint_url(url);
        }
        aws_sdk_cloudwatchlogs::Client::from_conf(config.build())
    }

    /// A client of DynamoDB.
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config =
            aws_sdk_dynamodb::config::Builder::from(&self.shared).interceptor(self.meter()).interceptor(GuardWrites);
        if let Some(url) = &self.endpoints.dynamodb {
            config = config.endpoint_url(url);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of DynamoDB's streams.
    pub(crate) fn dynamodb_streams(&self) -> aws_sdk_dynamodbstreams::Client {
        let mut config = aws_sdk_dynamodbstreams::config::Builder::from(&self.shared)
            .interceptor(self.meter())
            .interceptor(GuardWrites);
        if let Some(url) = &self.endpoints.dynamodb {
            config = config.endpoint_url(url);
        }
        aws_sdk_dynamodbstreams::Client::from_conf(config.build())
    }

    fn meter(&self) -> MeterCalls {
        MeterCalls::new(Arc::clone(&self.meter), self.clock.clone())
    }
}

impl std::fmt::Debug for Sdk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sdk").field("region", &self.region).field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
