//! Revisions of task definitions that nothing uses: deregistered first, deleted in a later pass.

use std::collections::{BTreeSet, HashMap, HashSet};

use bivouac_model::{DescribedRevision, EnvKey, ServiceView, TaskDefinitionName};
use bivouac_planner::Project;
use bivouac_planner::definitions::{RevisionVerdict, may_be_ours, plan_revision};
use bivouac_planner::images::Observations;
use bivouac_ports::Result;

use super::{Collected, Collector, Scene, State, stood_back};
use crate::fenced::Fenced;

/// How many revisions one pass deregisters: what the bucket of task definitions gives in a minute, all of it (20 at once and
/// one a second: "Request throttling for the Amazon ECS API").
const DEREGISTERED: usize = 60;
/// How many it deletes: ten calls.
const DELETED: usize = 100;
/// How many families one pass looks through for what was deregistered earlier. Each is a call, and the bucket gives twenty a
/// second; the next pass goes on behind the last one.
const FAMILIES: usize = 200;

/// What is remembered of revisions between passes.
#[derive(Default)]
pub(super) struct Revisions {
    seen: Observations<TaskDefinitionName>,
    /// Those that are deregistered; what is in them never changes.
    deregistered: HashMap<TaskDefinitionName, DescribedRevision>,
    /// Where the next pass goes on.
    from: String,
}

impl Collector {
    /// Decides for every revision of a family that may be ours.
    pub(super) async fn plan_revisions(
        &self,
        state: &mut State,
        scene: &Scene,
    ) -> Result<Vec<(DescribedRevision, RevisionVerdict)>> {
        self.find_deregistered(state).await?;
        let active = state.definitions.all().filter(|revision| may_be_ours(&self.policy, revision.name.family()));
        let revisions: Vec<DescribedRevision> = active.chain(state.revisions.deregistered.values()).cloned().collect();
        let mut used: HashSet<TaskDefinitionName> =
            scene.usage.tasks.iter().map(|task| task.task_definition.clone()).collect();
        let remembered = scene.usage.records.iter().filter_map(|record| record.status.as_ref());
        used.extend(remembered.filter_map(|status| status.machinery.task_definition.clone()));
        let verdict = |revision: &DescribedRevision, used: &HashSet<TaskDefinitionName>| {
            plan_revision(revision, used, scene.hold, &self.policy, scene.now)
        };
        // Only where something would go, is the service asked what it deploys.
        let doubtful: BTreeSet<String> = revisions
            .iter()
            .filter(|revision| verdict(revision, &used).is_condemned())
            .filter_map(|revision| self.service_of(revision.name.family()))
            .filter(|service| scene.usage.services.contains(service))
            .collect();
        let services = self.doors.cluster.services(&doubtful.into_iter().collect::<Vec<_>>()).await?;
        let mut unclear = HashSet::new();
        for (name, service) in services {
            match service {
                ServiceView::Active(service) => {
                    used.insert(service.task_definition.clone());
                    used.extend(service.deployments.iter().map(|deployment| deployment.task_definition.clone()));
                }
                ServiceView::Absent => {}
                _ => drop(unclear.insert(name)),
            }
        }
        let judged = revisions.into_iter().map(|revision| {
            let unclear = self.service_of(revision.name.family()).is_some_and(|service| unclear.contains(&service));
            let verdict = if unclear { RevisionVerdict::Used } else { verdict(&revision, &used) };
            (revision, verdict)
        });
        let mut judged: Vec<_> = judged.collect();
        judged.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        Ok(judged)
    }

    /// The service that a family is for.
    fn service_of(&self, family: &str) -> Option<String> {
        let found: Option<(&Project, EnvKey)> =
            self.policy.projects.values().find_map(|project| Some((project, project.environment_of_family(family)?)));
        found.map(|(project, key)| project.service(&key))
    }

    /// Looks for what was deregistered earlier, by a take-down or by a pass.
    async fn find_deregistered(&self, state: &mut State) -> Result<()> {
        let prefixes: BTreeSet<String> = self.policy.projects.values().map(|project| project.family_prefix()).collect();
        let mut families = BTreeSet::new();
        for prefix in prefixes {
            let found = self.doors.cluster.families(&prefix).await?;
            families.extend(found.into_iter().filter(|family| may_be_ours(&self.policy, family)));
        }
        let revisions = &mut state.revisions;
        let (before, behind): (Vec<&String>, Vec<&String>) =
            families.iter().partition(|family| **family < revisions.from);
        let round: Vec<&String> = behind.into_iter().chain(before).collect();
        revisions.from = round.get(FAMILIES).map(|family| (*family).clone()).unwrap_or_default();
        let mut there = HashSet::new();
        for family in round.into_iter().take(FAMILIES) {
            for name in self.doors.cluster.deregistered(family).await? {
                there.insert(name.clone());
                if revisions.deregistered.contains_key(&name) {
                    continue;
                }
                if let Some(described) = self.doors.cluster.task_definition(&name).await? {
                    revisions.deregistered.insert(name, DescribedRevision { active: false, ..described });
                }
            }
        }
        revisions.deregistered.retain(|name, _| there.contains(name));
        Ok(())
    }

    /// The task definitions of a pass.
    pub(super) async fn collect_revisions(
        &self,
        state: &mut State,
        fenced: &Fenced,
        scene: &Scene,
        done: &mut Collected,
    ) -> Result<()> {
        let judged = match self.plan_revisions(state, scene).await {
            Ok(judged) => judged,
            Err(error) => {
                state.revisions.seen.forget();
                return Err(error);
            }
        };
        if scene.hold.is_some() {
            state.revisions.seen.forget();
            return Ok(());
        }
        let verdicts: HashMap<TaskDefinitionName, RevisionVerdict> =
            judged.into_iter().map(|(revision, verdict)| (revision.name, verdict)).collect();
        let mut condemned: Vec<TaskDefinitionName> =
            verdicts.iter().filter(|(_, verdict)| verdict.is_condemned()).map(|(name, _)| name.clone()).collect();
        condemned.sort();
        let (ready, waiting): (Vec<_>, Vec<_>) =
            state.revisions.seen.again(condemned, scene.now, self.apart).into_iter().partition(|(_, twice)| *twice);
        let ready = ready.into_iter().map(|(name, _)| name);
        let (deregister, delete): (Vec<_>, Vec<_>) =
            ready.partition(|name| verdicts.get(name) == Some(&RevisionVerdict::Deregister));
        done.unfinished |= !waiting.is_empty() || !deregister.is_empty() || delete.len() > DELETED;
        for name in deregister.iter().take(DEREGISTERED) {
            match fenced.write(self.doors.cluster.deregister(name)).await {
                Ok(()) => done.deregistered += 1,
                // Registrations have the bucket; nobody waits for this.
                Err(error) if stood_back(&error) => break,
                Err(error) => return Err(error),
            }
        }
        let delete = &delete[..delete.len().min(DELETED)];
        for ten in delete.chunks(10) {
            let stayed = match fenced.write(self.doors.cluster.delete_task_definitions(ten)).await {
                Ok(stayed) => stayed,
                Err(error) if stood_back(&error) => {
                    done.unfinished = true;
                    break;
                }
                Err(error) => return Err(error),
            };
            done.deleted += ten.len() - stayed.len().min(ten.len());
            for (name, why) in stayed {
                tracing::warn!(task_definition = %name, "stays: {why}");
                done.refused.push(format!("{name} stays: {why}"));
            }
        }
        if done.deregistered + done.deleted > 0 {
            tracing::info!(done.deregistered, done.deleted, "task definitions that nothing used");
        }
        Ok(())
    }
}
