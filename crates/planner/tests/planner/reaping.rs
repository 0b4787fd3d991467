//! The reaper: what no record answers for goes once two observations condemn it, and nothing else ever does.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bivouac_model::{Desired, DesiredState, ItemKey, Phase, Record, Service, TaskDefinitionName};
use bivouac_planner::Policy;
use bivouac_planner::reap::{AdoptMode, Adoption, Alarm, Fate, Judgement, Reason, Scene, judge, suspects};
use chrono::TimeDelta;
use proptest::prelude::*;
use wildmatch::WildMatch;

use crate::fixtures::{policy, seconds, start};
use crate::world::World;

const APART: Duration = Duration::from_secs(30);
const TTL: i64 = 48 * 3600;

/// A service of ours for a pull request, so many seconds old.
fn orphan(pr: u64, age: i64) -> Service {
    Service {
        name: format!("pr-{pr}-service"),
        managed_by: Some("default".into()),
        owner: Some(format!("apache/superset#{pr}")),
        spec: None,
        hash_version: None,
        protected: false,
        desired_count: 1,
        running_count: 1,
        task_definition: TaskDefinitionName::from_arn("superset:1"),
        exec: false,
        capacity: None,
        created_at: Some(start() - seconds(age)),
        deployments: Vec::new(),
        events: Vec::new(),
    }
}

fn record(pr: u64) -> Record {
    let key = ItemKey { repo: "apache/superset".into(), pr: pr.to_string().into() };
    Record { key, desired: Ok(DesiredState::default()), generation: None, status: None }
}

fn adopting(mode: AdoptMode) -> Policy {
    Policy { adopt: vec![Adoption { pattern: WildMatch::new("pr-*-service"), mode }], ..policy() }
}

/// What is needed to judge, besides suspects and policy.
struct View {
    records: Vec<Record>,
    condemned: HashMap<String, Duration>,
    allowance: usize,
    clock_jumped: bool,
    trust: bool,
}

/// Another pull request has a record, and a pass before condemned everything.
fn second_look(suspects: &[Service]) -> View {
    let condemned = suspects.iter().map(|service| (service.name.clone(), APART)).collect();
    View { records: vec![record(1)], condemned, allowance: 20, clock_jumped: false, trust: false }
}

fn judged(suspects: &[Service], policy: &Policy, view: &View) -> Judgement {
    judge(&Scene {
        suspects,
        records: &view.records,
        policy,
        now: start(),
        condemned: &view.condemned,
        apart: APART,
        allowance: view.allowance,
        clock_jumped: view.clock_jumped,
        trust_empty_table: view.trust,
    })
}

fn only(suspect: Service, policy: &Policy) -> (Fate, Reason) {
    let suspects = [suspect];
    let judgement = judged(&suspects, policy, &second_look(&suspects));
    (judgement.verdicts[0].fate, judgement.verdicts[0].reason)
}

#[test]
fn an_orphan_lives_to_the_ceiling_and_goes_when_two_looks_agree() {
    assert_eq!(only(orphan(7, TTL - 1), &policy()), (Fate::Keep, Reason::NotYetOver));
    assert_eq!(only(orphan(7, TTL), &policy()), (Fate::Reap, Reason::Orphaned));
    let suspects = [orphan(7, TTL)];
    for ago in [None, Some(Duration::ZERO), Some(APART - Duration::from_millis(1))] {
        let condemned = ago.map(|ago| ("pr-7-service".to_owned(), ago)).into_iter().collect();
        let view = View { condemned, ..second_look(&suspects) };
        let verdict = &judged(&suspects, &policy(), &view).verdicts[0];
        assert_eq!((verdict.fate, verdict.reason), (Fate::Condemn, Reason::Orphaned), "{ago:?}");
        assert!(verdict.message.contains("another complete observation"), "{}", verdict.message);
    }
}

