//! What ECS and Fargate demand of a task definition.

use serde_json::{Map, Value};

use super::super::{Refusal, Scope};
use super::definition::Container;

/// Service quotas of ECS: "Task definition maximum containers".
const MAX_CONTAINERS: usize = 10;
/// "Up to 255 letters, numbers, underscores, and hyphens" (family, and the name of a container).
const MAX_CHARACTERS: usize = 255;

pub(super) fn check_family(family: &str) -> Result<(), Refusal> {
    if family.is_empty() {
        return Err(Refusal::client("Family should not be null or empty."));
    }
    check_characters("Family", family)
}

/// "Family contains invalid characters." (aws/amazon-ecs-cli#37), "Container.name contains invalid characters."
/// (hashicorp/terraform-provider-aws#5950), "Container.image should be 255 characters or less" (the same, #22629). The length
/// of the others follows the same pattern from memory.
fn check_characters(member: &str, name: &str) -> Result<(), Refusal> {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
        return Err(Refusal::client(format!("{member} contains invalid characters.")));
    }
    check_length(member, name)
}

fn check_length(member: &str, text: &str) -> Result<(), Refusal> {
    if text.chars().count() > MAX_CHARACTERS {
        return Err(Refusal::client(format!("{member} should be {MAX_CHARACTERS} characters or less")));
    }
    Ok(())
}

pub(super) fn check_containers(containers: &[Container]) -> Result<(), Refusal> {
    if containers.is_empty() {
        return Err(Refusal::client("Container list cannot be empty."));
    }
    if containers.len() > MAX_CONTAINERS {
        return Err(Refusal::client(format!("A task definition can have at most {MAX_CONTAINERS} containers.")));
    }
    for (index, container) in containers.iter().enumerate() {
        let name = &container.name;
        if name.is_empty() {
            return Err(Refusal::client("Container.name should not be null or empty."));
        }
        check_characters("Container.name", name)?;
        if container.image.is_empty() {
            return Err(Refusal::client("Container.image should not be null or empty."));
        }
        check_length("Container.image", &container.image)?;
        // badmintoncryer/cdk-preflight has these words and the next from AWS.
        if containers[..index].iter().any(|other| other.name == *name) {
            return Err(Refusal::client("Container names must be unique within a task definition"));
        }
    }
    if !containers.iter().any(|container| container.essential) {
        return Err(Refusal::client("Task definition doesn't have any essential container"));
    }
    Ok(())
}

/// The size, the network mode, and the execution role that the images and logs need.
pub(super) fn check_size(
    scope: &Scope,
    body: &Map<String, Value>,
    containers: &[Container],
    awsvpc: bool,
) -> Result<(), Refusal> {
    if !awsvpc {
        return Err(Refusal::client("Fargate only supports network mode ‘awsvpc’."));
    }
    if fargate_size(body).is_none() {
        let text = |key| body.get(key).and_then(Value::as_str).unwrap_or("0");
        return Err(Refusal::client(format!(
            "No Fargate configuration exists for given values: {} CPU, {} memory. \
             See the Amazon ECS documentation for the valid values.",
            text("cpu"),
            text("memory")
        )));
    }
    let registry = scope.registry();
    let has_role = body.contains_key("executionRoleArn");
    if !has_role && containers.iter().any(|container| container.image.starts_with(&registry)) {
        return Err(Refusal::client(
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ));
    }
    for container in containers {
        let Some(logs) = &container.log_configuration else {
            continue;
        };
        if logs.log_driver.as_deref() != Some("awslogs") {
            continue;
        }
        if !has_role {
            return Err(Refusal::client(
                "Fargate requires task definition to have execution role ARN to support log \
                 driver awslogs.",
            ));
        }
        for option in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
            if logs.options.get(option).is_none_or(String::is_empty) {
                return Err(Refusal::client(format!("Log driver awslogs requires options: {option}")));
            }
        }
    }
    Ok(())
}

/// CPU units, if cpu and memory are a combination that Fargate offers ("Task CPU and memory"
/// in the ECS developer guide).
pub(super) fn fargate_size(body: &Map<String, Value>) -> Option<u32> {
    let cpu = units(body.get("cpu")?.as_str()?, "vcpu", 1024.0)?;
    let memory = units(body.get("memory")?.as_str()?, "gb", 1024.0)?;
    let (low, high, step) = match cpu {
        256 => return matches!(memory, 512 | 1024 | 2048).then_some(cpu),
        512 => (1024, 4096, 1024),
        1024 => (2048, 8192, 1024),
        2048 => (4096, 16384, 1024),
        4096 => (8192, 30720, 1024),
        8192 => (16384, 61440, 4096),
        16384 => (32768, 122_880, 8192),
        _ => return None,
    };
    ((low..=high).contains(&memory) && memory.is_multiple_of(step)).then_some(cpu)
}

/// A number of units, or a decimal number before `suffix`, as ECS accepts both.
fn units(text: &str, suffix: &str, factor: f64) -> Option<u32> {
    if let Ok(units) = text.trim().parse() {
        return Some(units);
    }
    let lower = text.trim().to_ascii_lowercase();
    let number: f64 = lower.strip_suffix(suffix)?.trim().parse().ok()?;
    let units = number * factor;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range checked")]
    (0.0..=1e9).contains(&units).then_some(units as u32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sizes_are_read_in_units_and_in_words() {
        let size = |cpu: &str, memory: &str| {
            let body = json!({"cpu": cpu, "memory": memory});
            fargate_size(body.as_object().unwrap())
        };
        assert_eq!(size("0.5 vCPU", "1 GB"), Some(512));
        assert_eq!(size("1024", "2048"), Some(1024));
        assert_eq!(size("256", "4096"), None);
        assert_eq!(size("nonsense", "1GB"), None);
    }
}
