//! What the controller relies on in a forge, asked of the real adapter.
//!
//! Each function is one promise. It prepares the embedded GitHub by its control side, and talks to it through the adapter
//! at `api_url`, which is the embedded GitHub itself or something that stands in front of it, such as Prism with GitHub's
//! OpenAPI description. All use pull requests and tokens of their own, but faults and counters are the hub's: give each a
//! fresh one, or run [`PROMISES`] one after another and call `clear_faults` in between.

// The tests that include this use a part of it each.
#![allow(dead_code)]

#[path = "forge/beside.rs"]
mod beside;
#[path = "forge/doctor.rs"]
mod doctor;
#[path = "forge/people.rs"]
mod people;
#[path = "forge/posted.rs"]
mod posted;
#[path = "forge/pushes.rs"]
mod pushes;
#[path = "forge/replies.rs"]
mod replies;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bivouac_github::{Credentials, GitHub, Settings};
use bivouac_model::{CommentView, EnvKey, Phase, SaidComment, Usd};
use bivouac_ports::{Error, Forge as _, Meaning, Meter, NoMeter};
use bivouac_simcloud::github::{AppOptions, Fault, FaultRule, Hub, HubOptions, Level, Rights};
use chrono::DateTime;
use futures::future::BoxFuture;

use beside::*;
use doctor::*;
use people::*;
use posted::*;
use pushes::*;
use replies::*;

const REPO: &str = "apache/superset";
const BOT: &str = "bivouac-bot";
const TOKEN: &str = "ghp_contract";
const COMMENTS: &str = "/repos/{owner}/{repo}/issues/{issue_number}/comments";
const PULLS: &str = "/repos/{owner}/{repo}/pulls";

/// An embedded GitHub, and the address under which the adapter reaches it.
pub struct Forge {
    /// The control side.
    pub hub: Hub,
    /// Where the adapter asks.
    pub api_url: String,
}

/// One promise.
pub type Promise = for<'a> fn(&'a Forge) -> BoxFuture<'a, ()>;

macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        /// All promises, with their names.
        pub const PROMISES: &[(&str, Promise)] = &[$((stringify!($name), |forge| Box::pin($name(forge)))),*];
    };
}

promises![
    it_is_created_once_and_then_only_edited,
    it_is_not_touched_when_it_would_say_the_same,
    it_is_found_by_its_marker_when_the_id_is_lost,
    it_is_found_behind_a_hundred_others,
    what_only_edits_makes_none,
    a_copied_marker_of_somebody_else_is_ignored,
    a_foreign_id_in_the_record_overwrites_nothing,
    one_that_was_removed_is_made_anew,
    two_at_once_make_one,
    a_server_error_after_it_was_made_makes_no_second,
    a_connection_lost_after_it_was_made_makes_no_second,
    a_failure_before_it_was_made_makes_it_the_next_time,
    a_limit_is_told_with_its_wait_and_obeyed,
    a_spent_quota_silences_reads_too,
    a_missing_right_is_told_in_a_sentence,
    what_is_not_there_is_not_found,
    writes_keep_their_distance,
    while_github_is_down_it_says_so_and_nothing_is_lost,
    open_pull_requests_are_complete_and_free_when_nothing_changed,
    the_state_of_a_pull_request_is_told,
    an_app_speaks_as_its_bot,
    what_is_asked_is_counted,
    what_somebody_may_do_is_told,
    what_is_no_name_is_not_asked_about,
    no_answer_is_no_permission,
    a_team_has_its_active_members,
    a_team_that_cannot_be_asked_about_is_an_error,
    the_last_change_of_a_label_is_told,
    the_last_change_of_a_label_is_found_on_any_page,
    who_pushed_is_listed,
    who_pushed_is_unknown_where_github_does_not_say,
    the_commits_of_a_pull_request_are_listed,
    a_comment_is_read_as_it_is_now,
    a_head_comes_with_the_time_of_the_answer,
    a_person_is_answered_once_and_called_once,
    a_reply_is_folded_away_when_all_is_well,
    replies_and_the_comment_are_told_apart,
    a_copied_reply_of_somebody_else_is_ignored,
    a_reply_calls_nobody_else,
    a_lost_answer_makes_no_second_reply,
    a_reply_that_failed_is_made_the_next_time,
    a_reply_that_was_removed_is_made_anew,
    a_reply_removed_under_our_hands_is_made_anew,
    two_replies_at_once_make_one,
    a_reaction_is_left_once,
    answers_leave_the_reserve_of_environments_alone,
    comments_since_a_moment_are_listed_and_free_when_nothing_changed,
    comments_are_listed_over_many_pages_and_each_once,
    a_page_of_comments_that_fails_is_no_part_of_the_list,
    reviews_are_listed_and_free_when_nothing_changed,
    nothing_is_told_beside_the_comment_unless_it_is_switched_on,
    a_deployment_follows_its_environment,
    another_commit_takes_the_place_of_the_one_before,
    a_deployment_leaves_other_pull_requests_alone,
    a_lost_answer_makes_no_second_deployment,
    what_stands_beside_never_hinders_the_comment,
    a_check_run_follows_its_environment,
    a_lost_answer_makes_no_second_check_run,
    the_doctor_finds_what_an_app_lacks,
    the_doctor_finds_what_a_token_lacks,
    the_doctor_says_what_it_cannot_see,
];

