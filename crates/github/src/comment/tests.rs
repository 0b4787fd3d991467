use std::collections::BTreeMap;

use bivouac_model::{CommentView, ImageDigest, Phase, Usd};
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{MAX_CHARACTERS, Renderer, is_marked, same_but_for_cost};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn renderer() -> Renderer {
    Renderer::new("default", "https://github.com/")
}

fn view(phase: Phase) -> CommentView {
    let (reason, message) = match phase {
        Phase::Pending => ("Seen", "Nothing was done yet."),
        Phase::WaitingForImage => {
            ("ImageMissing", "The tag pr-123-ci is not in superset-ci yet; it goes on by itself once it is.")
        }
        Phase::Queued => {
            ("MaxEnvironments", "It is number 2 in the queue: 24 environments run, and at most 24 may at once.")
        }
        Phase::Provisioning => ("ServiceCreated", "The service exists; its first task is on its way."),
        Phase::Starting => ("WaitingForHealth", "The task runs; /health does not answer yet."),
        // A ready environment says so in the headline.
        Phase::Ready => ("Answering", ""),
        Phase::Degraded => {
            ("HealthCheckFailed", "/health answers 503 since the last deployment; a fresh task is being started.")
        }
        Phase::Failed => (
            "OutOfMemory",
            "The container `superset` was out of memory (exit code 137). Ask for a larger size, such as size=large.",
        ),
        Phase::Asleep => ("Asleep", "Scaled to nothing on request."),
        Phase::Terminating => ("Deleting", "The service is being deleted."),
        Phase::Terminated => ("Expired", "Its time was over."),
        Phase::Invalid => ("InvalidRecord", "`ttl` holds `soon`; allowed: a duration such as 48h, 90m or 2d."),
    };
    let runs = !matches!(phase, Phase::Asleep | Phase::Terminating | Phase::Terminated | Phase::Invalid);
    CommentView {
        key: "apache/superset#123".parse().unwrap(),
        phase,
        reason: reason.to_owned(),
        message: message.to_owned(),
        url: matches!(phase, Phase::Ready | Phase::Degraded).then(|| "http://203.0.113.10:8080".to_owned()),
        image_tag: "pr-123-ci".to_owned(),
        image_digest: (phase > Phase::WaitingForImage)
            .then(|| ImageDigest::new("sha256:3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea")),
        head_sha: Some(SHA.to_owned()),
        newer_commit: None,
        flags: [("FEATURE_ALERTS", "true"), ("FEATURE_THEME", "dark|light")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        config_names: vec!["SUPERSET_LOG_LEVEL".to_owned()],
        expires_at: time("2026-11-25T12:00:00Z"),
        pinned: phase == Phase::Starting,
        ends_soon: false,
        requested_by: None,
        hourly_cost: if runs { Usd::from_dollars(0.01734) } else { Usd::ZERO },
        cost: Usd::from_dollars(0.12),
        as_of: time("2026-11-23T18:55:12Z"),
        ready_note: Some("Sign in as `admin` / `admin`.".to_owned()),
        command: "/testenv".to_owned(),
        edits_only: false,
        log: None,
    }
}

#[test]
fn every_phase_has_its_comment() {
    for phase in Phase::ALL {
        insta::assert_snapshot!(phase.as_str(), renderer().render(&view(phase)));
    }
}

#[test]
fn only_what_holds_is_said() {
    let bare = CommentView {
        url: None,
        image_tag: String::new(),
        image_digest: None,
        head_sha: None,
        newer_commit: None,
        flags: BTreeMap::new(),
        config_names: Vec::new(),
        ready_note: None,
        command: String::new(),
        ..view(Phase::Ready)
    };
    insta::assert_snapshot!("bare", renderer().render(&bare));
}

#[test]
fn a_newer_commit_is_told_with_what_to_do() {
    let newer = CommentView {
        newer_commit: Some(SHA.replace('0', "f")),
        message: "The ttl of 30d is above the allowed 7d, which holds instead.".to_owned(),
        ..view(Phase::Ready)
    };
    insta::assert_snapshot!("newer", renderer().render(&newer));
    let unheard = renderer().render(&CommentView { command: String::new(), ..newer });
    assert!(unheard.contains("is not approved yet.") && !unheard.contains("to deploy it"), "{unheard}");
}

#[test]
fn every_command_that_is_offered_is_one() {
    for phase in Phase::ALL {
        for (pinned, newer) in [(false, None), (true, Some(SHA.to_owned()))] {
            let view = CommentView { pinned, newer_commit: newer, ..view(phase) };
            let offered = super::commands::commands(&view);
            assert!(!offered.is_empty(), "{phase}");
            for (words, _) in offered {
                let text = format!("{} {words}", view.command);
                let read = bivouac_model::command::read_commands(&text, &view.command);
                assert!(read.len() == 1 && read[0].command.is_ok(), "{phase}: {text}");
            }
        }
    }
}

#[test]
fn ten_thousand_flags_are_cut() {
    let flags = (0..10_000).map(|n| (format!("FEATURE_{n}"), "@everyone ".repeat(500))).collect();
    let comment = renderer().render(&CommentView { flags, ..view(Phase::Ready) });
    assert!(comment.contains("… and 9970 more |"), "{comment}");
    assert!(comment.chars().count() <= MAX_CHARACTERS);
}

#[test]
fn the_cost_alone_is_no_news() {
    let early = view(Phase::Ready);
    let later = CommentView { cost: Usd::from_dollars(0.9), as_of: time("2026-11-24T18:55:12Z"), ..early.clone() };
    let moved = CommentView { url: Some("http://203.0.113.11:8080".to_owned()), ..later.clone() };
    let [early, later, moved] = [early, later, moved].map(|view| renderer().render(&view));
    assert_ne!(early, later);
    assert!(same_but_for_cost(&early, &later));
    assert!(same_but_for_cost(&early.replace('\n', "\r\n"), &later));
    assert!(!same_but_for_cost(&later, &moved));
}

#[test]
fn the_marker_is_the_whole_first_line() {
    let renderer = renderer();
    let key = view(Phase::Ready).key;
    let comment = renderer.render(&view(Phase::Ready));
    assert!(comment.starts_with("<!-- bivouac:default:apache/superset#123 -->\n"));
    assert!(is_marked(&comment, &renderer.marker(&key)));
    assert!(is_marked(&comment.replace('\n', "\r\n"), &renderer.marker(&key)));
    assert!(!is_marked(&format!("> {comment}"), &renderer.marker(&key)));
    assert!(!is_marked(&comment, &renderer.marker(&"apache/superset#12".parse().unwrap())));
    assert!(!is_marked(&comment, &Renderer::new("other", "").marker(&key)));
    // No name of an instance can end the marker, or pass for another.
    let odd = Renderer::new("a:b --><img>\n", "").render(&view(Phase::Ready));
    assert!(odd.starts_with("<!-- bivouac:a%3ab%20%2d%2d%3e%3cimg%3e%0a:apache/superset#123 -->\n"), "{odd}");
}

/// What GitHub's parser makes of a comment: the tags, and all text that people see.
fn parsed(markdown: &str) -> (Vec<String>, String) {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM | Options::ENABLE_FOOTNOTES;
    let (mut tags, mut text) = (Vec::new(), String::new());
    for event in Parser::new_ext(markdown, options | Options::ENABLE_TASKLISTS | Options::ENABLE_MATH) {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => tags.push(format!("link {dest_url}")),
            Event::Start(tag) => tags.push(format!("{:?}", TagEnd::from(tag))),
            Event::Html(html) | Event::InlineHtml(html) => tags.push(format!("html {}", html.trim())),
            Event::Text(part) => text.push_str(&part),
            // Code by backticks or by a tag is the same to a reader.
            Event::Code(part) => {
                tags.extend(["html <code>".to_owned(), "html </code>".to_owned()]);
                text.push_str(&part);
            }
            other => tags.push(format!("{other:?}")),
        }
    }
    (tags, text)
}

