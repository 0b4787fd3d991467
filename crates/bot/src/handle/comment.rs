//! A comment with commands: who asks, whether they may, one change of the record, and the answers.

use std::time::Duration;

use bivouac_model::command::{Command, CommandError, Request, Verb, Wish, table};
use bivouac_model::{EnvKey, Event, ItemKey, PullRequest, Record, Value};
use bivouac_ports::{CommentId, Meaning, Reaction};

use super::fate::Fate;
use super::newest::{Given, wanted};
use super::say::is_passing;
use super::{Attempt, CONFLICTS, Handler, Later, contended};
use crate::answer::{self, Reply};
use crate::letter::Comment;
use crate::position::{self, Standing};
use crate::settings::{ProjectRules, RollForward};

/// One line of the comment, and what became of it.
struct Asked<'a> {
    line: &'a str,
    command: Option<Command>,
    fate: Option<Fate>,
    /// The commit it is about, once that is known.
    head_sha: Option<String>,
}

impl Asked<'_> {
    /// Whether it still is to be decided and would change the record.
    fn would_change(&self) -> bool {
        self.fate.is_none() && self.command.as_ref().is_some_and(Command::changes)
    }
}

impl Handler {
    pub(super) async fn comment(
        &self,
        key: &EnvKey,
        rules: &ProjectRules,
        comment: &Comment,
        attempt: Attempt,
    ) -> Result<(), Later> {
        let author = comment.author.to_ascii_lowercase();
        if attempt.is_first && !self.commands.take(author.clone()) {
            tracing::info!(environment = %key, %author, "too many commands of one person: not read");
            return Ok(());
        }
        let target = CommentId { repo: key.repo.clone(), id: comment.id };
        let eyes = async {
            if attempt.is_first {
                self.eyes(&target).await;
            }
        };
        // The record does not wait for the forge to show that we saw the comment.
        let ((), decided) = tokio::join!(eyes, self.decide(key, rules, comment, attempt));
        let Some(asked) = decided? else { return Ok(()) };
        self.note(&events(key, comment, &asked)).await?;
        if asked.iter().any(is_idle_down) && self.came_meanwhile(key, comment).await? {
            return Err(contended());
        }
        if attempt.is_first && !asked.iter().any(has_effect) && !self.answers.take(author.clone()) {
            tracing::info!(environment = %key, %author, "too many answers for one person: none is given");
            return Ok(());
        }
        self.answer(key, rules, comment, &target, &asked).await
    }

