//! Letters.

use std::collections::BTreeSet;
use std::time::Duration;

use bivouac_aws::DynamoInbox;
use bivouac_ports::{Inbox as _, Letter, Meaning, ReadPosition, Received};
use chrono::TimeDelta;
use futures::future::join_all;

use super::{Tables, promises, text, time};

promises![
    a_letter_waits_until_it_is_done,
    a_letter_is_taken_once,
    of_many_who_take_one_letter_one_has_it,
    whoever_lives_finds_what_the_dead_took,
    a_take_that_is_broken_off_is_whole_or_nothing,
    the_oldest_come_first_and_no_more_than_asked,
    more_than_a_page_of_letters_is_read,
    an_unreadable_letter_hides_no_other,
    a_letter_whose_memory_is_gone_is_done_too,
    both_are_kept_for_their_time,
    a_delivery_is_taken_once_under_either_name,
    a_second_name_that_is_known_keeps_no_delivery_out,
    what_waits_is_read_in_parts,
    a_list_is_read_from_where_it_was_left,
    what_does_not_fit_is_refused,
];

fn inbox(tables: &Tables) -> DynamoInbox {
    DynamoInbox::new(&tables.sdk, &tables.prefix)
}

fn letter(number: i64) -> Letter {
    Letter {
        // The shape of GitHub's.
        id: format!("72d3162e-cc78-11e3-81ab-{number:012}"),
        received_at: time("2026-11-23T12:00:00.000000001Z") + TimeDelta::seconds(number),
        content: format!("{{\"pull_request\": {number}, \"text\": \"/testenv up \u{202e}é\"}}"),
    }
}

async fn a_letter_waits_until_it_is_done(tables: &Tables) {
    let inbox = inbox(tables);
    assert_eq!(inbox.waiting(10).await.expect("read"), []);
    inbox.done("nobody").await.expect("what is not there is done already");
    assert_eq!(inbox.take(&letter(1)).await.expect("taken"), Received::New);
    assert_eq!(inbox.take(&letter(2)).await.expect("taken"), Received::New);
    assert_eq!(inbox.waiting(10).await.expect("read"), [letter(1), letter(2)]);
    inbox.done(&letter(1).id).await.expect("done");
    assert_eq!(inbox.waiting(10).await.expect("read"), [letter(2)]);
    inbox.done(&letter(1).id).await.expect("done already");
    inbox.done(&letter(2).id).await.expect("done");
    assert_eq!(inbox.waiting(10).await.expect("read"), []);
}

async fn a_letter_is_taken_once(tables: &Tables) {
    let inbox = inbox(tables);
    assert_eq!(inbox.take(&letter(1)).await.expect("taken"), Received::New);
    // A redelivery comes later and may say something else; so does a sender whose answer was lost.
    let again = Letter { received_at: letter(9).received_at, content: "{}".into(), ..letter(1) };
    for again in [&letter(1), &again] {
        assert_eq!(inbox.take(again).await.expect("an answer"), Received::Before);
        assert_eq!(inbox.waiting(10).await.expect("read"), [letter(1)]);
    }
    inbox.done(&letter(1).id).await.expect("done");
    assert_eq!(inbox.take(&again).await.expect("an answer"), Received::Before, "its id stays remembered");
    assert_eq!(inbox.waiting(10).await.expect("read"), []);
}

async fn of_many_who_take_one_letter_one_has_it(tables: &Tables) {
    for number in 0..10 {
        let takers: Vec<DynamoInbox> = (0..6).map(|_| inbox(tables)).collect();
        // Each received it at a time of its own, as replicas do.
        let letters: Vec<Letter> = (0..6)
            .map(|n| Letter { received_at: letter(number).received_at + TimeDelta::nanoseconds(n), ..letter(number) })
            .collect();
        let answers = join_all(takers.iter().zip(&letters).map(|(inbox, letter)| inbox.take(letter))).await;
        let new = answers.iter().filter(|answer| *answer.as_ref().expect("an answer") == Received::New);
        assert_eq!(new.count(), 1, "{answers:?}");
    }
    let waiting = inbox(tables).waiting(100).await.expect("read");
    let ids: BTreeSet<&str> = waiting.iter().map(|letter| letter.id.as_str()).collect();
    assert_eq!((waiting.len(), ids.len()), (10, 10));
}

async fn whoever_lives_finds_what_the_dead_took(tables: &Tables) {
    {
        let dead = inbox(tables);
        dead.take(&letter(1)).await.expect("taken");
        dead.take(&letter(2)).await.expect("taken");
    }
    let (one, other) = (inbox(tables), inbox(tables));
    assert_eq!(one.waiting(10).await.expect("read"), [letter(1), letter(2)]);
    // Both handle it, and both are done.
    let (id, same) = (letter(1).id, letter(1).id);
    let (first, second) = tokio::join!(one.done(&id), other.done(&same));
    first.and(second).expect("done");
    assert_eq!(other.waiting(10).await.expect("read"), [letter(2)]);
}

