//! The loop around the planner: a record, a cloud, a forge, and a controller that can fail at every step.

use bivouac_model::{
    CommentView, Desired, DesiredState, EnvKey, HeadChange, Health, IdleSign, ImageDigest, ImageRevision, ImageTag,
    ImageView, ItemKey, LastUse, LedgerView, Observed, Phase, Problem, PullRequestState, PushesView, Reacted, Record,
    RepoName, SaidComment, ServiceView, SpendingEntry, Status, Task, Usd,
};
use bivouac_planner::admission::Ledger;
use bivouac_planner::{Action, Look, Next, Plan, Policy, Setback, WaitingOn, plan, set_back};
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cloud::Cloud;
use crate::fixtures::{commit, key, policy, seconds, start, up};

/// What goes wrong in one reconcile, at which of its actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The action is not done, and that is known.
    Lost(usize),
    /// The action is done, and its answer is lost.
    AnswerLost(usize),
    /// The process dies before the action.
    CrashBefore(usize),
    /// The process dies after the action, before anything is recorded.
    CrashAfter(usize),
}

/// What one reconcile came to.
#[derive(Clone, Debug)]
pub(crate) struct Reconciled {
    pub(crate) plan: Plan,
    pub(crate) actions: Vec<Action>,
    pub(crate) wrote: bool,
    pub(crate) said: bool,
    pub(crate) reacted: bool,
}

impl Reconciled {
    pub(crate) fn is_idle(&self) -> bool {
        self.actions.is_empty() && !self.wrote && !self.said && !self.reacted
    }
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) key: EnvKey,
    pub(crate) now: DateTime<Utc>,
    /// How wrong the controller's clock is.
    pub(crate) skew: TimeDelta,
    pub(crate) record: Record,
    pub(crate) cloud: Cloud,
    pub(crate) pull_request: PullRequestState,
    pub(crate) forge: bool,
    /// The name that the repository has now, if it was renamed.
    pub(crate) moved_to: Option<RepoName>,
    pub(crate) registry: bool,
    /// Whether EC2 answers, which alone knows the addresses of tasks.
    pub(crate) ec2: bool,
    /// Whether ECS lists task definitions.
    pub(crate) definitions: bool,
    /// Whether the registry refuses to remove tags, as for an image that an index names.
    pub(crate) tags_stay: bool,
    /// The one comment, as people see it.
    pub(crate) comment: Option<CommentView>,
    pub(crate) edits: usize,
    /// How often it was looked for, since the record does not know it.
    pub(crate) searches: usize,
    /// The commit at the head of the pull request.
    pub(crate) head: String,
    /// Whether the branch lives in another repository.
    pub(crate) is_from_fork: bool,
    /// The pushes to the branch, the oldest first.
    pub(crate) pushes: std::cell::RefCell<Vec<HeadChange>>,
    /// Whether the forge shows them.
    pub(crate) shows_pushes: bool,
    /// How often it was asked for them.
    pub(crate) push_looks: std::cell::Cell<usize>,
    /// What the last list said of it, which is some time ago.
    listed_head: String,
    /// The label of each image that has one.
    pub(crate) labels: BTreeMap<ImageDigest, String>,
    /// Every reaction, in order.
    pub(crate) reactions: Vec<Reacted>,
    /// How often the registry was asked for a label.
    pub(crate) label_looks: std::cell::Cell<usize>,
    /// Who else runs and waits.
    pub(crate) ledger: std::cell::RefCell<Ledger>,
    /// What the ledger of spending says of it.
    pub(crate) spending: LedgerView,
    /// What the application says of its last use.
    pub(crate) last_use: LastUse,
    /// What it said when it was last asked, as the process remembers it.
    pub(crate) sign: std::cell::RefCell<Option<IdleSign>>,
    /// When it was asked.
    pub(crate) use_looks: std::cell::RefCell<Vec<DateTime<Utc>>>,
    /// Whether environments cannot be asked how they do, for want of a connection of our own.
    pub(crate) deaf: bool,
}