impl Forge {
    /// A fresh embedded GitHub, asked directly.
    pub async fn fresh() -> Self {
        let hub = Hub::start(HubOptions::default()).await.unwrap();
        Self { api_url: hub.url().to_owned(), hub }
    }

    /// A new pull request and a new process with a token that suffices.
    fn prepare(&self) -> (EnvKey, GitHub) {
        self.hub.add_repository(REPO).unwrap();
        self.hub.add_token(TOKEN, BOT, Rights::commenter());
        (self.pull_request(), self.process(TOKEN))
    }

    fn pull_request(&self) -> EnvKey {
        let number = self.hub.open_pull_request(REPO, "A change", "contributor", SHA, None).unwrap();
        format!("{REPO}#{number}").parse().unwrap()
    }

    /// A process that remembers nothing, as after a restart.
    fn process(&self, token: &str) -> GitHub {
        GitHub::new(self.settings(Credentials::Token(token.into())), Arc::new(NoMeter)).unwrap()
    }

    /// The settings of production, in less time.
    fn settings(&self, credentials: Credentials) -> Settings {
        Settings {
            write_gap: Duration::from_millis(1),
            doubt: vec![Duration::from_millis(1); 2],
            ..Settings::new(&self.api_url, credentials, "contract")
        }
    }

    /// The bodies of the comments that our account wrote.
    fn ours(&self, key: &EnvKey) -> Vec<String> {
        let comments = self.hub.comments(REPO, key.pr.get()).unwrap();
        comments.into_iter().filter(|comment| comment.author == BOT).map(|comment| comment.body).collect()
    }

    /// There is one comment of ours, and it says where the environment is.
    fn assert_one(&self, key: &EnvKey, address: &str) {
        let ours = self.ours(key);
        assert_eq!(ours.len(), 1, "{ours:#?}");
        assert!(ours[0].contains(address), "{}", ours[0]);
    }
}

/// The pair of keys that the embedded GitHub's own tests use; it opens nothing anywhere.
const APP_KEY: &str = include_str!("../../crates/simcloud/src/github/tests/app_key.pem");
const APP_PUBLIC_KEY: &str = include_str!("../../crates/simcloud/src/github/tests/app_key.pub.pem");

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const FIRST: &str = "http://203.0.113.10:8080";
const SECOND: &str = "http://203.0.113.11:8080";

