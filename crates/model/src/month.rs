//! Calendar months, as bills are made.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, TimeZone, Utc};

/// A calendar month in UTC, which is what AWS makes a bill for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    /// 1 to 12.
    number: u32,
}

/// A text that is no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a month such as 2026-11")]
pub struct InvalidMonth(String);

impl Month {
    /// The month that a moment lies in.
    pub fn of(at: DateTime<Utc>) -> Self {
        Self { year: at.year(), number: at.month() }
    }

    /// Its first moment.
    pub fn begins(self) -> DateTime<Utc> {
        // There is such a moment for every month of the calendar, which is all that can be made.
        Utc.with_ymd_and_hms(self.year, self.number, 1, 0, 0, 0).single().unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        match self.number {
            12 => Self { year: self.year.saturating_add(1), number: 1 },
            number => Self { number: number + 1, ..self },
        }
    }

    /// The month before it.
    #[must_use]
    pub fn previous(self) -> Self {
        match self.number {
            1 => Self { year: self.year.saturating_sub(1), number: 12 },
            number => Self { number: number - 1, ..self },
        }
    }

    /// The first moment after it.
    pub fn ends(self) -> DateTime<Utc> {
        self.next().begins()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.number)
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let invalid = || InvalidMonth(crate::key::shown(text));
        let (year, number) = text.split_once('-').ok_or_else(invalid)?;
        let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(number, 2) {
            return Err(invalid());
        }
        let month = Self { year: year.parse().map_err(|_| invalid())?, number: number.parse().map_err(|_| invalid())? };
        if (1..=12).contains(&month.number) { Ok(month) } else { Err(invalid()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn december_is_followed_by_january() {
        let december: Month = "2026-12".parse().unwrap();
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(december.next().previous(), december);
        assert_eq!(december.ends().to_rfc3339(), "2027-01-01T00:00:00+00:00");
        assert_eq!(Month::of(december.ends() - chrono::TimeDelta::seconds(1)), december);
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "+026-01", "2026-11-01", "26-11"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
