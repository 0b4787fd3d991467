//! The promises of the door to the cluster.

use std::collections::{HashMap, HashSet};

use bivouac_aws::Ecs;
use bivouac_model::{
    Capacity, ContentHash, Rollout, Service, ServiceChange, ServiceSpec, ServiceView, TAG_HASH_VERSION, TAG_MANAGED,
    TAG_PR, TAG_PROTECT, TAG_REPO, TAG_SPEC, Task, TaskDefinitionName, TaskState,
};
use bivouac_ports::{Cluster as _, Meaning};
use serde_json::json;

use super::differences::Gap;
use super::place::{Place, eventually, unique};

/// Hands the names of all promises to the macro `$with`.
#[macro_export]
macro_rules! cluster_promises {
    ($with:ident) => {
        $with! {
            cluster:
            a_service_lives_from_creation_to_absence,
            a_service_that_is_changed_is_told_as_it_is_now,
            tags_are_set_and_replaced,
            more_services_than_a_call_describes_are_all_answered,
            more_services_than_a_page_holds_are_all_listed,
            more_tasks_than_a_page_holds_are_all_told,
            a_task_has_its_service_its_deployment_and_its_address,
            addresses_of_many_interfaces_are_found_by_group,
            interfaces_that_are_gone_are_left_out,
            tasks_of_one_service_are_not_those_of_another,
            a_name_that_is_taken_is_a_conflict,
            the_same_token_creates_once,
            a_name_that_drains_is_a_conflict_until_it_is_free,
            deleting_twice_is_deleting_once,
            revisions_are_told_newest_first_with_their_content,
            a_family_is_not_a_prefix,
            more_revisions_than_are_looked_into_are_all_told,
            registrations_in_one_family_take_turns,
            a_definition_is_registered_whole,
            what_ecs_refuses_for_good_is_invalid,
            deregistering_twice_is_deregistering_once,
            a_revision_tells_whose_it_is_and_what_it_runs,
            what_is_deregistered_is_found_and_deleted,
            what_is_not_there_is_not_found,
            capacity_is_what_the_cluster_was_given,
            a_provider_that_the_cluster_lacks_is_invalid,
        }
    };
}

/// A family with one revision.
async fn registered(place: &Place, ecs: &Ecs) -> TaskDefinitionName {
    let family = unique("family");
    ecs.register(&place.rendered(&family, "first").await).await.expect("it is valid")
}

fn spec(name: &str, task_definition: &TaskDefinitionName, desired_count: u32) -> ServiceSpec {
    ServiceSpec {
        name: name.to_owned(),
        task_definition: task_definition.clone(),
        desired_count,
        capacity: Capacity::Spot,
        exec: false,
        tags: vec![
            (TAG_MANAGED.into(), "contract".into()),
            (TAG_REPO.into(), "apache/superset".into()),
            (TAG_PR.into(), "7".into()),
            (TAG_SPEC.into(), "abc".into()),
            (TAG_HASH_VERSION.into(), "1".into()),
        ],
    }
}

async fn view(ecs: &Ecs, name: &str) -> ServiceView {
    ecs.services(&[name.to_owned()]).await.expect("an answer").remove(name).expect("every name is answered")
}

fn active(view: ServiceView) -> Service {
    match view {
        ServiceView::Active(service) => *service,
        other => panic!("not active: {other:?}"),
    }
}

async fn running(ecs: &Ecs, service: &str) -> Task {
    eventually("a running task", async || {
        let tasks = ecs.live_tasks().await.expect("a list");
        tasks.into_iter().find(|task| task.service.as_deref() == Some(service) && task.is_running())
    })
    .await
}

async fn absent(ecs: &Ecs, name: &str) {
    eventually("its absence", async || (view(ecs, name).await == ServiceView::Absent).then_some(())).await;
}

/// A new service of one task that runs, and its task.
async fn with_task(place: &Place, ecs: &Ecs, cluster: &str, name: &str) -> Task {
    let definition = registered(place, ecs).await;
    ecs.create_service(&spec(name, &definition, 1), &unique("t")).await.expect("a service");
    place.play_agent(ecs, cluster, name).await;
    running(ecs, name).await
}

