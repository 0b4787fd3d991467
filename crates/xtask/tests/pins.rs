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
fn the_installation_of_prism_is_named_after_the_version_in_it() {
    let wanted = json("prism/package.json")["dependencies"]["@stoplight/prism-cli"].clone();
    let locked = json("prism/package-lock.json")["packages"]["node_modules/@stoplight/prism-cli"]["version"].clone();
    assert_eq!(wanted, locked);
    let source = include_str!("../src/emulators/prism.rs");
    let named = format!("const VERSION: &str = {wanted};");
    assert!(source.contains(&named), "prism.rs does not say `{named}`");
}

#[test]
fn every_npm_package_has_a_hash_and_no_address() {
    let lock = json("prism/package-lock.json");
    let packages = lock["packages"].as_object().expect("packages");
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string(), "{name} has no hash");
        assert!(package["resolved"].is_null(), "{name} names a registry");
    }
}
