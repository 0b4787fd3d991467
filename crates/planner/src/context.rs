//! What one decision is made from, and the draft of the status that it leads to.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bivouac_model::{
    Capacity, CommentIdentity, CommentView, Condition, ConditionStatus, ContentHash, DesiredState, EnvKey, ImageTag,
    Observed, Phase, Record, Status, Usd,
};
use chrono::{DateTime, Utc};

use crate::expiry::after;
use crate::plan::{Action, Look, Next, Plan, WaitingOn};
use crate::policy::Policy;
use crate::project::Project;
use crate::{address, admission, approve, idle, notice, react, spending};

/// The condition that says whether an environment answers.
const READY: &str = "Ready";
/// The condition that says that an environment shall not be, and why. It is remembered apart from the reason, which tells
/// what is in the way of a take-down (a protection, a permission) when something is.
const WITHDRAWN: &str = "Withdrawn";
/// The condition that says whether what was deleted is gone, for as long as it is not.
pub(crate) const DRAINED: &str = "Drained";
/// The condition that says that the pull request's tags stay, and why.
pub(crate) const TAGS_REMOVED: &str = "TagsRemoved";

/// The condition that is `False` while the forge refuses what the comment has to say. Its reason and message tell why.
pub const COMMENT_POSTED: &str = "CommentPosted";

/// Whether the forge refused the last attempt to write the comment.
pub fn is_comment_refused(status: &Status) -> bool {
    status.machinery.conditions.iter().any(|condition| condition.kind == COMMENT_POSTED)
}

/// Everything a decision about one environment may depend on.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub record: &'a Record,
    pub key: &'a EnvKey,
    pub project: &'a Project,
    pub observed: &'a Observed,
    pub policy: &'a Policy,
    pub now: DateTime<Utc>,
}

impl<'a> Context<'a> {
    /// The name of the environment's service.
    pub fn service(&self) -> String {
        self.project.service(self.key)
    }

    /// What the record said when it was read.
    pub fn written(&self) -> Option<&'a Status> {
        self.record.status.as_ref()
    }

    /// The desired state, of a record that is valid.
    pub fn desired(&self) -> Option<&'a DesiredState> {
        self.record.desired.as_ref().ok()
    }

    /// Why the environment is being or was taken down, as was written.
    pub fn withdrawn_for(&self) -> Option<&'a str> {
        let conditions = &self.written()?.machinery.conditions;
        let condition = conditions.iter().find(|condition| condition.kind == WITHDRAWN)?;
        Some(&condition.reason)
    }

    /// What a condition says that is known not to hold.
    pub fn denial(&self, kind: &str) -> Option<&'a str> {
        let conditions = &self.written()?.machinery.conditions;
        let denied = |condition: &&Condition| condition.kind == kind && condition.status == ConditionStatus::False;
        conditions.iter().find(denied).map(|condition| condition.message.as_str())
    }

    /// Since when a condition has been as it is written.
    pub fn condition_since(&self, kind: &str) -> Option<DateTime<Utc>> {
        let conditions = &self.written()?.machinery.conditions;
        conditions.iter().find(|condition| condition.kind == kind).map(|condition| condition.last_transition_at)
    }

    /// How long the phase has lasted.
    pub fn in_phase_for(&self, phases: &[Phase]) -> Duration {
        let since = self
            .written()
            .filter(|status| status.knows_its_phase() && phases.contains(&status.phase))
            .and_then(|status| status.machinery.phase_since);
        since.and_then(|since| (self.now - since).to_std().ok()).unwrap_or_default()
    }
}

/// A status being drafted, from what the record says already.
pub(crate) struct Draft<'a> {
    pub context: Context<'a>,
    pub status: Status,
    /// Whether the time of its phase begins again, though the phase stays.
    pub phase_begins: bool,
    /// What the step that is drafted is known again by if AWS refuses it.
    pub attempt: Option<ContentHash>,
}

impl<'a> Draft<'a> {
    /// Begins with what is written, or with nothing but the expiry.
    pub fn new(context: Context<'a>, first_seen_at: DateTime<Utc>, expires_at: DateTime<Utc>) -> Self {
        let mut status = context.written().cloned().unwrap_or_else(|| blank(&context, expires_at));
        status.expires_at = expires_at;
        status.machinery.first_seen_at = Some(first_seen_at);
        let newest = status.machinery.observed_generation.max(context.record.generation);
        // A valid wish without a generation is a new wish; of a broken one nothing is believed.
        let counted = context.record.generation.is_some() || context.record.desired.is_err();
        status.machinery.observed_generation = newest.filter(|_| counted);
        Self { context, status, phase_begins: false, attempt: None }
    }

