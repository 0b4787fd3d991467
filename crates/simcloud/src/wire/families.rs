//! Registrations under way: ECS takes one at a time for each family.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use crate::model::Refusal;

/// The families in which a registration is under way, as long as a call takes on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Families {
    busy: Arc<Mutex<HashSet<String>>>,
}

/// Holds a family until it is dropped, also where the caller went away meanwhile.
#[derive(Debug)]
pub(super) struct Held {
    families: Families,
    family: String,
}

impl Families {
    /// Takes the family that the body names, or refuses as ECS does while another call has it.
    pub(super) fn hold(&self, body: &[u8]) -> Result<Held, Refusal> {
        #[derive(Deserialize)]
        struct Named {
            #[serde(default)]
            family: String,
        }
        let family = serde_json::from_slice::<Named>(body).map_or_else(|_| String::new(), |n| n.family);
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if !busy.insert(family.clone()) {
            return Err(Refusal::client(
                "Too many concurrent attempts to create a new revision of the specified family.",
            ));
        }
        Ok(Held { families: self.clone(), family })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut busy = self.families.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&self.family);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_registration_at_a_time_for_each_family() {
        let families = Families::default();
        let held = families.hold(br#"{"family":"a"}"#).unwrap();
        assert!(families.hold(br#"{"family":"a"}"#).is_err());
        assert!(families.hold(br#"{"family":"b"}"#).is_ok());
        drop(held);
        assert!(families.hold(br#"{"family":"a"}"#).is_ok());
    }
}
