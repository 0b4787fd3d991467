//! How a cloud is set up before it starts.

use std::sync::Arc;
use std::time::Duration;

use crate::{Clock, Recorder};

/// How to start an embedded cloud. The default is a quick one for people: real time,
/// short delays, tasks that answer HTTP, no faults and no quotas.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of every random choice: identifiers, faults, jitter.
    pub seed: u64,
    /// The clock of the cloud.
    pub clock: Clock,
    /// How long each step of a task and of a service takes.
    pub timings: Timings,
    /// Time added to every call before it is answered.
    pub latency: Latency,
    /// Which of AWS's quotas are enforced.
    pub quotas: Quotas,
    /// Whether each RUNNING task with a public address is a web server there.
    /// Benchmarks with thousands of tasks switch it off.
    pub serve_tasks: bool,
    /// Region in ARNs and image addresses.
    pub region: String,
    /// Account number in ARNs and image addresses, twelve digits.
    pub account: String,
    /// Loopback port of ECS, ECR, EC2 and Service Quotas; 0 takes a free one.
    pub aws_port: u16,
    /// Loopback port of DynamoDB and its streams; 0 takes a free one.
    pub dynamodb_port: u16,
    /// Sees every call and answer of the ports of AWS and of DynamoDB.
    pub recorder: Option<Arc<dyn Recorder>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            clock: Clock::real(),
            timings: Timings::quick(),
            latency: Latency::default(),
            quotas: Quotas::default(),
            serve_tasks: true,
            region: "us-west-2".to_owned(),
            account: "123456789012".to_owned(),
            aws_port: 0,
            dynamodb_port: 0,
            recorder: None,
        }
    }
}

/// Delays of the life of tasks, deployments and services, in time of the [`Clock`].
///
/// The default is what AWS documents or, where it documents nothing, what people see on Fargate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timings {
    /// PROVISIONING: the network interface is made.
    pub provisioning: Duration,
    /// PENDING: images are pulled and containers started.
    pub pending: Duration,
    /// DEACTIVATING: the task leaves load balancers and service discovery.
    pub deactivating: Duration,
    /// STOPPING: SIGTERM was sent; the container agent waits 30 s before SIGKILL.
    pub stopping: Duration,
    /// DEPROVISIONING: the network interface is removed.
    pub deprovisioning: Duration,
    /// How long a STOPPED task can be described. AWS: "at least one hour".
    pub stopped_visible: Duration,
    /// RUNNING for this long, a task without a health check counts as healthy. AWS: 40 s.
    pub healthy_after: Duration,
    /// Time from RUNNING to the first verdict of a container's health check.
    /// AWS: one `interval`, 30 s by default.
    pub health_check: Duration,
    /// The scheduler's pause before it replaces a stopped task.
    pub restart: Duration,
    /// The longest pause of the scheduler between tasks that fail to start. AWS: 27 minutes.
    pub restart_ceiling: Duration,
    /// The scheduler's pause after it found no capacity.
    pub placement_retry: Duration,
    /// A deleted service stays DRAINING for at least this long.
    pub draining: Duration,
    /// How long an INACTIVE service and a deleted task definition can still be described.
    /// AWS promises nothing for services; an hour is what people see.
    pub inactive_visible: Duration,
    /// From the notice of an interruption on Fargate Spot to the end of the task. AWS: two minutes.
    pub spot_warning: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            provisioning: s(10),
            pending: s(20),
            deactivating: s(5),
            stopping: s(10),
            deprovisioning: s(5),
            stopped_visible: s(3600),
            healthy_after: s(40),
            health_check: s(30),
            restart: s(5),
            restart_ceiling: s(27 * 60),
            placement_retry: s(15),
            draining: s(5),
            inactive_visible: s(3600),
            spot_warning: s(120),
        }
    }
}

impl Timings {
    /// The same life at a pace for people and for tests in real time: a task runs within a second.
    pub fn quick() -> Self {
        let ms = Duration::from_millis;
        Self {
            provisioning: ms(200),
            pending: ms(400),
            deactivating: ms(50),
            stopping: ms(150),
            deprovisioning: ms(100),
            stopped_visible: Duration::from_secs(3600),
            healthy_after: ms(500),
            health_check: ms(300),
            restart: ms(250),
            restart_ceiling: Duration::from_secs(30),
            placement_retry: ms(500),
            draining: ms(200),
            inactive_visible: Duration::from_secs(3600),
            spot_warning: ms(500),
        }
    }
}

/// Real time added to each call, independent of the cloud's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Added to every call.
    pub base: Duration,
    /// Up to this much more, evenly spread, from the seed.
    pub jitter: Duration,
}

impl Latency {
    /// The same time for every call.
    pub fn fixed(base: Duration) -> Self {
        Self { base, jitter: Duration::ZERO }
    }
}

/// AWS's quotas, all off by default. Concurrent vCPU can also be changed while the cloud runs,
/// with [`EcsControl::set_vcpu_quota`](crate::EcsControl::set_vcpu_quota).
///
/// Service Quotas tells what holds, and where nothing does, [`Quotas::DEFAULT_VCPUS`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quotas {
    /// Whether the request rate of each group of operations is limited as AWS limits it.
    pub request_rates: bool,
    /// Concurrent Fargate vCPU on demand; a new account has 6.
    pub on_demand_vcpus: Option<f64>,
    /// Concurrent Fargate Spot vCPU; a new account has 6.
    pub spot_vcpus: Option<f64>,
}

impl Quotas {
    /// Concurrent Fargate vCPU, on demand and on Spot each, of an account that asked for no more ("AWS Fargate service
    /// quotas", AWS General Reference).
    pub const DEFAULT_VCPUS: f64 = 6.0;

    /// What a new AWS account has (Service Quotas: Fargate On-Demand and Spot vCPU, 6 each).
    pub fn new_account() -> Self {
        let vcpus = Some(Self::DEFAULT_VCPUS);
        Self { request_rates: true, on_demand_vcpus: vcpus, spot_vcpus: vcpus }
    }
}
