//! The members of RegisterTaskDefinition: their types, their enumerations, and the ones that are required.
//!
//! ECS answers a wrong type with SerializationException, which names no field. So a value whose meaning is certain is converted,
//! and any other is named.

use serde_json::{Map, Number, Value as Json};

use super::mistake::{Mistake, shown};
use super::rules::Rule;

/// A type of the API (Amazon ECS API reference, `RegisterTaskDefinition` and the types that it links to, 2026-11).
enum Kind {
    Text,
    /// A text of an enumeration. ECS tells capital letters from small ones.
    Word(&'static [&'static str]),
    Whole,
    Flag,
    /// Texts by name.
    Texts,
    List(&'static Kind),
    Object(&'static [(&'static str, Kind)]),
    /// A member that the object cannot be without. Those that a rule of their own covers are not marked.
    Required(&'static Kind),
}

use Kind::{Flag, List, Object, Required, Text, Texts, Whole, Word};

const LIST_OF_TEXTS: Kind = List(&Text);
const NAMES_AND_VALUES: Kind = List(&Object(&[("name", Text), ("value", Text)]));
const SECRETS: Kind = List(&Object(&[("name", Required(&Text)), ("valueFrom", Text)]));
const ON_OFF: Kind = Word(&["ENABLED", "DISABLED"]);
/// `UlimitName` of the API.
const ULIMIT: Kind = Word(&[
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
]);
/// `OSFamily` of the API.
const OPERATING_SYSTEM: Kind = Word(&[
    "LINUX",
    "WINDOWS_SERVER_2016_FULL",
    "WINDOWS_SERVER_2019_FULL",
    "WINDOWS_SERVER_2019_CORE",
    "WINDOWS_SERVER_2004_CORE",
    "WINDOWS_SERVER_20H2_CORE",
    "WINDOWS_SERVER_2022_CORE",
    "WINDOWS_SERVER_2022_FULL",
    "WINDOWS_SERVER_2025_CORE",
    "WINDOWS_SERVER_2025_FULL",
]);
/// `Compatibility` of the API.
const COMPATIBILITY: Kind = Word(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]);

const TASK: &[(&str, Kind)] = &[
    ("family", Text),
    ("taskRoleArn", Text),
    ("executionRoleArn", Text),
    ("networkMode", Text),
    ("containerDefinitions", List(&Object(CONTAINER))),
    ("volumes", List(&Object(VOLUME))),
    ("placementConstraints", List(&Object(&[("type", Text), ("expression", Text)]))),
    ("requiresCompatibilities", List(&COMPATIBILITY)),
    ("cpu", Text),
    ("memory", Text),
    ("tags", List(&Object(&[("key", Text), ("value", Text)]))),
    ("pidMode", Text),
    ("ipcMode", Text),
    (
        "proxyConfiguration",
        Object(&[("type", Word(&["APPMESH"])), ("containerName", Required(&Text)), ("properties", NAMES_AND_VALUES)]),
    ),
    ("inferenceAccelerators", List(&Object(&[("deviceName", Text), ("deviceType", Text)]))),
    ("ephemeralStorage", Object(&[("sizeInGiB", Required(&Whole))])),
    (
        "runtimePlatform",
        Object(&[("cpuArchitecture", Word(&["X86_64", "ARM64"])), ("operatingSystemFamily", OPERATING_SYSTEM)]),
    ),
    ("enableFaultInjection", Flag),
];

const CONTAINER: &[(&str, Kind)] = &[
    ("name", Text),
    ("image", Text),
    ("repositoryCredentials", Object(&[("credentialsParameter", Required(&Text))])),
    ("cpu", Whole),
    ("memory", Whole),
    ("memoryReservation", Whole),
    ("links", LIST_OF_TEXTS),
    ("portMappings", List(&Object(PORT))),
    ("essential", Flag),
    (
        "restartPolicy",
        Object(&[("enabled", Required(&Flag)), ("ignoredExitCodes", List(&Whole)), ("restartAttemptPeriod", Whole)]),
    ),
    ("entryPoint", LIST_OF_TEXTS),
    ("command", LIST_OF_TEXTS),
    ("environment", NAMES_AND_VALUES),
    ("environmentFiles", List(&Object(&[("value", Required(&Text)), ("type", Required(&Word(&["s3"])))]))),
    ("mountPoints", List(&Object(&[("sourceVolume", Text), ("containerPath", Text), ("readOnly", Flag)]))),
    ("volumesFrom", List(&Object(&[("sourceContainer", Text), ("readOnly", Flag)]))),
    ("linuxParameters", Object(LINUX)),
    ("secrets", SECRETS),
    (
        "dependsOn",
        List(&Object(&[
            ("containerName", Text),
            ("condition", Required(&Word(&["START", "COMPLETE", "SUCCESS", "HEALTHY"]))),
        ])),
    ),
    ("startTimeout", Whole),
    ("stopTimeout", Whole),
    ("versionConsistency", Word(&["enabled", "disabled"])),
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
    (
        "ulimits",
        List(&Object(&[("name", Required(&ULIMIT)), ("softLimit", Required(&Whole)), ("hardLimit", Required(&Whole))])),
    ),
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
    ("resourceRequirements", List(&Object(&[("value", Required(&Text)), ("type", Required(&Text))]))),
    ("firelensConfiguration", Object(&[("type", Required(&Word(&["fluentd", "fluentbit"]))), ("options", Texts)])),
    ("credentialSpecs", LIST_OF_TEXTS),
];

