//! What is kept of a delivery: the facts that are acted on, in our own words.
//!
//! A fact says where to look, and not what is there: the pull request is read when the letter is handled. Only the commands
//! of a comment are themselves the news.

use bivouac_model::command::Verb;
use bivouac_model::{EnvKey, PrNumber, RepoName};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The version of this form. A letter of another one was written by another release, and is left to it.
const VERSION: u32 = 1;
/// The version of what releases up to 0.5 would take for a comment, or could not read: reviews and hints.
const VERSION_OF_TEXTS: u32 = 2;

/// How many digits of a hash are in the name of a comment. Ours: 128 bits, which no one hits by trying.
const HASHED: usize = 32;

/// What happened on a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct News {
    /// The repository, as the configuration writes it.
    pub repo: RepoName,
    /// The pull request.
    pub pr: PrNumber,
    /// What.
    pub fact: Fact,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fact {
    /// A comment with commands was created.
    Comment(Comment),
    /// The pull request changed.
    Changed(Changed),
    /// A person wrote what was meant as a command and is none.
    Hint(Hint),
}

/// Where a person writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// A comment of the conversation.
    #[default]
    Comment,
    /// The body of a review.
    Review,
    /// A comment on a line of code.
    ReviewComment,
    /// The description of the pull request, whose number is the pull request's own.
    Description,
}

impl Source {
    /// The word in names of deliveries and in keys of the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Review => "review",
            Self::ReviewComment => "review-comment",
            Self::Description => "description",
        }
    }

    fn is_comment(&self) -> bool {
        *self == Self::Comment
    }
}

/// A line that was meant as a command and is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hint {
    /// Where it stands.
    pub source: Source,
    /// The number of the text.
    pub id: u64,
    /// Who wrote it.
    pub author: String,
    /// When the text was created.
    pub at: DateTime<Utc>,
    /// Where it is.
    pub url: String,
    /// The line, cut, fit to stand between backticks.
    pub line: String,
    /// The command that was meant.
    pub verb: Verb,
    /// Why it is none, in a sentence of Markdown without its full stop.
    pub why: String,
    /// The [`body_hash`] of the whole text.
    pub body: String,
}

/// A comment and its commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Comment {
    /// Its number; newer comments have larger ones.
    pub id: u64,
    /// Who wrote it.
    pub author: String,
    /// When it was created.
    pub at: DateTime<Utc>,
    /// Where it is.
    pub url: String,
    /// Every line that is a command, in order.
    pub asked: Vec<Asked>,
    /// The [`body_hash`] of the whole comment. Releases up to 0.5 did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether it is a comment or the body of a review.
    #[serde(default, skip_serializing_if = "Source::is_comment")]
    pub source: Source,
}

impl Comment {
    /// The name of the comment among everything that is written on a pull request: `comment-9`, `review-9`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.source.as_str(), self.id)
    }

    /// Whether all that it asks for is that the environment ends.
    pub fn is_down(&self) -> bool {
        let is_down = |asked: &Asked| asked.command.as_deref() == Ok(Verb::Down.as_str());
        !self.asked.is_empty() && self.asked.iter().all(is_down)
    }
}

/// Returns a hash that is the same for two bodies that differ in their line ends alone.
pub(crate) fn body_hash(body: &str) -> String {
    let digest = Sha256::digest(body.replace("\r\n", "\n").trim_end().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A line that is a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The line, cut, fit to stand between backticks.
    pub line: String,
    /// The command as its own grammar writes it, or the sentence that says what is wrong with it.
    pub command: Result<String, String>,
    /// The command, if the line stands in the history of an e-mail: then only people who may give it get an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_history: Option<Verb>,
}

/// A pull request that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    /// How.
    pub how: How,
    /// Which person did it; `None`: a bot, or nobody knows.
    pub by: Option<String>,
    /// When, by the forge's clock.
    pub at: DateTime<Utc>,
    /// The page of the pull request.
    pub url: Option<String>,
    /// A line of its description that was meant as a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    Closed,
    /// It is open since, or ready to be looked at. It is kept under the word that other releases know, who only look as well.
    #[serde(rename = "reopened")]
    Opened,
    /// The branch has another commit at its head.
    Pushed {
        /// Which.
        head: String,
    },
    /// The label that is a command came or went.
    Labelled,
}