pub async fn a_service_lives_from_creation_to_absence(place: &Place) {
    let (ecs, _) = place.cluster().await;
    assert_eq!(view(&ecs, "pr-7-service").await, ServiceView::Absent);

    let definition = registered(place, &ecs).await;
    let made = ecs.create_service(&spec("pr-7-service", &definition, 1), "token-1").await.expect("a service");
    let read = active(view(&ecs, "pr-7-service").await);
    for service in [active(made), read] {
        assert_eq!(service.name, "pr-7-service");
        assert_eq!(service.managed_by.as_deref(), Some("contract"));
        assert_eq!(service.owner.as_deref(), Some("apache/superset#7"));
        assert_eq!(service.spec, Some(ContentHash::from_stored("abc")));
        assert_eq!(service.hash_version.as_deref(), Some("1"));
        assert!(!service.protected);
        assert_eq!(service.desired_count, 1);
        assert_eq!(service.task_definition, definition);
        assert_eq!(service.created_at.is_some(), !place.emulator.has(Gap::NoTimeOfCreation));
        let primary = service.primary().expect("a deployment");
        assert!(primary.id.starts_with("ecs-svc/"), "{}", primary.id);
        assert_eq!(primary.task_definition, definition);
        if !place.emulator.has(Gap::NoCapacityProvidersOfServices) {
            assert_eq!(service.capacity, Some(Capacity::Spot));
        }
    }
    assert_eq!(ecs.service_names().await.expect("a list"), ["pr-7-service"]);

    ecs.delete_service("pr-7-service").await.expect("it goes");
    if !place.emulator.has(Gap::DeletedIsListed) {
        assert!(ecs.service_names().await.expect("a list").is_empty(), "what drains is not listed");
    }
    absent(&ecs, "pr-7-service").await;
}

pub async fn a_service_that_is_changed_is_told_as_it_is_now(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let first = registered(place, &ecs).await;
    let made = active(ecs.create_service(&spec("changing", &first, 0), "token").await.expect("a service"));
    let second = ecs.register(&place.rendered(first.family(), "second").await).await.expect("a revision");

    let change =
        ServiceChange { task_definition: Some(second.clone()), desired_count: Some(1), ..ServiceChange::default() };
    let changed = active(ecs.update_service("changing", &change).await.expect("it changes"));
    assert_eq!(changed.desired_count, 1);
    assert_eq!(changed.managed_by.as_deref(), Some("contract"), "whose it is does not change");
    if !place.emulator.has(Gap::NoNewDeployment) {
        assert_eq!(changed.task_definition, second);
        assert_eq!(changed.primary().map(|primary| &primary.task_definition), Some(&second));
    }

    let change = ServiceChange { force_new_deployment: true, ..ServiceChange::default() };
    let forced = active(ecs.update_service("changing", &change).await.expect("it changes"));
    let id = |service: &Service| service.primary().map(|primary| primary.id.clone());
    assert_ne!(id(&forced), id(&made), "the same task definition, but another deployment");
    assert_eq!(forced.desired_count, 1, "what is not named stays");

    if !place.emulator.has(Gap::NoCapacityProvidersOfServices) {
        let change = ServiceChange { capacity: Some(Capacity::OnDemand), ..ServiceChange::default() };
        let moved = active(ecs.update_service("changing", &change).await.expect("it changes"));
        assert_eq!(moved.capacity, Some(Capacity::OnDemand));
        assert_ne!(id(&moved), id(&forced));
    }
}

pub async fn tags_are_set_and_replaced(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let definition = registered(place, &ecs).await;
    ecs.create_service(&spec("tagged", &definition, 0), "token").await.expect("a service");
    ecs.tag_service("tagged", &[(TAG_SPEC.into(), "new".into()), (TAG_PROTECT.into(), "true".into())])
        .await
        .expect("tags");
    let read = active(view(&ecs, "tagged").await);
    assert_eq!(read.spec, Some(ContentHash::from_stored("new")));
    assert!(read.protected);
    assert_eq!(read.managed_by.as_deref(), Some("contract"), "the others stay");
    let refused = ecs.tag_service("nobody", &[(TAG_SPEC.into(), "new".into())]).await.expect_err("there is none");
    assert_eq!(refused.meaning(), Meaning::NotFound);
}