    /// Goes on with a status that was drafted before.
    pub fn resume(context: Context<'a>, status: Status) -> Self {
        Self { context, status, phase_begins: false, attempt: None }
    }

    /// Says where it stands.
    pub fn say(mut self, phase: Phase, reason: &'static str, message: impl Into<String>) -> Self {
        self.status.set_phase(phase);
        self.status.reason = Cow::Borrowed(reason);
        self.status.message = message.into();
        self
    }

    /// Adds a sentence.
    pub fn also(mut self, sentence: Option<String>) -> Self {
        if let Some(sentence) = sentence {
            if !self.status.message.is_empty() {
                self.status.message.push(' ');
            }
            self.status.message.push_str(&sentence);
        }
        self
    }

    /// It answers here, behind this network interface.
    pub fn at(mut self, ip: IpAddr, interface: Option<&str>) -> Self {
        self.status.machinery.network_interface = interface.map(|interface| address::digits(interface).to_owned());
        let host = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let port = match self.context.project.port {
            80 => String::new(),
            port => format!(":{port}"),
        };
        self.status.url = Some(format!("http://{host}{port}/"));
        self.status.public_ip = Some(ip);
        self
    }

    /// It answers nowhere.
    pub fn nowhere(mut self) -> Self {
        self.status.url = None;
        self.status.public_ip = None;
        self.status.machinery.network_interface = None;
        self
    }

    /// An address is only true while the task that has it runs.
    pub fn only_where_it_runs(self) -> Self {
        let tasks = &self.context.observed.tasks;
        match tasks.iter().any(|task| task.is_running() && address::agrees(&self.context, &self.status, task)) {
            true => self,
            false => self.nowhere(),
        }
    }

    /// It costs what a running task of this size costs.
    pub fn costing(mut self, hourly: Usd) -> Self {
        self.status.hourly_cost_usd = hourly;
        self
    }

    /// Costs, while a service is meant to run a task.
    pub fn running_on(self, capacity: Capacity) -> Self {
        let size = self.context.desired().and_then(|desired| desired.size.as_deref());
        let resources = self.context.project.resources(size).unwrap_or(self.context.project.template.resources());
        let hourly = self.context.policy.prices.hourly(&resources, capacity);
        let mut draft = self.costing(hourly);
        draft.status.machinery.capacity = Some(capacity);
        draft
    }

    /// Nothing of it runs or may start: it costs nothing and holds no place.
    pub fn vacated(self) -> Self {
        let mut draft = self.costing(Usd::ZERO);
        draft.status.machinery.place = None;
        draft.status.machinery.attempt = None;
        draft
    }

    /// Sets a condition; its time moves only when its status does.
    pub fn condition(
        mut self,
        kind: &'static str,
        holds: ConditionStatus,
        reason: &'static str,
        message: String,
    ) -> Self {
        set_condition(&self.context, &mut self.status, kind, holds, reason.into(), message);
        self
    }

    /// Forgets a condition.
    pub fn without_condition(mut self, kind: &'static str) -> Self {
        self.status.machinery.conditions.retain(|condition| condition.kind != kind);
        self
    }

    /// It failed before, and stays so for the reason that is written.
    pub fn failed(mut self) -> Self {
        self.status.set_phase(Phase::Failed);
        self
    }

    /// It shall not be, for this reason.
    pub fn withdrawn(self, reason: &'static str) -> Self {
        self.condition(WITHDRAWN, ConditionStatus::True, reason, String::new())
            .without_condition(approve::HEAD_APPROVED)
            .without_condition(admission::ADMITTED)
            .awake()
    }

    /// It shall be (again).
    pub fn wanted(self) -> Self {
        let mut draft = self.without_condition(WITHDRAWN).without_condition(TAGS_REMOVED).without_condition(DRAINED);
        draft.status.purge_at = None;
        draft
    }

    pub fn act(self, action: Action) -> Plan {
        self.finish(Next::Do(action), None)
    }

    /// What is drafted has to be recorded before anything else is done.
    pub fn record(self) -> Plan {
        self.finish(Next::Record, None)
    }

    pub fn look(self, look: Look) -> Plan {
        self.finish(Next::Look(look), None)
    }

    pub fn wait(self, on: WaitingOn, requeue_after: Duration) -> Plan {
        self.finish(Next::Wait(on), Some(requeue_after))
    }

    /// Nothing to do until the next pass, which alone can end the wait.
    pub fn wait_for_pass(self, on: WaitingOn) -> Plan {
        self.finish(Next::Wait(on), None)
    }

