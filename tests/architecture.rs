//! The dependency arrows of the house, held against what `cargo metadata` says.
//!
//! ARCHITECTURE.md explains why each arrow points where it does. A crate that is missing from the table here fails the
//! test: where a new one stands is a decision, not an accident.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates a crate may know.
enum Knows {
    /// These, and no others.
    Only(&'static [&'static str]),
    /// Composition and measurement: everything.
    All,
}

use Knows::{All, Only};

/// Each of our crates, and what it may know of ours. It holds for dev-dependencies too: a test that needs more than the
/// crate may know belongs into `tests/` of the root package.
const ARROWS: &[(&str, Knows)] = &[
    ("bivouac-model", Only(&[])),
    ("bivouac-policy", Only(&["bivouac-model"])),
    ("bivouac-planner", Only(&["bivouac-model", "bivouac-policy"])),
    ("bivouac-runtime", Only(&[])),
    ("bivouac-ports", Only(&["bivouac-model"])),
    ("bivouac-controller", Only(&["bivouac-model", "bivouac-planner", "bivouac-runtime", "bivouac-ports"])),
    ("bivouac-aws", Only(&["bivouac-model", "bivouac-ports"])),
    // AWS's published models alone. `FOR_TESTS` says who knows it.
    ("bivouac-awsmodel", Only(&[])),
    ("bivouac-github", Only(&["bivouac-model", "bivouac-ports"])),
    ("bivouac-bot", Only(&["bivouac-model", "bivouac-ports", "bivouac-policy"])),
    ("bivouac-ops", Only(&["bivouac-model", "bivouac-ports"])),
    // It knows only what AWS and GitHub publish, so it cannot share our mistakes.
    ("bivouac-simcloud", Only(&[])),
    ("bivouac-bench", All),
    ("bivouac", All),
    ("xtask", Only(&[])),
];

/// The judge by AWS's models, and the crates whose tests it watches. It is in no program, so nothing else depends on it.
const FOR_TESTS: (&str, &[&str]) = ("bivouac-awsmodel", &["bivouac", "bivouac-aws", "bivouac-simcloud"]);

/// Other people's crates that only one place may know. A name ending in `*` stands for all that begin like it.
struct Reserved {
    crates: &'static [&'static str],
    /// Who may depend on them.
    home: &'static str,
    /// Who else may, for tests only.
    tests: Option<&'static str>,
}

const RESERVED: &[Reserved] = &[
    // One place sees SDK types; everything else sees the ports' errors by meaning. aws-sdk-ec2 alone compiles for
    // minutes, so the other crates also build in seconds this way.
    Reserved {
        crates: &["aws-config", "aws-sdk-*", "aws-smithy-*", "aws-types", "serde_dynamo"],
        home: "bivouac-aws",
        tests: Some("bivouac"),
    },
    Reserved { crates: &["octocrab"], home: "bivouac-github", tests: None },
    // What we compare our work queue with.
    Reserved { crates: &["k8s-openapi", "kube", "kube-*"], home: "bivouac-bench", tests: None },
    // Unmaintained (RUSTSEC-2025-0012): used as a policy, in one module, easy to take out.
    Reserved { crates: &["backoff"], home: "bivouac-runtime", tests: None },
];

/// Crates that decide and never act: no executor, no network, no random source, not even in their tests.
const PURE: &[&str] = &["bivouac-model", "bivouac-policy", "bivouac-planner"];

/// What would let a pure crate act.
const ACTING: &[&str] = &["async-trait", "fastrand", "futures", "rand", "reqwest", "tokio", "tokio-util"];

/// One crate of the workspace with everything that its manifest names.
struct Crate {
    name: String,
    dependencies: Vec<(String, DependencyKind)>,
}

/// One sentence for each arrow that must not be there.
fn violations(crates: &[Crate]) -> Vec<String> {
    let ours: BTreeSet<&str> = crates.iter().map(|each| each.name.as_str()).collect();
    let mut found = Vec::new();
    for Crate { name, dependencies } in crates {
        let Some((_, knows)) = ARROWS.iter().find(|(known, _)| known == name) else {
            found.push(format!("{name} has no place in the table of this test"));
            continue;
        };
        for (dependency, kind) in dependencies {
            let dependency = dependency.as_str();
            let judged = FOR_TESTS.0 == dependency;
            let by_tests = judged && *kind == DependencyKind::Development && FOR_TESTS.1.contains(&name.as_str());
            if ours.contains(dependency) && (judged || !knows.allows(dependency)) && !by_tests {
                found.push(format!("{name} may not know {dependency}"));
            }
            for reserved in RESERVED.iter().filter(|reserved| reserved.names(dependency)) {
                if !reserved.allows(name, *kind) {
                    found.push(format!("{name} may not use {dependency}: only {} does", reserved.home));
                }
            }
            if PURE.contains(&name.as_str()) && ACTING.contains(&dependency) {
                found.push(format!("{name} may not use {dependency}: it decides and does not act"));
            }
        }
    }
    found
}

impl Knows {
    fn allows(&self, dependency: &str) -> bool {
        match self {
            Only(names) => names.contains(&dependency),
            All => true,
        }
    }
}