/// Killed at some moment of its call, from before it was sent until after its answer.
async fn a_take_that_is_broken_off_is_whole_or_nothing(tables: &Tables) {
    let inbox = inbox(tables);
    for number in 0..40 {
        let life = Duration::from_micros(250 * u64::try_from(number).expect("positive"));
        let _ = tokio::time::timeout(life, inbox.take(&letter(number))).await;
    }
    // What is still on its way comes to its end before another of the same id does.
    let mut taken = BTreeSet::new();
    for number in 0..40 {
        inbox.take(&letter(number)).await.expect("an answer");
        taken.insert(letter(number).id);
    }
    let items = tables.events_table().await;
    let ids = |partition: &str| -> BTreeSet<String> {
        let of = items.iter().filter(|((environment, _), _)| environment.starts_with(partition));
        of.map(|((environment, _), item)| match item.get("delivery") {
            Some(id) => id.as_s().expect("text").clone(),
            None => environment.trim_start_matches("delivery#").to_owned(),
        })
        .collect()
    };
    assert_eq!(ids("delivery#"), taken);
    assert_eq!(ids("inbox"), taken);
    assert_eq!(items.len(), 80, "a letter and a memory of each");
}

async fn the_oldest_come_first_and_no_more_than_asked(tables: &Tables) {
    let inbox = inbox(tables);
    for number in [3, 1, 4, 0, 2] {
        inbox.take(&letter(number)).await.expect("taken");
    }
    let all: Vec<Letter> = (0..5).map(letter).collect();
    for most in [0, 1, 3, 5, 100] {
        assert_eq!(inbox.waiting(most).await.expect("read"), all[..most.min(5)], "{most}");
    }
}

/// A page of a Query ends at 1 MB, which is three of the largest letters.
async fn more_than_a_page_of_letters_is_read(tables: &Tables) {
    let inbox = inbox(tables);
    let all: Vec<Letter> = (0..11).map(|n| Letter { content: "x".repeat(300 * 1024), ..letter(n) }).collect();
    for letter in &all {
        assert_eq!(inbox.take(letter).await.expect("taken"), Received::New);
    }
    assert!(inbox.waiting(100).await.expect("read") == all);
    assert!(inbox.waiting(7).await.expect("read") == all[..7]);
}

async fn an_unreadable_letter_hides_no_other(tables: &Tables) {
    let inbox = inbox(tables);
    tables.put_event("inbox", "0", &[("delivery", text("a")), ("content", text("b"))]).await;
    tables.put_event("inbox", "2026-11-23T11:00:00Z#a", &[("delivery", text("a"))]).await;
    inbox.take(&letter(1)).await.expect("taken");
    assert_eq!(inbox.waiting(1).await.expect("read"), [letter(1)]);
    assert_eq!(inbox.waiting(10).await.expect("read"), [letter(1)]);
}

/// DynamoDB forgets in no order, so a memory may be gone before its letter.
async fn a_letter_whose_memory_is_gone_is_done_too(tables: &Tables) {
    let inbox = inbox(tables);
    inbox.take(&letter(1)).await.expect("taken");
    inbox.take(&letter(2)).await.expect("taken");
    let request = tables.client.delete_item().table_name(format!("{}-events", tables.prefix));
    let partition = format!("delivery#{}", letter(1).id);
    request.key("environment", text(&partition)).key("at", text("taken")).send().await.expect("deleted");
    inbox.done(&letter(1).id).await.expect("done");
    assert_eq!(inbox.waiting(10).await.expect("read"), [letter(2)]);
}

async fn both_are_kept_for_their_time(tables: &Tables) {
    inbox(tables).take(&letter(1)).await.expect("taken");
    for ((environment, _), item) in tables.events_table().await {
        let until: i64 = item["purge_at"].as_n().expect("seconds").parse().expect("whole ones");
        let kept = until - letter(1).received_at.timestamp();
        let days = kept / (24 * 60 * 60);
        assert!(days >= if environment == "inbox" { 30 } else { 3 }, "{environment} is kept for {days} days");
    }
}

