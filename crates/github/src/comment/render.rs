//! From the view to Markdown.

use std::fmt::Write as _;

use bivouac_model::{CommentView, Phase};
use chrono::{DateTime, Utc};

use super::escape::{code, link, prose};
use super::{commands, marker, phrase};
use crate::login::Login;

/// The most flags, and the most names of overrides, that are shown. Ours: a table that one still reads. With the cuts
/// below, thirty of each at six characters an escaped one stay far below [`super::MAX_CHARACTERS`].
const MOST_SHOWN: usize = 30;
/// The most characters of a flag with its value, or of a name. Ours, as above.
const LONGEST_VALUE: usize = 80;
/// The most characters of the message. Ours: a paragraph.
const LONGEST_MESSAGE: usize = 1_000;
/// The longest note that is shown: the longest that the configuration takes. A longer one is left out whole, since half of a Markdown
/// text may end inside a construct.
const LONGEST_NOTE: usize = 4_096;
/// An image tag has at most 128 characters (OCI distribution specification, "Pulling manifests").
const LONGEST_TAG: usize = 128;
/// How the row begins whose content grows by itself.
const COST_ROW: &str = "| **Cost** |";

/// Words the comments of one instance of the controller.
#[derive(Clone, Debug)]
pub struct Renderer {
    instance: String,
    web_url: String,
}

impl Renderer {
    /// For the controller `instance`, and a forge whose pages stand under `web_url`, such as `https://github.com`.
    pub fn new(instance: impl Into<String>, web_url: impl Into<String>) -> Self {
        Self { instance: instance.into(), web_url: web_url.into().trim_end_matches('/').to_owned() }
    }

    /// The hidden first line of the comment of an environment.
    pub(crate) fn marker(&self, key: &bivouac_model::EnvKey) -> String {
        marker::marker(&self.instance, key)
    }

    /// The comment, at most [`super::MAX_CHARACTERS`] characters whatever the view holds.
    ///
    /// Everything that came from a user stays data: it mentions nobody, links nothing and breaks no table. Only the
    /// project's own `ready_note` is Markdown, inside a quotation that ends with it. An empty `command` means that
    /// nobody answers commands, and none are shown.
    pub fn render(&self, view: &CommentView) -> String {
        let mut out = self.marker(&view.key);
        out.push('\n');
        head(&mut out, view);
        message(&mut out, view);
        log(&mut out, view);
        self.newer(&mut out, view);
        ending(&mut out, view);
        note(&mut out, view);
        self.table(&mut out, view);
        command_list(&mut out, view);
        out
    }

    fn table(&self, out: &mut String, view: &CommentView) {
        let reason = Some(&view.reason).filter(|reason| !reason.is_empty() && **reason != view.phase.as_str());
        let reason = reason.map(|reason| format!(" · {}", prose(reason, LONGEST_VALUE))).unwrap_or_default();
        // A table has a head in GitHub's Markdown; the phase makes a good one.
        line(out, &format!("| Phase | {}{reason} |\n|:---|:---|", phrase::word(view.phase)));
        let mut row = |name: &str, value: String| line(out, &format!("| **{name}** | {value} |"));
        if phrase::expires(view.phase) {
            let pinned = if view.pinned { " · 📌 pinned: stays until it is unpinned" } else { "" };
            row("Ends", format!("{}{pinned}", minute(view.expires_at)));
        }
        if !view.image_tag.is_empty() {
            let digest = view.image_digest.as_ref().map(|digest| format!(" · {}", code(digest.short(), 12)));
            row("Image", format!("{}{}", code(&view.image_tag, LONGEST_TAG), digest.unwrap_or_default()));
        }
        if let Some(sha) = &view.head_sha {
            row("Commit", self.commit(view, sha));
        }
        if let Some(flags) = list(view.flags.iter().map(|(name, value)| format!("{name}={value}"))) {
            row("Flags", flags);
        }
        if let Some(names) = list(view.config_names.iter().cloned()) {
            row("Configuration", format!("{names} <sub>values are not shown</sub>"));
        }
        line(out, &format!("{COST_ROW} {} |\n", cost(view)));
    }

    /// That a newer commit is not what runs, and what to do about it.
    fn newer(&self, out: &mut String, view: &CommentView) {
        let Some((newer, bound)) = view.newer_commit.as_ref().zip(view.head_sha.as_ref()) else { return };
        let (newer, bound) = (self.commit(view, newer), self.commit(view, bound));
        let how = match view.command.as_str() {
            "" => String::new(),
            command => format!(": comment {} to deploy it", code(&format!("{command} up"), LONGEST_VALUE)),
        };
        line(out, &format!("> [!NOTE]\n> This is {bound}. The newer {newer} is not approved yet{how}.\n"));
    }