pub async fn more_services_than_a_call_describes_are_all_answered(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let definition = registered(place, &ecs).await;
    let mut names: Vec<String> = (0..11).map(|n| format!("pr-{n}-service")).collect();
    for name in &names {
        ecs.create_service(&spec(name, &definition, 0), name).await.expect("a service");
    }
    names.push("pr-404-service".into());
    names.push("pr-0-service".into());
    let views = ecs.services(&names).await.expect("an answer");
    assert_eq!(views.len(), 12, "each name once");
    assert_eq!(views["pr-404-service"], ServiceView::Absent);
    for (name, view) in views.into_iter().filter(|(name, _)| name != "pr-404-service") {
        assert_eq!(active(view).name, name);
    }
    assert!(ecs.services(&[]).await.expect("an answer").is_empty());
}

pub async fn more_services_than_a_page_holds_are_all_listed(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let definition = registered(place, &ecs).await;
    let names: HashSet<String> = (0..101).map(|n| format!("pr-{n}-service")).collect();
    for name in &names {
        ecs.create_service(&spec(name, &definition, 0), name).await.expect("a service");
    }
    let listed = ecs.service_names().await.expect("a list");
    assert_eq!(listed.len(), 101);
    assert_eq!(listed.into_iter().collect::<HashSet<_>>(), names);
}

pub async fn more_tasks_than_a_page_holds_are_all_told(place: &Place) {
    let (ecs, cluster) = place.cluster().await;
    let definition = registered(place, &ecs).await;
    // RunTask starts ten at most.
    for count in [10; 10].into_iter().chain([1]) {
        let input = json!({
            "cluster": cluster,
            "taskDefinition": definition.as_str(),
            "count": count,
            "launchType": "FARGATE",
            "group": "service:many",
            "networkConfiguration": {
                "awsvpcConfiguration": { "subnets": [place.subnet], "securityGroups": [place.security_group] },
            },
        });
        place.ecs("RunTask", input).await;
    }
    let tasks = ecs.live_tasks().await.expect("a list");
    assert_eq!(tasks.len(), 101);
    assert_eq!(tasks.iter().map(|task| &task.id).collect::<HashSet<_>>().len(), 101, "each once");
    assert!(tasks.iter().all(|task| task.service.as_deref() == Some("many") && task.wanted));
}

pub async fn a_task_has_its_service_its_deployment_and_its_address(place: &Place) {
    let (ecs, cluster) = place.cluster().await;
    let task = with_task(place, &ecs, &cluster, "pr-7-service").await;
    let service = active(view(&ecs, "pr-7-service").await);
    assert_eq!(task.state, TaskState::Running);
    assert!(task.wanted && !task.unhealthy);
    assert_eq!(task.started_by.as_deref(), service.primary().map(|primary| primary.id.as_str()));
    assert_eq!(task.task_definition, service.task_definition);
    assert_eq!(task.capacity, Some(Capacity::Spot));
    assert_eq!(task.public_ip, None, "the cluster does not know it");
    assert_eq!(task.containers.len(), 1);
    let interface = task.network_interface.expect("an interface");
    let addresses = ecs.public_addresses(std::slice::from_ref(&interface)).await.expect("an answer");
    assert!(addresses.contains_key(&interface), "{addresses:?}");
    let primary = service.primary().expect("a deployment");
    assert!(matches!(primary.rollout, Rollout::InProgress | Rollout::Completed));
}

pub async fn addresses_of_many_interfaces_are_found_by_group(place: &Place) {
    let (ecs, cluster) = place.cluster().await;
    let task = with_task(place, &ecs, &cluster, "pr-7-service").await;
    let interface = task.network_interface.expect("an interface");
    // More than the 200 values that a filter takes; all but one are gone.
    let mut interfaces: Vec<String> = (0..250).map(|n| format!("eni-{n:017x}")).collect();
    interfaces.push(interface.clone());
    let addresses = ecs.public_addresses(&interfaces).await.expect("an answer");
    assert_eq!(addresses.into_keys().collect::<Vec<_>>(), [interface]);
}

