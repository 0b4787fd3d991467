//! CloudWatch Logs: groups, streams, and the events in them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::ecs::TaskId;
use super::ecs::definition::Container;
use super::{Refusal, World};

/// The most events of a stream. The oldest go first, so that a cloud that runs for days stays small. AWS keeps all.
const MOST_EVENTS: usize = 20_000;

/// The groups of the account.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) groups: BTreeMap<String, Group>,
    /// Whether a task fails whose log group is missing, as on Fargate. Otherwise the group is made.
    pub(crate) strict: bool,
    serial: u64,
}

/// A log group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) streams: BTreeMap<String, Stream>,
}

/// A log stream.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// In the order of their times, and of their arrival within one.
    pub(crate) events: Vec<Event>,
}

/// An event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// Milliseconds since 1970, by the clock of the writer.
    pub(crate) timestamp: i64,
    pub(crate) ingested: i64,
    pub(crate) message: String,
}

/// The words for a group that is not there.
pub(crate) fn no_group() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log group does not exist.")
}

/// The words for a stream that is not there.
pub(crate) fn no_stream() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

impl Logs {
    /// Makes a group; answers whether it was not there.
    pub(crate) fn create_group(&mut self, name: &str, now: DateTime<Utc>) -> bool {
        let is_new = !self.groups.contains_key(name);
        self.groups.entry(name.to_owned()).or_insert_with(|| Group { created_at: now, streams: BTreeMap::new() });
        is_new
    }

    /// Puts an event into a stream of a group, at the place that its time gives it.
    pub(crate) fn put(
        &mut self,
        group: &str,
        stream: &str,
        timestamp: i64,
        now: DateTime<Utc>,
        message: String,
    ) -> Result<(), Refusal> {
        self.serial += 1;
        let id = format!("{:056}", self.serial);
        let stream = self.groups.get_mut(group).ok_or_else(no_group)?.streams.entry(stream.to_owned()).or_default();
        let at = stream.events.partition_point(|event| event.timestamp <= timestamp);
        stream.events.insert(at, Event { id, timestamp, ingested: now.timestamp_millis(), message });
        if stream.events.len() > MOST_EVENTS {
            stream.events.remove(0);
        }
        Ok(())
    }
}

/// Where a container's log driver writes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Destination {
    pub(crate) group: String,
    pub(crate) stream: String,
    pub(crate) creates_group: bool,
}

impl World {
    /// Where the containers of a task write by `awslogs`, in their order: `prefix/container/task` ("Using the awslogs log
    /// driver", Amazon ECS developer guide).
    pub(crate) fn destinations(&self, task: &TaskId) -> Vec<Option<Destination>> {
        let Some(task) = self.ecs.tasks.get(task) else { return Vec::new() };
        let destination = |container: &Container| {
            let log =
                container.log_configuration.as_ref().filter(|log| log.log_driver.as_deref() == Some("awslogs"))?;
            let option = |name: &str| log.options.get(name).filter(|value| !value.is_empty());
            let prefix = option("awslogs-stream-prefix")?;
            Some(Destination {
                group: option("awslogs-group")?.clone(),
                stream: format!("{prefix}/{}/{}", container.name, task.id),
                creates_group: option("awslogs-create-group").is_some_and(|value| value == "true"),
            })
        };
        task.definition.containers.iter().map(destination).collect()
    }

    /// Makes the streams of a task ready, as the log driver does before a container starts; else says why it cannot.
    pub(crate) fn open_logs(&mut self, task: &TaskId) -> Result<(), String> {
        for destination in self.destinations(task).into_iter().flatten() {
            if !self.logs.groups.contains_key(&destination.group) {
                if self.logs.strict && !destination.creates_group {
                    return Err(missing_group(&destination));
                }
                self.logs.create_group(&destination.group, self.now);
            }
            if let Some(group) = self.logs.groups.get_mut(&destination.group) {
                group.streams.entry(destination.stream).or_default();
            }
        }
        Ok(())
    }

    /// Has each container of a task write a line.
    pub(crate) fn write_logs(&mut self, task: &TaskId, line: impl Fn(&str) -> String) {
        let Some(running) = self.ecs.tasks.get(task) else { return };
        let names: Vec<String> = running.definition.containers.iter().map(|container| container.name.clone()).collect();
        let destinations = self.destinations(task);
        for (name, destination) in names.iter().zip(destinations) {
            let Some(Destination { group, stream, .. }) = destination else { continue };
            // A group that was deleted meanwhile takes nothing.
            let _ = self.logs.put(&group, &stream, self.now.timestamp_millis(), self.now, line(name));
        }
    }

    /// Has the first container of a task write a line.
    pub(crate) fn write_log(&mut self, task: &TaskId, line: String) {
        if let Some(Some(Destination { group, stream, .. })) = self.destinations(task).into_iter().next() {
            let _ = self.logs.put(&group, &stream, self.now.timestamp_millis(), self.now, line);
        }
    }
}

/// What ECS says of a task whose log group is not there ("ResourceInitializationError", Amazon ECS developer guide).
fn missing_group(destination: &Destination) -> String {
    format!(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create \
         Cloudwatch log stream: operation error CloudWatch Logs: CreateLogStream, https response error StatusCode: 400, \
         ResourceNotFoundException: The specified log group does not exist. (group {}) : exit status 1",
        destination.group
    )
}