fn view(key: &EnvKey, url: &str) -> CommentView {
    CommentView {
        key: key.clone(),
        phase: Phase::Ready,
        reason: "Healthy".to_owned(),
        message: "It answers.".to_owned(),
        url: Some(url.to_owned()),
        image_tag: format!("pr-{}-ci", key.pr),
        image_digest: None,
        head_sha: Some(SHA.to_owned()),
        newer_commit: None,
        flags: BTreeMap::from([("FEATURE_X".to_owned(), "true".to_owned())]),
        config_names: Vec::new(),
        expires_at: DateTime::UNIX_EPOCH,
        pinned: false,
        ends_soon: false,
        requested_by: None,
        hourly_cost: Usd::from_dollars(0.0173),
        cost: Usd::ZERO,
        as_of: DateTime::UNIX_EPOCH,
        ready_note: None,
        command: "/testenv".to_owned(),
        edits_only: false,
        log: None,
    }
}

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    // Ours: what is waited for takes milliseconds, on a machine that may be busy.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A refusal of the kind that was expected.
fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, meaning: Meaning) -> Error {
    let error = outcome.unwrap_err();
    assert_eq!(error.meaning(), meaning, "{error}");
    assert!(!format!("{error} {error:?}").contains(TOKEN), "a token shows");
    error
}

/// Another address is the same comment, edited.
pub async fn it_is_created_once_and_then_only_edited(forge: &Forge) {
    let (key, github) = forge.prepare();
    let first = github.say(&view(&key, FIRST), None).await.unwrap();
    forge.assert_one(&key, FIRST);
    let second = github.say(&view(&key, SECOND), Some(&first)).await.unwrap();
    forge.assert_one(&key, SECOND);
    assert_eq!(first.id, second.id);
    assert_ne!(first.said, second.said);
}

/// Neither with the record's word for it, nor without it, nor when only the cost grew.
pub async fn it_is_not_touched_when_it_would_say_the_same(forge: &Forge) {
    let (key, github) = forge.prepare();
    let said = github.say(&view(&key, FIRST), None).await.unwrap();
    let later = CommentView {
        cost: Usd::from_dollars(9.0),
        as_of: DateTime::UNIX_EPOCH + Duration::from_secs(60),
        ..view(&key, FIRST)
    };
    forge.hub.reset_calls();
    assert_eq!(github.say(&later, Some(&said)).await.unwrap(), said);
    assert_eq!(forge.hub.calls().total(), 0, "asked although the record told");
    for process in [&github, &forge.process(TOKEN)] {
        assert_eq!(process.say(&later, None).await.unwrap(), said);
    }
    assert_eq!(forge.hub.calls().content_writes(), 0);
    forge.assert_one(&key, FIRST);
}

/// A new process with a record that lost the id.
pub async fn it_is_found_by_its_marker_when_the_id_is_lost(forge: &Forge) {
    let (key, github) = forge.prepare();
    let said = github.say(&view(&key, FIRST), None).await.unwrap();
    let again = forge.process(TOKEN).say(&view(&key, SECOND), None).await.unwrap();
    assert_eq!(again.id, said.id);
    forge.assert_one(&key, SECOND);
}

/// The last word about an environment whose record lost the id, or which never had a comment.
pub async fn what_only_edits_makes_none(forge: &Forge) {
    let (key, github) = forge.prepare();
    let last = |url| CommentView { edits_only: true, ..view(&key, url) };
    let none = github.say(&last(FIRST), None).await.unwrap();
    assert_eq!((none.id, none.said == view(&key, FIRST).identity()), (None, true));
    assert!(forge.hub.comments(REPO, key.pr.get()).unwrap().is_empty());
    // There is more to say after all.
    let said = github.say(&view(&key, FIRST), Some(&none)).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(said.id, None, "it is remembered as said");
    let said = github.say(&view(&key, SECOND), Some(&none)).await.unwrap();
    forge.assert_one(&key, SECOND);
    // Found by a process that knows nothing of it.
    let again = forge.process(TOKEN).say(&last(FIRST), None).await.unwrap();
    assert_eq!(again.id, said.id);
    forge.assert_one(&key, FIRST);
}