pub async fn interfaces_that_are_gone_are_left_out(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let gone = ecs.public_addresses(&["eni-00000000000000000".to_owned()]).await.expect("no error");
    assert_eq!(gone, HashMap::new());
    assert_eq!(ecs.public_addresses(&[]).await.expect("no error"), HashMap::new());
}

pub async fn tasks_of_one_service_are_not_those_of_another(place: &Place) {
    let (ecs, cluster) = place.cluster().await;
    let (one, other) = (
        with_task(place, &ecs, &cluster, "pr-1-service").await,
        with_task(place, &ecs, &cluster, "pr-11-service").await,
    );
    let ids = |tasks: Vec<Task>| tasks.into_iter().map(|task| task.id).collect::<Vec<_>>();
    assert_eq!(ids(ecs.service_tasks("pr-1-service").await.expect("a list")), std::slice::from_ref(&one.id));
    assert_eq!(ids(ecs.service_tasks("pr-11-service").await.expect("a list")), std::slice::from_ref(&other.id));
    assert!(ecs.service_tasks("pr-404-service").await.expect("a list").is_empty());

    // One that stopped is still told, with the reason.
    place.ecs("StopTask", json!({ "cluster": cluster, "task": one.id, "reason": "the contract" })).await;
    let stopped = eventually("the stopped task", async || {
        let tasks = ecs.service_tasks("pr-1-service").await.expect("a list");
        tasks.into_iter().find(|task| task.id == one.id && task.state == TaskState::Stopped)
    })
    .await;
    assert!(!stopped.wanted);
    assert!(stopped.stopped_reason.is_some_and(|reason| reason.contains("the contract")));
    assert!(ecs.live_tasks().await.expect("a list").iter().all(|task| task.id != one.id));
}

pub async fn a_name_that_is_taken_is_a_conflict(place: &Place) {
    if place.emulator.has(Gap::TakenNameIsReplaced) {
        return;
    }
    let (ecs, _) = place.cluster().await;
    let definition = registered(place, &ecs).await;
    ecs.create_service(&spec("taken", &definition, 0), "mine").await.expect("a service");
    let refused = ecs.create_service(&spec("taken", &definition, 0), "yours").await.expect_err("it is taken");
    assert_eq!(refused.meaning(), Meaning::Conflict, "{refused}");
    assert_eq!(ecs.service_names().await.expect("a list"), ["taken"]);
}

pub async fn the_same_token_creates_once(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let definition = registered(place, &ecs).await;
    let spec = spec("once", &definition, 0);
    let first = active(ecs.create_service(&spec, "token").await.expect("a service"));
    let second = active(ecs.create_service(&spec, "token").await.expect("the same service"));
    assert_eq!(ecs.service_names().await.expect("a list"), ["once"]);
    if !place.emulator.has(Gap::TakenNameIsReplaced) {
        assert_eq!(first.created_at, second.created_at);
    }
}

pub async fn a_name_that_drains_is_a_conflict_until_it_is_free(place: &Place) {
    if place.emulator.has(Gap::DeletedIsListed) {
        return;
    }
    let (ecs, cluster) = place.cluster().await;
    let task = with_task(place, &ecs, &cluster, "again").await;
    ecs.delete_service("again").await.expect("it goes");
    assert_eq!(view(&ecs, "again").await, ServiceView::Draining);
    assert!(ecs.service_names().await.expect("a list").is_empty(), "absence from the list frees no name");
    let refused = ecs.create_service(&spec("again", &task.task_definition, 0), "new").await.expect_err("it drains");
    assert_eq!(refused.meaning(), Meaning::Conflict, "{refused}");
    absent(&ecs, "again").await;
    ecs.create_service(&spec("again", &task.task_definition, 0), "newer").await.expect("the name is free");
}

pub async fn deleting_twice_is_deleting_once(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let definition = registered(place, &ecs).await;
    ecs.create_service(&spec("gone", &definition, 1), "token").await.expect("a service");
    ecs.delete_service("gone").await.expect("it goes, though it should run a task");
    ecs.delete_service("gone").await.expect("it goes already");
    absent(&ecs, "gone").await;
    ecs.delete_service("gone").await.expect("it is gone already");
    ecs.delete_service("never").await.expect("it never was");
}

