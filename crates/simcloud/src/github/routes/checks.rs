//! Check runs. Only an app writes them.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::github::access::Caller;
use crate::github::answer::{Refusal, Reply};
use crate::github::ask::Ask;
use crate::github::grants::Need;
use crate::github::model::{CheckRun, Repository};
use crate::github::{paging, shape};

/// The values of the description that an app may send.
const STATUSES: &[&str] = &["queued", "in_progress", "completed"];
const CONCLUSIONS: &[&str] =
    &["action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"];

pub(super) fn get(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("check_run_id")?;
    let at = ask.repository(Need::ReadChecks)?;
    let run = at.check_runs.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(Reply::ok(show(ask, at, run)))
}

/// Those of a commit, newest first. `filter` is `latest` unless it is `all`: one of each name and app.
pub(super) fn list(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let (query, name) = (ask.query(), ask.parameter("ref"));
    let at = ask.repository(Need::ReadChecks)?;
    let commit = at
        .commit(name)
        .ok_or_else(|| Refusal::validation("Commit", "invalid", "ref", &format!("No commit found for SHA: {name}")))?;
    let fits = |field: &str, value: &str| query.get(field).is_none_or(|wish| wish == value);
    let mut seen = std::collections::BTreeSet::new();
    let all = query.get("filter").is_some_and(|filter| filter == "all");
    let wanted = |run: &&CheckRun| {
        run.head_sha == commit.sha
            && fits("check_name", &run.name)
            && fits("status", run.status)
            && fits("app_id", &run.app.to_string())
            && (all || seen.insert((run.app, run.name.clone())))
    };
    let runs: Vec<&CheckRun> = at.check_runs.values().rev().filter(wanted).collect();
    let page = paging::page(ask, &runs, |run| show(ask, at, run));
    Ok(page.wrap(|list| json!({ "total_count": runs.len(), "check_runs": list })))
}

pub(super) fn create(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let at = ask.repository(Need::Metadata)?;
    let app = an_app(ask)?;
    ask.caller.check(at, Need::WriteChecks)?;
    let (wish, full_name) = (ask.object()?, at.full_name());
    let (name, head_sha) = (ask.text("name")?, ask.text("head_sha")?);
    if !at.commits.contains_key(&head_sha) {
        let message = format!("No commit found for SHA: {head_sha}");
        return Err(Refusal::validation("CheckRun", "custom", "head_sha", &message));
    }
    let mut run = CheckRun {
        id: 0,
        name,
        head_sha,
        app,
        external_id: String::new(),
        details_url: None,
        status: "queued",
        conclusion: None,
        started_at: Some(ask.now),
        completed_at: None,
        title: None,
        summary: None,
        text: None,
    };
    change(&mut run, &wish, ask.now)?;
    run.id = ask.state.model.issue_id();
    let id = run.id;
    let at = ask.state.model.repository_mut(&full_name).ok_or_else(Refusal::not_found)?;
    at.check_runs.insert(id, run);
    let at = ask.repository(Need::Metadata)?;
    Ok(Reply::created(show(ask, at, &at.check_runs[&id])))
}

pub(super) fn update(ask: &mut Ask<'_>) -> Result<Reply, Refusal> {
    let id = ask.number("check_run_id")?;
    let at = ask.repository(Need::Metadata)?;
    let app = an_app(ask)?;
    ask.caller.check(at, Need::WriteChecks)?;
    let run = at.check_runs.get(&id).ok_or_else(Refusal::not_found)?;
    if run.app != app {
        return Err(Refusal::not_by("integration"));
    }
    let (wish, full_name, mut run) = (ask.object()?, at.full_name(), run.clone());
    change(&mut run, &wish, ask.now)?;
    let at = ask.state.model.repository_mut(&full_name).ok_or_else(Refusal::not_found)?;
    at.check_runs.insert(id, run);
    let at = ask.repository(Need::Metadata)?;
    Ok(Reply::ok(show(ask, at, &at.check_runs[&id])))
}

/// The app that asks. A person is refused, whatever their token may do.
fn an_app(ask: &Ask<'_>) -> Result<u64, Refusal> {
    match ask.caller {
        Caller::Installation { app, .. } => Ok(*app),
        Caller::Anonymous => Err(Refusal::requires_authentication()),
        Caller::Person { .. } => Err(Refusal::forbidden("You must authenticate via a GitHub App.")),
        Caller::App { .. } => Err(Refusal::not_by("integration")),
    }
}

/// Takes over what was sent, by the rules of the description: a `conclusion` completes the run, and a completed run needs
/// one.
fn change(run: &mut CheckRun, wish: &Map<String, Value>, now: DateTime<Utc>) -> Result<(), Refusal> {
    let text = |name: &str| match wish.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(Refusal::invalid_request(&format!("For 'properties/{name}', {other} is not a string."))),
    };
    let one_of = |name: &str, known: &'static [&'static str]| match text(name)? {
        None => Ok(None),
        Some(given) => {
            let message = format!("For 'properties/{name}', {given:?} is not one of {known:?}.");
            known
                .iter()
                .find(|word| **word == given)
                .map(|word| Some(*word))
                .ok_or_else(|| Refusal::invalid_request(&message))
        }
    };
    let time = |name: &str| match text(name)? {
        None => Ok(None),
        Some(given) => {
            let message = format!("For 'properties/{name}', {given:?} is not a valid date-time.");
            given.parse::<DateTime<Utc>>().map(Some).map_err(|_| Refusal::invalid_request(&message))
        }
    };
    if let Some(name) = text("name")? {
        run.name = name;
    }
    if let Some(id) = text("external_id")? {
        run.external_id = id;
    }
    run.details_url = text("details_url")?.or(run.details_url.take());
    run.started_at = time("started_at")?.or(run.started_at);
    if let Some(status) = one_of("status", STATUSES)? {
        run.status = status;
        if status != "completed" {
            // Begun anew: what it came to before counts no more.
            (run.conclusion, run.completed_at) = (None, None);
        }
    }
    if let Some(conclusion) = one_of("conclusion", CONCLUSIONS)? {
        (run.status, run.conclusion) = ("completed", Some(conclusion));
        run.completed_at = Some(time("completed_at")?.unwrap_or(now));
    }
    if run.status == "completed" && run.conclusion.is_none() {
        return Err(Refusal::invalid_request("\"conclusion\" wasn't supplied."));
    }
    if let Some(output) = wish.get("output") {
        let part = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
        let summary = part("summary").ok_or_else(|| Refusal::invalid_request("\"summary\" wasn't supplied."))?;
        (run.title, run.summary, run.text) = (part("title"), Some(summary), part("text"));
    }
    Ok(())
}

fn show(ask: &Ask<'_>, at: &Repository, run: &CheckRun) -> Value {
    shape::check_run(&ask.state.model, &ask.state.apps, ask.links, at, run)
}
