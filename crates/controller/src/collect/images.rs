//! The images of one repository: look, plan, ask, delete.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error as StdError;

use bivouac_model::{
    EnvKey, FailureCause, ImageDigest, ImageRef, ImageView, ItemKey, ListedImage, ManifestKind, ManifestText,
    PullRequestState,
};
use bivouac_planner::images::{
    Condemned, Confirmed, Freed, ImagePlan, ImagesObserved, Manifest, Observations, Unread, Verdict, plan_images,
    to_read,
};
use bivouac_ports::{Meaning, Result};

use super::{Collected, Collector, Manifests, Scene, State};
use crate::fenced::Fenced;

/// How many pull requests one pass asks the forge for. Passes follow each other by a resync while there is something to do,
/// so that is 2,400 calls an hour with the default, half of what GitHub allows a token.
const ASKED: usize = 20;

/// How many manifests are asked for at a time: those of one call, so that only its texts are in memory.
const READ_AT_ONCE: usize = 100;

/// What is remembered of repositories between passes.
#[derive(Default)]
pub(super) struct Repositories {
    seen: HashMap<String, Observations>,
    /// What lists hold never changes, so each is read once for as long as it is there.
    manifests: HashMap<String, Manifests>,
    /// In which pass a pull request was last asked for.
    asked: HashMap<EnvKey, u64>,
    /// Those that the last pass found closed, whose second observation comes first.
    closed: HashSet<EnvKey>,
    passes: u64,
}

impl Repositories {
    /// The next observation of it is the first one.
    pub fn forget(&mut self, repository: &str) {
        self.seen.remove(repository);
    }
}

impl Collector {
    /// What a repository holds, with its lists read; `None`: there is no such repository.
    pub(super) async fn inventory(&self, state: &mut State, repository: &str) -> Result<Option<Vec<ListedImage>>> {
        let inventory = match self.doors.registry.inventory(repository).await {
            Err(error) if error.meaning() == Meaning::NotFound => return Ok(None),
            inventory => inventory?,
        };
        let known = state.repositories.manifests.entry(repository.to_owned()).or_default();
        let there: HashSet<&ImageDigest> = inventory.iter().map(|image| &image.digest).collect();
        // What could not be read is tried again.
        known.retain(|digest, manifest| there.contains(digest) && matches!(manifest, Manifest::Read(_)));
        let missing: HashMap<ImageDigest, bool> = to_read(&inventory, &self.policy, self.doors.clock.now())
            .filter(|image| !known.contains_key(&image.digest))
            .map(|image| (image.digest.clone(), image.kind == ManifestKind::Index))
            .collect();
        let digests: Vec<ImageDigest> = missing.keys().cloned().collect();
        for chunk in digests.chunks(READ_AT_ONCE) {
            let texts = self.doors.registry.manifests(repository, chunk).await?;
            known.extend(texts.into_iter().map(|(digest, text)| {
                let is_list = missing.get(&digest).copied().unwrap_or_default();
                let manifest = match text {
                    ManifestText::Text(text) => Manifest::read(&digest, &text, is_list),
                    ManifestText::Missing => Manifest::Unread(Unread::Refused("It is gone.".into())),
                    ManifestText::Refused(why) => Manifest::Unread(Unread::Refused(why)),
                };
                (digest, manifest)
            }));
        }
        Ok(Some(inventory))
    }

