//! ECR on awsJson 1.1.

mod check;
mod show;

#[cfg(test)]
mod tests;

use std::ops::Bound;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::model::ecr::{FailureCode, Image, ImageId, Manifest, Mutability, Repository};
use crate::model::page::take;
use crate::model::{Refusal, World};

use check::{
    MAX_IDS, check_id, check_ids, check_media_types, check_name, check_tag, constraint, image_not_found, page_size,
    required, start, too_long,
};
use show::{show_detail, show_image, show_repository};

/// What comes before the operation in `X-Amz-Target`.
pub(crate) const TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";

/// Where the AWS port answers with blobs, as S3 does.
pub(crate) const BLOBS: &str = "/simcloud-blobs/";
/// The same as a route.
pub(crate) const BLOB_ROUTE: &str = "/simcloud-blobs/{repository}/{digest}";

/// Answers one call.
pub(crate) fn answer(world: &mut World, operation: &str, input: Value) -> Result<Value, Refusal> {
    match operation {
        "CreateRepository" => create_repository(world, read(input)?),
        "DescribeRepositories" => describe_repositories(world, &read(input)?),
        "PutImage" => put_image(world, &read(input)?),
        "ListImages" => list_images(world, &read(input)?),
        "DescribeImages" => describe_images(world, &read(input)?),
        "BatchGetImage" => batch_get_image(world, &read(input)?),
        "GetDownloadUrlForLayer" => get_download_url(world, &read(input)?),
        "BatchDeleteImage" => batch_delete_image(world, &read(input)?),
        _ => Err(super::unknown_operation()),
    }
}