const PORT: &[(&str, Kind)] = &[
    ("containerPort", Whole),
    ("hostPort", Whole),
    ("protocol", Word(&["tcp", "udp"])),
    ("name", Text),
    ("appProtocol", Word(&["http", "http2", "grpc"])),
    ("containerPortRange", Text),
];

const LINUX: &[(&str, Kind)] = &[
    ("capabilities", Object(&[("add", LIST_OF_TEXTS), ("drop", LIST_OF_TEXTS)])),
    ("devices", List(&Object(&[("hostPath", Text), ("containerPath", Text), ("permissions", LIST_OF_TEXTS)]))),
    ("initProcessEnabled", Flag),
    ("sharedMemorySize", Whole),
    (
        "tmpfs",
        List(&Object(&[
            ("containerPath", Required(&Text)),
            ("size", Required(&Whole)),
            ("mountOptions", LIST_OF_TEXTS),
        ])),
    ),
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
            ("fileSystemId", Required(&Text)),
            ("rootDirectory", Text),
            ("transitEncryption", ON_OFF),
            ("transitEncryptionPort", Whole),
            ("authorizationConfig", Object(&[("accessPointId", Text), ("iam", ON_OFF)])),
        ]),
    ),
    (
        "fsxWindowsFileServerVolumeConfiguration",
        Object(&[
            ("fileSystemId", Required(&Text)),
            ("rootDirectory", Required(&Text)),
            (
                "authorizationConfig",
                Required(&Object(&[("credentialsParameter", Required(&Text)), ("domain", Required(&Text))])),
            ),
        ]),
    ),
];

/// Converts the values of a task definition to the types of the API where their meaning is certain. Names the others, the words
/// that their enumeration does not have, and the required members that are missing.
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
        let path = || if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        match fields.get_mut(*name).filter(|value| !value.is_null()) {
            Some(value) => one(value, kind, &path(), mistakes),
            None => {
                if let Required(kind) = kind {
                    mistakes.push(Mistake::new(Rule::Required, path(), "missing", expected(kind)));
                }
            }
        }
    }
}

fn one(value: &mut Json, kind: &Kind, path: &str, mistakes: &mut Vec<Mistake>) {
    let wrong = |value: &Json, allowed: &str| Mistake::new(Rule::Type, path.to_owned(), shown(value), allowed);
    match kind {
        Required(kind) => one(value, kind, path, mistakes),
        Text => match text(value) {
            Some(converted) => *value = converted,
            None => mistakes.push(wrong(value, &expected(kind))),
        },
        Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => {}
            Some(_) => mistakes.push(Mistake::new(Rule::Listed, path.to_owned(), shown(value), expected(kind))),
            None => mistakes.push(wrong(value, &expected(kind))),
        },
        Whole => match whole(value) {
            Some(converted) => *value = converted,
            None => mistakes.push(wrong(value, &expected(kind))),
        },
        Flag => match flag(value) {
            Some(converted) => *value = converted,
            None => mistakes.push(wrong(value, &expected(kind))),
        },
        Texts => match value {
            Json::Object(fields) => {
                for (name, value) in fields.iter_mut().filter(|(_, value)| !value.is_null()) {
                    one(value, &Text, &format!("{path}.{name}"), mistakes);
                }
            }
            _ => mistakes.push(wrong(value, &expected(kind))),
        },
        List(inner) => match value {
            Json::Array(list) => {
                for (index, value) in list.iter_mut().enumerate() {
                    one(value, inner, &format!("{path}[{index}]"), mistakes);
                }
            }
            _ => mistakes.push(wrong(value, &expected(kind))),
        },
        Object(known) => match value {
            Json::Object(fields) => members(fields, known, path, mistakes),
            _ => mistakes.push(wrong(value, &expected(kind))),
        },
    }
}

/// What a value has to be, as a sentence ends with it.
fn expected(kind: &Kind) -> String {
    match kind {
        Text => "a text, in quotes".to_owned(),
        Word(words) => words.join(", "),
        Whole => "a whole number, without quotes".to_owned(),
        Flag => "true or false, without quotes".to_owned(),
        Texts => "an object of texts".to_owned(),
        Object(_) => "an object".to_owned(),
        List(inner) => format!("a list of {}", plural(inner)),
        Required(kind) => expected(kind),
    }
}

fn plural(kind: &Kind) -> &'static str {
    match kind {
        Text | Word(_) => "texts, such as [\"sh\", \"-c\"]",
        Whole => "whole numbers",
        Flag => "true and false",
        Texts | Object(_) => "objects",
        List(_) => "lists",
        Required(kind) => plural(kind),
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
