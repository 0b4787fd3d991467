//! What the headers of a delivery say, before anything of its body is read.

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};

use super::body::MAX_BODY;
use super::says::{Said, says};
use super::strangers::Refused;
use crate::signature::Signature;

/// A delivery whose headers have their form.
pub(super) struct Arrival<'a> {
    headers: &'a HeaderMap,
    /// The signature it claims.
    pub signature: Signature,
    /// The length it claims.
    pub length: Option<usize>,
}

impl<'a> Arrival<'a> {
    /// Reads what has to be right before the body is worth reading.
    ///
    /// # Errors
    /// The answer, and the reason for the log.
    pub fn read(headers: &'a HeaderMap) -> Result<Self, (Said, Refused)> {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let message = "set the webhook's content type to application/json";
            return Err((says(StatusCode::UNSUPPORTED_MEDIA_TYPE, message), Refused::IsForm));
        }
        if !kind.eq_ignore_ascii_case("application/json") {
            let message = "the content type has to be application/json";
            return Err((says(StatusCode::UNSUPPORTED_MEDIA_TYPE, message), Refused::IsStrange));
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length| length > MAX_BODY) {
            return Err((says(StatusCode::PAYLOAD_TOO_LARGE, "too large"), Refused::IsStrange));
        }
        let mut signatures = headers.get_all("x-hub-signature-256").iter();
        let signature = signatures.next().and_then(|signature| Signature::read(signature.as_bytes()));
        let (Some(signature), None) = (signature, signatures.next()) else {
            return Err((says(StatusCode::UNAUTHORIZED, "unauthorized"), Refused::IsStrange));
        };
        Ok(Self { headers, signature, length })
    }

    /// The name of this delivery, which a redelivery keeps.
    ///
    /// # Errors
    /// The answer, when it is no GUID.
    pub fn delivery(&self) -> Result<&'a str, Said> {
        let name = self.text("x-github-delivery").filter(|name| is_guid(name));
        name.ok_or_else(|| says(StatusCode::BAD_REQUEST, "X-GitHub-Delivery has to be a GUID"))
    }

    /// The name of the event.
    ///
    /// # Errors
    /// The answer, when it is no such name.
    pub fn event(&self) -> Result<&'a str, Said> {
        let word = |name: &&str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let event = self.text("x-github-event").filter(word);
        event.ok_or_else(|| says(StatusCode::BAD_REQUEST, "X-GitHub-Event has to name an event"))
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// `72d3162e-cc78-11e3-81ab-4c9367dc0958`: "a globally unique identifier" (GitHub, "Webhook events and payloads").
fn is_guid(name: &str) -> bool {
    let groups: Vec<&str> = name.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_named_by_a_guid() {
        assert!(is_guid("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
        for wrong in ["", "72d3162e", "72d3162e-cc78-11e3-81ab-4c9367dc095", "72d3162e-cc78-11e3-81ab-4c9367dc095g"] {
            assert!(!is_guid(wrong), "{wrong}");
        }
    }
}
