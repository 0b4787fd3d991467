//! What ECR accepts as an argument, and how it refuses the rest.

use crate::model::ecr::ImageId;
use crate::model::page::last_key;
use crate::model::scope::is_digest;
use crate::model::{Refusal, Scope};

/// "Array Members: Minimum number of 1 item. Maximum number of 100 items." (imageIds)
pub(super) const MAX_IDS: usize = 100;

/// "Length Constraints: Minimum length of 1. Maximum length of 300." (imageTag)
const MAX_TAG: usize = 300;

/// "Array Members: Minimum number of 1 item. Maximum number of 100 items." (acceptedMediaTypes)
pub(super) fn check_media_types(accepted: Option<&[String]>) -> Result<(), Refusal> {
    const MAX: usize = 100;
    match accepted.map(<[String]>::len) {
        Some(0) => Err(constraint("acceptedMediaTypes", "Member must have length greater than or equal to 1")),
        Some(len) if len > MAX => Err(too_long("acceptedMediaTypes", MAX)),
        _ => Ok(()),
    }
}

pub(super) fn page_size(wanted: Option<i32>) -> Result<usize, Refusal> {
    /// "between 1 and 1000"; without it 100 (ListImages, DescribeImages, DescribeRepositories).
    const DEFAULT: usize = 100;
    match wanted {
        None => Ok(DEFAULT),
        Some(size @ 1..=1000) => Ok(size.unsigned_abs() as usize),
        Some(size) if size < 1 => Err(constraint("maxResults", "Member must have value greater than or equal to 1")),
        Some(_) => Err(constraint("maxResults", "Member must have value less than or equal to 1000")),
    }
}

pub(super) fn start(listing: &str, token: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(token) = token else { return Ok(None) };
    let key = last_key(listing, token);
    key.map(Some).ok_or_else(|| Refusal::invalid("Invalid parameter at 'nextToken'"))
}

pub(super) fn required<'a>(what: &str, value: Option<&'a str>) -> Result<&'a str, Refusal> {
    value.ok_or_else(|| constraint(what, "Member must not be null"))
}

pub(super) fn constraint(what: &str, constraint: &str) -> Refusal {
    Refusal::invalid(format!("Invalid parameter at '{what}' failed to satisfy constraint: '{constraint}'"))
}

pub(super) fn too_long(what: &str, max: usize) -> Refusal {
    constraint(what, &format!("Member must have length less than or equal to {max}"))
}

pub(super) fn check_ids(ids: &[ImageId]) -> Result<&[ImageId], Refusal> {
    match ids.len() {
        0 => Err(constraint("imageIds", "Member must have length greater than or equal to 1")),
        1..=MAX_IDS if ids.iter().filter_map(|id| id.image_tag.as_deref()).any(|tag| tag.chars().count() > MAX_TAG) => {
            Err(too_long("imageIds", MAX_TAG))
        }
        1..=MAX_IDS => Ok(ids),
        _ => Err(too_long("imageIds", MAX_IDS)),
    }
}

pub(super) fn check_id(id: &ImageId) -> Result<(), Refusal> {
    if let Some(digest) = id.image_digest.as_deref().filter(|digest| !is_digest(digest)) {
        return Err(constraint(
            "imageIds",
            &format!("image digest '{digest}' must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"),
        ));
    }
    if id.image_digest.is_none() && id.image_tag.is_none() {
        return Err(Refusal::invalid("Either image digest or image tag must be specified"));
    }
    Ok(())
}

/// A tag as the OCI distribution specification allows it: "at most 128 characters".
pub(super) fn check_tag(tag: &str) -> Result<(), Refusal> {
    let first = tag.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let rest = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if first && rest && tag.len() <= 128 {
        return Ok(());
    }
    Err(constraint("imageTag", "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'"))
}

/// "2 to 256 lower-case characters" (repositoryName).
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let part = |part: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b: u8| b.is_ascii_lowercase() || b.is_ascii_digit());
        edge(part.bytes().next())
            && edge(part.bytes().last())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    };
    if (2..=256).contains(&name.len()) && name.split('/').all(part) {
        return Ok(());
    }
    Err(constraint(
        "repositoryName",
        "must satisfy regular expression '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'",
    ))
}

pub(super) fn image_not_found(scope: &Scope, name: &str, id: &ImageId) -> Refusal {
    let digest = id.image_digest.as_deref().unwrap_or("null");
    let tag = id.image_tag.as_deref().unwrap_or("null");
    Refusal::new(
        "ImageNotFoundException",
        format!(
            "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist \
             within the repository with name '{name}' in the registry with id '{}'",
            scope.account
        ),
    )
}