    /// What becomes of each line; `None`: all of it was decided before, and answered then.
    async fn decide<'a>(
        &self,
        key: &EnvKey,
        rules: &ProjectRules,
        comment: &'a Comment,
        attempt: Attempt,
    ) -> Result<Option<Vec<Asked<'a>>>, Later> {
        let mut asked: Vec<Asked<'a>> = comment.asked.iter().map(read).collect();
        match self.authorise(key, comment, &mut asked).await {
            Err(Later::Forge(error)) if attempt.is_last || !is_passing(&error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(environment = %key, error, "a command is refused: the forge did not say who may");
                silent(&mut asked);
                return Ok(Some(asked));
            }
            authorised => authorised?,
        }
        if asked.iter().any(Asked::would_change) {
            match self.obey(key, rules, comment, &mut asked).await {
                Err(Later::Forge(_)) if attempt.is_last => silent(&mut asked),
                Ok(false) => return Ok(None),
                Ok(true) => {}
                Err(later) => return Err(later),
            }
        }
        for each in asked.iter_mut().filter(|each| each.fate.is_none()) {
            each.fate = Some(Fate::Answered);
        }
        Ok(Some(asked))
    }

    async fn authorise(&self, key: &EnvKey, comment: &Comment, asked: &mut [Asked<'_>]) -> Result<(), Later> {
        for each in asked {
            if let (None, Some(command)) = (&each.fate, &each.command) {
                let may = self.authority.may(&key.repo, &comment.author, command.verb()).await;
                if !may.map_err(Later::Forge)? {
                    each.fate = Some(Fate::NotAllowed);
                }
            }
        }
        Ok(())
    }

    /// Makes one change of all commands that are left; `false`: this comment was decided before, and a newer one since.
    async fn obey(
        &self,
        key: &EnvKey,
        rules: &ProjectRules,
        comment: &Comment,
        asked: &mut [Asked<'_>],
    ) -> Result<bool, Later> {
        for each in asked.iter_mut().filter(|each| each.would_change()) {
            if let Some(Command::Up(up)) = &each.command {
                each.fate = rules.refuses(up).map(Fate::Refused);
            }
        }
        if !asked.iter().any(Asked::would_change) {
            return Ok(true);
        }
        for _ in 0..CONFLICTS {
            let seen = self.record(key).await?;
            let standing = match stands(seen.as_ref(), comment) {
                Standing::Newer if asked.iter().any(is_up) && self.is_taken_back(key, given(comment)).await? => {
                    Standing::Older
                }
                standing => standing,
            };
            if standing == Standing::Older {
                return self.superseded(key, comment, asked).await;
            }
            let Some(pull) = self.pull_request(key).await? else {
                let why = "the pull request cannot be seen by the bot; `bivouac doctor` says what is missing";
                refuse(asked, why);
                return Ok(true);
            };
            let stale = match standing {
                Standing::Newer => self.is_stale(key, comment, &pull).await?,
                _ => false,
            };
            let request = Request {
                by: comment.author.clone(),
                at: comment.at,
                url: Some(comment.url.clone()),
                head_sha: Some(pull.head_sha.clone()),
                image_tag: None,
            };
            let folded = Folding { pull: &pull, standing, stale, default_ttl: self.settings.default_ttl };
            let (change, fates) = folded.fold(seen.as_ref(), &request, asked);
            // It stands in the record already: the process that wrote it did not come to answer.
            let written = if standing == Standing::Same || change.is_empty() {
                Ok(true)
            } else {
                self.write(key, seen.as_ref(), &change).await
            };
            match written {
                Ok(true) => {
                    let is_up = |(at, fate): &(usize, Fate)| *fate == Fate::Applied && is_up(&asked[*at]);
                    if fates.iter().any(is_up) && self.has_lost(key, comment).await? {
                        supersede(asked);
                        return Ok(true);
                    }
                    let bound = match standing {
                        Standing::Same => seen.and_then(|record| record.desired.ok()?.head_sha),
                        _ => Some(pull.head_sha),
                    };
                    for (at, fate) in fates {
                        asked[at].fate = Some(fate);
                        asked[at].head_sha.clone_from(&bound);
                    }
                    return Ok(true);
                }
                Ok(false) => {}
                Err(error) if matches!(error.meaning(), Meaning::Invalid) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(environment = %key, error, "the record refuses a change");
                    refuse(asked, "the record of this environment is spoiled, and an operator has to mend it");
                    return Ok(true);
                }
                Err(error) => return Err(Later::Store(error)),
            }
        }
        Err(contended())
    }

    /// A newer command was obeyed. Whether this one was too, before that, the audit knows.
    async fn superseded(&self, key: &EnvKey, comment: &Comment, asked: &mut [Asked<'_>]) -> Result<bool, Later> {
        if self.decided(key).await?.iter().any(|event| is_about(event, comment)) {
            return Ok(false);
        }
        supersede(asked);
        Ok(true)
    }

    /// Whether this `up`, which stands in the record now, was taken back while it was written. Then it does not stand there
    /// any more. What was decided and written down before was looked at then.
    async fn has_lost(&self, key: &EnvKey, comment: &Comment) -> Result<bool, Later> {
        let decided = self.decided(key).await?;
        let lost = !decided.iter().any(|event| is_about(event, comment))
            && decided.iter().any(|event| given(comment).is_taken_back_by(event));
        if lost {
            let is_it = |record: &Record| stands(Some(record), comment) == Standing::Same;
            self.withdraw(key, is_it).await?;
        }
        Ok(lost)
    }

    /// Whether an older wish reached the record while this `down` found nothing to take down.
    async fn came_meanwhile(&self, key: &EnvKey, comment: &Comment) -> Result<bool, Later> {
        let seen = self.record(key).await?;
        let older = seen.as_ref().is_some_and(|record| stands(Some(record), comment) == Standing::Newer);
        Ok(older && wanted(seen.as_ref()).is_some())
    }

    /// Whether an outsider pushed after the comment was written, so that its author has not seen what would run.
    async fn is_stale(&self, key: &EnvKey, comment: &Comment, pull: &PullRequest) -> Result<bool, Later> {
        if !pull.is_from_fork || self.settings.roll_forward == RollForward::Auto {
            return Ok(false);
        }
        match self.pushes.since(key, &pull.head_sha, comment.at) {
            None => Ok(false),
            Some(push) => Ok(!self.may_push(key, push.by.as_deref()).await?),
        }
    }

    /// Says what there is to say. Everything in here may be said again.
    async fn answer(
        &self,
        key: &EnvKey,
        rules: &ProjectRules,
        comment: &Comment,
        target: &CommentId,
        asked: &[Asked<'_>],
    ) -> Result<(), Later> {
        let mut reply = Reply::default();
        for each in asked {
            if let Some(sentence) = complaint(each, &self.settings.command) {
                reply.complain(Some(each.line), sentence);
            }
        }
        let questions = asked.iter().filter(|each| each.fate == Some(Fate::Answered)).filter_map(verb);
        let questions: Vec<Verb> = questions.collect();
        let seen = if questions.iter().any(|verb| matches!(verb, Verb::Status | Verb::Logs)) {
            self.record(key).await?
        } else {
            None
        };
        for verb in questions {
            let command = &self.settings.command;
            reply.answer(match verb {
                Verb::Status => answer::status(seen.as_ref(), command, self.doors.clock.now()),
                Verb::Logs => answer::logs(seen.as_ref(), command, &rules.log_groups),
                _ => table::help(command, |verb| answer::who(self.settings.policy.required(verb))),
            });
        }
        let text = reply.text();
        let superseded = asked.iter().any(|each| each.fate == Some(Fate::Superseded));
        let reaction = if asked.iter().any(|each| each.fate == Some(Fate::Applied)) {
            // The controller settles what reached the record.
            None
        } else if reply.complains() || superseded {
            Some(Reaction::Confused)
        } else {
            Some(Reaction::Rocket)
        };
        if let Some(reaction) = reaction {
            self.react(key, target, reaction).await?;
        }
        if text.is_none() && superseded {
            // A newer command had its own answer, which is not to be folded away.
            return Ok(());
        }
        self.reply(key, &comment.author, text.as_deref()).await
    }
}

/// What a fold depends on besides the record and the request.
struct Folding<'a> {
    pull: &'a PullRequest,
    standing: Standing,
    stale: bool,
    default_ttl: Duration,
}

impl Folding<'_> {
    /// The one change of all commands that are left, and the fate of each.
    fn fold(
        &self,
        seen: Option<&Record>,
        request: &Request,
        asked: &[Asked<'_>],
    ) -> (bivouac_model::command::Change, Vec<(usize, Fate)>) {
        let mut wish = Wish::new(seen, self.default_ttl, request);
        let mut fates = Vec::new();
        for (at, each) in asked.iter().enumerate().filter(|(_, each)| each.would_change()) {
            let Some(command) = &each.command else { continue };
            let fate = match self.forbids(command) {
                Some(why) => Fate::Refused(why.to_owned()),
                None => match wish.apply(command) {
                    Ok(()) => Fate::Applied,
                    Err(error @ CommandError::Gone { .. }) => Fate::Gone(error.to_string()),
                    Err(error) => Fate::Refused(error.to_string()),
                },
            };
            fates.push((at, fate));
        }
        let mut change = wish.into_change();
        if change.is_empty() {
            if self.standing == Standing::Newer {
                for (_, fate) in fates.iter_mut().filter(|(_, fate)| *fate == Fate::Applied) {
                    *fate = Fate::AlreadySo;
                }
            }
        } else if !change.iter().any(|(name, _)| *name == "request_url") {
            // Which comment was the last one decides what a later letter may do, whatever it changed.
            change.push(("request_url", request.url.clone().map(Value::String)));
        }
        (change, fates)
    }

    /// Why a command cannot be obeyed on this pull request as it is.
    fn forbids(&self, command: &Command) -> Option<&'static str> {
        // It was open when the comment was obeyed.
        if self.standing == Standing::Same {
            return None;
        }
        match command {
            Command::Down => None,
            _ if !self.pull.is_open => {
                Some("the pull request is closed, and only open ones have environments; reopen it first")
            }
            Command::Up(_) if self.stale => Some(
                "somebody who could not have said so pushed a commit after this was written; look at it, and say it again",
            ),
            _ => None,
        }
    }
}

