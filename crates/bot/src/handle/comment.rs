//! A comment with commands: who asks, whether they may, one change of the record, and the answers.

use std::time::Duration;

use bivouac_model::command::{Command, CommandError, Request, Up, Verb, Wish, table};
use bivouac_model::{EnvKey, Event, ItemKey, PullRequest, Record, Value};
use bivouac_ports::{Audience, CommentId, Error, Meaning, Reaction, TextId};
use tokio::time::Instant;

use super::admit::Said;
use super::fate::Fate;
use super::newest::{Given, LOOK_BACK, wanted};
use super::say::{gives_up, is_out_of_sight};
use super::{Attempt, CONFLICTS, Handler, Later, contended};
use crate::answer::{self, Reply};
use crate::binding::whole;
use crate::letter::{Comment, Source};
use crate::limits::Takes;
use crate::position::{self, Standing};
use crate::settings::ProjectRules;

/// One line of the comment, and what became of it.
struct Asked<'a> {
    line: &'a str,
    command: Option<Command>,
    fate: Option<Fate>,
    /// The commit it is about, once that is known.
    head_sha: Option<String>,
    /// The command, if it stands in the history of an e-mail.
    in_history: Option<Verb>,
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
        // GitHub's REST API has no reactions to a review.
        let is_comment = comment.source == Source::Comment;
        let target = is_comment.then(|| CommentId { repo: key.repo.clone(), id: comment.id });
        let target = target.as_ref();
        let Some((asked, audience)) = self.decide(key, rules, comment, target, attempt).await? else { return Ok(()) };
        if let Some(fate) = asked.iter().filter_map(|each| each.fate.as_ref()).find(|fate| fate.is_unconfirmed()) {
            return self.unconfirmed(key, comment, target, &asked, fate).await;
        }
        if asked.iter().any(|each| each.fate == Some(Fate::ForgeSilent)) {
            // Answered first: as long as no answer arrives, the command waits and may still be obeyed.
            return match self.answer(key, rules, comment, target, &asked, audience).await {
                Err(Later::Answer(error)) => Err(Later::Forge(error)),
                answered => {
                    answered?;
                    self.note(&events(key, comment, &asked)).await
                }
            };
        }
        self.note(&events(key, comment, &asked)).await?;
        if asked.iter().any(is_idle_down) && self.came_meanwhile(key, comment).await? {
            return Err(contended());
        }
        match self.answer(key, rules, comment, target, &asked, audience).await {
            Err(Later::Answer(error)) if audience == Audience::Stranger && gives_up(attempt, &error) => {
                tracing::warn!(environment = %key, error = &error as &dyn std::error::Error, "a stranger gets no answer");
                Ok(())
            }
            answered => answered,
        }
    }

    /// Records that a delivery is not confirmed, a few times an hour. A made-up delivery must not cause answers to people. The
    /// author of an edited comment sees a reaction.
    async fn unconfirmed(
        &self,
        key: &EnvKey,
        comment: &Comment,
        target: Option<&CommentId>,
        asked: &[Asked<'_>],
        fate: &Fate,
    ) -> Result<(), Later> {
        // It was confirmed and decided before, and edited or removed since.
        if *fate != Fate::NotAsDelivered && self.is_decided(key, comment).await? {
            return Ok(());
        }
        let now = self.doors.clock.now();
        let mut events = events(key, comment, asked);
        events.retain(|_| self.limits.may_record_unconfirmed(key));
        for event in &mut events {
            // The time, the address and the key are the delivery's own, and no one else's may be taken by it.
            event.at = event.at.min(now);
            event.url = None;
            event.tie.insert_str(0, "unconfirmed-");
        }
        self.note(&events).await?;
        if *fate == Fate::Edited && !events.is_empty() {
            return self.react(key, target, Reaction::Confused, Audience::Member).await;
        }
        Ok(())
    }

    /// What becomes of each line, and for whom the answers are; `None`: all of it was decided before, and answered then, or a
    /// stranger has had all the answers that there are for now.
    async fn decide<'a>(
        &self,
        key: &EnvKey,
        rules: &ProjectRules,
        comment: &'a Comment,
        target: Option<&CommentId>,
        attempt: Attempt,
    ) -> Result<Option<(Vec<Asked<'a>>, Audience)>, Later> {
        let mut asked: Vec<Asked<'a>> = comment.asked.iter().map(read).collect();
        let since = Instant::now();
        match self.authorise(key, comment, &mut asked, since).await {
            Err(later) if later.is_only_a_wait() => return Err(later),
            Err(Later::Forge(error)) if gives_up(attempt, &error) || !is_out_of_sight(&error) => {
                let why = "a command is refused: the forge did not say who may";
                tracing::warn!(environment = %key, error = &error as &dyn std::error::Error, "{why}");
                return self.unanswered(key, comment, asked);
            }
            authorised => authorised?,
        }
        if asked.is_empty() {
            return Ok(None);
        }
        let said = kind(&asked);
        let takes = match self.takes(key, &comment.author, said, since).await {
            Err(Later::Forge(error)) if gives_up(attempt, &error) => Takes::Answer,
            takes => takes?,
        };
        if takes == Takes::StrangersAnswer && self.limits.is_stranger_spent(key, &comment.name(), &comment.author) {
            return Ok(None);
        }
        // Before anything is charged, written or answered: a made-up delivery takes nothing from the person whom it names.
        match self.differs(key, comment).await {
            Err(Later::Forge(error)) if gives_up(attempt, &error) => return self.unanswered(key, comment, asked),
            Err(later) => return Err(later),
            Ok(None) => {}
            Ok(Some(fate)) => {
                asked.iter_mut().for_each(|each| each.fate = Some(fate.clone()));
                return Ok(Some((asked, Audience::Member)));
            }
        }
        let Some(audience) = self.admit(key, &comment.name(), &comment.author, takes)? else { return Ok(None) };
        // Only who may give commands is shown that this one was seen, and a history shows nothing of what its author wants. The
        // record does not wait for that.
        let is_command = asked.iter().any(|each| each.in_history.is_none());
        let eyes = async {
            if attempt.is_first && audience == Audience::Member && is_command {
                self.eyes(target).await;
            }
        };
        let obey = async {
            match said {
                Said::Command | Said::Down => self.obey(key, rules, comment, &mut asked).await,
                _ => Ok(true),
            }
        };
        match tokio::join!(eyes, obey).1 {
            Err(later) if later.is_only_a_wait() => return Err(later),
            Err(Later::Forge(error)) if gives_up(attempt, &error) => silent(&mut asked),
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(later) => return Err(later),
        }
        for each in asked.iter_mut().filter(|each| each.fate.is_none()) {
            each.fate = Some(Fate::Answered);
        }
        Ok(Some((asked, audience)))
    }

    /// What is said of a comment about which the forge could not be asked for a long time.
    fn unanswered<'a>(
        &self,
        key: &EnvKey,
        comment: &Comment,
        mut asked: Vec<Asked<'a>>,
    ) -> Result<Option<(Vec<Asked<'a>>, Audience)>, Later> {
        asked.retain(|each| each.in_history.is_none());
        if asked.is_empty() {
            return Ok(None);
        }
        silent(&mut asked);
        // No one knows whether it was a member's, so it is not lost.
        Ok(self.admit(key, &comment.name(), &comment.author, Takes::Answer)?.map(|audience| (asked, audience)))
    }

    /// Of a command in the history of an e-mail only people who may give it get an answer: the others are taken out.
    async fn authorise(
        &self,
        key: &EnvKey,
        comment: &Comment,
        asked: &mut Vec<Asked<'_>>,
        since: Instant,
    ) -> Result<(), Later> {
        if let Some(verb) = asked.iter().find_map(|each| each.in_history) {
            let may = self.authority.may(&key.repo, &comment.author, verb, since).await.map_err(Later::Forge)?;
            asked.retain(|each| may || each.in_history.is_none());
        }
        for each in asked {
            if let (None, Some(command)) = (&each.fate, &each.command) {
                let may = self.authority.may(&key.repo, &comment.author, command.verb(), since).await;
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
            if each.command.as_ref().is_some_and(starts) && each.fate.is_none() {
                each.fate = self.has_moved(key).map(Fate::Refused);
            }
        }
        if !asked.iter().any(Asked::would_change) {
            return Ok(true);
        }
        if comment.source == Source::Review && self.was_found_without_delivery(key, comment, asked).await? {
            return Ok(false);
        }
        for _ in 0..CONFLICTS {
            let seen = self.record(key).await?;
            let standing = match self.standing(key, seen.as_ref(), comment).await? {
                Standing::Newer if asked.iter().any(is_up) && self.is_taken_back(key, given(comment)).await? => {
                    Standing::Older
                }
                standing => standing,
            };
            if standing == Standing::Older {
                if kind(asked) == Said::Down && !self.is_decided(key, comment).await? {
                    match self.down_late(key, seen.as_ref(), comment).await? {
                        Late::Conflict => continue,
                        Late::No => {}
                        Late::Is(fate) => {
                            settle(asked, &fate);
                            return Ok(true);
                        }
                    }
                }
                return self.superseded(key, comment, asked).await;
            }
            let Some(pull) = self.pull_request(key).await? else {
                let why = "the pull request cannot be seen by the bot; `bivouac doctor` says what is missing";
                refuse(asked, why);
                return Ok(true);
            };
            let not_seen = match standing {
                Standing::Newer => self.commits(key, comment, seen.as_ref(), &pull, asked).await?,
                _ => None,
            };
            if !asked.iter().any(Asked::would_change) {
                return Ok(true);
            }
            let request = Request {
                by: Some(comment.author.clone()),
                at: comment.at,
                url: Some(comment.url.clone()),
                head_sha: Some(pull.head_sha.clone()),
                image_tag: None,
            };
            let folded = Folding {
                pull: &pull,
                standing,
                not_seen,
                command: &self.settings.command,
                default_ttl: self.settings.default_ttl,
            };
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
                    // Of one that is written already the record says which commit it was.
                    let written = seen.filter(|_| standing == Standing::Same);
                    let bound = written.and_then(|record| record.desired.ok()?.head_sha);
                    for (at, fate) in fates {
                        let commit = named(&asked[at]).unwrap_or(&pull.head_sha);
                        asked[at].head_sha = Some(bound.as_deref().unwrap_or(commit).to_owned());
                        asked[at].fate = Some(fate);
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

    /// Where a comment stands against the record, also if the record followed one of the other kind last.
    ///
    /// # Errors
    /// [`Later::Forge`] when the forge does not say when the other one was written.
    async fn standing(&self, key: &EnvKey, seen: Option<&Record>, comment: &Comment) -> Result<Standing, Later> {
        let standing = stands(seen, comment);
        let Some(last) = position::of_other_kind(seen, &comment.url).filter(|_| standing == Standing::Newer) else {
            return Ok(standing);
        };
        let written = match last.source {
            Source::Review => self.doors.conversation.text(key, TextId::Review(last.number)).await,
            _ => self.doors.conversation.comment(&CommentId { repo: key.repo.clone(), id: last.number }).await,
        };
        // Of one that is gone the time of the request is what is known.
        let written = written.map_err(Later::Forge)?;
        Ok(written.map_or(standing, |last| position::by_time(comment.source, comment.at, last.created_at)))
    }

    /// A newer command was obeyed. Whether this one was too, before that, the audit knows.
    async fn superseded(&self, key: &EnvKey, comment: &Comment, asked: &mut [Asked<'_>]) -> Result<bool, Later> {
        if self.is_decided(key, comment).await? {
            return Ok(false);
        }
        supersede(asked);
        Ok(true)
    }

    async fn is_decided(&self, key: &EnvKey, comment: &Comment) -> Result<bool, Later> {
        Ok(self.decided(key).await?.iter().any(|event| is_about(event, comment)))
    }

    /// Whether the author of a review was told already that it is not obeyed, since it was found before its delivery came.
    async fn was_found_without_delivery(
        &self,
        key: &EnvKey,
        comment: &Comment,
        asked: &[Asked<'_>],
    ) -> Result<bool, Later> {
        let refused = Fate::NotUnderstood(String::new()).reason();
        let decided = self.decided(key).await?;
        Ok(asked.iter().enumerate().filter(|(_, each)| each.would_change()).any(|(index, each)| {
            let tie = tie(comment, index, each);
            decided.iter().any(|event| event.tie == tie && event.reason == refused)
        }))
    }

    /// Whether a comment or a review of this number was handled and its commands recorded as events.
    ///
    /// # Errors
    /// When the events cannot be read.
    pub async fn was_handled(&self, key: &EnvKey, source: Source, comment: u64) -> Result<bool, Error> {
        let events = self.doors.journal.newest(&ItemKey::from(key), LOOK_BACK).await?;
        let ties = format!("{}-{comment}-", source.as_str());
        Ok(events.iter().any(|event| event.tie.starts_with(&ties)))
    }

    /// Obeys a `down` that other commands overtook, unless an `up` or a `down` is among them: those alone say when the record was
    /// asked for. In order, all others would have found nothing. The address of the newest comment stays in the record.
    async fn down_late(&self, key: &EnvKey, seen: Option<&Record>, comment: &Comment) -> Result<Late, Later> {
        let Some(wish) = wanted(seen) else {
            let is_down = seen.is_some_and(|record| record.desired.is_ok());
            return Ok(if is_down { Late::Is(Fate::AlreadySo) } else { Late::No });
        };
        if wish.requested_at.is_none_or(|asked| whole(comment.at) <= whole(asked)) {
            return Ok(Late::No);
        }
        let request =
            Request { by: Some(comment.author.clone()), at: comment.at, url: None, head_sha: None, image_tag: None };
        let mut wish = Wish::new(seen, self.settings.default_ttl, &request);
        if wish.apply(&Command::Down).is_err() {
            return Ok(Late::No);
        }
        let mut change = wish.into_change();
        change.retain(|(name, _)| *name != "request_url");
        match self.write(key, seen, &change).await {
            Ok(true) => Ok(Late::Is(Fate::AppliedLate)),
            Ok(false) => Ok(Late::Conflict),
            Err(error) if error.meaning() == Meaning::Invalid => Ok(Late::No),
            Err(error) => Err(Later::Store(error)),
        }
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
        let older = seen.is_some() && self.standing(key, seen.as_ref(), comment).await? == Standing::Newer;
        Ok(older && wanted(seen.as_ref()).is_some())
    }

    /// Finds the commits that `up` commands name. Returns the head of the pull request if the others may not start it; `None`: they
    /// may.
    async fn commits(
        &self,
        key: &EnvKey,
        comment: &Comment,
        seen: Option<&Record>,
        pull: &PullRequest,
        asked: &mut [Asked<'_>],
    ) -> Result<Option<String>, Later> {
        // No environment is started for one that is closed, whatever its commits are.
        if !pull.is_open {
            return Ok(None);
        }
        for each in asked.iter_mut().filter(|each| each.would_change()) {
            if let Some(command) = &mut each.command {
                each.fate = self.resolve(key, comment, pull, command).await?;
            }
        }
        if !asked.iter().any(|each| is_up(each) && named(each).is_none()) {
            return Ok(None);
        }
        let basis = self.may_bind(key, seen, pull, comment.at).await?;
        Ok(basis.is_none().then(|| pull.head_sha.clone()))
    }

    /// Returns the answer to a command that would start something in a repository that has another name now: a sentence of
    /// Markdown without its end. `None`: it has its configured name.
    fn has_moved(&self, key: &EnvKey) -> Option<String> {
        let to = self.settings.names.moved_from(&key.repo)?.to;
        let from = &key.repo;
        Some(format!(
            "this repository is configured as `{from}` and is `{to}` now. An operator has to change `repo = \"{from}\"` to \
             `repo = \"{to}\"` in the configuration; until then nothing is started here"
        ))
    }

    /// Returns the answer to an `up` that came before the bot saw the commit: a sentence of Markdown without its end.
    pub(super) fn not_seen(&self, up: &Up, head: &str) -> String {
        not_seen(&self.settings.command, up, head)
    }

    /// Says what there is to say. Everything in here may be said again.
    async fn answer(
        &self,
        key: &EnvKey,
        rules: &ProjectRules,
        comment: &Comment,
        target: Option<&CommentId>,
        asked: &[Asked<'_>],
        audience: Audience,
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
                Verb::Logs => {
                    let lines = self.lines(seen.as_ref(), rules).await;
                    answer::logs(seen.as_ref(), command, &rules.logs, &lines)
                }
                _ => table::help(command, |verb| answer::who(self.settings.policy.required(verb))),
            });
        }
        // A comment gets a reaction for that.
        if target.is_none() && asked.iter().any(|each| each.fate == Some(Fate::AlreadySo)) {
            reply.answer("There is nothing to change: the environment is as you want it.");
        }
        let text = reply.text();
        let reaction = if asked.iter().any(|each| each.fate == Some(Fate::Applied)) {
            // The controller settles what reached the record.
            None
        } else if reply.complains() {
            Some(Reaction::Confused)
        } else {
            Some(Reaction::Rocket)
        };
        if let Some(reaction) = reaction {
            self.react(key, target, reaction, audience).await?;
        }
        self.reply(key, &comment.author, text.as_deref(), audience).await
    }
}

/// The outcome for a `down` that was overtaken.
enum Late {
    /// The record was written meanwhile.
    Conflict,
    /// It lost to a newer `up` or `down`.
    No,
    Is(Fate),
}

/// What a fold depends on besides the record and the request.
struct Folding<'a> {
    pull: &'a PullRequest,
    standing: Standing,
    /// The head of the pull request, if it may not be started.
    not_seen: Option<String>,
    /// The slash command, with the slash.
    command: &'a str,
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
                Some(fate) => fate,
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
    fn forbids(&self, command: &Command) -> Option<Fate> {
        // It was open when the comment was obeyed.
        if self.standing == Standing::Same {
            return None;
        }
        match command {
            Command::Down => None,
            _ if !self.pull.is_open => {
                let why = "the pull request is closed, and only open ones have environments; reopen it first";
                Some(Fate::Refused(why.to_owned()))
            }
            Command::Up(up @ Up { sha: None, .. }) => {
                self.not_seen.as_ref().map(|head| Fate::HeadNotSeen(not_seen(self.command, up, head)))
            }
            _ => None,
        }
    }
}

/// Whether a command starts or changes what runs, so that it needs the repository's configured name.
fn starts(command: &Command) -> bool {
    matches!(command, Command::Up(_) | Command::Wake | Command::Restart | Command::Sleep)
}

fn not_seen(command: &str, up: &Up, head: &str) -> String {
    format!(
        "commit `{head}` was not known here before this was asked for, so it may not be the one that you looked at. Please look \
         at it. To start it, comment {}",
        answer::offer(command, up, head)
    )
}

fn read(asked: &crate::letter::Asked) -> Asked<'_> {
    let (command, fate) = match &asked.command {
        Ok(command) => match command.parse::<Command>() {
            Ok(command) => (Some(command), None),
            Err(error) => (None, Some(Fate::NotUnderstood(error.to_string()))),
        },
        Err(wrong) if asked.in_history.is_some() => (None, Some(Fate::InHistory(wrong.clone()))),
        Err(wrong) => (None, Some(Fate::NotUnderstood(wrong.clone()))),
    };
    Asked { line: &asked.line, command, fate, head_sha: None, in_history: asked.in_history }
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
    settle(asked, &Fate::Superseded);
}

fn settle(asked: &mut [Asked<'_>], fate: &Fate) {
    for each in asked.iter_mut().filter(|each| each.would_change()) {
        each.fate = Some(fate.clone());
    }
}

/// The kind of a comment whose lines may be obeyed unless they are decided.
fn kind(asked: &[Asked<'_>]) -> Said {
    let mut changing = asked.iter().filter(|each| each.would_change()).peekable();
    if changing.peek().is_none() {
        return Said::Other;
    }
    if changing.all(|each| verb(each) == Some(Verb::Down)) { Said::Down } else { Said::Command }
}

/// Where a comment stands against the record.
fn stands(seen: Option<&Record>, comment: &Comment) -> Standing {
    position::of_comment(seen, comment.id, comment.at, &comment.url)
}

fn given(comment: &Comment) -> Given {
    Given { comment: (comment.source == Source::Comment).then_some(comment.id), at: comment.at }
}

fn is_up(asked: &Asked<'_>) -> bool {
    asked.would_change() && verb(asked) == Some(Verb::Up)
}

/// Whether it is a `down` that found nothing to take down, and so left no trace in the record.
fn is_idle_down(asked: &Asked<'_>) -> bool {
    verb(asked) == Some(Verb::Down) && matches!(asked.fate, Some(Fate::Gone(_) | Fate::AlreadySo))
}

/// The commit that an `up` names.
fn named<'a>(asked: &'a Asked<'_>) -> Option<&'a str> {
    match &asked.command {
        Some(Command::Up(up)) => up.sha.as_deref(),
        _ => None,
    }
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
        Fate::Superseded => Some(
            "a newer command was obeyed before this one, so this one was not; if you still want it, please write it again"
                .to_owned(),
        ),
        Fate::HeadNotSeen(why)
        | Fate::Gone(why)
        | Fate::Refused(why)
        | Fate::NotUnderstood(why)
        | Fate::InHistory(why) => Some(why.clone()),
        Fate::Applied | Fate::AppliedLate | Fate::AlreadySo | Fate::Answered => None,
        Fate::Edited | Fate::CommentGone | Fate::NotAsDelivered => None,
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
    format!("{}-", comment.name())
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
            // A delivery that is not confirmed proves nothing about its author.
            actor: if fate.is_unconfirmed() { "unknown".to_owned() } else { comment.author.clone() },
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
