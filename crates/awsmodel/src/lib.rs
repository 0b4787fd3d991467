//! AWS's own service models as the judge of every call that a test makes and of every answer that an emulator gives.
//!
//! The models are those of botocore, which `cargo xtask test` installs (`tests/emulators/aws-models`). A [`Judge`] reads
//! the operations it needs, checks what it is shown, and fails the test at its end when a call or an answer breaks them:
//! unknown and missing members, types, enumerations, lengths, ranges, patterns, and errors that an operation does not have.
//!
//! [`Models`] is the check alone, [`Judge`] the recording, and [`Proxy`] a recording in front of another project's emulator.
//! For tests only: the program never depends on this crate.
//!
//! # Limits
//! A model says nothing of rules that span members (Fargate's, for example), and EC2's model declares no errors: for EC2
//! [`errors`] has a list from the reference.

mod constraint;
pub mod errors;
mod exchange;
mod form;
mod json;
mod judge;
mod model;
mod otherwise;
mod proxy;
mod spoil;
mod spoil_form;
mod violation;
mod xml;

pub use exchange::Checked;
pub use judge::{CALLS, Judge, MODELS, Requests};
pub use model::{ModelError, Models};
pub use proxy::Proxy;
pub use spoil::{Spoiled, TASK_DEFINITION};
pub use spoil_form::SpoiledForm;
pub use violation::{Kind, Side, Violation};
