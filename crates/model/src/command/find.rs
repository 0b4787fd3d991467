//! The lines of a comment that are commands.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::CommandError;
use super::hidden::is_hidden;
use super::mail;
use super::markup::{RawHtml, is_too_nested};

/// The most commands of one comment. A person types one or two; a thousand are an attack or an accident.
pub const MAX_COMMANDS: usize = 10;

/// The longest comment that is read, in characters: what GitHub allows ("body is too long (maximum is 65536 characters)").
pub const MAX_BODY_CHARACTERS: usize = 65_536;

/// A line is code from the fourth blank on (CommonMark 0.31.2, section 4.4, "Indented code blocks").
const MAX_INDENT: usize = 3;

/// A line of a comment that begins with the name of the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Which line of the comment it is, from 1.
    pub number: usize,
    /// From the name to the end of the line, without the blanks around it. As it was typed: whoever shows it escapes it.
    pub text: &'a str,
}

impl Line<'_> {
    /// The line as it may stand between backticks in an answer: at most 60 characters, invisible ones escaped and
    /// backticks replaced.
    pub fn excerpt(&self) -> String {
        super::error::excerpt(self.text)
    }
}

/// The lines of a comment that are commands, in order, understood or not.
///
/// A command stands alone on a line of ordinary text: at its start, after three spaces at most; in a list only at the very
/// start, where it belongs to an item only by accident. It is none in a quotation (the lazy lines of one included), in code
/// of any kind, in HTML or an HTML comment, in a link, in what is emphasised or struck out, and between raw tags of HTML
/// that mean the same (`<blockquote>`, `<pre>`, `<code>`, `<del>`, …). Nothing below the separator of an e-mail's history is
/// a command: others wrote it. The name counts in any case, and also if characters
/// stand in it that nobody sees: such a line is found, so that it can be refused aloud.
///
/// # Errors
/// What refuses a comment as a whole: [`CommandError::TooMany`], [`CommandError::TooLong`], [`CommandError::TooNested`].
/// The last two only if a line looks like a command.
pub fn find_commands<'a>(body: &'a str, name: &str) -> Result<Vec<Line<'a>>, CommandError> {
    find(body, name).map(|found| found.lines).map_err(|(_, error)| error)
}

/// The lines of a comment that are commands, and those that would be but for the history of an e-mail.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub lines: Vec<Line<'a>>,
    /// They stand below the separator of a history.
    pub below: Vec<Line<'a>>,
}

/// As [`find_commands`]; the error with the line that it is answered to.
pub(super) fn find<'a>(body: &'a str, name: &str) -> Result<Found<'a>, (Line<'a>, CommandError)> {
    // Most comments hold no command, and cost no more than this look.
    let candidates = candidates(body, name);
    let Some(first) = candidates.first().map(|candidate| candidate.line) else {
        return Ok(Found::default());
    };
    if body.chars().nth(MAX_BODY_CHARACTERS).is_some() {
        return Err((first, CommandError::TooLong));
    }
    if is_too_nested(body) {
        return Err((first, CommandError::TooNested));
    }
    let found = without_history(body, in_plain_text(body, candidates));
    match found.lines.first() {
        Some(first) if found.lines.len() > MAX_COMMANDS => {
            Err((*first, CommandError::TooMany { count: found.lines.len() }))
        }
        _ => Ok(found),
    }
}

/// Parts what the author wrote from the history of an e-mail.
fn without_history<'a>(body: &'a str, PlainText { found, sheltered, html_history }: PlainText<'a>) -> Found<'a> {
    if found.is_empty() {
        return Found::default();
    }
    let begins: Vec<usize> = found.iter().map(|candidate| candidate.begin).collect();
    let history = mail::history(body, &sheltered, &begins).into_iter().chain(html_history).min();
    let (below, lines): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|candidate| history.is_some_and(|history| candidate.begin >= history));
    let lines_of = |found: Vec<Candidate<'a>>| found.into_iter().map(|candidate| candidate.line).collect();
    Found { lines: lines_of(lines), below: lines_of(below) }
}

/// A line that begins as a command does, wherever it may stand.
struct Candidate<'a> {
    line: Line<'a>,
    /// Where in the comment the text begins.
    begin: usize,
    /// How many blanks stand before it.
    indent: usize,
}

