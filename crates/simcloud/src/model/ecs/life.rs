//! The way of a task from PROVISIONING to STOPPED.

use std::sync::Arc;
use std::time::Duration;

use super::super::agenda::Event;
use super::super::ec2::Request;
use super::super::{Effect, World};
use super::TaskId;
use super::fate::Fate;
use super::network::{Provider, PublicIp};
use super::task::{ContainerState, Health, Phase, StopCode, Task};

impl World {
    /// Puts a new task on its way.
    pub(super) fn start_task(&mut self, mut task: Task) {
        let capacity = &mut self.ecs.capacity;
        match task.provider {
            Provider::Spot => capacity.spot_used += task.vcpu_units(),
            _ => capacity.on_demand_used += task.vcpu_units(),
        }
        let (id, step) = (Arc::clone(&task.id), task.enter(Phase::Provisioning));
        self.ecs.insert_task(task);
        self.plan(self.timings.provisioning, Event::TaskStep { task: id, step });
    }

    /// The time of the present phase is over.
    pub(in crate::model) fn task_step(&mut self, id: &TaskId, step: u32) {
        let Some(task) = self.ecs.tasks.get(id).filter(|task| task.step == step) else {
            return;
        };
        match task.phase {
            Phase::Provisioning => self.attach_network(id),
            Phase::Pending => self.start_containers(id),
            Phase::Deactivating => self.stop_containers(id),
            Phase::Stopping => {
                self.end_containers(id, |container| container.exit_code = Some(SIGTERM_EXIT));
                self.deprovision(id);
            }
            Phase::Deprovisioning => self.finish_task(id),
            Phase::Running | Phase::Stopped => {}
        }
    }

    fn attach_network(&mut self, id: &TaskId) {
        let Some(task) = self.ecs.tasks.get_mut(id) else {
            return;
        };
        if let Some(network) = task.network.clone() {
            let request = Request {
                subnet: network.subnets.first().map_or("", String::as_str),
                groups: &network.security_groups,
                public: network.assign_public_ip == PublicIp::Enabled,
                description: self.scope.arn("ecs", &format!("attachment/{}", task.attachment)),
            };
            let made = self.ec2.attach(&mut self.rng, &self.scope, request, self.now);
            task.zone.clone_from(&made.zone);
            task.interface = Some(made);
        }
        task.pull_started_at = Some(self.now);
        let step = task.enter(Phase::Pending);
        if task.fate != Fate::NeverStarts {
            self.plan(self.timings.pending, Event::TaskStep { task: Arc::clone(id), step });
        }
    }

    fn start_containers(&mut self, id: &TaskId) {
        let digests = match self.pull_images(id) {
            Ok(digests) => digests,
            Err((container, reason)) => return self.fail_start(id, container, &reason),
        };
        if let Err(reason) = self.open_logs(id) {
            return self.fail_start(id, None, &reason);
        }
        let Some(task) = self.ecs.tasks.get_mut(id) else {
            return;
        };
        for (container, digest) in task.containers.iter_mut().zip(digests) {
            container.digest = Some(digest);
            container.runtime_id = Some(format!("{}-{}", task.id, self.rng.u32(..)));
        }
        task.pull_stopped_at = Some(self.now);
        task.started_at = Some(self.now);
        let step = task.enter(Phase::Running);
        let address = task.interface.as_ref().and_then(|interface| interface.public_address);
        let ports = task.definition.ports();
        let after = match &task.fate {
            Fate::ExitsWith { after, .. } | Fate::OutOfMemory { after } => Some(*after),
            _ => None,
        };
        let lost = match &task.fate {
            Fate::FailsHealthCheck { after } => Some(*after),
            _ => None,
        };
        let checked = task.definition.has_health_check();
        if let Some(address) = address {
            self.effects.push(Effect::Serve { task: Arc::clone(id), address, ports });
        }
        if let Some(after) = after {
            self.plan(after, Event::TaskFate { task: Arc::clone(id), step });
        }
        if checked {
            let after = lost.unwrap_or(self.timings.health_check);
            self.plan(after, Event::TaskHealth { task: Arc::clone(id), step });
        }
        self.write_logs(id, |container| format!("{container}: started"));
        self.task_runs(id);
    }

    /// Tells the scheduler now, and again when the task counts as healthy without a check.
    fn task_runs(&mut self, id: &TaskId) {
        let Some(key) = self.ecs.tasks.get(id).and_then(Task::service_key) else {
            return;
        };
        self.note_running(&key, id);
        self.plan(Duration::ZERO, Event::Reconcile(key.clone()));
        self.plan(self.timings.healthy_after, Event::Reconcile(key));
    }

    fn fail_start(&mut self, id: &TaskId, container: Option<usize>, reason: &str) {
        if let Some(task) = self.ecs.tasks.get_mut(id)
            && let Some(state) = container.and_then(|index| task.containers.get_mut(index))
        {
            state.reason = Some(reason.to_owned());
        }
        self.note_failed(id);
        self.condemn(id, StopCode::TaskFailedToStart, reason);
        self.deprovision(id);
    }

