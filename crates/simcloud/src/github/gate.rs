//! What happens to every request around its handler: faults, credentials, limits, entity tags, headers, the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::RequestExt;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, RawPathParams, Request};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::access::Caller;
use super::answer::{Content, DOCS, Refusal, Reply};
use super::ask::{Ask, Endpoint, Kind};
use super::calls::{RequestRecord, is_write};
use super::fault::{Fault, Verdict};
use super::grants::Need;
use super::server::Switch;
use super::{Shared, State};

/// The largest request body that is read. GitHub publishes none for the interface; this is its limit for webhooks, 25 MB.
const LARGEST_BODY: usize = 25 * 1024 * 1024;

/// What the routes begin with that name a repository.
pub(super) const REPOSITORY_ROUTE: &str = "/repos/{owner}/{repo}";
/// The parameter of the same routes by the repository's id. GitHub serves them and leads there from a name that is no more.
pub(super) const REPOSITORY_ID: &str = "repository_id";

/// A request, read to its end.
struct Arrived {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    parameters: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Answers one request.
pub(super) async fn serve(shared: Arc<Shared>, endpoint: &'static Endpoint, mut request: Request) -> Response {
    let switch = request.extensions().get::<ConnectInfo<Switch>>().map(|ConnectInfo(switch)| switch.clone());
    let parameters = match request.extract_parts::<RawPathParams>().await {
        Ok(all) => all.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        // The path is no UTF-8; nothing here is named so.
        Err(_) => BTreeMap::new(),
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large", DOCS).into_reply().into_response();
    };
    let mut arrived =
        Arrived { method: parts.method, uri: parts.uri, headers: parts.headers, parameters, body: body.to_vec() };
    let verdict = match endpoint.kind {
        Kind::Page => Verdict::default(),
        _ => shared.state().faults.judge(arrived.method.as_str(), endpoint.route),
    };
    if !verdict.latency.is_zero() {
        tokio::time::sleep(verdict.latency).await;
    }
    match answer(&shared, endpoint, &mut arrived, verdict.fault) {
        Some(reply) => reply.into_response(),
        None => {
            if let Some(switch) = switch {
                switch.cut();
            }
            Response::default()
        }
    }
}

/// One step: the answer, or nothing when the connection is to be cut. Nothing in here waits.
fn answer(shared: &Shared, endpoint: &Endpoint, arrived: &mut Arrived, fault: Option<Fault>) -> Option<Reply> {
    let mut state = shared.state();
    name_by_id(&state, arrived);
    let arrived = &*arrived;
    let now = (shared.clock)();
    state.requests += 1;
    // Four groups of hexadecimal digits between colons, as GitHub's look.
    let id = format!("{:04X}:{:05X}:{:07X}:{:08X}", 0xC0DE, 0x1F5A, state.requests, now.timestamp());
    let mut caller = Caller::Anonymous;
    let mut took_effect = false;
    let reply = if state.faults.down || fault == Some(Fault::DropBefore) {
        None
    } else if endpoint.kind == Kind::Page {
        Some(handle(shared, &mut state, endpoint, arrived, &caller, now).unwrap_or_else(Refusal::into_reply))
    } else {
        let outcome = admit(&state, arrived, now).and_then(|who| {
            caller = who;
            limited(shared, &mut state, endpoint, &caller, fault, now)?;
            match redirected(&state, shared, endpoint, arrived, &caller) {
                Some(moved) => Err(moved),
                None => handle(shared, &mut state, endpoint, arrived, &caller, now),
            }
        });
        took_effect = endpoint.kind == Kind::Write && outcome.is_ok();
        let reply = outcome.unwrap_or_else(Refusal::into_reply);
        let mut reply = match fault {
            Some(Fault::After(status)) => broken(status),
            _ => tagged(arrived, reply),
        };
        dress(shared, &mut state, endpoint, &caller, fault, now, &mut reply);
        (fault != Some(Fault::DropAfter)).then_some(reply)
    };
    let reply = reply.map(|reply| reply.with("x-github-request-id", &id).with("date", http_date(now)));
    let record = RequestRecord {
        at: now,
        id,
        method: arrived.method.to_string(),
        target: arrived.uri.path_and_query().map_or_else(|| arrived.uri.path().to_owned(), ToString::to_string),
        route: endpoint.route,
        status: reply.as_ref().map(|reply| reply.status.as_u16()),
        caller: caller.name(),
        took_effect,
    };
    tracing::debug!(method = %record.method, target = %record.target, status = record.status, caller = %record.caller, "github");
    state.journal.note(record, endpoint.kind == Kind::Page);
    drop(state);
    shared.changed();
    reply
}

fn handle(
    shared: &Shared,
    state: &mut State,
    endpoint: &Endpoint,
    arrived: &Arrived,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<Reply, Refusal> {
    (endpoint.handle)(&mut Ask {
        state,
        links: &shared.links,
        limits: &shared.limits,
        caller,
        now,
        uri: &arrived.uri,
        parameters: &arrived.parameters,
        body: &arrived.body,
    })
}

/// The answer to a request that names a repository by a name that it has no more. To those who may not see the repository,
/// the old name says as little as the new one.
fn redirected(
    state: &State,
    shared: &Shared,
    endpoint: &Endpoint,
    arrived: &Arrived,
    caller: &Caller,
) -> Option<Refusal> {
    let parameter = |name: &str| arrived.parameters.get(name).map(String::as_str);
    if !endpoint.route.starts_with(REPOSITORY_ROUTE) || parameter(REPOSITORY_ID).is_some() {
        return None;
    }
    let name = format!("{}/{}", parameter("owner")?, parameter("repo")?);
    let at = state.model.moved(&name)?;
    // An app asks as itself where it is installed, and is shown private repositories there.
    let is_installed = matches!(caller, Caller::App { app } if state.apps.on_account(*app, &at.owner).is_some());
    if !is_installed && caller.check(at, Need::Metadata).is_err() {
        return None;
    }
    let rest: String = arrived.uri.path().split('/').skip(4).flat_map(|part| ["/", part]).collect();
    let query = arrived.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!("{}/repositories/{}{rest}{query}", shared.links.base, at.id);
    Some(Refusal::moved(&arrived.method, &url))
}

/// Names the repository whose id is in the path, for the handlers, which know names alone. An id that no repository has leaves
/// them without a name, which is found nowhere.
fn name_by_id(state: &State, arrived: &mut Arrived) {
    let id = arrived.parameters.get(REPOSITORY_ID).and_then(|id| id.parse().ok());
    if let Some(at) = id.and_then(|id| state.model.repository_of_id(id)) {
        arrived.parameters.insert("owner".to_owned(), at.owner.clone());
        arrived.parameters.insert("repo".to_owned(), at.name.clone());
    }
}

/// Who asks, if the request is fit to be looked at.
fn admit(state: &State, arrived: &Arrived, now: DateTime<Utc>) -> Result<Caller, Refusal> {
    let text = |name: header::HeaderName| arrived.headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
    if text(header::USER_AGENT).is_none_or(str::is_empty) {
        // GitHub asks every client to name itself, and refuses who does not, before it looks at anything else.
        return Err(Refusal::from(Reply::html(
            StatusCode::FORBIDDEN,
            "\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent header \
             (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).\r\n"
                .to_owned(),
        )));
    }
    if let Some(accept) = text(header::ACCEPT).filter(|accept| !acceptable(accept)) {
        let message = format!("Unsupported 'Accept' header: '{accept}'. Must accept 'application/json'.");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message, DOCS));
    }
    let Some(credentials) = text(header::AUTHORIZATION) else {
        return Ok(Caller::Anonymous);
    };
    let (scheme, secret) = credentials.split_once(' ').ok_or_else(Refusal::bad_credentials)?;
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return Err(Refusal::bad_credentials());
    }
    let secret = secret.trim();
    // A JSON web token is three parts, the first of which is a JSON object and so begins with `ey` in base64.
    if secret.starts_with("ey") && secret.split('.').count() == 3 {
        return state.apps.authenticate(secret, now).map(|app| Caller::App { app: app.id });
    }
    state.tokens.caller(secret, now).ok_or_else(Refusal::bad_credentials)
}

