//! AWS's wordings, as its guides and users quote them, and what a person is told.

use bivouac_model::{Container, Phase, ServiceEvent, StopCode, TaskState};

use crate::fixtures::{seconds, up};
use crate::world::World;

/// A world whose service was made and has started nothing yet.
fn made() -> World {
    let mut world = World::new(up());
    world.reconcile();
    world
}

fn told_of_task(code: StopCode, why: &str, container: Option<(i32, Option<&str>)>) -> (String, String) {
    let mut world = made();
    world.advance(seconds(3));
    let (task, _) = world.cloud.tasks.last_mut().expect("a task was started");
    task.state = TaskState::Stopped;
    task.wanted = false;
    task.stop_code = Some(code);
    task.stopped_reason = Some(why.into());
    task.stopped_at = Some(world.now);
    task.containers = container
        .into_iter()
        .map(|(exit_code, reason)| Container {
            name: "app".into(),
            exit_code: Some(exit_code),
            reason: reason.map(str::to_owned),
            image_digest: None,
        })
        .collect();
    world.reconcile();
    (world.reason().to_owned(), world.status().message.clone())
}

fn told_of_event(text: &str) -> (String, String) {
    let mut world = made();
    let event = ServiceEvent { at: Some(world.now), message: text.into() };
    world.cloud.active_mut().unwrap().events = vec![event];
    world.reconcile();
    (world.reason().to_owned(), world.status().message.clone())
}

#[test]
fn a_stopped_task_tells_its_cause() {
    use StopCode::{EssentialContainerExited as Exited, ServiceSchedulerInitiated, TaskFailedToStart as NoStart};
    const ESSENTIAL: &str = "Essential container in task exited";
    type Row = (&'static str, StopCode, &'static str, Option<(i32, Option<&'static str>)>);
    let table: [Row; 14] = [
        (
            "ImagePullFailed",
            NoStart,
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 123456789012.dkr.ecr.us-west-2.amazonaws.com/x@sha256:aa: not found",
            None,
        ),
        (
            "ImagePullFailed",
            NoStart,
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post \"https://api.ecr.us-west-2.amazonaws.com/\": dial tcp 52.94.178.12:443: i/o timeout",
            None,
        ),
        (
            "ImagePullFailed",
            NoStart,
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR.",
            None,
        ),
        (
            "SecretUnavailable",
            NoStart,
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:us-west-2:123456789012:secret:superset-key from secrets manager: AccessDeniedException: not authorized status code: 400, request id: 3f4b1c2d-1111-2222-3333-444455556666",
            None,
        ),
        (
            "SecretUnavailable",
            NoStart,
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from ssm: invalid parameters: /x",
            None,
        ),
        ("OutOfMemory", Exited, ESSENTIAL, Some((137, Some("OutOfMemoryError: Container killed due to memory usage")))),
        ("ApplicationExited", Exited, ESSENTIAL, Some((1, None))),
        ("ApplicationExited", Exited, ESSENTIAL, Some((137, None))),
        ("ApplicationExited", Exited, ESSENTIAL, Some((0, None))),
        ("HealthCheckFailed", ServiceSchedulerInitiated, "Task failed container health checks", None),
        ("SpotInterrupted", StopCode::SpotInterruption, "Your Spot Task was interrupted.", None),
        (
            "DeploymentFailed",
            NoStart,
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.",
            None,
        ),
        ("TaskStopped", StopCode::InfrastructureHealth, "Host degraded.", None),
        (
            "TaskStarting",
            ServiceSchedulerInitiated,
            "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)",
            None,
        ),
    ];
    for (reason, code, why, container) in table {
        let (told, message) = told_of_task(code, why, container);
        assert_eq!(told, reason, "{why}: {message}");
        assert!(message.ends_with('.'), "{message}");
    }
}

#[test]
fn a_service_event_tells_its_cause() {
    for (reason, text) in [
        (
            "QuotaExceeded",
            "(service pr-7-service) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.",
        ),
        (
            "QuotaExceeded",
            "(service pr-7-service) was unable to place a task. Reason: You've reached the limit on the number of tasks you can run concurrently.",
        ),
        (
            "CapacityUnavailable",
            "(service pr-7-service) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
        ),
        (
            "DeploymentFailed",
            "(service pr-7-service) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::123456789012:role/exec' that was provided for this task.).",
        ),
        ("TaskStarting", "(service pr-7-service) has started 1 tasks: (task 1dc5c17a8a6c4bd2a1a1b7d4b1c0ffee)."),
        ("TaskStarting", "(service pr-7-service) has reached a steady state."),
    ] {
        let (told, message) = told_of_event(text);
        assert_eq!(told, reason, "{text}: {message}");
    }
}

/// PAINS 12: what changes from one refusal to the next is not said, and neither is the account.
#[test]
fn ids_addresses_and_accounts_are_not_repeated() {
    let text = |ip: &str, id: &str, times: u8| {
        format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: \
             service call has been retried {times} time(s): failed to fetch secret \
             arn:aws:secretsmanager:us-west-2:123456789012:secret:superset-key from secrets manager: RequestError: \
             dial tcp 10.0.1.7:53122->{ip}:443: i/o timeout, status code: 400, request id: {id}"
        )
    };
    let one = text("52.94.178.12", "3f4b1c2d-1111-2222-3333-444455556666", 1);
    let two = text("52.46.130.9", "99999999-aaaa-bbbb-cccc-ddddeeeeffff", 3);
    let first = told_of_task(StopCode::TaskFailedToStart, &one, None);
    assert_eq!(first, told_of_task(StopCode::TaskFailedToStart, &two, None));
    assert!(first.1.contains("secret:superset-key"), "{}", first.1);
    for volatile in ["123456789012", "52.94", "3f4b1c2d", "time(s)", "10.0.1.7"] {
        assert!(!first.1.contains(volatile), "{}", first.1);
    }
}

#[test]
fn an_exit_code_of_one_digit_is_told() {
    let (_, message) =
        told_of_task(StopCode::EssentialContainerExited, "Essential container in task exited", Some((3, None)));
    assert_eq!(message, "The container `app` ended with exit code 3.");
}

#[test]
fn a_cause_does_not_end_what_ecs_still_tries() {
    let mut world = made();
    world.advance(seconds(3));
    world.cloud.stop_tasks(StopCode::TaskFailedToStart, "CannotPullContainerError: not found");
    world.reconcile();
    assert_eq!((world.phase(), world.reason()), (Phase::Provisioning, "ImagePullFailed"));
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}