    /// Plans, asks the forge where something hangs on a pull request, and plans again.
    pub(super) async fn plan_repository(
        &self,
        state: &mut State,
        repository: &str,
        inventory: &[ListedImage],
        scene: &Scene,
    ) -> Result<ImagePlan> {
        let roots = self.roots(state, repository, scene);
        let mut pulls = self.open_pulls(repository).await;
        let none = HashMap::new();
        let plan = |pulls: &BTreeMap<EnvKey, PullRequestState>, state: &State| {
            let observed = ImagesObserved {
                repository,
                inventory,
                manifests: state.repositories.manifests.get(repository).unwrap_or(&none),
                roots: &roots,
                pulls,
                hold: scene.hold,
            };
            plan_images(&observed, &self.policy, scene.now)
        };
        let first = plan(&pulls, state);
        if first.ask.is_empty() {
            return Ok(first);
        }
        let repositories = &mut state.repositories;
        repositories.passes += 1;
        let mut ask: Vec<&EnvKey> = first.ask.iter().collect();
        ask.sort_by_key(|key| {
            let again = repositories.closed.contains(*key);
            (!again, repositories.asked.get(*key).copied().unwrap_or_default())
        });
        for key in ask.into_iter().take(ASKED) {
            let answer = match self.doors.forge.pull_request(key).await {
                Ok(Some(pull)) if pull.is_open => PullRequestState::Open,
                Ok(Some(_)) => PullRequestState::Closed,
                Ok(None) => PullRequestState::NotFound,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn StdError,
                        "the forge did not answer; tags of pull requests stay"
                    );
                    break;
                }
            };
            repositories.asked.insert(key.clone(), repositories.passes);
            match answer {
                PullRequestState::Closed => drop(repositories.closed.insert(key.clone())),
                _ => drop(repositories.closed.remove(key)),
            }
            pulls.insert(key.clone(), answer);
        }
        // A repository with tags of every pull request there ever was must not make this grow for ever.
        repositories.asked.retain(|key, _| first.ask.contains(key) || pulls.contains_key(key));
        repositories.closed.retain(|key| first.ask.contains(key));
        Ok(plan(&pulls, state))
    }

    /// The pull requests that are open for certain. One that is not on the list may be newer than it.
    async fn open_pulls(&self, repository: &str) -> BTreeMap<EnvKey, PullRequestState> {
        let mut pulls = BTreeMap::new();
        for project in self.policy.projects.values().filter(|project| project.ecr_repository == repository) {
            match self.doors.forge.open_pull_requests(&project.repo).await {
                Ok(open) => pulls.extend(
                    open.keys().map(|pr| (EnvKey { repo: project.repo.clone(), pr: *pr }, PullRequestState::Open)),
                ),
                Err(error) => tracing::warn!(
                    repo = %project.repo,
                    error = &error as &dyn StdError,
                    "the open pull requests could not be listed"
                ),
            }
        }
        pulls
    }

    /// One repository of a pass.
    pub(super) async fn collect_repository(
        &self,
        state: &mut State,
        fenced: &Fenced,
        repository: &str,
        done: &mut Collected,
    ) -> Result<()> {
        let Some(inventory) = self.inventory(state, repository).await? else { return Ok(()) };
        let scene = self.scene(state).await?;
        let plan = self.plan_repository(state, repository, &inventory, &scene).await?;
        let unasked = plan.ask.iter().any(|key| !state.repositories.asked.contains_key(key));
        let observations = state.repositories.seen.entry(repository.to_owned()).or_default();
        if scene.hold.is_some() {
            observations.forget();
            return Ok(());
        }
        let confirmed = observations.confirm(plan.levels(&inventory), scene.now, self.apart);
        done.unfinished |= confirmed.waiting > 0 || confirmed.left > 0 || unasked;
        tracing::debug!(
            repository,
            images = inventory.len(),
            waiting = confirmed.waiting,
            left = confirmed.left,
            "the repository was looked through"
        );
        if confirmed.calls.is_empty() {
            return Ok(());
        }
        let stayed = self.delete_confirmed(fenced, repository, &confirmed, done).await?;
        self.report(fenced, repository, &inventory, &plan, &confirmed, &stayed, done).await;
        Ok(())
    }

    /// Deletes, and answers what stayed.
    async fn delete_confirmed(
        &self,
        fenced: &Fenced,
        repository: &str,
        confirmed: &Confirmed,
        done: &mut Collected,
    ) -> Result<HashSet<ImageRef>> {
        // A digest goes with whatever tags it has, and one may have got a tag since it was listed.
        let tagged = self.doors.registry.tagged_images(repository).await?;
        let tagged: HashSet<&ImageDigest> = tagged
            .values()
            .filter_map(|view| match view {
                ImageView::Found(image) => Some(&image.digest),
                _ => None,
            })
            .collect();
        let mut stayed = HashSet::new();
        let mut broken = None;
        for call in &confirmed.calls {
            let (spared, call): (Vec<ImageRef>, Vec<ImageRef>) = call.iter().cloned().partition(
                |image| matches!(image, ImageRef::Digest(digest) if broken.is_none() && tagged.contains(digest)),
            );
            stayed.extend(spared);
            if broken.is_some() {
                stayed.extend(call);
                continue;
            }
            match fenced.write(self.doors.registry.delete_images(repository, &call)).await {
                Ok(failures) => {
                    for failure in failures {
                        if failure.cause != FailureCause::Gone {
                            let line = format!("{repository}: {} stays: {}", failure.image, failure.message);
                            tracing::warn!("{line}");
                            done.refused.push(line);
                        }
                        stayed.insert(failure.image);
                    }
                }
                Err(error) => {
                    stayed.extend(call);
                    broken = Some(error);
                }
            }
        }
        if let Some(error) = broken {
            tracing::warn!(
                repository,
                error = &error as &dyn StdError,
                "not all could be deleted; the next pass goes on"
            );
            done.unfinished = true;
        }
        Ok(stayed)
    }

    /// Counts and tells what is gone.
    #[allow(clippy::too_many_arguments)]
    async fn report(
        &self,
        fenced: &Fenced,
        repository: &str,
        inventory: &[ListedImage],
        plan: &ImagePlan,
        confirmed: &Confirmed,
        stayed: &HashSet<ImageRef>,
        done: &mut Collected,
    ) {
        let gone: HashSet<&ImageRef> =
            confirmed.calls.iter().flatten().filter(|image| !stayed.contains(*image)).collect();
        let mut freed = Freed::default();
        let mut tags: BTreeMap<&EnvKey, Vec<&str>> = BTreeMap::new();
        for (image, verdict) in inventory.iter().zip(&plan.verdicts) {
            let Verdict::Condemned(why) = verdict else { continue };
            let refs: Vec<ImageRef> = match image.tags.is_empty() {
                true => vec![ImageRef::Digest(image.digest.clone())],
                false => image.tags.iter().map(|tag| ImageRef::TagOf(tag.clone(), image.digest.clone())).collect(),
            };
            if refs.iter().all(|image| gone.contains(image)) {
                freed = freed.and(image);
                tracing::info!(repository, image = %image.digest, reason = verdict.reason(), "deleted");
                if let Condemned::Closed(key) = why {
                    tags.entry(key).or_default().extend(image.tags.iter().map(|tag| &**tag));
                }
            }
        }
        for removal in plan.tags.iter().filter(|removal| gone.contains(&ImageRef::Tag(removal.tag.clone()))) {
            tracing::info!(repository, tag = %removal.tag, env = %removal.of, "removed a tag of a closed pull request");
            tags.entry(&removal.of).or_default().push(&removal.tag);
            done.tags += 1;
        }
        done.images.images += freed.images;
        done.images.bytes = done.images.bytes.saturating_add(freed.bytes);
        for (key, tags) in tags {
            let message = format!("Removed the tags of the closed pull request: {}.", tags.join(", "));
            self.tell(fenced, ItemKey::from(key), "TagsRemoved", message).await;
        }
        if freed.images > 0 {
            let message = format!("Deleted of {repository}: {freed}.");
            tracing::info!("{message}");
            // No pull request's: the images of the whole repository have a line of their own.
            let project = self.policy.projects.values().find(|project| project.ecr_repository == repository);
            if let Some(project) = project {
                let key = ItemKey { repo: project.repo.as_str().into(), pr: "images".into() };
                self.tell(fenced, key, "ImagesDeleted", message).await;
            }
        }
    }
}
