//! Money: US dollars, exact to the millionth.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An amount of US dollars in whole micro-dollars, so that sums do not drift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usd(i64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From dollars, rounded to the millionth; what is no finite number counts as nothing.
    pub fn from_dollars(dollars: f64) -> Self {
        let micros = dollars * 1e6;
        // In range by the clamp, and a NaN becomes 0.
        #[allow(clippy::cast_possible_truncation)]
        Self(micros.round().clamp(-9e18, 9e18) as i64)
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// From whole micro-dollars.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// In whole micro-dollars.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// In dollars.
    #[allow(clippy::cast_precision_loss)]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// What an hourly price comes to over a time.
    pub fn per_hour_over(self, time: Duration) -> Self {
        Self::from_dollars(self.dollars() * time.as_secs_f64() / 3600.0)
    }

    /// The decimal number as DynamoDB stores it: `0.0173`, with no more digits than it needs.
    pub fn decimal(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:06}", self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl fmt::Display for Usd {
    /// `$0.83`; an amount under ten cents with four decimals (`$0.0173`), since hourly prices are that small.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 != 0 && self.0.abs() < 100_000 {
            write!(f, "${:.4}", self.dollars())
        } else {
            write!(f, "${:.2}", self.dollars())
        }
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_days_of_a_small_environment() {
        // The example of FACTS: 0.25 vCPU and 0.5 GB on x86 in us-east-1 with a public IPv4 address.
        let hourly = Usd::from_dollars(0.25 * 0.04048 + 0.5 * 0.004_445 + 0.005);
        assert_eq!(hourly.per_hour_over(Duration::from_secs(48 * 3600)).to_string(), "$0.83");
        assert_eq!(hourly.to_string(), "$0.0173");
        assert_eq!(Usd::from_dollars(1.5).decimal(), "1.5");
        assert_eq!(Usd::ZERO.decimal(), "0");
    }
}
