//! One complete look at everything: what a pass plans from.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bivouac_model::{
    Desired, EnvKey, ImageDigest, ImageTag, ImageView, Observed, Phase, PullRequestState, Record, RepoName,
    ServiceView, Task,
};
use bivouac_planner::admission::Listed;
use bivouac_planner::{Policy, Project};
use bivouac_ports::{Error, Meaning, OpenPullRequests, Result, TaggedImages};

use crate::doors::Doors;

/// What the lists say, of all environments at once.
///
/// The cluster's and the table's lists are complete: if one of them fails there is no world at all. A registry or a forge
/// that does not answer is a part that nothing is known of.
#[derive(Debug, Default)]
pub struct World {
    /// Every record.
    pub records: Vec<Record>,
    services: HashSet<String>,
    tasks: HashMap<String, Vec<Task>>,
    images: BTreeMap<String, Listing>,
    open: OpenLists,
    /// How many records that are not down name a tag of a registry's repository.
    users: HashMap<(String, ImageTag), usize>,
    /// How many records that are not down run an image.
    runners: HashMap<ImageDigest, usize>,
}

/// The open pull requests of every project, or why the forge did not tell them; and which registry did not answer, and why.
///
/// All that is kept of a world when its pass is over: the forge's own memory of its pages, shared. The rest is seen anew by
/// the next pass, and two worlds at once would be twice the memory.
#[derive(Debug, Default)]
pub(crate) struct OpenLists {
    pulls: BTreeMap<RepoName, Result<OpenPullRequests>>,
    silent: BTreeMap<String, Error>,
}

impl OpenLists {
    /// The commit at the head of a pull request that the list has.
    pub fn head(&self, key: &EnvKey) -> Option<&str> {
        Some(&self.pulls.get(&key.repo)?.as_ref().ok()?.get(&key.pr)?.head_sha)
    }

    /// Logs which list is missing since the pass `before`, and which is there again: a token that may not list is told of
    /// once, and not at every pass for as long as nobody mends it.
    pub fn tell_since(&self, before: &Self) {
        for (repository, error) in &self.silent {
            let error = error as &dyn std::error::Error;
            match before.silent.contains_key(repository) {
                false => tracing::warn!(repository, error, "the registry could not be listed"),
                true => tracing::debug!(repository, error, "the registry could not be listed still"),
            }
        }
        for repository in before.silent.keys().filter(|repository| !self.silent.contains_key(*repository)) {
            tracing::info!(repository, "the registry can be listed again");
        }
        for (repo, open) in &self.pulls {
            let was_missing = before.pulls.get(repo).is_some_and(Result::is_err);
            match open {
                Err(error) if !was_missing => {
                    let error = error as &dyn std::error::Error;
                    tracing::warn!(%repo, error, "the open pull requests could not be listed");
                }
                Err(error) => {
                    let error = error as &dyn std::error::Error;
                    tracing::debug!(%repo, error, "the open pull requests could not be listed still");
                }
                Ok(_) if was_missing => tracing::info!(%repo, "the open pull requests can be listed again"),
                Ok(_) => {}
            }
        }
    }
}

#[derive(Debug, Default)]
enum Listing {
    #[default]
    Unknown,
    NoRepository,
    Tags(TaggedImages),
}

impl World {
    /// Looks at everything once, in batches: the calls do not grow with the environments but with their pages.
    ///
    /// # Errors
    /// When the table or the cluster could not be listed completely.
    pub async fn observe(doors: &Doors, policy: &Policy) -> Result<Self> {
        let (records, (services, tasks), (images, silent), pulls) = futures::try_join!(
            doors.records.all(),
            observe_cluster(doors),
            async { Ok(observe_registries(doors, policy).await) },
            async { Ok(observe_forge(doors, policy).await) },
        )?;
        let open = OpenLists { pulls, silent };
        let mut world = Self { records, services, tasks, images, open, users: HashMap::new(), runners: HashMap::new() };
        for record in &world.records {
            if let Some(digest) = deployed(record) {
                *world.runners.entry(digest.clone()).or_default() += 1;
            }
            if let Some((repository, tags)) = named_tags(policy, record).filter(|_| !is_down(record)) {
                for tag in tags {
                    *world.users.entry((repository.to_owned(), tag)).or_default() += 1;
                }
            }
        }
        Ok(world)
    }

