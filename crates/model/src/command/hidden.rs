//! Characters that nobody sees, or that make a line look like another one.

/// The first character of a line that a person cannot have typed knowingly. It makes the line refused rather than cleaned:
/// what is done must be what was seen.
pub(super) fn first(line: &str) -> Option<char> {
    line.chars().find(|character| is_hidden(*character))
}

/// Whether a character shows nothing, or turns the text around it: the zero-width and directional characters of Unicode's
/// General Punctuation and Arabic blocks (Unicode Standard 16, chapters 9.2 and 23.2; UAX #9 for the directional ones),
/// soft hyphen and byte order mark, the tag characters (chapter 23.9), every control character, and every blank but space
/// and tab, since a no-break space does not part words.
pub(super) fn is_hidden(character: char) -> bool {
    match character {
        ' ' | '\t' => false,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{FEFF}' => true,
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' => true,
        '\u{E0000}'..='\u{E007F}' => true,
        other => other.is_control() || other.is_whitespace(),
    }
}
