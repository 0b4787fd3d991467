//! The collector: images and task definitions that nothing needs any more, at a pace of its own and behind everything else.
//!
//! A pass looks at each repository in turn: first at what it holds, then at who uses what, so that whoever began to use an
//! image meanwhile is seen. The planner decides; what two complete observations condemn, goes. A repository of which only
//! a part could be seen loses nothing.

mod images;
mod task_definitions;
mod usage;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{DescribedRevision, ImageDigest, ItemKey, ListedImage};
use bivouac_planner::Policy;
use bivouac_planner::definitions::RevisionVerdict;
use bivouac_planner::images::{Freed, Hold, ImagePlan, ImageRoots, Manifest};
use bivouac_ports::{Error, Result};
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use crate::audit;
use crate::doors::Doors;
use crate::fenced::Fenced;
use crate::steady_clock::SteadyClock;
use images::Repositories;
use task_definitions::Revisions;
use usage::Definitions;

/// What was done.
const ACTION: &str = "collect";

/// Collects what nothing needs. What it remembers is only what earlier passes saw, so a new one begins anew.
pub struct Collector {
    doors: Doors,
    policy: Arc<Policy>,
    /// The time between two observations that both have to condemn.
    apart: Duration,
    trust_empty_table: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    definitions: Definitions,
    repositories: Repositories,
    revisions: Revisions,
    clock: SteadyClock,
}

/// What one look found, and what is decided of it. Nothing was changed.
#[derive(Debug, Default)]
pub struct Collection {
    /// The repositories of the registry.
    pub repositories: Vec<CollectedRepository>,
    /// The revisions of families that may be ours.
    pub revisions: Vec<(DescribedRevision, RevisionVerdict)>,
    /// Why nothing at all may go, if so.
    pub hold: Option<Hold>,
}

/// One repository of a [`Collection`].
#[derive(Debug)]
pub struct CollectedRepository {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub inventory: Vec<ListedImage>,
    /// What is decided of it, in the same order.
    pub plan: ImagePlan,
    /// What that would free at most.
    pub freed: Freed,
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The images that were deleted.
    pub images: Freed,
    /// How many tags were removed from images that stay.
    pub tags: usize,
    /// How many revisions were deregistered.
    pub deregistered: usize,
    /// How many revisions were deleted.
    pub deleted: usize,
    /// What could not be deleted, and why, a line each.
    pub refused: Vec<String>,
    /// There is more to do than one pass may, or something waits for its second observation.
    pub unfinished: bool,
}

/// What was seen of everything but the repositories.
struct Scene {
    now: DateTime<Utc>,
    hold: Option<Hold>,
    usage: usage::Usage,
}

impl Collector {
    /// A collector that saw nothing yet. `apart` is the time between the two observations.
    pub fn new(doors: Doors, policy: Arc<Policy>, apart: Duration) -> Self {
        Self { doors, policy, apart, trust_empty_table: false, state: Mutex::default() }
    }

    /// A person said that the table is empty because it should be.
    pub(crate) fn trust_empty_table(&mut self) {
        self.trust_empty_table = true;
    }

    /// Looks at everything and decides; writes nothing. What it would do, a pass does once another look says the same.
    ///
    /// # Errors
    /// When something could not be looked at completely.
    pub async fn look(&self) -> Result<Collection> {
        let mut state = self.state.lock().await;
        let mut collection = Collection::default();
        state.definitions.refresh(&self.doors, &self.policy).await?;
        for name in self.repositories() {
            let Some(inventory) = self.inventory(&mut state, &name).await? else { continue };
            let scene = self.scene(&mut state).await?;
            collection.hold = scene.hold;
            let plan = self.plan_repository(&mut state, &name, &inventory, &scene).await?;
            let freed = Freed::by(&plan, &inventory);
            collection.repositories.push(CollectedRepository { name, inventory, plan, freed });
        }
        let scene = self.scene(&mut state).await?;
        collection.revisions = self.plan_revisions(&mut state, &scene).await?;
        Ok(collection)
    }

    /// One pass: looks, and deletes what an earlier pass condemned too. Called twice at about the same time, the second call
    /// deletes nothing more. Dropped half-way, some is deleted; the next pass finds the rest.
    pub(crate) async fn pass(&self, fenced: &Fenced) -> Collected {
        let mut state = self.state.lock().await;
        let mut done = Collected::default();
        if let Err(error) = self.pass_over(&mut state, fenced, &mut done).await {
            // Half a view condemns nothing, and what was condemned before has to be seen again.
            tracing::warn!(error = &error as &dyn StdError, "the collector saw only a part, so it goes no further");
            done.refused.push(format!("images and task definitions, of which only a part was seen: {error}"));
        }
        self.doors.meter.images_deleted(done.images.images, done.images.bytes);
        self.doors.meter.task_definitions_removed("deregistered", done.deregistered);
        self.doors.meter.task_definitions_removed("deleted", done.deleted);
        done
    }

    async fn pass_over(&self, state: &mut State, fenced: &Fenced, done: &mut Collected) -> Result<()> {
        // The slow part first: each revision is described once in the life of the process.
        state.definitions.refresh(&self.doors, &self.policy).await?;
        for name in self.repositories() {
            let passed = self.collect_repository(state, fenced, &name, done).await;
            if let Err(error) = passed {
                state.repositories.forget(&name);
                done.refused.push(format!("images of {name}, of which only a part was seen: {error}"));
                tracing::warn!(
                    repository = name,
                    error = &error as &dyn StdError,
                    "the repository was not seen whole; nothing of it goes"
                );
            }
        }
        let scene = self.scene(state).await?;
        self.collect_revisions(state, fenced, &scene, done).await
    }

    /// Who uses what, and whether anything may go. Taken after the inventory it is for.
    async fn scene(&self, state: &mut State) -> Result<Scene> {
        state.definitions.refresh(&self.doors, &self.policy).await?;
        let usage = usage::Usage::observe(&self.doors).await?;
        let now = self.doors.clock.now();
        let jumped = state.clock.observe(now);
        let hold = if !self.trust_empty_table && usage.table_is_suspiciously_empty(&self.policy) {
            Some(Hold::EmptyTable)
        } else {
            jumped.then_some(Hold::ClockJumped)
        };
        if let Some(hold) = hold {
            tracing::warn!(reason = hold.reason(), "{}", hold.sentence());
        }
        Ok(Scene { now, hold, usage })
    }

    /// The names of the repositories of all projects, each once.
    fn repositories(&self) -> Vec<String> {
        let names = self.policy.projects.values().map(|project| project.ecr_repository.clone());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }

    /// The roots of one repository.
    fn roots(&self, state: &State, repository: &str, scene: &Scene) -> ImageRoots {
        let mut roots = ImageRoots::default();
        scene.usage.digests().for_each(|digest| roots.runs(digest));
        state.definitions.images().for_each(|image| roots.defined(repository, image));
        roots.wanted(repository, &self.policy, &scene.usage.records);
        roots
    }

    /// A line of the audit. One that the journal does not take is in the log all the same.
    async fn tell(&self, fenced: &Fenced, environment: ItemKey, reason: &str, message: String) {
        audit::tell_of(&self.doors, fenced, environment, reason, ACTION, reason, message).await;
    }
}

/// Whether a write that stands back was given up for now: no trouble, and no use in going on.
fn stood_back(error: &Error) -> bool {
    !error.is_sent()
}

/// What the lists of a repository say.
type Manifests = HashMap<ImageDigest, Manifest>;
