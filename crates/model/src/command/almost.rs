//! A line that was meant as a command and is none, so that its author learns why nothing happens.
//!
//! Only a line that cannot be anything else counts: what would be a whole command, after a mark or a sentence, or with its name
//! misspelled. Text that mentions a command, and code, is nothing.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::find::lines;
use super::markup::{RawHtml, is_too_nested};
use super::{Command, Line, MAX_BODY_CHARACTERS, Verb, mail, table};

/// A line that is almost a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Almost<'a> {
    /// The line, from its first visible character on.
    pub line: Line<'a>,
    /// The command that was meant.
    pub verb: Verb,
    slip: Slip,
}

/// The reason that a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    /// It stands in a list or in a heading.
    Listed,
    /// Something stands before it on its line.
    Before,
    /// It is emphasised.
    Emphasised,
    /// The name is not written as it is.
    Spelled,
}

/// Slashes that keyboards and input methods make of `/`.
const SLASHES: [char; 5] = ['/', '\u{FF0F}', '\u{2044}', '\u{2215}', '\\'];

impl Almost<'_> {
    /// Returns why it is no command and what would be one: a sentence or two of Markdown, without the full stop at the end.
    pub fn hint(&self, name: &str) -> String {
        let why = match self.slip {
            Slip::Listed => "it stands in a list or a heading".to_owned(),
            Slip::Before => "something stands before it on its line".to_owned(),
            Slip::Emphasised => "it is emphasised".to_owned(),
            Slip::Spelled => format!("a command begins with `{name}` and a blank"),
        };
        let example = table::row(self.verb).example;
        format!(
            "this is not a command, since {why}. A command stands alone at the start of a line of a new comment, such as \
             `{name} {example}`"
        )
    }
}

/// Returns the first line of a text that was meant as a command and is none. Call it for a text without commands.
pub fn almost<'a>(body: &'a str, name: &str) -> Option<Almost<'a>> {
    let word = name.trim_start_matches('/').to_ascii_lowercase();
    // Most texts do not name the command, and cost no more than this look.
    if word.is_empty() || !body.to_ascii_lowercase().contains(&word) {
        return None;
    }
    if body.chars().nth(MAX_BODY_CHARACTERS).is_some() || is_too_nested(body) {
        return None;
    }
    let mut candidates = candidates(body, name).peekable();
    candidates.peek()?;
    let page = Page::read(body);
    let history = mail::history(body, &page.sheltered, &[]).into_iter().chain(page.html_history).min();
    let is_own = |at: usize| history.is_none_or(|history| at < history);
    candidates.find(|(at, _)| page.shows(*at) && is_own(*at)).map(|(_, almost)| almost)
}

/// The lines that may be meant as a command, each with the place of the command in the text.
fn candidates<'a>(body: &'a str, name: &str) -> impl Iterator<Item = (usize, Almost<'a>)> {
    let mut begin = 0;
    lines(body).enumerate().filter_map(move |(number, whole)| {
        let line_begins = begin;
        begin += whole.len();
        let text = whole.trim();
        let indent = whole.len() - whole.trim_start().len();
        let (at, verb, slip) = slip_in(text, indent, name)?;
        Some((line_begins + indent + at, Almost { line: Line { number: number + 1, text }, verb, slip }))
    })
}

/// Where in a line without blanks around it the command stands, which one it is, and what is wrong with it.
fn slip_in(text: &str, indent: usize, name: &str) -> Option<(usize, Verb, Slip)> {
    let unmarked = after_marker(text);
    let uncalled = after_mentions(unmarked);
    let plain = uncalled.trim_start_matches(['*', '_']);
    let at = text.len() - plain.len();
    if let Some(rest) = after_name(plain, name) {
        let is_emphasised = plain.len() < uncalled.len();
        let rest = if is_emphasised { rest.trim_end_matches(['*', '_']) } else { rest };
        let slip = match () {
            () if is_emphasised => Slip::Emphasised,
            () if uncalled.len() < unmarked.len() => Slip::Before,
            () if unmarked.len() < text.len() || indent > 0 => Slip::Listed,
            // It begins as commands do, and stands in code or a quotation.
            () => return None,
        };
        return Some((at, whole_command(rest)?, slip));
    }
    if let Some(verb) = after_misspelled(plain, name).and_then(whole_command) {
        return Some((at, verb, Slip::Spelled));
    }
    text.match_indices(name).find_map(|(at, _)| {
        let before = &text[..at];
        let ends_sentence = before.ends_with(' ') && before.trim_end().ends_with(['.', '!', '?', '…', ',']);
        let rest = after_name(&text[at..], name).filter(|_| ends_sentence)?;
        Some((at, whole_command(rest)?, Slip::Before))
    })
}

