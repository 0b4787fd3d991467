//! What environments said of their last use, as far as this process asked them.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bivouac_model::{IdleSign, ItemKey, Record};

/// The last answer of each environment that was asked. It says when to ask again, so that a pass need not.
///
/// It is remembered here and not in the record, which would be written for each answer. A process that follows this one knows
/// nothing and asks once those that are ready for long enough.
#[derive(Debug, Default)]
pub(crate) struct Signs(Mutex<HashMap<ItemKey, IdleSign>>);

impl Signs {
    /// What an environment answered last.
    pub fn of(&self, key: &ItemKey) -> Option<IdleSign> {
        self.all().get(key).cloned()
    }

    /// Remembers an answer instead of the one before.
    pub fn keep(&self, key: &ItemKey, sign: IdleSign) {
        self.all().insert(key.clone(), sign);
    }

    /// Forgets those that have no record any more.
    pub fn retain(&self, records: &[Record]) {
        let mut signs = self.all();
        if !signs.is_empty() {
            let keys: HashSet<&ItemKey> = records.iter().map(|record| &record.key).collect();
            signs.retain(|key, _| keys.contains(key));
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ItemKey, IdleSign>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