impl World {
    /// A pull request, an image, and a record that a client has just written.
    pub(crate) fn new(desired: DesiredState) -> Self {
        let generation = desired.generation;
        let record = Record { key: ItemKey::from(&key()), desired: Ok(desired), generation, status: None };
        Self {
            policy: policy(),
            key: key(),
            now: start(),
            skew: TimeDelta::zero(),
            record,
            cloud: Cloud::new(start()),
            pull_request: PullRequestState::Open,
            forge: true,
            moved_to: None,
            registry: true,
            ec2: true,
            definitions: true,
            tags_stay: false,
            comment: None,
            edits: 0,
            searches: 0,
            head: commit(0),
            is_from_fork: false,
            pushes: vec![HeadChange { before: "0".repeat(40), after: commit(0), at: start() }].into(),
            shows_pushes: true,
            push_looks: Default::default(),
            listed_head: commit(0),
            labels: BTreeMap::new(),
            reactions: Vec::new(),
            label_looks: Default::default(),
            ledger: Default::default(),
            spending: LedgerView::Empty,
            last_use: LastUse::Unknown("it answers with status 404".into()),
            sign: Default::default(),
            use_looks: Default::default(),
            deaf: false,
        }
    }

    /// One that was brought up and is at rest.
    pub(crate) fn ready() -> Self {
        let mut world = Self::new(up());
        world.settle();
        assert_eq!(world.phase(), Phase::Ready);
        world
    }

    pub(crate) fn phase(&self) -> Phase {
        self.status().phase
    }

    pub(crate) fn phase_if_any(&self) -> Option<Phase> {
        self.record.status.as_ref().map(|status| status.phase)
    }

    pub(crate) fn status(&self) -> &Status {
        self.record.status.as_ref().expect("the controller has written")
    }

    pub(crate) fn reason(&self) -> &str {
        &self.status().reason
    }

    /// A client changes its wish, as `update-item` does.
    pub(crate) fn wish(&mut self, change: impl FnOnce(&mut DesiredState)) {
        let mut desired = self.record.desired.clone().unwrap_or_default();
        change(&mut desired);
        self.record.generation = desired.generation;
        self.record.desired = Ok(desired);
    }

    /// A person overwrites the whole item, as `put-item` does.
    pub(crate) fn overwrite(&mut self, desired: DesiredState) {
        self.record.status = None;
        self.record.generation = desired.generation;
        self.record.desired = Ok(desired);
    }

    /// A client replaces its own attributes and nothing of the controller's.
    pub(crate) fn overwrite_desired(&mut self, desired: DesiredState) {
        self.record.generation = desired.generation;
        self.record.desired = Ok(desired);
    }

    pub(crate) fn spoil(&mut self) {
        self.record.desired = Err(vec![Problem::new("ttl", "\"soon\"", "a duration")]);
    }

    pub(crate) fn clock(&self) -> DateTime<Utc> {
        self.now + self.skew
    }

    /// Lists the push of the commit at the head, if it is new.
    pub(crate) fn list_push(&self) {
        let mut pushes = self.pushes.borrow_mut();
        let before = pushes.last().map_or_else(|| "0".repeat(40), |last| last.after.clone());
        if before != self.head {
            pushes.push(HeadChange { before, after: self.head.clone(), at: self.now });
        }
    }

    pub(crate) fn advance(&mut self, time: TimeDelta) {
        self.list_push();
        self.now += time;
        self.listed_head.clone_from(&self.head);
        self.cloud.now = self.now;
        self.cloud.step();
    }

    fn tag(&self) -> Option<ImageTag> {
        let desired = self.record.desired.as_ref().ok()?;
        let project = self.policy.projects.values().next()?;
        desired.image_tag.clone().or_else(|| project.tag(&self.key, desired.head_sha.as_deref()))
    }

    pub(crate) fn image(&self) -> ImageView {
        match self.tag() {
            Some(tag) if self.registry => self.cloud.image(&tag),
            _ => ImageView::Unknown,
        }
    }

    fn listed(&self) -> Option<PullRequestState> {
        match (self.forge, self.pull_request) {
            (false, _) => Some(PullRequestState::Unknown),
            (true, PullRequestState::Open) => Some(PullRequestState::Open),
            (true, _) => None,
        }
    }

