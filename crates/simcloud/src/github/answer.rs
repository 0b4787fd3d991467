//! Answers in GitHub's form: a body with its status and headers, and the ways to refuse.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// Where GitHub's generic errors point.
pub(super) const DOCS: &str = "https://docs.github.com/rest";
/// Where its rate limit errors point.
pub(super) const LIMIT_DOCS: &str = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
/// Where a refused comment points.
pub(super) const COMMENT_DOCS: &str = "https://docs.github.com/rest/issues/comments#create-an-issue-comment";

#[derive(Debug, Clone)]
pub(super) enum Content {
    Empty,
    Json(Value),
    Html(String),
}

/// What a handler answers, and what a refusal becomes.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub content: Content,
}

impl Reply {
    pub fn json(status: StatusCode, body: Value) -> Self {
        Reply { status, headers: HeaderMap::new(), content: Content::Json(body) }
    }

    pub fn ok(body: Value) -> Self {
        Reply::json(StatusCode::OK, body)
    }

    pub fn created(body: Value) -> Self {
        Reply::json(StatusCode::CREATED, body)
    }

    pub fn no_content() -> Self {
        Reply { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), content: Content::Empty }
    }

    pub fn html(status: StatusCode, page: String) -> Self {
        Reply { status, headers: HeaderMap::new(), content: Content::Html(page) }
    }

    /// Puts a JSON body into something around it.
    pub fn wrap(mut self, around: impl FnOnce(Value) -> Value) -> Self {
        if let Content::Json(body) = self.content {
            self.content = Content::Json(around(body));
        }
        self
    }

    /// Sets a header. A value that HTTP cannot carry is left out: no client could have been sent it.
    pub fn header(&mut self, name: &'static str, value: impl AsRef<str>) {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    pub fn with(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.header(name, value);
        self
    }

    /// The bytes of the body.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.content {
            Content::Empty => Vec::new(),
            Content::Json(body) => body.to_string().into_bytes(),
            Content::Html(page) => page.clone().into_bytes(),
        }
    }

    pub fn into_response(self) -> Response {
        let kind = match &self.content {
            Content::Empty => None,
            Content::Json(_) => Some("application/json; charset=utf-8"),
            Content::Html(_) => Some("text/html; charset=utf-8"),
        };
        let mut response = Response::new(Body::from(self.bytes()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

/// A request that GitHub would turn down. Messages are GitHub's own words, since clients show and match them.
#[derive(Debug, Clone)]
pub(super) struct Refusal(Box<Reply>);

impl From<Reply> for Refusal {
    fn from(reply: Reply) -> Self {
        // Boxed: a refusal is the rare half of every result here.
        Refusal(Box::new(reply))
    }
}

impl Refusal {
    /// The answer to send.
    pub fn into_reply(self) -> Reply {
        *self.0
    }

    pub fn new(status: StatusCode, message: &str, documentation: &str) -> Self {
        Refusal::from(Reply::json(
            status,
            json!({
                "message": message,
                "documentation_url": documentation,
                "status": status.as_u16().to_string(),
            }),
        ))
    }

    pub fn not_found() -> Self {
        Refusal::new(StatusCode::NOT_FOUND, "Not Found", DOCS)
    }

    /// The repository has another name now: "This and all future requests should be directed to the new URL" for reads, and for
    /// everything else a redirect that keeps the method and the body (docs.github.com/rest/using-the-rest-api/
    /// best-practices-for-using-the-rest-api, "Follow redirects").
    pub fn moved(method: &Method, url: &str) -> Self {
        let (status, message) = match *method {
            Method::GET | Method::HEAD => (StatusCode::MOVED_PERMANENTLY, "Moved Permanently"),
            _ => (StatusCode::TEMPORARY_REDIRECT, "Temporary Redirect"),
        };
        let documentation =
            "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects";
        let body = json!({ "message": message, "url": url, "documentation_url": documentation });
        Refusal::from(Reply::json(status, body).with("location", url))
    }

    pub fn bad_credentials() -> Self {
        Refusal::new(StatusCode::UNAUTHORIZED, "Bad credentials", DOCS)
    }

    pub fn requires_authentication() -> Self {
        Refusal::new(StatusCode::UNAUTHORIZED, "Requires authentication", DOCS)
    }

    pub fn forbidden(message: &str) -> Self {
        Refusal::new(StatusCode::FORBIDDEN, message, DOCS)
    }

    /// The token is good and lacks the right; `what` is `personal access token` or `integration`.
    pub fn not_by(what: &str) -> Self {
        Refusal::forbidden(&format!("Resource not accessible by {what}"))
    }

    pub fn bad_request(message: &str) -> Self {
        Refusal::new(StatusCode::BAD_REQUEST, message, DOCS)
    }

    /// The body does not fit the schema: GitHub's answer from before it looks at anything else.
    pub fn invalid_request(complaint: &str) -> Self {
        let message = format!("Invalid request.\n\n{complaint}");
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &message, COMMENT_DOCS)
    }

    /// The body fits the schema and breaks a rule.
    pub fn validation(resource: &str, code: &str, field: &str, message: &str) -> Self {
        Refusal::from(Reply::json(
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({
                "message": "Validation Failed",
                "errors": [{ "resource": resource, "code": code, "field": field, "message": message }],
                "documentation_url": COMMENT_DOCS,
                "status": "422",
            }),
        ))
    }

    /// A 5xx. Bad gateway and gateway timeout come from the proxies in front and are HTML, which a client must survive.
    pub fn server_error(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Refusal::from(Reply::html(
                status,
                "<!DOCTYPE html><html><head><title>Unicorn!</title></head><body><p><strong>We had issues producing \
                 the response to your request.</strong></p></body></html>"
                    .to_owned(),
            )),
            StatusCode::SERVICE_UNAVAILABLE => Refusal::from(Reply::json(
                status,
                json!({ "code": "503", "message": "Service unavailable", "documentation_url": DOCS }),
            )),
            _ => Refusal::new(status, "Server Error", DOCS),
        }
    }

    pub fn secondary_limit(status: StatusCode, retry_after: std::time::Duration) -> Self {
        let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        // Whole seconds, rounded up, and never nought: GitHub asks for some wait.
        let seconds = (retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0)).max(1);
        let reply = Refusal::new(status, message, LIMIT_DOCS).into_reply();
        Refusal::from(reply.with("retry-after", seconds.to_string()))
    }

    pub fn primary_limit(who: &str) -> Self {
        let message = format!("API rate limit exceeded for {who}.");
        Refusal::new(StatusCode::FORBIDDEN, &message, LIMIT_DOCS)
    }
}
