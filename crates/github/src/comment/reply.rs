//! The short reply to a person: how it begins, how it is changed, and what stays of it once all is well.

use super::marker::percent;
use crate::login::Login;

/// The most characters of a reply. Ours: far more than a short one needs, and with the rest of the comment below
/// [`super::MAX_CHARACTERS`] even if a zero-width space follows every character.
const LONGEST: usize = 30_000;
/// Invisible, and no part of any name.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// Words the replies to one person.
#[derive(Debug)]
pub(crate) struct Words<'a> {
    login: Login<'a>,
    marker: String,
}

impl<'a> Words<'a> {
    /// For the controller `instance`.
    pub fn new(instance: &str, login: Login<'a>) -> Self {
        // The comment of an environment has no spaces in its marker, so the two are never mistaken for each other.
        Self { login, marker: format!("<!-- bivouac:reply {} {} -->", percent(instance), login.folded()) }
    }

    /// The hidden first line.
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// The reply as it is made: it calls the person.
    pub fn first(&self, text: &str) -> String {
        format!("{}\n**@{}**\n\n{}\n", self.marker, self.login, inert(text))
    }

    /// The reply as it is changed: nobody is called again.
    pub fn again(&self, text: &str) -> String {
        format!("{}\n**{}**\n\n{}\n", self.marker, self.login, inert(text))
    }

    /// What stays after a later command of this person worked, be it the same one or another. GitHub keeps what was there, so nothing of it is repeated: whoever reads the
    /// conversation later has one thin line to pass, and no alarm.
    pub fn settled(&self) -> String {
        format!(
            "{}\n<sub>✅ {}: a later command worked. The answer that stood here is out of date.</sub>\n",
            self.marker, self.login
        )
    }
}

/// Whether two bodies say the same: GitHub may change the ends of lines.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.trim_end().lines().map(str::trim_end).eq(other.trim_end().lines().map(str::trim_end))
}

/// The Markdown, so that it calls nobody and is not too long. An `@` inside of a word, as of a digest, calls nobody and
/// stays as it is, so that commands can be copied.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut before, mut chars) = (' ', text.trim().chars());
    for c in chars.by_ref().take(LONGEST) {
        out.push(c);
        if c == '@' && !before.is_ascii_alphanumeric() {
            out.push(ZERO_WIDTH_SPACE);
        }
        before = c;
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::comment::{MAX_CHARACTERS, is_marked};

    fn words(login: &str) -> Words<'_> {
        Words::new("default", Login::new(login).unwrap())
    }

    #[test]
    fn a_reply_reads_well_in_all_three_forms() {
        let words = words("Mona");
        let text = "I do not know `/testenv upp`. Did you mean `/testenv up`?";
        insta::assert_snapshot!(format!("{}\n{}\n{}", words.first(text), words.again(text), words.settled()));
    }

    #[test]
    fn the_marker_is_one_persons_and_one_instances() {
        let body = words("Mona").first("No.");
        assert!(is_marked(&body, words("mONA").marker()));
        assert!(!is_marked(&body, words("mona2").marker()));
        assert!(!is_marked(&body, Words::new("other", Login::new("mona").unwrap()).marker()));
    }

    #[test]
    fn ends_of_lines_are_no_difference() {
        let body = words("Mona").first("One.\n\nTwo.");
        assert!(same(&body, body.replace('\n', "\r\n").trim_end()));
        assert!(!same(&body, &words("Mona").again("One.\n\nTwo.")));
    }

    proptest! {
        #[test]
        fn nobody_else_is_called_and_it_is_never_too_long(text in "(@|a|-| |/|\\PC){0,60}", times in 1usize..2000) {
            let body = words("mona").again(&text.repeat(times));
            prop_assert!(body.chars().count() <= MAX_CHARACTERS);
            let chars: Vec<char> = body.chars().collect();
            let calls = chars.windows(3).any(|three| {
                !three[0].is_ascii_alphanumeric() && three[1] == '@' && three[2].is_ascii_alphanumeric()
            });
            prop_assert!(!calls);
        }
    }
}
