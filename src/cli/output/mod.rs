//! What commands print, and in which form.

pub mod age;
pub mod columns;
pub mod events;
pub mod rows;
pub mod view;

use std::io::{self, IsTerminal as _, Write};

use clap::ValueEnum;
use console::Style;
use serde::Serialize;

use bivouac_model::{Phase, Status};

/// `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// JSON; stable.
    Json,
    /// The same as YAML.
    Yaml,
}

/// A terminal that can neither move its cursor nor show colours calls itself so.
fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether a terminal may show colours: not with `NO_COLOR` set to anything (no-color.org).
pub fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !dumb()
}

/// Where output goes: results to `out`, progress and remarks to `err`.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// A person looks on: progress may move.
    pub interactive: bool,
    /// Results go to a terminal: signs may stand for words.
    pub signs: bool,
    /// Results may have colours.
    pub colours: bool,
}

impl Terminal {
    /// The process' own. Colours only on a terminal, and not with `NO_COLOR` (no-color.org).
    pub fn of_process() -> Self {
        Self {
            interactive: io::stderr().is_terminal() && !dumb(),
            signs: io::stdout().is_terminal() && !dumb(),
            colours: io::stdout().is_terminal() && colours_wanted(),
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
        }
    }

    /// Any two writers, without colours or movement.
    pub fn plain(out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out), err: Box::new(err), interactive: false, signs: false, colours: false }
    }

    /// A line of the result.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// A line beside the result.
    pub fn remark(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.err, "{line}")
    }

    /// A result as JSON, over several lines.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        self.say(&text)
    }

    /// A result as JSON in one line.
    pub fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value).map_err(io::Error::other)?;
        self.say(&text)
    }

    /// A result as YAML.
    pub fn yaml(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_saphyr::to_string(value).map_err(io::Error::other)?;
        self.say(text.trim_end())
    }

    /// A result as JSON or YAML if that was asked for; whether it was.
    pub fn structured(&mut self, format: Format, value: &impl Serialize) -> io::Result<bool> {
        match format {
            Format::Json => self.json(value)?,
            Format::Yaml => self.yaml(value)?,
            Format::Table | Format::Wide => return Ok(false),
        }
        Ok(true)
    }

    /// A word in the colour of what failed.
    pub fn alarm(&self, text: &str) -> String {
        Style::new().force_styling(self.colours).red().apply_to(text).to_string()
    }

    /// The phase of a status in its colour. A word of another release has none.
    pub fn phase_of(&self, status: &Status) -> String {
        match status.knows_its_phase() {
            true => self.phase(status.phase),
            false => columns::plain(status.phase_word()),
        }
    }

    /// A phase in its colour.
    pub fn phase(&self, phase: Phase) -> String {
        let style = Style::new().force_styling(self.colours);
        let style = match phase {
            Phase::Ready => style.green(),
            Phase::Failed | Phase::Invalid => style.red(),
            Phase::Degraded => style.yellow(),
            Phase::Asleep | Phase::Terminating | Phase::Terminated => style.dim(),
            Phase::Pending | Phase::WaitingForImage | Phase::Queued | Phase::Provisioning | Phase::Starting => {
                style.cyan()
            }
        };
        style.apply_to(phase.as_str()).to_string()
    }
}
