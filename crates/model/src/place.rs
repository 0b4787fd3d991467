//! A place: what a running environment takes of the caps.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Month, Usd};

/// What an environment was admitted with. It holds this of every cap from before its task may start until the task is seen
/// gone. In the table: `512 0.029685`, since a settled record is to stay small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place {
    /// CPU units; 1024 are a vCPU.
    pub cpu: u32,
    /// The most that it may cost an hour: that of the dearest capacity it may be moved to.
    pub hourly: Usd,
}

impl Place {
    /// Whether who holds this one may run what needs the other.
    pub fn covers(&self, other: &Self) -> bool {
        self.cpu >= other.cpu && self.hourly >= other.hourly
    }
}

/// A text that is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number of CPU units and of dollars, such as `512 0.03`")]
pub struct InvalidPlace(String);

impl From<Place> for String {
    fn from(place: Place) -> Self {
        format!("{} {}", place.cpu, place.hourly.decimal())
    }
}

impl TryFrom<String> for Place {
    type Error = InvalidPlace;

    fn try_from(text: String) -> Result<Self, InvalidPlace> {
        let place = text.split_once(' ').and_then(|(cpu, hourly)| {
            Some(Self { cpu: cpu.parse().ok()?, hourly: Usd::from_dollars(hourly.parse().ok()?) })
        });
        place.ok_or_else(|| InvalidPlace(crate::key::shown(&text)))
    }
}

/// What it takes to tell the cost of a month, out of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// What it had cost when it was written.
    pub cost: Usd,
    /// What of that fell into earlier months than the one that it was written in.
    pub before_month: Usd,
    /// What it costs an hour since it was written.
    pub hourly: Usd,
    /// When it was written.
    pub updated_at: DateTime<Utc>,
}

impl Spending {
    /// What fell into a month until `now`, if nothing changed since. Of a month before the one that it was written in,
    /// nothing is known.
    pub fn in_month(&self, month: Month, now: DateTime<Utc>) -> Usd {
        // Somebody spoiled the time, and half a century of cost is no better guess than none.
        if self.updated_at == DateTime::UNIX_EPOCH {
            return Usd::ZERO;
        }
        let written = match Month::of(self.updated_at) == month {
            true => self.cost - self.before_month,
            false => Usd::ZERO,
        };
        written + cost_between(self.hourly, self.updated_at.max(month.begins()), now.min(month.ends()))
    }

    /// What will have fallen into earlier months, for a status that is written now.
    pub fn before_month_of(&self, now: DateTime<Utc>) -> Usd {
        let month = Month::of(now);
        if self.updated_at == DateTime::UNIX_EPOCH || Month::of(self.updated_at) >= month {
            return self.before_month;
        }
        self.cost + cost_between(self.hourly, self.updated_at, month.begins())
    }
}

/// How many vCPUs may run at once in an account and region. Everything in the account counts, whoever started it, ECS tasks
/// and EKS pods alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FargateQuotas {
    /// vCPUs on demand. Finite and not negative; zero: nothing can start.
    pub on_demand: f64,
    /// vCPUs on Fargate Spot. Finite and not negative; zero: nothing can start.
    pub spot: f64,
}

/// What the caps have to say to an environment that wants to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is room, and it is kept until the record says so or the next observation does not.
    Granted,
    /// There is none now.
    Queued {
        /// The cap that is in the way, in PascalCase.
        reason: &'static str,
        /// Why and where in the queue, in a sentence or two.
        message: String,
    },
}

/// What a price for an hour comes to between two moments; nothing when they are the wrong way round.
pub fn cost_between(hourly: Usd, from: DateTime<Utc>, to: DateTime<Utc>) -> Usd {
    hourly.per_hour_over((to - from).to_std().unwrap_or_default())
}
