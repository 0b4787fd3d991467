//! Texts of strangers, made inert for GitHub's Markdown.

use std::fmt::Write as _;

/// The most characters of one text: a sentence or two.
pub(super) const MOST: usize = 500;

/// A text in which nothing is a mark of Markdown, a mention, a reference or a link, on one line, cut.
///
/// Entities "cannot be used in place of symbols indicating structure" (CommonMark 0.31.2, section 2.5). What GitHub looks for
/// after that (`@name`, `#12`, `www.`) is broken by a character of no width.
pub(crate) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut characters = text.chars().filter(|character| !turns(*character));
    for character in characters.by_ref().take(MOST) {
        match character {
            character if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') => out.push(' '),
            ' ' | ',' | ';' => out.push(character),
            character if character.is_ascii_punctuation() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "&#{};", u32::from(character));
                if matches!(character, '@' | '#' | '.' | ':') {
                    out.push('\u{200b}');
                }
            }
            character => out.push(character),
        }
    }
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// A text as inline code, to be recognised or copied.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _-./:=,+*?{}#".contains(c);
    if !text.is_empty() && text.len() <= MOST && text.trim() == text && text.chars().all(plain) {
        return format!("`{text}`");
    }
    format!("<code>{}</code>", prose(text))
}

/// Marks that turn the direction of writing, and with it the rest of the line (Unicode Standard Annex 9).
pub(super) fn turns(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_mentions_are_inert() {
        let shown = prose("**x** @all <b> [a](http://b) `c` #1\n\u{202e}");
        for mark in ["**", "@all", "<", "[", "](", "`", "#1", "\n", "\u{202e}"] {
            assert!(!shown.contains(mark), "{mark} in {shown}");
        }
    }

    #[test]
    fn plain_names_are_code() {
        assert_eq!(quoted("SUPERSET_*"), "`SUPERSET_*`");
        assert_eq!(quoted("a`b"), "<code>a&#96;b</code>");
    }

    proptest::proptest! {
        #[test]
        fn nothing_gets_out(text in ".{0,600}") {
            for shown in [prose(&text), quoted(&text).replace("<code>", "").replace("</code>", "")] {
                let inner = shown.strip_prefix('`').and_then(|shown| shown.strip_suffix('`')).unwrap_or(&shown);
                proptest::prop_assert!(!inner.contains(['`', '<', '>', '[', '@', '\n']), "{}", shown);
            }
        }
    }
}
