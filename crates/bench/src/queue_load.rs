//! The same load for our queue and for kube's: N keys, a reconciler that does nothing.
//!
//! What is made equal: the keys exist before the clock starts or bytes are counted; kube's object store is filled
//! before, and its bytes are not counted; all run on the same multi-threaded tokio runtime. Objects carry a name and a
//! namespace and nothing else, which is less than a real API server sends, in kube's favour.
//!
//! What is not equal, because it is what is compared: kube spawns a task for each reconcile, as its `Controller` does;
//! our workers are tasks that live on and run one reconcile after the other. Both run on several threads.

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt,
    future::ready,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bivouac_runtime::{Outcome, WorkQueue, Workers};
use futures::{FutureExt, StreamExt, channel::mpsc, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_core::{ClusterResourceScope, Resource};
use kube_runtime::{
    Config, Controller, applier,
    controller::Action,
    reflector::{ObjectRef, Store, store, store::Writer},
    watcher,
};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Reconciles at once, where there is a bound; kube's `Controller` has none by default.
const CONCURRENCY: u16 = 64;

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// Our queue and workers, with a key like the product's: a repository's name and a number.
    Bivouac,
    /// Our queue and workers, with the very key type that kube uses.
    BivouacKubeKey,
    /// `kube_runtime::applier`, its reconcilers spawned, at most [`CONCURRENCY`] at once.
    KubeApplier,
    /// `kube_runtime::Controller` as it comes: reconcilers spawned, no bound.
    KubeController,
}

impl Contender {
    /// All of them, ours first.
    pub const ALL: [Self; 4] = [Self::Bivouac, Self::BivouacKubeKey, Self::KubeApplier, Self::KubeController];

    /// The one whose [`Display`](fmt::Display) is `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|contender| contender.to_string() == name)
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bivouac => "bivouac",
            Self::BivouacKubeKey => "bivouac-kube-key",
            Self::KubeApplier => "kube-applier-64",
            Self::KubeController => "kube-controller",
        })
    }
}

/// The smallest thing that kube can reconcile.
#[derive(Clone, Debug, Deserialize)]
pub struct Object {
    metadata: ObjectMeta,
}

impl Resource for Object {
    type DynamicType = ();
    type Scope = ClusterResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Object".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "bench.invalid".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "objects".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Keys, and the store in which kube looks them up.
pub struct Fixture {
    keys: Vec<(String, u64)>,
    refs: Vec<ObjectRef<Object>>,
    store: Store<Object>,
    _writer: Writer<Object>,
}

impl Fixture {
    /// `count` keys.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let (store, mut writer) = store();
        writer.apply_watcher_event(&watcher::Event::Init);
        let mut refs = Vec::with_capacity(count);
        for number in 0..count {
            let metadata = ObjectMeta {
                name: Some(format!("pr-{number}")),
                namespace: Some("apache/superset".to_owned()),
                ..ObjectMeta::default()
            };
            let object = Object { metadata };
            refs.push(ObjectRef::from_obj(&object));
            writer.apply_watcher_event(&watcher::Event::InitApply(object));
        }
        writer.apply_watcher_event(&watcher::Event::InitDone);
        let keys = (0..count as u64).map(|number| ("apache/superset".to_owned(), number)).collect();
        Self { keys, refs, store, _writer: writer }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Counts reconciles down to zero and says when.
#[derive(Default)]
struct Countdown {
    left: AtomicUsize,
    zero: Notify,
}

impl Countdown {
    fn one(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.zero.notify_one();
        }
    }
}

/// One contender at work on a fixture. Ends when dropped.
pub struct Rig<'a> {
    countdown: Arc<Countdown>,
    keys: usize,
    add_all: Box<dyn FnMut() + 'a>,
    _task: AbortOnDropHandle<()>,
}

