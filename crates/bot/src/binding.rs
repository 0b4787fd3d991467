//! Which commit may be started: one rule for comments, labels, the comparison and pushes.
//!
//! A command is meant for the commit that its author could have seen. A commit may be bound when one of these holds:
//!
//! - only people who may give `up` can push to the branch, or every push counts (`roll_forward = "auto"`);
//! - the command names the commit;
//! - the record is bound to it already;
//! - it was the head when the command was given: it is the newest head that was seen before, and no push of anybody else made it
//!   the head again after that;
//! - pushes of people who may give `up` lead to it from a commit of the two lines above.
//!
//! Times of the forge are whole seconds, so what happened in the second of the command did not happen before it. This
//! module makes no calls: the evidence is gathered by `handle/evidence.rs`.

use std::collections::BTreeSet;

use bivouac_ports::{NamedCommit, Push};
use chrono::{DateTime, TimeDelta, Timelike, Utc};

/// How much later than a push a command has to be given before the bot concludes that its author knew the new head. Ours: GitHub
/// may answer from a copy that is some seconds behind.
const READ_LAG: TimeDelta = TimeDelta::seconds(60);

/// What is known about a commit that may run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// The commit.
    pub head: &'a str,
    /// Whether only people who may give `up` can push to the branch, or every push counts.
    pub is_trusted_branch: bool,
    /// Whether the command names this commit.
    pub is_named: bool,
    /// The commit that the record is bound to.
    pub bound: Option<&'a str>,
    /// When the command was given; `None`: the question is about a push.
    pub given_at: Option<DateTime<Utc>>,
    /// The newest head that was seen before the command.
    pub seen: Option<&'a str>,
    /// The pushes to the branch, the newest first; empty when they are not known.
    pub pushes: &'a [Push],
}

/// Why a commit may be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// By the branch.
    TrustedBranch,
    /// By its name in the command.
    Named,
    /// It is bound already.
    Bound,
    /// It was the head when the command was given.
    Seen,
    /// By who pushed it.
    Pushed,
}

impl<'a> Evidence<'a> {
    /// Returns why the commit may be bound, where `trusted` holds the logins, in lower case, of those who may give `up`; `None`: it
    /// may not.
    pub fn basis(&self, trusted: &BTreeSet<String>) -> Option<Basis> {
        if self.is_trusted_branch {
            return Some(Basis::TrustedBranch);
        }
        if self.is_named {
            return Some(Basis::Named);
        }
        if self.bound == Some(self.head) {
            return Some(Basis::Bound);
        }
        if self.seen == Some(self.head) && !self.came_back(trusted) {
            return Some(Basis::Seen);
        }
        let is_by_trusted = |chain: Vec<&Push>| chain.into_iter().all(|push| is_by(push, trusted));
        self.chain().is_some_and(is_by_trusted).then_some(Basis::Pushed)
    }

    /// Returns whose permission decides, each once: who made the commit the head, and who pushed on the way to it.
    pub fn actors(&self) -> BTreeSet<&'a str> {
        let last = newest_onto(self.head, self.pushes);
        let chain = self.chain().unwrap_or_default();
        last.into_iter().chain(chain).filter_map(|push| push.actor.as_deref()).collect()
    }

    /// Whether an untrusted push made the commit the head after the command was given. It may have been the head before, and
    /// another one meanwhile.
    fn came_back(&self, trusted: &BTreeSet<String>) -> bool {
        let (Some(push), Some(given_at)) = (newest_onto(self.head, self.pushes), self.given_at) else { return false };
        is_since(push, given_at) && !is_by(push, trusted)
    }

    /// The pushes that lead to the commit from one that is bound or was seen, the newest first. `None`: none do, as far as is known.
    fn chain(&self) -> Option<Vec<&'a Push>> {
        let mut chain = Vec::new();
        let mut commit = self.head;
        for push in self.pushes {
            if push.after != commit {
                continue;
            }
            chain.push(push);
            commit = &push.before;
            if self.bound == Some(commit) || self.seen == Some(commit) {
                return Some(chain);
            }
        }
        None
    }
}

/// Whether a record is bound on purpose to another commit than the head: the head was there when the command was given at
/// `given_at`. A later push ends that. `named` is what commands said of the commit that is bound.
pub(crate) fn is_chosen(head: &str, given_at: Option<DateTime<Utc>>, named: &[NamedCommit], pushes: &[Push]) -> bool {
    let Some(given_at) = given_at else { return false };
    let is_of_command = |named: &NamedCommit| named.head == head && whole(named.at) == whole(given_at);
    let is_old = |push: &Push| push.at + READ_LAG < given_at;
    named.iter().any(is_of_command) || newest_onto(head, pushes).is_some_and(is_old)
}

