//! Pages of ordered keys, and the opaque tokens that continue them.

use std::fmt::Write as _;

/// One page and where the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// A token remembers the listing it belongs to and the last key it gave. Listings go by key,
/// so what is created or deleted between two pages neither repeats nor hides anything else.
pub(crate) fn token(listing: &str, last: &str) -> String {
    let mut out = String::new();
    for byte in listing.bytes().chain([0]).chain(last.bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The last key given, if the token is one of ours and of this listing.
pub(crate) fn last_key(listing: &str, token: &str) -> Option<String> {
    if !token.is_ascii() || !token.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..token.len()).step_by(2).map(|i| u8::from_str_radix(&token[i..i + 2], 16).ok()).collect();
    let text = String::from_utf8(bytes?).ok()?;
    let (of, last) = text.split_once('\0')?;
    (of == listing).then(|| last.to_owned())
}

/// Takes the next `limit` of `items`, which come in order from behind the last key.
pub(crate) fn take<T>(
    listing: &str,
    limit: usize,
    mut items: impl Iterator<Item = T>,
    key: impl Fn(&T) -> String,
) -> Page<T> {
    let page: Vec<T> = items.by_ref().take(limit).collect();
    let next = items.next().and_then(|_| page.last()).map(|last| token(listing, &key(last)));
    Page { items: page, next }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_page_has_no_token() {
        let keys = ["a", "b", "c"];
        let page = take("l", 3, keys.iter(), |k| (**k).to_owned());
        assert_eq!((page.items.len(), page.next), (3, None));
        let page = take("l", 2, keys.iter(), |k| (**k).to_owned());
        assert_eq!(last_key("l", &page.next.unwrap()).as_deref(), Some("b"));
    }

    proptest! {
        #[test]
        fn a_token_gives_back_its_key_to_its_own_listing(listing in "[a-z]{1,9}", key in "[^\0]*") {
            let token = token(&listing, &key);
            prop_assert_eq!(last_key(&listing, &token), Some(key));
            prop_assert_eq!(last_key("Another", &token), None);
        }

        #[test]
        fn any_text_as_token_is_survived(text in ".*") {
            last_key("ListServices", &text);
        }
    }
}
