//! One complete look at everything: what a pass plans from.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bivouac_model::{
    Desired, EnvKey, ImageTag, ImageView, Observed, PullRequestState, Record, RepoName, ServiceView, Task, Unanswered,
};
use bivouac_planner::admission::Listed;
use bivouac_planner::images::{TagUse, deployed_tag, named_tags};
use bivouac_planner::{Policy, Project};
use bivouac_ports::{Error, Meaning, OpenPullRequests, RepoNames, Result, TaggedImages};

use crate::doors::Doors;
use crate::sources::Sources;

/// What the lists say, of all environments at once.
///
/// The cluster's and the table's lists are complete: if one of them fails there is no world at all. A registry, a forge or EC2
/// that does not answer is a part that nothing is known of.
#[derive(Debug, Default)]
pub struct World {
    /// Every record.
    pub records: Vec<Record>,
    services: HashSet<String>,
    tasks: HashMap<String, Vec<Task>>,
    /// The services of which the address of a running task is unknown.
    without_address: HashSet<String>,
    images: BTreeMap<String, Listing>,
    open: OpenLists,
    /// Which tags and images the records need.
    tag_use: TagUse,
    /// Which repositories the configured names stand for, as the lists have shown.
    names: RepoNames,
}

/// The open pull requests of every project, or why the forge did not tell them; and why a registry, or EC2, did not answer.
///
/// All that is kept of a world when its pass is over: the forge's own memory of its pages, shared. The rest is seen anew by
/// the next pass, and two worlds at once would be twice the memory.
#[derive(Debug, Default)]
pub(crate) struct OpenLists {
    pulls: BTreeMap<RepoName, Result<OpenPullRequests>>,
    silent: BTreeMap<String, Error>,
    addresses: Option<Error>,
}

