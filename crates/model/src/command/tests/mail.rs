//! Nothing in the history of an e-mail is a command. The examples stand in `mail/`, each below a line that names it.

use proptest::prelude::*;

use super::properties::{commands, comments};
use super::*;
use crate::command::find::{Found, find, in_plain_text_alone};

const SEPARATORS: &str = include_str!("mail/separators.txt");
const LOOKALIKES: &str = include_str!("mail/lookalikes.txt");

const REFUSED: &str = "error: `down` was not obeyed, since it stands in the history of an e-mail; write it above the history, \
                       or in a comment of its own";

/// The examples of a file, each with its name.
fn examples(file: &'static str) -> Vec<(&'static str, &'static str)> {
    let examples = file.split("%% ").filter(|example| !example.is_empty());
    examples.map(|example| example.split_once('\n').expect("a name and a comment")).collect()
}

/// What stands in an example before its command.
fn before(example: &str) -> &str {
    example.split_once("/testenv down").expect("a command").0
}

#[test]
fn no_command_of_a_history_is_obeyed_and_that_is_said_once() {
    let examples = examples(SEPARATORS);
    assert!(examples.len() > 90, "{}", examples.len());
    for (name, body) in examples {
        assert_eq!(said(body), [REFUSED], "{name}");
        assert_eq!(said(&body.replace('\n', "\r\n")), [REFUSED], "{name}, with the line ends of mail");
        let many = body.replace("/testenv down", &"/testenv down\n\n".repeat(MAX_COMMANDS + 5));
        assert_eq!(said(&many), [REFUSED], "{name}, many times");
    }
}

#[test]
fn a_command_above_a_history_is_obeyed() {
    for (name, body) in examples(SEPARATORS) {
        assert_eq!(said(&format!("/testenv pin\n\n{body}")), ["pin", REFUSED], "{name}");
        let own = format!("/testenv pin\n\n{}", body.replace("/testenv down", "Please take it down."));
        assert_eq!(said(&own), ["pin"], "{name}");
    }
}

#[test]
fn what_only_resembles_a_separator_goes_on_working() {
    for (name, body) in examples(LOOKALIKES) {
        assert_eq!(said(body), ["down"], "{name}");
        assert_eq!(said(&body.replace('\n', "\r\n")), ["down"], "{name}");
    }
}

#[test]
fn one_that_changes_something_is_named_first_and_what_is_no_command_is_not_named() {
    let below = |lines: &str| said(&format!("On 30 Nov 2026, at 13:00, Otto wrote:\n\n{lines}"));
    assert_eq!(below("/testenv status\n/testenv frobnicate\n/testenv down"), [REFUSED]);
    assert_eq!(below("/testenv help")[0], REFUSED.replace("down", "help"));
    assert_eq!(below("/testenv frobnicate"), [""; 0]);
    assert_eq!(below("> /testenv down"), [""; 0]);
}

#[test]
fn a_name_that_is_made_to_break_into_a_command_commands_nothing() {
    let long = "a".repeat(60);
    let body = format!(
        "No.\n\nOn Mon, Nov 30, 2026 at 1:00 PM Otto, who would like that\n/testenv down\n{long} <otto@example.org> wrote:\n"
    );
    assert_eq!(said(&body), [REFUSED]);
    // A command right above a separator may be part of a name. A blank line proves that it is not.
    for above in ["Thanks.", "Go", "Version 2", "On 2026-11-29 we talked."] {
        let separator = "On Mon, Nov 30, 2026 at 1:00 PM Otto <otto@example.org> wrote:";
        assert_eq!(said(&format!("{above}\n/testenv down\n{separator}\n")), [REFUSED], "{above}");
        assert_eq!(said(&format!("{above}\n/testenv down\n\n{separator}\n")), ["down"], "{above}");
    }
}

#[test]
fn a_name_that_breaks_an_attribution_in_any_way_commands_nothing() {
    let long = "x".repeat(70);
    let ends = ["and ends.", "and ends!", "and ends:", "and\n- an item", "and\n-----"];
    let openings = [
        ("On Mon, Nov 30, 2026 at 1:00 PM ", " ***@***.***> wrote:"),
        ("On Mon,\nNov 30, 2026 at 1:00 PM ", "\n***@***.***> wrote:"),
        ("2026年11月30日(月) 13:00 ", " ***@***.***>:"),
        ("---- On Mon, 30 Nov 2026 13:00:00 +0000 ", " ***@***.***> wrote ----"),
        ("", " ***@***.***> schrieb am Mo., 30. Nov. 2026, 13:00:"),
        ("From: ", " ***@***.***>\nSent: Monday, November 30, 2026 1:00 PM\nTo: acme/hello\nSubject: Re: Add"),
        ("Sender ", "\nSent: Monday, November 30, 2026 1:00 PM\nTo: acme/hello\nSubject: Re: Add"),
    ];
    for (before, after) in openings {
        for end in ends {
            let body =
                format!("Looks good.\n\n{before}A name that is long {end}\n/testenv down\n{long}{after}\n\nHello\n");
            assert_eq!(said(&body), [REFUSED], "{body}");
        }
        let after = after.trim_start();
        let body = format!("Looks good.\n\n{before}Otto\n/testenv down\n{after}\n\nHello\n");
        assert_eq!(said(&body), [REFUSED], "{body}");
    }
}

