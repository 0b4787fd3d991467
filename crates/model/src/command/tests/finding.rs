//! Which lines of a comment are commands.

use super::*;

#[test]
fn a_command_stands_alone_at_the_start_of_a_line() {
    for body in [
        "/testenv down",
        "   /testenv down",
        "/TestEnv DOWN",
        "\u{20}/testenv \t down \t ",
        "Thanks, this looks right.\n/testenv down\nSee you.",
        "Thanks.\r\n\r\n/testenv down\r\n",
        "Thanks.\r/testenv down\r",
        "# Done\n/testenv down",
        "/testenv down\n---\nSent from my phone",
        "- one\n- two\n/testenv down",
        "> quoted\n\n/testenv down",
        "```\n/testenv up\n```\n/testenv down",
        "<!-- /testenv up -->\n/testenv down",
        "<p>markup</p>\n\n/testenv down",
        "<blockquote>/testenv up</blockquote>\n\n/testenv down",
        "<!-- <blockquote> -->\n\n/testenv down",
        "a `code` span\n/testenv down",
        "a ` alone\n\n/testenv down",
        "<pre>\n\n/testenv up\n</pre>\n\n/testenv down",
        "| a |\n|---|\n\n/testenv down",
        "> <pre>\n\n/testenv down",
        "> <code>quoted\n\n/testenv down",
    ] {
        assert_eq!(said(body), ["down"], "{body:?}");
    }
}

#[test]
fn what_is_only_mentioned_is_no_command() {
    for body in [
        "",
        "Write /testenv down to take it away.",
        "`/testenv down`",
        "/testenvironment down",
        "/testenv-down",
        "/testenv: how does it work?",
        "\\/testenv down",
        "&#47;testenv down",
        "&gt; /testenv down",
        "| /testenv down",
        "> flowed text that a client broke \n/testenv down",
        "<blockquote type=\"cite\">\n\n/testenv down\n\n</blockquote>",
        "> /testenv down",
        "> quoted\n/testenv down",
        ">> quoted\n> /testenv down",
        "- > quoted\n/testenv down",
        "    /testenv down",
        "\t/testenv down",
        "- list\n\n      /testenv down",
        "```\n/testenv down\n```",
        "```\n/testenv down",
        "~~~ text\n```\n/testenv down\n~~~",
        "````\n```\n/testenv down\n```\n````",
        "- ```\n  /testenv down\n  ```",
        "code `that\n/testenv down\nends` here",
        "<!-- \n\n/testenv down\n\n-->",
        "text <!--\n/testenv down\n-->",
        "<!--\n/testenv down",
        "<div>\n/testenv down\n</div>",
        "<details>\n<summary>x</summary>\n/testenv down",
        "<pre>\n\n/testenv down\n\n</pre>",
        "<script>\n\n/testenv down\n</script>",
        "<blockquote>\n\n/testenv down\n\n</blockquote>",
        "<BLOCKQUOTE>\n<p>\n\n/testenv down",
        "a <code>\n/testenv down\n</code>",
        "a <a title=\"\n/testenv down\n\">link</a>",
        "[link](<x> \"\n/testenv down\n\")",
        "![\n/testenv down\n](x)",
        "[\n/testenv down\n](x)",
        "[x]: /url '\n/testenv down\n'\n\n[x]",
        "~~taken\n/testenv down\nback~~",
        "- /testenv down",
        "1. Comment\n\n   /testenv down",
        "1. Comment\n   /testenv down",
        "# /testenv down",
        "**/testenv down**",
        "<?php\n/testenv down\n?>",
        "<![CDATA[\n/testenv down\n]]>",
    ] {
        assert_eq!(said(body), [""; 0], "{body:?}");
    }
}

#[test]
fn a_name_that_is_empty_stands_for_no_commands_and_another_name_for_its_own() {
    assert_eq!(read_commands("/testenv down\nup", ""), []);
    let readings = read_commands("/testenv up\n!camp down\n/preview pin", "!camp");
    assert_eq!(readings, [Reading { line: Line { number: 2, text: "!camp down" }, command: Ok(Command::Down) }]);
}