pub async fn revisions_are_told_newest_first_with_their_content(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let family = unique("family");
    assert!(ecs.task_definitions(&family).await.expect("a list").is_empty());
    let (first, second) = (place.rendered(&family, "first").await, place.rendered(&family, "second").await);
    let names =
        [ecs.register(&first).await.expect("a revision"), ecs.register(&second).await.expect("another revision")];
    assert!(names.iter().all(|name| name.family() == family));
    let told = ecs.task_definitions(&family).await.expect("a list");
    let expected = [(names[1].clone(), Some(second.content)), (names[0].clone(), Some(first.content))];
    assert_eq!(told.into_iter().map(|told| (told.name, told.content)).collect::<Vec<_>>(), expected);
}

pub async fn a_family_is_not_a_prefix(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let family = unique("family");
    let longer = format!("{family}1");
    ecs.register(&place.rendered(&longer, "first").await).await.expect("a revision");
    assert!(ecs.task_definitions(&family).await.expect("a list").is_empty());
    assert_eq!(ecs.task_definitions(&longer).await.expect("a list").len(), 1);
}

pub async fn more_revisions_than_are_looked_into_are_all_told(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let family = unique("family");
    let rendered = place.rendered(&family, "same").await;
    let mut names = Vec::new();
    for _ in 0..12 {
        names.push(ecs.register(&rendered).await.expect("a revision"));
    }
    names.reverse();
    let told = ecs.task_definitions(&family).await.expect("a list");
    assert_eq!(told.iter().map(|told| told.name.clone()).collect::<Vec<_>>(), names);
    assert_eq!(told[0].content, Some(rendered.content));
    assert!(told.iter().all(|told| told.content.is_some()), "all are ours, so a take-down can clear them");
}

pub async fn registrations_in_one_family_take_turns(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let family = unique("family");
    let rendered = place.rendered(&family, "same").await;
    let (a, b, c) = (ecs.register(&rendered), ecs.register(&rendered), ecs.register(&rendered));
    let names = futures::try_join!(a, b, c).expect("none is refused");
    assert_eq!(HashSet::from([names.0, names.1, names.2]).len(), 3);
}

pub async fn a_definition_is_registered_whole(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let family = unique("family");
    let mut rendered = place.rendered(&family, "first").await;
    let container = &mut rendered.input["containerDefinitions"][0];
    container["versionConsistency"] = json!("disabled");
    container["restartPolicy"] = json!({ "enabled": true, "ignoredExitCodes": [0] });
    let name = ecs.register(&rendered).await.expect("a revision");
    let described = place.ecs("DescribeTaskDefinition", json!({ "taskDefinition": name.as_str() })).await;
    let described = &described["taskDefinition"];
    assert_eq!(described["cpu"], json!("256"));
    assert_eq!(described["requiresCompatibilities"], json!(["FARGATE"]));
    let container = &described["containerDefinitions"][0];
    assert_eq!(container["environment"], json!([{ "name": "CONTENT", "value": "first" }]));
    assert_eq!(container["versionConsistency"], json!("disabled"));
    assert_eq!(container["restartPolicy"]["ignoredExitCodes"], json!([0]));
}

pub async fn what_ecs_refuses_for_good_is_invalid(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let mut rendered = place.rendered(&unique("family"), "first").await;
    rendered.input["cpu"] = json!(null);
    rendered.input["containerDefinitions"] = json!([{ "name": "no image" }]);
    let refused = ecs.register(&rendered).await.expect_err("a container needs an image");
    assert_eq!(refused.meaning(), Meaning::Invalid, "{refused}");
    assert!(!refused.message().is_empty());
}

pub async fn deregistering_twice_is_deregistering_once(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let name = registered(place, &ecs).await;
    ecs.deregister(&name).await.expect("it goes");
    assert!(ecs.task_definitions(name.family()).await.expect("a list").is_empty());
    ecs.deregister(&name).await.expect("it is gone already");
    let never = TaskDefinitionName::from_arn(&format!("{}:1", unique("never")));
    ecs.deregister(&never).await.expect("it never was");
}

