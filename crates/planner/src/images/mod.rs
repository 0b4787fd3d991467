//! Which images of a repository are to go.
//!
//! What is in use is a root (invariant 4): the digests of running tasks, what live task definitions and records name, every
//! tag but those of closed pull requests, and everything younger than the grace, since the parts of a list are pushed
//! before it. From the roots one reaches what lists name (OCI image specification, "Image Index"; Docker's manifest
//! lists), the attestations of BuildKit among them, and what refers to anything that stays (`subject`, and the tags that
//! stand for it). What is not reached goes: untagged manifests by their digest, tags of closed pull requests by their name.
//!
//! **Doubt keeps.** A list that cannot be read may name anything, so nothing of its repository goes before it can be. A
//! list in a circle, or one that names what is not here, stays with all it names.
//!
//! **Signatures** under tags of their own (`sha256-….sig`) stay while their subject does, and go with it. Where the subject is not
//! in the repository they stay for ever: cosign can keep the signatures of one repository in another
//! (`COSIGN_REPOSITORY`), so a subject that is not here may live elsewhere.

mod bill;
mod confirm;
mod fallback;
mod graph;
mod manifest;
mod own_tags;
mod plan;
mod roots;
mod tags;
mod verdict;

pub use bill::Freed;
pub use confirm::{Confirmed, MOST_DELETED, Observations};
pub use manifest::{LARGEST_MANIFEST, Links, Manifest, Unread};
pub use own_tags::{OwnTags, TagUse, deployed_tag, named_tags};
pub use plan::{ImagePlan, ImagesObserved, TagRemoval, plan_images, to_read};
pub use roots::{ImageRoots, Use};
pub use tags::Stays;
pub use verdict::{Condemned, Hold, Kept, Verdict};
