//! The service scheduler: keeps the wanted number of tasks, rolls deployments forward and drains
//! what was deleted. When it pauses and gives up is in `breaker`.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::super::World;
use super::super::agenda::Event;
use super::deployment::Rollout;
use super::service::{Service, Status};
use super::task::{Phase, StopCode};
use super::{ServiceKey, TaskId};

/// A wanted task as the scheduler sees it.
struct Member {
    id: TaskId,
    primary: bool,
    running: bool,
    healthy: bool,
    created_at: DateTime<Utc>,
}

impl World {
    pub(super) fn take_service(&mut self, key: &ServiceKey) -> Option<Service> {
        self.ecs.clusters.get_mut(&key.cluster)?.services.remove(&key.name)
    }

    pub(super) fn put_service(&mut self, key: &ServiceKey, service: Service) {
        if let Some(cluster) = self.ecs.clusters.get_mut(&key.cluster) {
            cluster.services.insert(Arc::clone(&key.name), service);
        }
    }

    /// Looks at one service and does what is due now. Repeating it changes nothing.
    pub(in crate::model) fn reconcile_service(&mut self, key: &ServiceKey) {
        let Some(mut service) = self.take_service(key) else {
            return;
        };
        match service.status {
            Status::Active => self.converge(key, &mut service),
            Status::Draining => self.drain(key, &mut service),
            Status::Inactive => {}
        }
        self.put_service(key, service);
    }

    fn converge(&mut self, key: &ServiceKey, service: &mut Service) {
        self.stop_surplus(key, service);
        self.stop_superseded(key, service);
        self.start_missing(key, service);
        self.settle(key, service);
    }

    fn members(&self, service: &Service) -> Vec<Member> {
        let primary = service.primary().map(|deployment| &deployment.id);
        let tasks = service.tasks.iter().filter_map(|id| self.ecs.tasks.get(id));
        let wanted = tasks.filter(|task| task.is_wanted());
        let members = wanted.map(|task| Member {
            id: Arc::clone(&task.id),
            primary: task.started_by.as_ref() == primary,
            running: task.phase == Phase::Running,
            healthy: task.is_healthy(self.now, self.timings.healthy_after),
            created_at: task.created_at,
        });
        members.collect()
    }

    /// Scaled down: the tasks least worth keeping go, the newest first.
    fn stop_surplus(&mut self, key: &ServiceKey, service: &mut Service) {
        let mut mine: Vec<Member> = self.members(service).into_iter().filter(|member| member.primary).collect();
        let surplus = mine.len().saturating_sub(service.desired as usize);
        mine.sort_by_key(|m| (m.healthy, m.running, std::cmp::Reverse(m.created_at)));
        let stopped: Vec<TaskId> = mine.into_iter().take(surplus).map(|member| member.id).collect();
        self.stop_scaled(key, service, &stopped);
    }

    /// Tasks of older deployments go as far as enough healthy ones remain.
    fn stop_superseded(&mut self, key: &ServiceKey, service: &mut Service) {
        if service.primary().is_none_or(|primary| primary.rollout == Rollout::Failed) {
            return;
        }
        let members = self.members(service);
        let lower = service.configuration.lower(service.desired) as usize;
        let upper = service.configuration.upper(service.desired) as usize;
        let mut healthy = members.iter().filter(|member| member.healthy).count();
        let mut wanted = members.len();
        let mut stopped = Vec::new();
        for member in members.iter().filter(|member| !member.primary) {
            let expendable = match (member.healthy, member.running) {
                (true, _) => healthy > lower,
                // Scaled down in the middle of a deployment, there may be more than are allowed.
                (false, true) => healthy >= lower || wanted > upper,
                (false, false) => true,
            };
            if expendable {
                healthy -= usize::from(member.healthy);
                wanted -= 1;
                stopped.push(Arc::clone(&member.id));
            }
        }
        self.stop_scaled(key, service, &stopped);
    }

    fn stop_scaled(&mut self, key: &ServiceKey, service: &mut Service, stopped: &[TaskId]) {
        if stopped.is_empty() {
            return;
        }
        let deployment = service.primary().map_or_else(String::new, |d| d.id.to_string());
        for id in stopped {
            let reason = format!("Scaling activity initiated by (deployment {deployment})");
            self.stop_task(id, StopCode::ServiceSchedulerInitiated, &reason);
        }
        let message =
            format!("(service {}) has stopped {} running tasks: {}.", key.name, stopped.len(), listed(stopped));
        service.note(&mut self.rng, self.now, message);
        service.steady = false;
    }

