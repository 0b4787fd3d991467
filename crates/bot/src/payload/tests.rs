//! Payloads of every kind, right and wrong.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn settings() -> Settings {
    let rules = ProjectRules {
        repo: "apache/superset".parse().unwrap(),
        variables: bivouac_policy::VariableRules::default(),
        secrets: std::collections::BTreeSet::new(),
        sizes: std::collections::BTreeSet::new(),
        logs: crate::ProjectLogs::default(),
    };
    Settings { projects: vec![rules], label: Some("testenv-up".into()), ..Settings::new() }
}

fn read(event: &str, payload: &Json) -> Result<Delivery, Malformed> {
    super::read(event, payload.to_string().as_bytes(), &settings())
}

fn user(login: &str, kind: &str) -> Json {
    json!({ "login": login, "id": login.len(), "type": kind })
}

fn comment(body: &str) -> Json {
    json!({
        "action": "created",
        "issue": { "number": 7, "pull_request": { "url": "https://api.github.com/repos/apache/superset/pulls/7" } },
        "comment": {
            "id": 9, "body": body, "user": user("ada", "User"), "created_at": "2026-11-23T12:00:00Z",
            "html_url": "https://github.com/apache/superset/pull/7#issuecomment-9",
        },
        "repository": { "full_name": "Apache/Superset" },
        "sender": user("ada", "User"),
    })
}

fn pull_request(action: &str) -> Json {
    json!({
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7, "head": { "sha": "0123456789abcdef0123456789abcdef01234567" },
            "updated_at": "2026-11-23T12:00:00Z", "html_url": "https://github.com/apache/superset/pull/7",
        },
        "label": { "name": "Testenv-Up" },
        "repository": { "full_name": "apache/superset" },
        "sender": user("ada", "User"),
    })
}

fn with(mut payload: Json, pointer: &str, value: Json) -> Json {
    *payload.pointer_mut(pointer).unwrap() = value;
    payload
}

fn fact(delivery: Result<Delivery, Malformed>) -> Fact {
    match delivery {
        Ok(Delivery::News(news)) => {
            assert_eq!(news.key().to_string(), "apache/superset#7", "as the configuration writes it");
            news.fact
        }
        other => panic!("{other:?}"),
    }
}

fn is_ignored(delivery: &Result<Delivery, Malformed>) -> bool {
    matches!(delivery, Ok(Delivery::Ignored(_)))
}

#[test]
fn the_commands_of_a_comment_are_kept() {
    let Fact::Comment(read) =
        fact(read("issue_comment", &comment("Please:\n\n/testenv up FEATURE_X=true\n/testenv upp")))
    else {
        panic!("a comment")
    };
    assert_eq!((read.id, &*read.author), (9, "ada"));
    assert_eq!(read.asked.len(), 2);
    assert_eq!(read.asked[0].command, Ok("up FEATURE_X=true".to_owned()));
    assert!(read.asked[1].command.as_ref().is_err_and(|wrong| wrong.contains("perhaps `up")));
}

#[test]
fn not_everything_with_a_command_is_one() {
    let command = || comment("/testenv up");
    let cases = [
        ("edited", with(command(), "/action", json!("edited"))),
        ("deleted", with(command(), "/action", json!("deleted"))),
        ("on an issue", with(command(), "/issue/pull_request", Json::Null)),
        ("no author", with(command(), "/comment/user", Json::Null)),
        ("no body", with(command(), "/comment/body", Json::Null)),
        ("in a quotation", comment("> /testenv up")),
    ];
    for (what, payload) in cases {
        assert!(is_ignored(&read("issue_comment", &payload)), "{what}");
    }
    for (login, kind) in
        [("dependabot[bot]", "Bot"), ("renovate", "Bot"), ("sly[bot]", "User"), ("apache", "Organization")]
    {
        let payload = with(with(command(), "/comment/user", user(login, kind)), "/sender", user(login, kind));
        assert!(is_ignored(&read("issue_comment", &payload)), "{login}");
    }
}

#[test]
fn a_comment_is_sent_by_its_author() {
    for sender in [user("eve", "User"), json!({ "login": "ada", "id": 666, "type": "User" })] {
        let payload = with(comment("/testenv up"), "/sender", sender);
        assert!(matches!(read("issue_comment", &payload), Err(Malformed::Sender)));
    }
}

