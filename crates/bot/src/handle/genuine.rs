//! Whether a comment is what its delivery says. Anyone who can sign deliveries could make one up.

use bivouac_model::EnvKey;
use bivouac_ports::{CommentId, TextId, WrittenComment};

use super::fate::Fate;
use super::{Handler, Later};
use crate::binding::whole;
use crate::letter::{Comment, Source, body_hash};
use crate::payload::asked_in;
use crate::position::Address;

impl Handler {
    /// Asks the forge for a comment, and compares it with its delivery. Returns what becomes of its commands if it is not the same;
    /// `None`: it is the same.
    ///
    /// # Errors
    /// [`Later::Forge`] when the forge does not answer.
    pub(super) async fn differs(&self, key: &EnvKey, comment: &Comment) -> Result<Option<Fate>, Later> {
        let conversation = &self.doors.conversation;
        let written = match comment.source {
            Source::Review => conversation.text(key, TextId::Review(comment.id)).await,
            _ => conversation.comment(&CommentId { repo: key.repo.clone(), id: comment.id }).await,
        };
        let written = written.map_err(Later::Forge)?;
        let fate = difference(key, comment, written.as_ref(), &self.settings.command);
        if let Some(fate) = &fate {
            let (reason, comment) = (fate.reason(), comment.name());
            tracing::warn!(environment = %key, comment, reason, "a command is not obeyed: the comment is not what the delivery says");
        }
        Ok(fate)
    }
}

fn difference(key: &EnvKey, comment: &Comment, written: Option<&WrittenComment>, command: &str) -> Option<Fate> {
    let Some(written) = written else { return Some(Fate::CommentGone) };
    let is_other = written.number != key.pr
        || !written.author.eq_ignore_ascii_case(&comment.author)
        || whole(written.created_at) != whole(comment.at)
        || !has_own_address(key, comment);
    if is_other {
        return Some(Fate::NotAsDelivered);
    }
    let is_same = match &comment.body {
        Some(hash) => *hash == body_hash(&written.body),
        // Kept by a release that did not keep it.
        None => comment.asked == asked_in(&written.body, command),
    };
    (!is_same).then_some(Fate::Edited)
}

/// Whether the address in the delivery is that of the comment: the record and the events are ordered by the numbers in it. One
/// that is missing orders nothing.
fn has_own_address(key: &EnvKey, comment: &Comment) -> bool {
    let address = Address::read(&comment.url);
    comment.url.is_empty() || address.is_some_and(|address| address.names(key, comment.source, comment.id))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn comment(body: Option<&str>, text: &str) -> Comment {
        Comment {
            id: 9,
            author: "ada".into(),
            at: DateTime::UNIX_EPOCH,
            url: String::new(),
            asked: asked_in(text, "/testenv"),
            body: body.map(body_hash),
            source: Source::Comment,
        }
    }

    fn written(body: &str) -> WrittenComment {
        WrittenComment {
            number: "7".parse().unwrap(),
            author: "Ada".into(),
            body: body.into(),
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn outcome(comment: &Comment, written: Option<&WrittenComment>) -> Option<Fate> {
        difference(&"apache/superset#7".parse().unwrap(), comment, written, "/testenv")
    }

    #[test]
    fn only_the_same_comment_is_the_same() {
        const UP: &str = "Let us see.\n/testenv up";
        for stored in [comment(Some(UP), UP), comment(None, UP)] {
            assert_eq!(outcome(&stored, Some(&written(UP))), None);
            assert_eq!(
                outcome(&stored, Some(&written("Let us see.\r\n/testenv up\r\n"))),
                None,
                "line ends are no words"
            );
            assert_eq!(outcome(&stored, None), Some(Fate::CommentGone));
            assert_eq!(outcome(&stored, Some(&written("/testenv down"))), Some(Fate::Edited));
            for other in [
                WrittenComment { number: "8".parse().unwrap(), ..written(UP) },
                WrittenComment { author: "eve".into(), ..written(UP) },
                WrittenComment { author: String::new(), ..written(UP) },
                WrittenComment { created_at: DateTime::UNIX_EPOCH + TimeDelta::seconds(1), ..written(UP) },
            ] {
                assert_eq!(outcome(&stored, Some(&other)), Some(Fate::NotAsDelivered), "{other:?}");
            }
        }
        let page = "https://github.com/apache/superset/pull/7#issuecomment-";
        for (url, expected) in [
            (format!("{page}9"), None),
            (format!("{page}9").replace("pull", "issues").replace("apache", "Apache"), None),
            (format!("{page}10"), Some(Fate::NotAsDelivered)),
            (format!("{page}9").replace("pull/7", "pull/8"), Some(Fate::NotAsDelivered)),
            (format!("{page}9").replace("#issuecomment", "#pullrequestreview"), Some(Fate::NotAsDelivered)),
            ("https://example.org".to_owned(), Some(Fate::NotAsDelivered)),
        ] {
            let comment = Comment { url: url.clone(), ..comment(Some(UP), UP) };
            assert_eq!(outcome(&comment, Some(&written(UP))), expected, "{url}");
        }
        let another_word = written("Let me see.\n/testenv up");
        assert_eq!(outcome(&comment(Some(UP), UP), Some(&another_word)), Some(Fate::Edited), "the whole body counts");
    }
}
