use std::collections::{BTreeMap, HashMap};

use bivouac_controller::{CollectedRepository, Collection};
use bivouac_model::{DescribedRevision, ImageDigest, ListedImage, ManifestKind, PullRequestState, TaskDefinitionName};
use bivouac_planner::Prices;
use bivouac_planner::definitions::RevisionVerdict;
use bivouac_planner::images::{Freed, ImageRoots, ImagesObserved, plan_images};

use super::*;
use crate::cli::collection::CollectionView;
use crate::cli::output::Format;

fn image(number: u8, tags: &[&str], gigabytes: u64) -> ListedImage {
    ListedImage {
        digest: ImageDigest::new(&format!("sha256:{}", format!("{number:02x}").repeat(32))),
        tags: tags.iter().map(|tag| (*tag).into()).collect(),
        kind: ManifestKind::Image,
        bytes: gigabytes << 30,
        pushed_at: Some(now() - TimeDelta::days(3)),
        subject: None,
        archived: false,
    }
}

/// A repository with something to delete and something to keep.
fn collection() -> Collection {
    let policy = crate::dev::policy::policy().unwrap();
    let name = policy.projects.values().next().unwrap().ecr_repository.clone();
    let inventory = vec![
        image(1, &["v1", "pr-9-ci"], 1),
        image(2, &[], 12),
        image(3, &["pr-9-ci-2"], 1),
        image(4, &["pr-8-ci"], 3),
    ];
    let closed = |pr: u64| (format!("acme/hello#{pr}").parse().unwrap(), PullRequestState::Closed);
    let plan = plan_images(
        &ImagesObserved {
            repository: &name,
            inventory: &inventory,
            manifests: &HashMap::new(),
            roots: &ImageRoots::default(),
            pulls: &BTreeMap::from([closed(8), closed(9)]),
            hold: None,
        },
        &policy,
        now(),
    );
    let freed = Freed::by(&plan, &inventory);
    let revision = |number: u8| DescribedRevision {
        name: TaskDefinitionName::from_arn(&format!("hello-pr-8-service:{number}")),
        active: true,
        managed_by: Some("dev".into()),
        registered_at: Some(now()),
        images: Vec::new(),
    };
    Collection {
        repositories: vec![CollectedRepository { name, inventory, plan, freed }],
        revisions: vec![(revision(1), RevisionVerdict::Deregister), (revision(2), RevisionVerdict::Used)],
        hold: None,
    }
}

#[test]
fn a_plan_shows_what_nothing_needs_and_what_it_costs() {
    let print = |format: Format, view: &CollectionView| {
        let (out, err) = (Paper::default(), Paper::default());
        let mut session = Session {
            config: Config::parse(Path::new("bivouac.toml"), CONFIGURATION, &Variables::new()).unwrap(),
            store: Arc::new(MemoryStore::default()),
            journal: Arc::new(MemoryStore::default()),
            spending: Arc::new(MemoryStore::default()),
            workload: Arc::new(workload::Cloud::default()).workload(),
            clock: Arc::new(Noon),
            terminal: Terminal::plain(out.clone(), err.clone()),
            format,
            user: Some("ada".into()),
            pace: Duration::from_millis(1),
            interrupt: CancellationToken::new(),
        };
        plan::print(&mut session, &[], None, Some(view)).unwrap();
        out.text() + &err.text()
    };
    let view = CollectionView::new(&collection(), &Prices::default());
    insta::assert_snapshot!(print(Format::Table, &view), @"

    KIND              NAME                           NEXT         REASON              WHY
    image             hello@020202020202             delete       Untagged            It has no tag, and nothing that stays needs it.
    image             hello@040404040404 (pr-8-ci)   delete       PullRequestClosed   Its pull request acme/hello#8 is closed.
    tag               hello:pr-9-ci                  remove       PullRequestClosed   Its pull request acme/hello#9 is closed.
    task-definition   hello-pr-8-service:1           deregister   Unused              Nothing uses it, so it is deregistered.

    Images kept: 2 (2 Tagged). Task definitions kept: 1 (1 Used).
    To be deleted: 2 images, 15.0 GB at most, $1.50 a month; layers that others share stay.
    No environments.
    ");
    let shown: serde_json::Value = serde_json::from_str(&print(Format::Json, &view)).unwrap();
    assert_eq!(shown["images"].as_array().unwrap().len(), 4, "those that stay, too");
    assert_eq!(shown["images"][1]["action"], "delete");
    assert_eq!(shown["images"][1]["reason"], "Untagged");
    assert_eq!(shown["images"][2]["action"], "keep");
    assert_eq!(shown["tags"][0]["environment"], "acme/hello#9");
    assert_eq!(shown["task_definitions"][0]["action"], "deregister");
    assert_eq!(shown["frees"], serde_json::json!({ "images": 2, "bytes": 15u64 << 30, "usd_per_month": 1.5 }));
}
