//! The input of RegisterTaskDefinition with its types (Amazon ECS API reference). A member of another type is refused before
//! anything else is looked at, and the answer names no member.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::Refusal;

macro_rules! shape {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub(super) struct $name { $(pub(super) $field: Option<$kind>,)* }
    };
}

type Texts = Vec<String>;
type Named = BTreeMap<String, Option<String>>;

shape!(
    /// The whole input.
    Input {
        family: String,
        task_role_arn: String,
        execution_role_arn: String,
        network_mode: String,
        container_definitions: Vec<ContainerInput>,
        volumes: Vec<Volume>,
        placement_constraints: Vec<PlacementConstraint>,
        requires_compatibilities: Texts,
        cpu: String,
        memory: String,
        pid_mode: String,
        ipc_mode: String,
        inference_accelerators: Vec<Map<String, Value>>,
        ephemeral_storage: EphemeralStorage,
        runtime_platform: RuntimePlatform,
        enable_fault_injection: bool,
    }
);
shape!(
    /// A container.
    ContainerInput {
        name: String,
        image: String,
        cpu: i64,
        memory: i64,
        memory_reservation: i64,
        links: Texts,
        port_mappings: Vec<Port>,
        essential: bool,
        entry_point: Texts,
        command: Texts,
        environment: Vec<Pair>,
        environment_files: Vec<EnvironmentFile>,
        mount_points: Vec<MountPoint>,
        volumes_from: Vec<VolumeFrom>,
        linux_parameters: LinuxParameters,
        secrets: Vec<Secret>,
        depends_on: Vec<Dependency>,
        start_timeout: i64,
        stop_timeout: i64,
        hostname: String,
        user: String,
        working_directory: String,
        disable_networking: bool,
        privileged: bool,
        readonly_root_filesystem: bool,
        dns_servers: Texts,
        dns_search_domains: Texts,
        extra_hosts: Vec<Host>,
        docker_security_options: Texts,
        interactive: bool,
        pseudo_terminal: bool,
        docker_labels: Named,
        ulimits: Vec<Ulimit>,
        log_configuration: Logs,
        health_check: HealthCheck,
        system_controls: Vec<SystemControl>,
        resource_requirements: Vec<ResourceRequirement>,
        firelens_configuration: Firelens,
        restart_policy: RestartPolicy,
        version_consistency: String,
    }
);
shape!(
    /// A port.
    Port { container_port: i64, host_port: i64, protocol: String, name: String, app_protocol: String, container_port_range: String, }
);
shape!(
    /// A variable.
    Pair { name: String, value: String, }
);
shape!(
    /// A file of variables.
    EnvironmentFile { value: String, r#type: String, }
);
shape!(
    /// A mount.
    MountPoint { source_volume: String, container_path: String, read_only: bool, }
);
shape!(
    /// The mounts of another container.
    VolumeFrom { source_container: String, read_only: bool, }
);
shape!(
    /// Options of Linux.
    LinuxParameters {
        capabilities: Capabilities,
        devices: Vec<Map<String, Value>>,
        init_process_enabled: bool,
        shared_memory_size: i64,
        max_swap: i64,
        swappiness: i64,
    }
);
shape!(
    /// Capabilities of the kernel.
    Capabilities { add: Texts, drop: Texts, }
);
shape!(
    /// A secret.
    Secret { name: String, value_from: String, }
);
shape!(
    /// Another container that is waited for.
    Dependency { container_name: String, condition: String, }
);
shape!(
    /// A line of the hosts file.
    Host { hostname: String, ip_address: String, }
);
shape!(
    /// A limit of the kernel.
    Ulimit { name: String, soft_limit: i64, hard_limit: i64, }
);
shape!(
    /// The log driver.
    Logs { log_driver: String, options: Named, secret_options: Vec<Secret>, }
);
shape!(
    /// A health check.
    HealthCheck { command: Texts, interval: i64, timeout: i64, retries: i64, start_period: i64, }
);
shape!(
    /// A parameter of the kernel.
    SystemControl { namespace: String, value: String, }
);
shape!(
    /// A GPU or an accelerator.
    ResourceRequirement { value: String, r#type: String, }
);
shape!(
    /// A log router.
    Firelens { r#type: String, options: Named, }
);
shape!(
    /// What happens to a container that ends.
    RestartPolicy { enabled: bool, ignored_exit_codes: Vec<i64>, restart_attempt_period: i64, }
);
shape!(
    /// A volume.
    Volume {
        name: String,
        host: HostVolume,
        docker_volume_configuration: Map<String, Value>,
        efs_volume_configuration: EfsVolume,
        configured_at_launch: bool,
    }
);
shape!(
    /// A volume of EFS.
    EfsVolume {
        file_system_id: String,
        root_directory: String,
        transit_encryption: String,
        transit_encryption_port: i64,
        authorization_config: EfsAuthorization,
    }
);
shape!(
    /// The access to a volume of EFS.
    EfsAuthorization { access_point_id: String, iam: String, }
);
shape!(
    /// A path of the host.
    HostVolume { source_path: String, }
);
shape!(
    /// A rule of placement.
    PlacementConstraint { r#type: String, expression: String, }
);
/// The task's own storage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EphemeralStorage {
    #[serde(rename = "sizeInGiB")]
    pub(super) size: Option<i64>,
}

shape!(
    /// The operating system and the processor.
    RuntimePlatform { cpu_architecture: String, operating_system_family: String, }
);

impl Input {
    /// Reads the input; a member of another type is a `SerializationException`.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, Refusal> {
        Self::deserialize(body).map_err(|error| serialization(&error.to_string()))
    }
}

/// The words of ECS for a member of another type: "STRING_VALUE cannot be converted to Integer"
/// (aws-actions/amazon-ecs-deploy-task-definition#587). Those for the other pairs follow the same pattern from memory.
fn serialization(error: &str) -> Refusal {
    let found = error.strip_prefix("invalid type: ").unwrap_or_default();
    let found = [
        ("string", "STRING_VALUE"),
        ("integer", "NUMBER_VALUE"),
        ("floating point", "DECIMAL_VALUE"),
        ("boolean `true`", "TRUE_VALUE"),
        ("boolean", "FALSE_VALUE"),
        ("null", "NULL_VALUE"),
    ]
    .into_iter()
    .find(|(begin, _)| found.starts_with(begin))
    .map(|(_, word)| word);
    let wanted = [("expected a string", "String"), ("expected i64", "Integer"), ("expected a boolean", "Boolean")]
        .into_iter()
        .find(|(end, _)| error.contains(end))
        .map(|(_, word)| word);
    let message = match (found, wanted) {
        (Some(found), Some(wanted)) => format!("{found} cannot be converted to {wanted}"),
        _ => "Unexpected field type".to_owned(),
    };
    Refusal::new("SerializationException", message)
}
