//! The types of RegisterTaskDefinition's members. ECS answers a wrong one with SerializationException, which names no field,
//! so a value whose meaning is certain is converted and any other is named.

use serde_json::{Map, Number, Value as Json};

use super::mistake::{Mistake, shown};
use super::rules::Rule;

/// A type of the API (Amazon ECS API reference, `RegisterTaskDefinition` and the types that it links to, 2026-11).
enum Kind {
    Text,
    Whole,
    Flag,
    /// Texts by name.
    Texts,
    List(&'static Kind),
    Object(&'static [(&'static str, Kind)]),
}

use Kind::{Flag, List, Object, Text, Texts, Whole};

const LIST_OF_TEXTS: Kind = List(&Text);
const NAMES_AND_VALUES: Kind = List(&Object(&[("name", Text), ("value", Text)]));
const SECRETS: Kind = List(&Object(&[("name", Text), ("valueFrom", Text)]));

const TASK: &[(&str, Kind)] = &[
    ("family", Text),
    ("taskRoleArn", Text),
    ("executionRoleArn", Text),
    ("networkMode", Text),
    ("containerDefinitions", List(&Object(CONTAINER))),
    ("volumes", List(&Object(VOLUME))),
    ("placementConstraints", List(&Object(&[("type", Text), ("expression", Text)]))),
    ("requiresCompatibilities", LIST_OF_TEXTS),
    ("cpu", Text),
    ("memory", Text),
    ("tags", List(&Object(&[("key", Text), ("value", Text)]))),
    ("pidMode", Text),
    ("ipcMode", Text),
    ("proxyConfiguration", Object(&[("type", Text), ("containerName", Text), ("properties", NAMES_AND_VALUES)])),
    ("inferenceAccelerators", List(&Object(&[("deviceName", Text), ("deviceType", Text)]))),
    ("ephemeralStorage", Object(&[("sizeInGiB", Whole)])),
    ("runtimePlatform", Object(&[("cpuArchitecture", Text), ("operatingSystemFamily", Text)])),
    ("enableFaultInjection", Flag),
];

const CONTAINER: &[(&str, Kind)] = &[
    ("name", Text),
    ("image", Text),
    ("repositoryCredentials", Object(&[("credentialsParameter", Text)])),
    ("cpu", Whole),
    ("memory", Whole),
    ("memoryReservation", Whole),
    ("links", LIST_OF_TEXTS),
    ("portMappings", List(&Object(PORT))),
    ("essential", Flag),
    (
        "restartPolicy",
        Object(&[("enabled", Flag), ("ignoredExitCodes", List(&Whole)), ("restartAttemptPeriod", Whole)]),
    ),
    ("entryPoint", LIST_OF_TEXTS),
    ("command", LIST_OF_TEXTS),
    ("environment", NAMES_AND_VALUES),
    ("environmentFiles", List(&Object(&[("value", Text), ("type", Text)]))),
    ("mountPoints", List(&Object(&[("sourceVolume", Text), ("containerPath", Text), ("readOnly", Flag)]))),
    ("volumesFrom", List(&Object(&[("sourceContainer", Text), ("readOnly", Flag)]))),
    ("linuxParameters", Object(LINUX)),
    ("secrets", SECRETS),
    ("dependsOn", List(&Object(&[("containerName", Text), ("condition", Text)]))),
    ("startTimeout", Whole),
    ("stopTimeout", Whole),
    ("versionConsistency", Text),
    ("hostname", Text),
    ("user", Text),
    ("workingDirectory", Text),
    ("disableNetworking", Flag),
    ("privileged", Flag),
    ("readonlyRootFilesystem", Flag),
    ("dnsServers", LIST_OF_TEXTS),
    ("dnsSearchDomains", LIST_OF_TEXTS),
    ("extraHosts", List(&Object(&[("hostname", Text), ("ipAddress", Text)]))),
    ("dockerSecurityOptions", LIST_OF_TEXTS),
    ("interactive", Flag),
    ("pseudoTerminal", Flag),
    ("dockerLabels", Texts),
    ("ulimits", List(&Object(&[("name", Text), ("softLimit", Whole), ("hardLimit", Whole)]))),
    ("logConfiguration", Object(&[("logDriver", Text), ("options", Texts), ("secretOptions", SECRETS)])),
    (
        "healthCheck",
        Object(&[
            ("command", LIST_OF_TEXTS),
            ("interval", Whole),
            ("timeout", Whole),
            ("retries", Whole),
            ("startPeriod", Whole),
        ]),
    ),
    ("systemControls", List(&Object(&[("namespace", Text), ("value", Text)]))),
    ("resourceRequirements", List(&Object(&[("value", Text), ("type", Text)]))),
    ("firelensConfiguration", Object(&[("type", Text), ("options", Texts)])),
    ("credentialSpecs", LIST_OF_TEXTS),
];

const PORT: &[(&str, Kind)] = &[
    ("containerPort", Whole),
    ("hostPort", Whole),
    ("protocol", Text),
    ("name", Text),
    ("appProtocol", Text),
    ("containerPortRange", Text),
];

