//! What runs, in memory, and what the commands that look into it say.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bivouac_model::{
    Capacity, Container, DescribedRevision, LogStream, RenderedTaskDefinition, Service, ServiceChange, ServiceSpec,
    ServiceView, Task, TaskDefinitionName, TaskDefinitionRevision, TaskState,
};
use bivouac_ports::{Cluster, Error, LogEvent, LogStore, Meaning, Result};

use super::*;
use crate::cli::session::Workload;

/// The id of the task that runs.
pub(super) const TASK: &str = "11111111111111111111111111111111";
/// The id of the one before it.
pub(super) const BEFORE: &str = "22222222222222222222222222222222";

/// Services, tasks and logs.
#[derive(Default)]
pub(super) struct Cloud {
    pub(super) exec: bool,
    pub(super) tasks: Mutex<Vec<Task>>,
    /// The events of each stream; a group without streams is there, too.
    pub(super) groups: Mutex<BTreeMap<String, BTreeMap<String, Vec<LogEvent>>>>,
    /// What every reading of the log is refused with.
    pub(super) refused: Mutex<Option<Error>>,
}

/// A task of `pr-7-service`, so many minutes old.
pub(super) fn task(id: &str, age: i64, state: TaskState) -> Task {
    let container = |name: &str| Container { name: name.into(), exit_code: None, reason: None, image_digest: None };
    let created_at = Some(now() - TimeDelta::minutes(age));
    Task {
        id: id.into(),
        service: Some("pr-7-service".into()),
        started_by: None,
        task_definition: TaskDefinitionName::from_arn("superset:1"),
        state,
        wanted: state <= TaskState::Running,
        unhealthy: false,
        created_at,
        started_at: created_at,
        stopped_at: (state == TaskState::Stopped).then(now),
        stop_code: None,
        stopped_reason: None,
        containers: vec![container("superset"), container("worker")],
        network_interface: None,
        public_ip: None,
        capacity: None,
    }
}

impl Cloud {
    pub(super) fn workload(self: &Arc<Self>) -> Workload {
        // Each test that opens something says with which browser.
        Workload { cluster: self.clone(), logs: self.clone(), region: "us-west-2".into(), browser: no_browser }
    }

    /// Writes a line, so many seconds ago.
    pub(super) fn write(&self, container: &str, task: &str, ago: i64, message: &str) {
        let mut groups = self.groups.lock().unwrap();
        let stream =
            groups.entry("/ecs/superset".into()).or_default().entry(format!("ecs/{container}/{task}")).or_default();
        let id = format!("{container}-{task}-{}", stream.len());
        stream.push(LogEvent { id, at: now() - TimeDelta::seconds(ago), received_at: None, message: message.into() });
        stream.sort_by_key(|event| event.at);
    }
}

fn no_browser(_: &str) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::NotFound, "no browser here"))
}

fn not_asked<T>() -> Result<T> {
    Err(Error::new(Meaning::Unavailable, "ECS", "no test asks for this"))
}

#[async_trait]
impl Cluster for Cloud {
    async fn service_names(&self) -> Result<Vec<String>> {
        not_asked()
    }

    async fn services(&self, names: &[String]) -> Result<HashMap<String, ServiceView>> {
        let service = |name: &String| Service {
            name: name.clone(),
            managed_by: Some("default".into()),
            owner: Some("apache/superset#7".into()),
            spec: None,
            hash_version: None,
            protected: false,
            desired_count: 1,
            running_count: 1,
            task_definition: TaskDefinitionName::from_arn("superset:1"),
            exec: self.exec,
            capacity: Some(Capacity::Spot),
            created_at: Some(now()),
            deployments: Vec::new(),
            events: Vec::new(),
        };
        Ok(names.iter().map(|name| (name.clone(), ServiceView::Active(Box::new(service(name))))).collect())
    }

    async fn live_tasks(&self) -> Result<Vec<Task>> {
        not_asked()
    }

    async fn service_tasks(&self, service: &str) -> Result<Vec<Task>> {
        assert_eq!(service, "pr-7-service");
        Ok(self.tasks.lock().unwrap().clone())
    }

    async fn public_addresses(&self, _: &[String]) -> Result<HashMap<String, IpAddr>> {
        not_asked()
    }

    async fn task_definitions(&self, _: &str) -> Result<Vec<TaskDefinitionRevision>> {
        not_asked()
    }

    async fn register(&self, _: &RenderedTaskDefinition) -> Result<TaskDefinitionName> {
        not_asked()
    }

    async fn deregister(&self, _: &TaskDefinitionName) -> Result<()> {
        not_asked()
    }

    async fn all_task_definitions(&self) -> Result<Vec<TaskDefinitionName>> {
        not_asked()
    }

    async fn families(&self, _: &str) -> Result<Vec<String>> {
        not_asked()
    }

    async fn deregistered(&self, _: &str) -> Result<Vec<TaskDefinitionName>> {
        not_asked()
    }

    async fn task_definition(&self, _: &TaskDefinitionName) -> Result<Option<DescribedRevision>> {
        not_asked()
    }

    async fn delete_task_definitions(&self, _: &[TaskDefinitionName]) -> Result<Vec<(TaskDefinitionName, String)>> {
        not_asked()
    }

    async fn create_service(&self, _: &ServiceSpec, _: &str) -> Result<ServiceView> {
        not_asked()
    }

    async fn update_service(&self, _: &str, _: &ServiceChange) -> Result<ServiceView> {
        not_asked()
    }

    async fn tag_service(&self, _: &str, _: &[(String, String)]) -> Result<()> {
        not_asked()
    }

    async fn delete_service(&self, _: &str) -> Result<()> {
        not_asked()
    }

    async fn capacities(&self) -> Result<Vec<Capacity>> {
        not_asked()
    }
}

#[async_trait]
impl LogStore for Cloud {
    async fn events(&self, stream: &LogStream, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<LogEvent>> {
        if let Some(error) = self.refused.lock().unwrap().clone() {
            return Err(error);
        }
        let groups = self.groups.lock().unwrap();
        let events = groups.get(&stream.group).and_then(|streams| streams.get(&stream.stream));
        let events =
            events.ok_or_else(|| Error::new(Meaning::NotFound, "CloudWatch Logs FilterLogEvents", "not there"))?;
        Ok(events.iter().filter(|event| (from..=to).contains(&event.at)).cloned().collect())
    }

    async fn has_group(&self, _: Option<&str>, group: &str) -> Result<bool> {
        Ok(self.groups.lock().unwrap().contains_key(group))
    }
}