/// All pages are read.
pub async fn it_is_found_behind_a_hundred_others(forge: &Forge) {
    let (key, github) = forge.prepare();
    for n in 0..101 {
        forge.hub.comment(REPO, key.pr.get(), "contributor", &format!("comment {n}")).unwrap();
    }
    let said = github.say(&view(&key, FIRST), None).await.unwrap();
    let again = forge.process(TOKEN).say(&view(&key, SECOND), None).await.unwrap();
    assert_eq!(again.id, said.id);
    forge.assert_one(&key, SECOND);
}

/// Marker and author are both required; our own words in a quotation do not count either.
pub async fn a_copied_marker_of_somebody_else_is_ignored(forge: &Forge) {
    let (key, github) = forge.prepare();
    github.say(&view(&key, FIRST), None).await.unwrap();
    let copy = forge.ours(&key).remove(0);
    let other = forge.pull_request();
    let forged = copy.replace(&key.to_string(), &other.to_string());
    let id = forge.hub.comment(REPO, other.pr.get(), "mallory", &forged).unwrap();
    forge.hub.comment(REPO, other.pr.get(), BOT, &format!("> {forged}")).unwrap();
    let said = github.say(&view(&other, SECOND), None).await.unwrap();
    assert_ne!(said.id, Some(id));
    let comments = forge.hub.comments(REPO, other.pr.get()).unwrap();
    assert_eq!(comments.len(), 3);
    assert!(comments.iter().any(|comment| comment.author == "mallory" && comment.body == forged));
}

/// Anybody who can write the table could have put it there.
pub async fn a_foreign_id_in_the_record_overwrites_nothing(forge: &Forge) {
    let (key, github) = forge.prepare();
    let foreign = forge.hub.comment(REPO, key.pr.get(), "contributor", "Please look at this.").unwrap();
    let record = SaidComment { id: Some(foreign), said: "something".to_owned() };
    let said = github.say(&view(&key, FIRST), Some(&record)).await.unwrap();
    assert_ne!(said.id, Some(foreign));
    forge.assert_one(&key, FIRST);
    let comments = forge.hub.comments(REPO, key.pr.get()).unwrap();
    assert!(comments.iter().any(|comment| comment.body == "Please look at this."));
}

/// A maintainer tidied up; the truth has to be told again.
pub async fn one_that_was_removed_is_made_anew(forge: &Forge) {
    let (key, github) = forge.prepare();
    let said = github.say(&view(&key, FIRST), None).await.unwrap();
    for process in [github, forge.process(TOKEN)] {
        let id = forge.hub.comments(REPO, key.pr.get()).unwrap()[0].id;
        forge.hub.delete_comment(REPO, id).unwrap();
        process.say(&view(&key, SECOND), Some(&said)).await.unwrap();
        forge.assert_one(&key, SECOND);
    }
}

/// Two workers of one process for one pull request.
pub async fn two_at_once_make_one(forge: &Forge) {
    let (key, github) = forge.prepare();
    let view = view(&key, FIRST);
    let (one, other) = futures::join!(github.say(&view, None), github.say(&view, None));
    assert_eq!(one.unwrap(), other.unwrap());
    forge.assert_one(&key, FIRST);
}

async fn lost_answer(forge: &Forge, fault: Fault) {
    let (key, github) = forge.prepare();
    forge.hub.inject(FaultRule::new(fault).method("POST").route(COMMENTS).times(1));
    let said = github.say(&view(&key, FIRST), None).await.unwrap();
    forge.assert_one(&key, FIRST);
    github.say(&view(&key, SECOND), Some(&said)).await.unwrap();
    forge.assert_one(&key, SECOND);
}

