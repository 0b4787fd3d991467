//! AWS's request rates: one token bucket for each group of operations.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use crate::calls::Service;

/// Tokens a bucket holds at most, and how many come back in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate {
    group: &'static str,
    burst: f64,
    sustained: f64,
}

/// The bucket that an operation draws from, in each account and region.
///
/// ECS: "Request throttling for the Amazon ECS API" in its API reference. EC2: "Request
/// throttling for the Amazon EC2 API", non-mutating actions. ECR: its service quotas.
fn rate(service: Service, operation: &str) -> Option<Rate> {
    let (group, burst, sustained) = match (service, operation) {
        (Service::Ecs, "DescribeServices" | "ListServices") => ("service read", 100.0, 20.0),
        (Service::Ecs, "CreateService" | "UpdateService" | "DeleteService") => ("service modify", 50.0, 5.0),
        (Service::Ecs, "RegisterTaskDefinition" | "DeregisterTaskDefinition") => ("task definition modify", 20.0, 1.0),
        (Service::Ecs, "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies") => {
            ("task definition read", 50.0, 20.0)
        }
        (Service::Ecs, "DeleteTaskDefinitions") => ("task definition delete", 5.0, 1.0),
        (Service::Ecs, "ListTasks" | "DescribeTasks" | "DescribeClusters" | "DescribeCapacityProviders") => {
            ("cluster read", 100.0, 20.0)
        }
        (Service::Ecs, "RunTask" | "StopTask") => ("cluster resource modify", 100.0, 40.0),
        (Service::Ecs, "TagResource" | "UntagResource") => ("tag write", 20.0, 10.0),
        (Service::Ecs, "ListTagsForResource") => ("tag read", 50.0, 20.0),
        (Service::Ec2, _) => ("ec2 describe", 100.0, 20.0),
        (Service::Ecr, _) => ("ecr", 200.0, 100.0),
        _ => return None,
    };
    Some(Rate { group, burst, sustained })
}

/// The buckets of one account, refilled by the cloud's own time.
#[derive(Debug)]
pub(crate) struct Buckets {
    enforced: AtomicBool,
    levels: Mutex<HashMap<&'static str, (f64, DateTime<Utc>)>>,
}

impl Buckets {
    /// Full ones.
    pub(crate) fn new(enforced: bool) -> Self {
        Self { enforced: enforced.into(), levels: Mutex::default() }
    }

    /// Begins or ends to throttle, with full buckets.
    pub(crate) fn enforce(&self, enforced: bool) {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.enforced.store(enforced, Ordering::SeqCst);
    }

    /// Takes a token for the call; `false` means that it has to be throttled.
    pub(crate) fn admit(&self, service: Service, operation: &str, now: DateTime<Utc>) -> bool {
        if !self.enforced.load(Ordering::SeqCst) {
            return true;
        }
        let Some(rate) = rate(service, operation) else {
            return true;
        };
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, at) = levels.entry(rate.group).or_insert((rate.burst, now));
        let elapsed = (now - *at).as_seconds_f64().max(0.0);
        *level = (*level + elapsed * rate.sustained).min(rate.burst);
        *at = now;
        let admitted = *level >= 1.0;
        if admitted {
            *level -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn task_definitions_register_twenty_at_once_and_then_one_a_second() {
        let buckets = Buckets::new(true);
        let start = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let admitted = |at| (0..30).filter(|_| buckets.admit(Service::Ecs, "RegisterTaskDefinition", at)).count();
        assert_eq!(admitted(start), 20);
        assert_eq!(admitted(start + TimeDelta::seconds(3)), 3);
        assert!(buckets.admit(Service::Ecs, "ListServices", start));
    }
}
