//! How `plan` and `reap` show images and task definitions that nothing needs.

use std::collections::BTreeMap;

use bivouac_controller::{CollectedRepository, Collection};
use bivouac_model::Usd;
use bivouac_planner::Prices;
use bivouac_planner::definitions::RevisionVerdict;
use bivouac_planner::images::Freed;
use serde::Serialize;

use super::output::Terminal;
use super::output::columns::{Columns, plain};
use super::session::Session;
use crate::exit::Failure;

/// What `-o json` shows of a [`Collection`]. Stable: fields are added, never renamed or removed.
#[derive(Clone, Debug, Serialize)]
pub struct CollectionView {
    /// Every image of every repository.
    pub images: Vec<ImageItem>,
    /// Tags of closed pull requests, of images that stay for another reason.
    pub tags: Vec<TagItem>,
    /// Every revision of a family that may be ours.
    pub task_definitions: Vec<RevisionItem>,
    /// What deleting the images frees.
    pub frees: FreesItem,
}

/// An image.
#[derive(Clone, Debug, Serialize)]
pub struct ImageItem {
    /// The repository of the registry.
    pub repository: String,
    /// The digest.
    pub digest: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// `keep` or `delete`.
    pub action: &'static str,
    /// Why, in one word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub why: String,
    /// Its size, with layers that others may share.
    pub bytes: u64,
}

/// A tag that goes without its image.
#[derive(Clone, Debug, Serialize)]
pub struct TagItem {
    /// The repository of the registry.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The environment of its pull request.
    pub environment: String,
}

/// A revision of a task definition.
#[derive(Clone, Debug, Serialize)]
pub struct RevisionItem {
    /// `family:revision`.
    pub name: String,
    /// `keep`, `deregister` or `delete`.
    pub action: &'static str,
    /// Why, in one word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub why: &'static str,
}

/// What deleting frees, at most: layers are shared, and one that something else needs stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct FreesItem {
    /// How many images.
    pub images: usize,
    /// Their bytes.
    pub bytes: u64,
    /// What they cost a month.
    pub usd_per_month: f64,
}

impl CollectionView {
    /// What a look found.
    pub fn new(collection: &Collection, prices: &Prices) -> Self {
        let freed = freed(collection);
        Self {
            images: collection.repositories.iter().flat_map(images).collect(),
            tags: collection.repositories.iter().flat_map(tags).collect(),
            task_definitions: collection
                .revisions
                .iter()
                .map(|(revision, verdict)| RevisionItem {
                    name: revision.name.to_string(),
                    action: match verdict {
                        RevisionVerdict::Deregister => "deregister",
                        RevisionVerdict::Delete => "delete",
                        _ => "keep",
                    },
                    reason: verdict.reason(),
                    why: verdict.sentence(),
                })
                .collect(),
            frees: FreesItem {
                images: freed.images,
                bytes: freed.bytes,
                usd_per_month: freed.monthly(prices).dollars(),
            },
        }
    }
}

fn freed(collection: &Collection) -> Freed {
    collection.repositories.iter().fold(Freed::default(), |sum, repository| Freed {
        images: sum.images + repository.freed.images,
        bytes: sum.bytes.saturating_add(repository.freed.bytes),
    })
}

fn images(repository: &CollectedRepository) -> impl Iterator<Item = ImageItem> {
    repository.inventory.iter().zip(&repository.plan.verdicts).map(|(image, verdict)| ImageItem {
        repository: repository.name.clone(),
        digest: image.digest.to_string(),
        tags: image.tags.iter().map(|tag| tag.to_string()).collect(),
        action: if verdict.is_condemned() { "delete" } else { "keep" },
        reason: verdict.reason(),
        why: verdict.sentence(&repository.inventory),
        bytes: image.bytes,
    })
}

fn tags(repository: &CollectedRepository) -> impl Iterator<Item = TagItem> {
    repository.plan.tags.iter().map(|removal| TagItem {
        repository: repository.name.clone(),
        tag: removal.tag.to_string(),
        environment: removal.of.to_string(),
    })
}

/// Prints what would go, each with its reason, and how much stays for which.
///
/// # Errors
/// When the output cannot be written.
pub fn print(session: &mut Session, view: &CollectionView) -> Result<(), Failure> {
    let terminal = &mut session.terminal;
    let mut rows = vec![["KIND", "NAME", "NEXT", "REASON", "WHY"].map(str::to_owned).to_vec()];
    let goes = |action: &str| action != "keep";
    rows.extend(view.images.iter().filter(|image| goes(image.action)).map(|image| {
        let name = format!("{}@{}{}", image.repository, short(&image.digest), listed(&image.tags));
        row("image", &name, image.action, image.reason, &image.why)
    }));
    rows.extend(view.tags.iter().map(|tag| {
        let why = format!("Its pull request {} is closed.", tag.environment);
        row("tag", &format!("{}:{}", tag.repository, tag.tag), "remove", "PullRequestClosed", &why)
    }));
    rows.extend(
        view.task_definitions
            .iter()
            .filter(|revision| goes(revision.action))
            .map(|revision| row("task-definition", &revision.name, revision.action, revision.reason, revision.why)),
    );
    if rows.len() > 1 {
        terminal.say("")?;
        for line in Columns::default().lines(&rows) {
            terminal.say(&line)?;
        }
    }
    summary(terminal, view)?;
    Ok(())
}

fn row(kind: &str, name: &str, next: &str, reason: &str, why: &str) -> Vec<String> {
    [kind, name, next, reason, why].map(plain).to_vec()
}

fn summary(terminal: &mut Terminal, view: &CollectionView) -> Result<(), Failure> {
    if view.images.is_empty() && view.task_definitions.is_empty() {
        return Ok(());
    }
    let kept = |items: &mut dyn Iterator<Item = (&'static str, &'static str)>| {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, reason) in items.filter(|(action, _)| *action == "keep") {
            *reasons.entry(reason).or_default() += 1;
        }
        let total: usize = reasons.values().sum();
        let each: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        if each.is_empty() { "none".to_owned() } else { format!("{total} ({})", each.join(", ")) }
    };
    let images = kept(&mut view.images.iter().map(|image| (image.action, image.reason)));
    let revisions = kept(&mut view.task_definitions.iter().map(|revision| (revision.action, revision.reason)));
    terminal.say("")?;
    terminal.say(&format!("Images kept: {images}. Task definitions kept: {revisions}."))?;
    let FreesItem { images, bytes, usd_per_month } = view.frees;
    let (freed, dollars) = (Freed { images, bytes }, Usd::from_dollars(usd_per_month));
    terminal.say(&format!("To be deleted: {freed}, {dollars} a month; layers that others share stay."))?;
    Ok(())
}

fn short(digest: &str) -> &str {
    let digits = digest.split_once(':').map_or(digest, |(_, digits)| digits);
    digits.get(..12).unwrap_or(digits)
}

fn listed(tags: &[String]) -> String {
    if tags.is_empty() { String::new() } else { format!(" ({})", tags.join(", ")) }
}
