//! Where a running task answers, as far as that is known.
//!
//! EC2 alone resolves addresses. An address that EC2 did not tell is unknown, which is no evidence about the environment: it
//! stays as it is recorded until EC2 answers.

use std::net::IpAddr;

use bivouac_model::{Status, Task};

use crate::context::Context;

/// The condition that is `Unknown` while an environment waits for EC2 to answer.
pub(crate) const ADDRESS_KNOWN: &str = "AddressKnown";

/// The public address of a running task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// It answers here.
    At(IpAddr),
    /// EC2 was asked and knows of none yet.
    Missing,
    /// EC2 did not answer.
    Unknown,
}

/// The address of a running task: as EC2 answered, else as the record has it for exactly this task.
///
/// A network interface keeps its public address until it is deleted (EC2 user guide, "Public IPv4 addresses"), and Fargate
/// deletes it with its task.
pub(crate) fn of(context: &Context<'_>, task: &Task) -> Address {
    match task.public_ip {
        Some(ip) => Address::At(ip),
        None if !context.observed.unanswered.addresses => Address::Missing,
        None => recorded(context, task).map_or(Address::Unknown, Address::At),
    }
}

/// The end of an interface's id, which tells the few interfaces of one environment apart: eight hexadecimal digits are the same
/// by chance once in four thousand million times.
pub(crate) fn digits(interface: &str) -> &str {
    interface.len().checked_sub(8).and_then(|at| interface.get(at..)).unwrap_or(interface)
}

fn recorded(context: &Context<'_>, task: &Task) -> Option<IpAddr> {
    let written = context.written()?;
    let interface = written.machinery.network_interface.as_deref()?;
    written.public_ip.filter(|_| task.network_interface.as_deref().map(digits) == Some(interface))
}

/// Whether nothing speaks against a running task answering where `status` says.
pub(crate) fn agrees(context: &Context<'_>, status: &Status, task: &Task) -> bool {
    let Some(ip) = status.public_ip else { return false };
    match of(context, task) {
        Address::At(known) => known == ip,
        Address::Missing => false,
        // A record that an older release wrote names no interface. Its task is known by its deployment alone.
        Address::Unknown => {
            let machinery = &status.machinery;
            machinery.network_interface.is_none() && task.started_by == machinery.deployment
        }
    }
}

/// Whether the address of `status` is the one of a task that runs, rather than one that only nothing speaks against. Nothing is
/// asked at an address before that is certain.
pub(crate) fn is_certain(context: &Context<'_>, status: &Status) -> bool {
    !context.observed.unanswered.addresses || status.machinery.network_interface.is_some()
}

/// Whether the address was unknown when the record was last written. A deadline that passed meanwhile decides nothing in the
/// first observation after it: until then nobody could ask the application.
pub(crate) fn was_unknown(context: &Context<'_>) -> bool {
    context.condition_since(ADDRESS_KNOWN).is_some()
}
