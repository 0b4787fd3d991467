//! How much content may be written within an hour and a minute, and which part of it for whom.
//!
//! "In general, no more than 80 content-generating requests per minute and no more than 500 content-generating requests per
//! hour are allowed" (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, "About secondary rate limits").
//! Comments of environments come first: half of both limits is theirs alone. Answers to people who may give commands share the
//! other half with answers to strangers, whose part of it is small.
//!
//! The counts are this process's own. After a restart, or beside another replica, GitHub may refuse a write earlier, and then
//! says how long to wait.

use std::collections::VecDeque;
use std::time::Duration;

use bivouac_ports::Audience;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// The most content-making requests within an hour and within a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentLimits {
    /// All requests within an hour.
    pub hour: usize,
    /// Requests that are no environment's within an hour. The rest is reserved for environments.
    pub answers_an_hour: usize,
    /// Requests for strangers within an hour.
    pub strangers_an_hour: usize,
    /// All requests within a minute.
    pub minute: usize,
    /// Requests that are no environment's within a minute.
    pub answers_a_minute: usize,
    /// Requests for strangers within a minute.
    pub strangers_a_minute: usize,
}

impl ContentLimits {
    /// GitHub's own limits, divided.
    pub const fn github() -> Self {
        Self {
            hour: 500,
            // Ours: an environment takes about four writes from `up` to Ready, so 60 of them start in an hour of nothing but
            // questions.
            answers_an_hour: 250,
            // Ours: five strangers who each use what one of them may.
            strangers_an_hour: 50,
            minute: 80,
            // Ours: with a second between two writes there are 60 turns a minute, a third of which answers cannot take.
            answers_a_minute: 40,
            strangers_a_minute: 8,
        }
    }

    /// No limits, for a forge that has none.
    pub const fn none() -> Self {
        const MANY: usize = usize::MAX;
        Self {
            hour: MANY,
            answers_an_hour: MANY,
            strangers_an_hour: MANY,
            minute: MANY,
            answers_a_minute: MANY,
            strangers_a_minute: MANY,
        }
    }

    /// Each limit on a request for `audience`: the least audience it counts, the window, the most requests.
    fn of(&self, audience: Audience) -> impl Iterator<Item = (Audience, Duration, usize)> {
        let all = [
            (Audience::Environment, HOUR, self.hour),
            (Audience::Environment, MINUTE, self.minute),
            (Audience::Member, HOUR, self.answers_an_hour),
            (Audience::Member, MINUTE, self.answers_a_minute),
            (Audience::Stranger, HOUR, self.strangers_an_hour),
            (Audience::Stranger, MINUTE, self.strangers_a_minute),
        ];
        all.into_iter().filter(move |(counted, ..)| *counted <= audience)
    }
}

/// The writes of the last hour.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: ContentLimits,
    /// The oldest first.
    written: VecDeque<(Instant, Audience)>,
}

impl Budget {
    pub fn new(limits: ContentLimits) -> Self {
        Self { limits, written: VecDeque::new() }
    }

    /// How long a request for this audience has to wait; `None`: it may go now.
    pub fn wait(&mut self, audience: Audience, now: Instant) -> Option<Duration> {
        self.forget(now);
        let waits = self.limits.of(audience).filter_map(|(counted, window, most)| {
            let recent = |(at, one): &&(Instant, Audience)| *one >= counted && now.duration_since(*at) < window;
            // The newest of those that have to leave the window before there is room.
            let blocking = self.written.iter().rev().filter(recent).nth(most.checked_sub(1)?)?;
            Some((blocking.0 + window).duration_since(now))
        });
        let refused = self.limits.of(audience).any(|(_, _, most)| most == 0).then_some(HOUR);
        waits.max().into_iter().chain(refused).max().filter(|wait| !wait.is_zero())
    }

    /// Counts a request that is sent now.
    pub fn spend(&mut self, audience: Audience, now: Instant) {
        if self.limits != ContentLimits::none() {
            self.written.push_back((now, audience));
        }
    }

    /// Returns how many writes the audience and all after it were given within the last hour, and the most they may be given.
    pub fn used(&mut self, audience: Audience, now: Instant) -> (usize, usize) {
        self.forget(now);
        let most = match audience {
            Audience::Environment => self.limits.hour,
            Audience::Member => self.limits.answers_an_hour,
            Audience::Stranger => self.limits.strangers_an_hour,
        };
        (self.written.iter().filter(|(_, one)| *one >= audience).count(), most)
    }

    fn forget(&mut self, now: Instant) {
        while self.written.front().is_some_and(|(at, _)| now.duration_since(*at) >= HOUR) {
            self.written.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Writes for one audience as fast as it may within this time, a second apart; how often that was.
    fn written(budget: &mut Budget, audience: Audience, from: Instant, within: Duration) -> usize {
        let (mut now, mut count) = (from, 0);
        while now < from + within {
            if budget.wait(audience, now).is_none() {
                budget.spend(audience, now);
                count += 1;
            }
            now += SECOND;
        }
        count
    }

    #[test]
    fn the_reserve_is_there_whatever_the_others_write() {
        let (mut budget, now) = (Budget::new(ContentLimits::github()), Instant::now());
        assert_eq!(written(&mut budget, Audience::Stranger, now, HOUR / 4), 50);
        assert_eq!(written(&mut budget, Audience::Stranger, now + HOUR / 4, HOUR / 4), 0);
        assert_eq!(written(&mut budget, Audience::Member, now + HOUR / 4, HOUR / 4), 200);
        assert_eq!(written(&mut budget, Audience::Environment, now + HOUR / 2, HOUR / 4), 250);
        assert_eq!(written(&mut budget, Audience::Environment, now + HOUR * 3 / 4, HOUR / 8), 0, "500 is GitHub's own");
    }

    #[test]
    fn no_minute_is_filled_by_answers() {
        let (mut budget, now) = (Budget::new(ContentLimits::github()), Instant::now());
        assert_eq!(written(&mut budget, Audience::Stranger, now, MINUTE), 8);
        assert_eq!(written(&mut budget, Audience::Member, now, MINUTE), 32);
        for _ in 0..40 {
            assert_eq!(budget.wait(Audience::Environment, now + MINUTE - SECOND), None);
            budget.spend(Audience::Environment, now + MINUTE - SECOND);
        }
        assert!(budget.wait(Audience::Environment, now + MINUTE - SECOND).is_some());
    }

    #[test]
    fn the_wait_that_is_named_is_enough() {
        let (mut budget, mut now) = (Budget::new(ContentLimits::github()), Instant::now());
        for count in 0..1200 {
            if let Some(wait) = budget.wait(Audience::Environment, now) {
                assert!(wait <= HOUR, "{count}: {wait:?}");
                now += wait;
                assert_eq!(budget.wait(Audience::Environment, now), None, "{count}");
            }
            budget.spend(Audience::Environment, now);
        }
        assert!(budget.written.len() <= 500, "what is older than an hour is forgotten");
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        let limits = ContentLimits { strangers_an_hour: 0, ..ContentLimits::github() };
        let (mut budget, now) = (Budget::new(limits), Instant::now());
        assert_eq!(budget.wait(Audience::Stranger, now), Some(HOUR));
        assert_eq!(budget.wait(Audience::Member, now), None);
    }
}