/// Returns the text after the mark of an item of a list, or of a heading.
fn after_marker(text: &str) -> &str {
    let is_mark = |mark: &str| {
        let digits = mark.trim_end_matches(['.', ')']);
        matches!(mark, "-" | "*" | "+")
            || (!mark.is_empty() && mark.len() <= 6 && mark.bytes().all(|byte| byte == b'#'))
            || (digits.len() + 1 == mark.len() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    text.split_once(' ').filter(|(mark, _)| is_mark(mark)).map_or(text, |(_, rest)| rest.trim_start())
}

/// Returns the text after the people and teams that are called.
fn after_mentions(text: &str) -> &str {
    let mut rest = text;
    while let Some((called, after)) = rest.strip_prefix('@').and_then(|called| called.split_once(' ')) {
        let login = called.trim_end_matches([',', ':']);
        let is_login = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '[' | ']');
        if login.is_empty() || !login.chars().all(is_login) {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

/// Returns the text after the name, if it is a word of its own.
fn after_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let given = text.get(..name.len()).filter(|given| given.eq_ignore_ascii_case(name))?;
    Some(&text[given.len()..]).filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// Returns the text after a name with another slash, with a blank in it, or run together with the verb.
fn after_misspelled<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let word = name.strip_prefix('/')?;
    let bare = text.strip_prefix(SLASHES)?.trim_start_matches(SLASHES).trim_start();
    bare.get(..word.len()).filter(|given| given.eq_ignore_ascii_case(word))?;
    Some(bare[word.len()..].trim_start_matches(|mark: char| "-_:/.".contains(mark) || mark.is_whitespace()))
}

/// The verb of a text that is a command from its beginning to its end.
fn whole_command(text: &str) -> Option<Verb> {
    text.trim().trim_end_matches(['.', '!']).parse::<Command>().ok().map(|command| command.verb())
}

/// A text as Markdown shows it.
#[derive(Default)]
struct Page {
    /// The ordinary text, emphasised or not, in order.
    texts: Vec<Range<usize>>,
    /// Code and HTML.
    sheltered: Vec<Range<usize>>,
    html_history: Option<usize>,
}

impl Page {
    fn read(body: &str) -> Self {
        let mut page = Self::default();
        let (mut quotes, mut shelters) = (0_usize, 0_usize);
        let mut raw_html = RawHtml::default();
        for (event, range) in Parser::new_ext(body, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
            match event {
                Event::Start(Tag::Paragraph | Tag::Heading { .. }) if raw_html.is_open() => page.sheltered.push(range),
                Event::Start(Tag::BlockQuote(_)) => quotes += 1,
                Event::End(TagEnd::BlockQuote(_)) => quotes -= 1,
                Event::Start(tag) if shelters_text(&tag) => {
                    if matches!(tag, Tag::HtmlBlock) && quotes == 0 {
                        page.read_html(body, range.clone(), &mut raw_html);
                    }
                    if matches!(tag, Tag::HtmlBlock | Tag::CodeBlock(_)) {
                        page.sheltered.push(range);
                    }
                    shelters += 1;
                }
                Event::End(end) if ends_shelter(end) => shelters -= 1,
                Event::InlineHtml(_) if quotes == 0 => page.read_html(body, range, &mut raw_html),
                Event::Text(_) if quotes + shelters == 0 && !raw_html.is_open() => page.texts.push(range),
                _ => {}
            }
        }
        page
    }

    fn read_html(&mut self, body: &str, range: Range<usize>, raw_html: &mut RawHtml) {
        let html = &body[range.clone()];
        raw_html.read(html);
        if mail::is_html_history(html) {
            self.html_history.get_or_insert(range.start);
        }
    }

    fn shows(&self, at: usize) -> bool {
        self.texts.iter().any(|range| range.contains(&at))
    }
}

fn shelters_text(tag: &Tag<'_>) -> bool {
    ends_shelter(tag.to_end())
}

fn ends_shelter(end: TagEnd) -> bool {
    !matches!(
        end,
        TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::Item
            | TagEnd::List(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::Emphasis
            | TagEnd::Strong
    )
}
