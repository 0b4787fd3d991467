//! The containers' own limits under another size of the task.
//!
//! `size=` replaces the task's `cpu` and `memory`. ECS refuses a container with more than its task has, and a task that grew
//! gives nothing to a container that is held back by its own limit. So the limits follow by this rule:
//!
//! 1. The containers that get the image are the application: their `cpu`, `memory` and `memoryReservation` change in the
//!    proportion of the task's, rounded down. 0 and an absent limit stay: they mean no limit.
//! 2. Every other container keeps its limits: a log router needs as much beside a small application as beside a large one.
//! 3. If all limits together fitted the task before and would not any more, the application gets what the others leave.
//! 4. If the others leave nothing, the size is refused.

use serde_json::{Value as Json, json};

use crate::project::Size;

/// "The Docker 20.10.0 or later daemon reserves a minimum of 6 MiB of memory for a container" (Amazon ECS API reference,
/// `ContainerDefinition`, memory).
const LEAST_MEMORY: u64 = 6;
/// "The minimum valid CPU share value that the Linux kernel allows is 2" (the same, cpu).
const LEAST_CPU: u64 = 2;

/// The limits of a container, and the least that each may be.
const LIMITS: [(&str, u64); 3] = [("cpu", LEAST_CPU), ("memory", LEAST_MEMORY), ("memoryReservation", LEAST_MEMORY)];

/// A limit that does not fit a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The container's index in the template.
    pub container: usize,
    /// The member: `cpu`, `memory` or `memoryReservation`.
    pub limit: &'static str,
    /// Its value, in CPU units or MiB.
    pub amount: u64,
    /// The task's, in the same unit.
    pub task: u64,
}

/// Changes the containers' own limits from one size of the task to another. Reports those that cannot fit, and leaves them
/// as they are.
pub(super) fn fit(containers: &mut [Json], chosen: &[usize], from: Size, to: Size) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    for (limit, least) in LIMITS {
        let (from, to) = match limit {
            "cpu" => (from.cpu, to.cpu),
            _ => (from.memory, to.memory),
        };
        if from != to && from != 0 {
            fit_one(containers, chosen, limit, least, (u64::from(from), u64::from(to)), &mut misfits);
        }
    }
    // Rounding and rule 3 may have lowered the one and not the other.
    for container in containers.iter_mut() {
        if let (Some(memory), Some(reserved)) = (amount(container, "memory"), amount(container, "memoryReservation"))
            && reserved > memory
        {
            container["memoryReservation"] = json!(memory);
        }
    }
    misfits
}

fn fit_one(
    containers: &mut [Json],
    chosen: &[usize],
    limit: &'static str,
    least: u64,
    (from, to): (u64, u64),
    misfits: &mut Vec<Misfit>,
) {
    let amounts: Vec<Option<u64>> = containers.iter().map(|container| amount(container, limit)).collect();
    let of = |chosen_ones: bool| {
        let each = amounts.iter().enumerate().filter(move |(index, _)| chosen.contains(index) == chosen_ones);
        each.filter_map(|(index, amount)| amount.map(|amount| (index, amount))).collect::<Vec<_>>()
    };
    let (application, others) = (of(true), of(false));
    let too_large = |&(_, amount): &(usize, u64)| amount > to;
    if let Some(&(container, amount)) = others.iter().find(|other| too_large(other)) {
        misfits.push(Misfit { container, limit, amount, task: to });
        return;
    }
    let (own, beside) = (sum(&application), sum(&others));
    let fitted = own + beside <= from;
    let scaled = |(share, whole): (u64, u64)| -> Vec<(usize, u64)> {
        let scale = |amount: u64| (amount * share / whole).max(least.min(amount)).min(to);
        application.iter().map(|&(index, amount)| (index, scale(amount))).collect()
    };
    let mut now = scaled((to, from));
    if fitted && sum(&now) + beside > to {
        // Rule 3. It cannot be reached with nothing of our own, since `beside` alone was compared with `from`.
        if own > 0 && to > beside {
            now = scaled((to - beside, own));
        }
        if sum(&now) + beside > to {
            let largest = others.iter().chain(&application).max_by_key(|(_, amount)| *amount);
            misfits.extend(largest.map(|&(container, amount)| Misfit { container, limit, amount, task: to }));
            return;
        }
    }
    for (index, amount) in now {
        containers[index][limit] = json!(amount);
    }
}

fn sum(amounts: &[(usize, u64)]) -> u64 {
    amounts.iter().map(|(_, amount)| amount).sum()
}

/// A limit that is one: neither absent nor 0.
pub(super) fn amount(container: &Json, limit: &str) -> Option<u64> {
    // The API's integers have 31 bits; with a larger one the sums could overflow.
    container.get(limit)?.as_u64().filter(|amount| (1..=u64::from(u32::MAX)).contains(amount))
}
