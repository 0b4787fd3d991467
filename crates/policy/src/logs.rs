//! Where the containers of a template write their logs, and when comments show lines of them.

use bivouac_model::LogStream;
use serde_json::Value as Json;

/// When lines of a log stand in comments on pull requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogsInComments {
    /// Never. The comments name the log group.
    #[default]
    Never,
    /// After a failure: the comment of a failed environment, and the answer to `logs` while it is not well.
    Failure,
    /// In the answer to `logs` at any time, too.
    Always,
}

/// Where one container writes its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerLog {
    /// The container.
    pub container: String,
    /// Where its log goes.
    pub target: LogTarget,
}

/// Where a log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// `awslogs`: to CloudWatch Logs.
    CloudWatch {
        /// `awslogs-group`.
        group: String,
        /// `awslogs-region`; `None`: the one that the task runs in.
        region: Option<String>,
        /// `awslogs-stream-prefix`.
        prefix: String,
        /// `awslogs-create-group`: the group is created when a task starts.
        creates_group: bool,
    },
    /// `awslogs` without the group or the prefix.
    Incomplete,
    /// `awsfirelens`: to a log router in the same task, which may send it anywhere.
    FireLens,
    /// `splunk`.
    Splunk,
    /// Another driver, by its name.
    Other(String),
    /// No log driver: Fargate keeps nothing.
    Nowhere,
}

impl ContainerLog {
    /// Reads the `logConfiguration` of a container definition (ECS API reference, `LogConfiguration`). Returns `None` for a
    /// definition without a name.
    pub fn of(definition: &Json) -> Option<Self> {
        let container = definition.get("name")?.as_str()?.to_owned();
        let log = definition.get("logConfiguration");
        let driver = log.and_then(|log| log.get("logDriver")).and_then(Json::as_str);
        let option = |name: &str| {
            let value = log?.get("options")?.get(name)?.as_str()?;
            Some(value.to_owned()).filter(|value| !value.is_empty())
        };
        let target = match driver {
            None => LogTarget::Nowhere,
            Some("awslogs") => match (option("awslogs-group"), option("awslogs-stream-prefix")) {
                (Some(group), Some(prefix)) => LogTarget::CloudWatch {
                    group,
                    prefix,
                    region: option("awslogs-region"),
                    creates_group: option("awslogs-create-group").is_some_and(|value| value == "true"),
                },
                _ => LogTarget::Incomplete,
            },
            Some("awsfirelens") => LogTarget::FireLens,
            Some("splunk") => LogTarget::Splunk,
            Some(other) => LogTarget::Other(other.to_owned()),
        };
        Some(Self { container, target })
    }

    /// Returns the stream of a task: `prefix/container/task-id` of the group ("Send Amazon ECS logs to CloudWatch", Amazon ECS
    /// developer guide). `None`: the log is not in CloudWatch Logs.
    pub fn stream(&self, task: &str) -> Option<LogStream> {
        match &self.target {
            LogTarget::CloudWatch { group, region, prefix, .. } => Some(LogStream {
                region: region.clone(),
                group: group.clone(),
                stream: format!("{prefix}/{}/{task}", self.container),
            }),
            _ => None,
        }
    }

    /// Returns why the log cannot be read, in a sentence that says what to do. `None`: it can.
    pub fn unreadable(&self) -> Option<String> {
        let container = &self.container;
        let remedy = "Use the log driver `awslogs` in the task definition to read it here.";
        match &self.target {
            LogTarget::CloudWatch { .. } => None,
            LogTarget::Incomplete => Some(format!(
                "The log of the container `{container}` has no `awslogs-group` or no `awslogs-stream-prefix`. Fargate requires \
                 both: add them to its `logConfiguration`."
            )),
            LogTarget::FireLens => Some(format!(
                "The log of the container `{container}` goes through FireLens (`awsfirelens`) to where its log router sends it. \
                 Look there, or in the output of the log router's own container. {remedy}"
            )),
            LogTarget::Splunk => {
                Some(format!("The log of the container `{container}` goes to Splunk. Look there. {remedy}"))
            }
            LogTarget::Other(driver) => Some(format!(
                "The log of the container `{container}` goes to the log driver `{driver}`, which Bivouac cannot read. {remedy}"
            )),
            LogTarget::Nowhere => Some(format!(
                "The container `{container}` has no log driver, so nothing keeps its log. Add a `logConfiguration` with the log \
                 driver `awslogs` to the task definition."
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn log(definition: Json) -> ContainerLog {
        ContainerLog::of(&definition).expect("it has a name")
    }

    #[test]
    fn the_stream_is_prefix_container_and_task() {
        let options =
            json!({"awslogs-group": "/ecs/web", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs"});
        let web = log(json!({"name": "web", "logConfiguration": {"logDriver": "awslogs", "options": options}}));
        let stream =
            LogStream { region: Some("eu-west-1".into()), group: "/ecs/web".into(), stream: "ecs/web/0123".into() };
        assert_eq!(web.stream("0123"), Some(stream));
        assert_eq!(web.unreadable(), None);
    }

    #[test]
    fn every_other_driver_has_a_sentence_that_names_it() {
        let driver = |driver: &str| log(json!({"name": "web", "logConfiguration": {"logDriver": driver}}));
        for (log, word) in [
            (driver("awsfirelens"), "FireLens"),
            (driver("splunk"), "Splunk"),
            (driver("fluentd"), "`fluentd`"),
            (driver("awslogs"), "`awslogs-stream-prefix`"),
            (log(json!({"name": "web"})), "no log driver"),
            (log(json!({"name": "web", "logConfiguration": null})), "no log driver"),
        ] {
            let sentence = log.unreadable().expect("it cannot be read");
            assert!(sentence.contains(word) && sentence.contains("`web`"), "{sentence}");
            assert_eq!(log.stream("0123"), None);
        }
        assert_eq!(ContainerLog::of(&json!({})), None);
    }
}