    /// The short commit, as a link if it is one.
    fn commit(&self, view: &CommentView, sha: &str) -> String {
        /// Git's own shortest, and the length of a SHA-256.
        const LENGTHS: std::ops::RangeInclusive<usize> = 7..=64;
        if LENGTHS.contains(&sha.len()) && sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            format!("[`{}`]({}/{}/commit/{sha})", &sha[..7], self.web_url, view.key.repo)
        } else {
            code(sha, LONGEST_VALUE)
        }
    }
}

/// Whether two comments say the same, but for the cost so far, which grows by itself and is no reason to write.
pub(crate) fn same_but_for_cost(one: &str, other: &str) -> bool {
    let lines = |text: &'_ str| -> Vec<String> {
        let kept = text.trim_end().lines().filter(|line| !line.starts_with(COST_ROW));
        kept.map(|line| line.trim_end().to_owned()).collect()
    };
    lines(one) == lines(other)
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn head(out: &mut String, view: &CommentView) {
    let (sign, words) = phrase::headline(view.phase);
    line(out, &format!("### {sign} {words}\n"));
    if let Some(url) = view.url.as_deref().filter(|_| phrase::answers(view.phase)) {
        line(out, &format!("**➜ {}**\n", link(url)));
    }
}

fn message(out: &mut String, view: &CommentView) {
    if view.message.trim().is_empty() {
        return;
    }
    let said = prose(view.message.trim(), LONGEST_MESSAGE);
    match phrase::alert(view.phase) {
        Some(alert) => line(out, &format!("> [!{alert}]\n> **Why:** {said}\n")),
        None => line(out, &format!("{said}\n")),
    }
}

/// That its end is near, to whoever asked for it.
/// The last lines of its log, folded.
fn log(out: &mut String, view: &CommentView) {
    if let Some(block) = view.log.as_ref().and_then(bivouac_model::LogExcerpt::block) {
        line(out, &format!("{block}\n"));
    }
}

fn ending(out: &mut String, view: &CommentView) {
    if !view.ends_soon {
        return;
    }
    let whom = view.requested_by.as_deref().and_then(Login::new).map(|login| format!("@{login}, ")).unwrap_or_default();
    let how = match view.command.as_str() {
        "" => String::new(),
        // Nothing lives longer than the ceiling, which is where a pin ends.
        _ if view.pinned => " It is pinned, and that is as long as a pin lasts.".to_owned(),
        command => format!(" Comment {} to keep it longer.", code(&format!("{command} extend 24h"), LONGEST_VALUE)),
    };
    line(out, &format!("> [!WARNING]\n> {whom}this ends at {}.{how}\n", minute(view.expires_at)));
}

fn note(out: &mut String, view: &CommentView) {
    let Some(note) = view.ready_note.as_deref().map(str::trim).filter(|note| !note.is_empty()) else { return };
    if view.phase != Phase::Ready || note.chars().count() > LONGEST_NOTE {
        return;
    }
    for text in note.lines() {
        line(out, format!("> {text}").trim_end());
    }
    out.push('\n');
}

fn command_list(out: &mut String, view: &CommentView) {
    if view.command.is_empty() {
        return;
    }
    line(out, "<details>\n<summary>Commands: write one as a comment</summary>\n");
    line(out, "| Comment | What it does |\n|:---|:---|");
    for (words, does) in commands::commands(view) {
        line(out, &format!("| {} | {does} |", code(&format!("{} {words}", view.command), LONGEST_VALUE)));
    }
    line(out, "\n</details>");
}

fn cost(view: &CommentView) -> String {
    let (cost, hourly, as_of) = (view.cost, view.hourly_cost, minute(view.as_of));
    match view.phase {
        Phase::Terminated => format!("{cost} in all"),
        _ if hourly == bivouac_model::Usd::ZERO => format!("{cost} so far, and nothing more now"),
        _ => {
            let in_all = cost + bivouac_model::cost_between(hourly, view.as_of, view.expires_at);
            format!("{cost} so far as of {as_of}, {hourly} an hour, {in_all} when its time is over")
        }
    }
}

/// `2026-11-25 12:00 UTC`. To the minute, as expiry is kept.
fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The first of some texts as code, and how many are left; `None` if there are none.
fn list(texts: impl ExactSizeIterator<Item = String>) -> Option<String> {
    let more = texts.len().saturating_sub(MOST_SHOWN);
    let mut out = texts.take(MOST_SHOWN).map(|text| code(&text, LONGEST_VALUE)).collect::<Vec<_>>().join(" ");
    if more > 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, " … and {more} more");
    }
    (!out.is_empty()).then_some(out)
}
