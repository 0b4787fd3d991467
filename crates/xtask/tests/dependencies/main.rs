//! Licences, bans and sources of everything in the dependency tree, as `deny.toml` has them, held against `cargo metadata`.
//!
//! cargo-deny compiles for minutes and needs the network, so that the workflow runs it. These tests hold the part of its
//! rules that needs neither, with each `cargo xtask test`. Advisories are the workflow's alone.

mod policy;
mod tree;

use std::collections::BTreeSet;

use cargo_metadata::MetadataCommand;
use spdx::{Expression, ParseMode};

use policy::Policy;
use tree::{Crate, Tree};

const DENY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deny.toml");

/// The one registry that is known (cargo names it so in metadata and lock files, whichever protocol it speaks).
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// One sentence for each rule that does not hold.
fn violations(tree: &Tree, policy: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for each in &tree.crates {
        found.extend(licence(each, policy, &mut used));
        found.extend(source(each, policy));
        found.extend(bans(each, policy));
        found.extend(wildcards(each, policy));
    }
    if policy.unused_licence_is_wrong {
        let unused = policy.allowed.iter().enumerate().filter(|(at, _)| !used.contains(at));
        found.extend(unused.map(|(_, licensee)| format!("no crate is under {licensee}, which is allowed")));
    }
    found
}

fn licence(each: &Crate, policy: &Policy, used: &mut BTreeSet<usize>) -> Option<String> {
    let Some(text) = &each.licence else {
        return Some(format!("{each} names no licence in its manifest"));
    };
    let expression = match Expression::parse_mode(text, ParseMode::LAX) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("the licence of {each} cannot be read: {error}")),
    };
    let allowed = |requirement: &spdx::LicenseReq| {
        let at = policy.allowed.iter().position(|licensee| licensee.satisfies(requirement));
        used.extend(at);
        at.is_some()
    };
    (!expression.evaluate(allowed)).then(|| format!("the licence of {each} is not allowed: {text}"))
}

fn source(each: &Crate, policy: &Policy) -> Option<String> {
    match each.source.as_deref() {
        // Of this workspace.
        None | Some(CRATES_IO) => None,
        Some(git) if git.starts_with("git+") => {
            policy.unknown_git_is_wrong.then(|| format!("{each} comes from a git repository: {git}"))
        }
        Some(other) => {
            policy.unknown_registry_is_wrong.then(|| format!("{each} comes from an unknown registry: {other}"))
        }
    }
}

fn bans(each: &Crate, policy: &Policy) -> Vec<String> {
    let bans = policy.banned.iter().filter(|ban| ban.name == each.name && ban.versions.matches(&each.version));
    let wrong = |ban: &policy::Ban| {
        let others: Vec<_> = each.dependents.iter().filter(|name| !ban.wrappers.contains(name)).cloned().collect();
        match (ban.wrappers.is_empty(), others.is_empty()) {
            (true, _) => Some(format!("{each} is banned ({}); it comes with {:?}", ban.reason, each.dependents)),
            (false, false) => {
                Some(format!("{each} is banned ({}) but for {:?}; {others:?} use it", ban.reason, ban.wrappers))
            }
            (false, true) => None,
        }
    };
    bans.filter_map(wrong).collect()
}

fn wildcards(each: &Crate, policy: &Policy) -> Vec<String> {
    // A dependency by its path has no version, and is named here only where the crate is not published.
    let wrong = |name: &str, by_path: bool| {
        let is_right = by_path && policy.wildcard_path_is_right && each.is_private;
        (policy.wildcard_is_wrong && !is_right).then(|| format!("{each} takes {name} in any version"))
    };
    each.wildcards.iter().filter_map(|(name, by_path)| wrong(name, *by_path)).collect()
}

#[test]
fn licences_bans_and_sources_are_as_deny_toml_has_them() {
    let text = std::fs::read_to_string(DENY).expect("deny.toml is there");
    let policy = Policy::parse(&text).expect("deny.toml is understood");
    let mut looked_at = Vec::new();
    for target in &policy.targets {
        let options = ["--locked", "--offline", "--filter-platform", target];
        // The crates of other systems may not be on this machine. The workflow looks at all of them.
        let Ok(metadata) = MetadataCommand::new().other_options(options.map(str::to_owned)).exec() else { continue };
        let tree = Tree::of(&metadata);
        assert!(tree.crates.len() > 100, "the tree was read: {} crates", tree.crates.len());
        let found = violations(&tree, &policy);
        assert!(found.is_empty(), "for {target}:\n{}", found.join("\n"));
        looked_at.push(target);
    }
    let own = looked_at.iter().any(|target| target.starts_with(std::env::consts::ARCH));
    assert!(own, "nothing of this machine was looked at, only {looked_at:?}; the targets are {:?}", policy.targets);
}

