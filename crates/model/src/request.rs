//! Who asked, as `request_url` tells it.

use crate::EnvKey;

/// The id of the comment of this pull request that a `request_url` names, as in
/// `https://github.com/apache/superset/pull/7#issuecomment-123` (`/issues/7` means the same); `None` when it names anything
/// else, such as a run of a workflow or a comment elsewhere.
///
/// The host is not looked at: a forge may have many names, and the id is only ever used on the forge that is configured.
pub fn commanding_comment(request_url: &str, key: &EnvKey) -> Option<u64> {
    let rest = request_url.strip_prefix("https://").or_else(|| request_url.strip_prefix("http://"))?;
    let (page, id) = rest.split_once("#issuecomment-")?;
    let (page, number) = page.rsplit_once('/')?;
    let (page, kind) = page.rsplit_once('/')?;
    let repo = page.len().checked_sub(key.repo.as_str().len()).and_then(|at| page.get(at..));
    let ours = repo.is_some_and(|repo| repo.eq_ignore_ascii_case(key.repo.as_str()))
        && page[..page.len() - key.repo.as_str().len()].ends_with('/');
    let plain = |digits: &str| !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let this = matches!(kind, "pull" | "issues") && number == key.pr.to_string();
    (ours && this && plain(id)).then(|| id.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_comment_of_this_pull_request_is_one() {
        let key: EnvKey = "apache/superset#7".parse().unwrap();
        let of = |url: &str| commanding_comment(url, &key);
        assert_eq!(of("https://github.com/apache/superset/pull/7#issuecomment-123"), Some(123));
        assert_eq!(of("https://github.com/Apache/Superset/issues/7#issuecomment-9"), Some(9));
        assert_eq!(of("http://127.0.0.1:8080/ui/apache/superset/pull/7#issuecomment-1"), Some(1));
        for other in [
            "https://github.com/apache/superset/pull/8#issuecomment-123",
            "https://github.com/apache/superset/pull/17#issuecomment-123",
            "https://github.com/apache/superset-site/pull/7#issuecomment-123",
            "https://github.com/notapache/superset/pull/7#issuecomment-123",
            "https://github.com/apache/superset/pull/7#issuecomment-",
            "https://github.com/apache/superset/pull/7#issuecomment-0",
            "https://github.com/apache/superset/pull/7#issuecomment-+1",
            "https://github.com/apache/superset/pull/7#issuecomment-99999999999999999999",
            "https://github.com/apache/superset/pull/7#discussion_r123",
            "https://github.com/apache/superset/actions/runs/7",
            "ftp://github.com/apache/superset/pull/7#issuecomment-123",
            "é",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered(url in "(https://)?.{0,60}(#issuecomment-)?.{0,9}") {
            let key: EnvKey = "apache/superset#7".parse().unwrap();
            let _ = commanding_comment(&url, &key);
        }
    }
}
