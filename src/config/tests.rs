use std::path::Path;
use std::time::Duration;

use bivouac_model::Usd;
use bivouac_planner::CapacityPolicy;
use secrecy::ExposeSecret as _;

use super::*;

const REFERENCE: &str = include_str!("../../deploy/examples/bivouac.reference.toml");
const MINIMAL: &str = r#"
[aws]
cluster = "previews"
subnets = ["subnet-1"]
security_groups = ["sg-1"]

[[project]]
repo = "a/b"
ecr_repository = "ci"
task_definition = "td.json"
containers = ["web"]
"#;

fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::parse(Path::new("bivouac.toml"), text, &variables(pairs))
}

fn lines(text: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    parse(text, pairs).unwrap_err().problems().iter().map(ToString::to_string).collect()
}

#[test]
fn a_key_of_an_earlier_release_is_read_with_a_warning() {
    let old = format!("{MINIMAL}\n[deadlines]\ncomment = \"60s\"\nstart = \"5m\"\n");
    let config = parse(&old, &[]).unwrap();
    assert_eq!(config.deadlines.start, Duration::from_secs(300));
    let sentence = "`deadlines.comment` has no effect: no environment waits for its comment any more; delete it";
    assert_eq!(config.warnings(), [format!("bivouac.toml:14:1: {sentence}")]);
    let config = parse(MINIMAL, &[("BIVOUAC__DEADLINES__COMMENT", "60s")]).unwrap();
    assert_eq!(config.warnings(), [format!("variable BIVOUAC__DEADLINES__COMMENT: {sentence}")]);
    // A key that no release knew is still refused.
    assert!(lines(&format!("{MINIMAL}\n[deadlines]\ncomments = \"60s\"\n"), &[])[0].contains("is not a key"));
}

#[test]
fn what_a_project_of_variables_lacks_is_placed_at_its_variable() {
    let project = [("BIVOUAC__PROJECT__1__PORT", "80"), ("BIVOUAC__PROJECT__1__REPO", "c/d")];
    let place = "variable BIVOUAC__PROJECT__1__PORT: `project[1]";
    let lines = lines(MINIMAL, &project);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with(place) && line.contains(" is missing: ")), "{lines:?}");
}

#[test]
fn a_variable_with_single_underscores_is_named() {
    for name in ["BIVOUAC_AWS_CLUSTER", "bivouac_aws_cluster", "BIVOUAC_AWS__CLUSTER"] {
        let sentence = "it is not read; the variable of `aws.cluster` is BIVOUAC__AWS__CLUSTER";
        assert_eq!(lines(MINIMAL, &[(name, "other")]), [format!("variable {name}: {sentence}")]);
    }
    let project = lines(MINIMAL, &[("BIVOUAC_PROJECT_0_PORT", "80")]);
    assert!(project[0].ends_with("is BIVOUAC__PROJECT__0__PORT"), "{project:?}");
    // Variables that other programs read, and the ones of the command line, are left alone.
    for name in ["BIVOUAC_CONFIG", "BIVOUAC_LOG", "BIVOUAC_HOME", "AWS_REGION"] {
        assert!(parse(MINIMAL, &[(name, "x")]).is_ok(), "{name}");
    }
}