impl OpenLists {
    /// The head of a pull request that the list has.
    pub fn head(&self, key: &EnvKey) -> Option<ListedHead> {
        let pull = self.pulls.get(&key.repo)?.as_ref().ok()?.get(&key.pr)?;
        Some(ListedHead { sha: pull.head_sha.clone(), is_from_fork: pull.is_from_fork })
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
        match (&self.addresses, &before.addresses) {
            (Some(error), None) => {
                let error = error as &dyn std::error::Error;
                tracing::warn!(error, "EC2 does not answer; addresses are as they were known");
            }
            (Some(error), Some(_)) => {
                tracing::debug!(error = error as &dyn std::error::Error, "EC2 does not answer still");
            }
            (None, Some(_)) => tracing::info!("EC2 answers again"),
            (None, None) => {}
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

/// The head of a pull request, as a list has it.
#[derive(Debug)]
pub(crate) struct ListedHead {
    /// The commit, in full.
    pub sha: String,
    /// Whether it is on a branch of another repository.
    pub is_from_fork: bool,
}

#[derive(Debug, Default)]
enum Listing {
    #[default]
    Unknown,
    NoRepository,
    Tags(TaggedImages),
}

impl World {
    /// Looks at everything once, in batches: the calls do not grow with the environments but with their pages. `saw_records` is
    /// called as soon as the table has answered, also when the cluster does not.
    ///
    /// # Errors
    /// When the table or the cluster could not be listed completely.
    pub(crate) async fn observe(
        doors: &Doors,
        policy: &Policy,
        sources: &Sources,
        saw_records: impl FnOnce(&[Record]) + Send,
    ) -> Result<Self> {
        let records = async {
            let records = doors.records.all().await?;
            saw_records(&records);
            Ok(records)
        };
        let (records, cluster, (images, silent), pulls) = tokio::join!(
            records,
            observe_cluster(doors, sources),
            observe_registries(doors, policy, sources),
            observe_forge(doors, policy, sources),
        );
        let (services, tasks, (without_address, addresses)) = cluster?;
        let mut world = Self::of_lists(records?, services, tasks);
        world.names = doors.forge.names();
        world.without_address = without_address;
        world.images = images;
        world.open = OpenLists { pulls, silent, addresses };
        world.tag_use = TagUse::of(policy, &world.records);
        for (repository, listing) in &world.images {
            if let Listing::Tags(images) = listing {
                world.tag_use.list(repository, images);
            }
        }
        Ok(world)
    }

    /// The table and the cluster alone: all that is needed to know which environments run.
    ///
    /// # Errors
    /// When one of them could not be listed completely.
    pub(crate) async fn observe_running(doors: &Doors) -> Result<Self> {
        let (names, tasks) = (doors.cluster.service_names(), doors.cluster.live_tasks());
        let (records, names, tasks) = futures::try_join!(doors.records.all(), names, tasks)?;
        Ok(Self::of_lists(records, names, tasks))
    }

    fn of_lists(records: Vec<Record>, services: Vec<String>, tasks: Vec<Task>) -> Self {
        let mut by_service: HashMap<String, Vec<Task>> = HashMap::new();
        for task in tasks {
            if let Some(service) = task.service.clone() {
                // Nearly every service has one task, and a vector makes room for four unless told otherwise.
                by_service.entry(service).or_insert_with(|| Vec::with_capacity(1)).push(task);
            }
        }
        Self { records, services: services.into_iter().collect(), tasks: by_service, ..Self::default() }
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
        let (head_sha, is_from_fork) = self.open.head(&key).map(|listed| (listed.sha, listed.is_from_fork)).unzip();
        let service = if self.services.contains(&name) { ServiceView::Listed } else { ServiceView::Unlisted };
        Observed {
            service,
            tasks: self.tasks.get(&name).cloned().unwrap_or_default(),
            image: self.image(project, deployed_tag(project, &key, record)),
            pull_request: self.pull_request(&key),
            head_sha,
            is_from_fork,
            own_tags: self.own_tags(policy, record),
            moved_to: self.names.moved_from(&key.repo).map(|moved| moved.to),
            unanswered: Unanswered { addresses: self.without_address.contains(&name), ..Unanswered::default() },
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
        let (repository, _) = named_tags(policy, record)?;
        match self.images.get(repository)? {
            Listing::Tags(images) => self.tag_use.own(policy, record, images).map(|own| own.tags),
            Listing::NoRepository => Some(Vec::new()),
            Listing::Unknown => None,
        }
    }
}

/// The cluster's lists, and of which services EC2 did not tell an address, and why.
async fn observe_cluster(
    doors: &Doors,
    sources: &Sources,
) -> Result<(Vec<String>, Vec<Task>, (HashSet<String>, Option<Error>))> {
    let (names, mut tasks) = futures::try_join!(doors.cluster.service_names(), doors.cluster.live_tasks())?;
    let unknown = sources.resolve_all(doors, &mut tasks).await;
    Ok((names, tasks, unknown))
}

/// The lists of every repository of the registry, and why those that are not known are not.
async fn observe_registries(
    doors: &Doors,
    policy: &Policy,
    sources: &Sources,
) -> (BTreeMap<String, Listing>, BTreeMap<String, Error>) {
    let repositories: BTreeSet<&String> = policy.projects.values().map(|project| &project.ecr_repository).collect();
    let answers = repositories
        .into_iter()
        .map(|repository| async move { (repository.clone(), sources.images(doors, repository).await) });
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

async fn observe_forge(
    doors: &Doors,
    policy: &Policy,
    sources: &Sources,
) -> BTreeMap<RepoName, Result<OpenPullRequests>> {
    let repos = policy.projects.keys();
    let listings = repos.map(|repo| async move { (repo.clone(), sources.pull_requests(doors, repo).await) });
    futures::future::join_all(listings).await.into_iter().collect()
}

/// Somebody asked for it to be taken down, which comes before whatever a guardrail deletes.
pub(crate) fn is_wanted_down(record: &Record) -> bool {
    record.desired.as_ref().is_ok_and(|wish| wish.desired == Desired::Down)
}