pub async fn a_revision_tells_whose_it_is_and_what_it_runs(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let family = unique("family");
    let rendered = place.rendered(&family, "first").await;
    let name = ecs.register(&rendered).await.expect("it is valid");
    assert!(ecs.all_task_definitions().await.expect("a list").contains(&name));
    let described = ecs.task_definition(&name).await.expect("an answer").expect("it is there");
    assert!(described.active);
    assert!(described.registered_at.is_some() || place.emulator.has(Gap::NoTimeOfRegistration));
    assert_eq!((described.name, described.managed_by.as_deref()), (name, Some("contract")));
    let image = rendered.input["containerDefinitions"][0]["image"].as_str().expect("an image");
    assert_eq!(described.images, [image]);
    let never = TaskDefinitionName::from_arn(&format!("{}:1", unique("never")));
    assert_eq!(ecs.task_definition(&never).await.expect("an answer"), None);
}

pub async fn what_is_deregistered_is_found_and_deleted(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let family = unique("family");
    let mut names = Vec::new();
    for content in ["first", "second", "third"] {
        names.push(ecs.register(&place.rendered(&family, content).await).await.expect("it is valid"));
    }
    let (gone, kept) = names.split_at(2);
    for name in gone {
        ecs.deregister(name).await.expect("it goes");
    }
    assert_eq!(
        ecs.families(&family[..family.len() - 1]).await.expect("a list").iter().filter(|name| **name == family).count(),
        1
    );
    assert_eq!(ecs.deregistered(&family).await.expect("a list"), gone);
    assert!(!ecs.all_task_definitions().await.expect("a list").contains(&gone[0]));
    let described = ecs.task_definition(&gone[0]).await.expect("an answer").expect("it is there still");
    assert!(!described.active);
    assert_eq!(described.managed_by.as_deref(), Some("contract"));
    // One that is ACTIVE fails alone.
    let stayed = ecs.delete_task_definitions(&names).await.expect("an answer");
    assert_eq!(stayed.iter().map(|(name, _)| name).collect::<Vec<_>>(), kept.iter().collect::<Vec<_>>());
    assert!(!stayed[0].1.is_empty());
    assert!(ecs.deregistered(&family).await.expect("a list").is_empty());
    assert_eq!(ecs.delete_task_definitions(&[]).await.expect("nothing to do"), []);
}

pub async fn what_is_not_there_is_not_found(place: &Place) {
    let (ecs, _) = place.cluster().await;
    let change = ServiceChange { desired_count: Some(0), ..ServiceChange::default() };
    let refused = ecs.update_service("nobody", &change).await.expect_err("no such service");
    assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
    let nowhere = place.cluster_named(&unique("nowhere")).await;
    for refused in [
        nowhere.capacities().await.expect_err("no such cluster"),
        nowhere.service_names().await.expect_err("no such cluster"),
        nowhere.live_tasks().await.expect_err("no such cluster"),
        nowhere.service_tasks("pr-7-service").await.expect_err("no such cluster"),
        nowhere.delete_service("pr-7-service").await.expect_err("no such cluster"),
    ] {
        assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
    }
}

pub async fn capacity_is_what_the_cluster_was_given(place: &Place) {
    let (both, _) = place.cluster().await;
    assert_eq!(both.capacities().await.expect("an answer"), [Capacity::OnDemand, Capacity::Spot]);
    let (one, _) = place.cluster_with(&["FARGATE"]).await;
    assert_eq!(one.capacities().await.expect("an answer"), [Capacity::OnDemand]);
    let (none, _) = place.cluster_with(&[]).await;
    assert_eq!(none.capacities().await.expect("an answer"), []);
}

pub async fn a_provider_that_the_cluster_lacks_is_invalid(place: &Place) {
    if place.emulator.has(Gap::NoCapacityProvidersOfServices) {
        return;
    }
    let (ecs, _) = place.cluster_with(&["FARGATE"]).await;
    let definition = registered(place, &ecs).await;
    let refused = ecs.create_service(&spec("spot", &definition, 1), "token").await.expect_err("no Spot here");
    assert_eq!(refused.meaning(), Meaning::Invalid, "{refused}");
    assert_eq!(view(&ecs, "spot").await, ServiceView::Absent);
}
