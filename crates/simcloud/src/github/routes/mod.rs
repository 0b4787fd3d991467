//! The table of endpoints, and the router made of it.

mod account;
mod activity;
mod apps;
mod checks;
mod comments;
mod commits;
mod deployments;
mod graphql;
mod hooks;
mod issues;
mod pulls;
mod reactions;
mod repositories;
mod reviews;
mod teams;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, on};

use super::ask::{Endpoint, Handler, Kind};
use super::gate;
use super::{HubError, Shared, answer::Refusal, page};

const fn endpoint(method: Method, route: &'static str, kind: Kind, handle: Handler) -> Endpoint {
    Endpoint { method, route, kind, handle }
}

static ENDPOINTS: &[Endpoint] = &[
    endpoint(Method::GET, "/app", Kind::Api, apps::own_app),
    endpoint(Method::GET, "/app/hook/config", Kind::Api, hooks::of_app),
    endpoint(Method::POST, "/app/installations/{installation_id}/access_tokens", Kind::Api, apps::access_token),
    endpoint(Method::POST, "/graphql", Kind::Write, graphql::execute),
    endpoint(Method::GET, "/rate_limit", Kind::Free, account::rate_limit),
    endpoint(Method::GET, "/user", Kind::Api, account::own_user),
    endpoint(Method::GET, "/repos/{owner}/{repo}", Kind::Api, repositories::get),
    endpoint(
        Method::GET,
        "/repos/{owner}/{repo}/collaborators/{username}/permission",
        Kind::Api,
        repositories::permission,
    ),
    endpoint(Method::GET, "/repos/{owner}/{repo}/installation", Kind::Api, apps::installation),
    endpoint(Method::GET, "/repos/{owner}/{repo}/issues/comments/{comment_id}", Kind::Api, comments::get),
    endpoint(Method::PATCH, "/repos/{owner}/{repo}/issues/comments/{comment_id}", Kind::Write, comments::edit),
    endpoint(Method::DELETE, "/repos/{owner}/{repo}/issues/comments/{comment_id}", Kind::Write, comments::delete),
    endpoint(Method::GET, "/repos/{owner}/{repo}/issues/comments", Kind::Api, comments::list_all),
    endpoint(Method::GET, "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", Kind::Api, reactions::list),
    endpoint(
        Method::POST,
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
        Kind::Write,
        reactions::create,
    ),
    endpoint(
        Method::DELETE,
        "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}",
        Kind::Write,
        reactions::delete,
    ),
    endpoint(Method::GET, "/repos/{owner}/{repo}/issues/{issue_number}", Kind::Api, issues::get),
    endpoint(Method::GET, "/repos/{owner}/{repo}/issues/{issue_number}/events", Kind::Api, issues::events),
    endpoint(Method::POST, "/repos/{owner}/{repo}/issues/{issue_number}/labels", Kind::Write, issues::add_labels),
    endpoint(
        Method::DELETE,
        "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
        Kind::Write,
        issues::remove_label,
    ),
    endpoint(Method::GET, "/repos/{owner}/{repo}/issues/{issue_number}/comments", Kind::Api, comments::list),
    endpoint(Method::POST, "/repos/{owner}/{repo}/issues/{issue_number}/comments", Kind::Write, comments::create),
    endpoint(Method::GET, "/repos/{owner}/{repo}/pulls", Kind::Api, pulls::list),
    endpoint(Method::GET, "/repos/{owner}/{repo}/pulls/{pull_number}", Kind::Api, pulls::get),
    endpoint(Method::PATCH, "/repos/{owner}/{repo}/pulls/{pull_number}", Kind::Write, pulls::update),
    endpoint(Method::GET, "/repos/{owner}/{repo}/pulls/{pull_number}/commits", Kind::Api, pulls::commits),
    endpoint(Method::GET, "/repos/{owner}/{repo}/activity", Kind::Api, activity::list),
    endpoint(Method::GET, "/repos/{owner}/{repo}/commits/{ref}", Kind::Api, commits::get),
    endpoint(Method::GET, "/repos/{owner}/{repo}/commits/{ref}/check-runs", Kind::Api, checks::list),
    endpoint(Method::POST, "/repos/{owner}/{repo}/check-runs", Kind::Write, checks::create),
    endpoint(Method::GET, "/repos/{owner}/{repo}/check-runs/{check_run_id}", Kind::Api, checks::get),
    endpoint(Method::PATCH, "/repos/{owner}/{repo}/check-runs/{check_run_id}", Kind::Write, checks::update),
    endpoint(Method::GET, "/repos/{owner}/{repo}/deployments", Kind::Api, deployments::list),
    endpoint(Method::POST, "/repos/{owner}/{repo}/deployments", Kind::Write, deployments::create),
    endpoint(
        Method::GET,
        "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        Kind::Api,
        deployments::statuses,
    ),
    endpoint(
        Method::POST,
        "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        Kind::Write,
        deployments::create_status,
    ),
    endpoint(Method::GET, "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", Kind::Api, reviews::list),
    endpoint(Method::GET, "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", Kind::Api, reviews::get),
    endpoint(Method::GET, "/repos/{owner}/{repo}/pulls/comments/{comment_id}", Kind::Api, reviews::line_comment),
    endpoint(Method::GET, "/repos/{owner}/{repo}/hooks", Kind::Api, hooks::list),
    endpoint(Method::GET, "/orgs/{org}/teams/{team_slug}/memberships/{username}", Kind::Api, teams::membership),
    endpoint(Method::GET, "/{owner}/{repo}/pulls", Kind::Page, page::pull_requests),
    endpoint(Method::GET, "/{owner}/{repo}/pull/{pull_number}", Kind::Page, page::pull_request),
];

/// Method and route of everything that is answered: those of GitHub's OpenAPI description,
/// GraphQL's own, and two pages for people.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str)> {
    ENDPOINTS.iter().map(|endpoint| (endpoint.method.as_str(), endpoint.route))
}

/// Every other path, and every other method: GitHub answers 404 to both.
static UNKNOWN: Endpoint = endpoint(Method::GET, "unknown", Kind::Api, |_| Err(Refusal::not_found()));

pub(super) fn router(shared: Arc<Shared>) -> Router {
    let serve = |endpoint: &'static Endpoint| {
        let shared = Arc::clone(&shared);
        move |request: Request| gate::serve(Arc::clone(&shared), endpoint, request)
    };
    let mut router = Router::new();
    for endpoint in ENDPOINTS {
        // Only methods that HTTP itself defines are in the table.
        let filter = MethodFilter::try_from(endpoint.method.clone()).unwrap_or(MethodFilter::GET);
        router = router.route(endpoint.route, on(filter, serve(endpoint)));
        if let Some(rest) = endpoint.route.strip_prefix(gate::REPOSITORY_ROUTE) {
            let by_id = format!("/repositories/{{{}}}{rest}", gate::REPOSITORY_ID);
            router = router.route(&by_id, on(filter, serve(endpoint)));
        }
    }
    router.method_not_allowed_fallback(serve(&UNKNOWN)).fallback(serve(&UNKNOWN))
}

/// What was there a moment ago, under the same lock, is there: this cannot be seen from outside.
fn gone(error: HubError) -> Refusal {
    tracing::error!(%error, "the embedded GitHub lost something");
    Refusal::server_error(StatusCode::INTERNAL_SERVER_ERROR)
}
