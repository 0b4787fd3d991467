//! From a refusal of GitHub to its meaning.

use std::time::Duration;

use bivouac_ports::{Error, Meaning};
use chrono::{DateTime, Utc};
use http::HeaderMap;

use crate::answer::{Complaint, header};
use crate::operation::Operation;

/// "Otherwise, wait for at least one minute before retrying." (docs.github.com/rest/using-the-rest-api/
/// rate-limits-for-the-rest-api, "Exceeding the rate limit"; so for the next constant.)
const DEFAULT_WAIT: Duration = Duration::from_secs(60);
/// The quota is counted by the hour, so no honest wait is longer; a header that says more is a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// The most characters of GitHub's own words in our message. Ours: a sentence.
const LONGEST_QUOTE: usize = 200;

/// The error that a status outside 2xx and 304 stands for. Told without ids and times, so that it can stand in a record.
pub(crate) fn refused(operation: &'static Operation, status: u16, headers: &HeaderMap, body: &str) -> Error {
    let complaint = serde_json::from_str::<Complaint>(body).unwrap_or_default().message;
    let error = |meaning, message: String| Error::new(meaning, operation.call, message);
    if let Some(wait) = limited(status, headers, &complaint) {
        return error(Meaning::Throttled, "GitHub asked us to wait".to_owned()).retry_after(wait);
    }
    let quote = quote(&complaint);
    match status {
        401 => error(
            Meaning::Denied,
            "GitHub does not accept our credentials: the token or key is wrong, expired or revoked".to_owned(),
        )
        .of_credentials(),
        403 if is_locked_out(&complaint) => error(
            Meaning::Denied,
            "GitHub takes no credentials of ours for now, after too many that were wrong".to_owned(),
        )
        .of_credentials(),
        403 => error(Meaning::Denied, format!("GitHub refuses: we need {}{quote}", operation.permission)),
        451 => error(Meaning::Denied, format!("GitHub may not show this for legal reasons{quote}")),
        404 | 410 => error(Meaning::NotFound, "there is no such thing, or our credentials may not see it".to_owned()),
        301 | 302 | 307 | 308 => {
            let message = "GitHub says that this has moved to another server, where our credentials are not sent";
            error(Meaning::Invalid, message.to_owned())
        }
        409 => error(Meaning::Conflict, format!("GitHub sees a conflict{quote}")),
        500.. => error(Meaning::Unavailable, format!("GitHub answered with status {status}")),
        408 => error(Meaning::Unavailable, "GitHub gave up waiting for us".to_owned()),
        _ => error(Meaning::Invalid, format!("GitHub refuses with status {status}{quote}")),
    }
}

/// "The API will temporarily reject all authentication attempts for that user (including ones with valid credentials) with
/// a `403 Forbidden` response" (docs.github.com/rest/authentication/authenticating-to-the-rest-api, "Failed login limit").
fn is_locked_out(complaint: &str) -> bool {
    complaint.to_ascii_lowercase().contains("number of login attempts")
}

/// How long to wait, if this is a rate limit.
///
/// GitHub answers 403 or 429 for both kinds. `retry-after` comes first, then the end of the window if nothing is left of
/// the quota, then a minute.
fn limited(status: u16, headers: &HeaderMap, complaint: &str) -> Option<Duration> {
    let number = |name| header(headers, name).and_then(|text| text.trim().parse::<u64>().ok());
    let after = number("retry-after").map(Duration::from_secs);
    let spent = number("x-ratelimit-remaining") == Some(0);
    let said = complaint.to_ascii_lowercase();
    // Some secondary limits carry no header and are told by their words alone.
    let words = said.contains("rate limit") || said.contains("abuse detection");
    if !(status == 429 || status == 403 && (after.is_some() || spent || words)) {
        return None;
    }
    let reset = number("x-ratelimit-reset").filter(|_| spent).map(|at| {
        // By GitHub's clock where it tells it, so that ours may be wrong.
        let now = header(headers, "date").and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let now = now.map_or_else(Utc::now, |now| now.to_utc()).timestamp();
        Duration::from_secs(at.saturating_sub(u64::try_from(now).unwrap_or_default()))
    });
    // Never nought, which would be an invitation to ask again at once.
    Some(after.or(reset).unwrap_or(DEFAULT_WAIT).clamp(Duration::from_secs(1), LONGEST_WAIT))
}

