//! How much of the bot one person may use: buckets that fill again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The most names that are remembered; the fullest buckets, which say nothing, are forgotten first.
const MOST: usize = 4096;

/// A bucket for each name. Kept in memory: after a restart everybody begins anew.
#[derive(Debug)]
pub(crate) struct Pace<K> {
    /// How much a bucket holds.
    burst: f64,
    /// How long one drop takes to come back.
    each: Duration,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl<K: Eq + Hash> Pace<K> {
    pub fn new(burst: u32, each: Duration) -> Self {
        Self { burst: f64::from(burst), each, buckets: Mutex::default() }
    }

    /// Takes one out of the bucket of `name`; `false`: it is empty.
    pub fn take(&self, name: K) -> bool {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(&mut buckets, &name, now);
        let bucket = buckets.entry(name).or_insert(Bucket { left: self.burst, at: now });
        let level = self.level(bucket, now);
        let taken = level >= 1.0;
        *bucket = Bucket { left: if taken { level - 1.0 } else { level }, at: now };
        taken
    }

    /// Takes one out of the bucket of `name`, also if it is empty: then it answers how long the caller has to wait until that
    /// one has come back. Callers who wait that long come in the order in which they asked, and take nothing again.
    pub fn charge(&self, name: K) -> Option<Duration> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(&mut buckets, &name, now);
        let bucket = buckets.entry(name).or_insert(Bucket { left: self.burst, at: now });
        let left = self.level(bucket, now) - 1.0;
        *bucket = Bucket { left, at: now };
        (left < 0.0).then(|| self.each.mul_f64(-left))
    }

    /// Whether the bucket of `name` is empty. Takes nothing.
    pub fn is_spent(&self, name: &K) -> bool {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(name).is_some_and(|bucket| self.level(bucket, Instant::now()) < 1.0)
    }

    fn make_room(&self, buckets: &mut HashMap<K, Bucket>, name: &K, now: Instant) {
        if buckets.len() >= MOST && !buckets.contains_key(name) {
            buckets.retain(|_, bucket| self.level(bucket, now) < self.burst);
            // Thousands of people at once, none of them patient: whoever asks next is heard all the same.
            if buckets.len() >= MOST {
                buckets.clear();
            }
        }
    }

    fn level(&self, bucket: &Bucket, now: Instant) -> f64 {
        let back = now.saturating_duration_since(bucket.at).as_secs_f64() / self.each.as_secs_f64();
        (bucket.left + back).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_runs_dry_and_fills_again() {
        let pace = Pace::new(2, Duration::from_secs(10));
        assert!(pace.take("ada") && pace.take("ada"));
        assert!(!pace.take("ada") && pace.is_spent(&"ada"));
        assert!(pace.take("bob"), "everybody has their own");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!pace.is_spent(&"ada"));
        assert!(pace.take("ada") && !pace.take("ada"), "one came back");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(pace.take("ada") && pace.take("ada") && !pace.take("ada"), "it never holds more");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_charged_more_than_there_is_waits_in_line() {
        let pace = Pace::new(2, Duration::from_secs(10));
        let waits: Vec<_> = (0..5).map(|_| pace.charge("ada").map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [None, None, Some(10), Some(20), Some(30)]);
        assert_eq!(pace.charge("bob"), None);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(pace.charge("ada"), Some(Duration::from_secs(10)), "those three were paid for");
    }

    #[tokio::test(start_paused = true)]
    async fn it_never_grows_without_bound() {
        let pace = Pace::new(2, Duration::from_secs(10));
        for name in 0..3 * MOST {
            assert!(pace.take(name));
        }
        assert!(pace.buckets.lock().unwrap().len() <= MOST);
    }
}