impl<'a> Rig<'a> {
    /// Starts `contender`. Each reconcile asks for another look after `requeue`, or for none.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(contender: Contender, fixture: &'a Fixture, requeue: Option<Duration>) -> Self {
        let countdown = Arc::<Countdown>::default();
        let (add_all, work) = match contender {
            Contender::Bivouac => ours(&fixture.keys, requeue, &countdown),
            Contender::BivouacKubeKey => ours(&fixture.refs, requeue, &countdown),
            Contender::KubeApplier => kube_applier(fixture, requeue, &countdown),
            Contender::KubeController => kube_controller(fixture, requeue, &countdown),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(work));
        Self { countdown, keys: fixture.len(), add_all, _task: task }
    }

    /// Wants every key looked at, and waits until each was. Says how long that took.
    pub async fn pass(&mut self) -> Duration {
        self.countdown.left.store(self.keys, Ordering::Relaxed);
        let start = Instant::now();
        (self.add_all)();
        self.countdown.zero.notified().await;
        start.elapsed()
    }
}

type AddAll<'a> = Box<dyn FnMut() + 'a>;
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

fn ours<'a, K>(keys: &'a [K], requeue: Option<Duration>, countdown: &Arc<Countdown>) -> (AddAll<'a>, Work)
where
    K: std::hash::Hash + Eq + Clone + fmt::Debug + Send + Sync + 'static,
{
    let queue = WorkQueue::new();
    let countdown = Arc::clone(countdown);
    let adder = queue.clone();
    let add_all = move || keys.iter().for_each(|key| adder.add(key.clone()));
    let work = async move {
        let reconcile = move |_: K| {
            countdown.one();
            ready(requeue.map_or(Outcome::Done, Outcome::RequeueAfter))
        };
        Workers::new(CONCURRENCY.into()).run(&queue, reconcile, CancellationToken::new()).await;
    };
    (Box::new(add_all), Box::pin(work))
}

fn action(requeue: Option<Duration>) -> Action {
    requeue.map_or_else(Action::await_change, Action::requeue)
}

fn kube_applier<'a>(fixture: &'a Fixture, requeue: Option<Duration>, countdown: &Arc<Countdown>) -> (AddAll<'a>, Work) {
    let (sender, queue) = mpsc::unbounded();
    let add_all = move || {
        for key in &fixture.refs {
            sender.unbounded_send(Ok::<_, Infallible>(key.clone())).expect("the applier runs");
        }
    };
    let reconcile = move |_: Arc<Object>, countdown: Arc<Countdown>| {
        tokio::spawn(async move {
            countdown.one();
            Ok::<_, Infallible>(action(requeue))
        })
        .map(|ended| ended.expect("the reconciler does not panic"))
    };
    let config = Config::default().concurrency(CONCURRENCY);
    let never = |_: Arc<Object>, _: &Infallible, _: Arc<Countdown>| Action::await_change();
    let applier = applier(reconcile, never, Arc::clone(countdown), fixture.store.clone(), queue, config);
    (Box::new(add_all), Box::pin(applier.for_each(|_| ready(()))))
}

fn kube_controller<'a>(
    fixture: &'a Fixture,
    requeue: Option<Duration>,
    countdown: &Arc<Countdown>,
) -> (AddAll<'a>, Work) {
    let (sender, all) = mpsc::unbounded();
    let add_all = move || sender.unbounded_send(()).expect("the controller runs");
    let reconcile = move |_: Arc<Object>, countdown: Arc<Countdown>| async move {
        countdown.one();
        Ok::<_, Infallible>(action(requeue))
    };
    let never = |_: Arc<Object>, _: &Infallible, _: Arc<Countdown>| Action::await_change();
    let controller = Controller::for_stream(stream::pending(), fixture.store.clone()).reconcile_all_on(all).run(
        reconcile,
        never,
        Arc::clone(countdown),
    );
    (Box::new(add_all), Box::pin(controller.for_each(|_| ready(()))))
}
