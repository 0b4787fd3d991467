//! Redirects of GitHub: where a request is repeated, and where it never is.

use http::{HeaderMap, Uri};

use crate::answer::header;

/// The path of a redirect, from the root of the interface. `None`: the answer is no redirect, or it leads to another server.
/// Our credentials would be sent there, so the request is not repeated.
///
/// "API clients should assume that redirects can happen" (docs.github.com/rest/using-the-rest-api/
/// best-practices-for-using-the-rest-api, "Follow redirects"): 301 for good, 302 and 307 for now. 308 keeps the method as
/// well (RFC 9110, 15.4.9).
pub(crate) fn target(api_url: &str, status: u16, headers: &HeaderMap) -> Option<String> {
    if !matches!(status, 301 | 302 | 307 | 308) {
        return None;
    }
    let (ours, there): (Uri, Uri) = (api_url.parse().ok()?, header(headers, "location")?.parse().ok()?);
    // A location without a server is on the server that sent it (RFC 9110, 10.2.2).
    let is_relative = there.scheme().is_none() && there.authority().is_none();
    if !is_relative && (ours.scheme() != there.scheme() || ours.authority() != there.authority()) {
        return None;
    }
    let path = there.path_and_query()?.as_str().strip_prefix(ours.path().trim_end_matches('/'))?;
    // `//HOST/PATH` names a server too (RFC 3986, 4.2), and is a path to `Uri`.
    (path.starts_with('/') && !path.starts_with("//")).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(api_url: &str, status: u16, location: &str) -> Option<String> {
        let headers = [(http::header::LOCATION, location.parse().unwrap())].into_iter().collect();
        target(api_url, status, &headers)
    }

    #[test]
    fn only_redirects_within_the_interface_are_followed() {
        let api = "https://api.github.com";
        let enterprise = "https://github.example.org/api/v3/";
        for (api_url, status, location, expected) in [
            (api, 301, "https://api.github.com/repositories/7/pulls?page=2", Some("/repositories/7/pulls?page=2")),
            (api, 307, "https://API.github.com/repositories/7", Some("/repositories/7")),
            (api, 308, "/repositories/7", Some("/repositories/7")),
            (api, 200, "https://api.github.com/repositories/7", None),
            (api, 304, "https://api.github.com/repositories/7", None),
            (api, 301, "http://api.github.com/repositories/7", None),
            (api, 301, "https://api.github.com:8443/repositories/7", None),
            (api, 301, "https://api.github.com.example.org/repositories/7", None),
            (api, 301, "https://api.github.com@example.org/repositories/7", None),
            (api, 301, "//example.org/repositories/7", None),
            (enterprise, 301, "https://github.example.org/api/v3/repositories/7", Some("/repositories/7")),
            (enterprise, 302, "/api/v3/repositories/7", Some("/repositories/7")),
            (enterprise, 301, "https://github.example.org/login", None),
            (enterprise, 301, "https://github.example.org/api/v30/repositories/7", None),
        ] {
            assert_eq!(to(api_url, status, location).as_deref(), expected, "{api_url} {status} {location}");
        }
    }
}