#[test]
fn what_is_not_surely_ours_stays() {
    let ours = || orphan(7, TTL * 2);
    let cases = [
        (Service { managed_by: None, ..ours() }, Reason::Unmanaged),
        (Service { managed_by: Some("other".into()), name: "web".into(), ..ours() }, Reason::OtherInstance),
        (Service { protected: true, ..ours() }, Reason::Protected),
        (Service { created_at: None, ..ours() }, Reason::AgeUnknown),
        (Service { owner: None, ..ours() }, Reason::NoOwner),
        (Service { owner: Some("nonsense".into()), ..ours() }, Reason::NoOwner),
        (Service { owner: Some("apache/airflow#7".into()), ..ours() }, Reason::UnknownRepository),
        (Service { owner: Some("apache/superset#8".into()), ..ours() }, Reason::NameDiffers),
        (Service { owner: Some("apache/superset#1".into()), name: "pr-1-service".into(), ..ours() }, Reason::HasRecord),
    ];
    for (service, reason) in cases {
        assert_eq!(only(service, &policy()), (Fate::Keep, reason));
    }
}

#[test]
fn what_contradicts_itself_and_is_over_is_an_alarm_that_holds_nobody_else() {
    let suspects = [Service { owner: None, ..orphan(7, TTL * 2) }, orphan(8, TTL * 2)];
    let judgement = judged(&suspects, &policy(), &second_look(&suspects));
    assert_eq!(judgement.alarms, [Alarm::PastItsTime { services: 1 }]);
    assert_eq!(judgement.verdicts.iter().filter(|verdict| verdict.fate == Fate::Reap).count(), 1);
}

#[test]
fn services_of_an_older_system_are_watched_first() {
    let old = || Service { managed_by: None, owner: None, ..orphan(7, TTL * 2) };
    assert_eq!(only(old(), &adopting(AdoptMode::Observe)), (Fate::Keep, Reason::ObservedOnly));
    assert_eq!(only(old(), &adopting(AdoptMode::Reap)), (Fate::Reap, Reason::Adopted));
    let web = Service { name: "web".into(), ..old() };
    assert_eq!(only(web, &adopting(AdoptMode::Reap)), (Fate::Keep, Reason::Unmanaged));
    let young = Service { created_at: Some(start()), ..old() };
    assert_eq!(only(young, &adopting(AdoptMode::Reap)), (Fate::Keep, Reason::NotYetOver));
}

#[test]
fn an_alarm_holds_every_deletion() {
    let suspects = [orphan(7, TTL * 2)];
    let calm = || second_look(&suspects);
    let cases = [
        (View { records: vec![], ..calm() }, Alarm::EmptyTable { services: 1 }),
        (View { clock_jumped: true, ..calm() }, Alarm::ClockJumped),
    ];
    for (view, alarm) in cases {
        let judgement = judged(&suspects, &policy(), &view);
        assert_eq!(judgement.alarms, std::slice::from_ref(&alarm));
        assert_eq!(judgement.verdicts[0].fate, Fate::Keep);
        assert_eq!(judgement.verdicts[0].reason.as_str(), alarm.reason());
        assert!(!alarm.message().is_empty());
    }
    let trusted = View { records: vec![], trust: true, ..calm() };
    assert_eq!(judged(&suspects, &policy(), &trusted).verdicts[0].fate, Fate::Reap);
}

/// A record that deployed a service, as its status remembers it.
fn deployed(pr: u64, service: &Service) -> Record {
    let mut status = World::ready().status().clone();
    status.machinery.task_definition = Some(service.task_definition.clone());
    Record { status: Some(status), ..record(pr) }
}

#[test]
fn an_instance_was_renamed_when_its_own_records_run_under_another_name() {
    let renamed = Service { managed_by: Some("old".into()), ..orphan(8, TTL * 2) };
    let suspects = [orphan(7, TTL * 2), renamed.clone()];
    let mut own = deployed(8, &renamed);
    let judged_with = |own: &Record| {
        let view = View { records: vec![record(1), own.clone()], ..second_look(&suspects) };
        judged(&suspects, &policy(), &view)
    };
    let judgement = judged_with(&own);
    assert_eq!(judgement.alarms, [Alarm::InstanceChanged { services: 1, instance: "old".into() }]);
    assert!(judgement.verdicts.iter().all(|verdict| verdict.fate == Fate::Keep));

    // A take-down under the new name found nothing of its own, and forgot what it had deployed.
    let status = own.status.as_mut().expect("it has one");
    (status.phase, status.machinery.spec, status.machinery.task_definition) = (Phase::Terminated, None, None);
    status.machinery.first_seen_at = Some(start() - seconds(TTL * 2 + 60));
    status.machinery.phase_since = Some(start());
    assert_eq!(judged_with(&own).alarms, [Alarm::InstanceChanged { services: 1, instance: "old".into() }]);
}