#[test]
fn nothing_signs_with_the_crate_rsa() {
    // RUSTSEC-2023-0071 has no fixed release, and the App's tokens are signed with the key that it may leak.
    let text = std::fs::read_to_string(DENY).expect("deny.toml is there");
    let policy = Policy::parse(&text).expect("deny.toml is understood");
    assert!(policy.banned.iter().any(|ban| ban.name == "rsa" && ban.wrappers.is_empty()), "{:?}", policy.banned);
}

mod made_up {
    //! The check itself, on trees that break one rule each.

    use super::*;

    const POLICY: &str = r#"
[licenses]
allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
[bans]
wildcards = "deny"
allow-wildcard-paths = true
deny = [
    { crate = "native-tls", reason = "one TLS stack" },
    { name = "hyper", version = "<1", reason = "old" },
    { crate = "backoff", wrappers = ["ours"], reason = "unmaintained" },
]
[sources]
unknown-registry = "deny"
unknown-git = "deny"
"#;

    fn fine(name: &str, version: &str) -> Crate {
        Crate {
            name: name.to_owned(),
            version: version.parse().expect("a version"),
            licence: Some("MIT".to_owned()),
            source: Some(CRATES_IO.to_owned()),
            is_private: false,
            dependents: vec!["ours".to_owned()],
            wildcards: Vec::new(),
        }
    }

    fn found(each: Crate) -> Vec<String> {
        let policy = Policy::parse(POLICY).expect("it is understood");
        let tree = Tree { crates: vec![fine("serde", "1.0.0"), each] };
        violations(&tree, &policy)
    }

    fn licensed(licence: Option<&str>) -> Vec<String> {
        found(Crate { licence: licence.map(str::to_owned), ..fine("a", "1.0.0") })
    }

    #[test]
    fn a_licence_that_is_not_allowed_is_found() {
        for right in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT AND Apache-2.0"]
        {
            assert_eq!(licensed(Some(right)), [""; 0], "{right}");
        }
        for wrong in ["GPL-3.0", "MIT AND GPL-3.0", "MPL-2.0 OR GPL-3.0", "BSD-3-Clause", "Nonsense-1.0", ""] {
            assert_eq!(licensed(Some(wrong)).len(), 1, "{wrong}");
        }
        assert_eq!(licensed(None), ["a 1.0.0 names no licence in its manifest"]);
    }

    #[test]
    fn a_banned_crate_is_found() {
        assert_eq!(found(fine("native-tls", "0.2.0")).len(), 1);
        assert_eq!(found(fine("hyper", "0.14.32")).len(), 1);
        assert_eq!(found(fine("hyper", "1.12.0")), [""; 0]);
        assert_eq!(found(fine("backoff", "0.4.0")), [""; 0], "ours may use it");
        let theirs = Crate { dependents: vec!["ours".to_owned(), "theirs".to_owned()], ..fine("backoff", "0.4.0") };
        let said = found(theirs);
        assert!(said.len() == 1 && said[0].contains("theirs"), "{said:?}");
    }

    #[test]
    fn a_source_that_is_not_known_is_found() {
        for wrong in ["git+https://github.com/a/a?rev=1#1", "registry+https://crates.example.org/index"] {
            assert_eq!(found(Crate { source: Some(wrong.to_owned()), ..fine("a", "1.0.0") }).len(), 1, "{wrong}");
        }
        assert_eq!(found(Crate { source: None, ..fine("a", "1.0.0") }), [""; 0], "it is of the workspace");
    }

    #[test]
    fn a_dependency_in_any_version_is_found() {
        let with = |by_path, is_private| {
            found(Crate { wildcards: vec![("b".to_owned(), by_path)], is_private, ..fine("a", "1.0.0") }).len()
        };
        assert_eq!((with(false, true), with(false, false), with(true, false), with(true, true)), (1, 1, 1, 0));
    }

    #[test]
    fn a_licence_that_no_crate_has_is_found_where_that_is_wrong() {
        let text = "[licenses]\nallow = [\"MIT\", \"ISC\"]\nunused-allowed-license = \"deny\"";
        let policy = Policy::parse(text).expect("it is understood");
        let tree = Tree { crates: vec![fine("serde", "1.0.0")] };
        assert_eq!(violations(&tree, &policy), ["no crate is under ISC, which is allowed"]);
    }
}