/// 500, and the 502 and 504 of the proxies in front.
pub async fn a_server_error_after_it_was_made_makes_no_second(forge: &Forge) {
    for status in [500, 502, 504] {
        lost_answer(forge, Fault::After(status)).await;
    }
}

/// The answer never came.
pub async fn a_connection_lost_after_it_was_made_makes_no_second(forge: &Forge) {
    lost_answer(forge, Fault::DropAfter).await;
}

/// Nothing was made, so nothing is claimed; the next call makes it.
pub async fn a_failure_before_it_was_made_makes_it_the_next_time(forge: &Forge) {
    for fault in [Fault::Before(503), Fault::DropBefore] {
        let (key, github) = forge.prepare();
        forge.hub.inject(FaultRule::new(fault).method("POST").route(COMMENTS).times(1));
        refused(github.say(&view(&key, FIRST), None).await, Meaning::Unavailable);
        assert!(forge.ours(&key).is_empty());
        github.say(&view(&key, FIRST), None).await.unwrap();
        forge.assert_one(&key, FIRST);
    }
}

/// 403 and 429 with `retry-after`: the wait is told, and until then no write leaves the house. Reads do.
pub async fn a_limit_is_told_with_its_wait_and_obeyed(forge: &Forge) {
    for status in [403, 429] {
        let (key, github) = forge.prepare();
        let other = forge.pull_request();
        let limit = Fault::SecondaryLimit { status, retry_after: Duration::from_secs(30) };
        forge.hub.inject(FaultRule::new(limit).method("POST").times(1));
        let error = refused(github.say(&view(&key, FIRST), None).await, Meaning::Throttled);
        assert_eq!(error.wait(), Some(Duration::from_secs(30)));
        let writes = forge.hub.calls().content_writes();
        let error = refused(github.say(&view(&other, FIRST), None).await, Meaning::Throttled);
        assert!(error.wait().is_some_and(|wait| wait <= Duration::from_secs(30)));
        assert_eq!(forge.hub.calls().content_writes(), writes, "written while GitHub asked us to wait");
        assert!(github.pull_request(&key).await.unwrap().unwrap().is_open);
    }
}

/// Nothing is left of the hour: not even questions are asked.
pub async fn a_spent_quota_silences_reads_too(forge: &Forge) {
    let (key, github) = forge.prepare();
    let resets_in = Duration::from_secs(600);
    forge.hub.inject(FaultRule::new(Fault::PrimaryLimit { resets_in }).times(1));
    let error = refused(github.pull_request(&key).await, Meaning::Throttled);
    let wait = error.wait().unwrap();
    assert!(wait <= resets_in && wait > resets_in - Duration::from_secs(60), "{wait:?}");
    forge.hub.reset_calls();
    refused(github.open_pull_requests(&key.repo).await, Meaning::Throttled);
    refused(github.say(&view(&key, FIRST), None).await, Meaning::Throttled);
    assert_eq!(forge.hub.calls().total(), 0, "asked although nothing was left");
}

/// Which permission is missing, so that a person can grant it.
pub async fn a_missing_right_is_told_in_a_sentence(forge: &Forge) {
    let (key, _) = forge.prepare();
    forge.hub.add_token("ghp_reader", BOT, Rights::reader());
    let error = refused(forge.process("ghp_reader").say(&view(&key, FIRST), None).await, Meaning::Denied);
    assert!(error.message().contains("\"Pull requests\" or \"Issues\" (read and write)"), "{error}");
    let error = refused(forge.process("ghp_unknown").pull_request(&key).await, Meaning::Denied);
    assert!(error.message().contains("credentials"), "{error}");
}

