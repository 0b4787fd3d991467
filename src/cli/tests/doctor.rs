//! How a report is shown, and what the exit code then is.

use super::memory::Paper;
use crate::cli::doctor::print;
use crate::cli::output::{Format, Terminal};
use crate::doctor::report::{Area, Check, Report};

fn healthy() -> Vec<Check> {
    vec![
        Area("configuration").ok("file", "bivouac.toml is read"),
        Area("secrets").warning("GitHub token", "token can be read by every user", "chmod o-r token"),
        Area("permissions").skipped("writing", "not tried, since that could change something: ecs:CreateService"),
    ]
}

fn ill() -> Vec<Check> {
    let mut checks = healthy();
    let mend = "name subnets in `aws.subnets` that are there";
    checks.push(Area("network").problem("subnets", "there is no subnet-2 in this account and region", mend));
    checks
}

/// What stands on both papers, and the exit code.
fn shown(checks: Vec<Check>, format: Format, on_a_terminal: bool) -> (String, u8) {
    let (out, err) = (Paper::default(), Paper::default());
    let mut terminal = Terminal::plain(out.clone(), err.clone());
    terminal.signs = on_a_terminal;
    let code = match print(&mut terminal, format, &Report::of(checks)) {
        Ok(()) => 0,
        Err(failure) => {
            terminal.remark(&format!("error: {failure}")).unwrap();
            failure.code()
        }
    };
    (format!("{}{}", out.text(), err.text()), code)
}

#[test]
fn words_where_there_is_no_terminal() {
    let (text, code) = shown(ill(), Format::Table, false);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text, @"
    ok        configuration   file           bivouac.toml is read
    warning   secrets         GitHub token   token can be read by every user
        → chmod o-r token
    skipped   permissions     writing        not tried, since that could change something: ecs:CreateService
    problem   network         subnets        there is no subnet-2 in this account and region
        → name subnets in `aws.subnets` that are there
    error: 1 problem and 1 warning; each says how to mend it
    ");
}

#[test]
fn signs_on_a_terminal() {
    let (text, code) = shown(healthy(), Format::Table, true);
    assert_eq!(code, 0);
    insta::assert_snapshot!(text, @"
    ✓   configuration   file           bivouac.toml is read
    !   secrets         GitHub token   token can be read by every user
        → chmod o-r token
    -   permissions     writing        not tried, since that could change something: ecs:CreateService
    No problem, 1 warning.
    ");
}

#[test]
fn wide_has_a_line_for_each() {
    let (text, code) = shown(ill(), Format::Wide, false);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text, @"
    RESULT    AREA            CHECK          MESSAGE                                                           MEND
    ok        configuration   file           bivouac.toml is read
    warning   secrets         GitHub token   token can be read by every user                                   chmod o-r token
    skipped   permissions     writing        not tried, since that could change something: ecs:CreateService
    problem   network         subnets        there is no subnet-2 in this account and region                   name subnets in `aws.subnets` that are there
    error: 1 problem and 1 warning; each says how to mend it
    ");
}

#[test]
fn json_is_stable() {
    let (text, code) = shown(ill()[2..].to_vec(), Format::Json, true);
    assert_eq!(code, 1);
    insta::assert_snapshot!(text, @r#"
    {
      "checks": [
        {
          "area": "permissions",
          "check": "writing",
          "result": "skipped",
          "message": "not tried, since that could change something: ecs:CreateService",
          "mend": null
        },
        {
          "area": "network",
          "check": "subnets",
          "result": "problem",
          "message": "there is no subnet-2 in this account and region",
          "mend": "name subnets in `aws.subnets` that are there"
        }
      ],
      "ok": false
    }
    error: 1 problem and 0 warnings; each says how to mend it
    "#);
}

#[test]
fn yaml_is_the_same() {
    let (text, code) = shown(healthy()[..1].to_vec(), Format::Yaml, false);
    assert_eq!(code, 0);
    insta::assert_snapshot!(text, @"
    checks:
    - area: configuration
      check: file
      result: ok
      message: bivouac.toml is read
      mend: null
    ok: true
    ");
}

/// Names come from other people's systems.
#[test]
fn no_name_steers_the_terminal() {
    let checks = vec![Area("registry").problem("a\u{1b}[2J", "b\u{1b}[2J", "c\u{1b}[2J")];
    for format in [Format::Table, Format::Wide] {
        let (text, _) = shown(checks.clone(), format, true);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
