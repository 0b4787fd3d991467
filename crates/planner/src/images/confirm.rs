//! Two observations before anything goes (invariant 5), and no more of it at once than can be looked through.

use std::collections::HashMap;
use std::time::Duration;

use bivouac_model::ImageRef;
use chrono::{DateTime, Utc};

/// The most images that one pass deletes of one repository: ten calls. A mistake is then found after a thousand, and ten
/// thousand are gone within ten passes, which follow each other by a resync for as long as something is left.
pub const MOST_DELETED: usize = 1000;

/// The most images that one BatchDeleteImage takes ("up to 100 images", ECR API reference).
const A_CALL: usize = 100;

/// What earlier passes condemned, and since when. Lost with the process, which only makes the next wait.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    since: HashMap<ImageRef, DateTime<Utc>>,
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

impl Observations {
    /// Nothing was seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything: what comes next is the first observation.
    pub fn forget(&mut self) {
        self.since.clear();
    }

    /// Takes in what a complete observation condemns, and answers what an earlier one, at least `apart` ago, condemned too
    /// and every one since. `levels` is [`super::ImagePlan::levels`].
    pub fn confirm(&mut self, levels: Vec<Vec<ImageRef>>, now: DateTime<Utc>, apart: Duration) -> Confirmed {
        let mut confirmed = Confirmed::default();
        let mut since = HashMap::with_capacity(levels.iter().map(Vec::len).sum());
        let mut room = MOST_DELETED;
        for level in levels {
            let mut ready = Vec::new();
            for image in level {
                let first = self.since.remove(&image).unwrap_or(now);
                // A clock that went back makes it wait, not hurry.
                if first < now && (now - first).to_std().is_ok_and(|seen| seen >= apart) {
                    if room == 0 {
                        confirmed.left += 1;
                    } else {
                        room -= 1;
                        ready.push(image.clone());
                    }
                } else {
                    confirmed.waiting += 1;
                }
                since.insert(image, first);
            }
            confirmed.calls.extend(ready.chunks(A_CALL).map(<[ImageRef]>::to_vec));
        }
        self.since = since;
        confirmed
    }
}
