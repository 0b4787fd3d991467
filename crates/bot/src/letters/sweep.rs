//! Reading the inbox, so that the deliveries of one pull request do not hide those of all others.

use std::collections::{HashMap, HashSet};

use bivouac_model::EnvKey;
use bivouac_ports::{Inbox, InboxCursor, Letter, Result};

use super::CAPACITY;
use super::turns::{PER_PERSON, PER_PULL_REQUEST, Sender, sender};
use crate::letter::News;

/// Deliveries of one page, if they are small: the store ends a page at 1 MB too.
const PAGE: usize = 1000;
/// Pages of one sweep. Ours: 16,000 small deliveries, or 16 MB. What is behind that comes in the next sweep.
const PAGES: usize = 16;
/// Pages that are read to fetch more of what was left before, which is near the beginning.
const FEW_PAGES: usize = 2;

/// How much is read.
#[derive(Clone, Debug)]
pub(super) enum Extent {
    /// From here on (`None`: from the beginning) to the end, or as far as a sweep goes.
    All(Option<InboxCursor>),
    /// The beginning.
    Beginning,
}

/// The result of a sweep.
#[derive(Debug)]
pub(super) struct Swept {
    /// The oldest of each pull request.
    pub letters: Vec<Letter>,
    /// People with more deliveries than were taken.
    pub over: HashSet<Sender>,
    /// Whether it was a sweep, and not the beginning alone.
    pub is_sweep: bool,
    /// Whether it began at the beginning.
    pub from_beginning: bool,
    /// Where the next sweep goes on; `None`: the end was reached.
    pub next: Option<InboxCursor>,
}

/// Reads deliveries, at most so many of each pull request and person, and so many in all, and none of those who have to wait. Page
/// after page until the end, or until enough of different pull requests are found.
///
/// # Errors
/// When a page cannot be read. What was read before it is read again the next time.
pub(super) async fn sweep(inbox: &dyn Inbox, extent: Extent, blocked: &HashSet<Sender>) -> Result<Swept> {
    let (mut after, pages, is_sweep) = match extent {
        Extent::All(after) => (after, PAGES, true),
        Extent::Beginning => (None, FEW_PAGES, false),
    };
    let from_beginning = after.is_none();
    let mut swept = Swept { letters: Vec::new(), over: HashSet::new(), is_sweep, from_beginning, next: None };
    let mut counts: HashMap<EnvKey, usize> = HashMap::new();
    let mut of_persons: HashMap<Sender, usize> = HashMap::new();
    for _ in 0..pages {
        let page = inbox.page(after.as_ref(), PAGE).await?;
        for letter in page.letters {
            // One that cannot be read is a person's to discard.
            let Ok(news) = News::open(&letter.content) else {
                swept.letters.push(letter);
                continue;
            };
            let sender = sender(&news);
            let count = counts.entry(news.key()).or_default();
            let of_person = of_persons.entry(sender.clone()).or_default();
            let is_full = *count >= PER_PULL_REQUEST || *of_person >= PER_PERSON || swept.letters.len() >= CAPACITY;
            if is_full || blocked.contains(&sender) {
                swept.over.insert(sender);
                continue;
            }
            *count += 1;
            *of_person += 1;
            swept.letters.push(letter);
        }
        after = page.next;
        if after.is_none() || swept.letters.len() >= CAPACITY {
            break;
        }
    }
    swept.next = after;
    Ok(swept)
}
