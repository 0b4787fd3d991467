//! Tags: those of the template and those of the configuration.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::mistake::{Mistake, shown};
use super::rules::Rule;

/// The prefix of our own tags, which say whose a resource is.
pub const OUR_TAGS: &str = "bivouac:";
/// "Maximum number of tags per resource: 50" (Amazon ECS developer guide, "Tag restrictions").
const MAX_TAGS: usize = 50;
/// Our own tags of a service: managed, repo, pr, spec, hash-version. A task definition has fewer.
const OURS: usize = 5;
/// "Maximum key length: 128 Unicode characters" (the same).
const MAX_KEY: usize = 128;
/// "Maximum value length: 256 Unicode characters" (the same).
const MAX_VALUE: usize = 256;

/// Checks one tag against AWS's rules and our own.
///
/// # Errors
/// The part that is wrong, and what is allowed.
pub fn tag(key: &str, value: &str) -> Result<(), String> {
    // "letters, numbers, spaces representable in UTF-8, and the characters: + - = . _ : / @" (the same).
    let allowed = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
    if key.is_empty() || key.chars().count() > MAX_KEY {
        return Err(format!("the key of a tag has 1 to {MAX_KEY} characters"));
    }
    if value.chars().count() > MAX_VALUE {
        return Err(format!("the value of a tag has at most {MAX_VALUE} characters"));
    }
    if key.to_lowercase().starts_with("aws:") {
        return Err("`aws:` begins AWS's own tags, which no call may set".to_owned());
    }
    if key.to_lowercase().starts_with(OUR_TAGS) {
        return Err(format!("`{OUR_TAGS}` begins Bivouac's own tags, by which it knows what is its own"));
    }
    if !key.chars().chain(value.chars()).all(allowed) {
        return Err("allowed in tags: letters, digits, spaces and + - = . _ : / @".to_owned());
    }
    Ok(())
}

/// Checks that so many tags leave room for our own.
///
/// # Errors
/// How many are allowed.
pub fn enough_room(tags: usize) -> Result<(), String> {
    match tags <= MAX_TAGS - OURS {
        true => Ok(()),
        false => Err(format!("at most {} tags, since AWS allows {MAX_TAGS} and {OURS} are Bivouac's", MAX_TAGS - OURS)),
    }
}

/// A tag of a template, with its index in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TemplateTag {
    pub index: usize,
    pub key: String,
    pub value: String,
}

/// Reads the tags of a template. AWS's own are left out: an export has them, and no call may set them.
pub(super) fn read(tags: Option<&Json>, mistakes: &mut Vec<Mistake>) -> Vec<TemplateTag> {
    let mut read: Vec<TemplateTag> = Vec::new();
    let entries = tags.and_then(Json::as_array).into_iter().flatten();
    for (index, entry) in entries.enumerate() {
        let path = format!("tags[{index}]");
        let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (key, value) = (text("key"), text("value"));
        if key.starts_with("aws:") {
            continue;
        }
        if let Err(allowed) = tag(&key, &value) {
            let found = format!("{} = {}", shown(&key.clone().into()), shown(&value.clone().into()));
            mistakes.push(Mistake::new(Rule::Tag, path.clone(), found, allowed));
        }
        if read.iter().any(|known| known.key == key) {
            mistakes.push(Mistake::new(Rule::Tag, path, shown(&key.into()), "each key once"));
            continue;
        }
        read.push(TemplateTag { index, key, value });
    }
    read
}

/// Names the tags that the template and the configuration give different values, and a list that is too long.
pub(super) fn conflicts(template: &[TemplateTag], configured: &BTreeMap<String, String>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for TemplateTag { index, key, value } in template {
        if let Some(other) = configured.get(key).filter(|other| *other != value) {
            let found = shown(&value.clone().into());
            let allowed = format!(
                "{}, as `[aws.tags]` says for {}, or leave one of the two out",
                shown(&other.clone().into()),
                shown(&key.clone().into())
            );
            mistakes.push(Mistake::new(Rule::Tag, format!("tags[{index}].value"), found, allowed));
        }
    }
    let together =
        template.len() + configured.keys().filter(|key| !template.iter().any(|own| own.key == **key)).count();
    if let Err(allowed) = enough_room(together) {
        let found = format!("{together} tags with those of `[aws.tags]`");
        mistakes.push(Mistake::new(Rule::Tag, "tags".to_owned(), found, allowed));
    }
    mistakes
}