/// No such pull request is a state; no such repository is an error, since the token may be to blame.
pub async fn what_is_not_there_is_not_found(forge: &Forge) {
    let (key, github) = forge.prepare();
    let nobody: EnvKey = format!("{REPO}#99999").parse().unwrap();
    refused(github.say(&view(&nobody, FIRST), None).await, Meaning::NotFound);
    assert_eq!(github.pull_request(&nobody).await.unwrap(), None);
    let nowhere = EnvKey { repo: "apache/nowhere".parse().unwrap(), ..key };
    refused(github.pull_request(&nowhere).await, Meaning::NotFound);
    refused(github.open_pull_requests(&nowhere.repo).await, Meaning::NotFound);
}

/// Content is written at least the gap apart, by however many at once.
pub async fn writes_keep_their_distance(forge: &Forge) {
    let (first, _) = forge.prepare();
    let gap = Duration::from_millis(150);
    let settings = Settings { write_gap: gap, ..forge.settings(Credentials::Token(TOKEN.into())) };
    let github = GitHub::new(settings, Arc::new(NoMeter)).unwrap();
    let views = [first, forge.pull_request(), forge.pull_request()].map(|key| view(&key, FIRST));
    forge.hub.reset_calls();
    for said in futures::future::join_all(views.iter().map(|view| github.say(view, None))).await {
        said.unwrap();
    }
    let mut writes: Vec<_> = forge.hub.requests().into_iter().filter(|r| r.is_content_write()).map(|r| r.at).collect();
    writes.sort();
    assert_eq!(writes.len(), 3);
    // What a request spends on its way may differ from one to the next.
    let least = gap - Duration::from_millis(50);
    assert!(writes.windows(2).all(|two| (two[1] - two[0]).to_std().unwrap() >= least), "{writes:?}");
}

/// An outage is an outage, not a closed pull request; afterwards all is as it was.
pub async fn while_github_is_down_it_says_so_and_nothing_is_lost(forge: &Forge) {
    let (key, github) = forge.prepare();
    let said = github.say(&view(&key, FIRST), None).await.unwrap();
    forge.hub.set_down(true);
    refused(github.say(&view(&key, SECOND), Some(&said)).await, Meaning::Unavailable);
    refused(github.pull_request(&key).await, Meaning::Unavailable);
    refused(github.open_pull_requests(&key.repo).await, Meaning::Unavailable);
    forge.hub.set_down(false);
    github.say(&view(&key, SECOND), Some(&said)).await.unwrap();
    forge.assert_one(&key, SECOND);
}

/// More than a page of them, without those that closed; a second look is free of quota.
pub async fn open_pull_requests_are_complete_and_free_when_nothing_changed(forge: &Forge) {
    let (first, github) = forge.prepare();
    let mut opened: Vec<_> = (0..110).map(|_| forge.pull_request().pr).collect();
    let open = github.open_pull_requests(&first.repo).await.unwrap();
    assert!(opened.iter().all(|pr| open.contains_key(pr)) && open.contains_key(&first.pr));
    let left = forge.hub.quota(BOT).remaining();
    assert_eq!(github.open_pull_requests(&first.repo).await.unwrap(), open);
    assert_eq!(forge.hub.quota(BOT).remaining(), left, "looking again was not free");
    // One that closes moves all that follow.
    forge.hub.close(REPO, first.pr.get()).unwrap();
    let closed = opened.pop().unwrap();
    forge.hub.merge(REPO, closed.get()).unwrap();
    let now = github.open_pull_requests(&first.repo).await.unwrap();
    assert!(opened.iter().all(|pr| now.contains_key(pr)));
    assert_eq!(now.len(), open.len() - 2);
    // Half a list is none.
    forge.hub.inject(FaultRule::new(Fault::Before(500)).route(PULLS).skip(1).times(1));
    refused(github.open_pull_requests(&first.repo).await, Meaning::Unavailable);
    assert_eq!(github.open_pull_requests(&first.repo).await.unwrap(), now);
}

