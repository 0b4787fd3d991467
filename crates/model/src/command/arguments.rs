//! What follows the verb, cut into words.

use std::borrow::Cow;

use super::ArgumentProblem;
use super::error::excerpt;
use super::list;

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
        let begin = self.rest.trim_start_matches(|character| blank(character) || list::separates(character));
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
    if let Some(quote) = from_value.chars().next().filter(|character| matches!(character, '"' | '\'')) {
        let unquoted = unquote(&from_value[1..], quote);
        let (value, rest) = unquoted.ok_or_else(|| ArgumentProblem::Unclosed { given: excerpt(from_value) })?;
        let rest = list::after_quote(rest).ok_or_else(|| ArgumentProblem::Quote { given: excerpt(text) })?;
        return Ok((Pair { name, value, quoted: true }, rest));
    }
    // Phones type such quotes by themselves. Taken as a part of the value they would spoil it unseen.
    let misquoted = || ArgumentProblem::Quote { given: excerpt(word) };
    if plain.starts_with(is_mark_of_quotation) || name.contains('"') {
        return Err(misquoted());
    }
    let value = list::first_of(name, plain, &text[word.len()..])?;
    if value.contains('"') || value.ends_with(is_mark_of_quotation) {
        return Err(misquoted());
    }
    let rest = &from_value[value.len()..];
    Ok((Pair { name, value: Cow::Borrowed(value), quoted: false }, rest.trim_start_matches(list::ends)))
}

/// Quotation marks that are not straight, and the one of code.
fn is_mark_of_quotation(character: char) -> bool {
    matches!(
        character,
        '`' | '\'' | '«' | '»' | '‹' | '›' | '\u{2018}'..='\u{201F}' | '「' | '」' | '『' | '』' | '\u{FF02}'
    )
}

/// The text up to the closing quote, and what follows the quote; `None` if it has no end. In double quotes `\"` and `\\` are
/// resolved, and any other backslash is itself. In single quotes nothing is, as in a shell.
fn unquote(text: &str, quote: char) -> Option<(Cow<'_, str>, &str)> {
    if quote != '"' {
        return text.split_once(quote).map(|(value, rest)| (Cow::Borrowed(value), rest));
    }
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

/// A value so that it is read back as it is: bare if it can only be read in one way.
pub(super) fn quoted(value: &str) -> Cow<'_, str> {
    let plain = value.chars().all(list::is_plain) && !value.ends_with(['.', ':']);
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