/// GitHub's words in brackets, on one line.
fn quote(complaint: &str) -> String {
    let words: Vec<_> = complaint.split_whitespace().collect();
    let text: String = words.join(" ").chars().filter(|c| !c.is_control()).take(LONGEST_QUOTE).collect();
    if text.is_empty() { text } else { format!(" (it says: {text})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::CREATE_COMMENT;

    fn refusal(status: u16, headers: &[(&'static str, &str)], message: &str) -> Error {
        let headers =
            headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
        refused(&CREATE_COMMENT, status, &headers, &serde_json::json!({ "message": message }).to_string())
    }

    #[test]
    fn the_wait_is_the_first_that_github_tells() {
        let date = ("date", "Wed, 25 Nov 2026 12:00:00 GMT");
        // 2026-11-25T12:10:00Z
        let reset = ("x-ratelimit-reset", "1795608600");
        let spent = ("x-ratelimit-remaining", "0");
        let left = ("x-ratelimit-remaining", "4000");
        let secondary = "You have exceeded a secondary rate limit.";
        for (status, headers, message, wait) in [
            (403, vec![("retry-after", "7"), spent, reset, date], "", Some(7)),
            (429, vec![("retry-after", "0")], "", Some(1)),
            (403, vec![spent, reset, date], "API rate limit exceeded for user ID 1.", Some(600)),
            (403, vec![left, reset, date], secondary, Some(60)),
            (429, vec![], "", Some(60)),
            (403, vec![("retry-after", "99999")], "", Some(3600)),
            (403, vec![left, reset, date], "Resource not accessible by integration", None),
            (500, vec![("retry-after", "7")], secondary, None),
        ] {
            let error = refusal(status, &headers, message);
            assert_eq!(error.wait().map(|wait| wait.as_secs()), wait, "{status} {headers:?}");
            assert_eq!(error.meaning() == Meaning::Throttled, wait.is_some(), "{error}");
        }
    }

    #[test]
    fn a_status_becomes_a_meaning_and_a_sentence() {
        for (status, meaning, word) in [
            (301, Meaning::Invalid, "moved"),
            (401, Meaning::Denied, "credentials"),
            (403, Meaning::Denied, "\"Pull requests\" or \"Issues\" (read and write)"),
            (404, Meaning::NotFound, "no such thing"),
            (410, Meaning::NotFound, "no such thing"),
            (409, Meaning::Conflict, "conflict"),
            (422, Meaning::Invalid, "Body is too long"),
            (500, Meaning::Unavailable, "500"),
            (504, Meaning::Unavailable, "504"),
        ] {
            let error = refusal(status, &[], "Body is too\n long");
            assert_eq!(error.meaning(), meaning, "{status}");
            assert!(error.message().contains(word), "{error}");
        }
    }

    #[test]
    fn a_refusal_of_our_credentials_is_told_from_one_of_the_call() {
        let locked_out = "Maximum number of login attempts exceeded. Please try again later.";
        for (status, complaint, of_credentials) in [
            (401, "Bad credentials", true),
            (403, locked_out, true),
            (403, "Resource not accessible by personal access token", false),
            (403, "Unable to create comment because issue is locked.", false),
            (404, "Not Found", false),
            (503, "", false),
        ] {
            assert_eq!(refusal(status, &[], complaint).is_of_credentials(), of_credentials, "{status} {complaint}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(status in 300u16..1000, body in ".{0,300}", after in "[ -~]{0,12}", reset in "[0-9]{0,25}") {
            let headers = [("retry-after", after.as_str()), ("x-ratelimit-reset", &reset), ("x-ratelimit-remaining", "0")];
            let headers = headers.iter().filter_map(|(name, value)| {
                Some((http::HeaderName::from_static(name), value.parse().ok()?))
            });
            let error = refused(&CREATE_COMMENT, status, &headers.collect(), &body);
            proptest::prop_assert!(error.wait().is_none_or(|wait| wait <= LONGEST_WAIT));
        }
    }
}
