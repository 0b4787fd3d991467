//! The emulators' versions are exact, agree with each other, and name no registry's address.

use std::fs;
use std::path::Path;

use serde_json::Value;

fn pin(path: &str) -> String {
    let pins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/emulators");
    fs::read_to_string(pins.join(path)).expect("the pin is there")
}

fn json(path: &str) -> Value {
    serde_json::from_str(&pin(path)).expect("JSON")
}

#[test]
fn every_python_package_is_at_one_version() {
    let text = pin("moto/requirements.txt");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.iter().any(|line| line.starts_with("moto[server]==")), "{lines:?}");
    let loose: Vec<_> = lines.iter().filter(|line| line.split("==").count() != 2).collect();
    assert!(loose.is_empty(), "{loose:?}");
}

#[test]
fn awss_models_are_at_one_version_with_a_hash() {
    let text = pin("aws-models/requirements.txt");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let [line] = lines[..] else { panic!("botocore alone: {lines:?}") };
    let (package, hash) = line.split_once(" --hash=sha256:").expect("a hash");
    assert!(package.starts_with("botocore=="), "{line}");
    assert_eq!((hash.len(), hash.chars().all(|c| c.is_ascii_hexdigit())), (64, true), "{line}");
}

#[test]
fn an_installation_is_named_after_the_version_in_it() {
    for (pins, package, source) in [
        ("prism", "@stoplight/prism-cli", include_str!("../src/emulators/prism.rs")),
        ("octokit", "@octokit/webhooks-examples", include_str!("../src/emulators/octokit.rs")),
    ] {
        let wanted = json(&format!("{pins}/package.json"))["dependencies"][package].clone();
        let lock = json(&format!("{pins}/package-lock.json"));
        assert_eq!(wanted, lock["packages"][format!("node_modules/{package}")]["version"]);
        let named = format!("const VERSION: &str = {wanted};");
        assert!(source.contains(&named), "{pins}.rs does not say `{named}`");
    }
}

#[test]
fn every_npm_package_has_a_hash_and_no_address() {
    for pins in ["prism", "octokit"] {
        let lock = json(&format!("{pins}/package-lock.json"));
        let packages = lock["packages"].as_object().expect("packages");
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].is_string(), "{name} has no hash");
            assert!(package["resolved"].is_null(), "{name} names a registry");
        }
    }
}