    fn start_missing(&mut self, key: &ServiceKey, service: &mut Service) {
        let Some(primary) = service.primary() else {
            return;
        };
        if primary.rollout == Rollout::Failed {
            return;
        }
        let members = self.members(service);
        let mine = members.iter().filter(|member| member.primary).count();
        let missing = (service.desired as usize).saturating_sub(mine);
        let upper = service.configuration.upper(service.desired) as usize;
        let room = upper.saturating_sub(members.len());
        let count = missing.min(room);
        if count == 0 {
            return;
        }
        if let Some(at) = service.retry_at.filter(|at| *at > self.now) {
            return self.wake(key, service, at);
        }
        let mut started = Vec::new();
        let mut refused = None;
        for _ in 0..count {
            match self.launch_task(key, service) {
                Ok(id) => started.push(id),
                Err(reason) => {
                    refused = Some(reason);
                    break;
                }
            }
        }
        if !started.is_empty() {
            let message = format!("(service {}) has started {} tasks: {}.", key.name, started.len(), listed(&started));
            service.note(&mut self.rng, self.now, message);
            service.steady = false;
        }
        if let Some(reason) = refused {
            self.no_room(key, service, reason);
        }
    }

    fn no_room(&mut self, key: &ServiceKey, service: &mut Service, reason: &str) {
        let message = format!(
            "(service {}) was unable to place a task. Reason: {reason} For more information, see \
             the Troubleshooting section of the Amazon ECS Developer Guide.",
            key.name
        );
        service.note(&mut self.rng, self.now, message);
        service.steady = false;
        self.count_failure(key, service, self.timings.placement_retry);
        if let Some(at) = service.retry_at {
            self.wake(key, service, at);
        }
    }

    /// The deployment is complete when all its tasks are healthy and no older one is left.
    fn settle(&mut self, key: &ServiceKey, service: &mut Service) {
        let members = self.members(service);
        let healthy = members.iter().filter(|member| member.primary && member.healthy).count();
        let settled = healthy == service.desired as usize && members.len() == healthy;
        let superseded_stopped = service.tasks.len() == members.len();
        let (now, desired) = (self.now, service.desired);
        let Some(primary) = service.deployments.first_mut() else {
            return;
        };
        if settled && superseded_stopped && primary.rollout == Rollout::InProgress {
            let id = Arc::clone(&primary.id);
            primary.turn(Rollout::Completed, format!("ECS deployment {id} completed."), now);
            primary.settled = true;
            primary.failed = 0;
            service.deployments.truncate(1);
            let message = format!("(service {}) (deployment {id}) deployment completed.", key.name);
            service.note(&mut self.rng, now, message);
        }
        let completed = service.primary().is_some_and(|p| p.rollout == Rollout::Completed);
        if settled && completed && !service.steady {
            service.steady = true;
            let message = format!("(service {}) has reached a steady state.", key.name);
            service.note(&mut self.rng, now, message);
        }
        self.forget_deployments(service, desired);
    }

    /// Older deployments without tasks are no longer described, but the one to roll back to.
    fn forget_deployments(&self, service: &mut Service, desired: u32) {
        let back = service.deployments.iter().skip(1).find(|d| d.settled).map(|d| Arc::clone(&d.id));
        let in_use: Vec<Arc<str>> =
            service.tasks.iter().filter_map(|id| self.ecs.tasks.get(id)?.started_by.clone()).collect();
        let keeps_back = desired > 0;
        let primary = service.primary().map(|primary| Arc::clone(&primary.id));
        service.deployments.retain(|deployment| {
            let id = Some(&deployment.id);
            id == primary.as_ref() || (keeps_back && id == back.as_ref()) || in_use.contains(&deployment.id)
        });
    }

    fn drain(&mut self, key: &ServiceKey, service: &mut Service) {
        let wanted: Vec<TaskId> = self.members(service).into_iter().map(|member| member.id).collect();
        self.stop_scaled(key, service, &wanted);
        if !service.tasks.is_empty() {
            return;
        }
        let since = service.draining_since.unwrap_or(self.now);
        let until = since + crate::clock::delta(self.timings.draining);
        if until > self.now {
            return self.wake(key, service, until);
        }
        service.status = Status::Inactive;
        service.deployments.clear();
        let forget = Event::ServiceForget { service: key.clone(), serial: service.serial };
        self.plan(self.timings.inactive_visible, forget);
    }

    fn wake(&mut self, key: &ServiceKey, service: &mut Service, at: DateTime<Utc>) {
        if service.wake_at != Some(at) {
            service.wake_at = Some(at);
            self.agenda.push(at, Event::Reconcile(key.clone()));
        }
    }
}

fn listed(ids: &[TaskId]) -> String {
    ids.iter().map(|id| format!("(task {id})")).collect::<Vec<_>>().join(" ")
}