fn read(asked: &crate::letter::Asked) -> Asked<'_> {
    let (command, fate) = match &asked.command {
        Ok(command) => match command.parse::<Command>() {
            Ok(command) => (Some(command), None),
            Err(error) => (None, Some(Fate::NotUnderstood(error.to_string()))),
        },
        Err(wrong) => (None, Some(Fate::NotUnderstood(wrong.clone()))),
    };
    Asked { line: &asked.line, command, fate, head_sha: None }
}

fn silent(asked: &mut [Asked<'_>]) {
    for each in asked.iter_mut().filter(|each| each.fate.is_none()) {
        each.fate = Some(Fate::ForgeSilent);
    }
}

fn refuse(asked: &mut [Asked<'_>], why: &str) {
    for each in asked.iter_mut().filter(|each| each.would_change()) {
        each.fate = Some(Fate::Refused(why.to_owned()));
    }
}

fn supersede(asked: &mut [Asked<'_>]) {
    for each in asked.iter_mut().filter(|each| each.would_change()) {
        each.fate = Some(Fate::Superseded);
    }
}

/// Where a comment stands against the record.
fn stands(seen: Option<&Record>, comment: &Comment) -> Standing {
    position::of_comment(seen, comment.id, comment.at, &comment.url)
}

fn given(comment: &Comment) -> Given {
    Given { comment: Some(comment.id), at: comment.at }
}

fn is_up(asked: &Asked<'_>) -> bool {
    asked.would_change() && verb(asked) == Some(Verb::Up)
}

/// Whether it is a `down` that found nothing to take down, and so left no trace in the record.
fn is_idle_down(asked: &Asked<'_>) -> bool {
    verb(asked) == Some(Verb::Down) && matches!(asked.fate, Some(Fate::Gone(_) | Fate::AlreadySo))
}

fn has_effect(asked: &Asked<'_>) -> bool {
    matches!(asked.fate, Some(Fate::Applied | Fate::AlreadySo))
}

fn verb(asked: &Asked<'_>) -> Option<Verb> {
    asked.command.as_ref().map(Command::verb)
}

/// What is said of a command that came to nothing.
fn complaint(asked: &Asked<'_>, command: &str) -> Option<String> {
    match asked.fate.as_ref()? {
        Fate::NotAllowed => {
            Some(format!("sorry, that is not for everybody here; `{command} help` says who may do what"))
        }
        Fate::ForgeSilent => Some(
            "the forge could not be asked who may do this, so nothing was done; please say it again later".to_owned(),
        ),
        Fate::Gone(why) | Fate::Refused(why) | Fate::NotUnderstood(why) => Some(why.clone()),
        Fate::Applied | Fate::AlreadySo | Fate::Answered | Fate::Superseded => None,
    }
}

/// The same for the same command, however often it is decided; but a `down` that found nothing may be decided again, and
/// otherwise, and an event is never written over.
fn tie(comment: &Comment, index: usize, asked: &Asked<'_>) -> String {
    let idle = if is_idle_down(asked) { "-idle" } else { "" };
    format!("{}{index:02}{idle}", tie_of(comment))
}

/// What the ties of all commands of a comment begin with.
fn tie_of(comment: &Comment) -> String {
    format!("comment-{}-", comment.id)
}

/// Whether this was written down about a command of this comment.
fn is_about(event: &Event, comment: &Comment) -> bool {
    event.tie.starts_with(&tie_of(comment))
}

fn events(key: &EnvKey, comment: &Comment, asked: &[Asked<'_>]) -> Vec<Event> {
    let event = |(index, each): (usize, &Asked<'_>)| {
        let fate = each.fate.as_ref()?;
        Some(Event {
            environment: ItemKey::from(key),
            at: comment.at,
            tie: tie(comment, index, each),
            actor: comment.author.clone(),
            action: verb(each).map_or("command", Verb::as_str).to_owned(),
            reason: fate.reason().to_owned(),
            message: fate.message(each.command.as_ref()),
            head_sha: each.head_sha.clone(),
            url: Some(comment.url.clone()),
            decision: fate.decision(),
        })
    };
    asked.iter().enumerate().filter_map(event).collect()
}