    /// Nothing to do until its time is over.
    pub fn settle(self) -> Plan {
        let left = (self.status.expires_at - self.context.now).to_std().ok();
        let requeue_after = if self.status.phase == Phase::Terminated { None } else { left };
        self.finish(Next::Settled, requeue_after)
    }

    /// Not later than its time is over, it is told so, or it may fall asleep: seen to the second, not by the next resync.
    fn in_time(&self, again: Duration) -> Duration {
        if matches!(self.status.phase, Phase::Terminating | Phase::Terminated) {
            return again;
        }
        let Self { context, status, .. } = self;
        let moments =
            [notice::begins_at(context, status), idle::asks_at(context, status.phase), Some(status.expires_at)];
        let left = |moment: DateTime<Utc>| (moment - self.context.now).to_std().ok();
        let next = moments.into_iter().flatten().filter_map(left).filter(|left| !left.is_zero()).min();
        next.map_or(again, |left| again.min(left))
    }

    fn finish(mut self, next: Next, requeue_after: Option<Duration>) -> Plan {
        let context = self.context;
        let requeue_after = requeue_after.map(|again| self.in_time(again));
        // Compared with what is written, not with what was drafted in between: a step that is tried again and refused again
        // is no change.
        let stayed = context
            .written()
            .filter(|written| written.phase == self.status.phase && written.knows_its_phase() && !self.phase_begins);
        // A clock that was set back counts anew, or every deadline would wait for the future.
        let since = stayed.and_then(|written| written.machinery.phase_since).filter(|since| *since <= context.now);
        self.status.machinery.phase_since = Some(since.unwrap_or(context.now));
        let ready = match self.status.phase {
            Phase::Ready => ConditionStatus::True,
            Phase::Invalid => ConditionStatus::Unknown,
            _ => ConditionStatus::False,
        };
        let reason = self.status.reason.clone();
        set_condition(&context, &mut self.status, READY, ready, reason, String::new());
        self = notice::give(self);
        let ledger = spending::account(&context.observed.spending, context.record, &mut self.status, context.now);
        let comment = comment(&context, &self.status);
        if comment.is_none() {
            // Nothing is owed, so nothing is refused.
            self = self.without_condition(COMMENT_POSTED);
        }
        let reaction = react::due(&context, &self.status, &next);
        let (status, attempt) = (self.status, self.attempt);
        Plan { next, status, ledger, comment, reaction, requeue_after, meanwhile: None, attempt, refusal: None }
    }
}

/// Of an environment without a status. What the ledger says runs, runs until it is seen that it does not.
fn blank(context: &Context<'_>, expires_at: DateTime<Utc>) -> Status {
    let hourly = context.observed.spending.entry().map_or(Usd::ZERO, |entry| entry.hourly);
    Status { hourly_cost_usd: hourly, ..unseen(expires_at, context.now) }
}

