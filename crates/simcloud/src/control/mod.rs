//! What a test can do to the cloud, and see of it, beside the wire.

mod ec2;
mod ecr;
mod ecs;
mod logs;

pub use ec2::Ec2Control;
pub use ecr::{EcrControl, PushedIndex};
pub use ecs::{EcsControl, ServiceView, TaskView};
pub use logs::LogsControl;
