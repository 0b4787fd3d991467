//! A repository of 10,000 untagged manifests under 500 indexes: how long its plan takes, and how many calls it is. And one
//! of 100,000: what it holds in memory.
//!
//! `cargo bench -p bivouac-planner --bench images`. What the calls are at the registry itself, `tests/hermetic` counts.

// The world of the tests, not all of it.
#[allow(dead_code)]
#[path = "../tests/planner/fixtures.rs"]
mod fixtures;

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bivouac_model::{ImageDigest, ListedImage, ManifestKind};
use bivouac_planner::images::{ImagePlan, ImageRoots, ImagesObserved, Manifest, Observations, plan_images, to_read};
use chrono::TimeDelta;

use crate::fixtures::{REPOSITORY, policy, start};

const IMAGES: usize = 10_000;
const INDEXES: usize = 500;
/// Rounds of which the median is taken.
const ROUNDS: usize = 15;
/// What a plan of 10,000 may take.
const MOST: Duration = Duration::from_millis(100);
/// Calls in which 10,000 are deleted: a hundred each.
const CALLS: usize = 100;
const LARGE: usize = 100_000;
/// What the process may hold at 100,000.
const MOST_MEBIBYTES: f64 = 200.0;
/// Time between two passes.
const APART: TimeDelta = TimeDelta::seconds(30);

fn main() -> ExitCode {
    // `cargo test --benches` calls a bench without this flag, to see only that it builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let fits = [planned(), deleted(), remembered()];
    if fits.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// So many manifests, the given number of them indexes that share the rest out among them, and the texts of the indexes.
fn repository(images: usize, indexes: usize) -> (Vec<ListedImage>, HashMap<ImageDigest, String>) {
    let listed = |digest, kind| ListedImage {
        digest,
        tags: Box::default(),
        kind,
        bytes: 50_000_000,
        pushed_at: Some(start() - TimeDelta::days(2)),
        subject: None,
        archived: false,
    };
    let children: Vec<ImageDigest> =
        (0..images - indexes).map(|number| ImageDigest::of(&number.to_be_bytes())).collect();
    let texts: HashMap<ImageDigest, String> = children
        .chunks((images - indexes).div_ceil(indexes))
        .map(|children| {
            let descriptors: Vec<String> = children
                .iter()
                .map(|child| {
                    format!(
                        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{child}","size":1234,"platform":{{"architecture":"amd64","os":"linux"}}}}"#
                    )
                })
                .collect();
            let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptors.join(","));
            (ImageDigest::of(text.as_bytes()), text)
        })
        .collect();
    assert_eq!(texts.len(), indexes);
    let indexes = texts.keys().map(|digest| listed(digest.clone(), ManifestKind::Index));
    let inventory = children.into_iter().map(|digest| listed(digest, ManifestKind::Image)).chain(indexes).collect();
    (inventory, texts)
}

/// From the texts to the order of deletion.
fn plan(inventory: &[ListedImage], texts: &HashMap<ImageDigest, String>) -> ImagePlan {
    let policy = policy();
    let manifests: HashMap<ImageDigest, Manifest> = to_read(inventory, &policy, start())
        .map(|image| (image.digest.clone(), Manifest::read(&image.digest, &texts[&image.digest], true)))
        .collect();
    let observed = ImagesObserved {
        repository: REPOSITORY,
        inventory,
        manifests: &manifests,
        roots: &ImageRoots::default(),
        pulls: &BTreeMap::new(),
        hold: None,
    };
    plan_images(&observed, &policy, start())
}

fn planned() -> bool {
    let (inventory, texts) = repository(IMAGES, INDEXES);
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            let plan = black_box(plan(&inventory, &texts));
            let levels = black_box(plan.levels(&inventory));
            assert_eq!(levels.iter().map(Vec::len).sum::<usize>(), IMAGES);
            began.elapsed()
        })
        .collect();
    rounds.sort();
    let median = rounds[ROUNDS / 2];
    println!("{IMAGES} manifests under {INDEXES} indexes: read and planned in {median:.1?}, at most {MOST:?}");
    median <= MOST
}

fn deleted() -> bool {
    let (mut inventory, texts) = repository(IMAGES, INDEXES);
    let (mut observations, mut now, mut calls, mut passes) = (Observations::new(), start(), 0, 0);
    let reading = to_read(&inventory, &policy(), now).count().div_ceil(100);
    while !inventory.is_empty() {
        let levels = plan(&inventory, &texts).levels(&inventory);
        let confirmed = observations.confirm(levels, now, APART.to_std().expect("a time"));
        let gone: std::collections::HashSet<_> = confirmed.calls.iter().flatten().map(ToString::to_string).collect();
        inventory.retain(|image| !gone.contains(image.digest.short()));
        calls += confirmed.calls.len();
        passes += 1;
        now += APART;
    }
    println!("deleted in {calls} calls of {passes} passes, at most {CALLS}, and {reading} calls to read the indexes");
    calls <= CALLS
}

fn remembered() -> bool {
    let (inventory, texts) = repository(LARGE, LARGE / 20);
    let plan = plan(&inventory, &texts);
    let confirmed = Observations::new().confirm(plan.levels(&inventory), start(), Duration::ZERO);
    black_box((&plan, &confirmed));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    let Some(peak) = peak.map(|kibibytes: f64| kibibytes / 1024.0) else {
        println!("this system does not tell what a process holds");
        return true;
    };
    println!("{LARGE} manifests: {peak:.1} MiB at the peak, at most {MOST_MEBIBYTES} MiB");
    peak <= MOST_MEBIBYTES
}