    /// Every service on the list, and whether tasks of it are.
    pub fn listed(&self) -> impl Iterator<Item = Listed<'_>> {
        self.services.iter().map(|name| Listed { name, has_tasks: self.tasks.contains_key(name) })
    }

    /// What the lists say of one record.
    pub fn observed(&self, policy: &Policy, record: &Record) -> Observed {
        let Some((key, project)) = policy.project_of(record) else {
            return Observed::default();
        };
        let name = project.service(&key);
        let service = if self.services.contains(&name) { ServiceView::Listed } else { ServiceView::Unlisted };
        Observed {
            service,
            tasks: self.tasks.get(&name).cloned().unwrap_or_default(),
            image: self.image(project, effective_tag(project, &key, record)),
            pull_request: self.pull_request(&key),
            head_sha: self.open.head(&key).map(str::to_owned),
            own_tags: self.own_tags(policy, record),
            ..Observed::default()
        }
    }

    /// Whether the list of open pull requests has it. Not being on the list proves nothing: it may be newer.
    pub fn pull_request(&self, key: &EnvKey) -> Option<PullRequestState> {
        match self.open.pulls.get(&key.repo) {
            Some(Ok(open)) => open.contains_key(&key.pr).then_some(PullRequestState::Open),
            _ => Some(PullRequestState::Unknown),
        }
    }

    /// The names of every service on the cluster's list, whoever's they are.
    pub(crate) fn services(&self) -> &HashSet<String> {
        &self.services
    }

    /// The lists of the forge.
    pub(crate) fn open(&self) -> &OpenLists {
        &self.open
    }

    /// What outlives the pass.
    pub(crate) fn into_open(self) -> OpenLists {
        self.open
    }

    fn image(&self, project: &Project, tag: Option<ImageTag>) -> ImageView {
        match (self.images.get(&project.ecr_repository), tag) {
            (Some(Listing::Tags(images)), Some(tag)) => images.get(&tag).cloned().unwrap_or(ImageView::Missing),
            (Some(Listing::NoRepository), _) => ImageView::NoRepository,
            _ => ImageView::Unknown,
        }
    }

    /// Tags of the record that are in the registry and that nobody else needs; `None` when the registry did not answer.
    fn own_tags(&self, policy: &Policy, record: &Record) -> Option<Vec<ImageTag>> {
        let (repository, tags) = named_tags(policy, record)?;
        let images = match self.images.get(repository)? {
            Listing::Tags(images) => images,
            Listing::NoRepository => return Some(Vec::new()),
            Listing::Unknown => return None,
        };
        let mine = usize::from(!is_down(record));
        let others =
            |tag: &ImageTag| self.users.get(&(repository.to_owned(), tag.clone())).is_some_and(|users| *users > mine);
        // ECR deletes an image with its last tag, so what others run keeps its tag, whatever they name by now.
        let runs_elsewhere = |tag: &ImageTag| match images.get(tag) {
            Some(ImageView::Found(image)) => {
                let mine = usize::from(deployed(record) == Some(&image.digest));
                self.runners.get(&image.digest).is_some_and(|runners| *runners > mine)
            }
            _ => false,
        };
        let own = |tag: &ImageTag| images.contains_key(tag) && !others(tag) && !runs_elsewhere(tag);
        Some(tags.into_iter().filter(own).collect())
    }
}

