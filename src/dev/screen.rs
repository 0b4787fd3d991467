//! What `bivouac dev` shows: on a terminal a table that lives above the conversation, otherwise a line for each change, or
//! JSON.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::io::Write as _;

use bivouac_model::{ItemKey, Phase, Record, format_duration};
use chrono::{DateTime, Utc};
use console::{Style, Term, truncate_str};

use super::conversation::{Remark, What, sign};
use super::people::BOT;

/// How changes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// A table that is drawn again in place.
    Live,
    /// A line for each change, which stays readable when piped.
    Lines,
    /// A JSON object for each change.
    Json,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    env: String,
    phase: Phase,
    age: String,
    expires: String,
    cost: String,
    url: String,
    message: String,
}

/// The screen of `bivouac dev`.
pub struct Screen {
    manner: Manner,
    term: Term,
    drawn: usize,
    said: BTreeMap<ItemKey, (Phase, Option<String>, String)>,
    log: VecDeque<Entry>,
    is_closed: bool,
}

/// A line below the table.
struct Entry {
    at: DateTime<Utc>,
    text: String,
    /// The comment it is about, and the reactions to it.
    comment: Option<u64>,
    reactions: Vec<&'static str>,
}

/// The most lines that stand below the table: the last half minute of the story.
const LOG_LINES: usize = 14;
/// The fewest, on however low a terminal.
const LEAST_LOG_LINES: usize = 3;
/// The head of the table, a blank line, the head of the conversation, and the line that the cursor is on.
const OTHER_LINES: usize = 4;

impl Screen {
    /// An empty screen on standard output.
    pub fn new(manner: Manner) -> Self {
        Self { manner, term: Term::stdout(), drawn: 0, said: BTreeMap::new(), log: VecDeque::new(), is_closed: false }
    }

    /// Whether the reader of standard output has gone, as `head` does when it has enough.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Writes one line to standard output. An output that cannot be written is [closed](Self::is_closed).
    pub fn line(&mut self, line: impl Display) {
        self.is_closed |= writeln!(std::io::stdout(), "{line}").is_err();
    }

    /// Tells what happens, beside the table.
    pub fn tell(&mut self, now: DateTime<Utc>, text: &str) {
        match self.manner {
            Manner::Live => self.log(now, Style::new().italic().apply_to(text).to_string(), None),
            Manner::Lines => self.line(format_args!("{}  {text}", now.format("%H:%M:%S"))),
            Manner::Json => self.line(serde_json::json!({ "event": "story", "at": now, "text": text })),
        }
    }

    /// Tells what somebody said on a pull request.
    pub fn say(&mut self, now: DateTime<Utc>, remark: &Remark) {
        if self.manner == Manner::Json {
            self.line(remark.json(now));
            return;
        }
        let Some(gist) = remark.gist() else { return };
        let edited = if matches!(remark.what, What::Edited { .. }) { ", edited" } else { "" };
        let (author, place) = (&remark.author, format!("on #{}{edited}", remark.pr));
        if self.manner == Manner::Lines {
            self.line(format_args!("{}  {author} {place}: {gist}", now.format("%H:%M:%S")));
            return;
        }
        if let What::Reacted(content) = remark.what
            && let Some(entry) = self.log.iter_mut().find(|entry| entry.comment == Some(remark.comment))
        {
            entry.reactions.push(sign(content));
            return;
        }
        let colour = if *author == BOT { Style::new().cyan() } else { Style::new().bold() };
        self.log(now, format!("{} {place}: {gist}", colour.apply_to(author)), Some(remark.comment));
    }

    /// A comment has one line, which is the newest again when the comment is edited.
    fn log(&mut self, at: DateTime<Utc>, text: String, comment: Option<u64>) {
        let before = comment.and_then(|_| self.log.iter().position(|entry| entry.comment == comment));
        let reactions = before.and_then(|before| self.log.remove(before)).map(|entry| entry.reactions);
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(Entry { at, text, comment, reactions: reactions.unwrap_or_default() });
    }

    /// Shows the records as they are now. Drawn only where something changed, except for the ages of a live table.
    pub fn show(&mut self, now: DateTime<Utc>, records: &[Record]) {
        match self.manner {
            Manner::Live => self.draw(now, records),
            Manner::Lines | Manner::Json => self.print_changes(now, records),
        }
        self.is_closed |= std::io::stdout().flush().is_err();
    }

