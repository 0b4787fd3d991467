//! What was approved is what runs: whether the pull request has moved on from the commit that a record is bound to, and
//! whether an image is of that commit.

use bivouac_model::{BoundCommit, ConditionStatus, DesiredState, Image, ImageRevision, PullRequestState, Status};

use crate::context::{Context, Draft};
use crate::expiry::whole_seconds;
use crate::plan::{Look, WaitingOn};
use crate::project::ImageCommit;
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
    if let Some(revision) = &context.observed.revision {
        machinery.image_revision = Some(revision.clone());
    }
    let Some(bound) = &desired.head_sha else {
        machinery.commit = None;
        return draft.without_condition(HEAD_APPROVED);
    };
    // A client whose clock is ahead approves nothing that is yet to come.
    let asked = desired.requested_at.map(whole_seconds).filter(|at| *at <= context.now);
    let sha = digits(bound);
    let remembered = machinery.commit.take().filter(|commit| commit.sha == sha);
    let mut commit = remembered.unwrap_or(BoundCommit { sha, approved_at: asked, left_at: None, newer: None });
    match &context.observed.head_sha {
        Some(head) if names(bound, head) => {
            commit.newer = None;
            commit.approved_at = asked.or(commit.approved_at);
            // It went and came back, and was asked for anew since.
            commit.left_at = commit.left_at.filter(|left| asked.is_none_or(|asked| asked <= *left));
        }
        Some(head) => {
            commit.newer = Some(head.clone());
            commit.left_at.get_or_insert(context.now);
        }
        None => {}
    }
    let newer = commit.newer.clone();
    let by_push_time = context.project.image_commit == ImageCommit::PushTime;
    if !by_push_time {
        (commit.approved_at, commit.left_at) = (None, None);
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

/// Whether an image may be deployed for the commit that a wish is bound to, by the project's rule. `status` is the draft that
/// [`follow_head`] left.
pub(crate) fn judge(
    context: &Context<'_>,
    status: &Status,
    desired: &DesiredState,
    image: &Image,
) -> Result<(), Unproven> {
    let Some(bound) = &desired.head_sha else { return Ok(()) };
    let commit = status.machinery.commit.as_ref();
    match context.project.image_commit {
        ImageCommit::Tag | ImageCommit::Unchecked => Ok(()),
        ImageCommit::PushTime => by_push_time(context, bound, commit, image),
        ImageCommit::Label => by_label(context, bound, commit, status.machinery.image_revision.as_ref(), image),
    }
}

fn by_push_time(
    context: &Context<'_>,
    bound: &str,
    commit: Option<&BoundCommit>,
    image: &Image,
) -> Result<(), Unproven> {
    let runs = context.written().and_then(|written| written.machinery.image_digest.as_ref());
    let was_there = image
        .pushed_at
        .zip(commit.and_then(|commit| commit.approved_at))
        .is_some_and(|(pushed, asked)| pushed <= asked);
    if runs == Some(&image.digest) || was_there {
        return Ok(());
    }
    if commit.is_some_and(|commit| commit.left_at.is_some()) {
        let message = format!(
            "A newer commit was pushed since {} was approved, and the image may be of that one; it needs {}.",
            short(bound),
            approval(context)
        );
        return Err(Unproven::Not { reason: reason::NEWER_COMMIT, message, on: WaitingOn::Approval });
    }
    let observed = context.observed;
    match observed.pull_request {
        // The image was read before the pull request was. If the commit was at the head still, no newer one can have been
        // built into the image.
        Some(PullRequestState::Open) if observed.pull_request_is_fresh && observed.head_sha.is_some() => Ok(()),
        Some(PullRequestState::Open) | None if !observed.pull_request_is_fresh => {
            Err(Unproven::Look(Look::PullRequest))
        }
        _ => {
            let message = "The forge does not answer, so nobody knows whether the image is of the approved commit.";
            let message = message.to_owned();
            Err(Unproven::Not { reason: reason::FORGE_UNAVAILABLE, message, on: WaitingOn::Forge })
        }
    }
}

fn by_label(
    context: &Context<'_>,
    bound: &str,
    commit: Option<&BoundCommit>,
    known: Option<&ImageRevision>,
    image: &Image,
) -> Result<(), Unproven> {
    let Some(known) = known.filter(|known| known.digest == image.digest) else {
        return Err(Unproven::Look(Look::Revision { digest: image.digest.clone() }));
    };
    let newer = commit.and_then(|commit| commit.newer.as_deref());
    let (reason, message, on) = match known.commit.as_deref() {
        Some(said) if names(bound, said) => return Ok(()),
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

/// What a person has to do to have a newer commit.
fn approval(context: &Context<'_>) -> String {
    match context.policy.command.as_str() {
        "" => "a new approval".to_owned(),
        command => format!("a new `{command} up`"),
    }
}

/// Whether `full` is the commit that is meant. A client may have written an abbreviation of it, and then vouches for it.
fn names(meant: &str, full: &str) -> bool {
    full.get(..meant.len()).is_some_and(|head| head.eq_ignore_ascii_case(meant))
}

/// As a commit is known again.
fn digits(commit: &str) -> String {
    commit.chars().take(DIGITS).collect()
}

/// As people quote a commit; a label may hold anything.
fn short(commit: &str) -> String {
    commit.chars().filter(char::is_ascii_alphanumeric).take(7).collect()
}
