//! The rule `image_commit = "push-time"`: an image is of a commit if it was pushed while that commit was the head of the branch.
//!
//! The forge's list of pushes says when that was. A commit that was replaced and came back is the head again, but an image that
//! is pushed then may still be of the commit between: only the first time counts. The list says the same to every process, so
//! nothing depends on what was seen at which moment.
//!
//! Branches of the repository itself are held to a weaker rule, unless [`crate::Policy::checks_own_branches`]: those who push to
//! them may start environments, and an image that was there when one was asked for is taken.

use bivouac_model::{AtHead, BoundCommit, HeadChange, Image, ImageDigest, Phase, PullRequestState, PushesView};
use chrono::TimeDelta;

use crate::approve::{Unproven, approval, names, short};
use crate::context::Context;
use crate::plan::{Look, WaitingOn};
use crate::reason;

/// After which time the forge is asked again for a push that it did not list. Ours: thirty calls an hour for one environment, out of
/// the 5,000 that GitHub allows.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(2);

/// How long after another commit was seen at the head the list is sure to have its push. Ours, as in the bot: GitHub may answer from
/// a copy that is some seconds behind.
const LIST_LAG: TimeDelta = TimeDelta::seconds(60);

/// Why an image may be deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By what is known already.
    Known,
    /// By answers of this observation alone, so it has to be remembered.
    New,
}

/// Adds what the pushes say of the commit, and forgets what is not needed any more.
pub(crate) fn follow_pushes(context: &Context<'_>, bound: &str, commit: &mut BoundCommit) {
    let runs = runs(context);
    commit.proven = commit.proven.take().filter(|proven| Some(proven) != runs);
    let listed = match &context.observed.pushes {
        None | Some(PushesView::Unknown) => return,
        Some(PushesView::Hidden) => AtHead::default(),
        Some(PushesView::Listed(pushes)) => first_time(bound, pushes),
    };
    let known = commit.at_head.unwrap_or_default();
    let since = earlier(known.since, listed.since);
    let missing_at = since.is_none().then_some(context.now);
    commit.at_head = Some(AtHead { since, until: earlier(known.until, listed.until), missing_at });
}

/// The image that runs, or that was the last to run. An environment that was taken down runs none.
fn runs<'a>(context: &Context<'a>) -> Option<&'a ImageDigest> {
    let written = context.written().filter(|written| !is_over(written.phase))?;
    written.machinery.image_digest.as_ref()
}

/// Whether nothing of what ran before counts any more.
pub(crate) fn is_over(phase: Phase) -> bool {
    matches!(phase, Phase::Terminating | Phase::Terminated)
}

/// When a commit was the head for the first time, as far as the list says.
fn first_time(bound: &str, pushes: &[HeadChange]) -> AtHead {
    // Nothing is built of a branch that is deleted, and restoring it pushes the same commit again.
    let mut heads = pushes.iter().rev().filter(|push| !is_none(&push.after));
    let was_there = pushes.last().is_some_and(|oldest| names(bound, &oldest.before));
    let since = if was_there { None } else { heads.find(|push| names(bound, &push.after)).map(|push| push.at) };
    if !was_there && since.is_none() {
        return AtHead::default();
    }
    let until = heads.find(|push| !names(bound, &push.after)).map(|push| push.at);
    AtHead { since, until, missing_at: None }
}

/// Whether this is the name that git gives to no commit.
fn is_none(commit: &str) -> bool {
    commit.bytes().all(|digit| digit == b'0')
}

fn earlier<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

/// Whether an image may be deployed for the commit that a record is bound to. If the client named another tag than the project's,
/// `is_vouched`, it answers for the image that was there.
pub(crate) fn judge(
    context: &Context<'_>,
    bound: &str,
    is_vouched: bool,
    commit: Option<&BoundCommit>,
    image: &Image,
) -> Result<Proof, Unproven> {
    let proven = commit.and_then(|commit| commit.proven.as_ref());
    if [runs(context), proven].contains(&Some(&image.digest)) {
        return Ok(Proof::Known);
    }
    let is_trusted = context.observed.is_from_fork == Some(false) && !context.policy.checks_own_branches;
    let case = Case { context, bound, commit, image };
    if is_trusted {
        case.by_request()
    } else if is_vouched && case.was_there() {
        Ok(Proof::Known)
    } else {
        case.by_pushes()
    }
}

struct Case<'a> {
    context: &'a Context<'a>,
    bound: &'a str,
    commit: Option<&'a BoundCommit>,
    image: &'a Image,
}