#[test]
fn a_pull_request_says_where_to_look() {
    for (action, expected) in [
        ("closed", How::Closed),
        ("opened", How::Opened),
        ("reopened", How::Opened),
        ("ready_for_review", How::Opened),
        ("labeled", How::Labelled),
        ("unlabeled", How::Labelled),
        ("synchronize", How::Pushed { head: "0123456789abcdef0123456789abcdef01234567".into() }),
    ] {
        let Fact::Changed(changed) = fact(read("pull_request", &pull_request(action))) else { panic!("a change") };
        assert_eq!((changed.how, changed.by.as_deref()), (expected, Some("ada")));
    }
    assert!(is_ignored(&read("pull_request", &pull_request("assigned"))));
    let other = with(pull_request("labeled"), "/label/name", json!("bug"));
    assert!(is_ignored(&read("pull_request", &other)));
    let by_bot = with(pull_request("closed"), "/sender", user("merge[bot]", "Bot"));
    let Fact::Changed(changed) = fact(read("pull_request", &by_bot)) else { panic!("a change") };
    assert_eq!(changed.by, None);
}

#[test]
fn impossible_numbers_are_refused() {
    let payload = with(pull_request("closed"), "/pull_request/number", json!(0));
    assert!(matches!(read("pull_request", &payload), Err(Malformed::Number)));
}

#[test]
fn the_payload_of_another_event_is_refused() {
    assert!(matches!(read("issue_comment", &pull_request("closed")), Err(Malformed::Json(_))));
    assert!(matches!(read("pull_request", &comment("/testenv up")), Err(Malformed::Json(_))));
    assert!(matches!(read("workflow_run", &pull_request("completed")), Err(Malformed::Json(_))));
    for event in ["issue_comment", "push", "ping"] {
        assert!(matches!(super::read(event, b"{\"action\":", &settings()), Err(Malformed::Json(_))), "{event}");
    }
}

#[test]
fn what_is_published_is_a_hint() {
    let repository = json!({ "full_name": "apache/superset" });
    let package = json!({ "action": "published", "registry_package": {}, "repository": repository });
    assert!(matches!(read("registry_package", &package), Ok(Delivery::Hint(_))));
    let run = json!({ "action": "completed", "workflow_run": {}, "repository": repository });
    assert!(matches!(read("workflow_run", &run), Ok(Delivery::Hint(_))));
    assert!(is_ignored(&read("workflow_run", &with(run, "/action", json!("requested")))));
}

#[test]
fn other_repositories_are_not_ours() {
    let payload = with(comment("/testenv up"), "/repository/full_name", json!("apache/superset2"));
    assert!(matches!(read("issue_comment", &payload), Ok(Delivery::Elsewhere(_))));
}

const EVENTS: [&str; 6] = ["issue_comment", "pull_request", "registry_package", "workflow_run", "ping", "star"];

/// Any JSON.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,20}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..6).prop_map(Json::from_iter),
        ]
    })
}

/// A right payload in which one entry is replaced.
fn bent(payload: Json) -> impl Strategy<Value = Json> {
    fn pointers(json: &Json, at: &str, out: &mut Vec<String>) {
        if let Json::Object(map) = json {
            for (name, value) in map {
                let at = format!("{at}/{name}");
                pointers(value, &at, out);
                out.push(at);
            }
        }
    }
    let mut all = Vec::new();
    pointers(&payload, "", &mut all);
    (prop::sample::select(all), any_json()).prop_map(move |(pointer, value)| with(payload.clone(), &pointer, value))
}

proptest! {
    #[test]
    fn no_json_panics(event in prop::sample::select(EVENTS.to_vec()), payload in any_json()) {
        let _ = read(event, &payload);
    }

    #[test]
    fn no_bytes_panic(event in prop::sample::select(EVENTS.to_vec()), body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = super::read(event, &body, &settings());
    }

    #[test]
    fn nothing_bent_panics(payload in prop_oneof![bent(comment("/testenv up")), bent(pull_request("labeled"))]) {
        for event in EVENTS {
            let _ = read(event, &payload);
        }
    }

    #[test]
    fn any_comment_fits_into_a_letter(body in "(/testenv up( [A-Z]{1,3}=\"?[\\PC]{0,30}\"?){0,5}\n){0,12}") {
        if let Ok(Delivery::News(news)) = read("issue_comment", &comment(&body)) {
            prop_assert!(news.seal().len() < 300_000);
            prop_assert_eq!(News::open(&news.seal()).unwrap(), *news);
        }
    }
}
