//! GitHub's own rate limits, counted by the hub's clock: the primary quota, and the secondary limits on making content.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The limits, all from docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests an hour of one user, installation or app.
    pub per_hour: u32,
    /// Requests an hour without credentials.
    pub anonymous_per_hour: u32,
    /// Content-making requests a minute of one caller.
    pub writes_per_minute: usize,
    /// Content-making requests an hour of one caller.
    pub writes_per_hour: usize,
}

impl Default for Limits {
    /// What GitHub publishes: 5,000 and 60 requests an hour, 80 content writes a minute and 500 an hour.
    fn default() -> Self {
        Limits { per_hour: 5_000, anonymous_per_hour: 60, writes_per_minute: 80, writes_per_hour: 500 }
    }
}

impl Limits {
    /// No limit that a test could reach, for load tests that measure something else.
    pub fn none() -> Self {
        Limits {
            per_hour: u32::MAX,
            anonymous_per_hour: u32::MAX,
            writes_per_minute: usize::MAX,
            writes_per_hour: usize::MAX,
        }
    }
}

/// The primary quota of one caller as the headers show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests in a window.
    pub limit: u32,
    /// Requests of this window that counted.
    pub used: u32,
    /// When the window ends.
    pub resets_at: DateTime<Utc>,
}

impl Quota {
    /// Requests left in this window.
    pub fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.used)
    }
}

#[derive(Debug)]
struct Account {
    quota: Quota,
    writes: VecDeque<DateTime<Utc>>,
}

/// The counts of every caller, by the name it counts under.
#[derive(Debug, Default)]
pub(super) struct Quotas(BTreeMap<String, Account>);

impl Quotas {
    fn account(&mut self, name: &str, limit: u32, now: DateTime<Utc>) -> &mut Account {
        // The window opens with the first request and lasts one hour.
        let fresh = Quota { limit, used: 0, resets_at: now + TimeDelta::hours(1) };
        let account =
            self.0.entry(name.to_owned()).or_insert_with(|| Account { quota: fresh, writes: VecDeque::new() });
        if now >= account.quota.resets_at {
            account.quota = fresh;
        }
        account
    }

    pub fn peek(&mut self, name: &str, limit: u32, now: DateTime<Utc>) -> Quota {
        self.account(name, limit, now).quota
    }

    /// Counts one request. Called for all but answers that are free.
    pub fn spend(&mut self, name: &str, limit: u32, now: DateTime<Utc>) -> Quota {
        let quota = &mut self.account(name, limit, now).quota;
        quota.used = quota.used.saturating_add(1).min(quota.limit);
        *quota
    }

    /// Uses everything up; the window then ends after `resets_in`.
    pub fn exhaust(&mut self, name: &str, limit: u32, resets_in: Duration, now: DateTime<Utc>) {
        let quota = &mut self.account(name, limit, now).quota;
        quota.used = quota.limit;
        quota.resets_at = now + TimeDelta::from_std(resets_in).unwrap_or(TimeDelta::hours(1));
    }

    /// Counts one content write, or says after how long to come again.
    pub fn write(&mut self, name: &str, limits: &Limits, now: DateTime<Utc>) -> Result<(), Duration> {
        let writes = &mut self.account(name, limits.per_hour, now).writes;
        while writes.front().is_some_and(|at| now - *at >= TimeDelta::hours(1)) {
            writes.pop_front();
        }
        for (allowed, window) in
            [(limits.writes_per_hour, TimeDelta::hours(1)), (limits.writes_per_minute, TimeDelta::minutes(1))]
        {
            let recent = writes.iter().filter(|at| now - **at < window).count();
            if recent >= allowed {
                // The write that must leave the window before there is room again.
                let blocking = writes.len().checked_sub(allowed.max(1));
                let oldest = blocking.and_then(|index| writes.get(index)).copied().unwrap_or(now);
                return Err((oldest + window - now).to_std().unwrap_or_default());
            }
        }
        writes.push_back(now);
        Ok(())
    }
}
