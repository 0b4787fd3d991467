//! Random repositories: no root is ever deleted, everything deletable is deleted in the end.

use std::collections::{BTreeSet, HashMap};

use bivouac_model::{ImageDigest, PullRequestState};
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::repository::{OCI_MANIFEST, Repository, descriptor, image, index};

/// One manifest: what it is made of (of those before it), and who uses it.
#[derive(Clone, Debug)]
struct Made {
    /// An index of these, if any are named; else a referrer of the first of `subject`; else an image.
    children: Vec<prop::sample::Index>,
    subject: Option<prop::sample::Index>,
    tag: Tag,
    young: bool,
    runs: bool,
    defined: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    None,
    Release,
    Open,
    Closed,
    ClosedAndRelease,
}

fn made() -> impl Strategy<Value = Made> {
    let tag = prop_oneof![
        6 => Just(Tag::None), 1 => Just(Tag::Release), 1 => Just(Tag::Open), 2 => Just(Tag::Closed),
        1 => Just(Tag::ClosedAndRelease)
    ];
    let children = prop_oneof![2 => Just(vec![]), 1 => prop::collection::vec(any::<prop::sample::Index>(), 1..4)];
    let subject = prop::option::weighted(0.3, any::<prop::sample::Index>());
    let rarely = || prop::bool::weighted(0.1);
    (children, subject, tag, rarely(), rarely(), rarely()).prop_map(|(children, subject, tag, young, runs, defined)| {
        Made { children, subject, tag, young, runs, defined }
    })
}

/// What the specification says, written down another way than the planner: by following each root on foot.
struct Expected {
    repository: Repository,
    kept: BTreeSet<ImageDigest>,
    /// Tags that have to be there in the end.
    tags: BTreeSet<String>,
}

fn build(plans: &[Made]) -> Expected {
    let mut repository = Repository::new();
    let mut all: Vec<ImageDigest> = Vec::new();
    let mut children: HashMap<ImageDigest, Vec<ImageDigest>> = HashMap::new();
    let mut referrers: HashMap<ImageDigest, Vec<ImageDigest>> = HashMap::new();
    let (mut roots, mut tags) = (Vec::new(), BTreeSet::new());
    let mut only_closed = Vec::new();
    repository.pull(1, PullRequestState::Open);
    for (number, plan) in plans.iter().enumerate() {
        let below: Vec<ImageDigest> = match all.is_empty() {
            true => Vec::new(),
            false => plan.children.iter().map(|at| at.get(&all).clone()).collect(),
        };
        let mut manifest =
            if below.is_empty() { image(&number.to_string()) } else { index(&below.iter().collect::<Vec<_>>()) };
        manifest["annotations"] = json!({ "number": number.to_string() });
        let subject = plan.subject.filter(|_| !all.is_empty()).map(|at| at.get(&all).clone());
        if let Some(subject) = &subject {
            manifest["subject"] = descriptor(OCI_MANIFEST, subject);
        }
        let (closed, release) = (format!("pr-{}-ci", number + 2), format!("v{number}"));
        repository.pull(number as u64 + 2, PullRequestState::Closed);
        let own: Vec<&str> = match plan.tag {
            Tag::None => vec![],
            Tag::Release => vec![&release],
            // Only the first that has it: a tag is one image's.
            Tag::Open if !tags.contains("pr-1-ci") => vec!["pr-1-ci"],
            Tag::Open => vec![],
            Tag::Closed => vec![&closed],
            Tag::ClosedAndRelease => vec![&closed, &release],
        };
        let digest = repository.push(&manifest, &own);
        tags.extend(own.iter().filter(|tag| **tag != closed).map(|tag| (*tag).to_owned()));
        if own == [closed.as_str()] {
            only_closed.push((digest.clone(), closed.clone()));
        }
        if plan.young {
            repository.aged(&digest, TimeDelta::minutes(5));
            tags.extend(own.iter().map(|tag| (*tag).to_owned()));
        }
        if plan.runs {
            repository.running.push(digest.clone());
        }
        if plan.defined {
            repository.defined.push(format!("host/superset-ci@{digest}"));
        }
        let tagged = own.iter().any(|tag| *tag != closed);
        if tagged || plan.young || plan.runs || plan.defined {
            roots.push(digest.clone());
        }
        children.insert(digest.clone(), below);
        if let Some(subject) = subject {
            referrers.entry(subject).or_default().push(digest.clone());
        }
        all.push(digest);
    }
    let mut kept = BTreeSet::new();
    while let Some(digest) = roots.pop() {
        if kept.insert(digest.clone()) {
            roots.extend(children.get(&digest).into_iter().flatten().cloned());
            roots.extend(referrers.get(&digest).into_iter().flatten().cloned());
        }
    }
    // The last tag of an image that stays cannot go.
    tags.extend(only_closed.into_iter().filter(|(digest, _)| kept.contains(digest)).map(|(_, tag)| tag));
    Expected { repository, kept, tags }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn roots_stay_and_all_the_rest_goes(plans in prop::collection::vec(made(), 1..40)) {
        let Expected { mut repository, kept, tags } = build(&plans);
        for _ in 0..4 {
            let (_, refused) = repository.pass();
            // ECR never has to refuse what is given in the right order.
            prop_assert_eq!(refused, 0);
            for digest in &kept {
                prop_assert!(repository.has(digest), "{} was needed", digest);
            }
        }
        let left: BTreeSet<_> = repository.held.keys().cloned().collect();
        prop_assert_eq!(left, kept);
        let left: BTreeSet<String> =
            repository.held.values().flat_map(|(image, _)| image.tags.iter().map(|tag| tag.to_string())).collect();
        prop_assert_eq!(left, tags);
        // Planning once more finds nothing to do.
        let (inventory, plan) = repository.plan();
        prop_assert!(plan.levels(&inventory).is_empty());
    }

    #[test]
    fn any_text_is_read_or_doubted(text in ".*", is_list in any::<bool>()) {
        use bivouac_planner::images::Manifest;
        let _ = Manifest::read(&ImageDigest::of(text.as_bytes()), &text, is_list);
    }

    #[test]
    fn a_tag_leads_back_to_its_pull_request_alone(pr in 1u64..2_147_483_647, sha in "[0-9a-f]{40}") {
        for pattern in ["pr-{pr}-ci", "pr-{pr}-{sha}", "{sha7}-{pr}", "{pr}", "{pr}.{pr}"] {
            let pattern = bivouac_planner::Pattern::image_tag(pattern).unwrap();
            let tag = pattern.fill(pr, Some(&sha)).unwrap();
            prop_assert_eq!(pattern.prs_of_tag(&tag).into_iter().map(|pr| pr.get()).collect::<Vec<_>>(), [pr]);
        }
        let blurred = bivouac_planner::Pattern::image_tag("{pr}{sha7}").unwrap();
        let tag = blurred.fill(pr, Some(&sha)).unwrap();
        prop_assert!(blurred.prs_of_tag(&tag).iter().any(|found| found.get() == pr));
    }

    #[test]
    fn any_tag_is_somebodys_or_nobodys(tag in "\\PC{0,128}") {
        for pattern in ["pr-{pr}-ci", "{pr}{sha7}", "{sha}{pr}{pr}"] {
            let _ = bivouac_planner::Pattern::image_tag(pattern).unwrap().prs_of_tag(&tag);
        }
    }
}
