//! Keys of earlier releases. A file that has one is read, so that an upgrade stops no daemon.

use super::key_path::KeyPath;
use super::problem::Place;

/// Each key that has no effect any more, and the reason.
const RETIRED: &[(&str, &str)] = &[("deadlines.comment", "no environment waits for its comment any more")];

/// Returns the warning for an unknown key that an earlier release knew. `None`: no release knew it.
pub(super) fn warning(path: &KeyPath, place: &Place) -> Option<String> {
    let name = path.to_string();
    let (_, reason) = RETIRED.iter().find(|(retired, _)| *retired == name)?;
    Some(format!("{place}: `{name}` has no effect: {reason}"))
}
