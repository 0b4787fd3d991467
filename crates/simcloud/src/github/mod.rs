//! The embedded GitHub: its REST interface over HTTP on loopback, on one deterministic model.
//!
//! A client talks to it as to `api.github.com`: the same routes, shapes, status codes, messages, headers and limits, as
//! GitHub's OpenAPI description and manual have them. A test talks to [`Hub`] itself, to prepare, to break, and to look.
//!
//! Guarantees:
//! - One request is one step. The answer is computed under a lock without waiting for anything, so a client that hangs up
//!   leaves nothing half done, and the same requests in the same order give the same ids and answers.
//! - Time is what [`HubOptions::clock`] says: comments, quotas, token expiry and the `date` header follow it.
//!   Only an injected latency, and the ten seconds a webhook's receiver has, pass in real (tokio) time.
//! - Webhooks are mailed in the step that made the event, and carried afterwards: no request waits for a receiver.
//!
//! Left out, and answered as GitHub answers what it does not know (404): every route that is not in [`routes`].
//! Media types that ask for rendered bodies (`application/vnd.github.html+json`) are accepted and get the plain form.
//! The interface and the pages for people share one address here, as they do not on github.com.

mod access;
mod acts;
mod answer;
mod app;
mod ask;
mod calls;
mod control;
mod error;
mod fault;
mod gate;
mod grants;
mod markdown;
mod model;
mod page;
mod paging;
mod people;
mod probe;
mod quota;
mod rename;
mod reviewing;
mod routes;
mod server;
mod shape;
#[cfg(test)]
mod tests;
mod views;
mod webhook;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use access::Rights;
pub use app::AppOptions;
pub use calls::{Calls, RequestRecord};
pub use error::HubError;
pub use fault::{Fault, FaultRule};
pub use grants::{Grants, Level, Resource};
pub use model::{Membership, Permission};
pub use people::Person;
pub use quota::{Limits, Quota};
pub use routes::routes;
pub use views::{CheckRunView, CommentView, DeploymentView, EventView, PullState, PullView};
pub use webhook::{Delivery, HookTarget, Outcome, Package, WorkflowRun};

use access::Tokens;
use app::Apps;
use calls::Journal;
use fault::Faults;
use model::Model;
use quota::Quotas;
use shape::Links;
use webhook::Post;

/// Tells the time. Called under the hub's lock, so it must not call the hub.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How to start a [`Hub`].
#[derive(Clone)]
pub struct HubOptions {
    /// Where to listen. Port 0, the default, takes a free one on 127.0.0.1.
    pub listen: SocketAddr,
    /// The root of all addresses in answers, without a slash at the end. Default: where it listens.
    /// Set it when a proxy stands in front, so that `Link` headers lead through the proxy too.
    pub public_url: Option<String>,
    /// The clock. Default: the system's.
    pub clock: Clock,
    /// The rate limits. Default: GitHub's.
    pub limits: Limits,
    /// How long the receiver of a webhook may take. Default: GitHub's ten seconds.
    pub patience: Duration,
    /// Seeds the faults that strike by chance.
    pub seed: u64,
}

impl Default for HubOptions {
    fn default() -> Self {
        HubOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            clock: Arc::new(Utc::now),
            limits: Limits::default(),
            patience: webhook::PATIENCE,
            seed: 0,
        }
    }
}

impl std::fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubOptions")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url)
            .field("limits", &self.limits)
            .field("patience", &self.patience)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// Everything that changes, behind one lock.
struct State {
    model: Model,
    tokens: Tokens,
    apps: Apps,
    quotas: Quotas,
    faults: Faults,
    journal: Journal,
    post: Post,
    requests: u64,
}

/// What the server and the control side have in common.
struct Shared {
    state: Mutex<State>,
    links: Links,
    clock: Clock,
    limits: Limits,
    changes: watch::Sender<u64>,
}

impl Shared {
    /// A panic in between would be a bug of ours; the state is still whole, since every step writes at its end.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }
}

/// A running embedded GitHub. Clones are handles to the same one; it stops when the last is dropped.
#[derive(Clone)]
pub struct Hub(Arc<Running>);

struct Running {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: CancellationToken,
    work: Mutex<Option<[JoinHandle<()>; 2]>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Hub {
    /// Starts an empty GitHub. It answers from the moment this returns.
    ///
    /// # Errors
    /// [`HubError::Listen`] when the address is taken or not ours.
    pub async fn start(options: HubOptions) -> Result<Hub, HubError> {
        let listen = |source| HubError::Listen { address: options.listen, source };
        let listener = tokio::net::TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let base = options.public_url.unwrap_or_else(|| format!("http://{address}"));
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                model: Model::new(),
                tokens: Tokens::default(),
                apps: Apps::default(),
                quotas: Quotas::default(),
                faults: Faults::new(options.seed),
                journal: Journal::default(),
                post: Post::new(options.seed, (options.clock)()),
                requests: 0,
            }),
            links: Links { base: base.trim_end_matches('/').to_owned() },
            clock: options.clock,
            limits: options.limits,
            changes: watch::Sender::new(0),
        });
        let stop = CancellationToken::new();
        let service = routes::router(Arc::clone(&shared)).into_make_service_with_connect_info::<server::Switch>();
        let serve = axum::serve(server::Gate(listener), service).with_graceful_shutdown(stop.clone().cancelled_owned());
        let server = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::warn!(%error, "the embedded GitHub stopped");
            }
        });
        let courier = tokio::spawn(webhook::run(Arc::clone(&shared), options.patience, stop.clone()));
        Ok(Hub(Arc::new(Running { shared, address, stop, work: Mutex::new(Some([server, courier])) })))
    }

    /// The root of the interface, without a slash at the end: what goes into `github.api_url`.
    /// It is [`HubOptions::public_url`] where one was given.
    pub fn url(&self) -> &str {
        &self.0.shared.links.base
    }

    /// Where it listens; behind a proxy that is another place than [`Hub::url`].
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Stops listening, lets requests under way finish, and returns when all connections are closed.
    /// Webhook deliveries under way are given up.
    /// Called again it returns at once. Dropped half-way it still stops.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        let work = self.0.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        for task in work.into_iter().flatten() {
            // Its only failure would be a panic, of the server, which axum already contains per connection, or of the
            // courier, whose deliveries then stay open in the log.
            let _ = task.await;
        }
    }
}
