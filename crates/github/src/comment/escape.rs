//! Texts of strangers, made inert for GitHub's Markdown.
//!
//! CommonMark says that entity references "cannot be used in place of symbols indicating structure" (section 2.5), so a
//! text whose punctuation is all entities can open nothing and close nothing: no emphasis, no link, no HTML, no table
//! cell. What GitHub looks for after rendering (`@name`, `#12`) is broken by a zero-width space.

use std::fmt::Write as _;

/// Invisible, and no part of any name.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// A text to read: one line, inert, at most `most` characters of the original. What stands between backticks is code.
pub(crate) fn prose(text: &str, most: usize) -> String {
    let text = one_line(text, most);
    let parts: Vec<_> = text.split('`').collect();
    if parts.len() % 2 == 0 {
        return escape(&text, true);
    }
    // Our own sentences quote by pairs of backticks.
    let shown = |(at, part): (usize, &&str)| match at % 2 {
        0 => escape(part, true),
        _ => code(part, most),
    };
    parts.iter().enumerate().map(shown).collect()
}

/// A text to copy, as inline code: one line, inert, at most `most` characters of the original.
///
/// A code span where nothing in the text could end it; else `<code>` with entities, which looks the same. GitHub looks
/// for no names and numbers in code, so the text can be copied exactly.
pub(super) fn code(text: &str, most: usize) -> String {
    let text = one_line(text, most);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '=' | ',' | '+' | ' ');
    if text.is_empty() {
        "<code> </code>".to_owned()
    } else if text.chars().all(plain) && text.trim() == text {
        format!("`{text}`")
    } else {
        format!("<code>{}</code>", escape(&text, false))
    }
}

/// A link to `address`, shown as it is; inline code if it is no plain web address.
pub(super) fn link(address: &str) -> String {
    /// As browsers: Chromium and Safari take far more, older proxies about this much.
    const MOST: usize = 2048;
    let plain = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'=' | b'&' | b'%' | b'#' | b'+' | b',')
    };
    let web = address.starts_with("http://") || address.starts_with("https://");
    if web && address.len() <= MOST && address.bytes().all(plain) {
        // In a link's text nothing becomes a link, so most addresses can stand as they are.
        let simple = address.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'/'));
        let shown = if simple { address.to_owned() } else { escape(address, false) };
        format!("[{shown}]({address})")
    } else {
        code(address, MOST)
    }
}

/// On one line, without controls and without marks that turn the direction of writing, cut with an ellipsis.
fn one_line(text: &str, most: usize) -> String {
    let turns = |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut rest = text
        .chars()
        .filter(|c| !turns(c))
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c });
    let mut out: String = rest.by_ref().take(most).collect();
    if rest.next().is_some() {
        out.push('…');
    }
    out
}

fn escape(text: &str, breaking: bool) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut before, mut digits_only) = (None, true);
    for c in text.chars() {
        // Left as they are, since alone they open nothing in the middle of a line. But `- ` and `1. ` begin lists, and
        // `www.` is made a link.
        let harmless = match c {
            ' ' | ',' | ';' => true,
            '-' => before.is_some(),
            '.' => !digits_only && !matches!(before, Some('w' | 'W')),
            c => !c.is_ascii_punctuation(),
        };
        if harmless {
            out.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "&#{};", u32::from(c));
        }
        if breaking && matches!(c, '@' | '#') {
            out.push(ZERO_WIDTH_SPACE);
        }
        before = Some(c);
        digits_only &= c.is_ascii_digit();
    }
    out
}
