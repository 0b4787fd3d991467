//! Two observations before anything goes (invariant 5), and no more of it at once than can be looked through.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use bivouac_model::ImageRef;
use chrono::{DateTime, Utc};

/// The most images that one pass deletes of one repository: ten calls. A mistake is then found after a thousand, and ten
/// thousand are gone within ten passes, which follow each other by a resync for as long as something is left.
pub const MOST_DELETED: usize = 1000;

/// The most images that one BatchDeleteImage takes ("up to 100 images", ECR API reference).
const A_CALL: usize = 100;

/// What earlier passes condemned, and since when. Lost with the process, which only makes the next wait.
#[derive(Clone, Debug)]
pub struct Observations<T = ImageRef> {
    since: HashMap<T, DateTime<Utc>>,
}

/// What may go now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// A call each, in this order.
    pub calls: Vec<Vec<ImageRef>>,
    /// How many were condemned for the first time, or not long enough ago.
    pub waiting: usize,
    /// How many more could go but for the limit of a pass.
    pub left: usize,
}

impl<T> Default for Observations<T> {
    fn default() -> Self {
        Self { since: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Observations<T> {
    /// Nothing was seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything: what comes next is the first observation.
    pub fn forget(&mut self) {
        self.since.clear();
    }

    /// Takes in what a complete observation condemns, and answers for each whether an earlier one, at least `apart` ago,
    /// condemned it too, and every one since.
    pub fn again(&mut self, condemned: Vec<T>, now: DateTime<Utc>, apart: Duration) -> Vec<(T, bool)> {
        let mut since = HashMap::with_capacity(condemned.len());
        let seen = |condemned: T| {
            let first = self.since.remove(&condemned).unwrap_or(now);
            since.insert(condemned.clone(), first);
            // A clock that went back makes it wait, not hurry.
            (condemned, first < now && (now - first).to_std().is_ok_and(|seen| seen >= apart))
        };
        let seen = condemned.into_iter().map(seen).collect();
        self.since = since;
        seen
    }
}

impl Observations {
    /// What may go now, of what a complete observation condemns. `levels` is [`super::ImagePlan::levels`].
    pub fn confirm(&mut self, levels: Vec<Vec<ImageRef>>, now: DateTime<Utc>, apart: Duration) -> Confirmed {
        let lengths: Vec<usize> = levels.iter().map(Vec::len).collect();
        let mut seen = self.again(levels.into_iter().flatten().collect(), now, apart).into_iter();
        let (mut confirmed, mut room) = (Confirmed::default(), MOST_DELETED);
        for length in lengths {
            let level: Vec<_> = seen.by_ref().take(length).collect();
            confirmed.waiting += level.iter().filter(|(_, twice)| !twice).count();
            let mut ready: Vec<ImageRef> =
                level.into_iter().filter(|(_, twice)| *twice).map(|(image, _)| image).collect();
            confirmed.left += ready.len().saturating_sub(room);
            ready.truncate(room);
            room -= ready.len();
            confirmed.calls.extend(ready.chunks(A_CALL).map(<[ImageRef]>::to_vec));
        }
        confirmed
    }
}
