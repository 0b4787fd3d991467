//! `[aws]`: where environments are made.

use std::collections::BTreeMap;

use bivouac_planner::{CapacityPolicy, check_tag, enough_room};

use super::key_path::shown;
use super::reader::Section;

/// `[aws]`. Credentials, and the region if it is absent here, come from the SDK's usual chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// `region`: the region; absent: as the SDK finds it.
    pub region: Option<String>,
    /// `cluster`: the ECS cluster, by name or ARN. Required.
    pub cluster: String,
    /// `subnets`: where tasks run; public ones, or their addresses answer nobody. Required.
    pub subnets: Vec<String>,
    /// `security_groups`: what tasks are reachable through. Required: a network's default group lets nobody in.
    pub security_groups: Vec<String>,
    /// `capacity`: `on-demand`, `spot` or `spot-with-fallback` (default).
    pub capacity: CapacityPolicy,
    /// `table_prefix`: tables are called `<table_prefix>-environments` and so on. Default `bivouac`.
    pub table_prefix: String,
    /// `tags`: tags of every service, task and task definition, as `[aws.tags]`. Default none.
    pub tags: BTreeMap<String, String>,
}

/// "awsvpcConfiguration: There's a limit of 16 subnets that can be specified" (ECS API reference, `AwsVpcConfiguration`).
const MAX_SUBNETS: usize = 16;
/// "There's a limit of 5 security groups that can be specified" (the same).
const MAX_SECURITY_GROUPS: usize = 5;
/// Names of tables have 3 to 255 letters, digits, `_`, `-` and `.` (DynamoDB API reference, `TableName`); this leaves room
/// for `-environments`.
const MAX_PREFIX_LENGTH: usize = 200;

pub(super) fn read(section: Section<'_>) -> Aws {
    let region = section.text_of("region", "a region such as us-west-2, or empty for the SDK's own choice", |text| {
        text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    let cluster = section.text_of("cluster", "the name or ARN of an ECS cluster", |text| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'/');
        (1..=2048).contains(&text.len()) && text.bytes().all(letter)
    });
    let subnets = section.list("subnets", "1 to 16 ids such as subnet-0a1b2c", ids("subnet-", MAX_SUBNETS));
    let groups = section.list("security_groups", "1 to 5 ids such as sg-0a1b2c", ids("sg-", MAX_SECURITY_GROUPS));
    let capacity = section.choice(
        "capacity",
        &[
            ("on-demand", CapacityPolicy::OnDemand),
            ("spot", CapacityPolicy::Spot),
            ("spot-with-fallback", CapacityPolicy::SpotWithFallback),
        ],
    );
    let prefix = section.text_of("table_prefix", "1 to 200 letters, digits, `_`, `-` and `.`", |text| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (1..=MAX_PREFIX_LENGTH).contains(&text.len()) && text.bytes().all(letter)
    });
    let tags = tags(section.section("tags"));
    if let Err(sentence) = enough_room(tags.len()) {
        section.problem("tags", format!("`aws.tags` has {} tags; allowed: {sentence}", tags.len()));
    }
    let aws = Aws {
        region: region.filter(|region| !region.is_empty()),
        cluster: section.required("cluster", "the ECS cluster that environments run in", cluster).unwrap_or_default(),
        subnets: section.required("subnets", "the public subnets that tasks run in", subnets).unwrap_or_default(),
        security_groups: section
            .required("security_groups", "the security groups that let people reach the tasks", groups)
            .unwrap_or_default(),
        capacity: capacity.unwrap_or(CapacityPolicy::SpotWithFallback),
        table_prefix: prefix.unwrap_or_else(|| "bivouac".into()),
        tags,
    };
    section.done();
    aws
}

/// `[aws.tags]`. Keys are as AWS has them: capital letters count, so a variable can name those in small letters alone.
fn tags(section: Section<'_>) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for key in section.names() {
        let value = section.text_of(key, "a text, in quotes", |_| true);
        let Some(value) = value else { continue };
        match check_tag(key, &value) {
            Ok(()) => drop(tags.insert(key.to_owned(), value)),
            Err(sentence) => section.problem(key, format!("`aws.tags`: `{}` is refused: {sentence}", shown(key))),
        }
    }
    section.done();
    tags
}

fn ids(prefix: &'static str, most: usize) -> impl Fn(&[String]) -> bool {
    move |list| {
        let id = |text: &String| {
            text.strip_prefix(prefix)
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        };
        (1..=most).contains(&list.len()) && list.iter().all(id)
    }
}
