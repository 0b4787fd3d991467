//! What is kept of a delivery: the facts that are acted on, in our own words.
//!
//! A fact says where to look, and not what is there: the pull request is read when the letter is handled. Only the commands
//! of a comment are themselves the news.

use bivouac_model::{EnvKey, PrNumber, RepoName};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The version of this form. A letter of another one was written by another release, and is left to it.
const VERSION: u32 = 1;

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
}

/// A line that is a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The line, cut, fit to stand between backticks.
    pub line: String,
    /// The command as its own grammar writes it, or the sentence that says what is wrong with it.
    pub command: Result<String, String>,
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
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    Closed,
    Reopened,
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

    /// The content of a letter.
    pub fn seal(&self) -> String {
        // Texts and numbers alone: it cannot fail.
        serde_json::to_string(&Sealing { v: VERSION, news: self }).unwrap_or_default()
    }

    /// Reads it back.
    pub fn open(content: &str) -> Result<Self, Unreadable> {
        let Version { v } = serde_json::from_str(content)?;
        if v != VERSION {
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
        news(Fact::Comment(Comment { id: 9, author: "ada".into(), at: DateTime::UNIX_EPOCH, url, asked }))
    }

    #[test]
    fn a_letter_of_another_release_is_told_from_rubbish() {
        let sealed = comment(Vec::new()).seal().replace("\"v\":1", "\"v\":2");
        assert!(matches!(News::open(&sealed), Err(Unreadable::Version(2))));
        assert!(matches!(News::open("{}"), Err(Unreadable::Form(_))));
        assert!(matches!(News::open(r#"{"v":1,"news":{}}"#), Err(Unreadable::Form(_))));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_read_back(line in ".{0,60}", command in ".{0,200}", wrong: bool, head in "[0-9a-f]{40}") {
            let command = if wrong { Err(command) } else { Ok(command) };
            let changed = Changed { how: How::Pushed { head }, by: None, at: DateTime::UNIX_EPOCH, url: None };
            for news in [comment(vec![Asked { line, command }]), news(Fact::Changed(changed))] {
                prop_assert_eq!(News::open(&news.seal()).unwrap(), news);
            }
        }

        #[test]
        fn no_content_panics(content in ".{0,200}") {
            let _ = News::open(&content);
        }
    }
}