/// GitHub sends JSON and nothing else, so something in the list must allow that.
fn acceptable(accept: &str) -> bool {
    accept.split(',').filter_map(|range| range.split(';').next()).map(str::trim).any(|range| {
        let range = range.to_ascii_lowercase();
        matches!(range.as_str(), "" | "*/*" | "application/*" | "application/json")
            || range.starts_with("application/vnd.github")
    })
}

/// Stops what is over a limit or meets a fault.
fn limited(
    shared: &Shared,
    state: &mut State,
    endpoint: &Endpoint,
    caller: &Caller,
    fault: Option<Fault>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    match fault {
        Some(Fault::Before(status)) => return Err(Refusal::from(broken(status))),
        Some(Fault::SecondaryLimit { status, retry_after }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
            return Err(Refusal::secondary_limit(status, retry_after));
        }
        Some(Fault::PrimaryLimit { .. }) => return Err(Refusal::primary_limit(&caller.name())),
        _ => {}
    }
    let (name, limit) = (caller.quota_name(), quota_limit(shared, caller));
    if endpoint.kind != Kind::Free && state.quotas.peek(&name, limit, now).remaining() == 0 {
        return Err(Refusal::primary_limit(&caller.name()));
    }
    if endpoint.kind == Kind::Write {
        state
            .quotas
            .write(&name, &shared.limits, now)
            .map_err(|wait| Refusal::secondary_limit(StatusCode::FORBIDDEN, wait))?;
    }
    Ok(())
}