/// Why a letter cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Written by another release.
    #[error("it has version {0}")]
    Version(u32),
    /// Written by somebody else.
    #[error("it is not of our form")]
    Form(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Sealing<'a> {
    v: u32,
    news: &'a News,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Deserialize)]
struct Sealed {
    news: News,
}

impl News {
    /// Which environment it is about.
    pub fn key(&self) -> EnvKey {
        EnvKey { repo: self.repo.clone(), pr: self.pr }
    }

    /// The name of a comment in the inbox, under which it is taken once, however it was heard of. Numbers of comments are the
    /// forge's, and a repository is in the name so that the deliveries of one project say nothing about another's. A hash of the
    /// author and the text is in it too, so that a made-up delivery takes no other comment's name.
    pub fn name_of_comment(&self) -> Option<String> {
        match &self.fact {
            Fact::Comment(comment) => {
                let body = comment.body.as_deref().unwrap_or_default();
                let hash = body_hash(&format!("{}\n{body}", comment.author.to_ascii_lowercase()));
                Some(format!("{}-{}-{}-{}", comment.source.as_str(), self.repo, comment.id, &hash[..HASHED]))
            }
            // One hint for each text, however often it is edited.
            Fact::Hint(Hint { source, id, .. }) => Some(format!("hint-{}-{}-{id}", source.as_str(), self.repo)),
            Fact::Changed(_) => None,
        }
    }

    /// Returns the person who caused it, in lower case; empty where no person did.
    pub fn person(&self) -> String {
        let person = match &self.fact {
            Fact::Comment(comment) => Some(&comment.author),
            Fact::Changed(changed) => changed.by.as_ref(),
            Fact::Hint(hint) => Some(&hint.author),
        };
        person.map(|person| person.to_ascii_lowercase()).unwrap_or_default()
    }

    /// The content of a letter.
    pub fn seal(&self) -> String {
        // Texts and numbers alone: it cannot fail.
        let v = match &self.fact {
            Fact::Hint(_) => VERSION_OF_TEXTS,
            Fact::Comment(comment) if !comment.source.is_comment() => VERSION_OF_TEXTS,
            Fact::Comment(_) | Fact::Changed(_) => VERSION,
        };
        serde_json::to_string(&Sealing { v, news: self }).unwrap_or_default()
    }

    /// Reads it back.
    pub fn open(content: &str) -> Result<Self, Unreadable> {
        let Version { v } = serde_json::from_str(content)?;
        if !matches!(v, VERSION | VERSION_OF_TEXTS) {
            return Err(Unreadable::Version(v));
        }
        Ok(serde_json::from_str::<Sealed>(content)?.news)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn news(fact: Fact) -> News {
        News { repo: "apache/superset".parse().unwrap(), pr: PrNumber::new(7).unwrap(), fact }
    }

    fn comment(asked: Vec<Asked>) -> News {
        let url = "https://github.com/apache/superset/pull/7#issuecomment-9".to_owned();
        news(Fact::Comment(Comment {
            id: 9,
            author: "ada".into(),
            at: DateTime::UNIX_EPOCH,
            url,
            asked,
            body: Some(body_hash("")),
            source: Source::Comment,
        }))
    }

    #[test]
    fn what_an_older_release_kept_is_read() {
        let kept = comment(Vec::new()).seal().replace(&format!(",\"body\":\"{}\"", body_hash("")), "");
        assert!(!kept.contains("body"), "{kept}");
        let News { fact: Fact::Comment(read), .. } = News::open(&kept).unwrap() else { panic!("{kept}") };
        assert_eq!(read.body, None);
        let opened = Changed { how: How::Opened, by: None, at: DateTime::UNIX_EPOCH, url: None, hint: None };
        assert!(news(Fact::Changed(opened)).seal().contains("\"how\":\"reopened\""));
    }

    #[test]
    fn a_letter_of_the_release_before_is_read() {
        let asked = vec![Asked { line: "/testenv up".into(), command: Ok("up".into()), in_history: None }];
        let sealed = comment(asked).seal();
        assert!(!sealed.contains("in_history"), "{sealed}");
        assert!(News::open(&sealed).is_ok());
    }

    #[test]
    fn a_review_and_a_hint_are_left_to_releases_that_know_them() {
        let News { fact: Fact::Comment(comment), .. } = comment(Vec::new()) else { panic!() };
        let review = news(Fact::Comment(Comment { source: Source::Review, ..comment }));
        assert!(review.name_of_comment().unwrap().starts_with("review-apache/superset-9-"));
        let hint = news(Fact::Hint(Hint {
            source: Source::Description,
            id: 7,
            author: "ada".into(),
            at: DateTime::UNIX_EPOCH,
            url: String::new(),
            line: "- /testenv up".into(),
            verb: Verb::Up,
            why: "it is none".into(),
            body: body_hash(""),
        }));
        assert_eq!(hint.name_of_comment().unwrap(), "hint-description-apache/superset-7");
        for news in [review, hint] {
            assert!(news.seal().starts_with("{\"v\":2,"));
            assert_eq!(News::open(&news.seal()).unwrap(), news);
        }
    }

    #[test]
    fn a_letter_of_another_release_is_told_from_rubbish() {
        let sealed = comment(Vec::new()).seal().replace("\"v\":1", "\"v\":3");
        assert!(matches!(News::open(&sealed), Err(Unreadable::Version(3))));
        assert!(matches!(News::open("{}"), Err(Unreadable::Form(_))));
        assert!(matches!(News::open(r#"{"v":1,"news":{}}"#), Err(Unreadable::Form(_))));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_read_back(line in ".{0,60}", command in ".{0,200}", wrong: bool, head in "[0-9a-f]{40}") {
            let command = if wrong { Err(command) } else { Ok(command) };
            let changed =
                Changed { how: How::Pushed { head }, by: None, at: DateTime::UNIX_EPOCH, url: None, hint: None };
            let in_history = wrong.then_some(Verb::Down);
            for news in [comment(vec![Asked { line, command, in_history }]), news(Fact::Changed(changed))] {
                prop_assert_eq!(News::open(&news.seal()).unwrap(), news);
            }
        }

        #[test]
        fn no_content_panics(content in ".{0,200}") {
            let _ = News::open(&content);
        }
    }
}
