//! The documents name tests and link to each other and to files. Each of these exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The name of every test as nextest shows it, as far as a file tells: the module after the file, and the function.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for place in ["src", "tests", "crates"] {
        files_below(&root.join(place), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let module = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a readable file");
        // A macro makes a test of each function of a contract, for every adapter.
        let is_contract = file.starts_with(root.join("tests/contract"));
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let Some((visibility, function)) = line.split_once("fn ") else { continue };
            if std::mem::take(&mut is_test) || is_contract && visibility.ends_with("async ") {
                let name = function.split('(').next().unwrap_or_default();
                names.insert(format!("{module}::{name}"));
            }
        }
    }
    names
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The last column of each table that has the heading `test`: names in backquotes.
fn named(document: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut in_table = false;
    for line in document.lines() {
        let Some(row) = line.strip_prefix('|') else {
            in_table = false;
            continue;
        };
        let last = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default().trim();
        in_table |= last == "test";
        if in_table {
            names.extend(last.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    names
}

/// Whether a document means this test: by the file of many (`owed::`), or by the beginning of its own name.
fn is_named(test: &str, name: &str) -> bool {
    let function = test.split_once("::").map_or(test, |(_, function)| function);
    match name.ends_with("::") {
        true => test.starts_with(name),
        false => function.starts_with(name) || test == name,
    }
}

#[test]
fn a_part_of_a_word_names_no_test() {
    assert!(is_named("owed::the_next_leader", "owed::") && is_named("owed::the_next_leader", "the_next"));
    assert!(!is_named("follow::it_is_followed", "owed") && !is_named("owed::the_next_leader", "owed"));
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let document = include_str!("../docs/threat-model.md");
    let (tests, named) = (tests(), named(document));
    assert!(tests.len() > 1000 && named.len() > 40, "{} tests, {} names", tests.len(), named.len());
    let missing: Vec<_> = named.iter().filter(|name| !tests.iter().any(|test| is_named(test, name))).collect();
    assert!(missing.is_empty(), "no test has these names: {missing:?}");
}

/// The documents for people: those beside the manifest, and everything below `docs`.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in [root.to_owned(), root.join("docs"), root.join("docs/reference")] {
        let files = fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("an entry").path());
        found.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    found
}

/// The links of a document, and the anchors of its headings as GitHub and mdBook make them.
fn links_and_anchors(text: &str) -> (Vec<String>, BTreeSet<String>) {
    let (mut links, mut anchors, mut heading) = (Vec::new(), BTreeSet::new(), None::<String>);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => links.push(dest_url.to_string()),
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take().map(|heading| anchor(&heading))),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    (links, anchors)
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a readable document");
        for link in links_and_anchors(&text).0.iter().filter(|link| !link.contains("://")) {
            followed += 1;
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.parent().expect("a folder").join(path),
            };
            let leads = match fragment {
                "" => target.exists(),
                fragment => fs::read_to_string(&target).is_ok_and(|text| links_and_anchors(&text).1.contains(fragment)),
            };
            if !leads {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(followed > 50, "the documents have {followed} links");
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn the_summary_lists_every_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let (links, _) = links_and_anchors(include_str!("../docs/SUMMARY.md"));
    let listed: BTreeSet<PathBuf> = links.iter().map(|link| docs.join(link)).collect();
    let pages: BTreeSet<PathBuf> =
        documents().into_iter().filter(|page| page.starts_with(&docs) && !page.ends_with("SUMMARY.md")).collect();
    assert_eq!(listed, pages);
}
