//! A check, what came of it, and all of them together.

use serde::Serialize;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, or cannot be told from here; somebody should look.
    Warning,
    /// It does not work: a person has to mend it.
    Problem,
    /// Not tried, since another check failed or it would change something.
    Skipped,
}

impl Outcome {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
            Self::Skipped => "skipped",
        }
    }

    /// The sign for it.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ok => "✓",
            Self::Warning => "!",
            Self::Problem => "✗",
            Self::Skipped => "-",
        }
    }
}

/// One thing that was looked at. Stable in JSON: fields are added, never renamed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it belongs to: `configuration`, `template`, `secrets`, `aws`, `tables`, `cluster`, `network`, `registry`,
    /// `permissions`, `github`, `bot`, `process`.
    pub area: &'static str,
    /// What was looked at.
    pub check: String,
    /// What came of it.
    pub result: Outcome,
    /// What was seen.
    pub message: String,
    /// How to mend it; `null` where nothing has to be.
    pub mend: Option<String>,
}

/// All checks, in the order in which things have to be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The checks.
    pub checks: Vec<Check>,
    /// Whether none found a problem.
    pub ok: bool,
}

impl Report {
    /// The report of these checks.
    pub fn of(checks: Vec<Check>) -> Self {
        let ok = checks.iter().all(|check| check.result != Outcome::Problem);
        Self { checks, ok }
    }

    /// How many ended so.
    pub fn count(&self, result: Outcome) -> usize {
        self.checks.iter().filter(|check| check.result == result).count()
    }
}

/// An area, which makes checks.
#[derive(Clone, Copy, Debug)]
pub struct Area(pub &'static str);

impl Area {
    /// As it should be.
    pub fn ok(self, check: impl Into<String>, message: impl Into<String>) -> Check {
        self.check(check, Outcome::Ok, message, None)
    }

    /// Worth a look.
    pub fn warning(self, check: impl Into<String>, message: impl Into<String>, mend: impl Into<String>) -> Check {
        self.check(check, Outcome::Warning, message, Some(mend.into()))
    }

    /// To be mended.
    pub fn problem(self, check: impl Into<String>, message: impl Into<String>, mend: impl Into<String>) -> Check {
        self.check(check, Outcome::Problem, message, Some(mend.into()))
    }

    /// Not tried, and why.
    pub fn skipped(self, check: impl Into<String>, why: impl Into<String>) -> Check {
        self.check(check, Outcome::Skipped, why, None)
    }

    fn check(
        self,
        check: impl Into<String>,
        result: Outcome,
        message: impl Into<String>,
        mend: Option<String>,
    ) -> Check {
        Check { area: self.0, check: check.into(), result, message: message.into(), mend }
    }
}