/// Texts that people would write to break out.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "|",
        "\n",
        "\r\n",
        "`",
        "``",
        "```",
        "*",
        "**",
        "_",
        "~~",
        "<",
        ">",
        "</code>",
        "<!--",
        "-->",
        "</details>",
        "<img src=x>",
        "[a](http://evil.example)",
        "![i](x)",
        "[",
        "]",
        "(",
        ")",
        "\\",
        "\\|",
        "&",
        "&lt;",
        "&#64;",
        "@",
        "@octocat",
        "@org/team",
        "#1",
        "GH-1",
        "http://evil.example",
        "www.evil.example",
        "me@evil.example",
        "$x$",
        ":tada:",
        "- ",
        "1. ",
        "# ",
        "> ",
        "    ",
        "\u{202e}",
        "\u{200d}",
        "\u{0}",
        "\u{2028}",
        "é",
        "漢",
        "🏕",
        "a",
        "FEATURE_X",
        "=",
        " ",
        "---",
        "[!NOTE]",
        "[^1]",
        "{",
        "}",
    ]);
    prop_oneof![prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat()), ".{0,40}"]
}

proptest! {
    #[test]
    fn strangers_texts_stay_data(
        phase in prop::sample::select(Phase::ALL.to_vec()),
        message in hostile(), reason in hostile(), tag in hostile(), sha in hostile(), name in hostile(), value in hostile(),
        url in hostile(), command in hostile(),
    ) {
        let with = |message: &str, reason: &str, tag: &str, sha: &str, flag: (&str, &str), url: &str, command: &str| {
            renderer().render(&CommentView {
                message: format!("m{message}"),
                reason: format!("r{reason}"),
                image_tag: format!("t{tag}"),
                head_sha: Some(format!("s{sha}")),
                newer_commit: Some(format!("n{sha}")),
                flags: [(flag.0.to_owned(), flag.1.to_owned())].into(),
                config_names: vec![flag.0.to_owned()],
                url: Some(format!("u{url}")),
                command: format!("/c{command}"),
                ..view(phase)
            })
        };
        let tame = with("m", "r", "t", "s", ("N", "v"), "u", "c");
        let wild = with(&message, &reason, &tag, &sha, (&name, &value), &url, &command);
        // The structure is that of a tame comment: nothing was opened, closed, linked or embedded. But anybody may quote
        // by backticks.
        let ((mut tame_tags, _), (mut wild_tags, text)) = (parsed(&tame), parsed(&wild));
        for tags in [&mut tame_tags, &mut wild_tags] {
            tags.retain(|tag| tag != "html <code>" && tag != "html </code>");
        }
        prop_assert_eq!(tame_tags, wild_tags, "{}", wild);
        prop_assert_eq!(wild.lines().count(), tame.lines().count());
        // Outside of code, no name is called and no number is linked.
        prop_assert!(!wild.contains('@'), "{}", wild);
        let turned = text.contains(['\u{202e}', '\u{0}']);
        prop_assert!(!turned, "{}", wild);
    }

    #[test]
    fn no_address_in_prose_becomes_a_link(before in "[a-z (]{0,3}", scheme in "(http://|https://|ftp://|www\\.|WWW\\.|me@)") {
        let message = format!("{before}{scheme}evil.example");
        let comment = renderer().render(&CommentView { message, ..view(Phase::Failed) });
        // The marks by which GitHub's autolinks are found.
        let quoted = comment.lines().find(|line| line.starts_with("> **Why:**")).unwrap_or_default();
        prop_assert!(!["://", "www.", "WWW.", "@"].iter().any(|mark| quoted.contains(mark)), "{}", quoted);
        prop_assert!(quoted.contains("evil.example") , "{}", quoted);
    }

    #[test]
    fn names_in_prose_are_broken(name in "[a-z][a-z0-9-]{0,20}", number in 1u32..99999) {
        let message = format!("ask @{name} about #{number}");
        let (_, text) = parsed(&renderer().render(&CommentView { message, ..view(Phase::Failed) }));
        let mention = format!("@{name}");
        let reference = format!("#{number}");
        prop_assert!(!text.contains(&mention) && !text.contains(&reference));
    }

    #[test]
    fn no_comment_is_too_long(
        phase in prop::sample::select(Phase::ALL.to_vec()),
        text in "[|<@]{0,3}", many in 0usize..400, times in 0usize..5000, note in 0usize..70_000,
    ) {
        let long = text.repeat(times);
        let flags = (0..many).map(|n| (format!("{n}{}", &long[..long.len().min(200)]), long.clone())).collect();
        let comment = renderer().render(&CommentView {
            message: long.clone(),
            reason: long.clone(),
            image_tag: long.clone(),
            head_sha: Some(long.clone()),
            newer_commit: Some(long.clone()),
            url: Some(format!("http://{long}")),
            config_names: vec![long.clone(); many],
            flags,
            ready_note: Some("é".repeat(note)),
            command: long.clone(),
            ..view(phase)
        });
        prop_assert!(comment.chars().count() <= MAX_CHARACTERS, "{}", comment.chars().count());
    }
}

