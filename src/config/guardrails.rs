//! `[guardrails]`: what no wish goes beyond.

use std::time::Duration;

use bivouac_model::{Usd, format_duration};
use bivouac_planner::admission::Caps;
use bivouac_planner::reap::{AdoptMode, Adoption};
use wildmatch::WildMatch;

use super::reader::Section;

/// `[guardrails]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Guardrails {
    /// `ttl`: the lifetime of who asks for none, and the ceiling of what has no record. Default 48 h.
    pub ttl: Duration,
    /// `max_ttl`: the ceiling of every lifetime, pinned or not. Default 168 h.
    pub max_ttl: Duration,
    /// `max_environments`, `max_per_user`, `monthly_budget_usd` and `max_vcpus`: what all environments together may take.
    /// Default 24, 3, 100 and as much as the account's quota.
    pub caps: Caps,
    /// `max_deletions_per_pass`: how many services one pass deletes. Default 20.
    pub max_deletions_per_pass: u32,
    /// `untagged_image_grace`: how old an untagged image is before it is removed. Default 24 h.
    pub untagged_image_grace: Duration,
    /// `expiry_notice`: how long before its end the comment tells who asked for an environment. Default 1 h; 0 s: never.
    pub expiry_notice: Duration,
    /// `idle_after`: how long nobody uses an environment before it falls asleep, in projects with an `idle_path`. Default 0 s:
    /// never.
    pub idle_after: Duration,
    /// `adopt`: services of an older system, by their names, that the reaper looks after as `adopt_mode` says. Default none,
    /// and `observe`.
    pub adopt: Vec<Adoption>,
    /// `purge_after`: how long the record of a terminated environment stays. Default 720 h.
    pub purge_after: Duration,
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

/// "Services per cluster: 5,000" (Amazon ECS service quotas).
const MAX_SERVICES: u64 = 5000;
/// A year: longer than that, nothing here is for a test.
const MOST: Duration = hours(366 * 24);

pub(super) fn read(section: Section<'_>) -> Guardrails {
    let minute = Duration::from_secs(60);
    let count = |key: &str, default: u32| {
        section.integer(key, 1..=MAX_SERVICES).and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    };
    let ttl = section.duration("ttl", minute..=MOST).unwrap_or(hours(48));
    let max_ttl = section.duration("max_ttl", minute..=MOST).unwrap_or(hours(168));
    if max_ttl < ttl {
        let key = if section.has("max_ttl") { "max_ttl" } else { "ttl" };
        let (ttl, max_ttl) = (format_duration(ttl), format_duration(max_ttl));
        section.problem(key, format!("`guardrails.max_ttl` ({max_ttl}) has to be at least `guardrails.ttl` ({ttl})"));
    }
    let guardrails = Guardrails {
        ttl,
        max_ttl,
        caps: caps(&section),
        max_deletions_per_pass: count("max_deletions_per_pass", 20),
        // Children are pushed before their index, so none may be removed within minutes.
        untagged_image_grace: section.duration("untagged_image_grace", hours(1)..=MOST).unwrap_or(hours(24)),
        expiry_notice: section.duration("expiry_notice", Duration::ZERO..=MOST).unwrap_or(hours(1)),
        idle_after: idle_after(&section),
        adopt: adoptions(&section),
        purge_after: section.duration("purge_after", hours(1)..=hours(10 * 366 * 24)).unwrap_or(hours(720)),
    };
    section.done();
    guardrails
}

/// `max_environments` and its like.
fn caps(section: &Section<'_>) -> Caps {
    let default = Caps::default();
    let count = |key: &str, default: usize| {
        section.integer(key, 1..=MAX_SERVICES).and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    Caps {
        max_environments: count("max_environments", default.max_environments),
        max_per_user: count("max_per_user", default.max_per_user),
        monthly_budget: section
            .number("monthly_budget_usd", 0.0..=1e9)
            .map_or(default.monthly_budget, Usd::from_dollars),
        // The smallest task has a quarter (ECS developer guide, "Fargate task CPU and memory").
        max_vcpus: section.number("max_vcpus", 0.25..=1e6),
    }
}

/// `idle_after`: nothing, or a minute at least, since nobody is asked more often.
fn idle_after(section: &Section<'_>) -> Duration {
    const MINUTE: Duration = Duration::from_secs(60);
    let after = section.duration("idle_after", Duration::ZERO..=MOST).unwrap_or_default();
    if !after.is_zero() && after < MINUTE {
        let after = format_duration(after);
        section
            .problem("idle_after", format!("`guardrails.idle_after` is {after}; it has to be 1m at least, or 0s: off"));
    }
    after
}

/// `adopt` with `adopt_mode`.
fn adoptions(section: &Section<'_>) -> Vec<Adoption> {
    // A pattern of stars alone would adopt whatever else lives in the cluster.
    let patterns = section.list("adopt", "names of services with `*` and `?`, such as pr-*-service", |patterns| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        patterns.iter().all(|text| {
            text.bytes().any(|b| b.is_ascii_alphanumeric())
                && text.bytes().all(|b| letter(b) || matches!(b, b'*' | b'?'))
        })
    });
    let mode = section.choice("adopt_mode", &[("observe", AdoptMode::Observe), ("reap", AdoptMode::Reap)]);
    let mode = mode.unwrap_or_default();
    let adoption = |pattern: String| Adoption { pattern: WildMatch::new(&pattern), mode };
    patterns.unwrap_or_default().into_iter().map(adoption).collect()
}
