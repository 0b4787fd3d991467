//! The flags that the description of a pull request names, for the label that is a command.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::arguments::{Pair, blank};
use super::error::excerpt;
use super::markup::{RawHtml, is_too_nested};
use super::read::{FLAG, UpReader};
use super::{ArgumentProblem, MAX_BODY_CHARACTERS, list};

/// Returns the feature flags that a text names as `FEATURE_X=value`, wherever they stand in a sentence, in a list or in code. Quoted
/// text, struck-out text and HTML are not read. A name without a value is a mention.
///
/// # Errors
/// [`ArgumentProblem`] when a value can be read in two ways, a flag has two values, or there are too many.
pub fn flags_in(text: &str) -> Result<BTreeMap<String, String>, ArgumentProblem> {
    let mut reader = UpReader::default();
    if !text.contains(FLAG) || text.chars().nth(MAX_BODY_CHARACTERS).is_some() || is_too_nested(text) {
        return Ok(BTreeMap::new());
    }
    for line in visible(text).lines() {
        for (at, _) in line.match_indices(FLAG) {
            let is_part = |before: char| before.is_alphanumeric() || before == '_';
            if !line[..at].ends_with(is_part) {
                read(&line[at..], &mut reader)?;
            }
        }
    }
    reader.fits()?;
    Ok(reader.up.flags)
}

/// Reads the flag at the beginning of a text, if it has a value.
fn read(text: &str, reader: &mut UpReader) -> Result<(), ArgumentProblem> {
    // Brackets around a flag in a sentence are no part of it.
    let is_around = |mark: char| blank(mark) || "()[]{}<>|\"'`".contains(mark);
    let word = text.split(is_around).next().unwrap_or_default();
    let Some((name, plain)) = word.split_once('=') else { return Ok(()) };
    let unclear = || ArgumentProblem::List { given: excerpt(text.split(blank).next().unwrap_or_default()) };
    // Something always follows in a text, so a comma at the end of a word parts.
    let value = list::first_of(name, plain, "…")?;
    if value.is_empty() {
        return Err(unclear());
    }
    let known = reader.up.flags.get(name);
    let is_same = known.is_some_and(|known| known.eq_ignore_ascii_case(value));
    if is_same { Ok(()) } else { reader.add(Pair { name, value: value.into(), quoted: false }) }
}

/// The text that a reader sees, code included, without what is quoted or struck out.
fn visible(text: &str) -> String {
    let mut out = String::new();
    let mut sheltered = 0_usize;
    let mut raw_html = RawHtml::default();
    let is_shelter = |end: TagEnd| {
        matches!(end, TagEnd::BlockQuote(_) | TagEnd::HtmlBlock | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
    };
    for (event, range) in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if matches!(tag, Tag::HtmlBlock) {
                    raw_html.read(&text[range]);
                }
                sheltered += usize::from(is_shelter(tag.to_end()));
                out.push('\n');
            }
            Event::End(end) => {
                sheltered -= usize::from(is_shelter(end));
                out.push('\n');
            }
            Event::InlineHtml(html) => raw_html.read(&html),
            Event::SoftBreak | Event::HardBreak => out.push('\n'),
            Event::Text(shown) | Event::Code(shown) if sheltered == 0 && !raw_html.is_open() => out.push_str(&shown),
            _ => {}
        }
    }
    out
}
