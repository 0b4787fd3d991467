//! What is said on the pull requests: comments, edits and reactions, in the order they happen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bivouac_simcloud::github::{CommentView, Hub};
use serde_json::{Value, json};

use super::people::BOT;
use super::story::REPOSITORY;

/// How long is listened before anew; nothing depends on it.
const WHILE: Duration = Duration::from_secs(3600);
/// The most characters of a remark that are shown. A command with a few flags fits.
const LONGEST: usize = 160;

/// Something that somebody said or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// On which pull request.
    pub pr: u64,
    /// In or to which comment.
    pub comment: u64,
    /// Who.
    pub author: String,
    /// What.
    pub what: What,
}

/// What was said or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A comment was written.
    Created(String),
    /// A comment was changed from one text to another.
    Edited { from: String, to: String },
    /// A comment was folded away.
    Hidden,
    /// Somebody reacted to a comment, in GitHub's word: `eyes`, `rocket`, `confused`.
    Reacted(&'static str),
}

/// What stands above a sentence that somebody should read who read the rest.
const WARNING: &str = "> [!WARNING]";

impl Remark {
    /// For scripts. docs/reference/command-line.md promises the names.
    pub fn json(&self, at: chrono::DateTime<chrono::Utc>) -> Value {
        let (environment, author, id) = (format!("{REPOSITORY}#{}", self.pr), &self.author, self.comment);
        let comment = |action: &str, body: Option<&String>| {
            json!({
                "event": "comment", "at": at, "environment": environment, "author": author, "id": id,
                "action": action, "body": body,
            })
        };
        match &self.what {
            What::Created(body) => comment("created", Some(body)),
            What::Edited { to, .. } => comment("edited", Some(to)),
            What::Hidden => comment("hidden", None),
            What::Reacted(content) => json!({
                "event": "reaction", "at": at, "environment": environment, "author": author, "comment": id,
                "content": content,
            }),
        }
    }

    /// For people, in a line without who and where: what begins a comment, or the sign of a reaction. `None`: an edit that
    /// changes nothing of it.
    pub fn gist(&self) -> Option<String> {
        match &self.what {
            What::Created(body) => Some(self.gist_of(body)),
            What::Edited { from, to } => Some(self.gist_of(to)).filter(|gist| *gist != self.gist_of(from)),
            What::Hidden => Some("(folds a comment away)".to_owned()),
            What::Reacted(content) => Some(sign(content).to_owned()),
        }
    }

    /// Of the bot's long comments the beginning tells enough; of people every line may be a command.
    fn gist_of(&self, body: &str) -> String {
        let mut lines = body.lines().map(plain).filter(|line| !line.is_empty());
        let warns = self.author == BOT && body.contains(WARNING);
        let gist = if let Some(warning) = warns.then(|| lines.find(|line| line.starts_with("> @"))).flatten() {
            // What it says besides was told before.
            warning.trim_start_matches("> ").to_owned()
        } else if self.author == BOT {
            // A reply first calls whom it is for.
            let mut gist = Vec::new();
            for line in lines {
                let calls = gist.is_empty() && body.contains(&format!("**{line}**"));
                gist.push(line);
                if !calls {
                    break;
                }
            }
            gist.join(": ")
        } else {
            lines.collect::<Vec<_>>().join(" ⏎ ")
        };
        console::truncate_str(&gist, LONGEST, "…").into_owned()
    }
}

/// A line without the marks of Markdown that the bot uses, and without what makes a terminal do things.
fn plain(line: &str) -> String {
    let line = line.trim();
    if line.starts_with("<!--") {
        return String::new();
    }
    let line = line.trim_start_matches(['#', ' ']).replace("**", "").replace("<sub>", "").replace("</sub>", "");
    line.chars().filter(|character| !character.is_control()).collect()
}

/// The sign that GitHub shows for a reaction.
pub fn sign(content: &str) -> &str {
    match content {
        "+1" => "👍",
        "-1" => "👎",
        "laugh" => "😄",
        "confused" => "😕",
        "heart" => "🩷",
        "hooray" => "🎉",
        "rocket" => "🚀",
        "eyes" => "👀",
        other => other,
    }
}

/// Listens for as long as somebody wants to hear it. Dropped half-way, nothing is left behind.
pub async fn listen(hub: Hub, mut tell: impl FnMut(Remark) -> bool) {
    let mut heard = Heard::default();
    loop {
        let mut news = Vec::new();
        // Whether the time is over or there is news, what there is is told.
        let _ = hub
            .wait_until(WHILE, |hub| {
                news = heard.news(hub);
                !news.is_empty()
            })
            .await;
        for remark in news {
            if !tell(remark) {
                return;
            }
        }
    }
}

/// What was heard so far, by comment.
#[derive(Debug, Default)]
struct Heard(BTreeMap<u64, Comment>);