fn quota_limit(shared: &Shared, caller: &Caller) -> u32 {
    match caller {
        Caller::Anonymous => shared.limits.anonymous_per_hour,
        _ => shared.limits.per_hour,
    }
}

fn broken(status: u16) -> Reply {
    let status = StatusCode::from_u16(status).ok().filter(StatusCode::is_server_error);
    Refusal::server_error(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).into_reply()
}

/// Gives a readable answer its entity tag, and turns it into a 304 when the client has that already.
fn tagged(arrived: &Arrived, reply: Reply) -> Reply {
    let readable = !is_write(arrived.method.as_str()) && reply.status == StatusCode::OK;
    if !readable || !matches!(reply.content, Content::Json(_)) {
        return reply;
    }
    // The tag depends on the token too (github/docs#34689): an app's new token makes everything look changed.
    let mut digest = Sha256::new_with_prefix(reply.bytes());
    if let Some(credentials) = arrived.headers.get(header::AUTHORIZATION) {
        digest.update(credentials.as_bytes());
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut reply = reply.with("etag", format!("W/\"{digest}\""));
    let known = arrived.headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // The weak comparison of RFC 9110, 8.8.3.2: `W/` does not count.
    let same = |tag: &str| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == digest;
    if known.flat_map(|list| list.split(',')).any(|tag| same(tag.trim())) {
        reply.status = StatusCode::NOT_MODIFIED;
        reply.content = Content::Empty;
    }
    reply
}

/// Counts the request and adds what GitHub adds to every answer.
fn dress(
    shared: &Shared,
    state: &mut State,
    endpoint: &Endpoint,
    caller: &Caller,
    fault: Option<Fault>,
    now: DateTime<Utc>,
    reply: &mut Reply,
) {
    let (name, limit) = (caller.quota_name(), quota_limit(shared, caller));
    // "Making a conditional request does not count against your primary rate limit if a 304 response is returned and the
    // request was made while correctly authorized with an Authorization header"
    // (docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api).
    let unchanged = reply.status == StatusCode::NOT_MODIFIED && !matches!(caller, Caller::Anonymous);
    let free = endpoint.kind == Kind::Free || unchanged;
    let mut quota = if free { state.quotas.peek(&name, limit, now) } else { state.quotas.spend(&name, limit, now) };
    if let Some(Fault::PrimaryLimit { resets_in }) = fault {
        quota.used = quota.limit;
        quota.resets_at = now + chrono::TimeDelta::from_std(resets_in).unwrap_or_default();
    }
    reply.header("x-ratelimit-limit", quota.limit.to_string());
    reply.header("x-ratelimit-remaining", quota.remaining().to_string());
    reply.header("x-ratelimit-used", quota.used.to_string());
    reply.header("x-ratelimit-reset", quota.resets_at.timestamp().to_string());
    reply.header("x-ratelimit-resource", "core");
    if let Caller::Person { rights, .. } = caller
        && let Some(scopes) = rights.scopes()
    {
        reply.header("x-oauth-scopes", scopes);
    }
    let reach = if matches!(caller, Caller::Anonymous) { "public" } else { "private" };
    reply.header("cache-control", format!("{reach}, max-age=60, s-maxage=60"));
    reply.header("vary", "Accept, Authorization, Cookie, X-GitHub-OTP");
    reply.header("x-github-media-type", "github.v3; format=json");
    reply.header("x-github-api-version-selected", "2022-11-28");
    reply.header("x-content-type-options", "nosniff");
    reply.header("server", "github.com");
}

/// The date of RFC 9110, 5.6.7, by the hub's clock, so that it agrees with `x-ratelimit-reset`.
fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
