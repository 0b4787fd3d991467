//! What was approved is what runs: whether the pull request has moved on from the commit that a record is bound to, and
//! whether an image is of that commit.

use bivouac_model::{BoundCommit, ConditionStatus, DesiredState, Image, ImageDigest, ImageRevision, Status};

use crate::context::{Context, Draft};
use crate::expiry::whole_seconds;
use crate::plan::{Look, WaitingOn};
use crate::project::ImageCommit;
use crate::push_time::{self, Proof};
use crate::reason;

/// The condition that is false while another commit than the approved one is at the head of the pull request.
pub(crate) const HEAD_APPROVED: &str = "HeadApproved";

/// As many digits of a commit as nobody has twice by chance; an attacker's are another question, see [`BoundCommit::sha`].
const DIGITS: usize = 12;

/// Why an image is not deployed, though it is there.
#[derive(Debug)]
pub(crate) enum Unproven {
    /// Nobody knows before this was looked at.
    Look(Look),
    /// It is not of the commit, or nobody can say.
    Not { reason: &'static str, message: String, on: WaitingOn },
}

/// The newer commit that nobody approved, if there is one.
pub(crate) fn newer(status: &Status) -> Option<&str> {
    // The condition goes with the environment; what is remembered of the commit stays.
    let told = status.machinery.conditions.iter().any(|condition| condition.kind == HEAD_APPROVED);
    status.machinery.commit.as_ref().filter(|_| told)?.newer.as_deref()
}

/// Whether the head is somewhere else than was remembered, by a list that may be older than the wish: a push that was approved
/// at once would look like one that came after. Asked once for each push.
pub(crate) fn is_in_doubt(context: &Context<'_>, desired: &DesiredState) -> bool {
    let (Some(bound), Some(head)) = (&desired.head_sha, &context.observed.head_sha) else { return false };
    let remembered = context.written().and_then(|written| written.machinery.commit.as_ref());
    let remembered = remembered.filter(|commit| commit.sha == digits(bound)).and_then(|commit| commit.newer.as_ref());
    let newer = Some(head).filter(|head| !names(bound, head));
    !context.observed.pull_request_is_fresh && newer != remembered
}

/// Remembers where the head of the pull request is, and says so while it is not the commit that was approved.
pub(crate) fn follow_head<'a>(context: &Context<'_>, mut draft: Draft<'a>, desired: &DesiredState) -> Draft<'a> {
    let machinery = &mut draft.status.machinery;
    if context.written().is_some_and(|written| push_time::is_over(written.phase)) {
        machinery.image_digest = None;
    }
    if let Some(revision) = &context.observed.revision {
        machinery.image_revision = Some(revision.clone());
    }
    let Some(bound) = &desired.head_sha else {
        machinery.commit = None;
        return draft.without_condition(HEAD_APPROVED);
    };
    let requested = desired.requested_at.map(whole_seconds);
    let sha = digits(bound);
    let remembered = machinery.commit.take().filter(|commit| commit.sha == sha);
    // A client whose clock is ahead approves nothing that is yet to come, not even when its time has come.
    let known_ahead = remembered.as_ref().and_then(|commit| commit.ahead);
    let ahead = requested.filter(|at| *at > context.now || known_ahead == Some(*at));
    let asked = match ahead {
        None => requested,
        // Seen for the first time, with the approved commit at the head: it was asked for before now.
        Some(_) if known_ahead != ahead && is_at_head(context, bound) => Some(context.now),
        Some(_) => None,
    };
    let fresh = BoundCommit { sha, ahead, ..BoundCommit::default() };
    let mut commit = remembered.unwrap_or(fresh);
    commit.ahead = ahead;
    match &context.observed.head_sha {
        Some(head) if names(bound, head) => {
            commit.newer = None;
            // After it was replaced nobody can say any more what was there when it was asked for.
            if commit.left_at.is_none() {
                commit.approved_at = asked.or(commit.approved_at);
            }
        }
        Some(head) => {
            commit.newer = Some(head.clone());
            commit.left_at.get_or_insert(context.now);
        }
        None => {}
    }
    let newer = commit.newer.clone();
    let by_push_time = rule(context, desired) == ImageCommit::PushTime;
    if by_push_time {
        push_time::follow_pushes(context, bound, &mut commit);
    } else {
        commit = BoundCommit { sha: commit.sha, newer: commit.newer, ..BoundCommit::default() };
    }
    machinery.commit = Some(commit).filter(|commit| by_push_time || commit.newer.is_some());
    match newer {
        Some(newer) => {
            let message = format!("The commit {} was pushed and is not approved.", short(&newer));
            draft.condition(HEAD_APPROVED, ConditionStatus::False, reason::NEWER_COMMIT, message)
        }
        None => draft.without_condition(HEAD_APPROVED),
    }
}

/// Whether the commit is at the head right now, and not only in a list that may be older than the wish.
fn is_at_head(context: &Context<'_>, bound: &str) -> bool {
    context.observed.pull_request_is_fresh && context.observed.head_sha.as_ref().is_some_and(|head| names(bound, head))
}

/// The rule for the images of a record. A tag that a client names is no proof of the commit, since it can move: only one that
/// the project's pattern makes of the commit is.
fn rule(context: &Context<'_>, desired: &DesiredState) -> ImageCommit {
    match context.project.image_commit {
        ImageCommit::Tag if names_a_tag(context, desired) => ImageCommit::PushTime,
        rule => rule,
    }
}

/// Whether a client named another tag than the project's.
fn names_a_tag(context: &Context<'_>, desired: &DesiredState) -> bool {
    let of_the_commit = context.project.tag(context.key, desired.head_sha.as_deref());
    desired.image_tag.is_some() && desired.image_tag != of_the_commit
}

/// Whether an image may be deployed for the commit that a wish is bound to, by the project's rule. `status` is the draft that
/// [`follow_head`] left.
pub(crate) fn judge(
    context: &Context<'_>,
    status: &Status,
    desired: &DesiredState,
    image: &Image,
) -> Result<Proof, Unproven> {
    let Some(bound) = &desired.head_sha else { return Ok(Proof::Known) };
    let commit = status.machinery.commit.as_ref();
    match rule(context, desired) {
        ImageCommit::Tag | ImageCommit::Unchecked => Ok(Proof::Known),
        ImageCommit::PushTime => push_time::judge(context, bound, names_a_tag(context, desired), commit, image),
        ImageCommit::Label => by_label(context, bound, commit, status.machinery.image_revision.as_ref(), image),
    }
}

fn by_label(
    context: &Context<'_>,
    bound: &str,
    commit: Option<&BoundCommit>,
    known: Option<&ImageRevision>,
    image: &Image,
) -> Result<Proof, Unproven> {
    let Some(known) = known.filter(|known| known.digest == image.digest) else {
        return Err(Unproven::Look(Look::Revision { digest: image.digest.clone() }));
    };
    let newer = commit.and_then(|commit| commit.newer.as_deref());
    let (reason, message, on) = match known.commit.as_deref() {
        Some(said) if names(bound, said) => return Ok(Proof::Known),
        Some(said) if newer.is_some_and(|newer| names(newer, said)) => {
            let approval = approval(context);
            let message = format!("The image is of the newer commit {}, which needs {approval}.", short(said));
            (reason::NEWER_COMMIT, message, WaitingOn::Approval)
        }
        Some(said) => {
            let message = format!(
                "The image is of the commit {}, and {} was approved; it is deployed as soon as its image is pushed.",
                short(said),
                short(bound)
            );
            (reason::IMAGE_NOT_APPROVED, message, WaitingOn::Image)
        }
        None => {
            let message = "The image does not say of which commit it is: it has no label \
                           `org.opencontainers.image.revision`."
                .to_owned();
            (reason::IMAGE_UNLABELLED, message, WaitingOn::Person)
        }
    };
    Err(Unproven::Not { reason, message, on })
}

/// Remembers that an image is of the commit, before anything is done with it.
pub(crate) fn remember<'a>(mut draft: Draft<'a>, proven: ImageDigest) -> Draft<'a> {
    if let Some(commit) = &mut draft.status.machinery.commit {
        commit.proven = Some(proven);
    }
    draft
}

/// What a person has to do to have a newer commit.
pub(crate) fn approval(context: &Context<'_>) -> String {
    match context.policy.command.as_str() {
        "" => "a new approval".to_owned(),
        command => format!("a new `{command} up`"),
    }
}

/// Whether `full` is the commit that is meant. A client may have written an abbreviation of it, and then vouches for it.
pub(crate) fn names(meant: &str, full: &str) -> bool {
    full.get(..meant.len()).is_some_and(|head| head.eq_ignore_ascii_case(meant))
}

/// As a commit is known again.
fn digits(commit: &str) -> String {
    commit.chars().take(DIGITS).collect()
}

/// As people quote a commit; a label may hold anything.
pub(crate) fn short(commit: &str) -> String {
    commit.chars().filter(char::is_ascii_alphanumeric).take(7).collect()
}
