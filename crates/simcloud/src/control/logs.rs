use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::shared::Shared;

/// CloudWatch Logs beside the wire. A clone is the same handle.
#[derive(Clone, Debug)]
pub struct LogsControl {
    shared: Arc<Shared>,
}

impl LogsControl {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes a log group. Called again it changes nothing.
    pub fn create_group(&self, name: &str) {
        self.shared.with(|world| world.logs.create_group(name, world.now));
    }

    /// Removes a log group with all that is in it.
    pub fn delete_group(&self, name: &str) {
        self.shared.with(|world| world.logs.groups.remove(name));
    }

    /// Whether tasks fail from now on whose log group is missing, as they do on Fargate. Before, the group is made when a task
    /// starts, so that a test of something else needs none.
    pub fn require_groups(&self, required: bool) {
        self.shared.with(|world| world.logs.strict = required);
    }

    /// Has a container write a line at this time, which may be long ago: so lines come late. Answers whether the group is
    /// there.
    pub fn write(&self, group: &str, stream: &str, at: DateTime<Utc>, message: &str) -> bool {
        self.shared.with(|world| {
            let now = world.now;
            world.logs.put(group, stream, at.timestamp_millis(), now, message.to_owned()).is_ok()
        })
    }

    /// The streams of a group, by name.
    pub fn streams(&self, group: &str) -> Vec<String> {
        self.shared.with(|world| {
            let group = world.logs.groups.get(group);
            group.map(|group| group.streams.keys().cloned().collect()).unwrap_or_default()
        })
    }
}
