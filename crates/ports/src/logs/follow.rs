//! What is new in a stream, when its events may come late.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::LogEvent;

/// How much of what was seen is read again each time. Ours: the log driver sends what it has every few seconds ("awslogs",
/// Docker documentation: batches of at most five seconds), so nearly all that comes late comes within this.
const NEAR: TimeDelta = TimeDelta::seconds(30);
/// How much is read again now and then, for what comes later still. Ours: a network that was down for minutes.
const FAR: TimeDelta = TimeDelta::minutes(10);
/// How often that is: once in so many readings. Ours: with a reading every two seconds, every twenty.
const FAR_EVERY: u32 = 10;

/// Follows one stream: it says from when to read next, and which of the events are new.
///
/// Events are ordered by the time at which they were written, and a store receives them later and in another order. So each
/// reading overlaps what was read before, and an event counts as known by its id. No event is reported twice. One that is
/// received up to ten minutes after a newer one is reported.
#[derive(Clone, Debug)]
pub struct Follow {
    /// Nothing before this is asked for: it was not wanted, or is older than the lines that were.
    floor: DateTime<Utc>,
    /// The newest event that was seen.
    newest: DateTime<Utc>,
    readings: u32,
    /// The ids of the events that may be read again, with their times.
    seen: HashMap<String, DateTime<Utc>>,
}

impl Follow {
    /// Follows a stream of which nothing is known yet, from `floor` on.
    pub fn from(floor: DateTime<Utc>) -> Self {
        Self { floor, newest: floor, readings: 0, seen: HashMap::new() }
    }

    /// Returns from when on to read next. Call it once for each reading.
    pub fn next_from(&mut self) -> DateTime<Utc> {
        let overlap = if self.readings.is_multiple_of(FAR_EVERY) { FAR } else { NEAR };
        self.readings = self.readings.wrapping_add(1);
        (self.newest - overlap).max(self.floor)
    }

    /// Returns those events of a reading that are new, in their order. `now` bounds what a writer's clock that is ahead can
    /// do: it does not move the window past lines that are still to come.
    pub fn news(&mut self, events: Vec<LogEvent>, now: DateTime<Utc>) -> Vec<LogEvent> {
        let mut news = Vec::new();
        for event in events {
            self.newest = self.newest.max(event.at.min(now));
            if event.at >= self.floor && !self.seen.contains_key(&event.id) {
                self.seen.insert(event.id.clone(), event.at);
                news.push(event);
            }
        }
        let oldest = self.newest - FAR;
        self.seen.retain(|_, at| *at >= oldest);
        news
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn event(id: usize, written: i64) -> LogEvent {
        LogEvent { id: id.to_string(), at: time(written), received_at: None, message: format!("line {id}") }
    }

    /// Reads every two seconds what has arrived by then, and answers the ids in the order in which they were reported.
    fn follow(events: &[(i64, i64)], floor: i64, until: i64) -> Vec<usize> {
        let mut follow = Follow::from(time(floor));
        let mut reported = Vec::new();
        for now in (0..=until).step_by(2) {
            let from = follow.next_from();
            let there = events.iter().enumerate().filter(|(_, (written, late))| written + late <= now);
            let mut there: Vec<LogEvent> =
                there.map(|(id, (written, _))| event(id, *written)).filter(|event| event.at >= from).collect();
            there.sort_by_key(|event| event.at);
            reported.extend(follow.news(there, time(now)).into_iter().map(|event| event.id.parse::<usize>().unwrap()));
        }
        reported
    }

    #[test]
    fn a_line_that_comes_late_and_out_of_order_is_reported_once() {
        // The second was written first and arrives after four minutes.
        assert_eq!(follow(&[(10, 0), (5, 240), (11, 0)], 0, 600), [0, 2, 1]);
    }

    #[test]
    fn what_was_not_wanted_is_not_reported() {
        assert_eq!(follow(&[(1, 0), (5, 0), (6, 0)], 5, 20), [1, 2]);
    }

    #[test]
    fn a_clock_that_is_ahead_hides_nothing() {
        // One line claims to be of the next day.
        assert_eq!(follow(&[(2, 0), (86_400, -86_397), (10, 0), (20, 0)], 0, 40), [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn nothing_is_missed_and_nothing_doubled(
            events in proptest::collection::vec((0i64..300, 0i64..500), 0..60),
        ) {
            let mut reported = follow(&events, 0, 1200);
            let order = reported.clone();
            reported.sort_unstable();
            prop_assert_eq!(reported, (0..events.len()).collect::<Vec<_>>(), "{:?} of {:?}", order, events);
        }
    }
}