fn unseen(expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Status {
    Status {
        phase: Phase::Pending,
        reason: Cow::Borrowed(crate::reason::SEEN),
        message: String::new(),
        url: None,
        public_ip: None,
        expires_at,
        hourly_cost_usd: Usd::ZERO,
        cost_usd: Usd::ZERO,
        updated_at: now,
        purge_at: None,
        machinery: Default::default(),
    }
}

/// The status of an item that no environment can be made of: it is only told so.
pub(crate) fn refused(
    record: &Record,
    observed: &Observed,
    policy: &Policy,
    now: DateTime<Utc>,
    reason: &'static str,
    message: String,
) -> Plan {
    let written = record.status.as_ref();
    let mut status = written.cloned().unwrap_or_else(|| unseen(after(now, policy.ttl), now));
    let stayed = status.phase == Phase::Invalid;
    status.set_phase(Phase::Invalid);
    if status.known_expiry().is_none() {
        status.expires_at = after(now, policy.ttl);
    }
    status.reason = Cow::Borrowed(reason);
    status.message = message;
    status.machinery.observed_generation = status.machinery.observed_generation.max(record.generation);
    status.machinery.phase_since = Some(status.machinery.phase_since.filter(|_| stayed).unwrap_or(now));
    let ledger = spending::account(&observed.spending, record, &mut status, now);
    mark(written, &mut status, now, READY, ConditionStatus::Unknown, Cow::Borrowed(reason), String::new());
    let requeue_after = Some(policy.deadlines.later);
    Plan {
        next: Next::Wait(WaitingOn::Person),
        status,
        ledger,
        comment: None,
        reaction: None,
        requeue_after,
        meanwhile: None,
        attempt: None,
        refusal: None,
    }
}

fn set_condition(
    context: &Context<'_>,
    status: &mut Status,
    kind: &'static str,
    holds: ConditionStatus,
    reason: Cow<'static, str>,
    message: String,
) {
    mark(context.written(), status, context.now, kind, holds, reason, message);
}

/// Sets a condition, whose time is that of what is written unless its status is another.
fn mark(
    written: Option<&Status>,
    status: &mut Status,
    now: DateTime<Utc>,
    kind: &'static str,
    holds: ConditionStatus,
    reason: Cow<'static, str>,
    message: String,
) {
    let before = written.and_then(|written| written.machinery.conditions.iter().find(|before| before.kind == kind));
    let since = before.filter(|before| before.status == holds).map_or(now, |before| before.last_transition_at);
    let condition = Condition { kind: Cow::Borrowed(kind), status: holds, reason, message, last_transition_at: since };
    let conditions = &mut status.machinery.conditions;
    match conditions.iter_mut().find(|condition| condition.kind == kind) {
        Some(there) => *there = condition,
        None => conditions.push(condition),
    }
}

/// What the comment has to say, unless it says so already.
///
/// Follows from the record alone, so what was refused or not written is found by each scan and by the next leader. While the
/// condition stands, the record is not believed: an earlier release remembered what was refused as said.
fn comment(context: &Context<'_>, status: &Status) -> Option<CommentView> {
    let said = status.machinery.comment.as_ref();
    let is_going = matches!(status.phase, Phase::Terminating | Phase::Terminated);
    // There is no comment, and nobody need be told that it is gone.
    if is_going && said.is_some_and(|said| said.id.is_none()) {
        return None;
    }
    // A client that writes the whole item takes away what the record knows of the comment, which may be there.
    let edits_only = is_going && said.is_none();
    // There is nothing to write it on, until the pull request is seen, which is another reason.
    if status.reason == crate::reason::NO_SUCH_PULL_REQUEST {
        return None;
    }
    let tag = tag(context);
    let none = BTreeMap::new();
    let desired = context.desired();
    let identity = CommentIdentity {
        key: context.key,
        phase: status.phase,
        reason: &status.reason,
        message: &status.message,
        url: status.url.as_deref(),
        image_tag: tag.as_ref().map_or("", ImageTag::as_str),
        image_digest: status.machinery.image_digest.as_ref(),
        head_sha: desired.and_then(|desired| desired.head_sha.as_deref()),
        newer_commit: approve::newer(status),
        flags: desired.map_or(&none, |desired| &desired.flags),
        config_names: desired.map_or(&none, |desired| &desired.config).keys().map(String::as_str),
        expires_at: status.expires_at,
        pinned: desired.is_some_and(|desired| desired.pinned),
        told_of_its_end: notice::is_given(status).then(|| notice::whom(context).unwrap_or_default()),
        hourly_cost: status.hourly_cost_usd,
        ready_note: context.project.ready_note.as_deref(),
        command: &context.policy.command,
    };
    let said_already = !is_comment_refused(status) && said.is_some_and(|said| said.said == identity.word());
    (!said_already).then(|| CommentView { edits_only, ..view(context, status, tag) })
}

/// The tag that is deployed, or would be.
fn tag(context: &Context<'_>) -> Option<ImageTag> {
    let desired = context.desired();
    desired
        .and_then(|desired| desired.image_tag.clone())
        .or_else(|| context.project.tag(context.key, desired.and_then(|desired| desired.head_sha.as_deref())))
}

fn view(context: &Context<'_>, status: &Status, tag: Option<ImageTag>) -> CommentView {
    let desired = context.desired();
    CommentView {
        key: context.key.clone(),
        phase: status.phase,
        reason: status.reason.clone().into_owned(),
        message: status.message.clone(),
        url: status.url.clone(),
        image_tag: tag.map(String::from).unwrap_or_default(),
        image_digest: status.machinery.image_digest.clone(),
        head_sha: desired.and_then(|desired| desired.head_sha.clone()),
        newer_commit: approve::newer(status).map(str::to_owned),
        flags: desired.map(|desired| desired.flags.clone()).unwrap_or_default(),
        config_names: desired.map(|desired| desired.config.keys().cloned().collect()).unwrap_or_default(),
        expires_at: status.expires_at,
        pinned: desired.is_some_and(|desired| desired.pinned),
        ends_soon: notice::is_given(status),
        requested_by: notice::whom(context).map(str::to_owned),
        hourly_cost: status.hourly_cost_usd,
        cost: status.cost_usd,
        as_of: status.updated_at,
        ready_note: context.project.ready_note.clone(),
        command: context.policy.command.clone(),
        edits_only: false,
        log: None,
    }
}