/// Open, closed, merged, and open again; a second look is free of quota.
pub async fn the_state_of_a_pull_request_is_told(forge: &Forge) {
    let (key, github) = forge.prepare();
    let number = key.pr.get();
    assert!(github.pull_request(&key).await.unwrap().unwrap().is_open);
    let left = forge.hub.quota(BOT).remaining();
    assert!(github.pull_request(&key).await.unwrap().unwrap().is_open);
    assert_eq!(forge.hub.quota(BOT).remaining(), left, "looking again was not free");
    forge.hub.close(REPO, number).unwrap();
    assert!(!github.pull_request(&key).await.unwrap().unwrap().is_open);
    forge.hub.reopen(REPO, number).unwrap();
    assert!(github.pull_request(&key).await.unwrap().unwrap().is_open);
    forge.hub.merge(REPO, number).unwrap();
    assert!(!github.pull_request(&key).await.unwrap().unwrap().is_open);
}

/// The same promises with an app: it comments as its bot, finds its comment again, and says where it is not installed.
pub async fn an_app_speaks_as_its_bot(forge: &Forge) {
    let (key, _) = forge.prepare();
    let app =
        AppOptions { public_key_pem: Some(APP_PUBLIC_KEY.to_owned()), ..AppOptions::new(77, "bivouac-app", "acme") };
    forge.hub.register_app(app).unwrap();
    let app = || {
        let credentials = Credentials::App { id: 77, private_key: APP_KEY.into() };
        GitHub::new(forge.settings(credentials), Arc::new(NoMeter)).unwrap()
    };
    let error = refused(app().pull_request(&key).await, Meaning::Denied);
    assert!(error.message().contains("not installed on apache/superset"), "{error}");
    forge.hub.install_app(77, "apache").unwrap();
    let said = app().say(&view(&key, FIRST), None).await.unwrap();
    let again = app().say(&view(&key, SECOND), None).await.unwrap();
    assert_eq!(said.id, again.id);
    assert!(app().pull_request(&key).await.unwrap().unwrap().is_open);
    let comments = forge.hub.comments(REPO, key.pr.get()).unwrap();
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].author, "bivouac-app[bot]");
    assert!(comments[0].body.contains(SECOND));
}

/// What a meter was told.
#[derive(Default)]
struct Told {
    calls: Mutex<Vec<(&'static str, &'static str, String)>>,
    quota: Mutex<Option<u64>>,
}

impl Meter for Told {
    fn api_call(&self, service: &'static str, operation: &'static str, code: &str, _: Duration) {
        self.calls.lock().unwrap().push((service, operation, code.to_owned()));
    }
    fn reconciled(&self, _: &'static str, _: Duration) {}
    fn queue_depth(&self, _: &'static str, _: usize) {}
    fn passed(&self, _: &'static str, _: usize, _: Duration) {}
    fn phases(&self, _: &[(&'static str, usize)]) {}
    fn lease_held(&self, _: bool) {}
    fn forge_quota(&self, remaining: u64) {
        *self.quota.lock().unwrap() = Some(remaining);
    }
}

/// Every request, with how it ended, and what is left of the hour.
pub async fn what_is_asked_is_counted(forge: &Forge) {
    let (key, _) = forge.prepare();
    let told = Arc::new(Told::default());
    let github =
        GitHub::new(forge.settings(Credentials::Token(TOKEN.into())), Arc::clone(&told) as Arc<dyn Meter>).unwrap();
    github.pull_request(&key).await.unwrap();
    assert_eq!(told.quota.lock().unwrap().take(), Some(u64::from(forge.hub.quota(BOT).remaining())));
    forge.hub.inject(FaultRule::new(Fault::Before(503)).times(1));
    refused(github.pull_request(&key).await, Meaning::Unavailable);
    forge.hub.set_down(true);
    refused(github.pull_request(&key).await, Meaning::Unavailable);
    forge.hub.set_down(false);
    let counted = ["ok", "503", "connection"].map(|code| ("github", "GetPullRequest", code.to_owned()));
    assert_eq!(*told.calls.lock().unwrap(), counted);
}