fn candidates<'a>(body: &'a str, name: &str) -> Vec<Candidate<'a>> {
    let mut found = Vec::new();
    let mut begin = 0;
    for (number, whole) in lines(body).enumerate() {
        let text = whole.trim_start_matches(' ');
        let indent = whole.len() - text.len();
        if indent <= MAX_INDENT && begins_with(text, name) {
            let text = text.trim_end_matches([' ', '\t', '\r', '\n']);
            found.push(Candidate { line: Line { number: number + 1, text }, begin: begin + indent, indent });
        }
        begin += whole.len();
    }
    found
}

/// The lines with their ends: LF, CR LF or CR (CommonMark, section 2.1).
pub(super) fn lines(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let end = rest.find(['\r', '\n']).map_or(rest.len(), |at| at + 1);
        let end = if rest[..end].ends_with('\r') && rest[end..].starts_with('\n') { end + 1 } else { end };
        let (line, after) = rest.split_at(end);
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// Whether the visible text begins with the name, and something else or nothing follows it.
fn begins_with(text: &str, name: &str) -> bool {
    let mut rest = text.chars();
    let mut expected = name.chars();
    let mut visible = rest.by_ref().filter(|character| !is_hidden(*character));
    let named = !name.is_empty()
        && expected.all(|wanted| visible.next().is_some_and(|given| given.eq_ignore_ascii_case(&wanted)));
    // A no-break space ends a word as well; the line is then refused for it.
    named && rest.next().is_none_or(|next| next.is_whitespace() || is_hidden(next))
}

/// The lines that are commands but for the history of an e-mail, in a comment that is neither long nor nested.
#[cfg(test)]
pub(super) fn in_plain_text_alone<'a>(body: &'a str, name: &str) -> Vec<Line<'a>> {
    in_plain_text(body, candidates(body, name)).found.into_iter().map(|candidate| candidate.line).collect()
}

/// A comment as Markdown shows it.
struct PlainText<'a> {
    /// Those candidates that are ordinary text.
    found: Vec<Candidate<'a>>,
    /// Which ranges are code, HTML, or text that raw HTML quotes.
    sheltered: Vec<Range<usize>>,
    /// Where the history of an e-mail begins by its HTML.
    html_history: Option<usize>,
}

fn in_plain_text<'a>(body: &'a str, candidates: Vec<Candidate<'a>>) -> PlainText<'a> {
    let mut candidates = candidates.into_iter().peekable();
    let (mut found, mut sheltered, mut html_history) = (Vec::new(), Vec::new(), None);
    let (mut lists, mut quotes, mut shelters) = (0_usize, 0_usize, 0_usize);
    let mut raw_html = RawHtml::default();
    // Struck out is taken back. Tables, footnotes and the rest of GitHub's Markdown change nothing for a line's start.
    for (event, range) in Parser::new_ext(body, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
        match event {
            Event::Start(tag) => match tag {
                Tag::Paragraph | Tag::Heading { .. } => {
                    if raw_html.is_open() {
                        sheltered.push(range);
                    }
                }
                Tag::Item => {}
                Tag::List(_) => lists += 1,
                Tag::BlockQuote(_) => quotes += 1,
                Tag::HtmlBlock => {
                    // What is open in a quotation ends with it.
                    if quotes == 0 {
                        let html = &body[range.clone()];
                        raw_html.read(html);
                        if mail::is_html_history(html) {
                            html_history.get_or_insert(range.start);
                        }
                    }
                    sheltered.push(range);
                    shelters += 1;
                }
                Tag::CodeBlock(_) => {
                    sheltered.push(range);
                    shelters += 1;
                }
                _ => shelters += 1,
            },
            Event::End(end) => match end {
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item => {}
                TagEnd::List(_) => lists -= 1,
                TagEnd::BlockQuote(_) => quotes -= 1,
                _ => shelters -= 1,
            },
            Event::InlineHtml(_) if quotes == 0 => {
                let html = &body[range.clone()];
                raw_html.read(html);
                if mail::is_html_history(html) {
                    html_history.get_or_insert(range.start);
                }
            }
            Event::Text(_) => {
                // Whatever was passed over was not the beginning of a text: code, HTML, the title of a link.
                while candidates.next_if(|candidate| candidate.begin < range.start).is_some() {}
                if let Some(candidate) = candidates.next_if(|it| it.begin == range.start)
                    && quotes + shelters == 0
                    && !raw_html.is_open()
                    && (lists == 0 || candidate.indent == 0)
                {
                    found.push(candidate);
                }
            }
            _ => {}
        }
    }
    PlainText { found, sheltered, html_history }
}
