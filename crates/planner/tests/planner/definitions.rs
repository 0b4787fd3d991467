//! Revisions of task definitions that nothing uses.

use std::collections::HashSet;

use bivouac_model::{DescribedRevision, TaskDefinitionName};
use bivouac_planner::definitions::{RevisionVerdict, may_be_ours, plan_revision};
use bivouac_planner::images::Hold;
use chrono::TimeDelta;

use crate::fixtures::{policy, start};

fn old(family: &str) -> DescribedRevision {
    DescribedRevision {
        name: TaskDefinitionName::from_arn(&format!("{family}:3")),
        active: true,
        managed_by: Some("default".into()),
        registered_at: Some(start() - TimeDelta::days(2)),
        images: Vec::new(),
    }
}

#[test]
fn only_what_is_ours_and_old_and_unused_goes() {
    let ours = old("superset-pr-7-service");
    let (unused, used) = (HashSet::new(), HashSet::from([ours.name.clone()]));
    let verdict = |revision: &DescribedRevision| plan_revision(revision, &unused, None, &policy(), start());
    assert_eq!(verdict(&ours), RevisionVerdict::Deregister);
    assert_eq!(verdict(&DescribedRevision { active: false, ..ours.clone() }), RevisionVerdict::Delete);
    for other in
        ["superset", "superset-pr-7", "superset-pr-07-service", "airflow-pr-7-service", "superset-pr-7-service-2"]
    {
        assert_eq!(verdict(&old(other)), RevisionVerdict::NotOurs, "{other}");
        assert!(!may_be_ours(&policy(), other));
    }
    for other in [None, Some("another".to_owned())] {
        let foreign = DescribedRevision { managed_by: other, ..ours.clone() };
        assert_eq!(verdict(&foreign), RevisionVerdict::Foreign);
    }
    for registered_at in [None, Some(start() - TimeDelta::hours(23)), Some(start() + TimeDelta::days(9))] {
        let young = DescribedRevision { registered_at, ..ours.clone() };
        assert_eq!(verdict(&young), RevisionVerdict::Young);
    }
    for active in [true, false] {
        let revision = DescribedRevision { active, ..ours.clone() };
        assert_eq!(plan_revision(&revision, &used, None, &policy(), start()), RevisionVerdict::Used);
        let hold = Some(Hold::EmptyTable);
        let held = plan_revision(&revision, &unused, hold, &policy(), start());
        assert_eq!(held, RevisionVerdict::Held(Hold::EmptyTable));
    }
}
