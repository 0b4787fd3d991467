//! Faults that a test asks for, drawn from the seed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::calls::Service;

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Refused as too frequent: `ThrottlingException`, or the code that EC2 and Service Quotas have of their own.
    Throttle,
    /// A server error; nothing was done.
    FailBefore,
    /// A server error although everything was done: the answer is lost.
    FailAfter,
    /// The connection closes without an answer; nothing was done.
    DropBefore,
    /// The connection closes without an answer although everything was done.
    DropAfter,
    /// The caller lacks the permission.
    Deny,
    /// Refused with this error code of AWS's, status 400; nothing was done.
    Refuse(&'static str),
    /// The answer takes this much longer.
    Delay(Duration),
}

/// Which of the calls that match a [`Rule`] are hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// All of them.
    Always,
    /// Each with this probability, from 0 to 1.
    Probability(f64),
    /// Only the n-th one, counted from 1 since the rule was added.
    Nth(u64),
    /// The first n.
    First(u64),
}

/// One fault, the calls it may hit, and when it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    service: Option<Service>,
    operation: Option<String>,
    when: When,
    fault: Fault,
}

impl Rule {
    /// Hits every call of every service.
    pub fn everywhere(fault: Fault) -> Self {
        Self { service: None, operation: None, when: When::Always, fault }
    }

    /// Hits every call of one service.
    pub fn service(service: Service, fault: Fault) -> Self {
        Self { service: Some(service), ..Self::everywhere(fault) }
    }

    /// Hits every call of one operation, spelled as AWS spells it.
    pub fn operation(service: Service, operation: &str, fault: Fault) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::service(service, fault) }
    }

    /// Narrows which of the matching calls are hit.
    pub fn when(self, when: When) -> Self {
        Self { when, ..self }
    }
}

/// The faults in force. A clone is the same set.
///
/// Rules are tried in the order they were added; all delays add up, and the first other
/// fault that hits decides.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    rng: fastrand::Rng,
    rules: Vec<(Rule, u64)>,
    hits: u64,
    lag: Duration,
}

/// What was decided for one call.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub delay: Duration,
    pub fault: Option<Fault>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        // A stream of its own, so that adding a fault changes no identifier of the model.
        let rng = fastrand::Rng::with_seed(seed ^ 0xfa17_fa17_fa17_fa17);
        Self { inner: Arc::new(Mutex::new(Inner { rng, rules: Vec::new(), hits: 0, lag: Duration::ZERO })) }
    }

    /// Adds a rule behind those in force.
    pub fn add(&self, rule: Rule) {
        self.lock().rules.push((rule, 0));
    }

    /// Removes every rule and the lag.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.rules.clear();
        inner.lag = Duration::ZERO;
    }

    /// How many calls were hit so far, a delay that has only begun included.
    pub fn hits(&self) -> u64 {
        self.lock().hits
    }

    /// Makes ECS eventually consistent: what was created less than `lag` ago, in the cloud's
    /// time, is missing from lists and descriptions.
    pub fn set_lag(&self, lag: Duration) {
        self.lock().lag = lag;
    }

    pub(crate) fn lag(&self) -> Duration {
        self.lock().lag
    }

    pub(crate) fn decide(&self, service: Service, operation: &str) -> Verdict {
        let mut inner = self.lock();
        let Inner { rng, rules, hits, .. } = &mut *inner;
        let mut verdict = Verdict::default();
        for (rule, seen) in rules {
            let matches = rule.service.is_none_or(|wanted| wanted == service)
                && rule.operation.as_deref().is_none_or(|wanted| wanted == operation);
            if !matches {
                continue;
            }
            *seen += 1;
            let hit = match rule.when {
                When::Always => true,
                When::Probability(p) => rng.f64() < p,
                When::Nth(n) => *seen == n,
                When::First(n) => *seen <= n,
            };
            match (&rule.fault, hit) {
                (_, false) => {}
                (Fault::Delay(delay), true) => verdict.delay += *delay,
                (fault, true) if verdict.fault.is_none() => verdict.fault = Some(fault.clone()),
                _ => {}
            }
        }
        *hits += u64::from(verdict != Verdict::default());
        verdict
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_call_alone_is_hit() {
        let faults = Faults::new(1);
        faults.add(Rule::operation(Service::Ecs, "CreateService", Fault::FailAfter).when(When::Nth(2)));
        let hits: Vec<_> = (0..3).map(|_| faults.decide(Service::Ecs, "CreateService").fault).collect();
        assert_eq!(hits, [None, Some(Fault::FailAfter), None]);
        assert_eq!(faults.decide(Service::Ecs, "ListServices").fault, None);
    }

    #[test]
    fn the_same_seed_draws_the_same_faults() {
        let draw = |seed| {
            let faults = Faults::new(seed);
            faults.add(Rule::everywhere(Fault::Throttle).when(When::Probability(0.5)));
            (0..64).map(|_| faults.decide(Service::Ec2, "X").fault.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn delays_add_up_beside_another_fault() {
        let faults = Faults::new(1);
        faults.add(Rule::everywhere(Fault::Delay(Duration::from_millis(3))));
        faults.add(Rule::service(Service::Ecr, Fault::Delay(Duration::from_millis(4))));
        faults.add(Rule::service(Service::Ecr, Fault::Deny));
        let verdict = faults.decide(Service::Ecr, "ListImages");
        assert_eq!(verdict, Verdict { delay: Duration::from_millis(7), fault: Some(Fault::Deny) });
    }
}