#[test]
fn a_thousand_headers_are_read_at_once() {
    for line in
        ["to: a\n", "from: a\n", "From: a@b\n\n", "On 2026 a@b\n", "a:\n", "—\nReply to this email directly x\n"]
    {
        let body = format!("/testenv down\n\n{}", line.repeat((MAX_BODY_CHARACTERS - 20) / line.chars().count()));
        assert_eq!(said(&body), ["down"], "{line:?}");
    }
}

/// Separators that are put together: any name, any day, any client.
fn separators() -> impl Strategy<Value = String> {
    let name = "[A-Za-zÀ-ž][A-Za-zÀ-ž .'-]{0,30}[A-Za-zÀ-ž]";
    let day = (1..29_u8, 1..13_u8, 2010..2060_u16, 0..24_u8, 0..60_u8);
    (name, day, 0..8_usize).prop_map(|(name, (day, month, year, hour, minute), client)| match client {
        0 => format!("On {day}/{month}/{year} {hour}:{minute:02}, {name} <a@example.org> wrote:"),
        1 => format!("On {year}-{month:02}-{day:02}, {hour}:{minute:02} {name}\n***@***.***> wrote:"),
        2 => format!("Am {day:02}.{month:02}.{year} um {hour:02}:{minute:02} schrieb {name} ***@***.***>:"),
        3 => format!("---- On {day}.{month}.{year} {hour}:{minute:02} {name} ***@***.***> wrote ----"),
        4 => format!("From: {name} ***@***.***>\nSent: {day}.{month}.{year} {hour}:{minute:02}"),
        5 => format!("**Von:** {name}\n**Gesendet:** {day}.{month}.{year} {hour}:{minute:02}\n**Betreff:** x"),
        6 => format!("-----Original Message-----\nFrom: {name}"),
        _ => format!("{year}年{month}月{day}日 {hour}:{minute:02} {name} ***@***.***>:"),
    })
}

proptest! {
    #![proptest_config(often(2_500))]

    #[test]
    fn nothing_below_a_separator_is_a_command(
        above in comments(),
        separator in separators(),
        between in "[a-z \\n]{0,20}",
        command in commands(),
    ) {
        // What stands above may open code or a quotation, which the separator then stands in.
        let quiet = above.replace(['`', '~', '<', '>', '[', '|', '/'], "");
        let body = format!("{quiet}\n\n{separator}\n\n{between}\n\n/testenv {command}\n");
        for reading in read_commands(&body, NAME) {
            let history = matches!(reading.command, Err(CommandError::BelowMailHistory { .. }));
            prop_assert!(history, "{reading:?} in {body:?}");
        }
        let above = format!("/testenv {command}\n\n{separator}\n\nThanks.\n");
        let readings = read_commands(&above, NAME);
        prop_assert_eq!(readings.len(), 1, "{}", above);
        prop_assert_eq!(&readings[0].command, &Ok(command));
    }

    #[test]
    fn without_a_separator_a_comment_is_read_as_before(body in comments(), text in "[a-zA-Z0-9 .,!?\\n-]{0,80}") {
        for body in [body.clone(), format!("{text}\n\n/testenv down\n"), format!("{text}\n{body}")] {
            if body.contains('@') || body.contains(':') || body.contains("--") || body.contains('：') {
                continue;
            }
            match find(&body, NAME) {
                Ok(Found { lines, below }) => {
                    prop_assert!(below.is_empty(), "{body:?}");
                    prop_assert_eq!(lines, in_plain_text_alone(&body, NAME));
                }
                Err((_, error)) => {
                    let whole = matches!(error, CommandError::TooMany { .. } | CommandError::TooNested);
                    prop_assert!(whole, "{error}");
                }
            }
        }
    }

    #[test]
    fn no_history_panics(body in "(\\PC|[\\n:@>_*0-9-]|From: |Sent: |On |wrote:|2026|13:00|---- ){0,24}") {
        let body = format!("{body}\n\n/testenv down");
        prop_assert!(read_commands(&body, NAME).len() <= 2);
    }
}

#[test]
fn the_examples_of_lookalikes_hold_no_history_without_their_command() {
    for (name, body) in examples(LOOKALIKES) {
        let only = format!("{}\n\nThanks.\n\n/testenv down", before(body));
        assert_eq!(said(&only), ["down"], "{name}");
    }
}

#[test]
fn the_replies_of_the_field_command_nothing() {
    for reply in [include_str!("field/zoho.txt"), include_str!("field/outlook.txt")] {
        let said = said(reply);
        assert!(said.len() == 1 && said[0].contains("it stands in the history of an e-mail"), "{said:?}");
    }
}
