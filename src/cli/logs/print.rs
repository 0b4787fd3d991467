//! How a line of a log looks.

use bivouac_ports::LogEvent;
use chrono::SecondsFormat;
use console::{Color, Style};
use serde::Serialize;

use super::source::Source;
use crate::cli::output::Format;
use crate::cli::session::Session;
use crate::exit::Failure;

/// The colours of containers, in turn: those that are read well on light and on dark ground, and are no alarm.
const COLOURS: [Color; 5] = [Color::Cyan, Color::Green, Color::Magenta, Color::Yellow, Color::Blue];

/// A line as `-o json` prints it. Stable: fields are added, never renamed or removed.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    container: &'a str,
    task: &'a str,
    message: &'a str,
    group: &'a str,
    stream: &'a str,
    id: &'a str,
}

/// Prints lines, each in the colour of its container.
pub(super) struct Printer {
    containers: Vec<String>,
    /// Whether lines name their container.
    names: bool,
    styles: Vec<Style>,
}

impl Printer {
    pub(super) fn new(sources: &[Source], session: &Session) -> Self {
        let colour = |at: usize| Style::new().force_styling(session.terminal.colours).fg(COLOURS[at % COLOURS.len()]);
        let mut printer =
            Self { containers: Vec::new(), names: false, styles: (0..COLOURS.len()).map(colour).collect() };
        printer.add(sources);
        printer
    }

    /// Learns of more streams. Containers keep their colours.
    pub(super) fn add(&mut self, sources: &[Source]) {
        for source in sources {
            if !self.containers.contains(&source.container) {
                self.containers.push(source.container.clone());
            }
        }
        self.names = self.containers.len() > 1;
    }

    pub(super) fn print(&self, session: &mut Session, source: &Source, event: &LogEvent) -> Result<(), Failure> {
        let time = event.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        match session.format {
            Format::Json | Format::Yaml => {
                let line = Line {
                    time,
                    container: &source.container,
                    task: &source.task,
                    message: &event.message,
                    group: &source.stream.group,
                    stream: &source.stream.stream,
                    id: &event.id,
                };
                if session.format == Format::Json {
                    session.terminal.json_line(&line)?;
                } else {
                    session.terminal.say("---")?;
                    session.terminal.yaml(&line)?;
                }
            }
            Format::Table | Format::Wide => {
                let mut text = String::new();
                if session.format == Format::Wide {
                    text.push_str(&time);
                    text.push(' ');
                }
                if self.names || session.format == Format::Wide {
                    text.push_str(&self.name(&source.container));
                    text.push(' ');
                }
                match session.terminal.signs {
                    true => text.push_str(&harmless(&event.message, session.terminal.colours)),
                    // A file or a pipe gets what the container wrote.
                    false => text.push_str(&event.message),
                }
                session.terminal.say(&text)?;
            }
        }
        Ok(())
    }

    fn name(&self, container: &str) -> String {
        let at = self.containers.iter().position(|known| known == container).unwrap_or_default();
        self.styles[at % self.styles.len()].apply_to(format!("[{container}]")).to_string()
    }
}

/// A line that does nothing to a terminal but colour it: a pull request's code wrote it. Colours are ended with the line.
fn harmless(message: &str, colours: bool) -> String {
    let mut out = String::with_capacity(message.len());
    let (mut rest, mut coloured) = (message, false);
    while let Some(character) = rest.chars().next() {
        if let Some(sequence) = colour(rest) {
            if colours {
                out.push_str(sequence);
                coloured = true;
            }
            rest = &rest[sequence.len()..];
            continue;
        }
        match character {
            '\t' => out.push('\t'),
            character if character.is_control() => out.extend(character.escape_default()),
            character => out.push(character),
        }
        rest = &rest[character.len_utf8()..];
    }
    if coloured {
        out.push_str("\u{1b}[0m");
    }
    out
}

/// The sequence that sets colours (ECMA-48, 8.3.117, "select graphic rendition") that a text begins with.
fn colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
    parameters[end..].starts_with('m').then(|| &text[..2 + end + 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_and_nothing_else_moves_the_terminal() {
        let line = "\u{1b}[31mred\u{1b}[0m \u{1b}[2J\u{1b}]0;title\u{7} \r\ttab é";
        let shown = harmless(line, true);
        assert_eq!(shown, "\u{1b}[31mred\u{1b}[0m \\u{1b}[2J\\u{1b}]0;title\\u{7} \\r\ttab é\u{1b}[0m");
        let plain = harmless(line, false);
        assert!(!plain.contains('\u{1b}') && plain.starts_with("red "), "{plain:?}");
        assert_eq!(harmless("\u{1b}[31", true), "\\u{1b}[31");
    }
}
