//! Members of a task definition that ECS requires, and the values of its enumerations (Amazon ECS API reference).

use super::super::Refusal;
use super::input::{ContainerInput, HealthCheck, Input, Secret};

type Answer = Result<(), Refusal>;

const COMPATIBILITIES: [&str; 4] = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];
const ARCHITECTURES: [&str; 2] = ["X86_64", "ARM64"];
const OPERATING_SYSTEMS: [&str; 10] = [
    "WINDOWS_SERVER_2019_FULL",
    "WINDOWS_SERVER_2019_CORE",
    "WINDOWS_SERVER_2016_FULL",
    "WINDOWS_SERVER_2004_CORE",
    "WINDOWS_SERVER_2022_CORE",
    "WINDOWS_SERVER_2022_FULL",
    "WINDOWS_SERVER_2025_CORE",
    "WINDOWS_SERVER_2025_FULL",
    "WINDOWS_SERVER_20H2_CORE",
    "LINUX",
];
const NETWORK_MODES: [&str; 4] = ["bridge", "host", "awsvpc", "none"];
const CONDITIONS: [&str; 4] = ["START", "COMPLETE", "SUCCESS", "HEALTHY"];
const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Refuses a value that is none of its enumeration.
///
/// The words are reported for `include` of DescribeClusters (hashicorp/terraform-provider-aws#23342). Those for other members
/// follow the same pattern from memory.
pub(crate) fn one_of(member: &str, value: &str, allowed: &[&str]) -> Answer {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("{member} should be one of [{}]", allowed.join(","))))
}

/// Refuses a value of `propagateTags` that is none.
pub(crate) fn check_propagation(value: Option<&String>) -> Answer {
    optional("propagateTags", value, &["TASK_DEFINITION", "SERVICE", "NONE"])
}

fn optional(member: &str, value: Option<&String>, allowed: &[&str]) -> Answer {
    value.map_or(Ok(()), |value| one_of(member, value, allowed))
}

/// "Container.image should not be null or empty." (aws/aws-cli#5924). Those for other members follow the same pattern from
/// memory.
fn required(member: &str, is_there: bool) -> Answer {
    if is_there { Ok(()) } else { Err(Refusal::client(format!("{member} should not be null or empty."))) }
}