const LINUX: &[(&str, Kind)] = &[
    ("capabilities", Object(&[("add", LIST_OF_TEXTS), ("drop", LIST_OF_TEXTS)])),
    ("devices", List(&Object(&[("hostPath", Text), ("containerPath", Text), ("permissions", LIST_OF_TEXTS)]))),
    ("initProcessEnabled", Flag),
    ("sharedMemorySize", Whole),
    ("tmpfs", List(&Object(&[("containerPath", Text), ("size", Whole), ("mountOptions", LIST_OF_TEXTS)]))),
    ("maxSwap", Whole),
    ("swappiness", Whole),
];

const VOLUME: &[(&str, Kind)] = &[
    ("name", Text),
    ("host", Object(&[("sourcePath", Text)])),
    ("configuredAtLaunch", Flag),
    (
        "dockerVolumeConfiguration",
        Object(&[("scope", Text), ("autoprovision", Flag), ("driver", Text), ("driverOpts", Texts), ("labels", Texts)]),
    ),
    (
        "efsVolumeConfiguration",
        Object(&[
            ("fileSystemId", Text),
            ("rootDirectory", Text),
            ("transitEncryption", Text),
            ("transitEncryptionPort", Whole),
            ("authorizationConfig", Object(&[("accessPointId", Text), ("iam", Text)])),
        ]),
    ),
    (
        "fsxWindowsFileServerVolumeConfiguration",
        Object(&[
            ("fileSystemId", Text),
            ("rootDirectory", Text),
            ("authorizationConfig", Object(&[("credentialsParameter", Text), ("domain", Text)])),
        ]),
    ),
];

/// Converts the values of a task definition to the types of the API where their meaning is certain, and names the others.
///
/// A whole number or `true` in the place of a text becomes its text, and digits or `"true"` in the place of a number or a flag
/// become that. A fraction is named: JSON keeps no trace of how `1.10` was written. Members that the table does not know stay
/// as they are, and so does `null`, which ECS reads as absent. Converting twice changes nothing more.
pub(super) fn convert(fields: &mut Map<String, Json>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    members(fields, TASK, "", &mut mistakes);
    mistakes
}

fn members(fields: &mut Map<String, Json>, known: &[(&str, Kind)], path: &str, mistakes: &mut Vec<Mistake>) {
    for (name, kind) in known {
        if let Some(value) = fields.get_mut(*name).filter(|value| !value.is_null()) {
            let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
            one(value, kind, &path, mistakes);
        }
    }
}

fn one(value: &mut Json, kind: &Kind, path: &str, mistakes: &mut Vec<Mistake>) {
    let wrong = |value: &Json, allowed: &str| Mistake::new(Rule::Type, path.to_owned(), shown(value), allowed);
    match kind {
        Text => match text(value) {
            Some(converted) => *value = converted,
            None => mistakes.push(wrong(value, "a text, in quotes")),
        },
        Whole => match whole(value) {
            Some(converted) => *value = converted,
            None => mistakes.push(wrong(value, "a whole number, without quotes")),
        },
        Flag => match flag(value) {
            Some(converted) => *value = converted,
            None => mistakes.push(wrong(value, "true or false, without quotes")),
        },
        Texts => match value {
            Json::Object(fields) => {
                for (name, value) in fields.iter_mut().filter(|(_, value)| !value.is_null()) {
                    one(value, &Text, &format!("{path}.{name}"), mistakes);
                }
            }
            _ => mistakes.push(wrong(value, "an object of texts")),
        },
        List(inner) => match value {
            Json::Array(list) => {
                for (index, value) in list.iter_mut().enumerate() {
                    one(value, inner, &format!("{path}[{index}]"), mistakes);
                }
            }
            _ => mistakes.push(wrong(value, &format!("a list of {}", plural(inner)))),
        },
        Object(known) => match value {
            Json::Object(fields) => members(fields, known, path, mistakes),
            _ => mistakes.push(wrong(value, "an object")),
        },
    }
}

fn plural(kind: &Kind) -> &'static str {
    match kind {
        Text => "texts, such as [\"sh\", \"-c\"]",
        Whole => "whole numbers",
        Flag => "true and false",
        Texts | Object(_) => "objects",
        List(_) => "lists",
    }
}

fn text(value: &Json) -> Option<Json> {
    match value {
        Json::String(_) => Some(value.clone()),
        Json::Bool(flag) => Some(flag.to_string().into()),
        Json::Number(number) if !number.is_f64() => Some(number.to_string().into()),
        _ => None,
    }
}

fn whole(value: &Json) -> Option<Json> {
    match value {
        Json::Number(number) if !number.is_f64() => Some(value.clone()),
        // 512.0 is whole; jq and some templating tools print it so.
        Json::Number(number) => {
            let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 2_147_483_648.0)?;
            #[expect(clippy::cast_possible_truncation, reason = "bounded above by the largest integer of the API")]
            let number = number as i64;
            Some(Json::Number(Number::from(number)))
        }
        Json::String(text) => {
            let digits = text.trim();
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<i64>().ok().filter(|_| plain).map(|number| Json::Number(number.into()))
        }
        _ => None,
    }
}

fn flag(value: &Json) -> Option<Json> {
    match value {
        Json::Bool(_) => Some(value.clone()),
        Json::String(text) => text.trim().to_ascii_lowercase().parse::<bool>().ok().map(Json::Bool),
        _ => None,
    }
}
