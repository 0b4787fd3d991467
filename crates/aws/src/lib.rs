//! The doors on AWS: the cluster on ECS and EC2, the site of both, the registry on ECR, the quotas on Service Quotas, the
//! logs on CloudWatch Logs, the record store, its feed, the leases, the journal and the inbox on DynamoDB. The only crate that sees an SDK type; what comes out is of `bivouac-model`, and
//! what fails is a [`bivouac_ports::Error`] by meaning.
//!
//! [`Sdk`] is loaded once and makes the clients; [`Quotas`] is shared by all callers of one account and region.

mod caller;
mod calls;
mod clock;
mod dynamodb;
mod ec2;
mod ecr;
mod ecs;
mod error;
mod guard;
mod logs;
mod quota;
mod sdk;
mod service_quotas;
mod site;
mod time;

pub use clock::AwsClock;
pub use dynamodb::{DynamoFeed, DynamoHeads, DynamoInbox, DynamoJournal, DynamoLeases, DynamoRecords, DynamoSpending};
pub use ecr::Ecr;
pub use ecs::{Ecs, EcsSettings};
pub use logs::CloudWatchLogs;
pub use quota::Quotas;
pub use sdk::{Endpoints, Sdk, SdkSettings, StaticCredentials};
pub use service_quotas::ServiceQuotas;
pub use site::AwsSite;
