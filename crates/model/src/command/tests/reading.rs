//! What a line says.

use super::*;
use crate::{MAX_ENVIRONMENT_BYTES, MAX_NAME_LENGTH, MAX_VALUE_LENGTH, MAX_VARIABLES};

fn up(arguments: &str) -> Up {
    match format!("up {arguments}").parse() {
        Ok(Command::Up(up)) => up,
        other => panic!("{arguments}: {other:?}"),
    }
}

fn problem(text: &str) -> ArgumentProblem {
    match text.parse::<Command>() {
        Err(CommandError::Argument { problem, .. }) => problem,
        other => panic!("{text}: {other:?}"),
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_row_of_the_table_reads_its_own_example() {
    for row in table::COMMANDS {
        let command: Command = row.example.parse().unwrap();
        assert_eq!(command.verb(), row.verb);
        assert_eq!(command.to_string(), row.example);
        assert_eq!(table::row(row.verb).verb, row.verb);
    }
    let verbs: Vec<_> = table::COMMANDS.iter().map(|row| row.verb.as_str()).collect();
    // Contract 3, in its order.
    assert_eq!(verbs.join(" "), "up down status extend pin unpin sleep wake restart logs help");
    let free: Vec<_> =
        table::COMMANDS.iter().filter(|row| row.who == table::Who::Everyone).map(|row| row.verb).collect();
    assert_eq!(free, [Verb::Status, Verb::Help]);
}

#[test]
fn the_old_form_of_superset_works_unchanged() {
    let readings = read_commands("/testenv up FEATURE_A=true FEATURE_B=false", NAME);
    let flags = map(&[("FEATURE_A", "true"), ("FEATURE_B", "false")]);
    assert_eq!(readings[0].command, Ok(Command::Up(Up { flags, ..Up::default() })));
}

#[test]
fn up_takes_flags_configuration_and_settings_in_any_order() {
    let read =
        up(r#"size=small SUPERSET_NAME="two words" FEATURE_X=TRUE ttl=1h30m FEATURE_Y="TRUE" LANG=True A= B=a=b C=\d"#);
    assert_eq!(read.flags, map(&[("FEATURE_X", "true"), ("FEATURE_Y", "TRUE")]));
    let config = map(&[("SUPERSET_NAME", "two words"), ("LANG", "True"), ("A", ""), ("B", "a=b"), ("C", "\\d")]);
    assert_eq!(read.config, config);
    assert_eq!((read.ttl, read.size.as_deref()), (Some(ttl(5_400)), Some("small")));
    assert_eq!(up(r#"A="say \"hi\" \\ \n" ttl="2h 30m""#).config, map(&[("A", r#"say "hi" \ \n"#)]));
    // Phones begin a word with a capital; a variable may be called like a setting.
    assert_eq!((up("Ttl=1h").ttl, up("TTL=1h").config), (Some(ttl(3_600)), map(&[("TTL", "1h")])));
    assert_eq!(up("Logging__Level=Debug").config, map(&[("Logging__Level", "Debug")]));
    assert_eq!(up(""), Up::default());
}

#[test]
fn extend_takes_a_duration_as_people_write_it() {
    for (text, seconds) in [("extend 24h", 86_400), ("EXTEND 1h 30m", 5_400), ("extend 2days", 172_800)] {
        assert_eq!(text.parse(), Ok(Command::Extend(ttl(seconds))), "{text}");
    }
    assert_eq!(problem("extend"), ArgumentProblem::NoDuration);
    for bad in ["extend 24", "extend soon", "extend 1500ms", "extend 24h please", "extend 99999999999999999999d"] {
        assert!(matches!(problem(bad), ArgumentProblem::Duration { .. }), "{bad}");
    }
    for bad in ["extend 0s", "extend 0", "extend -1h", "up ttl=0h", "up ttl=-24h"] {
        assert!(matches!(problem(bad), ArgumentProblem::NoTime { .. }), "{bad}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    let messages: Vec<String> = [
        "",
        "upp",
        "stop now",
        "xyzzy",
        "down please",
        "up please",
        "up FEATURE_A=true ttl=24h please FEATURE_B=true",
        "up FEATURE_A = true",
        "up feature_x=true",
        "up tll=24h",
        "up branch=main",
        "up feature-x=true",
        "up =true",
        "up 1A=x",
        "up A=1 A=2",
        "up ttl=1h Ttl=2h",
        "up ttl=soon",
        "up ttl=0s",
        "up size=",
        "up A=\"two words",
        "up A=a\"b c\"",
        "up A=\"a\"b",
        "up \"A=b c\"",
        "up A=“two words”",
        "extend",
        "extend 24",
        "down `@everyone` [x](y)",
    ]
    .into_iter()
    .map(|text| format!("{text:?}: {}", text.parse::<Command>().unwrap_err()))
    .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn names_and_values_keep_within_the_limits_of_a_record() {
    let (long, longer) = ("A".repeat(MAX_NAME_LENGTH), "A".repeat(MAX_NAME_LENGTH + 1));
    assert_eq!(up(&format!("{long}=x")).config.len(), 1);
    assert!(matches!(problem(&format!("up {longer}=x")), ArgumentProblem::Name { .. }));
    let (most, more) = ("x".repeat(MAX_VALUE_LENGTH), "x".repeat(MAX_VALUE_LENGTH + 1));
    assert_eq!(up(&format!("A={most}")).config["A"].len(), MAX_VALUE_LENGTH);
    let too_long = ArgumentProblem::Value { name: "A".into(), bytes: MAX_VALUE_LENGTH + 1 };
    assert_eq!(problem(&format!("up A={more}")), too_long);
    let many = |count: usize| (0..count).map(|n| format!(" A{n}=x")).collect::<String>();
    assert_eq!(up(&many(MAX_VARIABLES)).config.len(), MAX_VARIABLES);
    assert_eq!(problem(&format!("up{}", many(MAX_VARIABLES + 1))), ArgumentProblem::Variables);
    let eight: String = (0..8).map(|n| format!(" A{n}={most}")).collect();
    let bytes = 8 * (MAX_VALUE_LENGTH + 2);
    assert!(bytes > MAX_ENVIRONMENT_BYTES);
    assert_eq!(problem(&format!("up{eight}")), ArgumentProblem::Environment { bytes });
    assert!(matches!(problem(&format!("up size={longer}")), ArgumentProblem::Size { .. }));
}

#[test]
fn no_message_repeats_a_value_of_what_was_understood() {
    let error = "up TOKEN=hunter2 FEATURE_A=true oops".parse::<Command>().unwrap_err().to_string();
    assert!(error.contains("understood was `up TOKEN FEATURE_A`") && !error.contains("hunter2"), "{error}");
}

#[test]
fn the_help_names_every_command() {
    let help = table::help("/camp", |verb| table::row(verb).who.as_str().to_owned());
    for row in table::COMMANDS {
        assert_eq!(find_commands(&help, "/camp"), Ok(vec![]), "a bot that hears itself");
        assert!(help.contains(&format!("| `/camp {}", row.verb)) && help.contains(row.does), "{}", row.verb);
    }
    insta::assert_snapshot!(help);
}

#[test]
fn a_tab_is_shown_as_the_blank_that_it_is() {
    let error = "extend 24h\tmore".parse::<Command>().unwrap_err();
    assert!(error.to_string().starts_with("`24h more` is not a duration"), "{error}");
}

#[test]
fn a_commit_is_named_by_seven_to_forty_digits() {
    let full = "89ABCDEF0123456789abcdef0123456789abcdef";
    for (given, read) in [("89abcde", "89abcde"), ("0123456789", "0123456789"), (full, &*full.to_ascii_lowercase())] {
        assert_eq!(up(&format!("sha={given}")).sha.as_deref(), Some(read));
        assert_eq!(up(&format!("FEATURE_X=true Sha={given} ttl=1h")).sha.as_deref(), Some(read));
    }
    assert_eq!(up("SHA=89abcde").config["SHA"], "89abcde", "a name in capitals is a variable");
    for wrong in ["", "89abcd", "89abcdg", "main", &"a".repeat(41), "89abcde^", "\"89abcde \""] {
        assert!(matches!(problem(&format!("up sha={wrong}")), ArgumentProblem::Sha { .. }), "{wrong}");
    }
    assert!(matches!(problem("up sha=89abcde sha=89abcde"), ArgumentProblem::Twice { .. }));
    assert!(matches!(problem("up shas=89abcde"), ArgumentProblem::Setting { .. }));
}

/// Comments of a public repository whose flags stood in a list or in quotes, rewritten.
const FLAGS_OF_THE_FIELD: &str = include_str!("field/flags.txt");

#[test]
fn a_value_in_a_list_is_what_was_meant_or_refused() {
    let read: Vec<_> = FLAGS_OF_THE_FIELD.lines().map(|line| read_commands(line, NAME)[0].command.clone()).collect();
    let up = |pairs: &[(&str, &str)]| Ok(Command::Up(Up { flags: map(pairs), ..Up::default() }));
    assert_eq!(read[0], up(&[("FEATURE_A", "true"), ("FEATURE_B", "true")]));
    assert_eq!(read[1], up(&[("FEATURE_A", "true"), ("FEATURE_B", "false")]));
    assert_eq!(read[2], up(&[("FEATURE_A", "true"), ("FEATURE_B", "true")]));
    assert_eq!(read[3], up(&[("FEATURE_X", "true")]));
    for refused in &read[4..] {
        let problem = refused.clone().unwrap_err().to_string();
        assert!(problem.starts_with("a quote has to be straight"), "{problem}");
    }
    assert_eq!(read.len(), 6);
}

#[test]
fn what_parts_settings_or_ends_a_sentence_is_no_part_of_a_value() {
    for text in [
        "up FEATURE_A=true FEATURE_B=v2 ttl=2h",
        "up FEATURE_A=true, FEATURE_B=v2, ttl=2h.",
        "up FEATURE_A=True; FEATURE_B=v2; ttl=2h;",
        "up FEATURE_A=true,FEATURE_B=v2,ttl=2h",
        "up FEATURE_A=true , FEATURE_B=v2 ,ttl=2h,",
        "up FEATURE_A=true，FEATURE_B='v2'、ttl=2h。",
        "up FEATURE_B=\"v2\",FEATURE_A=true; ttl=\"2h\".",
        "up ttl=2h,FEATURE_B='v2', FEATURE_A=true!",
    ] {
        let read = self::up(&text[3..]);
        assert_eq!(read.flags, map(&[("FEATURE_A", "true"), ("FEATURE_B", "v2")]), "{text}");
        assert_eq!((read.ttl, read.config.len()), (Some(ttl(7_200)), 0), "{text}");
    }
    assert_eq!(up("SUPERSET_ROLES=Admin,Alpha").config, map(&[("SUPERSET_ROLES", "Admin,Alpha")]));
    assert_eq!(up("A=x, B=y").config, map(&[("A", "x"), ("B", "y")]));
    assert_eq!(up("GREETING=it's B='two words'").config, map(&[("GREETING", "it's"), ("B", "two words")]));
    assert_eq!(up("A=\"a,b.\"").config, map(&[("A", "a,b.")]));
}

#[test]
fn a_value_that_may_be_meant_otherwise_is_refused() {
    for unclear in [
        "FEATURE_A=v2.",
        "FEATURE_A=true,,",
        "FEATURE_A=true,false",
        "FEATURE_A=true&FEATURE_B=true",
        "FEATURE_A=true|false",
        "FEATURE_A=true)",
        "FEATURE_A=x,",
        "GREETING=Hello!",
        "A=1,B=2",
        "SUPERSET_CONNECTION=db;Database=x",
        "SUPERSET_CONNECTION=Server=db; Database=x",
        "A=a,b, B=c",
    ] {
        assert!(matches!(problem(&format!("up {unclear}")), ArgumentProblem::List { .. }), "{unclear}");
    }
    for misquoted in ["A=`x`", "A=x’", "A='it's'", "A=「x」", "A=\"x\".B=y"] {
        assert!(matches!(problem(&format!("up {misquoted}")), ArgumentProblem::Quote { .. }), "{misquoted}");
    }
    assert!(matches!(problem("up A='x"), ArgumentProblem::Unclosed { .. }));
}