fn filled(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Refuses a task definition that lacks a required member or has a value outside an enumeration.
pub(super) fn check(input: &Input) -> Answer {
    optional("networkMode", input.network_mode.as_ref(), &NETWORK_MODES)?;
    optional("pidMode", input.pid_mode.as_ref(), &["host", "task"])?;
    optional("ipcMode", input.ipc_mode.as_ref(), &["host", "task", "none"])?;
    for compatibility in input.requires_compatibilities.iter().flatten() {
        one_of("requiresCompatibilities", compatibility, &COMPATIBILITIES)?;
    }
    if let Some(platform) = &input.runtime_platform {
        optional("cpuArchitecture", platform.cpu_architecture.as_ref(), &ARCHITECTURES)?;
        optional("operatingSystemFamily", platform.operating_system_family.as_ref(), &OPERATING_SYSTEMS)?;
    }
    if let Some(storage) = &input.ephemeral_storage {
        required("EphemeralStorage.sizeInGiB", storage.size.is_some())?;
    }
    for volume in input.volumes.iter().flatten() {
        if let Some(efs) = &volume.efs_volume_configuration {
            required("EFSVolumeConfiguration.fileSystemId", filled(efs.file_system_id.as_ref()))?;
            optional("transitEncryption", efs.transit_encryption.as_ref(), &["ENABLED", "DISABLED"])?;
            if let Some(access) = &efs.authorization_config {
                optional("iam", access.iam.as_ref(), &["ENABLED", "DISABLED"])?;
            }
        }
    }
    input.container_definitions.iter().flatten().try_for_each(container)
}

fn container(container: &ContainerInput) -> Answer {
    let name = container.name.as_deref().unwrap_or_default();
    for port in container.port_mappings.iter().flatten() {
        let is_one = |port: Option<i64>, least| port.is_none_or(|port| (least..=65_535).contains(&port));
        let named = port.container_port.is_some() || port.container_port_range.is_some();
        if !named || !is_one(port.container_port, 1) {
            // aws/aws-cli#7288, where a mapping had none.
            return Err(Refusal::client(format!("Invalid 'containerPort' setting for container '{name}'.")));
        }
        if !is_one(port.host_port, 0) {
            // From memory, after the one above.
            return Err(Refusal::client(format!("Invalid 'hostPort' setting for container '{name}'.")));
        }
        // The console says "Valid values for portMapping protocol are tcp and udp" (hashicorp/terraform-provider-aws#3645).
        optional("protocol", port.protocol.as_ref(), &["tcp", "udp"])?;
        optional("appProtocol", port.app_protocol.as_ref(), &["http", "http2", "grpc"])?;
    }
    let options = container.log_configuration.iter().flat_map(|logs| logs.secret_options.iter().flatten());
    container.secrets.iter().flatten().chain(options).try_for_each(secret)?;
    for file in container.environment_files.iter().flatten() {
        required("EnvironmentFile.value", filled(file.value.as_ref()))?;
        one_of("type", file.r#type.as_deref().unwrap_or_default(), &["s3"])?;
    }
    for dependency in container.depends_on.iter().flatten() {
        required("ContainerDependency.containerName", filled(dependency.container_name.as_ref()))?;
        one_of("condition", dependency.condition.as_deref().unwrap_or_default(), &CONDITIONS)?;
    }
    if let Some(check) = &container.health_check {
        required("HealthCheck.command", check.command.as_ref().is_some_and(|command| !command.is_empty()))?;
        health_check(name, check)?;
    }
    for ulimit in container.ulimits.iter().flatten() {
        required("Ulimit.name", filled(ulimit.name.as_ref()))?;
        let name = ulimit.name.as_deref().unwrap_or_default();
        if !ULIMITS.contains(&name) {
            // Shippable/support#3699
            return Err(Refusal::client(format!("Unrecognized ulimit name {name}")));
        }
        required("Ulimit.softLimit", ulimit.soft_limit.is_some())?;
        required("Ulimit.hardLimit", ulimit.hard_limit.is_some())?;
        if ulimit.soft_limit > ulimit.hard_limit {
            // badmintoncryer/cdk-preflight, which checks its rules against AWS.
            return Err(Refusal::client(format!("Soft limit exceeds hard limit for ulimit {name}")));
        }
    }
    for requirement in container.resource_requirements.iter().flatten() {
        required("ResourceRequirement.value", filled(requirement.value.as_ref()))?;
        let kinds = ["GPU", "InferenceAccelerator", "NeuronDevice"];
        one_of("type", requirement.r#type.as_deref().unwrap_or_default(), &kinds)?;
    }
    if let Some(router) = &container.firelens_configuration {
        one_of("type", router.r#type.as_deref().unwrap_or_default(), &["fluentd", "fluentbit"])?;
    }
    if let Some(policy) = &container.restart_policy {
        required("ContainerRestartPolicy.enabled", policy.enabled.is_some())?;
    }
    optional("versionConsistency", container.version_consistency.as_ref(), &["enabled", "disabled"])
}

/// The ranges are those of `HealthCheck` in the API reference. The words about the most are those that
/// badmintoncryer/cdk-preflight has from AWS, and those about the least follow them from memory.
fn health_check(container: &str, check: &HealthCheck) -> Answer {
    let ranges = [
        ("interval", check.interval, 5, 300),
        ("timeout", check.timeout, 2, 60),
        ("retries", check.retries, 1, 10),
        ("startPeriod", check.start_period, 0, 300),
    ];
    for (member, value, least, most) in ranges {
        let Some(value) = value else { continue };
        let bound = match value {
            value if value < least => format!("greater than or equal to the minimum allowed value {least}"),
            value if value > most => format!("less than or equal to the maximum allowed value {most}"),
            _ => continue,
        };
        return Err(Refusal::client(format!("Health check {member} must be {bound} for container '{container}'")));
    }
    Ok(())
}

fn secret(secret: &Secret) -> Answer {
    required("Secret.name", filled(secret.name.as_ref()))?;
    required("Secret.valueFrom", secret.value_from.is_some())
}
