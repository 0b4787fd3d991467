//! Who uses what: records, tasks, services, and every live task definition of the account.

use std::collections::{HashMap, HashSet};

use bivouac_model::{DescribedRevision, ImageDigest, Record, Task, TaskDefinitionName};
use bivouac_planner::Policy;
use bivouac_ports::Result;

use crate::doors::Doors;

/// What the lists say of users. Each is complete.
#[derive(Debug)]
pub(super) struct Usage {
    pub records: Vec<Record>,
    pub tasks: Vec<Task>,
    pub services: HashSet<String>,
}

impl Usage {
    pub async fn observe(doors: &Doors) -> Result<Self> {
        let (records, tasks, services) =
            futures::try_join!(doors.records.all(), doors.cluster.live_tasks(), doors.cluster.service_names())?;
        Ok(Self { records, tasks, services: services.into_iter().collect() })
    }

    /// What the containers of tasks run, whoever's they are.
    pub fn digests(&self) -> impl Iterator<Item = &ImageDigest> {
        let containers = self.tasks.iter().flat_map(|task| &task.containers);
        containers.filter_map(|container| container.image_digest.as_ref())
    }

    /// Not one record, while services run that are named like ours: another table, or one that somebody emptied.
    pub fn table_is_suspiciously_empty(&self, policy: &Policy) -> bool {
        let ours = |name: &String| policy.projects.values().any(|project| project.service_name.pr_of(name).is_some());
        self.records.is_empty() && self.services.iter().any(ours)
    }
}

/// The ACTIVE revisions of the account. What is in one never changes, so each is described once.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    described: HashMap<TaskDefinitionName, DescribedRevision>,
}

impl Definitions {
    /// Lists them all, and describes those that are new. On an error it knows what it knew, and some more.
    ///
    /// Of the images only those of our repositories are kept: an account may hold tens of thousands of revisions.
    pub async fn refresh(&mut self, doors: &Doors, policy: &Policy) -> Result<()> {
        let ours = |image: &String| policy.projects.values().any(|project| image.contains(&project.ecr_repository));
        let names: HashSet<TaskDefinitionName> = doors.cluster.all_task_definitions().await?.into_iter().collect();
        self.described.retain(|name, _| names.contains(name));
        for name in names {
            if self.described.contains_key(&name) {
                continue;
            }
            // One that went away meanwhile is used by nothing that is still to come.
            if let Some(mut described) = doors.cluster.task_definition(&name).await? {
                described.images.retain(ours);
                described.images.shrink_to_fit();
                self.described.insert(name, described);
            }
        }
        Ok(())
    }

    /// The images that they name.
    pub fn images(&self) -> impl Iterator<Item = &String> {
        self.described.values().flat_map(|described| &described.images)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &DescribedRevision> {
        self.described.values()
    }
}
