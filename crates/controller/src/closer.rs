//! A closer look at one environment. Looks that several reconciles take at about the same time go out together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{EnvKey, ImageRevision, ImageView, Observed, PullRequestState, Record, ServiceView};
use bivouac_planner::{Look, Policy, Project};
use bivouac_ports::{Error, Meaning, Result};
use bivouac_runtime::{BatchError, BatchLimits, Batcher};

use crate::doors::Doors;
use crate::idle::Signs;
use crate::world::{deployed, effective_tag, is_down, named_tags, with_addresses};

/// "You may specify up to 10 services to describe in a single operation" (ECS API reference, DescribeServices).
const SERVICES_A_CALL: usize = 10;
/// For how long nobody must have asked for a service before those that were asked for go out. Reconciles that a pass wakes
/// together have made two calls each before they ask, and are apart by what the answers differ in time: at AWS tens of
/// milliseconds. It is what a wish that comes alone waits, out of the half second that it may take.
const SERVICES_IDLE: Duration = Duration::from_millis(25);

/// Takes closer looks.
pub(crate) struct Closer {
    doors: Doors,
    policy: Arc<Policy>,
    services: Batcher<String, ServiceView, Error>,
    /// What environments said of their last use.
    pub signs: Signs,
}

impl Closer {
    pub fn new(doors: Doors, policy: Arc<Policy>) -> Self {
        let cluster = Arc::clone(&doors.cluster);
        let limits = BatchLimits { idle: SERVICES_IDLE, ..BatchLimits::of(SERVICES_A_CALL) };
        let services = Batcher::new(limits, move |names: Vec<String>| {
            let cluster = Arc::clone(&cluster);
            async move { cluster.services(&names).await }
        });
        Self { doors, policy, services, signs: Signs::default() }
    }

    /// What a reconcile begins with: the image, and of the pull request what the last list said: its head, if it was open.
    pub async fn begin(
        &self,
        record: &Record,
        key: &EnvKey,
        project: &Project,
        listed_head: Option<String>,
    ) -> Observed {
        let image = match effective_tag(project, key, record) {
            None => ImageView::Unknown,
            Some(tag) => self.doors.registry.image(&project.ecr_repository, &tag).await.unwrap_or_else(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "the registry did not answer");
                ImageView::Unknown
            }),
        };
        let pull_request = listed_head.is_some().then_some(PullRequestState::Open);
        let idle = self.signs.of(&record.key);
        Observed { image, pull_request, head_sha: listed_head, idle, ..Observed::default() }
    }

    /// Looks, and adds what it saw to `observed`. Taking the same look twice replaces the first.
    pub async fn look(
        &self,
        look: &Look,
        record: &Record,
        key: &EnvKey,
        project: &Project,
        observed: &mut Observed,
    ) -> Result<()> {
        match look {
            Look::Service => {
                let name = project.service(key);
                observed.service = self.service(&name).await?;
                observed.tasks = match observed.service {
                    ServiceView::Active(_) | ServiceView::Draining => {
                        let tasks = self.doors.cluster.service_tasks(&name).await?;
                        with_addresses(&self.doors, tasks).await?
                    }
                    _ => Vec::new(),
                };
            }
            Look::TaskDefinitions => {
                let family = project.family(key);
                observed.task_definitions = Some(self.doors.cluster.task_definitions(&family).await?);
            }
            Look::PullRequest => {
                let (state, head_sha) = match self.doors.forge.pull_request(key).await {
                    Ok(Some(pull)) if pull.is_open => (PullRequestState::Open, Some(pull.head_sha)),
                    Ok(Some(_)) => (PullRequestState::Closed, None),
                    Ok(None) => (PullRequestState::NotFound, None),
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "the forge did not answer");
                        (PullRequestState::Unknown, None)
                    }
                };
                (observed.pull_request, observed.head_sha) = (Some(state), head_sha);
                observed.pull_request_is_fresh = true;
            }
            Look::Revision { digest } => {
                let commit = self.doors.registry.revision(&project.ecr_repository, digest).await?;
                observed.revision = Some(ImageRevision { digest: digest.clone(), commit });
            }
            Look::Tags => observed.own_tags = Some(self.own_tags(record).await?),
            // Answered by the ledger of places, and seen nowhere.
            Look::Room(_) => {}
            Look::Health { ip } => {
                let path = project.health_path.as_deref().unwrap_or("/");
                observed.health = Some(self.doors.probe.probe(*ip, project.port, path).await);
            }
            Look::Idle { ip } => {
                let path = project.idle_path.as_deref().unwrap_or("/");
                let last_use = self.doors.probe.last_use(*ip, project.port, path).await;
                let sign = last_use.as_of(self.doors.clock.now());
                tracing::debug!(used_at = ?sign.used_at, "asked when it was last used");
                self.signs.keep(&record.key, sign.clone());
                observed.idle = Some(sign);
            }
        }
        Ok(())
    }

    async fn service(&self, name: &str) -> Result<ServiceView> {
        match self.services.get(name.to_owned()).await {
            Ok(view) => Ok(view.unwrap_or(ServiceView::Absent)),
            Err(BatchError::Failed(error)) => Err(Error::clone(&error)),
            Err(BatchError::BrokenOff) => {
                Err(Error::new(Meaning::Unavailable, "ECS DescribeServices", "the call was broken off"))
            }
        }
    }

    /// Tags of the record that are in the registry now, less those that any other record which is not down names, or whose
    /// image it runs: ECR deletes an image with its last tag.
    async fn own_tags(&self, record: &Record) -> Result<Vec<bivouac_model::ImageTag>> {
        let Some((repository, tags)) = named_tags(&self.policy, record) else {
            return Ok(Vec::new());
        };
        let records = self.doors.records.all().await?;
        let mut users: HashMap<bivouac_model::ImageTag, usize> = HashMap::new();
        let others = records.iter().filter(|other| other.key != record.key && !is_down(other));
        for other in others.clone() {
            if let Some((_, tags)) = named_tags(&self.policy, other).filter(|(other, _)| *other == repository) {
                for tag in tags {
                    *users.entry(tag).or_default() += 1;
                }
            }
        }
        let mut own = Vec::new();
        for tag in tags.into_iter().filter(|tag| !users.contains_key(tag)) {
            match self.doors.registry.image(repository, &tag).await? {
                ImageView::Found(image)
                    if others.clone().filter_map(deployed).any(|deployed| *deployed == image.digest) => {}
                ImageView::Found(_) | ImageView::Unusable(_) => own.push(tag),
                ImageView::Missing | ImageView::NoRepository | ImageView::Unknown => {}
            }
        }
        Ok(own)
    }
}
