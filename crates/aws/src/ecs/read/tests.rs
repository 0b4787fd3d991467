use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    Attachment, CapacityProviderStrategyItem, Container as SdkContainer, Deployment as SdkDeployment, Failure,
    KeyValuePair, Service as SdkService, ServiceEvent as SdkEvent, Tag, Task as SdkTask,
};
use proptest::option;
use proptest::prelude::*;

use super::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn strategy_item(provider: &str, weight: i32) -> CapacityProviderStrategyItem {
    CapacityProviderStrategyItem::builder().capacity_provider(provider).weight(weight).build().expect("it has a name")
}

fn deployment(id: &str, status: &str) -> SdkDeployment {
    SdkDeployment::builder().id(id).status(status).task_definition("arn:aws:ecs:r:1:task-definition/pr-7:3").build()
}

fn service(name: &str, status: &str) -> SdkService {
    SdkService::builder().service_name(name).status(status).build()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn an_active_service_is_read_whole() {
    let described = SdkService::builder()
        .service_name("pr-7-service")
        .status("ACTIVE")
        .desired_count(1)
        .running_count(-1)
        .task_definition("arn:aws:ecs:r:1:task-definition/pr-7:3")
        .capacity_provider_strategy(strategy_item("FARGATE", 0))
        .capacity_provider_strategy(strategy_item("FARGATE_SPOT", 1))
        .deployments(deployment("ecs-svc/old", "ACTIVE"))
        .deployments(deployment("ecs-svc/new", "PRIMARY"))
        .events(SdkEvent::builder().message("older").created_at(DateTime::from_secs(1)).build())
        .events(SdkEvent::builder().message("newer").created_at(DateTime::from_secs(2)).build())
        .tags(tag("bivouac:managed", "default"))
        .tags(tag("bivouac:repo", "apache/superset"))
        .tags(tag("bivouac:pr", "7"))
        .tags(tag("bivouac:spec", "abc"))
        .tags(tag("bivouac:protect", "true"))
        .build();
    let Some(ServiceView::Active(read)) = service_view(&described) else { panic!("it is active") };
    assert_eq!((read.desired_count, read.running_count), (1, 0));
    assert_eq!(read.task_definition.as_str(), "pr-7:3");
    assert_eq!(read.capacity, Some(Capacity::Spot), "a provider with the weight 0 starts nothing");
    assert_eq!(read.primary().map(|primary| primary.id.as_str()), Some("ecs-svc/new"));
    assert_eq!(read.events.iter().map(|event| event.message.as_str()).collect::<Vec<_>>(), ["newer", "older"]);
    assert_eq!(read.managed_by.as_deref(), Some("default"));
    assert_eq!(read.owner.as_deref(), Some("apache/superset#7"));
    assert_eq!(read.spec, Some(ContentHash::from_stored("abc")));
    assert!(read.protected);
}

#[test]
fn every_name_is_answered_or_nothing_is() {
    let missing = Failure::builder().arn("arn:aws:ecs:r:1:service/previews/a").reason("MISSING").build();
    let services = [service("b", "DRAINING"), service("c", "INACTIVE"), service("d", "ACTIVE")];
    let answered = services_answered(names(&["a", "b", "c", "d"]), &services, std::slice::from_ref(&missing));
    let answered = answered.expect("all four are answered");
    assert_eq!(answered["a"], ServiceView::Absent);
    assert_eq!(answered["b"], ServiceView::Draining);
    assert_eq!(answered["c"], ServiceView::Absent);
    assert!(matches!(answered["d"], ServiceView::Active(_)));

    let told = services_answered(names(&["a", "e"]), &services, std::slice::from_ref(&missing)).expect_err("no e");
    assert_eq!(told, "the answer says nothing of the service e");
    let denied = Failure::builder().arn("a").reason("ACCESS_DENIED").build();
    assert!(services_answered(names(&["a"]), &[], &[denied]).is_err());
}

#[test]
fn of_two_lives_of_a_name_the_one_that_goes_on_counts() {
    for order in [["INACTIVE", "ACTIVE"], ["ACTIVE", "INACTIVE"], ["ACTIVE", "DRAINING"]] {
        let services = order.map(|status| service("a", status));
        let answered = services_answered(names(&["a"]), &services, &[]).expect("an answer");
        assert!(matches!(answered["a"], ServiceView::Active(_)), "{order:?}");
    }
    let answered = services_answered(names(&["a"]), &[service("a", "DRAINING"), service("a", "INACTIVE")], &[]);
    assert_eq!(answered.expect("an answer")["a"], ServiceView::Draining);
}

#[test]
fn a_task_is_read_whole() {
    let detail = |name: &str, value: &str| KeyValuePair::builder().name(name).value(value).build();
    let interface = Attachment::builder()
        .r#type("ElasticNetworkInterface")
        .details(detail("subnetId", "subnet-1"))
        .details(detail("networkInterfaceId", "eni-1"))
        .build();
    let described = SdkTask::builder()
        .task_arn("arn:aws:ecs:r:1:task/previews/0123")
        .group("service:pr-7-service")
        .started_by("ecs-svc/1")
        .last_status("STOPPED")
        .desired_status("STOPPED")
        .stop_code(TaskStopCode::SpotInterruption)
        .stopped_reason("Your Spot Task was interrupted.")
        .capacity_provider_name("FARGATE_SPOT")
        .health_status(HealthStatus::Unhealthy)
        .attachments(interface)
        .containers(SdkContainer::builder().name("web").exit_code(137).image_digest("sha256:aa").build())
        .build();
    let read = task(&described).expect("it has an ARN");
    assert_eq!((read.id.as_str(), read.service.as_deref()), ("0123", Some("pr-7-service")));
    assert_eq!((read.state, read.wanted, read.unhealthy), (TaskState::Stopped, false, true));
    assert_eq!(read.stop_code, Some(StopCode::SpotInterruption));
    assert_eq!(read.capacity, Some(Capacity::Spot));
    assert_eq!(read.network_interface.as_deref(), Some("eni-1"));
    assert_eq!(read.containers[0].exit_code, Some(137));
    assert_eq!(read.containers[0].image_digest, Some(ImageDigest::new("sha256:aa")));
}

#[test]
fn states_newer_than_this_program_count_as_starting_and_codes_keep_their_name() {
    assert_eq!(state("DREAMING"), TaskState::Starting);
    assert_eq!(stop_code(&TaskStopCode::from("EclipseOfTheSun")), StopCode::Other("EclipseOfTheSun".into()));
    assert_eq!(capacity("my-own-provider"), None);
}

/// Words that ECS uses, and words that it does not.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "ACTIVE",
            "DRAINING",
            "INACTIVE",
            "MISSING",
            "PRIMARY",
            "RUNNING",
            "STOPPED",
            "a",
            "service:a",
            "arn:aws:ecs:r:1:service/c/a",
            "networkInterfaceId",
            "FARGATE",
            "FAILED",
            "true",
            "",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

fn any_service() -> impl Strategy<Value = SdkService> {
    let tags = proptest::collection::vec((option::of(word()), option::of(word())), 0..4);
    let deployments = proptest::collection::vec((option::of(word()), option::of(word()), any::<i32>()), 0..4);
    let events = proptest::collection::vec((option::of(any::<i64>()), option::of(word())), 0..20);
    let words = (option::of(word()), option::of(word()), option::of(word()));
    (words, any::<(i32, i32, i64)>(), tags, deployments, events).prop_map(
        |((name, status, definition), (desired, running, at), tags, deployments, events)| {
            let tags = tags.into_iter().map(|(key, value)| Tag::builder().set_key(key).set_value(value).build());
            let deployments = deployments.into_iter().map(|(id, status, failed)| {
                SdkDeployment::builder()
                    .set_id(id)
                    .rollout_state(status.as_deref().unwrap_or_default().into())
                    .set_status(status)
                    .failed_tasks(failed)
                    .build()
            });
            let events = events.into_iter().map(|(at, message)| {
                SdkEvent::builder().set_created_at(at.map(DateTime::from_secs)).set_message(message).build()
            });
            SdkService::builder()
                .set_service_name(name)
                .set_status(status)
                .set_task_definition(definition)
                .desired_count(desired)
                .running_count(running)
                .created_at(DateTime::from_secs(at))
                .set_tags(Some(tags.collect()))
                .set_deployments(Some(deployments.collect()))
                .set_events(Some(events.collect()))
                .build()
        },
    )
}

proptest! {
    #[test]
    fn an_answer_covers_the_names_or_is_refused(
        asked in proptest::collection::btree_set(word(), 0..4),
        services in proptest::collection::vec(any_service(), 0..4),
        failures in proptest::collection::vec((option::of(word()), option::of(word())), 0..3),
    ) {
        let failures: Vec<Failure> = failures
            .into_iter()
            .map(|(arn, reason)| Failure::builder().set_arn(arn).set_reason(reason).build())
            .collect();
        if let Ok(answered) = services_answered(asked.iter().cloned().collect(), &services, &failures) {
            prop_assert_eq!(answered.into_keys().collect::<std::collections::BTreeSet<_>>(), asked);
        }
    }

    #[test]
    fn whatever_ecs_says_of_a_service_events_are_few_and_new(described in any_service()) {
        if let Some(ServiceView::Active(read)) = service_view(&described) {
            prop_assert!(read.events.len() <= EVENTS);
            prop_assert!(read.events.is_sorted_by(|newer, older| newer.at >= older.at));
        }
    }

    #[test]
    fn whatever_ecs_says_of_a_task_it_is_read_if_it_has_an_arn(
        arn in option::of(word()),
        words in proptest::collection::vec(option::of(word()), 6),
        at in any::<i64>(),
        exit_code in any::<Option<i32>>(),
    ) {
        let word = |at: usize| words[at].clone();
        let detail = KeyValuePair::builder().set_name(word(0)).set_value(word(1)).build();
        let described = SdkTask::builder()
            .set_task_arn(arn.clone())
            .set_group(word(2))
            .set_last_status(word(3))
            .set_desired_status(word(4))
            .set_stop_code(word(5).as_deref().map(TaskStopCode::from))
            .stopped_at(DateTime::from_secs(at))
            .attachments(Attachment::builder().details(detail).build())
            .containers(SdkContainer::builder().set_name(word(0)).set_exit_code(exit_code).build())
            .build();
        prop_assert_eq!(task(&described).is_some(), arn.is_some());
    }
}