    /// What the test chose for this task happens now.
    pub(in crate::model) fn task_fate(&mut self, id: &TaskId, step: u32) {
        let Some(task) = self.ecs.tasks.get(id).filter(|task| task.step == step) else {
            return;
        };
        let (code, reason) = match task.fate {
            Fate::ExitsWith { code, .. } => (code, None),
            // 128 + SIGKILL, with the reason the container agent gives.
            Fate::OutOfMemory { .. } => (137, Some("OutOfMemoryError: Container killed due to memory usage")),
            _ => return,
        };
        let last = match reason {
            Some(_) => "Killed".to_owned(),
            None => format!("fatal: the application ends with exit code {code}"),
        };
        self.write_log(id, last);
        self.condemn(id, StopCode::EssentialContainerExited, "Essential container in task exited");
        self.end_containers(id, |container| container.exit_code = Some(SIGTERM_EXIT));
        if let Some(task) = self.ecs.tasks.get_mut(id) {
            let essential = task.definition.containers.iter().position(|c| c.essential);
            if let Some(container) = essential.and_then(|i| task.containers.get_mut(i)) {
                container.exit_code = Some(code);
                container.reason = reason.map(str::to_owned);
            }
        }
        self.deprovision(id);
    }

    /// The health check gives its first verdict, or the check is lost.
    pub(in crate::model) fn task_health(&mut self, id: &TaskId, step: u32) {
        let Some(task) = self.ecs.tasks.get_mut(id).filter(|t| t.step == step) else {
            return;
        };
        task.version += 1;
        let key = task.service_key();
        if matches!(task.fate, Fate::FailsHealthCheck { .. }) {
            task.health = Health::Unhealthy;
            let Some(key) = key else { return };
            self.service_event(&key, |name| format!("(service {name}) (task {id}) failed container health checks."));
            self.note_failed(id);
            self.stop_task(id, StopCode::ServiceSchedulerInitiated, "Task failed container health checks");
        } else {
            task.health = Health::Healthy;
            if let Some(key) = key {
                self.note_healthy(&key, id);
                self.plan(Duration::ZERO, Event::Reconcile(key));
            }
        }
    }

    /// Warns a Spot task; its end comes after the warning time.
    pub(crate) fn interrupt_task(&mut self, id: &TaskId) -> bool {
        let interruptible =
            self.ecs.tasks.get(id).is_some_and(|task| {
                task.is_wanted() && task.provider == Provider::Spot && task.phase <= Phase::Running
            });
        if interruptible {
            self.plan(self.timings.spot_warning, Event::SpotReclaim { task: Arc::clone(id) });
        }
        interruptible
    }

    pub(in crate::model) fn task_reclaim(&mut self, id: &TaskId) {
        if self.ecs.tasks.get(id).is_some_and(Task::is_wanted) {
            self.stop_task(id, StopCode::SpotInterruption, "Your Spot Task was interrupted.");
        }
    }

    /// Stops a task in order: DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED. A task that is
    /// stopping already goes on as it does.
    pub(crate) fn stop_task(&mut self, id: &TaskId, code: StopCode, reason: &str) {
        if !self.ecs.tasks.get(id).is_some_and(Task::is_wanted) {
            return;
        }
        self.condemn(id, code, reason);
        let Some(task) = self.ecs.tasks.get_mut(id) else {
            return;
        };
        if task.phase == Phase::Running {
            let step = task.enter(Phase::Deactivating);
            self.plan(self.timings.deactivating, Event::TaskStep { task: Arc::clone(id), step });
        } else {
            self.deprovision(id);
        }
    }

    /// From now on the task's desired status is STOPPED; the scheduler looks at once.
    fn condemn(&mut self, id: &TaskId, code: StopCode, reason: &str) {
        let Some(task) = self.ecs.tasks.get_mut(id) else {
            return;
        };
        task.stop = Some((code, reason.to_owned()));
        task.stopping_at = Some(self.now);
        task.version += 1;
        if let Some(key) = task.service_key() {
            self.note_lost(&key, code);
            self.plan(Duration::ZERO, Event::Reconcile(key));
        }
    }

    fn stop_containers(&mut self, id: &TaskId) {
        let Some(task) = self.ecs.tasks.get_mut(id) else {
            return;
        };
        let step = task.enter(Phase::Stopping);
        self.write_logs(id, |container| format!("{container}: got SIGTERM, stopping"));
        self.plan(self.timings.stopping, Event::TaskStep { task: Arc::clone(id), step });
    }

    fn end_containers(&mut self, id: &TaskId, end: impl Fn(&mut ContainerState)) {
        let Some(task) = self.ecs.tasks.get_mut(id) else {
            return;
        };
        task.containers.iter_mut().for_each(end);
        task.execution_stopped_at = Some(self.now);
        self.effects.push(Effect::Silence { task: Arc::clone(id) });
    }

    fn deprovision(&mut self, id: &TaskId) {
        let Some(task) = self.ecs.tasks.get_mut(id) else {
            return;
        };
        let step = task.enter(Phase::Deprovisioning);
        self.plan(self.timings.deprovisioning, Event::TaskStep { task: Arc::clone(id), step });
    }

    fn finish_task(&mut self, id: &TaskId) {
        let Some(task) = self.ecs.tasks.get_mut(id) else {
            return;
        };
        task.enter(Phase::Stopped);
        task.stopped_at = Some(self.now);
        task.health = Health::Unknown;
        let used = match task.provider {
            Provider::Spot => &mut self.ecs.capacity.spot_used,
            _ => &mut self.ecs.capacity.on_demand_used,
        };
        *used = used.saturating_sub(u64::from(task.definition.cpu));
        if let Some(interface) = &task.interface {
            self.ec2.detach(&interface.id);
        }
        let key = task.service_key();
        self.plan(self.timings.stopped_visible, Event::TaskForget { task: Arc::clone(id) });
        if let Some(key) = key {
            if let Some(service) = self.ecs.service_mut(&key) {
                service.tasks.remove(id);
            }
            self.plan(Duration::ZERO, Event::Reconcile(key));
        }
    }
}

/// What a process that ends on SIGTERM leaves: 128 + 15.
const SIGTERM_EXIT: i32 = 143;
