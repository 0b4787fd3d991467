//! Which variables a record may set, and what becomes of an environment whose record may not any more.

use bivouac_model::{Desired, DesiredState, Phase};
use bivouac_planner::Template;
use bivouac_policy::VariableRules;

use crate::fixtures::{seconds, up};
use crate::world::World;

const TEMPLATE: &str = r#"{
    "family": "superset", "cpu": "512", "memory": "1024",
    "containerDefinitions": [
        {"name": "app", "secrets": [{"name": "DATABASE_URL", "valueFrom": "arn"}]},
        {"name": "sidecar", "secrets": [{"name": "SIDECAR_KEY", "valueFrom": "arn"}]}
    ]
}"#;

fn flags(names: &[&str]) -> DesiredState {
    DesiredState { flags: names.iter().map(|name| ((*name).to_owned(), "hunter2".to_owned())).collect(), ..up() }
}

fn config(names: &[&str]) -> DesiredState {
    DesiredState { config: flags(names).flags, ..up() }
}

/// A project without a prefix, whose template has secrets.
fn world(desired: DesiredState, rules: VariableRules) -> World {
    let mut world = World::new(desired);
    for project in world.policy.projects.values_mut() {
        project.template = Template::parse(TEMPLATE, &["app".into()]).unwrap();
        project.variables = rules.clone();
    }
    world
}

fn all() -> Vec<wildmatch::WildMatch> {
    vec![wildmatch::WildMatch::new("*")]
}

#[test]
fn a_name_that_no_rule_allows_makes_the_record_invalid_and_starts_nothing() {
    let loose = || VariableRules { flags_allow: all(), config_allow: all(), ..VariableRules::default() };
    for (desired, rules, says) in [
        (
            flags(&["DATABASE_NAME"]),
            VariableRules::default(),
            "flags holds the name `DATABASE_NAME`; allowed: `FEATURE_*`.",
        ),
        (flags(&["LD_PRELOAD"]), loose(), "flags holds the name `LD_PRELOAD`; allowed: no variable of"),
        (config(&["PATH"]), loose(), "config holds the name `PATH`; allowed: no variable of"),
        (flags(&["DATABASE_URL"]), loose(), "`DATABASE_URL`, which is a secret of the task definition"),
        (config(&["DATABASE_URL"]), loose(), "`DATABASE_URL`, which is a secret of the task definition"),
        (config(&["ANYTHING"]), VariableRules::default(), "config holds the name `ANYTHING`; allowed: none."),
    ] {
        let mut world = world(desired, rules);
        world.settle();
        assert_eq!((world.phase(), world.reason()), (Phase::Invalid, "InvalidRecord"), "{says}");
        assert!(world.status().message.contains(says), "{says}: {}", world.status().message);
        assert!(!world.status().message.contains("hunter2"), "{}", world.status().message);
        assert_eq!(world.cloud.created, 0, "{says}");
    }
}

#[test]
fn what_is_allowed_runs_with_the_variables_it_sets() {
    let rules = VariableRules {
        config_allow: all(),
        secrets_override: vec!["DATABASE_URL".into()],
        ..VariableRules::default()
    };
    // A secret of a container that gets no variables is nobody's to replace, and in nobody's way.
    let desired = DesiredState { config: config(&["DATABASE_URL", "SIDECAR_KEY"]).config, ..flags(&["FEATURE_X"]) };
    let mut world = world(desired, rules);
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn what_ran_with_a_name_that_is_refused_now_keeps_running_until_its_time_is_over() {
    let loose = VariableRules { flags_allow: all(), ..VariableRules::default() };
    let mut world = world(flags(&["DEBUG"]), loose);
    world.settle();
    let (expires, created) = (world.status().expires_at, world.cloud.created);
    assert_eq!(world.phase(), Phase::Ready);

    world.policy.projects.values_mut().for_each(|project| project.variables = VariableRules::default());
    world.advance(seconds(600));
    world.settle();
    assert_eq!(world.phase(), Phase::Invalid);
    assert!(world.status().message.contains("What ran before is left as it is"), "{}", world.status().message);
    assert_eq!((world.status().expires_at, world.cloud.created), (expires, created));
    assert_eq!(world.cloud.live_tasks().len(), 1, "nothing is killed");

    world.now = expires;
    world.settle();
    assert_eq!((world.phase(), world.cloud.live_tasks().len()), (Phase::Terminated, 0), "nothing is extended");
}

#[test]
fn a_wish_that_keeps_to_the_rules_is_followed_again_and_a_down_always() {
    for desired in [Desired::Up, Desired::Down] {
        let mut world = world(flags(&["DEBUG"]), VariableRules { flags_allow: all(), ..VariableRules::default() });
        world.settle();
        world.policy.projects.values_mut().for_each(|project| project.variables = VariableRules::default());
        world.settle();
        assert_eq!(world.phase(), Phase::Invalid);
        world.wish(|wish| {
            wish.desired = desired;
            if desired == Desired::Up {
                wish.flags.clear();
            }
        });
        world.settle();
        let phase = if desired == Desired::Up { Phase::Ready } else { Phase::Terminated };
        assert_eq!(world.phase(), phase);
    }
}
