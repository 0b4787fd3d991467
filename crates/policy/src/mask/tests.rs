use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn masked(line: &str) -> String {
    Mask::default().lines([line.to_owned()]).concat()
}

#[test]
fn every_pattern_compiles() {
    assert_eq!((FORM_PATTERNS.len(), AFTER_PATTERNS.len()), (FORMS.len(), AFTER.len()));
    assert!(LONG_WORD.is_some() && KEY_BOUNDS.is_some());
}

#[test]
fn known_forms_of_secrets_are_masked() {
    // None of these was ever valid. The first is the example of AWS's documentation.
    for (line, secret) in [
        ("key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
        ("aws: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalrXUtnFEMI"),
        ("token ghp_0123456789abcdefghijABCDEFGHIJ012345", "ghp_0123456789"),
        ("using github_pat_11ABCDEFG0123456789_abcdefghijklmnop", "github_pat_11"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", "eyJhbGciOiJIUzI1NiJ9"),
        ("PASSWORD=hunter2", "hunter2"),
        ("db_password: 'hunter2 and more'", "hunter2"),
        (r#"{"client_secret":"hunter2","n":1}"#, "hunter2"),
        (r#"env {\"DB_PASSWORD\":\"hunter2\"}"#, "hunter2"),
        ("connect --password hunter2 --host db", "hunter2"),
        ("Authorization: Bearer hunter2hunter2", "hunter2hunter2"),
        ("postgresql://superset:hunter2@db:5432/x", "hunter2"),
        ("slack xoxb-1234567890-abcdefghij", "xoxb-1234567890"),
        ("SECRET_KEY => hunter2", "hunter2"),
        ("os.environ['API_KEY'] = hunter2", "hunter2"),
        ("pass\u{1b}[1mword=hun\u{1b}[0mter2", "hunter2"),
    ] {
        let shown = masked(line);
        assert!(!shown.contains(secret), "{line:?} is shown as {shown:?}");
        assert!(shown.contains(MASK), "{shown:?}");
    }
}

#[test]
fn the_rest_of_a_line_is_as_it_was() {
    assert_eq!(masked("PASSWORD=hunter2 for ada"), "PASSWORD=*** for ada");
    assert_eq!(masked("postgresql://superset:hunter2@db:5432/x"), "postgresql://superset:***@db:5432/x");
    for line in [
        "2026-11-30T10:00:00Z INFO listening on http://0.0.0.0:8080",
        "GET /health HTTP/1.1 200",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "File \"/app/superset/__init__.py\", line 12, in <module>",
        "passed 12 of 12",
        "",
    ] {
        assert_eq!(masked(line), line);
    }
}

#[test]
fn a_private_key_is_masked_whole_and_also_where_only_a_part_of_it_was_read() {
    let key = ["-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA", "short=", "-----END RSA PRIVATE KEY-----"];
    let around = |part: &[&str]| {
        let lines = ["before it"].into_iter().chain(part.iter().copied()).chain(["after it"]);
        Mask::default().lines(lines.map(str::to_owned))
    };
    assert_eq!(around(&key), ["before it", MASK, MASK, MASK, MASK, "after it"]);
    assert_eq!(around(&key[1..]), ["before it", MASK, MASK, MASK, "after it"]);
    // Nothing says where it ends.
    assert_eq!(around(&key[..3]), ["before it", MASK, MASK, MASK, MASK]);
    let one_line = "key: -----BEGIN PRIVATE KEY-----\\nMIIEpAIB\\n-----END PRIVATE KEY-----";
    assert_eq!(Mask::default().lines([one_line.to_owned(), "after".to_owned()]), [MASK, "after"]);
}

#[test]
fn values_of_the_record_are_masked_where_their_names_look_secret() {
    let config = [
        ("SUPERSET_SECRET_KEY", "correct horse"),
        ("SUPERSET_DB_PASSWORD", "battery"),
        ("SUPERSET_LOG_LEVEL", "debug"),
        ("SUPERSET_TOKEN", "no"),
    ];
    let config: BTreeMap<_, _> = config.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let flags = BTreeMap::from([("FEATURE_API_KEY".to_owned(), "staple\nstapler".to_owned())]);
    let desired = DesiredState { config, flags, ..DesiredState::default() };
    let mask = Mask::new(["from the template".to_owned()]).with(&desired);
    let line = "correct horse battery staple stapler debug no, from the template";
    assert_eq!(mask.lines([line.to_owned()]), ["*** *** *** *** debug no, ***"]);
    assert!(!format!("{mask:?}").contains("battery"), "{mask:?}");
}

#[test]
fn an_excerpt_is_of_the_last_lines_and_names_containers_where_there_are_several() {
    let line = |container: &str, message: &str| (container.to_owned(), message.to_owned());
    let one = [line("web", "a"), line("web", "b"), line("web", "c")];
    assert_eq!(excerpt(&one, &Mask::default(), 2).lines(), ["b", "c"]);
    // A key of one container, with a line of another between its own.
    let two = [
        line("web", "-----BEGIN PRIVATE KEY-----"),
        line("worker", "works"),
        line("web", "MIIE"),
        line("web", "-----END PRIVATE KEY-----"),
    ];
    assert_eq!(excerpt(&two, &Mask::default(), 3).lines(), ["[worker] works", "[web] ***", "[web] ***"]);
    assert!(excerpt(&[], &Mask::default(), 3).lines().is_empty());
}

proptest! {
    #[test]
    fn a_planted_value_never_gets_out(
        before in "[ -~]{0,30}", value in "[A-Za-z0-9!%&/()?]{4,40}", after in "[ -~]{0,30}",
    ) {
        let mask = Mask::new([value.clone()]);
        let shown = mask.lines([format!("{before}{value}{after}")]).concat();
        prop_assert!(!shown.contains(&value) || before.contains(&value) || after.contains(&value) || MASK.contains(&value), "{}", shown);
    }

    #[test]
    fn any_lines_are_survived(lines in proptest::collection::vec("\\PC{0,80}", 0..20)) {
        prop_assert_eq!(Mask::new(["x".to_owned()]).lines(lines.clone()).len(), lines.len());
    }
}
