//! The promises of the forge through Prism, which holds every request of ours and every answer of the embedded GitHub
//! against GitHub's own description and answers with an error where either breaks it.
//!
//! Left out are the promises about failures: GitHub's description documents no 5xx, no lost connection and no rate limit
//! for these operations, so Prism would call the fault itself a breach.

#[path = "support/emulators.rs"]
mod emulators;
#[path = "contract/forge.rs"]
mod forge;
#[path = "contract/routes.rs"]
mod routes;

use std::sync::Arc;

use bivouac_simcloud::github::{Hub, HubOptions, Limits};
use chrono::{DateTime, Utc};
use emulators::Prism;

/// What GitHub's description has an answer for.
const DESCRIBED: [&str; 25] = [
    "it_is_created_once_and_then_only_edited",
    "it_is_not_touched_when_it_would_say_the_same",
    "it_is_found_by_its_marker_when_the_id_is_lost",
    "it_is_found_behind_a_hundred_others",
    "what_only_edits_makes_none",
    "a_copied_marker_of_somebody_else_is_ignored",
    "a_foreign_id_in_the_record_overwrites_nothing",
    "one_that_was_removed_is_made_anew",
    "two_at_once_make_one",
    "the_state_of_a_pull_request_is_told",
    "what_somebody_may_do_is_told",
    "a_team_has_its_active_members",
    "the_last_change_of_a_label_is_found_on_any_page",
    "who_pushed_is_listed",
    "the_commits_of_a_pull_request_are_listed",
    "a_comment_is_read_as_it_is_now",
    "a_person_is_answered_once_and_called_once",
    "a_reply_is_folded_away_when_all_is_well",
    "replies_and_the_comment_are_told_apart",
    "a_copied_reply_of_somebody_else_is_ignored",
    "a_reply_calls_nobody_else",
    "two_replies_at_once_make_one",
    "a_deployment_leaves_other_pull_requests_alone",
    "a_check_run_follows_its_environment",
    "the_doctor_finds_what_an_app_lacks",
];

/// The same of what counts all deployments of the repository, so that each takes a GitHub of its own.
const APART: [&str; 2] = ["a_deployment_follows_its_environment", "another_commit_takes_the_place_of_the_one_before"];

/// An embedded GitHub, and Prism in front of it.
async fn described() -> (forge::Forge, Prism) {
    // `Link` headers lead to the hub itself, past the proxy; the adapter counts pages and does not follow them.
    let hub = Hub::start(HubOptions { limits: Limits::none(), ..HubOptions::default() }).await.expect("the forge");
    let upstream = hub.url().to_owned();
    let prism = tokio::task::spawn_blocking(move || Prism::in_front_of(&upstream)).await.expect("Prism");
    (forge::Forge { hub, api_url: prism.url().to_owned() }, prism)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_and_answer_is_as_github_describes_it() {
    let named = |names: &[&str]| {
        let promises = forge::PROMISES.iter().filter(|(name, _)| names.contains(name)).collect::<Vec<_>>();
        assert_eq!(promises.len(), names.len(), "a promise was renamed");
        promises
    };
    let (forge, _prism) = described().await;
    for (name, promise) in named(&DESCRIBED) {
        eprintln!("{name}");
        forge.hub.clear_faults();
        promise(&forge).await;
    }
    for (name, promise) in named(&APART) {
        eprintln!("{name}");
        let (forge, _prism) = described().await;
        promise(&forge).await;
    }
}

/// Also what no adapter of ours calls yet: the embedded GitHub answers it as GitHub describes it.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_embedded_github_is_as_github_describes_it() {
    let now: DateTime<Utc> = routes::NOW.parse().expect("a time");
    let options = HubOptions { clock: Arc::new(move || now), limits: Limits::none(), ..HubOptions::default() };
    let hub = Hub::start(options).await.expect("the forge");
    let upstream = hub.url().to_owned();
    let prism = tokio::task::spawn_blocking(move || Prism::in_front_of(&upstream)).await.expect("Prism");
    routes::every_route_answers_in_githubs_form(&hub, prism.url()).await;
}