async fn observe_cluster(doors: &Doors) -> Result<(HashSet<String>, HashMap<String, Vec<Task>>)> {
    let (names, tasks) = futures::try_join!(doors.cluster.service_names(), doors.cluster.live_tasks())?;
    let tasks = with_addresses(doors, tasks).await?;
    let mut by_service: HashMap<String, Vec<Task>> = HashMap::new();
    for task in tasks {
        if let Some(service) = task.service.clone() {
            // Nearly every service has one task, and a vector makes room for four unless told otherwise.
            by_service.entry(service).or_insert_with(|| Vec::with_capacity(1)).push(task);
        }
    }
    Ok((names.into_iter().collect(), by_service))
}

/// Resolves the public addresses of tasks that run.
pub(crate) async fn with_addresses(doors: &Doors, mut tasks: Vec<Task>) -> Result<Vec<Task>> {
    let running = tasks.iter().filter(|task| task.is_running());
    let interfaces: Vec<String> = running.filter_map(|task| task.network_interface.clone()).collect();
    if interfaces.is_empty() {
        return Ok(tasks);
    }
    let addresses = doors.cluster.public_addresses(&interfaces).await?;
    for task in &mut tasks {
        task.public_ip = task.network_interface.as_ref().and_then(|interface| addresses.get(interface)).copied();
    }
    Ok(tasks)
}

/// The lists of every repository of the registry, and why those that are not known are not.
async fn observe_registries(doors: &Doors, policy: &Policy) -> (BTreeMap<String, Listing>, BTreeMap<String, Error>) {
    let repositories: BTreeSet<&String> = policy.projects.values().map(|project| &project.ecr_repository).collect();
    let answers = repositories
        .into_iter()
        .map(|repository| async move { (repository.clone(), doors.registry.tagged_images(repository).await) });
    let (mut listings, mut silent) = (BTreeMap::new(), BTreeMap::new());
    for (repository, answer) in futures::future::join_all(answers).await {
        let listing = match answer {
            Ok(tags) => Listing::Tags(tags),
            Err(error) if error.meaning() == Meaning::NotFound => Listing::NoRepository,
            Err(error) => {
                silent.insert(repository.clone(), error);
                Listing::Unknown
            }
        };
        listings.insert(repository, listing);
    }
    (listings, silent)
}

async fn observe_forge(doors: &Doors, policy: &Policy) -> BTreeMap<RepoName, Result<OpenPullRequests>> {
    let listings = policy.projects.keys().map(async |repo| (repo.clone(), doors.forge.open_pull_requests(repo).await));
    futures::future::join_all(listings).await.into_iter().collect()
}

/// The tag that a record deploys.
pub(crate) fn effective_tag(project: &Project, key: &EnvKey, record: &Record) -> Option<ImageTag> {
    let desired = record.desired.as_ref().ok()?;
    desired.image_tag.clone().or_else(|| project.tag(key, desired.head_sha.as_deref()))
}

/// The image that a record which is not down runs.
pub(crate) fn deployed(record: &Record) -> Option<&ImageDigest> {
    record.status.as_ref().filter(|_| !is_down(record))?.machinery.image_digest.as_ref()
}

/// The tags that are a pull request's own by name: the one it deploys and the one of the project's pattern.
pub(crate) fn named_tags<'a>(policy: &'a Policy, record: &Record) -> Option<(&'a str, BTreeSet<ImageTag>)> {
    let (key, project) = policy.project_of(record)?;
    let head_sha = record.desired.as_ref().ok().and_then(|desired| desired.head_sha.as_deref());
    let tags = effective_tag(project, &key, record).into_iter().chain(project.tag(&key, head_sha)).collect();
    Some((&project.ecr_repository, tags))
}

/// Nobody needs the record's image any more: it is not wanted, or it is gone.
pub(crate) fn is_down(record: &Record) -> bool {
    is_wanted_down(record) || record.status.as_ref().is_some_and(|status| status.phase == Phase::Terminated)
}

/// Somebody asked for it to be taken down, which comes before whatever a guardrail deletes.
pub(crate) fn is_wanted_down(record: &Record) -> bool {
    record.desired.as_ref().is_ok_and(|wish| wish.desired == Desired::Down)
}
