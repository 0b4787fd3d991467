//! Faults that a test, or a demonstration, can put in the way of requests.
//!
//! Rules are asked in the order they were injected. The first that matches decides, except that latencies add up.

use std::time::Duration;

/// One way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers this 5xx status and does nothing.
    Before(u16),
    /// Does what was asked, then answers this 5xx status: the client cannot know that it worked.
    After(u16),
    /// Answers that a secondary rate limit was exceeded, with `retry-after`, and does nothing.
    /// GitHub uses 403 and 429 for it (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api).
    SecondaryLimit {
        /// 403 or 429.
        status: u16,
        /// Sent as whole seconds.
        retry_after: Duration,
    },
    /// Answers 403 with `x-ratelimit-remaining: 0`, and does nothing. The caller's real count is left alone;
    /// [`Hub::exhaust_quota`](super::Hub::exhaust_quota) uses that up instead.
    PrimaryLimit {
        /// How far away `x-ratelimit-reset` is.
        resets_in: Duration,
    },
    /// Closes the connection without an answer, and does nothing.
    DropBefore,
    /// Does what was asked, then closes the connection without an answer.
    DropAfter,
    /// Waits before it does anything.
    Latency(Duration),
}

/// When a [`Fault`] strikes. Without further words: at every API request, for ever.
#[derive(Debug, Clone)]
pub struct FaultRule {
    fault: Fault,
    method: Option<String>,
    route: Option<String>,
    skip: u32,
    times: Option<u32>,
    chance: f64,
}

impl FaultRule {
    /// A rule that strikes at every API request.
    pub fn new(fault: Fault) -> Self {
        FaultRule { fault, method: None, route: None, skip: 0, times: None, chance: 1.0 }
    }

    /// Only at requests of this method, such as `POST`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only at this route of the OpenAPI description, such as `/repos/{owner}/{repo}/issues/{issue_number}/comments`.
    #[must_use]
    pub fn route(mut self, route: &str) -> Self {
        self.route = Some(route.to_owned());
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn skip(mut self, requests: u32) -> Self {
        self.skip = requests;
        self
    }

    /// Strikes at most this often, then is gone.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes with this probability, 0 to 1, drawn from the generator seeded by
    /// [`HubOptions::seed`](super::HubOptions::seed): the same requests in the same order fail the same way.
    #[must_use]
    pub fn chance(mut self, probability: f64) -> Self {
        self.chance = probability.clamp(0.0, 1.0);
        self
    }

    fn strikes(&mut self, method: &str, route: &str, random: &mut fastrand::Rng) -> bool {
        let fits =
            self.method.as_deref().is_none_or(|m| m == method) && self.route.as_deref().is_none_or(|r| r == route);
        if !fits || self.times == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        // A certain fault draws nothing, so adding one does not shift the luck of the others.
        if self.chance < 1.0 && random.f64() >= self.chance {
            return false;
        }
        self.times = self.times.map(|left| left - 1);
        true
    }
}

/// What the rules decided for one request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub fault: Option<Fault>,
    pub latency: Duration,
}

#[derive(Debug)]
pub(super) struct Faults {
    rules: Vec<FaultRule>,
    random: fastrand::Rng,
    /// Added to every API request.
    pub latency: Duration,
    /// Every connection is refused an answer.
    pub down: bool,
}

impl Faults {
    pub fn new(seed: u64) -> Self {
        Faults { rules: Vec::new(), random: fastrand::Rng::with_seed(seed), latency: Duration::ZERO, down: false }
    }

    pub fn inject(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub fn clear(&mut self) {
        self.rules.clear();
        self.latency = Duration::ZERO;
        self.down = false;
    }

    pub fn judge(&mut self, method: &str, route: &str) -> Verdict {
        let mut verdict = Verdict { fault: None, latency: self.latency };
        for rule in &mut self.rules {
            if let Fault::Latency(wait) = rule.fault {
                if rule.strikes(method, route, &mut self.random) {
                    verdict.latency += wait;
                }
            } else if verdict.fault.is_none() && rule.strikes(method, route, &mut self.random) {
                verdict.fault = Some(rule.fault);
            }
        }
        self.rules.retain(|rule| rule.times != Some(0));
        verdict
    }
}
