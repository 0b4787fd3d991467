//! What the scheduler learns from its tasks: when to pause, and when to give a deployment up.

use std::sync::Arc;
use std::time::Duration;

use super::super::World;
use super::deployment::{Rollout, failure_threshold};
use super::service::{Service, Status};
use super::task::StopCode;
use super::{ServiceKey, TaskId};

/// After so many failures in a row the history says that tasks do not start consistently.
/// AWS documents the message, not the number.
const CONSISTENT_FAILURES: u32 = 3;

impl World {
    /// A task of the deployment runs; without a health check that proves the deployment.
    pub(super) fn note_running(&mut self, key: &ServiceKey, id: &TaskId) {
        let checked = self.ecs.tasks.get(id).is_some_and(|t| t.definition.has_health_check());
        if !checked {
            self.note_healthy(key, id);
        }
    }

    /// "Once a service deployment has one or more successfully running tasks, the circuit
    /// breaker is reset to zero and considered complete."
    pub(super) fn note_healthy(&mut self, key: &ServiceKey, id: &TaskId) {
        let by = self.ecs.tasks.get(id).and_then(|task| task.started_by.clone());
        let Some(service) = self.ecs.service_mut(key) else {
            return;
        };
        if let Some(deployment) = service.deployments.iter_mut().find(|d| Some(&d.id) == by.as_ref()) {
            deployment.failed = 0;
            deployment.proven = true;
        }
    }

    /// A task was lost that the scheduler did not stop itself: it pauses before the next one.
    pub(super) fn note_lost(&mut self, key: &ServiceKey, code: StopCode) {
        let pause = self.now + crate::clock::delta(self.timings.restart);
        let Some(service) = self.ecs.service_mut(key) else {
            return;
        };
        service.steady = false;
        if code != StopCode::ServiceSchedulerInitiated {
            service.retry_at = Some(service.retry_at.map_or(pause, |at| at.max(pause)));
        }
    }

    /// A task of a service failed to start or lost its health check.
    pub(super) fn note_failed(&mut self, id: &TaskId) {
        let Some(task) = self.ecs.tasks.get(id) else {
            return;
        };
        let (Some(key), by) = (task.service_key(), task.started_by.clone()) else {
            return;
        };
        let Some(mut service) = self.take_service(&key) else {
            return;
        };
        if service.status == Status::Active && service.primary().map(|p| &p.id) == by.as_ref() {
            self.count_failure(&key, &mut service, self.timings.restart);
        }
        self.put_service(&key, service);
    }

    /// Counts a failure of the PRIMARY deployment: pauses longer each time, and trips the
    /// circuit breaker where there is one.
    pub(super) fn count_failure(&mut self, key: &ServiceKey, service: &mut Service, pause: Duration) {
        let (now, desired) = (self.now, service.desired);
        let breaker = service.configuration.breaker().cloned();
        let Some(primary) = service.deployments.first_mut() else {
            return;
        };
        primary.failed += 1;
        primary.updated_at = now;
        let (failed, in_progress) = (primary.failed, primary.rollout == Rollout::InProgress);
        let unproven = !primary.proven;
        let longer = pause.saturating_mul(1 << (failed - 1).min(16));
        let longer = longer.min(self.timings.restart_ceiling).max(Duration::from_millis(1));
        service.retry_at = Some(now + crate::clock::delta(longer));
        if failed == CONSISTENT_FAILURES {
            let message = format!(
                "(service {}) is unable to consistently start tasks successfully. For more \
                 information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
                key.name
            );
            service.note(&mut self.rng, now, message);
        }
        let Some(breaker) = breaker else { return };
        if in_progress && unproven && failed >= failure_threshold(desired) {
            self.trip(key, service, breaker.rollback);
        }
    }

    /// The circuit breaker: the deployment has failed; with a rollback the last one that was
    /// complete becomes PRIMARY again.
    fn trip(&mut self, key: &ServiceKey, service: &mut Service, rollback: bool) {
        let now = self.now;
        let back = rollback.then(|| service.deployments.iter().position(|d| d.settled)).flatten();
        let back_id = back.map(|index| Arc::clone(&service.deployments[index].id));
        let Some(primary) = service.deployments.first_mut() else {
            return;
        };
        let id = Arc::clone(&primary.id);
        let reason = match &back_id {
            Some(back) => {
                format!("ECS deployment circuit breaker: rolling back to deploymentId {back}.")
            }
            None => "ECS deployment circuit breaker: tasks failed to start.".to_owned(),
        };
        primary.turn(Rollout::Failed, reason, now);
        let message = format!("(service {}) (deployment {id}) deployment failed: tasks failed to start.", key.name);
        service.note(&mut self.rng, now, message);
        let (Some(index), Some(back)) = (back, back_id) else {
            return;
        };
        let mut deployment = service.deployments.remove(index);
        deployment.turn(Rollout::InProgress, format!("ECS deployment {back} in progress."), now);
        service.deployments.insert(0, deployment);
        service.retry_at = None;
        let message = format!("(service {}) rolling back to deployment {back}.", key.name);
        service.note(&mut self.rng, now, message);
    }
}