    fn own_tags(&self) -> Option<Vec<ImageTag>> {
        self.registry.then(|| self.tag().into_iter().filter(|tag| self.cloud.images.contains_key(tag)).collect())
    }

    /// Whether every source answers.
    pub(crate) fn answers(&self) -> bool {
        self.forge && self.registry && self.ec2 && self.definitions
    }

    /// Tasks with their addresses, if EC2 answers.
    fn resolve(&self, tasks: Vec<Task>, observed: &mut Observed) {
        let running = tasks.iter().any(Task::is_running);
        let resolved = |task: Task| Task { public_ip: task.public_ip.filter(|_| self.ec2), ..task };
        observed.tasks = tasks.into_iter().map(resolved).collect();
        observed.unanswered.addresses = running && !self.ec2;
        observed.tasks_pending = false;
    }

    /// What the lists of a pass say.
    pub(crate) fn glance(&self) -> Observed {
        let mut observed = self.glance_without_tasks();
        self.resolve(self.cloud.live_tasks(), &mut observed);
        observed
    }

    fn glance_without_tasks(&self) -> Observed {
        let listed = matches!(self.cloud.service, ServiceView::Active(_));
        Observed {
            service: if listed { ServiceView::Listed } else { ServiceView::Unlisted },
            image: self.image(),
            pull_request: self.listed(),
            own_tags: self.own_tags(),
            room: self.ledger.borrow().waiting(&self.policy, self.clock()).remove(&self.record.key),
            head_sha: self.listed().filter(|state| *state == PullRequestState::Open).map(|_| self.head.clone()),
            is_from_fork: self.listed().filter(|state| *state == PullRequestState::Open).map(|_| self.is_from_fork),
            idle: self.sign.borrow().clone(),
            ..Observed::default()
        }
    }

    /// The plan of a pass.
    pub(crate) fn planned_from_a_glance(&self) -> Plan {
        self.plan(&self.glance())
    }

    /// Plans twice, and holds every plan to what is true of all plans.
    pub(crate) fn plan(&self, observed: &Observed) -> Plan {
        let (spending, moved_to) = (self.spending.clone(), self.moved_to.clone());
        let observed = &Observed { spending, moved_to, ..observed.clone() };
        let planned = plan(&self.record, observed, &self.policy, self.clock());
        assert_eq!(planned, plan(&self.record, observed, &self.policy, self.clock()), "planning is pure");
        if let Some(Health::Unasked(_)) = observed.health {
            self.assert_no_evidence(observed, &planned);
        }
        if let Next::Wait(on) = planned.next {
            assert!(planned.requeue_after.is_some(), "a wait for {on} comes back by itself");
        }
        if planned.status.phase == Phase::Terminated
            && self.record.status.as_ref().is_none_or(|s| s.phase != Phase::Terminated)
        {
            let ours = |service: &ServiceView| match service {
                ServiceView::Active(service) => service.managed_by.as_deref() == Some("default"),
                ServiceView::Absent => false,
                _ => true,
            };
            assert!(!ours(&observed.service), "a tombstone before the service was seen gone");
            assert!(!ours(&self.cloud.service));
        }
        planned
    }

    /// A probe that could not be sent changes nothing in the world, and is held against nobody.
    fn assert_no_evidence(&self, observed: &Observed, planned: &Plan) {
        let blind = Observed { health: None, ..observed.clone() };
        let asks = plan(&self.record, &blind, &self.policy, self.clock());
        // Elsewhere health plays no part.
        let Next::Look(Look::Health { ip }) = asks.next else { return assert_eq!(planned.next, asks.next) };
        assert_eq!(planned.next, Next::Wait(WaitingOn::Health));
        let status = &planned.status;
        assert!(!matches!(status.phase, Phase::Failed | Phase::Terminating), "{status:#?}");
        assert_eq!(status.machinery.failed_spec, None);
        let Some(written) = &self.record.status else { return };
        let crashes = |status: &Status| status.machinery.attempt.as_ref().map_or(0, |attempt| attempt.crashes);
        assert_eq!(crashes(status), crashes(&asks.status), "what ECS says counts as always, and nothing besides");
        // What was known of this very task is known still.
        let same_task = written.machinery.deployment == asks.status.machinery.deployment
            && observed
                .tasks
                .iter()
                .filter(|task| task.is_running())
                .all(|task| task.started_by == written.machinery.deployment);
        if written.phase == Phase::Ready && written.public_ip == Some(ip) && same_task {
            assert_eq!((status.phase, &status.url), (Phase::Ready, &written.url));
            assert_eq!((&status.reason, &status.message), (&written.reason, &written.message));
        }
    }

