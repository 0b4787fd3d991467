//! What a test makes happen to tasks.

use std::collections::VecDeque;
use std::time::Duration;

/// What becomes of a task. Times are in the cloud's time, from the moment the task runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// Starts, runs and answers.
    #[default]
    Healthy,
    /// Runs, then its essential container ends with this exit code.
    ExitsWith {
        /// The exit code.
        code: i32,
        /// How long it runs.
        after: Duration,
    },
    /// Runs, then is killed for the memory it uses: exit code 137, `OutOfMemoryError`.
    OutOfMemory {
        /// How long it runs.
        after: Duration,
    },
    /// The image cannot be pulled although it exists, for this reason.
    PullFails {
        /// What follows `CannotPullContainerError: `.
        reason: String,
    },
    /// A secret of the task definition cannot be read.
    SecretMissing {
        /// The ARN of the secret.
        secret: String,
    },
    /// Its health check fails. A task definition without a health check is not affected,
    /// as ECS then checks nothing.
    FailsHealthCheck {
        /// How long it runs before the check is lost.
        after: Duration,
    },
    /// Stays PENDING until something stops it.
    NeverStarts,
    /// Runs and is healthy to ECS, but answers every HTTP request with this status.
    Answers {
        /// The HTTP status.
        status: u16,
    },
    /// Runs and is healthy to ECS, but closes every connection unanswered.
    RefusesConnections,
    /// Runs and answers, and has a page of its own: this text at this path, and what every task shows elsewhere.
    Says {
        /// The path, with the slash.
        path: String,
        /// The body, with status 200.
        text: String,
    },
}

/// The fates in force. The one set last wins.
#[derive(Debug, Default)]
pub(crate) struct Fates {
    rules: VecDeque<Rule>,
}

#[derive(Debug)]
struct Rule {
    target: String,
    fate: Fate,
    left: Option<u32>,
}

impl Fates {
    /// Sets what happens to tasks that start from now on; `limit` to so many of them.
    pub(crate) fn set(&mut self, target: &str, fate: Fate, limit: Option<u32>) {
        self.rules.retain(|rule| rule.target != target || rule.left.is_some() != limit.is_some());
        if limit != Some(0) {
            self.rules.push_front(Rule { target: target.to_owned(), fate, left: limit });
        }
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fate of a task that starts now.
    pub(crate) fn draw(&mut self, service: Option<&str>, images: &[&str]) -> Fate {
        let Some(index) = self.rules.iter().position(|rule| rule.hits(service, images)) else {
            return Fate::default();
        };
        let rule = &mut self.rules[index];
        let fate = rule.fate.clone();
        if let Some(left) = &mut rule.left {
            *left -= 1;
            if *left == 0 {
                self.rules.remove(index);
            }
        }
        fate
    }

    /// What a running task answers: a fate about HTTP holds from the moment it is set, also
    /// for tasks that run already.
    pub(crate) fn answer(&self, service: Option<&str>, images: &[&str], drawn: &Fate) -> Fate {
        let rule = self.rules.iter().find(|rule| rule.hits(service, images));
        match rule.map(|rule| &rule.fate) {
            Some(fate @ (Fate::Answers { .. } | Fate::RefusesConnections | Fate::Says { .. } | Fate::Healthy)) => {
                fate.clone()
            }
            _ => drawn.clone(),
        }
    }
}

impl Rule {
    /// A target is the name of a service, an image reference, or its tag or digest.
    fn hits(&self, service: Option<&str>, images: &[&str]) -> bool {
        let target = self.target.as_str();
        service == Some(target)
            || images.iter().any(|image| {
                let rest = image.strip_suffix(target);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with([':', '@', '/']))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_service_an_image_or_its_tag() {
        let mut fates = Fates::default();
        fates.set("pr-1-ci", Fate::NeverStarts, None);
        assert_eq!(fates.draw(None, &["host/app:pr-1-ci"]), Fate::NeverStarts);
        assert_eq!(fates.draw(None, &["host/app:another-pr-1-ci"]), Fate::Healthy);
        assert_eq!(fates.draw(Some("pr-1-ci"), &[]), Fate::NeverStarts);
    }

    #[test]
    fn a_limited_fate_ends_by_itself() {
        let mut fates = Fates::default();
        fates.set("web", Fate::RefusesConnections, None);
        fates.set("web", Fate::NeverStarts, Some(2));
        let drawn: Vec<_> = (0..3).map(|_| fates.draw(Some("web"), &[])).collect();
        assert_eq!(drawn, [Fate::NeverStarts, Fate::NeverStarts, Fate::RefusesConnections]);
    }
}
