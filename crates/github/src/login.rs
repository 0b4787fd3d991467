//! Names of accounts, before they enter a path.

use std::fmt;

/// The longest name: "maximum is 39 characters" (GitHub's sign-up form).
const LONGEST: usize = 39;

/// The name of a person's account. It holds no character that means anything in a path, in Markdown or in an HTML comment.
///
/// Letters, digits and hyphens; and underscores, which part the short code in the names of managed users
/// (docs.github.com/admin/concepts/identity-and-access-management/enterprise-managed-users, "Usernames").
/// Bots (`NAME[bot]`) are no persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Login<'a>(&'a str);

impl<'a> Login<'a> {
    /// The name, if it can be one.
    pub fn new(text: &'a str) -> Option<Self> {
        let part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(part)).then_some(Self(text))
    }

    /// As GitHub compares names.
    pub fn is(self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }

    /// The same for every way to write it.
    pub fn folded(self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_have_names_and_all_else_has_none() {
        let long = "a".repeat(LONGEST);
        for name in ["octocat", "Mona-Lisa", "a", "0", "mona_acme", &long] {
            assert_eq!(Login::new(name).map(|login| login.to_string()), Some(name.to_owned()));
        }
        let longer = "a".repeat(LONGEST + 1);
        let strange =
            ["", "dependabot[bot]", "a/b", "..", "a b", "a%2fb", "a?b", "a#b", "ä", "a\n", "@a", "-->", &longer];
        for name in strange {
            assert_eq!(Login::new(name), None, "{name}");
        }
    }
}
