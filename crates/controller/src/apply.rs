//! Carries a step out, and tells the observation what it changed.

use bivouac_model::{Observed, Record, Service, ServiceView, TAG_HASH_VERSION, TAG_SPEC, TaskDefinitionRevision};
use bivouac_planner::Action;
use bivouac_ports::Result;

use crate::closer::Closer;
use crate::doors::Doors;
use crate::fenced::Fenced;

/// Carries one step out. Every step may be carried out twice: it is named, tokened or looks first.
///
/// What AWS answered is put into `observed`, so that planning can go on without another look. Dropped half-way, the step
/// may have been taken; the next observation tells.
///
/// # Errors
/// That of the door, and `Conflict` once the fence is lost: nothing is written then.
pub(crate) async fn apply(
    doors: &Doors,
    closer: &Closer,
    fenced: &Fenced,
    action: &Action,
    record: &Record,
    observed: &mut Observed,
) -> Result<()> {
    let cluster = &doors.cluster;
    match action {
        Action::Register(rendered) => {
            let name = fenced.write(cluster.register(rendered)).await?;
            let revision = TaskDefinitionRevision { name, content: Some(rendered.content.clone()) };
            observed.task_definitions.get_or_insert_default().insert(0, revision);
        }
        Action::Create { spec, token } => observed.service = fenced.write(cluster.create_service(spec, token)).await?,
        Action::Update { service, change } => {
            observed.service = fenced.write(cluster.update_service(service, change)).await?;
            observed.health = None;
        }
        Action::Tag { service, tags } => {
            fenced.write(cluster.tag_service(service, tags)).await?;
            if let ServiceView::Active(service) = &mut observed.service {
                retag(service, tags);
            }
        }
        Action::Delete { service } => {
            fenced.write(cluster.delete_service(service)).await?;
            // Deleting takes its time even when nothing runs; only a look proves that it is gone.
            observed.service = ServiceView::Draining;
        }
        Action::RemoveTags { repository, tags } => {
            closer.remove_tags(fenced, record, repository, tags).await?;
            observed.own_tags = Some(Vec::new());
        }
        Action::Deregister(names) => {
            for name in names {
                // ECS allows one a second, so a lease may end between two of them.
                match fenced.write(cluster.deregister(name)).await {
                    // Registrations have the whole rate. Nobody waits for this, and the collector finds what is left.
                    Err(error) if !error.is_sent() => {
                        tracing::debug!(task_definition = %name, "left to the collector");
                        break;
                    }
                    answer => answer?,
                }
            }
            if let Some(revisions) = &mut observed.task_definitions {
                revisions.retain(|revision| !names.contains(&revision.name));
            }
        }
    }
    Ok(())
}

fn retag(service: &mut Service, tags: &[(String, String)]) {
    for (key, value) in tags {
        match key.as_str() {
            TAG_SPEC => service.spec = Some(bivouac_model::ContentHash::from_stored(value)),
            TAG_HASH_VERSION => service.hash_version = Some(value.clone()),
            _ => {}
        }
    }
}
