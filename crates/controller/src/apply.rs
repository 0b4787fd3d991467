//! Carries a step out, and tells the observation what it changed.

use bivouac_model::{Observed, Service, ServiceView, TAG_HASH_VERSION, TAG_SPEC, TaskDefinitionRevision};
use bivouac_planner::Action;
use bivouac_ports::{Error, Meaning, Result};
use bivouac_runtime::Fence;

use crate::doors::Doors;

/// Carries one step out. Every step may be carried out twice: it is named, tokened or looks first.
///
/// What AWS answered is put into `observed`, so that planning can go on without another look. Dropped half-way, the step
/// may have been taken; the next observation tells.
///
/// # Errors
/// That of the door, and `Conflict` once `fence` is lost: nothing is written then.
pub(crate) async fn apply(doors: &Doors, fence: &Fence, action: &Action, observed: &mut Observed) -> Result<()> {
    let cluster = &doors.cluster;
    holds(fence)?;
    match action {
        Action::Register(rendered) => {
            let name = cluster.register(rendered).await?;
            let revision = TaskDefinitionRevision { name, content: Some(rendered.content.clone()) };
            observed.task_definitions.get_or_insert_default().insert(0, revision);
        }
        Action::Create { spec, token } => observed.service = cluster.create_service(spec, token).await?,
        Action::Update { service, change } => {
            observed.service = cluster.update_service(service, change).await?;
            observed.health = None;
        }
        Action::Tag { service, tags } => {
            cluster.tag_service(service, tags).await?;
            if let ServiceView::Active(service) = &mut observed.service {
                retag(service, tags);
            }
        }
        Action::Delete { service } => {
            cluster.delete_service(service).await?;
            // Deleting takes its time even when nothing runs; only a look proves that it is gone.
            observed.service = ServiceView::Draining;
        }
        Action::RemoveTags { repository, tags } => {
            doors.registry.remove_tags(repository, tags).await?;
            observed.own_tags = Some(Vec::new());
        }
        Action::Deregister(names) => {
            for name in names {
                // ECS allows one a second, so a lease may end between two of them.
                holds(fence)?;
                cluster.deregister(name).await?;
            }
            if let Some(revisions) = &mut observed.task_definitions {
                revisions.retain(|revision| !names.contains(&revision.name));
            }
        }
    }
    Ok(())
}

/// Whether this process still leads; to be asked before each write.
pub(crate) fn holds(fence: &Fence) -> Result<()> {
    fence.check().map_err(|lost| Error::new(Meaning::Conflict, "lease", lost.to_string()))
}

fn retag(service: &mut Service, tags: &[(&'static str, String)]) {
    for (key, value) in tags {
        match *key {
            TAG_SPEC => service.spec = Some(bivouac_model::ContentHash::from_stored(value)),
            TAG_HASH_VERSION => service.hash_version = Some(value.clone()),
            _ => {}
        }
    }
}
