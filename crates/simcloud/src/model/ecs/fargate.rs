//! Task definitions that ECS refuses for Fargate, each in its words. One refusal an answer: the first.
//!
//! The words are those of public reports, named beside each. Where no report was found, the words follow the pattern of their
//! neighbours and the comment says "from memory".

use std::collections::BTreeSet;

use super::super::Refusal;
use super::input::{ContainerInput, Input};

type Answer = Result<(), Refusal>;

fn refuse(words: impl Into<String>) -> Answer {
    Err(Refusal::client(words))
}

fn some<T>(list: Option<&Vec<T>>) -> bool {
    list.is_some_and(|list| !list.is_empty())
}

fn each<T>(list: &Option<Vec<T>>) -> impl Iterator<Item = &T> {
    list.iter().flatten()
}

fn text(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

/// Refuses what ECS refuses of every task definition with awsvpc.
pub(super) fn check_task(input: &Input) -> Answer {
    roles(input)?;
    let mut ports = BTreeSet::new();
    for container in each(&input.container_definitions) {
        network(container)?;
        for port in each(&container.port_mappings) {
            let Some(inside) = port.container_port else { continue };
            if port.host_port.is_some_and(|outside| outside != inside) {
                // aws/amazon-ecs-cli#1014
                return refuse(
                    "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
                );
            }
            let protocol = port.protocol.as_deref().unwrap_or("tcp").to_uppercase();
            if !ports.insert((protocol.clone(), inside)) {
                // aws/amazon-ecs-agent#1220
                return refuse(format!("{protocol} host port '{inside}' is mapped multiple times in task."));
            }
        }
        secrets(input, container)?;
        for mount in each(&container.mount_points) {
            let name = text(&mount.source_volume);
            if !each(&input.volumes).any(|volume| text(&volume.name) == name) {
                // ansible/ansible#35777
                return refuse(format!("Unknown volume '{name}'."));
            }
        }
        for from in each(&container.volumes_from) {
            let name = text(&from.source_container);
            if !each(&input.container_definitions).any(|other| text(&other.name) == name) {
                // badmintoncryer/cdk-preflight, which checks its rules against AWS.
                return refuse(format!("Invalid 'volumesFrom' setting. Unknown container: '{name}'"));
            }
        }
        dependencies(input, container)?;
    }
    circle(input)?;
    memory_and_cpu(input)
}

/// With awsvpc the network is the task's (Amazon ECS developer guide, "Task networking").
fn network(container: &ContainerInput) -> Answer {
    let refused = [
        // A report in the wiki of aws/amazon-ecs-cli has these and the next.
        (some(container.links.as_ref()), "Links are not supported when networkMode=awsvpc."),
        (some(container.dns_servers.as_ref()), "DNS servers are not supported on container when networkMode=awsvpc."),
        // From memory, after the one above.
        (
            some(container.dns_search_domains.as_ref()),
            "DNS search domains are not supported on container when networkMode=awsvpc.",
        ),
        // Reported for a preview on Fargate, public.
        (some(container.extra_hosts.as_ref()), "Extra hosts are not supported on container when networkMode=awsvpc."),
        // badmintoncryer/cdk-preflight, which checks its rules against AWS.
        (
            container.disable_networking == Some(true),
            "Disable Networking is not supported on container when networkMode=awsvpc.",
        ),
        // From memory. The API reference says: "not supported if you're using the awsvpc network mode".
        (!text(&container.hostname).is_empty(), "Hostname is not supported on container when networkMode=awsvpc."),
    ];
    refused.into_iter().find(|(is, _)| *is).map_or(Ok(()), |(_, words)| refuse(words))
}

fn secrets(input: &Input, container: &ContainerInput) -> Answer {
    let mut names: BTreeSet<&str> = each(&container.environment).map(|pair| text(&pair.name)).collect();
    for secret in each(&container.secrets) {
        let name = text(&secret.name);
        if text(&input.execution_role_arn).is_empty() {
            // hashicorp/terraform-provider-aws#6503
            return refuse(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            );
        }
        if !names.insert(name) {
            // compose-x/ecs_composex#707
            return refuse(format!(
                "The secret name must be unique and not shared with any new or existing environment variables set on the \
                 container, such as '{name}'."
            ));
        }
        let from = text(&secret.value_from);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-/".contains(&b);
        // ECS takes anything but the ARN of a secret for the name of a parameter. Public reports end after "is invalid".
        if !is_arn_of_a_secret(from) && (from.is_empty() || !from.bytes().all(plain)) {
            return refuse(format!("The Systems Manager parameter name specified for secret {name} is invalid."));
        }
    }
    Ok(())
}

fn is_arn_of_a_secret(from: &str) -> bool {
    let mut parts = from.split(':');
    let [arn, _, service, region, account] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let resource = parts.next().unwrap_or_default();
    let name = parts.next().is_some_and(|name| !name.is_empty());
    let named = match service {
        "secretsmanager" => resource == "secret" && name,
        "ssm" => resource.strip_prefix("parameter/").is_some_and(|name| !name.is_empty()),
        _ => false,
    };
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    arn == "arn" && !region.is_empty() && digits && named
}

fn dependencies(input: &Input, container: &ContainerInput) -> Answer {
    for dependency in each(&container.depends_on) {
        let name = text(&dependency.container_name);
        let Some(other) = each(&input.container_definitions).find(|other| text(&other.name) == name) else {
            // badmintoncryer/cdk-preflight.
            return refuse(format!("Cannot depend on container + '{name}' because it does not exist"));
        };
        match text(&dependency.condition) {
            "HEALTHY" if other.health_check.is_none() => {
                // The same.
                return refuse("A dependency container with HEALTHY condition must have health check configured");
            }
            "SUCCESS" | "COMPLETE" if other.essential != Some(false) => {
                // klothoplatform/klotho#892
                return refuse(
                    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// From memory: containers that wait for each other never start.
fn circle(input: &Input) -> Answer {
    let mut left: Vec<&ContainerInput> = each(&input.container_definitions).collect();
    loop {
        let names: BTreeSet<String> = left.iter().map(|container| text(&container.name).to_owned()).collect();
        let before = left.len();
        left.retain(|container| each(&container.depends_on).any(|other| names.contains(text(&other.container_name))));
        match left.len() {
            0 => return Ok(()),
            after if after == before => return refuse("Container dependsOn contains a cycle"),
            _ => {}
        }
    }
}

/// A number of units, or a decimal number before its unit.
fn units(value: &Option<String>, suffix: &str) -> Option<i64> {
    let text = value.as_deref()?.trim().to_ascii_lowercase();
    if let Ok(units) = text.parse() {
        return Some(units);
    }
    let number: f64 = text.strip_suffix(suffix)?.trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "tasks are far below")]
    (0.0..=1e6).contains(&number).then_some((number * 1024.0) as i64)
}

fn memory_and_cpu(input: &Input) -> Answer {
    let (cpu, memory) = (units(&input.cpu, "vcpu"), units(&input.memory, "gb"));
    for container in each(&input.container_definitions) {
        let name = text(&container.name);
        if container.memory.zip(memory).is_some_and(|(own, task)| own > task) {
            // pulumi/pulumi-awsx#1220
            return refuse(format!("The 'memory' setting for container '{name}' is greater than for the task."));
        }
        if container.memory_reservation.zip(container.memory).is_some_and(|(reserved, own)| reserved > own) {
            // badmintoncryer/cdk-preflight.
            return refuse(format!(
                "Invalid setting for container '{name}'. 'memory' must be greater than or equal to 'memoryReservation'."
            ));
        }
        if container.memory_reservation.zip(memory).is_some_and(|(reserved, task)| reserved > task) {
            // From memory, after the one about memory.
            return refuse(format!(
                "The 'memoryReservation' setting for container '{name}' is greater than for the task."
            ));
        }
    }
    let sum: i64 = each(&input.container_definitions).filter_map(|container| container.cpu).sum();
    if cpu.is_some_and(|cpu| sum > cpu) {
        // aws/aws-cdk#24629
        return refuse("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.");
    }
    Ok(())
}

/// "Role is not valid" (aws-samples/aws-modern-application-workshop#9, which left `REPLACE_ME_ECS_ROLE_ARN` in its place).
/// `taskRoleArn` may be a short name (API reference).
fn roles(input: &Input) -> Answer {
    let name = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
    };
    let arn = |role: &str| match role.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", partition, "iam", "", account, role] => {
            let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
            let path = role.strip_prefix("role/");
            partition.starts_with("aws") && digits && path.is_some_and(|path| path.rsplit('/').next().is_some_and(name))
        }
        _ => false,
    };
    let (execution, task) = (text(&input.execution_role_arn), text(&input.task_role_arn));
    if (!execution.is_empty() && !arn(execution)) || (!task.is_empty() && !arn(task) && !name(task)) {
        return refuse("Role is not valid");
    }
    Ok(())
}

/// Refuses what ECS refuses where FARGATE is required ("Amazon ECS task definition differences for Fargate").
pub(super) fn check_fargate(input: &Input) -> Answer {
    // The words for most are in badmintoncryer/cdk-preflight, which checks its rules against AWS.
    let unsupported = |what: &str| refuse(format!("Fargate compatible task definitions do not support {what}"));
    if some(input.placement_constraints.as_ref()) {
        return unsupported("constraints");
    }
    if some(input.inference_accelerators.as_ref()) {
        return refuse("Unsupported field 'inferenceAccelerators'");
    }
    if input.ipc_mode.is_some() {
        return unsupported("ipcMode");
    }
    if let Some(mode) = input.pid_mode.as_deref().filter(|mode| *mode != "task") {
        // getmoto/moto, tests/test_ecs
        return refuse(format!(
            "Tasks using the Fargate launch type do not support pidMode '{mode}'. The supported value for pidMode is 'task'."
        ));
    }
    for volume in each(&input.volumes) {
        if volume.host.as_ref().is_some_and(|host| !text(&host.source_path).is_empty()) {
            // cloudposse/terraform-aws-ecs-alb-service-task#174
            return unsupported("sourcePath");
        }
        if volume.docker_volume_configuration.is_some() {
            return unsupported("dockerVolumeConfiguration");
        }
    }
    match input.ephemeral_storage.as_ref().and_then(|storage| storage.size) {
        // Public notes of measurements against the API.
        Some(size) if size < 21 => return refuse("EphemeralStorage size should be at least 21"),
        Some(size) if size > 200 => return refuse("EphemeralStorage size should be at most 200"),
        _ => {}
    }
    each(&input.container_definitions).try_for_each(check_container)?;
    windows(input)
}

fn check_container(container: &ContainerInput) -> Answer {
    let unsupported = |what: &str| refuse(format!("Fargate compatible task definitions do not support {what}"));
    if container.privileged == Some(true) {
        return refuse("Fargate requires that the 'privileged' setting be 'false'.");
    }
    if some(container.docker_security_options.as_ref()) {
        return unsupported("dockerSecurityOptions");
    }
    if let Some(requirement) = each(&container.resource_requirements).next() {
        return match text(&requirement.r#type) {
            "GPU" => refuse("Tasks using the Fargate launch type do not support GPU resource requirements."),
            // From memory: the accelerators went with Elastic Inference.
            other => unsupported(other),
        };
    }
    if let Some(linux) = &container.linux_parameters {
        let mut added = linux.capabilities.iter().flat_map(|capabilities| each(&capabilities.add));
        if let Some(capability) = added.find(|capability| *capability != "SYS_PTRACE") {
            // Several public reports, such as "NET_BIND_SERVICE is not allowed on Fargate."
            return refuse(format!("{capability} is not allowed on Fargate."));
        }
        let refused = [
            (linux.shared_memory_size.is_some(), "sharedMemorySize"),
            (linux.max_swap.is_some(), "maxSwap"),
            (linux.swappiness.is_some(), "swappiness"),
            (some(linux.devices.as_ref()), "devices"),
        ];
        if let Some((_, what)) = refused.into_iter().find(|(is, _)| *is) {
            return unsupported(what);
        }
    }
    if container.stop_timeout.is_some_and(|timeout| timeout > 120) {
        // From memory. The API reference says: "the max stop timeout value is 120 seconds".
        return refuse(
            "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.",
        );
    }
    if let Some(logs) = &container.log_configuration {
        let driver = text(&logs.log_driver);
        if !["awslogs", "splunk", "awsfirelens"].contains(&driver) {
            return refuse(format!(
                "{driver} is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]"
            ));
        }
    }
    Ok(())
}

/// "For Windows containers on AWS Fargate, the value cannot be less than 1 vCPU"; 8 and 16 vCPU are for Linux alone.
fn windows(input: &Input) -> Answer {
    let platform = input.runtime_platform.as_ref();
    let family = platform.map_or("", |platform| text(&platform.operating_system_family));
    if !family.starts_with("WINDOWS") {
        return Ok(());
    }
    let cpu = units(&input.cpu, "vcpu").unwrap_or_default();
    if !(1024..=4096).contains(&cpu) {
        return refuse(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {} memory. See the Amazon ECS documentation for the \
             valid values.",
            text(&input.memory)
        ));
    }
    if platform.is_some_and(|platform| text(&platform.cpu_architecture) == "ARM64") {
        // From memory. The API reference says that the value has to be X86_64.
        return refuse("Windows tasks on Fargate only support the X86_64 CPU architecture.");
    }
    Ok(())
}