#[test]
fn a_strangers_service_that_is_named_alike_holds_no_deletion() {
    let strangers = Service { managed_by: Some("staging".into()), ..orphan(8, TTL * 2) };
    let suspects = [orphan(7, TTL * 2), strangers.clone()];
    let fates = |records: Vec<Record>| {
        let judgement = judged(&suspects, &policy(), &View { records, ..second_look(&suspects) });
        assert_eq!(judgement.alarms, []);
        let fate_of = |name: &str| judgement.verdicts.iter().find(|verdict| verdict.service == name).unwrap().fate;
        (fate_of("pr-7-service"), fate_of("pr-8-service"))
    };
    assert_eq!(fates(vec![record(1)]), (Fate::Reap, Fate::Keep), "no record of ours");
    // A record of ours found its name taken: it never deployed anything, or something else, or before the stranger came.
    assert_eq!(fates(vec![record(8)]), (Fate::Reap, Fate::Keep));
    let another = Service { task_definition: TaskDefinitionName::from_arn("superset:9"), ..strangers.clone() };
    let mut known = deployed(8, &another);
    assert_eq!(fates(vec![known.clone()]), (Fate::Reap, Fate::Keep));
    let status = known.status.as_mut().expect("it has one");
    (status.phase, status.machinery.spec, status.machinery.task_definition) = (Phase::Terminated, None, None);
    status.machinery.first_seen_at = Some(start() - seconds(TTL * 4));
    status.machinery.phase_since = Some(start() - seconds(TTL * 3));
    assert_eq!(fates(vec![known]), (Fate::Reap, Fate::Keep), "our own was gone before the stranger's was made");
    // A record of ours runs under its own name, and the stranger's is of another pull request.
    let other_owner = Service { owner: Some("apache/superset#80".into()), ..strangers };
    let suspects = [orphan(7, TTL * 2), other_owner.clone()];
    let view = View { records: vec![deployed(80, &other_owner)], ..second_look(&suspects) };
    assert_eq!(judged(&suspects, &policy(), &view).alarms, []);
}

#[test]
fn what_aws_refuses_to_the_account_is_one_alarm_that_names_how_many() {
    let mut refused = World::ready().status().clone();
    let message = "AWS refuses to create services: User: x is not authorized to perform: ecs:CreateService.";
    (refused.phase, refused.reason, refused.message) = (Phase::Pending, "Denied".into(), message.to_owned());
    let records: Vec<Record> =
        (1..=3).map(|pr| Record { status: Some(refused.clone()), ..record(pr) }).chain([record(4)]).collect();
    let suspects = [orphan(7, TTL * 2)];
    let judgement = judged(&suspects, &policy(), &View { records, ..second_look(&suspects) });
    assert_eq!(judgement.alarms, [Alarm::AccountRefused { environments: 3, message: message.to_owned() }]);
    assert!(judgement.alarms[0].message().contains("This concerns 3 environments."));
    assert_eq!(judgement.verdicts[0].fate, Fate::Reap, "it holds no deletion");
}

#[test]
fn the_oldest_go_first_as_many_as_one_pass_may() {
    let suspects: Vec<Service> = (2..7).map(|pr| orphan(pr, TTL + pr as i64)).collect();
    let view = View { allowance: 2, ..second_look(&suspects) };
    let judgement = judged(&suspects, &policy(), &view);
    let going: Vec<&str> =
        judgement.verdicts.iter().filter(|one| one.fate == Fate::Reap).map(|one| one.service.as_str()).collect();
    assert_eq!(going, ["pr-6-service", "pr-5-service"]);
    assert!(judgement.verdicts[2..].iter().all(|one| one.fate == Fate::Condemn && one.message.contains("turn")));
}

