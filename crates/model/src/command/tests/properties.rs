//! What holds for every comment. `PROPTEST_CASES=1000000 cargo test -p bivouac-model command` tries for longer.

use std::time::Duration;

use proptest::prelude::*;

use super::wishing::{record, request, written};
use super::*;
use crate::Value;
use crate::decode::Item;

/// Pieces that comments are made of, the harmful ones above all.
pub(super) fn comments() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "/testenv",
        "/testenv up",
        "/testenv down\n",
        "/TESTENV ",
        "up",
        "extend 24h",
        "FEATURE_A=true",
        "A=\"",
        "ttl=",
        "size=",
        "sha=",
        "=",
        "\"",
        "\\",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        " ",
        "    ",
        "\t",
        "> ",
        ">",
        "- ",
        "1. ",
        "```",
        "~~~",
        "`",
        "``",
        "<!--",
        "-->",
        "<pre>",
        "</pre>",
        "<blockquote>",
        "</blockquote>",
        "<div>\n",
        "<code>",
        "[",
        "](",
        ")",
        "![",
        "[x]: ",
        "'",
        "*",
        "**",
        "~~",
        "_",
        "---\n",
        "# ",
        "|",
        "\u{200B}",
        "\u{202E}",
        "\u{FEFF}",
        "\u{A0}",
        "\0",
        "&#47;",
        "é",
        "🚀",
        "е",
    ]);
    prop::collection::vec(
        prop_oneof![8 => known.prop_map(str::to_owned), 1 => "\\PC{0,8}", 1 => any::<String>()],
        0..24,
    )
    .prop_map(|pieces| pieces.concat())
}

fn names() -> impl Strategy<Value = String> {
    "(FEATURE_)?[A-Z_][A-Z0-9_]{0,20}|[A-Z][a-z]{1,8}__[A-Z][a-z]{0,8}".prop_filter("a setting", |name| {
        !["ttl", "size", "sha"]
            .iter()
            .any(|setting| name.eq_ignore_ascii_case(setting) && name.as_str() != name.to_ascii_uppercase())
    })
}

fn values() -> impl Strategy<Value = String> {
    let visible = |value: &String| hidden::first(value).is_none();
    prop_oneof!["[a-zA-Z0-9 \"\\\\=`']{0,12}", "(?i)true|false", "\\PC{0,20}"].prop_filter("visible", visible)
}

fn ttls() -> impl Strategy<Value = Ttl> {
    prop_oneof![1_u64..1_000_000, 1..=u64::MAX].prop_map(ttl)
}

pub(super) fn commands() -> impl Strategy<Value = Command> {
    let sizes = values().prop_filter("a size", |size| !size.is_empty());
    let map = || prop::collection::btree_map(names(), values(), 0..6);
    let shas = "[0-9a-f]{7,40}";
    let settings = (prop::option::of(ttls()), prop::option::of(sizes), prop::option::of(shas));
    let up = (map(), settings).prop_map(|(variables, (ttl, size, sha))| {
        let (flags, config) = variables.into_iter().partition(|(name, _)| name.starts_with("FEATURE_"));
        // A bare boolean is put in lower case, and a quoted one is not; both are read back.
        Command::Up(Up { flags, config, ttl, size, sha })
    });
    let plain = prop::sample::select(vec![
        Command::Down,
        Command::Status,
        Command::Pin,
        Command::Unpin,
        Command::Sleep,
        Command::Wake,
        Command::Restart,
        Command::Logs,
        Command::Help,
    ]);
    prop_oneof![2 => up, 1 => ttls().prop_map(Command::Extend), 3 => plain]
}

/// The same letters, each in the case that a bit says.
fn in_case(text: &str, bits: u64) -> String {
    let letter = |(at, letter): (usize, char)| match bits >> (at % 64) & 1 {
        1 => letter.to_ascii_uppercase(),
        _ => letter.to_ascii_lowercase(),
    };
    text.chars().enumerate().map(letter).collect()
}

fn each_line(body: &str, prefix: &str) -> String {
    body.split(['\n', '\r']).map(|line| format!("{prefix}{line}\n")).collect()
}

fn has_none(body: &str) -> bool {
    find_commands(body, NAME).is_ok_and(|lines| lines.is_empty())
}