    /// Looks and records until a step is to be taken, or none is.
    pub(crate) fn plan_until_it_acts(&mut self, observed: &mut Observed) -> Plan {
        loop {
            let planned = self.plan(observed);
            match &planned.next {
                Next::Look(look) => self.look(look, observed),
                Next::Record => self.record_plan(&planned),
                _ => return planned,
            }
        }
    }

    pub(crate) fn reconcile(&mut self) -> Reconciled {
        self.reconcile_with(None).expect("nothing kills it")
    }

    /// One reconcile, as the controller runs it. `None`: the process died.
    pub(crate) fn reconcile_with(&mut self, fault: Option<Fault>) -> Option<Reconciled> {
        let listed = self.listed().filter(|state| *state == PullRequestState::Open);
        let (head_sha, is_from_fork) = listed.map(|_| (self.listed_head.clone(), self.is_from_fork)).unzip();
        let (image, idle) = (ImageView::NotAsked, self.sign.borrow().clone());
        let mut observed =
            Observed { image, pull_request: listed, head_sha, is_from_fork, idle, ..Observed::default() };
        let mut actions = Vec::new();
        let mut recorded = false;
        self.ledger.borrow_mut().saw(&self.policy, &self.record, self.clock());
        let mut steps = 0;
        let planned = loop {
            let planned = self.plan(&observed);
            steps += 1;
            assert!(steps <= 24, "it never waits: {:?} {observed:#?}", planned.next);
            match &planned.next {
                Next::Wait(_) | Next::Settled => break planned,
                Next::Record => {
                    self.record_plan(&planned);
                    recorded = true;
                }
                // Only a take-down goes on without them; everything else comes again.
                Next::Look(Look::TaskDefinitions) if !self.definitions && !is_take_down(&planned) => break planned,
                Next::Look(look) => self.look(look, &mut observed),
                Next::Do(action) => {
                    let at = actions.len();
                    if fault == Some(Fault::CrashBefore(at)) {
                        return None;
                    }
                    if fault == Some(Fault::Lost(at)) {
                        break planned;
                    }
                    // As the controller does: a price that rises is in the ledger before the step.
                    let hourly = self.spending.entry().map_or(Usd::ZERO, |entry| entry.hourly);
                    let rises = planned.ledger.as_ref().filter(|entry| entry.hourly > hourly).cloned();
                    self.book(rises.as_ref());
                    assert!(at < 12, "the same reconcile acts for ever: {actions:#?}");
                    actions.push(action.clone());
                    let done = self.act(action, &mut observed);
                    if fault == Some(Fault::CrashAfter(at)) {
                        return None;
                    }
                    if let (false, Action::RemoveTags { .. }) = (done, action) {
                        let refusal = Setback::Refused("pr-7-ci could not be removed: it is referenced.".into());
                        break set_back(&self.record, &observed, &self.policy, self.clock(), planned, &refusal);
                    }
                    if !done || fault == Some(Fault::AnswerLost(at)) {
                        break planned;
                    }
                }
            }
        };
        let wrote = planned.changes(self.record.status.as_ref());
        if wrote {
            self.record_plan(&planned);
        }
        let said = self.forge && planned.comment.is_some();
        if let (true, Some(view)) = (said, &planned.comment) {
            let is_written = !view.edits_only || self.comment.is_some();
            if self.status().machinery.comment.is_none() {
                self.searches += 1;
            }
            if is_written {
                self.edits += 1;
                self.comment = Some(view.clone());
            }
            let said = SaidComment { id: is_written.then_some(1), said: view.identity() };
            let mut status = self.status().clone();
            status.machinery.comment = Some(said);
            self.write(status);
        }
        let reaction = planned.reaction.filter(|_| self.forge);
        if let Some(reaction) = reaction {
            self.reactions.push(reaction);
            let mut status = self.status().clone();
            status.machinery.reacted = Some(reaction);
            self.write(status);
        }
        Some(Reconciled { plan: planned, actions, wrote: wrote || recorded, said, reacted: reaction.is_some() })
    }