impl Case<'_> {
    /// The rule for branches to which only people push who may start environments.
    fn by_request(&self) -> Result<Proof, Unproven> {
        if self.was_there() {
            return Ok(Proof::Known);
        }
        if self.has_left() {
            return Err(self.replaced());
        }
        // The image was read before the pull request was. If the commit was at the head still, no newer one can have been
        // built into the image.
        self.fresh_head().map(|_| Proof::Known)
    }

    /// Whether the image was there when one was asked for and the commit was the head.
    fn was_there(&self) -> bool {
        let approved_at = self.commit.and_then(|commit| commit.approved_at);
        self.image.pushed_at.zip(approved_at).is_some_and(|(pushed, asked)| pushed <= asked)
    }

    /// The rule for everybody's branches.
    fn by_pushes(&self) -> Result<Proof, Unproven> {
        let AtHead { since, until, missing_at } = self.commit.and_then(|commit| commit.at_head).unwrap_or_default();
        let Some(pushed_at) = self.image.pushed_at else { return Err(self.not_known("The registry", "the image")) };
        // The forge's times are whole seconds.
        if until.is_some_and(|until| pushed_at >= until) {
            return Err(self.replaced());
        }
        if since.is_some_and(|since| pushed_at < since) {
            return Err(self.older(until.is_some()));
        }
        if since.is_some() && until.is_some() {
            return Ok(Proof::Known);
        }
        let is_asked = missing_at.is_some_and(|at| self.context.now - at < ASK_AGAIN && at <= self.context.now);
        if since.is_none() && is_asked {
            return Err(self.not_known("The forge", &format!("the commit {}", short(self.bound))));
        }
        let head = match self.fresh_head() {
            // What is known of it does not wait for the forge.
            Err(Unproven::Not { on: WaitingOn::Forge, .. }) if self.has_left() => return Err(self.replaced()),
            head => head?,
        };
        match &self.context.observed.pushes {
            None => Err(Unproven::Look(Look::Pushes)),
            Some(PushesView::Listed(pushes)) if since.is_some() => {
                let newest = pushes.iter().find(|push| !is_none(&push.after));
                let is_head = |commit: &str| names(self.bound, commit);
                let left_at = self.commit.and_then(|commit| commit.left_at);
                let is_complete = left_at.is_none_or(|left| self.context.now - left >= LIST_LAG);
                match is_complete && newest.is_some_and(|push| is_head(&push.after)) && is_head(head) {
                    true => Ok(Proof::New),
                    false => Err(self.behind()),
                }
            }
            // Asked for again in a while.
            Some(PushesView::Unknown | PushesView::Listed(_) | PushesView::Hidden) => Err(self.silent()),
        }
    }

    /// The head of the open pull request, if it was looked at after the image.
    fn fresh_head(&self) -> Result<&str, Unproven> {
        let observed = self.context.observed;
        match (observed.pull_request, &observed.head_sha) {
            (Some(PullRequestState::Open), Some(head)) if observed.pull_request_is_fresh => Ok(head),
            (Some(PullRequestState::Open) | None, _) if !observed.pull_request_is_fresh => {
                Err(Unproven::Look(Look::PullRequest))
            }
            _ => Err(self.silent()),
        }
    }

    /// Whether another commit was seen at the head.
    fn has_left(&self) -> bool {
        self.commit.is_some_and(|commit| commit.left_at.is_some())
    }

    fn newer(&self) -> Option<&str> {
        self.commit?.newer.as_deref()
    }

    fn silent(&self) -> Unproven {
        let message = "The forge does not answer, so nobody knows whether the image is of the approved commit.";
        Unproven::Not { reason: reason::FORGE_UNAVAILABLE, message: message.to_owned(), on: WaitingOn::Forge }
    }

    /// The list does not have the last push yet.
    fn behind(&self) -> Unproven {
        let message =
            "The forge's list of pushes does not have the newest one yet, which decides whether the image may run.";
        Unproven::Not { reason: reason::FORGE_UNAVAILABLE, message: message.to_owned(), on: WaitingOn::Forge }
    }

    /// The image came after another commit did.
    fn replaced(&self) -> Unproven {
        let bound = short(self.bound);
        match self.newer() {
            Some(newer) => {
                let (newer, approval) = (short(newer), approval(self.context));
                let message = format!(
                    "The image was pushed when {bound} was not the newest commit any more, so it may be of another one. The newest \
                     is {newer}, which needs {approval}. To run {bound}, {TELL_APART}."
                );
                Unproven::Not { reason: reason::NEWER_COMMIT, message, on: WaitingOn::Approval }
            }
            None => {
                let message = format!(
                    "Another commit took the place of {bound} for a time and the image was pushed later, so it may be of the \
                     other one. Push a new commit. To run {bound}, {TELL_APART}."
                );
                Unproven::Not { reason: reason::IMAGE_NOT_APPROVED, message, on: WaitingOn::Image }
            }
        }
    }

    /// The image came before the commit did.
    fn older(&self, is_replaced: bool) -> Unproven {
        let bound = short(self.bound);
        let (reason, on, message) = match self.newer() {
            None if !is_replaced => {
                let message = format!(
                    "The image was pushed before the commit {bound} was. An image that is pushed while {bound} is the newest \
                     commit is deployed."
                );
                (reason::IMAGE_NOT_APPROVED, WaitingOn::Image, message)
            }
            None => {
                let message = format!(
                    "The image was pushed before the commit {bound} was, and another commit took its place since. Push a new \
                     commit. To run {bound}, {TELL_APART}."
                );
                (reason::IMAGE_NOT_APPROVED, WaitingOn::Image, message)
            }
            Some(newer) => {
                let (newer, approval) = (short(newer), approval(self.context));
                let message = format!(
                    "The image was pushed before the commit {bound} was. The newest commit is {newer}, which needs {approval}. To \
                     run {bound}, {TELL_APART}."
                );
                (reason::NEWER_COMMIT, WaitingOn::Approval, message)
            }
        };
        Unproven::Not { reason, message, on }
    }

    fn not_known(&self, whose: &str, what: &str) -> Unproven {
        let bound = short(self.bound);
        let message = format!(
            "{whose} does not say when {what} was pushed, so the image may be of another commit. Push a new commit. To run \
             {bound}, {TELL_APART}."
        );
        Unproven::Not { reason: reason::IMAGE_NOT_APPROVED, message, on: WaitingOn::Image }
    }
}

