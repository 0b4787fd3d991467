//! One at a time for each thing, and what was learned of it the last time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as Turnstile;

/// How many things are remembered before the idle ones are forgotten. Ours: ten times what one cluster holds, in a
/// few hundred kilobytes. What is forgotten is found again by asking.
const REMEMBERED: usize = 8192;

/// A turnstile for each `K`, which keeps a `V` of the one who passed last.
#[derive(Debug)]
pub(crate) struct Turnstiles<K, V>(Mutex<HashMap<K, Arc<Turnstile<Option<V>>>>>);

impl<K, V> Default for Turnstiles<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V> Turnstiles<K, V> {
    /// The turnstile of one thing. Hold its lock while you pass.
    pub fn of(&self, key: &K) -> Arc<Turnstile<Option<V>>> {
        // A map is whole between its calls, also after a panic.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED && !all.contains_key(key) {
            all.retain(|_, turnstile| Arc::strong_count(turnstile) > 1);
        }
        Arc::clone(all.entry(key.clone()).or_default())
    }
}
