//! Who pushed to a branch. A list that did not change costs nothing of the quota, by its entity tag.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bivouac_model::{Branch, RepoName};
use bivouac_ports::{Error, Meaning, Push};

use crate::answer::Activity;
use crate::client::{Ask, Client};
use crate::operation::LIST_ACTIVITIES;

/// How many lists are remembered. Ours: at a hundred pushes each, some ten megabytes.
const REMEMBERED: usize = 512;

/// What was answered last, with its entity tags.
#[derive(Debug, Default)]
pub(crate) struct Activities(Mutex<HashMap<Branch, (String, Vec<Push>)>>);

impl Activities {
    /// See [`bivouac_ports::Forge::pushes`].
    ///
    /// "List repository activities" (docs.github.com/rest/repos/repos): the newest come first, and every change of a branch is in it,
    /// whatever its kind.
    pub async fn pushes(&self, client: &Client, repo: &RepoName, branch: &Branch) -> Result<Option<Vec<Push>>, Error> {
        let known = self.known().get(branch).cloned();
        let reference = format!("refs/heads/{}", branch.name);
        let path = format!("/repos/{}/activity?ref={}&per_page=100", branch.repo, escaped(&reference));
        let ask = Ask { etag: known.as_ref().map(|(etag, _)| etag.as_str()), ..Ask::get(&LIST_ACTIVITIES, path) };
        let answer = match client.ask_in(repo, ask).await.map_err(Error::from) {
            Ok(answer) => answer,
            Err(error) if matches!(error.meaning(), Meaning::Throttled | Meaning::Unavailable) => return Err(error),
            Err(error) => {
                tracing::info!(repo = %branch.repo, error = &error as &dyn std::error::Error, "who pushed is not known");
                return Ok(None);
            }
        };
        if let (true, Some((_, pushes))) = (answer.is_unchanged(), known) {
            return Ok(Some(pushes));
        }
        let activities: Vec<Activity> = answer.read(&LIST_ACTIVITIES)?;
        let ours = activities.into_iter().filter(|activity| activity.reference == reference);
        let pushes: Vec<Push> = ours.map(push).collect();
        if let Some(etag) = answer.header("etag") {
            let mut known = self.known();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(branch.clone(), (etag.to_owned(), pushes.clone()));
        }
        Ok(Some(pushes))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Branch, (String, Vec<Push>)>> {
        // A map is whole between its calls, also after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(activity: Activity) -> Push {
    let Activity { before, after, actor, timestamp, .. } = activity;
    Push { before, after, actor: actor.map(|user| user.login), at: timestamp }
}

/// A value of a query: all but the unreserved characters are escaped (RFC 3986, 2.3), since a branch may have almost any name. A
/// slash is allowed in a query (3.4).
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_cannot_leave_its_parameter() {
        assert_eq!(escaped("refs/heads/fix-1.2_b~"), "refs/heads/fix-1.2_b~");
        assert_eq!(escaped("a&ref=b#c?d%2f+e f é"), "a%26ref%3Db%23c%3Fd%252f%2Be%20f%20%C3%A9");
    }

    proptest::proptest! {
        #[test]
        fn every_name_makes_an_address(name in "\\PC{0,60}") {
            let query = format!("/repos/a/b/activity?ref={}&per_page=100", escaped(&name));
            let address: http::Uri = query.parse().unwrap();
            proptest::prop_assert_eq!(address.query().unwrap().matches('&').count(), 1);
        }
    }
}