#[test]
fn the_reference_shows_every_key_and_the_defaults() {
    let reference = parse(REFERENCE, &[]).unwrap();
    let minimal = parse(MINIMAL, &[]).unwrap();
    let (subnets, tags) = (minimal.aws.subnets.clone(), minimal.aws.tags.clone());
    assert_eq!(Aws { subnets, tags, ..reference.aws.clone() }, minimal.aws);
    assert_eq!(reference.aws.tags["CostCenter"], "oss");
    assert_eq!(reference.controller, minimal.controller);
    assert_eq!(reference.bot, minimal.bot);
    assert_eq!(reference.ops, minimal.ops);
    assert_eq!(reference.guardrails, minimal.guardrails);
    assert_eq!(reference.prices, minimal.prices);
    assert_eq!(reference.deadlines, minimal.deadlines);
    let (shown, default) = (&reference.projects[0], &minimal.projects[0]);
    assert_eq!(
        (&shown.port, &shown.health_path, &shown.service_name, &shown.image_tag, shown.image_commit),
        (&default.port, &default.health_path, &default.service_name, &default.image_tag, default.image_commit)
    );
    assert_eq!((&shown.variables, &shown.ready_note), (&default.variables, &default.ready_note));

    let reader = Reader::new(File::parse("bivouac.toml", REFERENCE).unwrap(), &Variables::new());
    let _ = Parts::read(&reader, Path::new(""));
    for key in reader.known_keys() {
        let leaf = key.rsplit('.').next().unwrap();
        let variable = format!("BIVOUAC__{}", key.replace("[0]", ".0").replace('.', "__").to_uppercase());
        let listed = REFERENCE.lines().any(|line| {
            let line = line.trim_start_matches("# ");
            line.starts_with(&format!("{leaf} = ")) || line.starts_with(&format!("[{key}]")) || line.contains(&variable)
        });
        let group = ["sizes", "project", "project[0]", "bot.commands"].contains(&key.as_str());
        assert!(listed || group, "{key} is missing in the reference");
    }
}

#[test]
fn the_configuration_of_the_contract_is_understood() {
    let config = parse(
        r#"
[aws]
region = "us-west-2"
cluster = "previews"
subnets = ["subnet-1"]
security_groups = ["sg-1"]
capacity = "spot"
[github]
token_file = "/run/secrets/github"
[bot]
listen = ""
[guardrails]
monthly_budget_usd = 50
[sizes.small]
cpu = 0.25
memory = 0.5
[[project]]
repo = "apache/superset"
ecr_repository = "superset-ci"
task_definition = "task-definition.json"
containers = ["superset"]
port = 8088
health_path = ""
flag_prefix = "SUPERSET_"
config_allow = ["SUPERSET_*"]
"#,
        &[],
    )
    .unwrap();
    assert_eq!(config.aws.capacity, CapacityPolicy::Spot);
    assert_eq!(config.bot.listen, None);
    assert_eq!(config.ops.listen.unwrap().port(), 9090);
    assert_eq!(config.guardrails.caps.monthly_budget, Usd::from_dollars(50.0));
    assert_eq!((config.sizes["small"].cpu, config.sizes["small"].memory), (256, 512));
    assert_eq!(config.projects[0].health_path, None);
    assert!(matches!(&config.github.credentials, Some(Credentials::Token(Secret::File(path))) if path.is_absolute()));
}