    fn print_changes(&mut self, now: DateTime<Utc>, records: &[Record]) {
        for record in records {
            let Some(status) = &record.status else { continue };
            let state = (status.phase, status.url.clone(), status.message.clone());
            if self.said.get(&record.key) == Some(&state) {
                continue;
            }
            self.said.insert(record.key.clone(), state);
            if self.manner == Manner::Json {
                let line = serde_json::json!({
                    "event": "environment",
                    "at": now,
                    "environment": record.key.to_string(),
                    "phase": status.phase,
                    "reason": status.reason,
                    "message": status.message,
                    "url": status.url,
                    "expires_at": status.expires_at,
                    "cost_usd": status.cost_at(now).dollars(),
                });
                self.line(line);
                continue;
            }
            let row = row(now, record);
            let detail = match row.phase {
                Phase::Ready => row.url,
                _ => row.message,
            };
            self.line(format_args!("{}  {:<16} {:<16} {detail}", now.format("%H:%M:%S"), row.env, row.phase));
        }
    }

    fn draw(&mut self, now: DateTime<Utc>, records: &[Record]) {
        let rows: Vec<Row> = records.iter().map(|record| row(now, record)).collect();
        let (height, width) = self.term.size();
        let mut lines = table(&rows);
        lines.push(String::new());
        lines.push(Style::new().bold().apply_to("CONVERSATION").to_string());
        let room = usize::from(height).saturating_sub(rows.len() + OTHER_LINES).max(LEAST_LOG_LINES);
        lines.extend(self.log.iter().skip(self.log.len().saturating_sub(room)).map(Entry::line));
        let _ = self.term.clear_last_lines(self.drawn);
        for line in &lines {
            let _ = self.term.write_line(&truncate_str(line, usize::from(width).saturating_sub(1), "…"));
        }
        self.drawn = lines.len();
    }
}

impl Entry {
    /// With the reactions behind what they are to, as the forge shows them.
    fn line(&self) -> String {
        let reactions: String = self.reactions.iter().map(|sign| format!("  {sign}")).collect();
        format!("{}  {}{reactions}", Style::new().dim().apply_to(self.at.format("%H:%M:%S")), self.text)
    }
}

fn row(now: DateTime<Utc>, record: &Record) -> Row {
    let env = record.key.to_string();
    let Some(status) = &record.status else {
        let (age, expires, cost) = (String::new(), String::new(), String::new());
        return Row { env, phase: Phase::Pending, age, expires, cost, url: String::new(), message: String::new() };
    };
    let since = |at: Option<DateTime<Utc>>| at.and_then(|at| (now - at).to_std().ok()).map(coarse).unwrap_or_default();
    let expires = match (status.expires_at - now).to_std() {
        _ if status.phase == Phase::Terminated => "-".to_owned(),
        Ok(left) => format!("in {}", coarse(left)),
        Err(_) => "over".to_owned(),
    };
    Row {
        env,
        phase: status.phase,
        age: since(status.machinery.first_seen_at),
        expires,
        cost: status.cost_at(now).to_string(),
        url: status.url.clone().unwrap_or_default(),
        message: status.message.clone(),
    }
}

/// One or two units, as kubectl shows ages.
fn coarse(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    let whole = match seconds {
        0..=599 => seconds,
        600..=35_999 => seconds / 60 * 60,
        _ => seconds / 3600 * 3600,
    };
    format_duration(std::time::Duration::from_secs(whole)).replace(' ', "")
}

fn table(rows: &[Row]) -> Vec<String> {
    let mut lines = vec![
        Style::new()
            .bold()
            .apply_to(format!(
                "{:<18}{:<17}{:<8}{:<10}{:<10}{}",
                "ENVIRONMENT", "PHASE", "AGE", "EXPIRES", "COST", "ADDRESS"
            ))
            .to_string(),
    ];
    for row in rows {
        let phase = colour(row.phase).apply_to(format!("{:<17}", row.phase.as_str()));
        let detail = if row.url.is_empty() {
            Style::new().dim().apply_to(row.message.as_str()).to_string()
        } else {
            Style::new().underlined().apply_to(row.url.as_str()).to_string()
        };
        lines.push(format!("{:<18}{phase}{:<8}{:<10}{:<10}{detail}", row.env, row.age, row.expires, row.cost));
    }
    lines
}

fn colour(phase: Phase) -> Style {
    match phase {
        Phase::Ready => Style::new().green(),
        Phase::Failed | Phase::Invalid => Style::new().red(),
        Phase::Degraded => Style::new().yellow(),
        Phase::Terminated | Phase::Terminating | Phase::Asleep => Style::new().dim(),
        _ => Style::new().cyan(),
    }
}