/// What else tells the images of two commits apart.
const TELL_APART: &str = "the project needs `image_commit = \"label\"` or a tag with `{sha}`";

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + second, 0).unwrap()
    }

    /// A list of the pushes that made these commits the head, one a second, the newest first. `0`: the branch was deleted.
    fn pushed(heads: &str) -> Vec<HeadChange> {
        let mut before = "0".to_owned();
        let changes = heads.chars().enumerate().map(|(second, head)| {
            let before = std::mem::replace(&mut before, head.to_string());
            HeadChange { before, after: head.to_string(), at: at(second as i64) }
        });
        let mut changes: Vec<_> = changes.collect();
        changes.reverse();
        changes
    }

    fn time(heads: &str) -> (Option<i64>, Option<i64>) {
        let AtHead { since, until, .. } = first_time("a", &pushed(heads));
        let second = |at: DateTime<Utc>| at.timestamp() - 1_000_000;
        (since.map(second), until.map(second))
    }

    #[test]
    fn the_first_time_at_the_head_counts() {
        assert_eq!(time(""), (None, None));
        assert_eq!(time("bc"), (None, None));
        assert_eq!(time("a"), (Some(0), None));
        assert_eq!(time("bca"), (Some(2), None));
        assert_eq!(time("bac"), (Some(1), Some(2)));
        assert_eq!(time("aba"), (Some(0), Some(1)), "it came back");
        assert_eq!(time("a0a"), (Some(0), None), "the branch was restored");
        assert_eq!(time("a0ba"), (Some(0), Some(2)));
    }

    #[test]
    fn a_list_without_its_beginning_says_nothing_of_it() {
        let cut = |heads: &str, most: usize| {
            let mut list = pushed(heads);
            list.truncate(most);
            let AtHead { since, until, .. } = first_time("a", &list);
            (since, until)
        };
        assert_eq!(cut("aba", 2), (None, Some(at(1))), "the oldest push replaced it");
        assert_eq!(cut("aba", 1), (Some(at(2)), None));
        assert_eq!(cut("ab", 1), (None, Some(at(1))));
        assert_eq!(cut("xay", 1), (None, Some(at(2))));
    }

    proptest! {
        /// Within the first time no other commit was the head.
        #[test]
        fn no_other_commit_is_the_head_within_it(heads in "[abc0]{0,8}", most in 0..9_usize) {
            let mut list = pushed(&heads);
            list.truncate(most);
            let AtHead { since, until, .. } = first_time("a", &list);
            if let Some(since) = since {
                let within = |push: &&HeadChange| push.at >= since && until.is_none_or(|until| push.at < until);
                prop_assert!(list.iter().filter(within).all(|push| push.after == "a" || push.after == "0"));
                prop_assert!(list.iter().any(|push| push.at == since && push.after == "a"));
            }
            if let Some(until) = until {
                prop_assert!(list.iter().any(|push| push.at == until && push.after != "a"));
            }
        }
    }
}