    /// Writes the ledger of spending, then the record.
    fn record_plan(&mut self, planned: &Plan) {
        self.book(planned.ledger.as_ref());
        self.write(planned.status.clone());
    }

    /// Writes an entry, which never says less than the one before.
    pub(crate) fn book(&mut self, entry: Option<&SpendingEntry>) {
        let Some(entry) = entry else { return };
        let known = self.spending.entry();
        if let Some(known) = known {
            let (before, after) = (known.spending().at(entry.as_of), entry.spending());
            assert!(after.cost.micros() + 5 >= before.cost.micros(), "{known:?} {entry:?}");
            assert!(entry.as_of >= known.as_of, "{known:?} {entry:?}");
        }
        let same = known.filter(|known| known.month == entry.month);
        let entry = SpendingEntry { revision: same.map_or(0, |known| known.revision) + 1, ..entry.clone() };
        self.ledger.borrow_mut().booked(entry.clone());
        self.spending = LedgerView::Entry(entry);
    }

    fn write(&mut self, mut status: Status) {
        // As it comes back from the table.
        status.machinery.revision = self.record.status.as_ref().map_or(0, |status| status.machinery.revision) + 1;
        let attributes = bivouac_model::encode_status(&status);
        let item = attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        self.record.status = bivouac_model::decode_record(self.record.key.clone(), &item).status;
        assert!(self.record.status.is_some(), "what is written can be read");
        self.ledger.borrow_mut().wrote(&self.policy, &self.record, self.clock());
    }

    fn look(&self, look: &Look, observed: &mut Observed) {
        match look {
            Look::Service => {
                observed.service = self.cloud.service.clone();
                observed.tasks.clear();
                observed.tasks_pending = observed.service != ServiceView::Absent;
            }
            Look::Tasks => self.resolve(self.cloud.all_tasks(), observed),
            Look::Image => {
                observed.image = self.image();
                observed.pull_request_is_fresh = false;
                observed.pushes = None;
            }
            Look::TaskDefinitions if !self.definitions => observed.unanswered.task_definitions = true,
            Look::TaskDefinitions => observed.task_definitions = Some(self.cloud.revisions.clone()),
            Look::PullRequest => {
                let state = if self.forge { self.pull_request } else { PullRequestState::Unknown };
                observed.pull_request = Some(state);
                observed.head_sha = (state == PullRequestState::Open).then(|| self.head.clone());
                observed.pull_request_is_fresh = true;
                observed.pushes = None;
                if state == PullRequestState::Open {
                    observed.is_from_fork = Some(self.is_from_fork);
                }
            }
            Look::Pushes => {
                assert!(observed.pull_request_is_fresh, "the head is read before the pushes");
                self.push_looks.set(self.push_looks.get() + 1);
                self.list_push();
                observed.pushes = Some(match (self.forge, self.shows_pushes) {
                    (false, _) => PushesView::Unknown,
                    (true, false) => PushesView::Hidden,
                    // The newest hundred, as the forge answers.
                    (true, true) => {
                        let pushes = self.pushes.borrow();
                        PushesView::Listed(pushes.iter().rev().take(100).cloned().collect())
                    }
                });
            }
            Look::Room(place) => {
                let until = self.record.status.as_ref().map_or(self.now, |status| status.expires_at);
                let mut ledger = self.ledger.borrow_mut();
                observed.room = Some(ledger.ask(&self.policy, &self.record, *place, until, self.clock()));
            }
            Look::Tags => match self.own_tags() {
                Some(tags) => observed.own_tags = Some(tags),
                None => observed.unanswered.tags = true,
            },
            Look::Revision { digest } => {
                self.label_looks.set(self.label_looks.get() + 1);
                let commit = self.labels.get(digest).cloned();
                observed.revision = Some(ImageRevision { digest: digest.clone(), commit });
            }
            Look::Health { .. } if self.deaf => {
                observed.health = Some(Health::Unasked("this machine has no connection to ask it".into()));
            }
            Look::Health { ip } => observed.health = Some(self.cloud.health(*ip)),
            Look::Idle { ip } => {
                assert_eq!(self.cloud.health(*ip), bivouac_model::Health::Passing, "what is asked runs there");
                self.use_looks.borrow_mut().push(self.now);
                observed.idle = Some(self.last_use.clone().as_of(self.clock()));
                self.sign.replace(observed.idle.clone());
            }
        }
    }

