//! Pages of a list, and the `Link` header that leads through them.

use axum::http::Uri;
use serde_json::Value;

use super::answer::Reply;
use super::ask::Ask;

/// The default and "max 100" of the parameter `per_page` in the OpenAPI description.
const DEFAULT_PER_PAGE: usize = 30;
const MAX_PER_PAGE: usize = 100;

/// Answers one page of `items`, each turned to JSON only if it is on the page.
pub(super) fn page<T>(ask: &Ask<'_>, items: &[T], shape: impl FnMut(&T) -> Value) -> Reply {
    let query = ask.query();
    // What is no positive number is as good as not there.
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok()).filter(|n| *n > 0);
    let per_page = per_page(ask);
    let current = number("page").unwrap_or(1);
    let last = items.len().div_ceil(per_page).max(1);
    let first_item = (current - 1).saturating_mul(per_page).min(items.len());
    let shown = &items[first_item..(first_item + per_page).min(items.len())];
    let reply = Reply::ok(Value::Array(shown.iter().map(shape).collect()));
    match links(&ask.links.base, ask.uri, current, last) {
        header if header.is_empty() => reply,
        header => reply.with("link", header),
    }
}

/// How many items the caller wants on a page. What is no positive number is as good as not there.
pub(super) fn per_page(ask: &Ask<'_>) -> usize {
    let given = ask.query().get("per_page").and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    given.unwrap_or(DEFAULT_PER_PAGE).min(MAX_PER_PAGE)
}

/// The relations in GitHub's order. A single page has none.
fn links(base: &str, uri: &Uri, current: usize, last: usize) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page="));
    let kept: String = kept.flat_map(|pair| [pair, "&"]).collect();
    let path = uri.path();
    let to = |page: usize, relation: &str| format!("<{base}{path}?{kept}page={page}>; rel=\"{relation}\"");
    let mut all = Vec::new();
    if current > 1 {
        all.push(to((current - 1).min(last), "prev"));
    }
    if current < last {
        all.push(to(current + 1, "next"));
        all.push(to(last, "last"));
    }
    if current > 1 {
        all.push(to(1, "first"));
    }
    all.join(", ")
}
