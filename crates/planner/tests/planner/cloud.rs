//! What AWS does: services with deployments, tasks that start, run and stop, revisions, images.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use bivouac_model::{
    Capacity, Container, ContentHash, Deployment, Health, Image, ImageTag, ImageView, RenderedTaskDefinition, Rollout,
    Service, ServiceChange, ServiceEvent, ServiceSpec, ServiceView, StopCode, TAG_HASH_VERSION, TAG_MANAGED, TAG_PR,
    TAG_REPO, TAG_SPEC, Task, TaskDefinitionName, TaskDefinitionRevision, TaskState,
};
use chrono::{DateTime, Utc};

use crate::fixtures::{image, seconds};

/// How the application behaves once its container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum App {
    /// It answers.
    Well,
    /// It runs and answers with 503.
    Sick,
    /// It ends with exit code 1 a step after it began.
    Crashes,
    /// It is killed for want of memory a step after it began.
    OutOfMemory,
    /// Its image cannot be pulled.
    CannotPull,
}

/// How many steps a task takes to run, and a deleted service to be gone.
const SLOWNESS: u8 = 2;

#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    pub(crate) service: ServiceView,
    draining: u8,
    pub(crate) tasks: Vec<(Task, u8)>,
    pub(crate) revisions: Vec<TaskDefinitionRevision>,
    pub(crate) images: BTreeMap<ImageTag, Image>,
    pub(crate) app: App,
    pub(crate) spot: bool,
    pub(crate) now: DateTime<Utc>,
    /// How often a service was created while another had the name. Never, if all is well.
    pub(crate) collisions: usize,
    pub(crate) created: usize,
    /// The image of every task definition that was ever registered.
    pub(crate) pictures: BTreeMap<TaskDefinitionName, String>,
    pub(crate) next: u32,
    tokens: BTreeMap<String, ServiceSpec>,
}

