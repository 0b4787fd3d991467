//! What holds after any calls in any order, at any pace.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::{Rig, create_service};
use crate::model::ecs::TaskId;
use crate::model::ecs::network::Provider;
use crate::model::ecs::task::Phase;

/// One thing a caller or time does.
#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Scale(u8, u8),
    Redeploy(u8),
    Delete(u8),
    StopOne,
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3u8).prop_map(Step::Create),
        (0..3u8, 0..4u8).prop_map(|(name, desired)| Step::Scale(name, desired)),
        (0..3u8).prop_map(Step::Redeploy),
        (0..3u8).prop_map(Step::Delete),
        Just(Step::StopOne),
        (0..90i64).prop_map(Step::Pass),
    ]
}

fn take(rig: &mut Rig, step: &Step) {
    let name = |n: &u8| format!("s{n}");
    // A call that is refused is part of the story: only what holds afterwards is of interest.
    match step {
        Step::Create(n) => {
            let mut input = create_service("web");
            input["serviceName"] = json!(name(n));
            let _ = rig.call("CreateService", input);
        }
        Step::Scale(n, desired) => {
            let input = json!({"cluster": "c", "service": name(n), "desiredCount": desired});
            let _ = rig.call("UpdateService", input);
        }
        Step::Redeploy(n) => {
            let input = json!({"cluster": "c", "service": name(n), "forceNewDeployment": true});
            let _ = rig.call("UpdateService", input);
        }
        Step::Delete(n) => {
            let input = json!({"cluster": "c", "service": name(n), "force": true});
            let _ = rig.call("DeleteService", input);
        }
        Step::StopOne => {
            let first = rig.world.ecs.tasks.keys().min().cloned();
            if let Some(id) = first {
                let _ = rig.call("StopTask", json!({"cluster": "c", "task": &*id}));
            }
        }
        Step::Pass(seconds) => rig.pass(*seconds),
    }
}

fn check(rig: &Rig) {
    let world = &rig.world;
    let alive = || world.ecs.tasks.values().filter(|task| task.phase != Phase::Stopped);
    let attached = alive().filter(|task| task.interface.is_some()).count();
    assert_eq!(world.ec2.interfaces.len(), attached, "an interface for each task that has one");
    let on_demand = alive().filter(|task| task.provider != Provider::Spot);
    let used: u64 = on_demand.map(|task| u64::from(task.definition.cpu)).sum();
    assert_eq!(world.ecs.capacity.on_demand_used, used);
    for service in world.ecs.clusters.values().flat_map(|cluster| cluster.services.values()) {
        let tasks = || service.tasks.iter().map(|id| &world.ecs.tasks[id]);
        assert!(tasks().all(|task| task.phase != Phase::Stopped));
        let wanted = tasks().filter(|task| task.is_wanted()).count();
        let upper = service.configuration.upper(service.desired) as usize;
        assert!(wanted <= upper, "{wanted} tasks wanted, at most {upper} allowed");
    }
}

fn alive(rig: &Rig) -> BTreeSet<TaskId> {
    let tasks = rig.world.ecs.tasks.values();
    tasks.filter(|task| task.phase != Phase::Stopped).map(|task| task.id.clone()).collect()
}

proptest! {
    #[test]
    fn nothing_leaks_and_everything_settles(steps in prop::collection::vec(step(), 0..30)) {
        let mut rig = Rig::new();
        rig.register("web", "nginx");
        for step in &steps {
            take(&mut rig, step);
            check(&rig);
        }
        // Longer than any start, stop and deployment takes.
        rig.pass(600);
        check(&rig);
        for n in 0..3 {
            let service = rig.service(&format!("s{n}"));
            if service["status"] == "ACTIVE" {
                prop_assert_eq!(&service["runningCount"], &service["desiredCount"]);
                prop_assert_eq!(&service["deployments"][0]["rolloutState"], "COMPLETED");
                prop_assert_eq!(service["deployments"].as_array().map(Vec::len), Some(1));
            } else if service.is_object() {
                prop_assert_eq!(&service["status"], "INACTIVE");
            }
        }
        let before = alive(&rig);
        rig.pass(600);
        let after = alive(&rig);
        prop_assert_eq!(before, after, "a settled world starts nothing more");
    }
}