/// Returns the push that made a commit the head at or after the moment of a command.
pub(crate) fn overtaking<'a>(head: &str, given_at: DateTime<Utc>, pushes: &'a [Push]) -> Option<&'a Push> {
    newest_onto(head, pushes).filter(|push| is_since(push, given_at))
}

/// Returns the newest push that made a commit the head.
pub(crate) fn newest_onto<'a>(head: &str, pushes: &'a [Push]) -> Option<&'a Push> {
    pushes.iter().find(|push| push.after == head)
}

fn is_since(push: &Push, given_at: DateTime<Utc>) -> bool {
    whole(push.at) >= whole(given_at)
}

fn is_by(push: &Push, trusted: &BTreeSet<String>) -> bool {
    push.actor.as_ref().is_some_and(|actor| trusted.contains(&actor.to_ascii_lowercase()))
}

/// Cuts a time to whole seconds, as the forge writes times.
pub(crate) fn whole(time: DateTime<Utc>) -> DateTime<Utc> {
    time.with_nanosecond(0).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAINTAINER: &str = "Ada";
    const OUTSIDER: &str = "eve";

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000 + second, 0).unwrap()
    }

    fn push(before: &str, after: &str, actor: &str, second: i64) -> Push {
        Push { before: before.into(), after: after.into(), actor: Some(actor.into()), at: at(second) }
    }

    fn trusted() -> BTreeSet<String> {
        BTreeSet::from([MAINTAINER.to_ascii_lowercase()])
    }

    fn basis(evidence: Evidence<'_>) -> Option<Basis> {
        evidence.basis(&trusted())
    }

    #[test]
    fn what_was_seen_before_or_named_or_bound_may_be_bound() {
        let at_ten = Evidence { head: "b", given_at: Some(at(10)), ..Evidence::default() };
        assert_eq!(basis(at_ten), None);
        assert_eq!(basis(Evidence { seen: Some("a"), ..at_ten }), None);
        assert_eq!(basis(Evidence { seen: Some("b"), ..at_ten }), Some(Basis::Seen));
        assert_eq!(basis(Evidence { bound: Some("b"), ..at_ten }), Some(Basis::Bound));
        assert_eq!(basis(Evidence { is_named: true, ..at_ten }), Some(Basis::Named));
        assert_eq!(basis(Evidence { is_trusted_branch: true, ..at_ten }), Some(Basis::TrustedBranch));
    }

    #[test]
    fn a_head_that_came_back_after_the_command_was_not_the_head_then() {
        let pushes = [push("c", "b", OUTSIDER, 10), push("b", "c", OUTSIDER, 5), push("a", "b", OUTSIDER, 1)];
        let at_ten = Evidence { head: "b", given_at: Some(at(10)), seen: Some("b"), ..Evidence::default() };
        assert_eq!(basis(Evidence { pushes: &pushes, ..at_ten }), None, "in the second of the command");
        assert_eq!(basis(Evidence { pushes: &pushes, given_at: Some(at(11)), ..at_ten }), Some(Basis::Seen));
        let by_maintainer = [push("c", "b", MAINTAINER, 12)];
        assert_eq!(basis(Evidence { pushes: &by_maintainer, ..at_ten }), Some(Basis::Seen));
    }

    #[test]
    fn only_a_chain_of_trusted_pushes_leads_on() {
        let of_two = [push("b", "c", MAINTAINER, 12), push("a", "b", MAINTAINER, 11)];
        let from_a = Evidence { head: "c", bound: Some("a"), ..Evidence::default() };
        assert_eq!(basis(Evidence { pushes: &of_two, ..from_a }), Some(Basis::Pushed), "in the order they come");
        let update_branch = [push("b", "c", MAINTAINER, 12), push("a", "b", OUTSIDER, 11)];
        assert_eq!(basis(Evidence { pushes: &update_branch, ..from_a }), None, "on top of an outsider's push");
        assert_eq!(basis(Evidence { pushes: &of_two[..1], ..from_a }), None, "what is missing is not trusted");
        let gone = [Push { actor: None, ..push("a", "c", MAINTAINER, 12) }];
        assert_eq!(basis(Evidence { pushes: &gone, ..from_a }), None, "an account that is gone is not trusted");
        let from_seen = Evidence { head: "c", seen: Some("a"), given_at: Some(at(10)), ..Evidence::default() };
        assert_eq!(basis(Evidence { pushes: &of_two, ..from_seen }), Some(Basis::Pushed));
    }

    #[test]
    fn a_choice_stays_until_a_later_push() {
        let named = NamedCommit { sha: "a".into(), command: "7".into(), at: at(100), head: "b".into() };
        let named = std::slice::from_ref(&named);
        assert!(is_chosen("b", Some(at(100)), named, &[]));
        assert!(!is_chosen("c", Some(at(100)), named, &[]), "pushed since");
        assert!(!is_chosen("b", Some(at(200)), named, &[]), "of another command");
        assert!(is_chosen("b", Some(at(100)), &[], &[push("a", "b", MAINTAINER, 39)]));
        assert!(!is_chosen("b", Some(at(100)), &[], &[push("a", "b", MAINTAINER, 40)]), "the forge may be behind");
        assert!(!is_chosen("b", None, named, &[]));
    }

    #[test]
    fn a_push_overtakes_a_command_of_its_second() {
        let pushes = [push("a", "b", OUTSIDER, 10)];
        assert!(overtaking("b", at(10), &pushes).is_some() && overtaking("b", at(9), &pushes).is_some());
        assert!(overtaking("b", at(11), &pushes).is_none() && overtaking("a", at(9), &pushes).is_none());
    }

    /// A branch over time: who pushes what, and which heads the bot sees.
    #[derive(Clone, Debug)]
    struct Story {
        pushes: Vec<(bool, u8)>,
        sightings: Vec<bool>,
        given_at: i64,
        bound: Option<u8>,
        lost: Vec<bool>,
    }

    fn stories() -> impl Strategy<Value = Story> {
        let length = 1..9_usize;
        length.prop_flat_map(|length| {
            (
                proptest::collection::vec((any::<bool>(), 0..4_u8), length),
                proptest::collection::vec(any::<bool>(), length),
                0..10_i64,
                proptest::option::of(0..4_u8),
                proptest::collection::vec(proptest::bool::weighted(0.2), length),
            )
                .prop_map(|(pushes, sightings, given_at, bound, lost)| Story {
                    pushes,
                    sightings,
                    given_at,
                    bound,
                    lost,
                })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        /// Commits come back, pushes are lost from the list, heads are missed: nothing is bound that an untrusted person made the
        /// head after the command, unless it was approved before, and nothing that was never approved.
        #[test]
        fn nothing_is_bound_that_was_not_approved(story in stories()) {
            let name = |commit: u8| format!("c{commit}");
            let (mut before, mut pushes, mut seen) = ("start".to_owned(), Vec::new(), None);
            for (second, (by_maintainer, commit)) in story.pushes.iter().enumerate() {
                let second_at = second as i64;
                let actor = if *by_maintainer { MAINTAINER } else { OUTSIDER };
                pushes.insert(0, push(&before, &name(*commit), actor, second_at));
                before = name(*commit);
                // Looked at in the second of the push, and so before the commands of later seconds.
                if story.sightings[second] && second_at < story.given_at {
                    seen = Some(before.clone());
                }
            }
            let (head, bound) = (before, story.bound.map(name));
            // Whatever is approved: what was seen or is bound, and what maintainers made of it.
            let mut approved: BTreeSet<&str> = seen.as_deref().into_iter().chain(bound.as_deref()).collect();
            for push in pushes.iter().rev() {
                if push.actor.as_deref() == Some(MAINTAINER) && approved.contains(&*push.before) {
                    approved.insert(&push.after);
                }
            }
            let mut lost = story.lost.iter();
            let known: Vec<Push> = pushes.iter().filter(|_| lost.next() != Some(&true)).cloned().collect();
            let evidence = Evidence {
                head: &head,
                bound: bound.as_deref(),
                given_at: Some(at(story.given_at)),
                seen: seen.as_deref(),
                pushes: &known,
                ..Evidence::default()
            };
            let decided = basis(evidence);
            prop_assert!(decided.is_none() || approved.contains(&*head), "{decided:?}");
            // Where nothing is lost from the list, the last push decides too.
            let last = &pushes[0];
            let untrusted_since = last.actor.as_deref() == Some(OUTSIDER) && last.at >= at(story.given_at);
            if untrusted_since && known.len() == pushes.len() {
                prop_assert!(matches!(decided, None | Some(Basis::Bound)), "{decided:?}");
            }
            if bound.as_deref() == Some(&*head) {
                prop_assert_eq!(decided, Some(Basis::Bound));
            }
        }
    }
}