impl Cloud {
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        let images = BTreeMap::from([("pr-7-ci".parse().unwrap(), image(1)), ("other".parse().unwrap(), image(2))]);
        Self {
            service: ServiceView::Absent,
            draining: 0,
            tasks: Vec::new(),
            revisions: Vec::new(),
            images,
            app: App::Well,
            spot: true,
            now,
            collisions: 0,
            created: 0,
            pictures: BTreeMap::new(),
            next: 1,
            tokens: BTreeMap::new(),
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    pub(crate) fn active(&self) -> Option<&Service> {
        match &self.service {
            ServiceView::Active(service) => Some(service),
            _ => None,
        }
    }

    pub(crate) fn active_mut(&mut self) -> Option<&mut Service> {
        match &mut self.service {
            ServiceView::Active(service) => Some(service),
            _ => None,
        }
    }

    pub(crate) fn image(&self, tag: &ImageTag) -> ImageView {
        self.images.get(tag).cloned().map_or(ImageView::Missing, ImageView::Found)
    }

    pub(crate) fn live_tasks(&self) -> Vec<Task> {
        self.tasks.iter().map(|(task, _)| task).filter(|task| task.state != TaskState::Stopped).cloned().collect()
    }

    /// Those that stopped within the last hour included, as ECS shows them.
    pub(crate) fn all_tasks(&self) -> Vec<Task> {
        let seen = |task: &&Task| task.stopped_at.is_none_or(|at| self.now - at < seconds(3600));
        self.tasks.iter().map(|(task, _)| task).filter(seen).cloned().collect()
    }

    pub(crate) fn health(&self, ip: IpAddr) -> Health {
        let runs = self.tasks.iter().any(|(task, _)| task.is_running() && task.public_ip == Some(ip));
        match self.app {
            _ if !runs => Health::Silent("no answer".into()),
            App::Sick => Health::Status(503),
            _ => Health::Passing,
        }
    }

    pub(crate) fn register(&mut self, rendered: &RenderedTaskDefinition) -> TaskDefinitionRevision {
        let name = TaskDefinitionName::from_arn(&format!("{}:{}", rendered.family, self.number()));
        let image = rendered.input["containerDefinitions"][0]["image"].as_str().unwrap_or_default();
        self.pictures.insert(name.clone(), image.to_owned());
        let revision = TaskDefinitionRevision { name, content: Some(rendered.content.clone()) };
        self.revisions.insert(0, revision.clone());
        revision
    }

    /// As ECS does: a name that is taken is refused, but for the same call with the same token.
    pub(crate) fn create(&mut self, spec: &ServiceSpec, token: &str) -> Result<ServiceView, String> {
        if self.service != ServiceView::Absent {
            let same = self.tokens.get(token) == Some(spec);
            if !same {
                self.collisions += 1;
                return Err("Creation of service was not idempotent.".into());
            }
            return Ok(self.service.clone());
        }
        self.tokens.insert(token.to_owned(), spec.clone());
        self.created += 1;
        let tag = |name: &str| spec.tags.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let deployment = self.deployment(&spec.task_definition);
        self.service = ServiceView::Active(Box::new(Service {
            name: spec.name.clone(),
            managed_by: tag(TAG_MANAGED),
            owner: Some(format!("{}#{}", tag(TAG_REPO).unwrap(), tag(TAG_PR).unwrap())),
            spec: tag(TAG_SPEC).map(|hash| ContentHash::from_stored(&hash)),
            hash_version: tag(TAG_HASH_VERSION),
            protected: false,
            desired_count: spec.desired_count,
            running_count: 0,
            task_definition: spec.task_definition.clone(),
            exec: spec.exec,
            capacity: Some(spec.capacity),
            created_at: Some(self.now),
            deployments: vec![deployment],
            events: Vec::new(),
        }));
        Ok(self.service.clone())
    }

    fn deployment(&mut self, task_definition: &TaskDefinitionName) -> Deployment {
        Deployment {
            id: format!("ecs-svc/{}", self.number()),
            task_definition: task_definition.clone(),
            rollout: Rollout::InProgress,
            rollout_reason: None,
            failed_tasks: 0,
            created_at: Some(self.now),
        }
    }

    pub(crate) fn update(&mut self, change: &ServiceChange) -> ServiceView {
        let Some(service) = self.active() else { return self.service.clone() };
        let wanted = change.task_definition.clone().unwrap_or_else(|| service.task_definition.clone());
        let redeploys = wanted != service.task_definition || change.force_new_deployment;
        let deployment = redeploys.then(|| self.deployment(&wanted));
        if let Some(service) = self.active_mut() {
            service.task_definition = wanted;
            service.desired_count = change.desired_count.unwrap_or(service.desired_count);
            service.capacity = change.capacity.or(service.capacity);
            service.exec = change.exec.unwrap_or(service.exec);
            if let Some(deployment) = deployment {
                service.deployments.insert(0, deployment);
            }
        }
        self.service.clone()
    }

    pub(crate) fn tag(&mut self, tags: &[(String, String)]) {
        let Some(service) = self.active_mut() else { return };
        for (key, value) in tags {
            match key.as_str() {
                TAG_SPEC => service.spec = Some(ContentHash::from_stored(value)),
                TAG_HASH_VERSION => service.hash_version = Some(value.clone()),
                _ => {}
            }
        }
    }

    pub(crate) fn delete(&mut self) {
        if matches!(self.service, ServiceView::Active(_)) {
            self.service = ServiceView::Draining;
            self.draining = SLOWNESS;
        }
    }

    /// Somebody or something ends a task.
    pub(crate) fn stop_tasks(&mut self, code: StopCode, why: &str) {
        let now = self.now;
        self.tasks.iter_mut().for_each(|(task, _)| stop(task, now, code.clone(), why));
    }

    /// A moment passes.
    pub(crate) fn step(&mut self) {
        let now = self.now;
        if self.service == ServiceView::Draining {
            self.stop_tasks(StopCode::ServiceSchedulerInitiated, "Service deleted.");
            match self.draining.checked_sub(1) {
                Some(left) => self.draining = left,
                None => self.service = ServiceView::Absent,
            }
        }
        let (app, spot) = (self.app, self.spot);
        for (task, age) in &mut self.tasks {
            *age = age.saturating_add(1);
            match (task.state, app) {
                (TaskState::Starting, _) if *age < SLOWNESS => {}
                (TaskState::Starting, App::CannotPull) => {
                    let why = "CannotPullContainerError: pull image manifest has been retried 1 time(s): not found";
                    stop(task, now, StopCode::TaskFailedToStart, why);
                }
                (TaskState::Starting, _) => {
                    task.state = TaskState::Running;
                    task.started_at = Some(now);
                }
                (TaskState::Running, App::Crashes | App::OutOfMemory) => {
                    stop(task, now, StopCode::EssentialContainerExited, "Essential container in task exited");
                    let memory = app == App::OutOfMemory;
                    task.containers = vec![Container {
                        name: "app".into(),
                        exit_code: Some(if memory { 137 } else { 1 }),
                        reason: memory.then(|| "OutOfMemoryError: Container killed due to memory usage".to_owned()),
                        image_digest: None,
                    }];
                }
                _ => {}
            }
        }
        let Some(service) = self.active().cloned() else { return };
        let primary = service.deployments[0].clone();
        let live = |tasks: &[(Task, u8)]| {
            let mine = |task: &Task| task.started_by.as_deref() == Some(&primary.id);
            tasks.iter().filter(|(task, _)| mine(task) && task.state != TaskState::Stopped).count()
        };
        let starved = service.capacity == Some(Capacity::Spot) && !spot;
        if service.desired_count == 0 {
            self.stop_tasks(StopCode::ServiceSchedulerInitiated, "Scaling activity initiated by the deployment.");
        } else if starved {
            let message = "(service pr-7-service) was unable to place a task. Reason: Capacity is unavailable at this \
                           time. Please try again later or in a different availability zone.";
            let event = ServiceEvent { at: Some(now), message: message.into() };
            self.active_mut().unwrap().events = vec![event];
        } else if live(&self.tasks) == 0 && primary.rollout != Rollout::Failed {
            let number = self.number();
            self.tasks.push((self.task(number, &service, &primary), 0));
        }
        let runs = |(task, _): &(Task, u8)| task.is_running() && task.started_by.as_deref() == Some(&primary.id);
        if self.tasks.iter().any(runs) {
            for (task, _) in &mut self.tasks {
                if task.started_by.as_deref() != Some(&primary.id) {
                    stop(task, now, StopCode::ServiceSchedulerInitiated, "Scaling activity initiated by deployment.");
                }
            }
            let service = self.active_mut().unwrap();
            service.deployments.truncate(1);
            service.deployments[0].rollout = Rollout::Completed;
        }
        // The circuit breaker of a service of one task: three that fail to start.
        let failed = |(task, _): &&(Task, u8)| {
            task.started_by.as_deref() == Some(&primary.id) && task.stop_code == Some(StopCode::TaskFailedToStart)
        };
        let failed = self.tasks.iter().filter(failed).count();
        if failed >= 3 && self.active().unwrap().deployments[0].rollout == Rollout::InProgress {
            self.active_mut().unwrap().deployments[0].rollout = Rollout::Failed;
        }
    }

    fn task(&self, number: u32, service: &Service, primary: &Deployment) -> Task {
        let [_, b, c, d] = number.to_be_bytes();
        Task {
            id: format!("{number:032x}"),
            service: Some(service.name.clone()),
            started_by: Some(primary.id.clone()),
            task_definition: primary.task_definition.clone(),
            state: TaskState::Starting,
            wanted: true,
            unhealthy: false,
            created_at: Some(self.now),
            started_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
            containers: Vec::new(),
            network_interface: Some(format!("eni-{number}")),
            public_ip: Some(IpAddr::V4(Ipv4Addr::new(198, b, c, d))),
            capacity: service.capacity,
        }
    }
}

fn stop(task: &mut Task, now: DateTime<Utc>, code: StopCode, why: &str) {
    if task.state != TaskState::Stopped {
        task.state = TaskState::Stopped;
        task.wanted = false;
        task.stopped_at = Some(now);
        task.stop_code = Some(code);
        task.stopped_reason = Some(why.into());
    }
}
