//! `doctor`: everything that has to be right, and how to mend what is not.

use std::path::Path;

use console::Style;
use tokio_util::sync::CancellationToken;

use super::output::columns::{Columns, plain};
use super::output::{Format, Terminal};
use crate::config::{Config, Variables};
use crate::doctor::examine;
use crate::doctor::report::{Check, Outcome, Report};
use crate::exit::Failure;

/// Makes every check and prints what came of it. Nothing is written but the report.
///
/// # Errors
/// When a check found a problem, or the report cannot be written.
pub async fn doctor(
    config: &Config,
    path: &Path,
    variables: &Variables,
    terminal: &mut Terminal,
    format: Format,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let report = tokio::select! {
        report = examine(config, path, variables) => report,
        () = stop.cancelled() => return Err(Failure::Failed("interrupted".into())),
    };
    print(terminal, format, &report)
}

/// Prints a report.
///
/// # Errors
/// As [`doctor`].
pub fn print(terminal: &mut Terminal, format: Format, report: &Report) -> Result<(), Failure> {
    if !terminal.structured(format, report)? {
        let lines = if format == Format::Wide { wide(terminal, report) } else { table(terminal, report) };
        for line in lines {
            terminal.say(&line)?;
        }
    }
    let (problems, warnings) = (report.count(Outcome::Problem), report.count(Outcome::Warning));
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    if !report.ok {
        let sentence = format!("{} and {}", count(problems, "problem"), count(warnings, "warning"));
        return Err(Failure::Failed(format!("{sentence}; each says how to mend it")));
    }
    if matches!(format, Format::Table | Format::Wide) {
        terminal.remark(&format!("No problem, {}.", count(warnings, "warning")))?;
    }
    Ok(())
}

/// A line for each check, and one more for how to mend it.
fn table(terminal: &Terminal, report: &Report) -> Vec<String> {
    let rows: Vec<Vec<String>> = report.checks.iter().map(|check| row(terminal, check)).collect();
    let lines = Columns::default().lines(&rows);
    let told = report.checks.iter().zip(lines).flat_map(|(check, line)| {
        let mend = check.mend.as_deref().map(|mend| format!("    → {}", plain(mend)));
        std::iter::once(line).chain(mend)
    });
    told.collect()
}

/// A line for each check, for `grep`.
fn wide(terminal: &Terminal, report: &Report) -> Vec<String> {
    let mut rows = vec![["RESULT", "AREA", "CHECK", "MESSAGE", "MEND"].map(str::to_owned).to_vec()];
    rows.extend(report.checks.iter().map(|check| {
        let mend = check.mend.as_deref().map(plain);
        row(terminal, check).into_iter().chain(mend).collect()
    }));
    Columns::default().lines(&rows)
}

fn row(terminal: &Terminal, check: &Check) -> Vec<String> {
    let result = if terminal.signs { check.result.sign() } else { check.result.as_str() };
    let style = Style::new().force_styling(terminal.colours);
    let style = match check.result {
        Outcome::Ok => style.green(),
        Outcome::Warning => style.yellow(),
        Outcome::Problem => style.red(),
        Outcome::Skipped => style.dim(),
    };
    vec![style.apply_to(result).to_string(), check.area.to_owned(), plain(&check.check), plain(&check.message)]
}