impl Reserved {
    fn names(&self, dependency: &str) -> bool {
        self.crates.iter().any(|name| match name.strip_suffix('*') {
            Some(prefix) => dependency.starts_with(prefix),
            None => dependency == *name,
        })
    }

    fn allows(&self, name: &str, kind: DependencyKind) -> bool {
        name == self.home || (self.tests == Some(name) && kind == DependencyKind::Development)
    }
}

#[test]
fn every_arrow_points_where_the_house_says() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata answers");
    let crates: Vec<Crate> = metadata
        .packages
        .iter()
        .map(|package| Crate {
            name: package.name.to_string(),
            dependencies: package.dependencies.iter().map(|each| (each.name.clone(), each.kind)).collect(),
        })
        .collect();
    assert!(crates.iter().any(|each| each.name == "bivouac-planner"), "the workspace was read");
    let found = violations(&crates);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_table_points_only_at_crates_it_has() {
    for (name, knows) in ARROWS {
        if let Only(names) = knows {
            let strangers: Vec<_> =
                names.iter().filter(|target| ARROWS.iter().all(|(known, _)| known != *target)).collect();
            assert!(strangers.is_empty(), "{name}: {strangers:?}");
        }
    }
}

mod made_up {
    //! The check itself, on graphs that break one rule each.

    use super::*;

    /// A workspace in which the crates of the table depend on nothing, and `name` on `dependencies`.
    fn found(name: &str, dependencies: &[(&str, DependencyKind)]) -> Vec<String> {
        let mut crates: Vec<Crate> = ARROWS
            .iter()
            .map(|(known, _)| Crate { name: (*known).to_owned(), dependencies: Vec::new() })
            .filter(|each| each.name != name)
            .collect();
        let dependencies = dependencies.iter().map(|(each, kind)| ((*each).to_owned(), *kind)).collect();
        crates.push(Crate { name: name.to_owned(), dependencies });
        violations(&crates)
    }

    fn normal(name: &str, dependency: &str) -> Vec<String> {
        found(name, &[(dependency, DependencyKind::Normal)])
    }

    fn development(name: &str, dependency: &str) -> Vec<String> {
        found(name, &[(dependency, DependencyKind::Development)])
    }

    #[test]
    fn every_arrow_that_is_not_in_the_table_is_found() {
        for (name, knows) in ARROWS {
            for (target, _) in ARROWS.iter().filter(|(target, _)| target != name && *target != FOR_TESTS.0) {
                let expected = !knows.allows(target);
                for found in [normal(name, target), development(name, target)] {
                    assert_eq!(!found.is_empty(), expected, "{name} -> {target}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn the_leaves_know_nothing_of_ours() {
        for leaf in ["bivouac-model", "bivouac-runtime", "bivouac-awsmodel"] {
            for (target, _) in ARROWS.iter().filter(|(target, _)| *target != leaf) {
                assert_eq!(normal(leaf, target), [format!("{leaf} may not know {target}")]);
            }
        }
    }

    #[test]
    fn only_tests_know_the_judge() {
        let (judge, watched) = FOR_TESTS;
        for (name, _) in ARROWS.iter().filter(|(name, _)| *name != judge) {
            assert_eq!(normal(name, judge), [format!("{name} may not know {judge}")]);
            assert_eq!(development(name, judge).is_empty(), watched.contains(name), "{name}");
        }
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(normal("bivouac-extra", "serde"), ["bivouac-extra has no place in the table of this test"]);
    }

    #[test]
    fn the_sdk_stays_in_its_crate() {
        assert_eq!(normal("bivouac-aws", "aws-sdk-ecs"), [""; 0]);
        assert_eq!(
            normal("bivouac-controller", "aws-sdk-ecs"),
            ["bivouac-controller may not use aws-sdk-ecs: only bivouac-aws does"]
        );
        assert_eq!(normal("bivouac", "aws-sdk-ec2").len(), 1, "the program speaks through the ports");
        assert_eq!(development("bivouac", "aws-sdk-ec2"), [""; 0], "its tests may look from outside");
        assert_eq!(development("bivouac-controller", "aws-sdk-ec2").len(), 1);
        assert_eq!(normal("bivouac-planner", "serde_dynamo").len(), 1);
    }

    #[test]
    fn other_reserved_crates_stay_in_theirs() {
        for (home, dependency) in [
            ("bivouac-github", "octocrab"),
            ("bivouac-bench", "kube"),
            ("bivouac-bench", "kube-runtime"),
            ("bivouac-runtime", "backoff"),
        ] {
            for (name, _) in ARROWS {
                let expected = usize::from(*name != home);
                assert_eq!(normal(name, dependency).len(), expected, "{name} -> {dependency}");
                assert_eq!(development(name, dependency).len(), expected, "{name} -> {dependency} (tests)");
            }
        }
    }

    #[test]
    fn who_decides_does_not_act() {
        for name in PURE {
            assert_eq!(normal(name, "tokio"), [format!("{name} may not use tokio: it decides and does not act")]);
        }
        assert_eq!(normal("bivouac-controller", "tokio"), [""; 0]);
    }

    #[test]
    fn a_name_that_only_begins_alike_is_not_reserved() {
        assert_eq!(normal("bivouac-controller", "backoff-policies"), [""; 0]);
        assert_eq!(normal("bivouac-controller", "kubelet"), [""; 0]);
    }
}
