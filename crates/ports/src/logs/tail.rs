//! The last lines of a stream, without reading all of it.

use bivouac_model::LogStream;
use chrono::{DateTime, TimeDelta, Utc};

use super::{LogEvent, LogStore};
use crate::{Meaning, Result};

/// How far back the first window reaches. Ours: the last lines of an application that serves requests are seconds old.
const FIRST_WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Each window is this much longer than the one after it. Ours: six windows reach back for three weeks, longer than the
/// longest lifetime of an environment (`guardrails.max_ttl`, a week).
const GROWTH: i32 = 8;
/// How far back the windows reach at most. Ours: see [`GROWTH`].
const FARTHEST: TimeDelta = TimeDelta::days(21);
/// How far the clock of a writer may be ahead of ours. Ours: the same five minutes that the controller allows a client.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// Which lines of a stream are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// No line before this time; `None`: as far back as the stream may reach.
    pub since: Option<DateTime<Utc>>,
    /// Not more lines than this, the last ones; `None`: all.
    pub lines: Option<usize>,
}

/// Returns the last lines of a stream, the oldest first.
///
/// With a number of lines, windows are read backwards, each longer than the last one, so that of a long log only the end is
/// read. Nothing is changed, so it may be called again or dropped at any time.
///
/// # Errors
/// As [`LogStore::events`].
pub async fn tail(store: &dyn LogStore, stream: &LogStream, tail: Tail, now: DateTime<Utc>) -> Result<Vec<LogEvent>> {
    let oldest = tail.since.unwrap_or(now - FARTHEST);
    let Some(most) = tail.lines else {
        return store.events(stream, oldest, now + AHEAD).await;
    };
    let mut found: Vec<LogEvent> = Vec::new();
    let (mut to, mut length) = (now + AHEAD, FIRST_WINDOW + AHEAD);
    loop {
        let from = (to - length).max(oldest);
        let mut window = store.events(stream, from, to).await?;
        window.append(&mut found);
        found = window;
        if found.len() >= most || from <= oldest {
            found.drain(..found.len().saturating_sub(most));
            return Ok(found);
        }
        // Both bounds belong to a window, and times are in milliseconds.
        to = from - TimeDelta::milliseconds(1);
        length = length * GROWTH;
    }
}

/// Container and message, the oldest first.
pub type RecentLines = Vec<(String, String)>;

/// Returns the last lines of some containers, in the order of time. Each has up to `most` of them.
///
/// A stream that is not there has no line yet.
///
/// # Errors
/// As [`LogStore::events`], but for `NotFound`.
pub async fn recent_lines(
    store: &dyn LogStore,
    streams: &[(String, LogStream)],
    most: usize,
    now: DateTime<Utc>,
) -> Result<RecentLines> {
    let mut lines = Vec::new();
    for (container, stream) in streams {
        match tail(store, stream, Tail { since: None, lines: Some(most) }, now).await {
            Ok(events) => lines.extend(events.into_iter().map(|event| (event.at, container.clone(), event.message))),
            Err(error) if error.meaning() == Meaning::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    lines.sort_by_key(|(at, _, _)| *at);
    Ok(lines.into_iter().map(|(_, container, message)| (container, message)).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;

    /// A stream with a line at each of these seconds, and the windows that were asked for.
    struct Lines(Vec<i64>, Mutex<Vec<(i64, i64)>>);

    fn time(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    #[async_trait]
    impl LogStore for Lines {
        async fn events(&self, _: &LogStream, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<LogEvent>> {
            let (from, to) = (from.timestamp_millis(), to.timestamp_millis());
            self.1.lock().unwrap().push((from, to));
            let inside = self.0.iter().filter(|at| (from..=to).contains(at));
            let event =
                |at: &i64| LogEvent { id: at.to_string(), at: time(*at), received_at: None, message: at.to_string() };
            Ok(inside.map(event).collect())
        }

        async fn has_group(&self, _: Option<&str>, _: &str) -> Result<bool> {
            Ok(true)
        }
    }

    const NOW: i64 = 1_800_000_000_000;

    async fn read(lines: &Lines, asked: Tail) -> Vec<i64> {
        let stream = LogStream { region: None, group: "/ecs/web".into(), stream: "ecs/web/1".into() };
        let read = tail(lines, &stream, asked, time(NOW)).await.unwrap();
        read.iter().map(|event| event.at.timestamp_millis()).collect()
    }

    #[tokio::test]
    async fn the_last_lines_are_found_however_old_they_are() {
        for age in [0, 30_000, 3_600_000, 86_400_000, 6 * 86_400_000] {
            let all: Vec<i64> = (0..100).rev().map(|line| NOW - age - line * 500).collect();
            let lines = Lines(all.clone(), Mutex::default());
            for most in [1, 40, 100] {
                let asked = Tail { since: None, lines: Some(most) };
                assert_eq!(read(&lines, asked).await, all[100 - most..], "{most} lines, {age} ms old");
            }
            assert_eq!(read(&lines, Tail { since: None, lines: Some(500) }).await, all);
            assert_eq!(read(&lines, Tail { since: None, lines: None }).await, all);
        }
    }

    #[tokio::test]
    async fn of_a_long_log_only_the_end_is_read() {
        let lines = Lines((0..1_000_000).rev().map(|line| NOW - line * 100).collect(), Mutex::default());
        assert_eq!(read(&lines, Tail { since: None, lines: Some(40) }).await.len(), 40);
        let windows = lines.1.lock().unwrap().clone();
        assert_eq!(windows.len(), 1, "{windows:?}");
        assert!(NOW - windows[0].0 <= 60_000, "{windows:?}");
    }

    #[tokio::test]
    async fn no_line_is_from_before_since_and_no_window_is_read_twice() {
        let lines = Lines((0..10_000).rev().map(|line| NOW - line * 1000).collect(), Mutex::default());
        let since = Some(time(NOW - 600_000));
        assert_eq!(read(&lines, Tail { since, lines: Some(10_000) }).await.len(), 601);
        let windows = lines.1.lock().unwrap().clone();
        assert!(windows.windows(2).all(|pair| pair[1].1 < pair[0].0), "{windows:?}");
        assert_eq!(read(&lines, Tail { since, lines: None }).await.len(), 601);
    }
}
