//! Liveness: loops that tick.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The loops of a process. Clones share one state.
///
/// A loop that hangs is found by its silence; who restarts the process on that has a daemon that does not hang for ever.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    loops: Arc<Mutex<Vec<Beat>>>,
}

#[derive(Debug)]
struct Beat {
    id: u64,
    name: &'static str,
    limit: Duration,
    last: Instant,
}

/// A loop's side of it. Dropped, the loop has ended on purpose and is no longer waited for.
#[derive(Debug)]
pub struct Heartbeat {
    id: u64,
    loops: Arc<Mutex<Vec<Beat>>>,
}

impl Liveness {
    /// Nothing to watch yet: alive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches a loop that ticks at least every `limit`, from now on. The same name twice is two loops.
    pub fn watch(&self, name: &'static str, limit: Duration) -> Heartbeat {
        let mut loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        let id = loops.iter().map(|beat| beat.id + 1).max().unwrap_or_default();
        loops.push(Beat { id, name, limit, last: Instant::now() });
        Heartbeat { id, loops: Arc::clone(&self.loops) }
    }

    /// Whether every loop ticked in time, and a line for each.
    pub(crate) fn report(&self, now: Instant) -> (bool, String) {
        let loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from("[+]ping ok\n");
        let mut alive = true;
        for beat in loops.iter() {
            let silent = now.saturating_duration_since(beat.last);
            if silent <= beat.limit {
                let _ = writeln!(text, "[+]{} ok", beat.name);
            } else {
                alive = false;
                let (silent, limit) = (silent.as_secs(), beat.limit.as_secs());
                let _ = writeln!(text, "[-]{} silent for {silent}s, at most {limit}s expected", beat.name);
            }
        }
        text.push_str(if alive { "healthz check passed\n" } else { "healthz check failed\n" });
        (alive, text)
    }
}

impl Heartbeat {
    /// The loop went round once more.
    pub fn tick(&self) {
        let mut loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(beat) = loops.iter_mut().find(|beat| beat.id == self.id) {
            beat.last = Instant::now();
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).retain(|beat| beat.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_loop_is_named_and_an_ended_one_is_not() {
        let liveness = Liveness::new();
        let resync = liveness.watch("resync", Duration::from_secs(90));
        let stream = liveness.watch("stream", Duration::from_secs(3600));
        let later = Instant::now() + Duration::from_secs(100);
        let (alive, text) = liveness.report(later);
        assert!(!alive);
        assert!(text.contains("[-]resync silent for 100s, at most 90s expected\n[+]stream ok\n"), "{text}");

        resync.tick();
        assert!(liveness.report(Instant::now()).0);
        drop(resync);
        assert_eq!(liveness.report(later), (true, "[+]ping ok\n[+]stream ok\nhealthz check passed\n".into()));
        // A loop that begins after one has ended is not mistaken for another.
        let another = liveness.watch("reap", Duration::from_secs(1));
        drop(stream);
        another.tick();
        assert!(liveness.report(Instant::now()).1.contains("[+]reap ok"));
    }
}
