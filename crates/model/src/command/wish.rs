//! Several commands, one change of the record.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Command, CommandError, Up, Verb};
use crate::{Desired, ImageTag, Phase, Record, Ttl, Value, format_duration};

/// A change of a record as a client writes it: each attribute that is set (`Some`) or removed (`None`); what is not named
/// stays. It is what `RecordStore::write_desired` takes.
pub type Change = Vec<(&'static str, Option<Value>)>;

/// Who gives the commands, when and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who (`requested_by`), at most 128 bytes; `None`: it is not known, and the attribute is left out.
    pub by: Option<String>,
    /// When the comment was written (`requested_at`): the lifetime counts from here. Kept to the second.
    pub at: DateTime<Utc>,
    /// The address of the comment (`request_url`), at most 2,048 bytes.
    pub url: Option<String>,
    /// The commit that an `up` authorises (`head_sha`) which names none itself, 7 to 64 hexadecimal digits.
    pub head_sha: Option<String>,
    /// The tag that an `up` deploys; `None`: the project's pattern.
    pub image_tag: Option<ImageTag>,
}

/// The commands of one comment, folded in order into one change of one record.
///
/// It is the same as if each command had been written by itself, in order; a command that is refused leaves the wish as it
/// was, and the others still count. Nothing is clamped: the ceiling of a lifetime is the planner's.
///
/// - `up` is a new wish: flags, configuration, ttl, size and tag are what it names, or the default; it binds the commit that it
///   names, else that of the request.
/// - `down` says who asked, when and where, too. No other command does: the lifetime counts from the request, and whoever
///   asked for the environment stays accountable for it.
/// - `extend D` sets the ttl to what it is, or the default, plus D. Both ends of a lifetime count from the same moment,
///   so its end moves by D whatever that moment is.
/// - `restart` sets `restarted_at` to the time of the request, so that the same comment read twice restarts once.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    request: &'a Request,
    default_ttl: Duration,
    /// What the record desires after the commands so far; `None`: there is no record.
    desired: Option<Desired>,
    /// It is down for its pull request was closed.
    closed: bool,
    /// The controller took it away, or is about to, though it is desired: its time was over.
    over: bool,
    /// What it lives after the commands so far, `None` when that cannot be read.
    ttl: Option<Option<Ttl>>,
    change: BTreeMap<&'static str, Option<Value>>,
}

impl<'a> Wish<'a> {
    /// Begins with the record as it is; `None` if there is none. `default_ttl` is what `guardrails.ttl` says, for an
    /// `extend` of an environment that has no ttl of its own.
    pub fn new(record: Option<&Record>, default_ttl: Duration, request: &'a Request) -> Self {
        let wish = record.map(|record| record.desired.as_ref());
        Self {
            request,
            default_ttl,
            // Of a broken record only this much is known: it is there, and its environment may be.
            desired: wish.map(|wish| wish.map_or(Desired::Up, |wish| wish.desired)),
            closed: wish.is_some_and(|wish| wish.is_ok_and(|wish| wish.closed_at.is_some())),
            over: record.is_some_and(is_over),
            ttl: match wish {
                None => Some(None),
                Some(Ok(wish)) => Some(wish.ttl),
                Some(Err(_)) => None,
            },
            change: BTreeMap::new(),
        }
    }

    /// Adds a command; see [`Command::apply`].
    ///
    /// # Errors
    /// Those of [`Command::apply`].
    pub fn apply(&mut self, command: &Command) -> Result<(), CommandError> {
        match command {
            Command::Status | Command::Logs | Command::Help => return Ok(()),
            Command::Up(up) => self.up(up),
            Command::Down => self.down()?,
            Command::Extend(by) => self.extend(*by)?,
            Command::Pin => self.on_environment(Verb::Pin)?.set("pinned", Some(Value::Bool(true))),
            Command::Unpin => self.on_environment(Verb::Unpin)?.set("pinned", Some(Value::Bool(false))),
            Command::Sleep => self.on_environment(Verb::Sleep)?.desire(Desired::Asleep),
            Command::Wake => self.on_environment(Verb::Wake)?.desire(Desired::Up),
            Command::Restart => {
                let at = text(&time(self.request.at));
                self.on_environment(Verb::Restart)?.set("restarted_at", at);
            }
        }
        Ok(())
    }

    /// The change so far; empty when nothing is to be written.
    pub fn into_change(self) -> Change {
        self.change.into_iter().collect()
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.change.is_empty()
    }

    fn up(&mut self, up: &Up) {
        let map = |map: &BTreeMap<String, String>| {
            let values = map.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
            (!map.is_empty()).then_some(Value::Map(values))
        };
        self.sign();
        self.desire(Desired::Up);
        self.over = false;
        self.set("flags", map(&up.flags));
        self.set("config", map(&up.config));
        self.set("size", up.size.as_deref().and_then(text));
        self.set("image_tag", self.request.image_tag.as_ref().and_then(|tag| text(tag.as_str())));
        self.set("head_sha", up.sha.as_deref().or(self.request.head_sha.as_deref()).and_then(text));
        self.live(up.ttl);
    }

    /// Of what is down already nothing is written. What is merely over is: a longer lifetime would bring it back.
    fn down(&mut self) -> Result<(), CommandError> {
        match self.desired {
            None => return Err(CommandError::Gone { verb: Verb::Down }),
            Some(Desired::Down) => return Ok(()),
            Some(Desired::Up | Desired::Asleep) => {}
        }
        self.sign();
        self.desire(Desired::Down);
        Ok(())
    }

    fn extend(&mut self, by: Ttl) -> Result<(), CommandError> {
        self.on_environment(Verb::Extend)?;
        let known = self.ttl.ok_or(CommandError::Broken { verb: Verb::Extend })?;
        let life = known.map_or(self.default_ttl, Ttl::get);
        // In whole seconds, as every lifetime that can be written.
        self.live(Ttl::new(Duration::from_secs(life.as_secs().saturating_add(by.get().as_secs()))));
        Ok(())
    }

    /// An environment that is gone has nothing that could be changed, and must not come back by accident.
    fn on_environment(&mut self, verb: Verb) -> Result<&mut Self, CommandError> {
        match self.desired {
            Some(Desired::Up | Desired::Asleep) if !self.over => Ok(self),
            _ => Err(CommandError::Gone { verb }),
        }
    }

    fn sign(&mut self) {
        self.set("requested_by", self.request.by.as_deref().and_then(text));
        self.set("requested_at", text(&time(self.request.at)));
        self.set("request_url", self.request.url.as_deref().and_then(text));
    }

    fn desire(&mut self, desired: Desired) {
        self.desired = Some(desired);
        self.set("desired", text(desired.as_str()));
        if self.closed {
            self.set("closed_at", None);
        }
    }

    fn live(&mut self, ttl: Option<Ttl>) {
        self.ttl = Some(ttl);
        self.set("ttl", ttl.and_then(|ttl| text(&format_duration(ttl.get()))));
    }

    fn set(&mut self, attribute: &'static str, value: Option<Value>) {
        self.change.insert(attribute, value);
    }
}

/// Whether the controller takes it away or did. That counts only if it answers the newest wish: a new one may have come
/// meanwhile.
fn is_over(record: &Record) -> bool {
    record.status.as_ref().is_some_and(|status| {
        matches!(status.phase, Phase::Terminating | Phase::Terminated)
            && status.machinery.observed_generation >= record.generation
    })
}

fn text(text: &str) -> Option<Value> {
    Some(Value::String(text.to_owned()))
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