    /// Does it; false when the cloud refuses.
    fn act(&mut self, action: &Action, observed: &mut Observed) -> bool {
        match action {
            Action::Register(rendered) => {
                let revision = self.cloud.register(rendered);
                observed.task_definitions.get_or_insert_default().insert(0, revision);
            }
            Action::Create { spec, token } => match self.cloud.create(spec, token) {
                Ok(view) => observed.service = view,
                Err(_) => return false,
            },
            Action::Update { change, .. } => {
                observed.service = self.cloud.update(change);
                observed.health = None;
            }
            Action::Tag { tags, .. } => {
                self.cloud.tag(tags);
                observed.service = self.cloud.service.clone();
            }
            Action::Delete { .. } => {
                self.assert_over();
                self.cloud.delete();
                observed.service = ServiceView::Draining;
            }
            Action::RemoveTags { tags, .. } => {
                assert_eq!(self.pull_request, PullRequestState::Closed, "tags go only with the pull request");
                if self.tags_stay {
                    return false;
                }
                self.cloud.images.retain(|tag, _| !tags.contains(tag));
                observed.own_tags = Some(Vec::new());
            }
            Action::Deregister(names) => {
                self.cloud.revisions.retain(|revision| !names.contains(&revision.name));
                observed.task_definitions = Some(self.cloud.revisions.clone());
            }
        }
        true
    }

    /// Nothing that is in time is deleted, as far as one can tell without the planner.
    fn assert_over(&self) {
        let Ok(desired) = &self.record.desired else { return };
        let newest = self.record.status.as_ref().and_then(|status| status.machinery.observed_generation);
        let stale = self.record.generation < newest;
        // Going already, or remembered as closed while the forge does not answer.
        let going = self.record.status.as_ref().is_some_and(|status| {
            let withdrawn = status.machinery.conditions.iter().find(|condition| condition.kind == "Withdrawn");
            let closed = withdrawn.is_some_and(|condition| condition.reason == "PullRequestClosed");
            status.phase == Phase::Terminating || closed && !self.forge
        });
        if desired.desired == Desired::Down || self.pull_request == PullRequestState::Closed || stale || going {
            return;
        }
        let life = match desired.pinned {
            true => self.policy.max_ttl,
            false => desired.ttl.map_or(self.policy.ttl, |ttl| ttl.get()).min(self.policy.max_ttl),
        };
        let begin = desired.requested_at.filter(|at| *at <= self.clock());
        let over = begin.is_none_or(|begin| self.clock() >= begin + life);
        assert!(over, "deleted in time: {desired:?} at {}", self.clock());
    }

    /// Runs until nothing happens any more, in a world where nothing else happens.
    pub(crate) fn settle(&mut self) -> Reconciled {
        // Fifteen minutes in steps of three seconds are the longest deadline; the rest is room.
        const MOST: usize = 1500;
        let mut idle = 0;
        for _ in 0..MOST {
            let reconciled = self.reconcile();
            let wait = reconciled.plan.requeue_after.map_or(30, |wait| wait.as_secs().clamp(1, 30));
            self.advance(seconds(i64::try_from(wait).unwrap()));
            let still = self.cloud.service != ServiceView::Draining;
            // Deadlines run while nothing is done: idle is what stays so for longer than any of them.
            let waits = matches!(reconciled.plan.next, Next::Wait(_));
            idle = if reconciled.is_idle() && still { idle + 1 } else { 0 };
            if idle > if waits { 310 } else { 2 } {
                return reconciled;
            }
        }
        panic!("it never comes to rest: {:#?}", self.record.status);
    }
}

fn is_take_down(planned: &Plan) -> bool {
    matches!(planned.status.phase, Phase::Terminating | Phase::Terminated)
}
