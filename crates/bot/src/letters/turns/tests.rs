//! Turns, one by one.

use bivouac_model::PrNumber;
use bivouac_ports::Letter;
use chrono::DateTime;

use super::*;
use crate::letter::{Changed, Comment, How, News};

fn key(repo: &str, pr: u64) -> EnvKey {
    EnvKey { repo: repo.parse().unwrap(), pr: PrNumber::new(pr).unwrap() }
}

fn item(id: u64, key: &EnvKey, fact: Fact) -> Item {
    let news = News { repo: key.repo.clone(), pr: key.pr, fact };
    let letter = Letter { id: id.to_string(), received_at: DateTime::UNIX_EPOCH, content: String::new() };
    Item { letter, news, attempts: 0, silent_since: None, hurried: false }
}

fn says(id: u64, key: &EnvKey, author: &str) -> Item {
    let comment = Comment {
        id,
        author: author.into(),
        at: DateTime::UNIX_EPOCH,
        url: String::new(),
        asked: Vec::new(),
        body: None,
        source: crate::letter::Source::Comment,
    };
    item(id, key, Fact::Comment(comment))
}

/// The ids of the next deliveries, each of which is done at once.
fn done(turns: &mut Turns, most: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < most
        && let Some((key, item)) = turns.next()
    {
        ids.push(item.letter.id.clone());
        turns.forget(&item);
        turns.ended(&key);
    }
    ids
}

#[test]
fn one_pull_request_with_many_deliveries_gives_the_others_their_turns() {
    let (mut turns, flooded) = (Turns::default(), key("a/b", 1));
    let taken = (0..3000).filter(|id| turns.arrive(says(*id, &flooded, "eve"))).count();
    assert_eq!(taken, PER_PERSON);
    let others = (0..3000).filter(|id| turns.arrive(says(4000 + id, &flooded, &format!("eve-{id}")))).count();
    assert_eq!(others, PER_PULL_REQUEST - PER_PERSON);
    for pr in 2..7 {
        assert!(turns.arrive(says(10_000 + pr, &key("a/b", pr), "ada")), "there is room for others");
    }
    let first = done(&mut turns, 6);
    for pr in 2..7 {
        assert!(first.contains(&(10_000 + pr).to_string()), "{first:?}");
    }
}

#[test]
fn repositories_come_by_turns_and_leave_places_to_each_other() {
    let mut turns = Turns::default();
    for pr in 1..=200 {
        turns.arrive(says(pr, &key("big/one", pr), "ada"));
    }
    turns.arrive(says(1000, &key("small/one", 1), "ada"));
    assert!(done(&mut turns, 2).contains(&"1000".to_owned()));
    // None of them ends.
    let mut at_work = 0;
    while turns.next().is_some() {
        at_work += 1;
    }
    assert_eq!(at_work, AT_WORK_IN_ONE);
    turns.arrive(says(1001, &key("small/one", 1), "ada"));
    assert_eq!(turns.next().unwrap().1.letter.id, "1001");
}

#[test]
fn deliveries_of_one_pull_request_go_one_by_one_and_comments_by_number() {
    let (mut turns, key) = (Turns::default(), key("a/b", 1));
    for id in [3, 1, 2] {
        turns.arrive(says(id, &key, "ada"));
    }
    let (_, one) = turns.next().unwrap();
    assert_eq!(one.letter.id, "1");
    assert!(turns.next().is_none(), "it is busy");
    turns.forget(&one);
    turns.ended(&key);
    assert_eq!(done(&mut turns, 9), ["2", "3"]);
    assert_eq!(turns.len(), 0);
}

#[test]
fn who_has_to_wait_holds_up_only_what_they_said_there_themselves() {
    let (mut turns, here, there) = (Turns::default(), key("a/b", 1), key("a/b", 2));
    for id in 1..=3 {
        turns.arrive(says(id, &here, "ada"));
    }
    turns.arrive(says(4, &here, "grace"));
    turns.arrive(says(5, &there, "ada"));
    let changed = Changed { how: How::Closed, by: None, at: DateTime::UNIX_EPOCH, url: None, hint: None };
    turns.arrive(item(6, &here, Fact::Changed(changed)));
    let (_, one) = turns.next().unwrap();
    let blocked = turns.block(one);
    turns.ended(&here);
    assert_eq!(done(&mut turns, 9), ["5", "4", "6"]);
    assert!(turns.len() == 1 && turns.is_behind(&blocked), "the others wait in the inbox");
    assert!(!turns.wants_more() && !turns.find(says(2, &here, "ada")), "they take no room until then");
    turns.unblock(&blocked);
    assert!(turns.wants_more());
    turns.was_read(true, HashSet::new());
    for id in 2..=3 {
        assert!(turns.find(says(id, &here, "ada")));
    }
    assert_eq!(done(&mut turns, 9), ["1", "2", "3"], "in order");
}

#[test]
fn what_is_tried_again_holds_back_newer_comments_of_its_pull_request() {
    let (mut turns, here, there) = (Turns::default(), key("a/b", 1), key("a/b", 2));
    for id in [1, 2, 3] {
        turns.arrive(says(id, &here, "ada"));
    }
    turns.arrive(says(4, &there, "ada"));
    let changed = Changed { how: How::Closed, by: None, at: DateTime::UNIX_EPOCH, url: None, hint: None };
    turns.arrive(item(5, &here, Fact::Changed(changed)));
    let (_, one) = turns.next().unwrap();
    assert_eq!(one.letter.id, "1");
    turns.hold(&one);
    turns.ended(&here);
    assert_eq!(done(&mut turns, 9), ["4", "5"], "only comments wait for it, and only there");
    let mut down = says(6, &here, "grace");
    if let Fact::Comment(comment) = &mut down.news.fact {
        comment.asked = crate::payload::asked_in("/testenv down", "/testenv");
    }
    turns.arrive(down);
    assert_eq!(done(&mut turns, 9), ["6"], "an end waits for nothing");
    turns.queue(one);
    assert_eq!(done(&mut turns, 9), ["1", "2", "3"]);
}

#[test]
fn what_waits_in_the_inbox_is_not_overtaken() {
    let (mut turns, key) = (Turns::default(), key("a/b", 1));
    for id in 0..20 {
        turns.arrive(says(id, &key, "ada"));
    }
    let ada = (key.clone(), "ada".to_owned());
    assert!(turns.is_behind(&ada) && !turns.wants_more());
    assert!(turns.arrive(says(100, &key, "grace")), "another person has a place of their own");
    assert_eq!(done(&mut turns, 14).len(), 14);
    assert!(turns.wants_more(), "few are left here");
    assert!(!turns.arrive(says(20, &key, "Ada")), "there is room, and four are before it");
    // The inbox is read: all of it, and one more arrives meanwhile.
    turns.reading();
    assert!(!turns.arrive(says(21, &key, "ada")));
    turns.was_read(true, HashSet::new());
    for id in 16..21 {
        assert!(turns.find(says(id, &key, "ada")));
    }
    assert!(turns.is_behind(&ada), "21 was not read");
    turns.reading();
    turns.was_read(true, HashSet::new());
    assert!(turns.find(says(21, &key, "ada")) && !turns.is_behind(&ada));
    assert!(turns.arrive(says(22, &key, "ada")));
    let rest: Vec<u64> = done(&mut turns, 99).iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(rest, (14..23).chain([100]).collect::<Vec<_>>());
}
