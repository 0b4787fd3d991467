//! The grammar.

use clap::CommandFactory as _;

use super::*;
use crate::cli::args::{EnvRef, Pair};

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[tokio::test]
async fn an_environment_can_be_named_shortly_where_one_project_is_configured() {
    let mut world = World::new();
    for line in ["up 7", "up #7", "up apache/superset#7"] {
        assert!(world.done(line).await.starts_with("apache/superset#7 is desired up"), "{line}");
    }
    world.configuration += SECOND_PROJECT;
    let (code, said) = world.fails("up #7").await;
    assert_eq!(code, 2);
    insta::assert_snapshot!(said, @"`7` says not which repository, and 2 are configured (apache/superset, apache/airflow): write owner/name#7");
}

#[tokio::test]
async fn usage_has_a_sentence() {
    let mut world = World::new();
    let mut said = Vec::new();
    for line in ["get superset", "get 0", "up 7 --flag X", "up 7 --timeout 5m", "get --phase Redy", "gte"] {
        let (code, text) = world.fails(line).await;
        assert_eq!(code, 2, "{line}");
        said.push(text.lines().next().unwrap().to_owned());
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    error: invalid value 'superset' for '[ENV]': `superset` is not of the form owner/name#123
    error: invalid value '0' for '[ENV]': pull request number `0` is not a whole number from 1 to 2147483647
    error: invalid value 'X' for '--flag <NAME=VALUE>': it has to be of the form NAME=VALUE
    error: the following required arguments were not provided:
    error: invalid value 'Redy' for '--phase <PHASE>': `Redy` is not a phase; allowed: Pending, WaitingForImage, Queued, Provisioning, Starting, Ready, Degraded, Failed, Asleep, Terminating, Terminated, Invalid
    error: unrecognized subcommand 'gte'
    ");
}

#[test]
fn help_is_short_and_has_examples() {
    let help = Cli::try_parse_from(["bivouac", "up", "-h"]).unwrap_err().to_string();
    insta::assert_snapshot!(help, @r"
    Ask for an environment

    Usage: bivouac up [OPTIONS] <ENV>

    Arguments:
      <ENV>  The environment: owner/name#123, or 123 with one project configured

    Options:
      -h, --help  Print help (see more with '--help')

    Wish:
          --tag <TAG>          The image tag [default: by the project's pattern]
          --flag <NAME=VALUE>  A feature flag; repeat for more
          --set <NAME=VALUE>   A configuration override; repeat for more
          --ttl <DURATION>     How long it may live, such as 24h or 90m [default: guardrails.ttl]
          --size <SIZE>        A size of the configuration [default: the template's]

    Waiting:
          --wait                Wait until it is so; Ctrl-C ends the waiting, not the wish
          --timeout <DURATION>  How long to wait at most [default: 15m]

    Global options:
          --config <FILE>    The configuration [default: ./bivouac.toml] [env: BIVOUAC_CONFIG]
      -o, --output <FORMAT>  How results are printed [default: table] [possible values: table, wide,
                             json, yaml]

    Examples:
      bivouac up apache/superset#123
      bivouac up 123 --tag pr-123-ci --flag FEATURE_X=true --set SUPERSET_LOG_LEVEL=debug
      bivouac up 123 --ttl 24h --size small --wait
    ");
    let help = Cli::try_parse_from(["bivouac", "--help"]).unwrap_err().to_string();
    for command in Cli::command().get_subcommands() {
        assert!(help.contains(&format!("\n  {}", command.get_name())), "{}", command.get_name());
        let mut command = command.clone();
        let text = command.render_long_help().to_string();
        assert!(command.get_name() == "help" || text.contains("Examples:\n  bivouac "), "{text}");
    }
}

#[test]
fn a_user_is_whom_the_system_names_and_else_is_left_out() {
    use crate::cli::session::user;
    assert_eq!(user(|name| (name == "LOGNAME").then(|| "ada".into())).as_deref(), Some("ada"));
    assert_eq!(user(|name| (name == "USER").then(|| "\n".into())), None);
    let workflow = |name: &str| match name {
        "GITHUB_ACTIONS" => Some("true".to_owned()),
        "GITHUB_ACTOR" => Some("octocat".to_owned()),
        "USER" => Some("runner".to_owned()),
        _ => None,
    };
    assert_eq!(user(workflow).as_deref(), Some("octocat"));
    assert_eq!(user(|name| workflow(name).filter(|_| name != "GITHUB_ACTOR")), None, "a runner is no person");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = text.parse::<EnvRef>();
        if let Ok(pair) = text.parse::<Pair>() {
            proptest::prop_assert_eq!(format!("{}={}", pair.name, pair.value), text);
        }
    }
}