async fn what_does_not_fit_is_refused(tables: &Tables) {
    let inbox = inbox(tables);
    for letter in [
        Letter { content: "x".repeat(300 * 1024 + 1), ..letter(1) },
        Letter { id: String::new(), ..letter(1) },
        Letter { id: "x".repeat(5000), ..letter(1) },
    ] {
        assert_eq!(inbox.take(&letter).await.expect_err("too large").meaning(), Meaning::Invalid);
    }
    assert!(tables.events_table().await.is_empty(), "nothing was written");

    let nowhere = DynamoInbox::new(&tables.sdk, "nobody-made-this");
    for refused in
        [nowhere.take(&letter(1)).await.map(drop), nowhere.waiting(1).await.map(drop), nowhere.done("1").await]
    {
        let refused = refused.expect_err("there is no table");
        assert_eq!(refused.meaning(), Meaning::NotFound, "{refused}");
        assert!(refused.message().contains("nobody-made-this-events: `bivouac init` makes it"), "{refused}");
    }
}

async fn a_delivery_is_taken_once_under_either_name(tables: &Tables) {
    let inbox = inbox(tables);
    let named = Letter { id: "comment-acme/shop-5".into(), ..letter(2) };
    assert_eq!(inbox.take_also_as(&letter(1), &named.id).await.expect("taken"), Received::New);
    for again in [&letter(1), &named] {
        assert_eq!(inbox.take(again).await.expect("an answer"), Received::Before);
    }
    assert_eq!(inbox.take_also_as(&letter(1), &named.id).await.expect("an answer"), Received::Before);
    assert_eq!(inbox.waiting(10).await.expect("read"), [letter(1)]);
    inbox.done(&letter(1).id).await.expect("done");
    assert_eq!(inbox.waiting(10).await.expect("read"), []);
    assert_eq!(inbox.take(&named).await.expect("an answer"), Received::Before, "also when it is done");
}

async fn a_second_name_that_is_known_keeps_no_delivery_out(tables: &Tables) {
    let inbox = inbox(tables);
    let named = Letter { id: "comment-acme/shop-5".into(), ..letter(2) };
    assert_eq!(inbox.take(&named).await.expect("taken"), Received::New);
    // Two webhooks deliver the comment as well, each under a name of its own.
    assert_eq!(inbox.take_also_as(&letter(1), &named.id).await.expect("taken"), Received::New);
    assert_eq!(inbox.take_also_as(&letter(3), &named.id).await.expect("taken"), Received::New);
    assert_eq!(inbox.waiting(10).await.expect("read"), [letter(1), named.clone(), letter(3)]);
    // Each name still leads to its own delivery.
    inbox.done(&named.id).await.expect("done");
    assert_eq!(inbox.waiting(10).await.expect("read"), [letter(1), letter(3)]);
    // A delivery whose second name is its own id is one delivery.
    assert_eq!(inbox.take_also_as(&letter(4), &letter(4).id).await.expect("taken"), Received::New);
}

async fn what_waits_is_read_in_parts(tables: &Tables) {
    let inbox = inbox(tables);
    for number in [3, 1, 2, 5, 4] {
        inbox.take(&letter(number)).await.expect("taken");
    }
    let first = inbox.page(None, 2).await.expect("a part");
    assert_eq!(first.letters, [letter(1), letter(2)]);
    let next = first.next.expect("more follows");
    // What is gone meanwhile leaves no gap, and what the cursor names may be gone too.
    for number in [2, 3] {
        inbox.done(&letter(number).id).await.expect("done");
    }
    let second = inbox.page(Some(&next), 10).await.expect("a part");
    assert_eq!((second.letters, second.next), (vec![letter(4), letter(5)], None));
    // A part ends with 1 MB too.
    for number in 11..16 {
        let large = Letter { content: "x".repeat(300 * 1024), ..letter(number) };
        inbox.take(&large).await.expect("taken");
    }
    let (mut after, mut read, mut parts) = (None, 0, 0);
    loop {
        let page = inbox.page(after.as_ref(), 1000).await.expect("a part");
        read += page.letters.len();
        parts += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(read == 8 && parts > 1, "{read} letters in {parts} parts");
}

async fn a_list_is_read_from_where_it_was_left(tables: &Tables) {
    let inbox = inbox(tables);
    assert_eq!(inbox.read_position("comments/acme/shop").await.expect("read"), None);
    let begun_at = time("2026-11-23T12:00:00.5Z");
    let at = |seconds| ReadPosition { begun_at, read_until: begun_at + TimeDelta::seconds(seconds) };
    for (wanted, stands) in [(0, 0), (60, 60), (30, 60), (60, 60), (61, 61)] {
        inbox.advance("comments/acme/shop", &at(wanted)).await.expect("moved, or further already");
        assert_eq!(inbox.read_position("comments/acme/shop").await.expect("read"), Some(at(stands)), "{wanted}");
    }
    assert_eq!(inbox.read_position("comments/acme/other").await.expect("read"), None);
    assert_eq!(inbox.waiting(10).await.expect("read"), [], "it is no letter");
}
