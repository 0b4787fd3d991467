//! Values that stand in a list or a sentence: where a value ends that is not in quotes.
//!
//! People write `FEATURE_A=true, FEATURE_B=true.` A mark that can only part two settings, or end the sentence, is no part of
//! the value. Where it may be a part, the value is refused, so that no value is silently another one than was meant.

use super::ArgumentProblem;
use super::arguments::{blank, boolean};
use super::error::excerpt;
use super::read::{is_flag, is_setting};
use crate::decode::is_variable_name;

/// Returns whether a character parts the settings of a list.
pub(super) fn separates(character: char) -> bool {
    matches!(character, ',' | ';' | '，' | '；' | '、')
}

/// Returns whether a character ends a sentence, or a part of one.
pub(super) fn ends(character: char) -> bool {
    separates(character) || matches!(character, '.' | '!' | '?' | ':' | '。' | '！' | '？' | '…')
}

/// Whether a character can only be a part of a value, apart from a full stop or colon at its end.
pub(super) fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':' | '+' | '/' | '@' | '%' | '~' | '*')
}

/// Returns the value of a setting that stands in `plain`, a word without blanks. `after` is what follows the word. What is
/// left of the word ends a sentence or begins the next setting.
///
/// # Errors
/// [`ArgumentProblem::List`] when there is more than one way to read it.
pub(super) fn first_of<'a>(name: &str, plain: &'a str, after: &str) -> Result<&'a str, ArgumentProblem> {
    let unclear = || ArgumentProblem::List { given: excerpt(&format!("{name}={plain}")) };
    let is_ours = is_flag(name) || is_setting(name);
    if let Some((value, next)) = next_setting(plain) {
        // The value of a variable of configuration may hold settings itself, as a connection string does.
        let is_list = is_simple(value) && (is_ours || is_flag(next) || is_setting(next));
        return if is_list { Ok(value) } else { Err(unclear()) };
    }
    let value = plain.trim_end_matches(ends);
    let mut tail = plain[value.len()..].chars();
    let clear = match (tail.next(), tail.next()) {
        (None, _) => !is_flag(name) || value.chars().all(is_plain),
        (Some(_), None) if boolean(value).is_some() || is_setting(name) => true,
        (Some(mark), None) => separates(mark) && is_simple(value) && !after.trim_matches(blank).is_empty(),
        (Some(_), Some(_)) => false,
    };
    if clear { Ok(value) } else { Err(unclear()) }
}

/// The value before a separator that `NAME=` follows, and that name.
fn next_setting(plain: &str) -> Option<(&str, &str)> {
    plain.char_indices().filter(|(_, character)| separates(*character)).find_map(|(at, character)| {
        let (next, _) = plain[at + character.len_utf8()..].split_once('=')?;
        is_variable_name(next).then_some((&plain[..at], next))
    })
}

fn is_simple(value: &str) -> bool {
    !value.is_empty() && value.chars().all(is_plain)
}

/// Returns what follows a closing quote, without the mark that parts it from the next setting or ends the sentence; `None` when
/// the quote ends inside of a word.
pub(super) fn after_quote(rest: &str) -> Option<&str> {
    let after = rest.strip_prefix(ends).unwrap_or(rest);
    let is_parted = after.is_empty() || after.starts_with(blank) || rest.starts_with(separates);
    is_parted.then_some(after)
}
