//! The known key that an unknown one was meant to be.

use std::collections::BTreeSet;

use super::key_path::KeyPath;

/// Above this similarity a slip of the finger is likelier than another meaning. The classic `regoin` / `region` has
/// 0.97, `subnet_ids` / `subnets` 0.92, and two unrelated keys stay below 0.7.
const ALIKE: f64 = 0.75;

/// The known key nearest to an unknown one: a sibling that is spelled alike, else a key of the same name or spelled
/// alike elsewhere, else the nearest sibling. `None` only if nothing is known.
pub(super) fn nearest(unknown: &KeyPath, known: &BTreeSet<KeyPath>) -> Option<KeyPath> {
    let parent = unknown.parent();
    let score = |path: &&KeyPath| strsim::jaro_winkler(unknown.leaf(), path.leaf());
    let best = |keys: &mut dyn Iterator<Item = &KeyPath>| -> Option<(f64, KeyPath)> {
        let best = keys.max_by(|a, b| score(a).total_cmp(&score(b)))?;
        Some((score(&best), best.clone()))
    };
    let sibling = best(&mut known.iter().filter(|path| path.parent() == parent));
    let anywhere = best(&mut known.iter());
    match (sibling, anywhere) {
        (Some((alike, sibling)), _) if alike >= ALIKE => Some(sibling),
        (_, Some((alike, elsewhere))) if alike >= ALIKE => Some(elsewhere),
        (Some((_, sibling)), _) => Some(sibling),
        (None, anywhere) => anywhere.map(|(_, path)| path),
    }
}