#[test]
fn commands_come_in_order_with_their_lines() {
    let body = "First\n/testenv up  FEATURE_A=true  \nthen\n\n  /testenv pin\n/testenv frobnicate";
    let readings = read_commands(body, NAME);
    let lines: Vec<_> = readings.iter().map(|reading| (reading.line.number, reading.line.text)).collect();
    assert_eq!(lines, [(2, "/testenv up  FEATURE_A=true"), (5, "/testenv pin"), (6, "/testenv frobnicate")]);
    assert!(matches!(readings[2].command, Err(CommandError::Unknown { .. })));
    assert_eq!(find_commands(body, NAME).unwrap().len(), 3);
}

#[test]
fn a_thousand_commands_are_one_error() {
    let ten = "/testenv pin\n".repeat(MAX_COMMANDS);
    assert_eq!(said(&ten), ["pin"; MAX_COMMANDS]);
    let thousand = "/testenv up\n".repeat(1000);
    let readings = read_commands(&thousand, NAME);
    assert_eq!(readings.len(), 1);
    assert_eq!(readings[0].command, Err(CommandError::TooMany { count: 1000 }));
    assert_eq!(readings[0].line.number, 1);
    // In a quotation there are none, so there are not too many.
    assert_eq!(said(&format!("> {thousand}")), [""; 0]);
}

#[test]
fn characters_that_nobody_sees_refuse_the_line_by_name() {
    for (line, code) in [
        ("/testenv up\u{200B} FEATURE_A=true", "U+200B"),
        ("/testenv\u{200D} up", "U+200D"),
        ("/test\u{200F}env up", "U+200F"),
        ("\u{202E}/testenv up", "U+202E"),
        ("\u{FEFF}/testenv up", "U+FEFF"),
        ("/testenv up FEATURE_A=\u{2066}eurt\u{2069}", "U+2066"),
        ("/testenv up SUPERSET_A=\"a\u{202A}b\"", "U+202A"),
        ("/testenv\u{A0}up", "U+00A0"),
        ("/testenv up\u{2028}down", "U+2028"),
        ("/testenv up A=\u{0}", "U+0000"),
        ("/testenv down \u{E0041}", "U+E0041"),
    ] {
        let said = said(line);
        assert_eq!(said.len(), 1, "{line:?}");
        assert!(
            said[0].starts_with("error: the line holds the invisible character ") && said[0].contains(code),
            "{said:?}"
        );
    }
    // Elsewhere in the comment they are nobody's affair.
    assert_eq!(said("\u{202E}abc\u{200B}\n/testenv down"), ["down"]);
}

#[test]
fn letters_that_only_look_alike_are_other_letters() {
    assert_eq!(said("/tеstenv up"), [""; 0], "a Cyrillic е");
    assert!(said("/testenv uр")[0].starts_with("error: there is no command `uр`"), "a Cyrillic р");
    assert!(said("/testenv ｕｐ")[0].starts_with("error: there is no command"), "full width");
}

/// What a parser has to do for a comment: its events, and the containers that it looks at again on each line.
fn events(body: &str) -> usize {
    pulldown_cmark::Parser::new_ext(body, pulldown_cmark::Options::ENABLE_STRIKETHROUGH).count()
}

#[test]
fn comments_that_are_made_to_be_slow_are_refused_or_cheap() {
    let fill = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    let half = MAX_BODY_CHARACTERS / 2;
    for opener in ["> ", ">", "- ", "* ", "1. ", "2) ", "> - ", "+\t"] {
        let deep = fill(opener, half - 20);
        for rest in ["\n", "a\n", "\r\n", "> \n"] {
            let body = format!("/testenv up\n\n{deep}\n{}", fill(rest, half - 20));
            let readings = read_commands(&body, NAME);
            assert_eq!(readings[0].command, Err(CommandError::TooNested), "{opener:?} {rest:?}");
            assert_eq!(readings.len(), 1);
        }
    }
    for piece in [
        "[",
        "![",
        "](",
        "[a](",
        "[a](<b",
        "*a ",
        "*a **a ",
        "_a__b_",
        "`",
        "``a`",
        "<",
        "<!--",
        "<a ",
        "<?",
        "<![CDATA[",
        "&#",
        "\\",
        "[]",
        "[[]]",
        "[a]: b\n",
        "[a]\n",
        "~",
        "~~a~",
        "- a\n",
        "> a\n",
        "a\n-\n",
        "<b>\n\n",
        "\"",
        "\n",
        "\u{200B}",
    ] {
        let body = format!("/testenv down\n\n{}", fill(piece, MAX_BODY_CHARACTERS - 20));
        assert_eq!(said(&body), ["down"], "{piece:?}");
        // Two for each byte: none of the pieces makes the tree larger than the comment.
        assert!(events(&body) <= 2 * body.len(), "{piece:?}: {}", events(&body));
    }
    // A long discussion with long quotations and lists is no such comment.
    let honest =
        "> > quoted and quoted again, at some length, as people do\n\n- [ ] one thing\n  - [x] another\n\n".repeat(600);
    assert_eq!(said(&format!("{honest}\n\n/testenv down")), ["down"]);
}

