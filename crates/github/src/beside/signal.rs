//! What a view comes to for machines: a state, an address, a sentence.

use bivouac_model::{CommentView, EnvKey, Phase, SaidComment};

use crate::comment::{answers, headline, prose};

/// "The maximum description length is 140 characters." (REST API, "Create a deployment status")
const LONGEST_DESCRIPTION: usize = 140;
/// The most characters of the message in a summary. Ours: a paragraph, as in the comment.
const LONGEST_MESSAGE: usize = 1_000;

/// What is told of one pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    pub key: EnvKey,
    /// The commit, in full.
    pub sha: String,
    pub phase: Phase,
    /// The headline.
    pub title: String,
    /// Plain text on one line.
    pub description: String,
    /// Markdown.
    pub summary: String,
    /// Where the environment answers, if people are meant to go there.
    pub url: Option<String>,
    /// The address of the comment.
    pub page: String,
}

impl Signal {
    /// `None` for a view without a commit: there is nothing to hang it on.
    pub fn of(view: &CommentView, said: &SaidComment, web_url: &str) -> Option<Self> {
        /// A whole SHA-1 or SHA-256: a shorter one can come to mean two commits.
        const LENGTHS: [usize; 2] = [40, 64];
        let sha = view.head_sha.as_deref()?;
        if !LENGTHS.contains(&sha.len()) || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let (sign, words) = headline(view.phase);
        let message = Some(view.message.trim()).filter(|text| !text.is_empty() && view.phase != Phase::Ready);
        let url = view.url.clone().filter(|url| answers(view.phase) && is_web(url));
        let fragment = said.id.map(|id| format!("#issuecomment-{id}")).unwrap_or_default();
        Some(Self {
            key: view.key.clone(),
            sha: sha.to_ascii_lowercase(),
            phase: view.phase,
            title: format!("{sign} {words}"),
            description: cut(message.unwrap_or(words)),
            summary: message.map_or_else(|| words.to_owned(), |text| prose(text, LONGEST_MESSAGE)),
            url,
            page: format!("{web_url}/{}/pull/{}{fragment}", view.key.repo, view.key.pr),
        })
    }
}

/// GitHub takes no other addresses.
fn is_web(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

/// On one line, and short enough.
fn cut(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    if line.chars().count() <= LONGEST_DESCRIPTION {
        return line;
    }
    line.chars().take(LONGEST_DESCRIPTION - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_description_is_one_short_line(text in "\\PC{0,400}|[a-z\n\r\t ]{0,400}") {
            let line = cut(&text);
            proptest::prop_assert!(line.chars().count() <= LONGEST_DESCRIPTION && !line.contains(['\n', '\r', '\t']));
        }
    }
}