#[test]
fn a_record_answers_for_its_service_whatever_it_says() {
    let listed: HashSet<String> = ["pr-1-service", "pr-2-service", "web"].map(str::to_owned).into();
    let mut down = record(1);
    down.desired = Ok(DesiredState { desired: Desired::Down, ..DesiredState::default() });
    assert_eq!(suspects(&listed, &[down], &policy()), ["pr-2-service", "web"]);
    let broken = Record { desired: Err(Vec::new()), ..record(2) };
    assert_eq!(suspects(&listed, &[broken], &policy()), ["pr-1-service", "web"]);
}

/// A service of a random cloud, with what a record says of it.
fn service() -> impl Strategy<Value = (Service, bool)> {
    let managed = prop_oneof![4 => Just(Some("default")), 1 => Just(Some("other")), 1 => Just(None)];
    let owner = prop_oneof![5 => Just(0u64), 1 => Just(1), 1 => Just(2)];
    let created = prop_oneof![5 => (0..TTL * 3).prop_map(Some), 1 => Just(None)];
    (2..40u64, managed, owner, created, any::<bool>(), any::<bool>()).prop_map(
        |(pr, managed, owner, created, protected, has_record)| {
            let owner = match owner {
                0 => Some(format!("apache/superset#{pr}")),
                1 => Some("apache/superset#1000".to_owned()),
                _ => None,
            };
            let created_at = created.map(|age| start() - TimeDelta::seconds(age));
            let managed_by = managed.map(str::to_owned);
            (Service { managed_by, owner, created_at, protected, ..orphan(pr, 0) }, has_record)
        },
    )
}

proptest! {
    #[test]
    fn of_a_random_cloud_only_what_may_go_goes_and_all_of_that_in_the_end(
        services in proptest::collection::vec(service(), 0..30),
        allowance in 1..8usize,
    ) {
        // A name is one service's.
        let mut cloud: HashMap<String, (Service, bool)> =
            services.into_iter().map(|(service, has)| (service.name.clone(), (service, has))).collect();
        let policy = policy();
        let mut records: Vec<Record> = cloud
            .values()
            .filter(|(_, has)| *has)
            .map(|(service, _)| record(service.name.split('-').nth(1).unwrap().parse().unwrap()))
            .collect();
        records.push(record(1));
        let may_go = |service: &Service, has: bool| {
            !has
                && service.managed_by.as_deref() == Some("default")
                && service.owner.as_deref().is_some_and(|owner| {
                    service.name == format!("pr-{}-service", owner.rsplit('#').next().unwrap())
                })
                && !service.protected
                && service.created_at.is_some_and(|at| start() - at >= seconds(TTL))
        };
        let deletable = cloud.values().filter(|(service, has)| may_go(service, *has)).count();
        let mut condemned: HashMap<String, Duration> = HashMap::new();
        for pass in 0..2 + deletable.div_ceil(allowance) {
            let listed: HashSet<String> = cloud.keys().cloned().collect();
            let names = suspects(&listed, &records, &policy);
            let described: Vec<Service> = names.iter().map(|name| cloud[name].0.clone()).collect();
            let view = View { records: records.clone(), condemned, allowance, clock_jumped: false, trust: false };
            let judgement = judged(&described, &policy, &view);
            let goes: Vec<_> = judgement.verdicts.iter().filter(|one| one.fate == Fate::Reap).collect();
            prop_assert!(goes.len() <= allowance);
            prop_assert!(pass > 0 || goes.is_empty(), "one observation is not enough");
            for verdict in goes {
                let (service, has) = cloud.remove(&verdict.service).unwrap();
                prop_assert!(may_go(&service, has), "{service:?}");
            }
            let kept = judgement.verdicts.iter().filter(|one| one.fate == Fate::Condemn);
            condemned = kept.map(|one| (one.service.clone(), APART)).collect();
        }
        let left = cloud.values().filter(|(service, has)| may_go(service, *has)).count();
        prop_assert_eq!(left, 0);
    }
}
