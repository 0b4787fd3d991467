//! What follows the verb, cut into words.

use std::borrow::Cow;

use super::ArgumentProblem;
use super::error::excerpt;

/// What follows the verb, without the blanks around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arguments<'a>(&'a str);

/// `NAME=value`, the quotes taken off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    pub name: &'a str,
    pub value: Cow<'a, str>,
    pub quoted: bool,
}

impl<'a> Arguments<'a> {
    pub fn new(text: &'a str) -> Self {
        Self(text.trim_matches(blank))
    }

    /// All of it, as it was typed.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// All of it as `NAME=value`, in order. Nothing follows an error.
    pub fn pairs(self) -> Pairs<'a> {
        Pairs { rest: self.0 }
    }
}

/// See [`Arguments::pairs`].
pub(super) struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, ArgumentProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        let begin = self.rest.trim_start_matches(blank);
        if begin.is_empty() {
            return None;
        }
        let read = pair(begin);
        self.rest = read.as_ref().map_or("", |(_, rest)| rest);
        Some(read.map(|(pair, _)| pair))
    }
}

/// The first pair, and what follows it. `text` begins with no blank.
fn pair(text: &str) -> Result<(Pair<'_>, &str), ArgumentProblem> {
    let word = text.split(blank).next().unwrap_or_default();
    let Some((name, plain)) = word.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        return Err(ArgumentProblem::Positional { given: excerpt(word) });
    };
    let from_value = &text[name.len() + 1..];
    if let Some(inner) = from_value.strip_prefix('"') {
        let (value, rest) = unquote(inner).ok_or_else(|| ArgumentProblem::Unclosed { given: excerpt(from_value) })?;
        if !rest.is_empty() && !rest.starts_with(blank) {
            return Err(ArgumentProblem::Quote { given: excerpt(text) });
        }
        return Ok((Pair { name, value, quoted: true }, rest));
    }
    // Phones type curly quotes by themselves. Taken as a part of the value they would spoil it unseen.
    if word.contains('"') || plain.starts_with(['\u{201C}', '\u{201D}', '\u{201E}']) {
        return Err(ArgumentProblem::Quote { given: excerpt(word) });
    }
    Ok((Pair { name, value: Cow::Borrowed(plain), quoted: false }, &text[word.len()..]))
}

/// The text up to the closing quote, with `\"` and `\\` resolved, and what follows the quote; `None` if it has no end.
/// Any other backslash is itself.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = Cow::Borrowed("");
    let mut from = 0;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                value += &text[from..at];
                return Some((value, &text[at + 1..]));
            }
            '\\' if text[at + 1..].starts_with(['"', '\\']) => {
                value += &text[from..at];
                from = at + 1;
                characters.next();
            }
            _ => {}
        }
    }
    None
}

/// A value so that it is read back as it is: bare if it can be.
pub(super) fn quoted(value: &str) -> Cow<'_, str> {
    let plain = !value.contains([' ', '\t', '"', '\u{201C}', '\u{201D}', '\u{201E}']);
    // A bare word for a boolean would be put in lower case.
    let boolean = boolean(value).is_some_and(|boolean| boolean != value);
    if plain && !boolean {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// `true` or `false`, if the word is one of them in any case.
pub(super) fn boolean(word: &str) -> Option<&'static str> {
    ["true", "false"].into_iter().find(|known| word.eq_ignore_ascii_case(known))
}

/// What parts words.
pub(super) fn blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}
