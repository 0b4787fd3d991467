//! What became of a command, and how it is written down.

use bivouac_model::command::{Command, Up};
use bivouac_model::{Decision, format_duration};

/// What became of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in the record.
    Applied,
    /// It is in the record, though a newer comment was obeyed before: a `down` that only changes of the same environment overtook.
    AppliedLate,
    /// The record says so already.
    AlreadySo,
    /// It asks and changes nothing.
    Answered,
    /// A newer command was obeyed already.
    Superseded,
    /// They may not.
    NotAllowed,
    /// Nobody can say whether they may.
    ForgeSilent,
    /// They may, and the commit is not the one that they could have seen; a sentence of Markdown.
    HeadNotSeen(String),
    /// The comment was edited after it was delivered.
    Edited,
    /// There is no such comment any more.
    CommentGone,
    /// The forge has another author, pull request or time than the delivery.
    NotAsDelivered,
    /// They may, and there is no environment to do it to; a sentence of Markdown.
    Gone(String),
    /// They may, and it cannot be done; a sentence of Markdown.
    Refused(String),
    /// It is no command; a sentence of Markdown.
    NotUnderstood(String),
    /// It stands in the history of an e-mail, where others wrote it; a sentence of Markdown.
    InHistory(String),
}

impl Fate {
    /// The word of the audit.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Applied | Self::AppliedLate => "Applied",
            Self::AlreadySo => "AlreadySo",
            Self::Answered => "Answered",
            Self::Superseded => "Superseded",
            Self::NotAllowed => "NotAllowed",
            Self::HeadNotSeen(_) => "HeadNotSeen",
            Self::Edited => "Edited",
            Self::CommentGone => "CommentGone",
            Self::NotAsDelivered => "NotAsDelivered",
            Self::ForgeSilent => "ForgeSilent",
            Self::Gone(_) | Self::Refused(_) => "Refused",
            Self::NotUnderstood(_) => "NotUnderstood",
            Self::InHistory(_) => "BelowMailHistory",
        }
    }

    /// Whether the forge does not confirm what the delivery said. Then no person is answered in words: they may never have said it.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self, Self::Edited | Self::CommentGone | Self::NotAsDelivered)
    }

    /// Whether they might.
    pub fn decision(&self) -> Option<Decision> {
        match self {
            Self::NotUnderstood(_) | Self::InHistory(_) => None,
            Self::NotAllowed
            | Self::ForgeSilent
            | Self::HeadNotSeen(_)
            | Self::Edited
            | Self::CommentGone
            | Self::NotAsDelivered => Some(Decision::Denied),
            _ => Some(Decision::Allowed),
        }
    }

    /// The sentence of the audit.
    pub fn message(&self, command: Option<&Command>) -> String {
        let asked = command.map(told).unwrap_or_default();
        match self {
            Self::Applied | Self::AppliedLate | Self::Answered => asked,
            Self::AlreadySo => format!("{asked}: nothing to change"),
            Self::Superseded => format!("{asked}: a newer command was obeyed already"),
            Self::NotAllowed => format!("{asked}: the policy does not allow it to this person"),
            Self::ForgeSilent => format!("{asked}: the forge did not say whether this person may"),
            Self::Edited => format!("{asked}: the comment was edited after it was delivered"),
            Self::CommentGone => format!("{asked}: the comment is gone"),
            Self::NotAsDelivered => {
                format!("{asked}: the comment has another author, pull request or time than the delivery says")
            }
            Self::HeadNotSeen(why) | Self::Gone(why) | Self::Refused(why) => format!("{asked}: {why}"),
            // What is wrong may repeat a part of what was typed, and that may be a secret in the wrong place.
            Self::NotUnderstood(_) => "a line with a command that is not understood".to_owned(),
            Self::InHistory(_) => "a command in the history of an e-mail".to_owned(),
        }
    }
}

/// A command for the audit: values of configuration are left out.
fn told(command: &Command) -> String {
    match command {
        Command::Up(Up { flags, config, ttl, size, sha }) => {
            let flags = flags.iter().map(|(name, value)| format!("{name}={}", value.escape_debug()));
            let ttl = ttl.iter().map(|ttl| format!("ttl={}", format_duration(ttl.get())));
            let size = size.iter().map(|size| format!("size={}", size.escape_debug()));
            let sha = sha.iter().map(|sha| format!("sha={sha}"));
            let words = flags.chain(config.keys().cloned()).chain(ttl).chain(size).chain(sha);
            std::iter::once("up".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_configuration_are_not_written_down() {
        let command: Command = "up FEATURE_X=true SECRET_KEY=hunter2 ttl=24h size=small".parse().unwrap();
        assert_eq!(Fate::Applied.message(Some(&command)), "up FEATURE_X=true SECRET_KEY ttl=24h size=small");
    }
}