proptest! {
    #![proptest_config(often(10_000))]

    #[test]
    fn no_comment_panics_and_every_command_is_a_line_of_it(body in comments()) {
        let lines: Vec<&str> = body.split("\r\n").flat_map(|part| part.split(['\n', '\r'])).collect();
        let readings = read_commands(&body, NAME);
        prop_assert!(readings.len() <= MAX_COMMANDS);
        for Reading { line, command } in readings {
            let whole = lines[line.number - 1];
            prop_assert_eq!(whole.trim_matches([' ', '\t']), line.text);
            prop_assert!(whole.len() - whole.trim_start_matches(' ').len() <= 3);
            match command {
                Ok(command) => {
                    prop_assert!(line.text[..NAME.len()].eq_ignore_ascii_case(NAME));
                    prop_assert_eq!(command.to_string().parse::<Command>(), Ok(command));
                }
                Err(error) => {
                    let sentence = error.to_string();
                    prop_assert!(!sentence.contains(char::is_control), "{sentence:?}");
                    prop_assert!(sentence.chars().count() < 400, "{sentence}");
                    prop_assert_eq!(sentence.matches('`').count() % 2, 0, "{}", sentence);
                }
            }
        }
    }

    #[test]
    fn no_text_panics_as_a_command(text in "(up |extend |down )?\\PC{0,60}", any in any::<String>()) {
        for text in [text, any] {
            if let Ok(command) = text.parse::<Command>() {
                prop_assert_eq!(command.to_string().parse::<Command>(), Ok(command));
            }
        }
    }

    #[test]
    fn a_command_reads_as_it_is_written(command in commands(), indent in 0_usize..4, bits in any::<u64>()) {
        let text = command.to_string();
        prop_assert_eq!(text.parse(), Ok(command.clone()));
        let verb = command.verb().as_str();
        let (name, cased) = (in_case(NAME, bits), in_case(verb, bits >> 8));
        let body = format!("Hello\n{}{name} {cased}{}\n", " ".repeat(indent), &text[verb.len()..]);
        let readings = read_commands(&body, NAME);
        prop_assert_eq!(readings.len(), 1);
        prop_assert_eq!(&readings[0].command, &Ok(command));
    }
}

proptest! {
    // Each of these does the work of several.
    #![proptest_config(often(2_500))]

    #[test]
    fn nothing_quoted_is_a_command(body in comments()) {
        prop_assert!(has_none(&each_line(&body, "> ")), "a quotation");
        prop_assert!(has_none(&each_line(&body, ">")), "a tight quotation");
        prop_assert!(has_none(&each_line(&body, "    ")), "indented");
        for fence in ["`", "~"] {
            let fence = fence.repeat(body.len() + 3);
            prop_assert!(has_none(&format!("{fence}\n{body}\n{fence}\n")), "fenced");
            prop_assert!(has_none(&format!("{fence} text\n{body}")), "fenced without an end");
        }
        let inside = body.replace("--", "");
        prop_assert!(has_none(&format!("<!--\n{inside}\n-->\n")), "an HTML comment");
        let line = body.replace(['\n', '\r'], " ");
        prop_assert!(has_none(&format!("See {line} /testenv up")), "within a line");
    }

    #[test]
    fn a_quotation_before_or_after_changes_no_command(command in commands(), quoted in comments()) {
        let body = format!("{}\n/testenv {command}\n\n{}", each_line(&quoted, "> "), each_line(&quoted, "> "));
        let readings = read_commands(&body, NAME);
        prop_assert_eq!(readings.len(), 1);
        prop_assert_eq!(&readings[0].command, &Ok(command));
    }

    #[test]
    fn commands_together_do_what_they_do_one_by_one(given in prop::collection::vec(commands(), 0..8), there in any::<bool>()) {
        let default_ttl = Duration::from_secs(48 * 3600);
        let request = request();
        let before = Item::from([("size".to_owned(), Value::String("large".into()))]);
        let start = there.then(|| before.clone());

        let known = start.as_ref().map(record);
        let mut wish = Wish::new(known.as_ref(), default_ttl, &request);
        let mut one_by_one = start.clone();
        for command in &given {
            let together = command.apply(&mut wish);
            let known = one_by_one.as_ref().map(record);
            let mut alone = Wish::new(known.as_ref(), default_ttl, &request);
            prop_assert_eq!(together, command.apply(&mut alone));
            if !alone.is_empty() {
                one_by_one = Some(written(one_by_one.unwrap_or_default(), alone.into_change()));
            }
        }
        let together = if wish.is_empty() { start } else { Some(written(start.unwrap_or_default(), wish.into_change())) };
        prop_assert_eq!(&together, &one_by_one);
        if let Some(item) = together {
            prop_assert!(record(&item).desired.is_ok(), "what was understood makes a record that is");
        }
    }
}