#[test]
fn who_asked_is_told_that_the_end_is_near_and_how_to_move_it() {
    let told = |change: &dyn Fn(&mut CommentView)| {
        let mut view = CommentView {
            ends_soon: true,
            requested_by: Some("ada".into()),
            expires_at: time("2026-11-25T12:00:00Z"),
            command: "/testenv".into(),
            ..view(Phase::Ready)
        };
        change(&mut view);
        let text = renderer().render(&view);
        text.lines().skip_while(|line| *line != "> [!WARNING]").nth(1).unwrap_or_default().to_owned()
    };
    let ends = "this ends at 2026-11-25 12:00 UTC.";
    assert_eq!(told(&|_| {}), format!("> @ada, {ends} Comment `/testenv extend 24h` to keep it longer."));
    assert_eq!(told(&|view| view.command.clear()), format!("> @ada, {ends}"));
    assert_eq!(
        told(&|view| view.pinned = true),
        format!("> @ada, {ends} It is pinned, and that is as long as a pin lasts.")
    );
    for nobody in [None, Some("ada lovelace"), Some("@everyone"), Some("a\n> @eve")] {
        let said = told(&|view| view.requested_by = nobody.map(str::to_owned));
        assert_eq!(said, format!("> {ends} Comment `/testenv extend 24h` to keep it longer."));
    }
    assert_eq!(told(&|view| view.ends_soon = false), "");
}