#[test]
fn a_comment_longer_than_the_forge_allows_is_not_read() {
    let fits = "é".repeat(MAX_BODY_CHARACTERS - 14);
    assert_eq!(said(&format!("/testenv down\n{fits}")), ["down"]);
    assert_eq!(read_commands(&format!("/testenv down\n{fits}é"), NAME)[0].command, Err(CommandError::TooLong));
    assert_eq!(said(&format!("no command {fits}")), [""; 0]);
}

/// What is said of the line that is almost a command.
fn hint(body: &str) -> Option<Verb> {
    assert_eq!(said(body), Vec::<String>::new(), "{body:?} holds a command");
    almost(body, NAME).map(|almost| almost.verb)
}

#[test]
fn what_was_meant_as_a_command_is_noticed() {
    for body in [
        "- /testenv up",
        "1. /testenv up",
        "# /testenv up",
        "- An item\n  /testenv up",
        "@bivouac /testenv up FEATURE_X=true",
        "@bivouac[bot]: /testenv up",
        "@acme/core, @ada /testenv up",
        "Thanks! /testenv up",
        "Looks good, /testenv up.",
        "/ testenv up",
        "/testenv-up",
        "/testenv_up",
        "/testenvup",
        "/testenv:up ttl=2h",
        "//testenv up",
        "\\testenv up",
        "／testenv up",
        "**/testenv up**",
        "Looks good.\n\n/TESTENV-UP\n",
    ] {
        assert_eq!(hint(body), Some(Verb::Up), "{body:?}");
    }
}

#[test]
fn what_mentions_a_command_is_not_noticed() {
    for body in [
        "Use /testenv up to start one",
        "- /testenv up starts an environment",
        "- `/testenv up`",
        "`/testenv-up`",
        "```\n/testenv-up\n```",
        "    /testenv-up",
        "> - /testenv up",
        "> Thanks! /testenv up",
        "~~- /testenv up~~ /testenv-up",
        "- [ ] /testenv up",
        "testenv up",
        "See https://example.org/testenv/up",
        "<!-- Thanks! /testenv up -->",
        "<blockquote>\n\nThanks! /testenv up\n\n</blockquote>",
        "/testenv-uploads are slow",
        "- /testenvironment up",
        "No!\n\nOn Mon, Nov 30, 2026 at 1:00 PM Otto <otto@example.org> wrote:\n\nThanks! /testenv up",
    ] {
        assert_eq!(almost(body, NAME), None, "{body:?}");
    }
}

#[test]
fn the_flags_of_a_description_are_read_as_they_stand() {
    let flags = |text: &str| flags_in(text);
    let one = |value: &str| Ok(BTreeMap::from([("FEATURE_X".to_owned(), value.to_owned())]));
    for text in [
        "FEATURE_X=true",
        "Please test with FEATURE_X=True, thanks.",
        "- [x] `FEATURE_X=true`",
        "(FEATURE_X=true)",
        "```sh\nFEATURE_X=true\n```",
        "FEATURE_X=true and again `FEATURE_X=true`. MY_FEATURE_X=false",
        "FEATURE_X=true ~~FEATURE_Y=true~~ <!-- FEATURE_Z=true -->\n> FEATURE_Q=true",
        "FEATURE_X=true. FEATURE_Y is another one.",
    ] {
        assert_eq!(flags(text), one("true"), "{text:?}");
    }
    assert_eq!(flags("FEATURE_X=v_2"), one("v_2"));
    assert_eq!(flags("Nothing here. FEATURE_X stays."), Ok(BTreeMap::new()));
    for text in
        ["FEATURE_X=true and FEATURE_X=false", "FEATURE_X=<value>", "FEATURE_X=v2.", "FEATURE_X=true&FEATURE_Y=true"]
    {
        assert!(flags(text).is_err(), "{text:?}: {:?}", flags(text));
    }
}
