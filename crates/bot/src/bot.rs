//! The bot as a whole.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use bivouac_model::RepoName;
use bivouac_ports::Letter;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::compare::Comparison;
use crate::doors::Doors;
use crate::endpoint::{self, Endpoint, EndpointState};
use crate::handle::Handler;
use crate::letters::{CAPACITY, Letters};
use crate::settings::Settings;

/// Hints come in bunches, since one workflow pushes several tags; one look answers all of a moment.
const HINTS_GATHER: Duration = Duration::from_secs(2);
/// More repositories than are configured, mostly; what does not fit is found by the resync.
const HINTS: usize = 64;

/// Webhook → command → authorise → desired state.
///
/// Two halves that work without each other: [`Bot::router`] keeps what arrives, [`Bot::run`] handles what is kept. Both may
/// be in several processes at once, over one store.
pub struct Bot {
    endpoint: Arc<Endpoint>,
    settings: Arc<Settings>,
    doors: Doors,
    handler: Arc<Handler>,
    arriving: Mutex<Option<Arriving>>,
}

/// What the endpoint hands over.
struct Arriving {
    letters: mpsc::Receiver<Letter>,
    hints: mpsc::Receiver<RepoName>,
}

impl Bot {
    /// Connects the bot to its doors. Nothing is called yet.
    pub fn new(doors: Doors, settings: Settings) -> Self {
        let settings = Arc::new(Settings { names: doors.forge.names(), ..settings });
        let (letters, arriving_letters) = mpsc::channel(CAPACITY);
        let (hints, arriving_hints) = mpsc::channel(HINTS);
        let endpoint = Endpoint {
            settings: Arc::clone(&settings),
            inbox: Arc::clone(&doors.inbox),
            clock: Arc::clone(&doors.clock),
            letters,
            hints,
            state: EndpointState::default(),
        };
        Self {
            endpoint: Arc::new(endpoint),
            handler: Arc::new(Handler::new(doors.clone(), Arc::clone(&settings))),
            settings,
            doors,
            arriving: Mutex::new(Some(Arriving { letters: arriving_letters, hints: arriving_hints })),
        }
    }

    /// `POST /webhooks/github`. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, or put a
    /// [`ConnectInfo`](axum::extract::ConnectInfo) of the peer's address into the requests, so that peers can be told apart.
    ///
    /// It answers within a second of having read the request, whatever the forge and the cloud are doing, and a delivery
    /// that it answered with 202 is kept, also if the process dies at that moment.
    pub fn router(&self) -> Router {
        endpoint::router(Arc::clone(&self.endpoint))
    }

    /// Handles what is kept, and compares the open pull requests with the records, until `stop`.
    ///
    /// Letters of one pull request are handled one after the other, those of different ones at once; one that failed is
    /// tried again, and one that somebody else left behind is taken over. On `stop` letters under way have five seconds;
    /// what is not done then stays in the inbox. Dropped half-way, the same.
    ///
    /// A second call on one bot, at the same time or later, handles only what it finds in the inbox.
    pub async fn run(&self, stop: CancellationToken) {
        let arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Arriving { letters: arriving, hints } = arriving.unwrap_or_else(|| {
            let ((_, letters), (_, hints)) = (mpsc::channel(1), mpsc::channel(1));
            Arriving { letters, hints }
        });
        let letters = Letters::new(self.doors.clone(), Arc::clone(&self.handler), self.settings.give_up_after);
        let comparison = self.comparison();
        tokio::join!(
            letters.run(arriving, stop.clone()),
            comparison.run(stop.clone()),
            nudge(Arc::clone(&self.handler), hints, stop),
        );
    }

    /// Compares the open pull requests with the records once, as [`Bot::run`] does every few minutes. What cannot be read is
    /// left out, and comments that were found wait in the inbox until a [`Bot::run`] handles them.
    pub async fn compare(&self) {
        self.comparison().compare().await;
    }

    fn comparison(&self) -> Comparison {
        let (doors, letters) = (self.doors.clone(), self.endpoint.letters.clone());
        Comparison::new(doors, Arc::clone(&self.handler), Arc::clone(&self.settings), letters)
    }
}

async fn nudge(handler: Arc<Handler>, mut hints: mpsc::Receiver<RepoName>, stop: CancellationToken) {
    let work = async {
        while let Some(first) = hints.recv().await {
            sleep(HINTS_GATHER).await;
            let mut repos = BTreeSet::from([first]);
            while let Ok(next) = hints.try_recv() {
                repos.insert(next);
            }
            handler.nudge(&repos).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => stop.cancelled().await,
    }
}