#[derive(Debug)]
struct Comment {
    body: String,
    is_hidden: bool,
    reactions: BTreeSet<(String, &'static str)>,
}

impl Heard {
    fn news(&mut self, hub: &Hub) -> Vec<Remark> {
        let mut news = Vec::new();
        // Numbers rise by one from 1.
        for (pr, comments) in (1..).map_while(|pr| Some((pr, hub.comments(REPOSITORY, pr).ok()?))) {
            comments.into_iter().for_each(|comment| self.look(pr, comment, &mut news));
        }
        news
    }

    fn look(&mut self, pr: u64, comment: CommentView, news: &mut Vec<Remark>) {
        let CommentView { id, author, body, reactions, hidden, .. } = comment;
        let mut tell = |author: &str, what| news.push(Remark { pr, comment: id, author: author.to_owned(), what });
        let heard = self.0.entry(id).or_insert_with(|| {
            tell(&author, What::Created(body.clone()));
            Comment { body: body.clone(), is_hidden: false, reactions: BTreeSet::new() }
        });
        if heard.body != body {
            let from = std::mem::replace(&mut heard.body, body.clone());
            tell(&author, What::Edited { from, to: body });
        }
        if hidden.is_some() && !heard.is_hidden {
            tell(&author, What::Hidden);
        }
        heard.is_hidden = hidden.is_some();
        for reaction in &reactions {
            if !heard.reactions.contains(reaction) {
                tell(&reaction.0, What::Reacted(reaction.1));
            }
        }
        heard.reactions = reactions.into_iter().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(author: &str, body: &str, reactions: &[(&str, &'static str)]) -> CommentView {
        let now = chrono::DateTime::UNIX_EPOCH;
        CommentView {
            id: 7,
            author: author.to_owned(),
            body: body.to_owned(),
            created_at: now,
            updated_at: now,
            reactions: reactions.iter().map(|(login, content)| ((*login).to_owned(), *content)).collect(),
            hidden: None,
        }
    }

    fn gists(heard: &mut Heard, view: CommentView) -> Vec<(String, Option<String>)> {
        let mut news = Vec::new();
        heard.look(1, view, &mut news);
        news.into_iter().map(|remark| (remark.author.clone(), remark.gist())).collect()
    }

    #[test]
    fn everything_is_told_once() {
        let mut heard = Heard::default();
        let said = |who: &str, what: &str| (who.to_owned(), Some(what.to_owned()));
        let up = "/testenv up\r\n/testenv pin";
        assert_eq!(gists(&mut heard, view("maya", up, &[])), [said("maya", "/testenv up ⏎ /testenv pin")]);
        let seen = view("maya", up, &[(BOT, "eyes")]);
        assert_eq!(gists(&mut heard, seen.clone()), [said(BOT, "👀")]);
        assert_eq!(gists(&mut heard, seen), []);
        let done = view("maya", up, &[(BOT, "eyes"), (BOT, "rocket")]);
        assert_eq!(gists(&mut heard, done), [said(BOT, "🚀")]);
    }

    #[test]
    fn a_long_comment_of_the_bot_is_told_by_its_beginning() {
        let mut heard = Heard::default();
        let comment = |end: &str| view(BOT, &format!("<!-- bivouac -->\n### ✅ It is **ready**\n\n| a |\n{end}"), &[]);
        assert_eq!(gists(&mut heard, comment("1")), [(BOT.to_owned(), Some("✅ It is ready".to_owned()))]);
        assert_eq!(gists(&mut heard, comment("2")), [(BOT.to_owned(), None)], "the beginning is the same");
    }

    #[test]
    fn a_warning_is_told_in_its_own_words() {
        let mut heard = Heard::default();
        let comment = |warning: &str| view(BOT, &format!("### ✅ It is ready\n\n{warning}\n\n| a |"), &[]);
        gists(&mut heard, comment(""));
        let told = gists(&mut heard, comment("> [!WARNING]\n> @maya, this ends at noon."));
        assert_eq!(told, [(BOT.to_owned(), Some("@maya, this ends at noon.".to_owned()))]);
    }

    #[test]
    fn a_reply_is_told_with_whom_it_calls() {
        let reply = view(BOT, "<!-- bivouac:reply dev otto -->\n**@otto**\n\n`/testenv up`: sorry.\n", &[]);
        let told = gists(&mut Heard::default(), reply);
        assert_eq!(told, [(BOT.to_owned(), Some("@otto: `/testenv up`: sorry.".to_owned()))]);
    }

    #[test]
    fn a_comment_cannot_command_the_terminal() {
        let told = gists(&mut Heard::default(), view("otto", "a\u{1b}[2Jb", &[]));
        assert_eq!(told, [("otto".to_owned(), Some("a[2Jb".to_owned()))]);
    }
}
