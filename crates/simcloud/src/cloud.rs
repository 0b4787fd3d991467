//! Starting and stopping the whole cloud.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::control::{Ec2Control, EcrControl, EcsControl, LogsControl};
use crate::model::{Scope, World};
use crate::quotas::Buckets;
use crate::serve::{Block, Servers};
use crate::shared::Shared;
use crate::wire::{self, Families, Gate};
use crate::{Calls, Clock, Error, Faults, Options, Recorder};

/// A running cloud. Dropping it ends it in the background; [`SimCloud::shutdown`] waits until
/// every listener is closed.
#[derive(Debug)]
pub struct SimCloud {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    aws: SocketAddr,
    dynamodb: SocketAddr,
    registry: String,
    tracker: TaskTracker,
    cancelled: CancellationToken,
    recorder: Option<Arc<dyn Recorder>>,
    _block: Option<Block>,
}

impl SimCloud {
    /// Starts a cloud that holds nothing yet. It must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If a listener cannot be opened or the DynamoDB engine does not start. What had been
    /// started by then is stopped.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let block = options.serve_tasks.then(|| Block::claim(options.seed)).transpose()?;
        let scope = Scope { region: options.region, account: options.account };
        let registry = scope.registry();
        let world = World::new(
            options.clock.now(),
            options.seed,
            scope,
            options.timings,
            options.quotas,
            block.as_ref().map_or(DEFAULT_BLOCK, |block| block.number),
        );
        let shared = Arc::new(Shared::new(world, options.clock, options.seed));
        let gate = Arc::new(Gate {
            shared: Arc::clone(&shared),
            calls: Calls::default(),
            faults: Faults::new(options.seed),
            latency: options.latency,
            buckets: Buckets::new(options.quotas.request_rates),
            families: Families::default(),
        });
        let (aws_listener, aws) = listen(options.aws_port, "ECS, ECR and EC2").await?;
        let (front, dynamodb) = listen(options.dynamodb_port, "DynamoDB").await?;
        let (inner, engine) = listen(0, "the DynamoDB engine").await?;
        let database = dynoxide::Database::memory().map_err(|error| Error::Database { message: error.to_string() })?;
        // The engine is next door: a proxy of the environment must not come between.
        let client = reqwest::Client::builder().no_proxy().build().map_err(Error::Client)?;
        shared.with(|world| world.ecr.blob_url = format!("http://{aws}{}", wire::ecr::BLOBS));
        let cloud = Self {
            shared,
            gate,
            aws,
            dynamodb,
            registry,
            tracker: TaskTracker::new(),
            cancelled: CancellationToken::new(),
            recorder: options.recorder,
            _block: block,
        };
        cloud.spawn_server(aws_listener, wire::router(Arc::clone(&cloud.gate)));
        let engine = wire::dynamodb::Engine { gate: Arc::clone(&cloud.gate), client, url: format!("http://{engine}") };
        cloud.spawn_server(front, wire::dynamodb::router(Arc::new(engine)));
        cloud.spawn_engine(inner, database);
        cloud.spawn_driver(options.serve_tasks);
        Ok(cloud)
    }

    /// Where ECS, ECR, EC2, Service Quotas and CloudWatch Logs answer, for `AWS_ENDPOINT_URL_ECS`, `_ECR`, `_EC2`,
    /// `_SERVICE_QUOTAS` and `_CLOUDWATCH_LOGS`.
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.aws)
    }

    /// Where DynamoDB and its streams answer, for `AWS_ENDPOINT_URL_DYNAMODB` and
    /// `AWS_ENDPOINT_URL_DYNAMODB_STREAMS`.
    pub fn dynamodb_url(&self) -> String {
        format!("http://{}", self.dynamodb)
    }

    /// The host of the account's private registry, as image references begin with it.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The clock the cloud runs on.
    pub fn clock(&self) -> &Clock {
        self.shared.clock()
    }

    /// Throttles from now on as AWS's request rates do, or no longer. The buckets are full then.
    pub fn limit_request_rates(&self, limited: bool) {
        self.gate.buckets.enforce(limited);
    }

    /// Counts of all calls.
    pub fn calls(&self) -> &Calls {
        &self.gate.calls
    }

    /// The faults in force.
    pub fn faults(&self) -> &Faults {
        &self.gate.faults
    }

    /// What a test can do to ECS that no caller can.
    pub fn ecs(&self) -> EcsControl {
        EcsControl::new(Arc::clone(&self.shared))
    }

    /// What a test can do to ECR.
    pub fn ecr(&self) -> EcrControl {
        EcrControl::new(Arc::clone(&self.shared))
    }

    /// What a test can do to CloudWatch Logs.
    pub fn logs(&self) -> LogsControl {
        LogsControl::new(Arc::clone(&self.shared))
    }

    /// What a test can do to networks.
    pub fn ec2(&self) -> Ec2Control {
        Ec2Control::new(Arc::clone(&self.shared))
    }

    /// Stops: takes no more connections, lets running calls finish, ends every task's web
    /// server. Dropped half-way it stops at once.
    pub async fn shutdown(self) {
        self.cancelled.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    fn spawn_server(&self, listener: TcpListener, router: Router) {
        let router = match &self.recorder {
            Some(recorder) => router.layer(axum::middleware::from_fn_with_state(Arc::clone(recorder), wire::record)),
            None => router,
        };
        let cancelled = self.cancelled.clone();
        self.tracker.spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(cancelled.cancelled_owned());
            if let Err(error) = served.await {
                tracing::error!(%error, "a listener of the cloud ended");
            }
        });
    }

    fn spawn_engine(&self, listener: TcpListener, database: dynoxide::Database) {
        let cancelled = self.cancelled.clone();
        self.tracker.spawn(async move {
            // Not the engine's own graceful stop: it would wait for the front's idle connections.
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = dynoxide::server::serve_on(listener, database) => {}
            }
        });
    }

    /// Lets time pass in the model and does outside what it asks for.
    fn spawn_driver(&self, serve_tasks: bool) {
        let shared = Arc::clone(&self.shared);
        let cancelled = self.cancelled.clone();
        let mut servers = Servers::new(Arc::clone(&shared), self.tracker.clone(), self.cancelled.clone());
        self.tracker.spawn(async move {
            loop {
                let (effects, next) = shared.turn();
                if serve_tasks {
                    for effect in effects {
                        servers.apply(effect).await;
                    }
                }
                tokio::select! {
                    () = cancelled.cancelled() => return,
                    () = shared.changed() => {}
                    () = shared.clock().reached(next) => {}
                }
            }
        });
    }
}

impl Drop for SimCloud {
    fn drop(&mut self) {
        self.cancelled.cancel();
        if let Some(recorder) = &self.recorder {
            recorder.finish();
        }
    }
}

/// The block of addresses in a cloud whose tasks do not answer.
const DEFAULT_BLOCK: u8 = 100;

async fn listen(port: u16, purpose: &'static str) -> Result<(TcpListener, SocketAddr), Error> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let failed = |source| Error::Listen { address, purpose, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}
