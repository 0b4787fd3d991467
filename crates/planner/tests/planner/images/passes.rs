//! Passes one after the other: nothing goes that only one of them condemned.

use bivouac_planner::images::{Freed, Hold, MOST_DELETED};
use chrono::TimeDelta;

use super::repository::Repository;

#[test]
fn one_observation_deletes_nothing() {
    let mut repository = Repository::new();
    let image = repository.image("one", &[]);
    assert_eq!(repository.pass(), (0, 0));
    assert!(repository.has(&image));
    assert_eq!(repository.pass(), (1, 0));
    assert!(!repository.has(&image));
}

#[test]
fn two_looks_at_about_the_same_time_are_one_observation() {
    let mut repository = Repository::new();
    let image = repository.image("one", &[]);
    repository.pass();
    repository.now -= TimeDelta::seconds(20);
    repository.pass();
    assert!(repository.has(&image));
    // A clock that went back makes it wait, too.
    repository.now -= TimeDelta::hours(1);
    repository.pass();
    assert!(repository.has(&image));
}

#[test]
fn what_was_used_in_between_begins_anew() {
    let mut repository = Repository::new();
    let image = repository.image("one", &[]);
    repository.pass();
    repository.running.push(image.clone());
    repository.pass();
    repository.running.clear();
    repository.pass();
    assert!(repository.has(&image));
    repository.pass();
    assert!(!repository.has(&image));
}

#[test]
fn a_held_pass_deletes_nothing_and_says_why() {
    for hold in [Hold::EmptyTable, Hold::ClockJumped] {
        let mut repository = Repository::new();
        let image = repository.image("one", &[]);
        repository.pass();
        repository.hold = Some(hold);
        assert_eq!(repository.reason(&image), hold.reason());
        repository.pass();
        assert!(repository.has(&image));
    }
}

#[test]
fn a_pass_deletes_so_many_and_the_next_one_goes_on() {
    let mut repository = Repository::new();
    for index in 0..50 {
        let children: Vec<_> = (0..29).map(|child| repository.image(&format!("{index}/{child}"), &[])).collect();
        repository.index(&children.iter().collect::<Vec<_>>(), &[]);
    }
    let all = repository.held.len();
    assert_eq!(repository.pass(), (0, 0));
    let (calls, refused) = repository.pass();
    assert_eq!((repository.held.len(), refused), (all - MOST_DELETED, 0));
    // Fifty lists are half a call, and what they name goes in calls of its own.
    assert!((10..=11).contains(&calls), "{calls}");
    let (_, refused) = repository.pass();
    assert_eq!((repository.held.len(), refused), (0, 0));
}

#[test]
fn what_it_frees_is_counted_once() {
    let mut repository = Repository::new();
    let child = repository.image("child", &[]);
    let list = repository.index(&[&child], &[]);
    // ECR gives a list the size of its largest member.
    repository.held.get_mut(&list).unwrap().0.bytes = 32_654;
    repository.image("kept", &["v1"]);
    let (inventory, plan) = repository.plan();
    let freed = Freed::by(&plan, &inventory);
    assert_eq!((freed.images, freed.bytes), (2, 32_654));
    let gigabytes = Freed { images: 1, bytes: 50 << 30 };
    assert_eq!(gigabytes.monthly(&repository.policy.prices).to_string(), "$5.00");
}
