//! An embedded cloud: ECS, EC2, ECR, Service Quotas, CloudWatch Logs, DynamoDB and GitHub on their own wire protocols.
//!
//! [`SimCloud::start`] opens two loopback ports: one for ECS, ECR, EC2 and Service Quotas, one for DynamoDB
//! and its streams. Behind the first is one deterministic model with a clock that a test can
//! move and faults drawn from a seed; behind the second the embedded `dynoxide` engine. It
//! knows only what AWS and GitHub publish and nothing of the controller it is tested with, so
//! that it cannot share its mistakes.
//!
//! ```no_run
//! # async fn example() -> Result<(), bivouac_simcloud::Error> {
//! use bivouac_simcloud::{Options, SimCloud};
//!
//! let cloud = SimCloud::start(Options::default()).await?;
//! cloud.ecs().create_cluster("previews");
//! cloud.ec2().create_subnet("subnet-1");
//! cloud.ecr().push_image("app", "pr-1-ci");
//! println!("AWS_ENDPOINT_URL_ECS={}", cloud.aws_url());
//! cloud.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! What goes wrong is chosen by a test and by nothing else: [`Faults`] on the wire,
//! [`Fate`]s and capacity through [`EcsControl`].

mod calls;
mod clock;
mod cloud;
mod control;
mod error;
mod faults;
pub mod github;
mod model;
mod options;
mod quotas;
mod serve;
mod shared;
mod wire;

pub use calls::{Call, Calls, Service, is_reading};
pub use clock::Clock;
pub use cloud::SimCloud;
pub use control::{Ec2Control, EcrControl, EcsControl, LogsControl, PushedIndex, ServiceView, TaskView};
pub use error::Error;
pub use faults::{Fault, Faults, Rule, When};
pub use model::ecs::fate::Fate;
pub use options::{Latency, Options, Quotas, Timings};
pub use wire::Recorder;