fn read<T: DeserializeOwned>(input: Value) -> Result<T, Refusal> {
    serde_json::from_value(input).map_err(|error| Refusal::new("SerializationException", error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRepository {
    repository_name: Option<String>,
    image_tag_mutability: Option<Mutability>,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
}

#[derive(Deserialize)]
struct ExclusionFilter {
    filter: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeRepositories {
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutImage {
    repository_name: Option<String>,
    image_manifest: Option<String>,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

/// ListImages, DescribeImages and the batch calls differ little in what they take.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    accepted_media_types: Option<Vec<String>>,
    repository_name: Option<String>,
    image_ids: Option<Vec<ImageId>>,
    next_token: Option<String>,
    max_results: Option<i32>,
    filter: Option<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    tag_status: Option<String>,
    image_status: Option<String>,
}

fn create_repository(world: &mut World, input: CreateRepository) -> Result<Value, Refusal> {
    let name = required("repositoryName", input.repository_name.as_deref())?;
    check_name(name)?;
    if world.ecr.repositories.contains_key(name) {
        return Err(Refusal::new(
            "RepositoryAlreadyExistsException",
            format!(
                "The repository with name '{name}' already exists in the registry with id '{}'",
                world.scope.account
            ),
        ));
    }
    let mut made = Repository::new(name, input.image_tag_mutability.unwrap_or_default(), world.now);
    let filters = input.image_tag_mutability_exclusion_filters.unwrap_or_default();
    made.exclusions = filters.into_iter().map(|filter| filter.filter).collect();
    let shown = show_repository(&world.scope, &made);
    world.ecr.repositories.insert(name.to_owned(), made);
    Ok(json!({ "repository": shown }))
}

fn describe_repositories(world: &World, input: &DescribeRepositories) -> Result<Value, Refusal> {
    if let Some(names) = &input.repository_names {
        if names.len() > MAX_IDS {
            return Err(too_long("repositoryNames", MAX_IDS));
        }
        let found = names.iter().map(|name| world.ecr.repository(&world.scope, name));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let shown: Vec<_> = found.into_iter().map(|found| show_repository(&world.scope, found)).collect();
        return Ok(json!({ "repositories": shown }));
    }
    let size = page_size(input.max_results)?;
    let from = start("DescribeRepositories", input.next_token.as_deref())?;
    let bounds = (from.as_deref().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let all = world.ecr.repositories.range::<str, _>(bounds);
    let page = take("DescribeRepositories", size, all, |(name, _)| (*name).clone());
    let shown = page.items.into_iter().map(|(_, found)| show_repository(&world.scope, found));
    Ok(paged(json!({ "repositories": shown.collect::<Vec<_>>() }), page.next))
}

fn put_image(world: &mut World, input: &PutImage) -> Result<Value, Refusal> {
    let now = world.now;
    let name = required("repositoryName", input.repository_name.as_deref())?;
    world.ecr.repository(&world.scope, name)?;
    let text = required("imageManifest", input.image_manifest.as_deref())?;
    let invalid = |what: &str| {
        Refusal::invalid(format!("Invalid parameter at '{what}' failed to satisfy constraint: 'Invalid JSON syntax'"))
    };
    let manifest =
        Manifest::read(text, input.image_manifest_media_type.as_deref()).map_err(|_| invalid("ImageManifest"))?;
    if let Some(tag) = &input.image_tag {
        check_tag(tag)?;
    }
    if let Some(said) = input.image_digest.as_deref().filter(|said| *said != manifest.digest) {
        return Err(Refusal::new(
            "ImageDigestDoesNotMatchException",
            format!(
                "The specified image digest '{said}' does not match the digest '{}' computed \
                 from the image manifest",
                manifest.digest
            ),
        ));
    }
    let digest = manifest.digest.clone();
    let repository = world.ecr.repository_mut(&world.scope, name)?;
    repository.put(&world.scope, manifest, input.image_tag.as_deref(), now)?;
    let id = ImageId { image_digest: Some(digest), image_tag: input.image_tag.clone() };
    let repository = world.ecr.repository(&world.scope, name)?;
    let image = repository.find(&id).ok_or_else(|| image_not_found(&world.scope, name, &id))?;
    Ok(json!({ "image": show_image(&world.scope, name, image, &id) }))
}

/// One entry for each tag, and one for each image that has none.
fn list_images(world: &World, input: &Images) -> Result<Value, Refusal> {
    let name = required("repositoryName", input.repository_name.as_deref())?;
    let repository = world.ecr.repository(&world.scope, name)?;
    let size = page_size(input.max_results)?;
    let wanted = TagStatus::of(input.filter.as_ref())?;
    let listing = format!("ListImages/{name}/{wanted:?}");
    let from = start(&listing, input.next_token.as_deref())?;
    let (digest, tag) = match from.as_deref() {
        Some(key) => key.split_once('|').unwrap_or((key, "")),
        None => ("", ""),
    };
    let images = repository.images.range::<str, _>((Bound::Included(digest), Bound::Unbounded));
    let entries = images.filter(|(_, image)| wanted.admits(image)).flat_map(|(_, image)| {
        let untagged = image.tags.is_empty().then_some(None);
        let tags = untagged.into_iter().chain(image.tags.iter().map(Some));
        tags.map(|tag| (image.digest.as_str(), tag.map_or("", String::as_str)))
    });
    let rest = entries.filter(|entry| from.is_none() || *entry > (digest, tag));
    let page = take(&listing, size, rest, |(digest, tag)| format!("{digest}|{tag}"));
    let ids: Vec<ImageId> = page
        .items
        .into_iter()
        .map(|(digest, tag)| ImageId {
            image_digest: Some(digest.to_owned()),
            image_tag: Some(tag.to_owned()).filter(|tag| !tag.is_empty()),
        })
        .collect();
    Ok(paged(json!({ "imageIds": ids }), page.next))
}

/// Describes what the ids name, all or nothing; or, without ids, a page of all images.
fn describe_images(world: &World, input: &Images) -> Result<Value, Refusal> {
    let name = required("repositoryName", input.repository_name.as_deref())?;
    let repository = world.ecr.repository(&world.scope, name)?;
    let show = |image: &Image| show_detail(&world.scope, repository, image);
    if let Some(ids) = &input.image_ids {
        check_ids(ids)?;
        if input.next_token.is_some() || input.max_results.is_some() {
            return Err(Refusal::invalid("nextToken and maxResults cannot be used together with imageIds"));
        }
        let mut details = Vec::with_capacity(ids.len());
        for id in ids {
            check_id(id)?;
            let found = repository.find(id);
            details.push(show(found.ok_or_else(|| image_not_found(&world.scope, name, id))?));
        }
        return Ok(json!({ "imageDetails": details }));
    }
    let size = page_size(input.max_results)?;
    let wanted = TagStatus::of(input.filter.as_ref())?;
    // Every image here is active: nothing is archived.
    let status = input.filter.as_ref().and_then(|filter| filter.image_status.as_deref());
    let none = matches!(status, Some("ARCHIVED" | "ACTIVATING"));
    let listing = format!("DescribeImages/{name}/{wanted:?}/{none}");
    let from = start(&listing, input.next_token.as_deref())?;
    let bounds = (from.as_deref().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let images = repository.images.range::<str, _>(bounds);
    let matching = images.filter(|(_, image)| !none && wanted.admits(image));
    let page = take(&listing, size, matching, |(digest, _)| (*digest).clone());
    let details: Vec<_> = page.items.into_iter().map(|(_, image)| show(image)).collect();
    Ok(paged(json!({ "imageDetails": details }), page.next))
}

fn batch_get_image(world: &mut World, input: &Images) -> Result<Value, Refusal> {
    let now = world.now;
    let name = required("repositoryName", input.repository_name.as_deref())?;
    check_media_types(input.accepted_media_types.as_deref())?;
    let ids = check_ids(input.image_ids.as_deref().unwrap_or_default())?;
    let repository = world.ecr.repository_mut(&world.scope, name)?;
    let mut pulled = Vec::new();
    let mut failures = Vec::new();
    for id in ids {
        match repository.find(id) {
            Some(image) => pulled.push((id, image.digest.clone())),
            None => failures.push(missing(id)),
        }
    }
    for (_, digest) in &pulled {
        if let Some(image) = repository.images.get_mut(digest) {
            image.pulled_at = Some(now);
        }
    }
    let shown = pulled.iter().filter_map(|(id, digest)| {
        let id = ImageId { image_digest: Some(digest.clone()), image_tag: id.image_tag.clone() };
        let image = repository.images.get(digest)?;
        Some(show_image(&world.scope, name, image, &id))
    });
    Ok(json!({ "images": shown.collect::<Vec<_>>(), "failures": failures }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    repository_name: Option<String>,
    layer_digest: Option<String>,
}

fn get_download_url(world: &World, input: &Layer) -> Result<Value, Refusal> {
    let name = required("repositoryName", input.repository_name.as_deref())?;
    let digest = required("layerDigest", input.layer_digest.as_deref())?;
    let repository = world.ecr.repository(&world.scope, name)?;
    if !repository.blobs.contains_key(digest) {
        return Err(Refusal::new(
            "LayersNotFoundException",
            format!(
                "The layer with digest '{digest}' does not exist in the repository with name '{name}' in the \
                 registry with id '{}'",
                world.scope.account
            ),
        ));
    }
    let url = format!("{}{}/{digest}", world.ecr.blob_url, repository.blob_path());
    Ok(json!({ "downloadUrl": url, "layerDigest": digest }))
}

fn batch_delete_image(world: &mut World, input: &Images) -> Result<Value, Refusal> {
    let name = required("repositoryName", input.repository_name.as_deref())?;
    let ids = check_ids(input.image_ids.as_deref().unwrap_or_default())?;
    let repository = world.ecr.repository_mut(&world.scope, name)?;
    let (mut gone, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        match repository.delete(id) {
            Ok(deleted) => gone.extend(deleted),
            Err((code, reason)) => failures.push(failure(id, code, &reason)),
        }
    }
    Ok(json!({ "imageIds": gone, "failures": failures }))
}

fn missing(id: &ImageId) -> Value {
    if id.image_digest.is_none() && id.image_tag.is_none() {
        let reason = "Invalid request parameters: both tag and digest cannot be null";
        return failure(id, FailureCode::MissingDigestAndTag, reason);
    }
    failure(id, FailureCode::ImageNotFound, "Requested image not found")
}

fn failure(id: &ImageId, code: FailureCode, reason: &str) -> Value {
    json!({ "imageId": id, "failureCode": code.as_str(), "failureReason": reason })
}

/// `tagStatus` of a filter.
#[derive(Clone, Copy, Debug)]
enum TagStatus {
    Any,
    Tagged,
    Untagged,
}

impl TagStatus {
    fn of(filter: Option<&Filter>) -> Result<Self, Refusal> {
        match filter.and_then(|filter| filter.tag_status.as_deref()) {
            None | Some("ANY") => Ok(Self::Any),
            Some("TAGGED") => Ok(Self::Tagged),
            Some("UNTAGGED") => Ok(Self::Untagged),
            Some(_) => {
                Err(constraint("filter.tagStatus", "Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]"))
            }
        }
    }

    fn admits(self, image: &Image) -> bool {
        match self {
            Self::Any => true,
            Self::Tagged => !image.tags.is_empty(),
            Self::Untagged => image.tags.is_empty(),
        }
    }
}

fn paged(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    answer
}