#[test]
fn services_of_an_older_system_are_adopted_by_name() {
    use bivouac_planner::reap::AdoptMode;
    let adopting =
        |text: &str| parse(&MINIMAL.replace("[[project]]", &format!("[guardrails]\n{text}\n[[project]]")), &[]);
    let adopted = adopting("adopt = [\"pr-*-service\", \"old-?\"]\nadopt_mode = \"reap\"").unwrap().guardrails.adopt;
    assert!(adopted[0].pattern.matches("pr-7-service") && adopted[1].pattern.matches("old-1") && adopted.len() == 2);
    assert!(adopted.iter().all(|adoption| adoption.mode == AdoptMode::Reap));
    assert_eq!(adopting("adopt = [\"pr-*\"]").unwrap().guardrails.adopt[0].mode, AdoptMode::Observe);
    for wrong in
        ["adopt = [\"*\"]", "adopt = [\"-*\"]", "adopt = [\"a b\"]", "adopt = \"pr-*\"", "adopt_mode = \"delete\""]
    {
        assert!(adopting(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn variables_override_every_kind_of_key() {
    let config = parse(
        MINIMAL,
        &[
            ("BIVOUAC__AWS__REGION", "eu-west-1"),
            ("BIVOUAC__AWS__SUBNETS", "subnet-2, subnet-3"),
            ("BIVOUAC__AWS__SECURITY_GROUPS", r#"["sg-2", "sg-3"]"#),
            ("bivouac__controller__resync", "5s"),
            ("BIVOUAC__GUARDRAILS__MAX_PER_USER", "7"),
            ("BIVOUAC__PRICES__SPOT_FACTOR", "0.4"),
            ("BIVOUAC__OPS__LISTEN", ""),
            ("BIVOUAC__SIZES__BIG__CPU", "4"),
            ("BIVOUAC__SIZES__BIG__MEMORY", "16"),
            ("BIVOUAC__PROJECT__0__PORT", "81"),
            ("BIVOUAC_LOG", "debug"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(config.aws.region.as_deref(), Some("eu-west-1"));
    assert_eq!(config.aws.subnets, ["subnet-2", "subnet-3"]);
    assert_eq!(config.aws.security_groups, ["sg-2", "sg-3"]);
    assert_eq!(config.controller.resync, Duration::from_secs(5));
    assert_eq!(config.guardrails.caps.max_per_user, 7);
    assert!((config.prices.spot_factor - 0.4).abs() < f64::EPSILON);
    assert_eq!(config.ops.listen, None);
    assert_eq!((config.sizes["big"].cpu, config.sizes["big"].memory), (4096, 16384));
    assert_eq!((config.projects[0].port, config.projects[0].repo.as_str()), (81, "a/b"));
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let text = r#"
[aws]
regoin = "us-west-2"
cluster = 5
subnets = ["subnet-1", "net-2"]
capacity = "cheap"

[controler]
resync = "30s"

[guardrails]
ttl = "soon"
max_environments = 0
resync = "5s"

[sizes.small]
cpu = 0.5
memory = 8

[[project]]
repo = "superset"
ecr_repository = "superset-ci"
task_definition = "td.json"
containers = ["web", "web"]
service_name = "service"
"#;
    let lines = lines(text, &[("BIVOUAC__BOT__LISTEN", "here"), ("BIVOUAC__AWSS__REGION", "x")]);
    insta::assert_snapshot!(lines.join("\n"), @r#"
    bivouac.toml:2:2: `aws.security_groups` is missing: the security groups that let people reach the tasks
    bivouac.toml:3:1: `aws.regoin` is not a key; did you mean `aws.region`?
    bivouac.toml:4:1: `aws.cluster` holds 5; allowed: the name or ARN of an ECS cluster
    bivouac.toml:5:1: `aws.subnets` holds [subnet-1, net-2]; allowed: 1 to 16 ids such as subnet-0a1b2c
    bivouac.toml:6:1: `aws.capacity` holds "cheap"; allowed: one of on-demand, spot, spot-with-fallback
    bivouac.toml:8:2: `controler` is not a key; did you mean `controller`?
    bivouac.toml:12:1: `guardrails.ttl` holds "soon"; allowed: a duration such as 90s, 30m or 48h, from 1m to 8784h
    bivouac.toml:13:1: `guardrails.max_environments` holds 0; allowed: a whole number from 1 to 5000
    bivouac.toml:14:1: `guardrails.resync` is not a key; did you mean `controller.resync`?
    bivouac.toml:16:8: `sizes.small`: Fargate has no tasks of 0.5 vCPU with 8 GB; allowed with it: 1 to 4 in steps of 1 GB
    bivouac.toml:21:1: `project[0].repo`: repository `superset` is not of the form owner/name (letters, digits, `.`, `_` and `-`)
    bivouac.toml:24:1: `project[0].containers` holds [web, web]; allowed: 1 to 10 different names of containers of the template
    bivouac.toml:25:1: `project[0].service_name`: `service` has to contain `{pr}` exactly once, so that every pull request has a name of its own
    variable BIVOUAC__AWSS__REGION: `awss` is not a key; did you mean `aws`?
    variable BIVOUAC__BOT__LISTEN: `bot.listen`: it is not an address and a port such as 127.0.0.1:9090 or [::1]:9090; empty switches it off
    "#);
}

#[test]
fn projects_must_not_meet() {
    let second = r#"
[[project]]
repo = "c/d"
ecr_repository = "ci"
task_definition = "td.json"
containers = ["web"]
"#;
    insta::assert_snapshot!(lines(&format!("{MINIMAL}{second}"), &[]).join("\n"), @"bivouac.toml:13:1: services of c/d and a/b could have the same name (`pr-{pr}-service` and `pr-{pr}-service`); give one of them another `service_name`");
    let same = second.replace("c/d", "A/B");
    insta::assert_snapshot!(lines(&format!("{MINIMAL}{same}"), &[]).join("\n"), @"bivouac.toml:14:1: `project[1].repo` is `A/B`, as `project[0]` is already");
    let apart = format!("{MINIMAL}{second}service_name = \"d-{{pr}}\"\n");
    assert_eq!(parse(&apart, &[]).unwrap().projects.len(), 2);
}

#[test]
fn slips_of_structure_have_sentences_too() {
    insta::assert_snapshot!(lines(&MINIMAL.replace("[[project]]", "[project]"), &[]).join("\n"), @"bivouac.toml:7:2: there may be several projects: write `[[project]]`");
    insta::assert_snapshot!(lines("aws = 'x'\n", &[("BIVOUAC__PROJECT__FIRST__REPO", "a/b")]).join("\n"), @r"
    bivouac.toml:1:1: `aws` is a text; it has to be a table
    variable BIVOUAC__PROJECT__FIRST__REPO: `project[first]`: projects are numbered from 0
    ");
    insta::assert_snapshot!(lines("[aws]\ncluster = \n", &[]).join("\n"), @"bivouac.toml:2:11: it is not TOML: string values must be quoted, expected literal string");
    let low = format!("[guardrails]\nmax_ttl = '1h'\n{MINIMAL}");
    insta::assert_snapshot!(lines(&low, &[]).join("\n"), @"bivouac.toml:2:1: `guardrails.max_ttl` (1h) has to be at least `guardrails.ttl` (48h)");
}

#[test]
fn a_file_that_is_not_there_is_said_by_name() {
    let error = Config::load(Path::new("/nonexistent/bivouac.toml"), &Variables::new()).unwrap_err().to_string();
    assert_eq!(error, "/nonexistent/bivouac.toml: cannot read it: No such file or directory (os error 2)");
}

#[test]
fn secrets_come_by_path_or_variable_and_the_variable_counts() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "from-file\n").unwrap();
    let text = format!("[github]\ntoken_file = \"token\"\n{MINIMAL}");
    let path = dir.path().join("bivouac.toml");
    let token = |pairs: &[(&str, &str)]| {
        let config = Config::parse(&path, &text, &variables(pairs)).unwrap();
        match config.github.credentials {
            Some(Credentials::Token(secret)) => secret.read().unwrap().expose_secret().to_owned(),
            other => panic!("no token: {other:?}"),
        }
    };
    assert_eq!(token(&[]), "from-file");
    assert_eq!(token(&[("BIVOUAC__GITHUB__TOKEN", "from-variable")]), "from-variable");

    std::fs::write(dir.path().join("token"), "\n").unwrap();
    let config = Config::parse(&path, &text, &Variables::new()).unwrap();
    let Some(Credentials::Token(secret)) = config.github.credentials else { panic!("no token") };
    assert!(secret.read().unwrap_err().to_string().ends_with("token is empty"));
}

#[test]
fn secrets_in_the_wrong_place_are_refused_without_being_shown() {
    let github = |lines: &str| format!("[github]\n{lines}\n{MINIMAL}");
    insta::assert_snapshot!(lines(&github("token = \"hunter2\""), &[]).join("\n"), @"bivouac.toml:2:1: `github.token` does not belong in the file; set BIVOUAC__GITHUB__TOKEN, or `github.token_file` to a path");
    insta::assert_snapshot!(lines(&github("token_file = \"ghp_hunter2\""), &[]).join("\n"), @"bivouac.toml:2:1: `github.token_file` seems to hold the secret itself; it takes a path to it");
    insta::assert_snapshot!(lines(&github("app_id = 5"), &[]).join("\n"), @"bivouac.toml:2:1: `github.app_id` needs `github.private_key_file`, the path to the app's key");
    let both = lines(&github("app_id = 5"), &[("BIVOUAC__GITHUB__TOKEN", "hunter2")]).join("\n");
    insta::assert_snapshot!(both, @"bivouac.toml:2:1: `github.app_id` and a token are two ways to be somebody: keep one of them");
    let url = lines(&github("api_url = \"https://me:hunter2@github.example\""), &[]).join("\n");
    insta::assert_snapshot!(url, @"bivouac.toml:2:1: `github.api_url`: it must not hold a user or a password");
}

mod policy {
    use bivouac_planner::ImageCommit;

    use super::*;

    const TEMPLATE: &str = r#"{"family": "f", "cpu": "512", "memory": "1024", "executionRoleArn": "arn:aws:iam::123456789012:role/exec",
            "containerDefinitions": [{"name": "web"}]}"#;

    fn policy(template: Option<&str>) -> Result<bivouac_planner::Policy, String> {
        let dir = tempfile::tempdir().unwrap();
        if let Some(template) = template {
            std::fs::write(dir.path().join("td.json"), template).unwrap();
        }
        let path = dir.path().join("bivouac.toml");
        let config = Config::parse(&path, MINIMAL, &Variables::new()).unwrap();
        let shown = format!("{}/", dir.path().display());
        config.policy().map_err(|error| error.to_string().replace(&shown, ""))
    }

    #[test]
    fn a_sound_template_makes_a_policy() {
        let policy = policy(Some(TEMPLATE)).unwrap();
        let project = &policy.projects[&"a/b".parse().unwrap()];
        assert_eq!((project.port, project.template.family()), (8080, "f"));
        assert_eq!((project.image_commit, policy.instance.as_str()), (ImageCommit::PushTime, "default"));
    }

    #[test]
    fn commands_are_offered_where_somebody_answers_them() {
        let offered = |variables: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("td.json"), TEMPLATE).unwrap();
            let path = dir.path().join("bivouac.toml");
            let config = Config::parse(&path, MINIMAL, &super::variables(variables)).unwrap();
            config.policy().unwrap().command
        };
        let secret = ("BIVOUAC__GITHUB__WEBHOOK_SECRET", "secret");
        assert_eq!(offered(&[]), "", "nobody could sign");
        assert_eq!(offered(&[secret]), "/testenv");
        assert_eq!(offered(&[secret, ("BIVOUAC__BOT__LISTEN", "")]), "", "nobody listens");
    }

    #[test]
    fn which_variables_a_record_may_set() {
        let read = |lines: &str| {
            let config = parse(&format!("{MINIMAL}\n{lines}\n"), &[]);
            config.map(|config| config.projects[0].variables.clone()).map_err(|error| error.to_string())
        };
        assert_eq!(read(""), Ok(bivouac_policy::VariableRules::default()));
        let rules = read("flags_allow = [\"BETA_*\"]\nsecrets_override = [\"DATABASE_URL\"]").unwrap();
        assert!(rules.flags_allow[0].matches("BETA_X"));
        assert_eq!(rules.secrets_override, ["DATABASE_URL"]);
        for wrong in ["flags_allow = [\"a-b\"]", "secrets_override = [\"DATABASE_*\"]", "secrets_override = \"A\""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_approval_that_covers_more_than_its_commit_has_a_warning() {
        let warned = |lines: &str| {
            let config = parse(&format!("{MINIMAL}\n{lines}\n"), &[]).unwrap();
            config.unbound(&config.projects[0])
        };
        for bound in ["", "image_tag = \"{sha}\"", "image_commit = \"label\""] {
            assert_eq!(warned(bound), None, "{bound}");
        }
        let unchecked = warned("image_commit = \"unchecked\"").unwrap();
        assert!(unchecked.contains("image_commit of a/b is unchecked"), "{unchecked}");
        let digits = warned("image_tag = \"{pr}-{sha7}\"").unwrap();
        assert!(digits.contains("image_tag of a/b holds {sha7}"), "{digits}");
        assert!(crate::config::BIND_IMAGES.contains("push-time"));
        // What `run` logs at its start says both.
        let all = |lines: &str| parse(&format!("{MINIMAL}\n{lines}\n"), &[]).unwrap().warnings();
        assert_eq!(all(""), [""; 0]);
        assert_eq!(all("image_commit = \"unchecked\""), [format!("{unchecked}; {}", crate::config::BIND_IMAGES)]);
        let futile = all("config_allow = [\"AWS_*\", \"PATH\", \"PATH_*\"]\nflag_prefix = \"ECS_\"");
        let names =
            "a/b: `config_allow` names `AWS_*`, `config_allow` names `PATH`, `flag_prefix` names `ECS_`, and no";
        assert!(futile.len() == 1 && futile[0].starts_with(names), "{futile:?}");
    }

    #[test]
    fn the_proof_of_a_commit_follows_the_pattern() {
        let read = |lines: &str| {
            let text = format!("{MINIMAL}\n{lines}\n");
            let config = parse(&text, &[]);
            config.map(|config| config.projects[0].image_commit).map_err(|error| error.to_string())
        };
        assert_eq!(read(""), Ok(ImageCommit::PushTime));
        assert_eq!(read("image_commit = \"unchecked\""), Ok(ImageCommit::Unchecked));
        assert_eq!(read("image_tag = \"{pr}-{sha7}\""), Ok(ImageCommit::Tag));
        assert_eq!(read("image_tag = \"{sha}\"\nimage_commit = \"label\""), Ok(ImageCommit::Label));
        assert_eq!(read("image_commit = \"push-time\""), Ok(ImageCommit::PushTime));
        let refused = read("image_commit = \"tag\"").unwrap_err();
        assert!(refused.contains("holds neither {sha} nor {sha7}"), "{refused}");
        assert!(read("image_commit = \"tags\"").unwrap_err().contains("tag, push-time, label, unchecked"));
    }

    #[test]
    fn what_is_wrong_with_a_template_is_said_at_its_line() {
        let error = |template: Option<&str>| policy(template).unwrap_err();
        insta::assert_snapshot!(error(None), @"bivouac.toml:10:1: `project[0].task_definition` (td.json): cannot read it: No such file or directory (os error 2)");
        insta::assert_snapshot!(error(Some("{")), @"bivouac.toml:10:1: `project[0].task_definition` (td.json): it is not JSON: EOF while parsing an object at line 1 column 1");
        let other = TEMPLATE.replace(r#""name": "web""#, r#""name": "app", "image": "app:1""#);
        insta::assert_snapshot!(error(Some(&other)), @"bivouac.toml:10:1: `project[0].task_definition` (td.json): it has no container `web`; it has app");
        let twice = TEMPLATE.replace(r#"[{"name": "web"}]"#, r#"[{"name": "web"}, {"name": "web", "image": "web:1"}]"#);
        insta::assert_snapshot!(error(Some(&twice)), @"bivouac.toml:10:1: `project[0].task_definition` (td.json): it names the container `web` twice");
        insta::assert_snapshot!(error(Some(&TEMPLATE.replace("1024", "8192"))), @"bivouac.toml:10:1: `project[0].task_definition` (td.json): `cpu` is 512 with `memory` 8192; allowed: a size that Fargate has. Fargate has no tasks of 0.5 vCPU with 8 GB; allowed with it: 1 to 4 in steps of 1 GB");
        let large = TEMPLATE.replace("\"web\"", &format!("\"web\", \"command\": [\"{}\"]", "x".repeat(70_000)));
        insta::assert_snapshot!(error(Some(&large)), @"bivouac.toml:10:1: `project[0].task_definition` (td.json): the task definition takes 70330 bytes once flags and configuration are in it; ECS allows 65536");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "hunter2-hunter2";

    fn key() -> impl Strategy<Value = String> {
        let words = [
            "aws",
            "region",
            "cluster",
            "subnets",
            "github",
            "api_url",
            "controller",
            "resync",
            "bot",
            "listen",
            "ops",
            "guardrails",
            "ttl",
            "max_ttl",
            "sizes",
            "small",
            "cpu",
            "memory",
            "prices",
            "deadlines",
            "project",
            "0",
            "repo",
            "port",
            "service_name",
            "containers",
            "task_definition",
            "token_file",
            "app_id",
            "x",
        ];
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned)
    }

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_map(|n| format!("{n:e}").replace("NaN", "nan")),
            Just("true".to_owned()),
            Just("1979-05-27".to_owned()),
            "[a-z0-9{}#/.-]{0,20}".prop_map(|text| format!("\"{text}\"")),
            Just("[\"subnet-1\", 2]".to_owned()),
            Just("{ x = { y = [1] } }".to_owned()),
            Just("\"unclosed".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}", name in "BIVOUAC__\\PC{0,40}", value in "\\PC{0,40}") {
            let _ = parse(&text, &[(&name, &value)]).map_err(|errors| errors.to_string());
        }

        #[test]
        fn no_keys_and_values_panic_and_no_secret_is_shown(
            lines in proptest::collection::vec((key(), key(), value()), 0..12),
            overrides in proptest::collection::vec((key(), key(), "\\PC{0,12}"), 0..6),
            secret_key in proptest::sample::select(vec!["token", "webhook_secret", "private_key"]),
            by_variable: bool,
        ) {
            let mut text = String::new();
            let mut pairs: Variables = overrides
                .into_iter()
                .map(|(a, b, value)| (format!("BIVOUAC__{a}__{b}").to_uppercase(), value))
                .collect();
            if by_variable {
                pairs.insert(format!("BIVOUAC__GITHUB__{}", secret_key.to_uppercase()), SECRET.into());
            } else {
                text = format!("github.{secret_key} = \"{SECRET}\"\n");
            }
            for (section, key, value) in lines {
                text += &format!("{section}.{key} = {value}\n");
            }
            for text in [text.clone(), format!("{text}\n{MINIMAL}"), MINIMAL.to_owned()] {
                let read = Config::parse(Path::new("bivouac.toml"), &text, &pairs);
                let shown = match &read {
                    Ok(config) => format!("{config:?} {:?}", config.policy()),
                    Err(errors) => format!("{errors} {errors:?}"),
                };
                prop_assert!(!shown.contains("hunter2"), "{}", shown);
            }
        }
    }
}

#[test]
fn who_may_command_is_read_with_its_exceptions() {
    use bivouac_model::command::Verb;
    use bivouac_ports::Permission;

    let text = format!(
        r#"{MINIMAL}
[bot]
label = ""
roll_forward = "never"
users = ["ann"]
[bot.commands.pin]
permission = "admin"
[bot.commands.up]
teams = ["acme/testers"]
users = []
"#
    );
    let bot = parse(&text, &[("BIVOUAC__BOT__COMMANDS__DOWN__PERMISSION", "everyone")]).unwrap().bot;
    assert_eq!((bot.label, bot.roll_forward), (None, RollForward::Never));
    let rule = |permission, teams: &[&str], users: &[&str]| Rule {
        permission,
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        users: users.iter().map(|user| (*user).to_owned()).collect(),
    };
    assert_eq!(bot.rule, rule(Permission::Write, &[], &["ann"]));
    assert_eq!(bot.commands[&Verb::Pin], rule(Permission::Admin, &[], &["ann"]));
    assert_eq!(bot.commands[&Verb::Up], rule(Permission::Write, &["acme/testers"], &[]));
    assert_eq!(bot.commands[&Verb::Down], rule(Permission::None, &[], &["ann"]));

    let wrong = format!("{MINIMAL}\n[bot]\nteams = [\"testers\"]\n[bot.commands.pinn]\npermission = \"owner\"\n");
    let said = lines(&wrong, &[]).join("\n");
    for part in ["bot.teams", "owner/slug", "`bot.commands.pinn` is not a command", "commands: up, down"] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
}

#[test]
fn a_check_run_needs_an_app() {
    let text = format!("{MINIMAL}\n[github]\ntoken_file = \"t\"\ncheck_run = true\n");
    let said = lines(&text, &[]).join("\n");
    assert!(said.contains("`github.check_run` needs an app"), "{said}");
    let config =
        parse(&format!("{MINIMAL}\n[github]\ntoken_file = \"t\"\n"), &[("BIVOUAC__GITHUB__DEPLOYMENTS", "true")]);
    assert!(config.unwrap().github.deployments);
}

#[test]
fn the_environment_on_github_has_a_name() {
    let named = |name: &str| parse(MINIMAL, &[("BIVOUAC__GITHUB__ENVIRONMENT", name)]);
    assert_eq!(parse(MINIMAL, &[]).unwrap().github.environment, "testenv");
    assert_eq!(named("Preview environments").unwrap().github.environment, "Preview environments");
    for wrong in ["", &"x".repeat(256), "a\nb"] {
        let errors = named(wrong).expect_err("it is no name").to_string();
        assert!(errors.contains("BIVOUAC__GITHUB__ENVIRONMENT"), "{errors}");
    }
}

#[test]
fn what_nobody_uses_falls_asleep_where_the_application_says_so() {
    let with = |pairs: &[(&str, &str)]| parse(MINIMAL, pairs);
    const AFTER: &str = "BIVOUAC__GUARDRAILS__IDLE_AFTER";
    const PATH: &str = "BIVOUAC__PROJECT__0__IDLE_PATH";
    let said = |pairs: &[(&str, &str)]| {
        let config = with(pairs).unwrap();
        config.sleepless(&config.projects[0])
    };
    assert_eq!(with(&[]).unwrap().guardrails.idle_after, Duration::ZERO);
    assert_eq!(with(&[(AFTER, "2h")]).unwrap().guardrails.idle_after, Duration::from_secs(7200));
    assert_eq!(with(&[(PATH, "/idle?f=1")]).unwrap().projects[0].idle_path.as_deref(), Some("/idle?f=1"));
    let sentence = said(&[(AFTER, "2h")]).expect("nobody can tell");
    assert!(sentence.contains("do not fall asleep by themselves") && sentence.contains("load balancer"), "{sentence}");
    assert!(crate::config::GIVE_A_PATH.contains("`idle_path`"));
    for fine in [&[][..], &[(PATH, "/idle")], &[(AFTER, "2h"), (PATH, "/idle")], &[(AFTER, "0s")]] {
        assert_eq!(said(fine), None, "{fine:?}");
    }
    for wrong in [(AFTER, "59s"), (AFTER, "soon"), (AFTER, "999999h"), (PATH, "idle"), (PATH, "/a b"), (PATH, "/a#b")] {
        let errors = with(&[wrong]).expect_err("it is no value").to_string();
        assert!(errors.contains(wrong.0), "{errors}");
    }
}

#[test]
fn the_address_of_an_image_is_refused_with_the_name_to_write() {
    let ecr = "123456789012.dkr.ecr.us-west-2.amazonaws.com";
    for (written, name) in [
        (format!("{ecr}/superset-ci"), "superset-ci"),
        (format!("https://{ecr}/team/superset-ci:pr-7@sha256:00"), "team/superset-ci"),
        ("public.ecr.aws/x1y2z3/superset".to_owned(), "x1y2z3/superset"),
    ] {
        let text = MINIMAL.replace("ecr_repository = \"ci\"", &format!("ecr_repository = \"{written}\""));
        assert_ne!(text, MINIMAL);
        let errors = parse(&text, &[]).expect_err("no repository has this name").to_string();
        assert!(
            errors.contains(&format!("write \"{name}\"")) && errors.contains("project[0].ecr_repository"),
            "{errors}"
        );
    }
    for name in ["my.app/web", "dkr.ecr", "ecr-public/superset"] {
        let text = MINIMAL.replace("ecr_repository = \"ci\"", &format!("ecr_repository = \"{name}\""));
        assert_eq!(parse(&text, &[]).expect(name).projects[0].ecr_repository, name);
    }
    let text = MINIMAL.replace("ecr_repository = \"ci\"", "ecr_repository = \"Superset\"");
    let errors = parse(&text, &[]).expect_err("capitals").to_string();
    assert!(errors.contains("should be the name of an ECR repository such as superset-ci"), "{errors}");
}
