//! Deliveries come in any order, doubled and late: what is desired in the end is the same.

use bivouac_model::{Desired, DesiredState};
use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::doors::locked;
use crate::payloads::{Mail, changed, says};
use crate::world::{HEAD, NEXT, World};

/// The wish in the end, without the number of writes it took.
fn in_the_end(world: &World) -> DesiredState {
    DesiredState { generation: None, ..world.wish(7) }
}

/// Delivers each in turn, waiting for the bot after each if `one_by_one`, so that an order is really an order.
async fn told(mails: &[Mail], one_by_one: bool, is_open: bool) -> World {
    let world = World::new();
    world.pull(7, |pull| {
        pull.is_open = is_open;
        pull.head_sha = NEXT.into();
    });
    if one_by_one {
        for mail in mails {
            world.deliver(std::slice::from_ref(mail)).await;
        }
    } else {
        world.deliver(mails).await;
    }
    world
}

fn story() -> Vec<Mail> {
    vec![
        says(7, 11, "ada", "/testenv up FEATURE_A=true"),
        says(7, 12, "ada", "/testenv up FEATURE_B=true ttl=2h"),
        says(7, 13, "eve", "/testenv down"),
        says(7, 14, "ada", "/testenv down"),
        says(7, 15, "ada", "/testenv up FEATURE_C=true"),
        changed(7, 10, "ada", "synchronize", HEAD),
        changed(7, 16, "ada", "synchronize", NEXT),
        changed(7, 17, "ada", "reopened", NEXT),
    ]
}

/// Each twice: as GitHub redelivers it, or as another webhook delivers it again.
fn doubled(mails: Vec<Mail>) -> Vec<Mail> {
    let named = |(at, mail): (usize, &Mail)| if at % 2 == 0 { mail.clone() } else { mail.clone().named(at as u64) };
    let again: Vec<_> = mails.iter().enumerate().map(named).collect();
    mails.into_iter().chain(again).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_order_ends_alike(
        mails in Just(doubled(story())).prop_shuffle(),
        last in 4..=5_usize,
        one_by_one: bool,
    ) {
        // The last word is an `up`, or a `down`.
        let last_word = 10 + last as u64;
        let mails: Vec<_> = mails
            .into_iter()
            .filter(|mail| last == 5 || !String::from_utf8_lossy(&mail.body).contains("issuecomment-15"))
            .collect();
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = told(&mails, one_by_one, true).await;
            if last == 5 {
                let wish = in_the_end(&world);
                prop_assert_eq!(wish.desired, Desired::Up);
                prop_assert_eq!(wish.flags.keys().collect::<Vec<_>>(), ["FEATURE_C"]);
                prop_assert_eq!((wish.ttl, wish.head_sha.as_deref()), (None, Some(NEXT)));
                prop_assert!(wish.request_url.unwrap().ends_with(&last_word.to_string()));
            } else {
                // Where nothing was up yet when it came, nothing is.
                let desired = world.record(7).map(|record| record.desired.unwrap().desired);
                prop_assert!(matches!(desired, None | Some(Desired::Down)), "{:?}", desired);
            }
            prop_assert!(locked(&world.tray.letters).is_empty());
            Ok(())
        })?;
    }

    #[test]
    fn closed_is_down_in_any_order(mails in Just(doubled(story())).prop_shuffle(), one_by_one: bool) {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            world.deliver(&[says(7, 9, "ada", "/testenv up")]).await;
            let before = in_the_end(&world);
            world.pull(7, |pull| pull.is_open = false);
            let mails: Vec<_> = mails.into_iter().chain([changed(7, 20, "ada", "closed", NEXT)]).collect();
            if one_by_one {
                for mail in &mails {
                    world.deliver(std::slice::from_ref(mail)).await;
                }
            } else {
                world.deliver(&mails).await;
            }
            let after = in_the_end(&world);
            prop_assert_eq!((after.desired, after.flags), (Desired::Down, before.flags));
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn the_older_of_two_loses_and_the_audit_says_so() {
    let world = World::new();
    world.deliver(&[says(7, 2, "ada", "/testenv up FEATURE_B=true")]).await;
    world.deliver(&[says(7, 1, "ada", "/testenv up FEATURE_A=true")]).await;
    assert_eq!(world.wish(7).flags.keys().collect::<Vec<_>>(), ["FEATURE_B"]);
    assert_eq!(world.audit(7), ["ada up Superseded", "ada up Applied"]);
    assert_eq!(world.reactions(1), ["confused", "eyes"]);
    assert!(world.reply(7, "ada").unwrap().contains("a newer command was obeyed before this one"));
}

#[tokio::test(start_paused = true)]
async fn a_late_up_does_not_undo_a_down_that_found_nothing() {
    let world = World::new();
    world.deliver(&[says(7, 2, "ada", "/testenv down")]).await;
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    assert!(world.record(7).is_none());
    world.deliver(&[says(7, 3, "ada", "/testenv up")]).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_down_takes_nothing_back() {
    let world = World::new();
    world.deliver(&[says(7, 2, "eve", "/testenv down")]).await;
    world.deliver(&[says(7, 1, "ada", "/testenv up")]).await;
    assert_eq!(world.wish(7).desired, Desired::Up);
}

#[tokio::test(start_paused = true)]
async fn what_was_obeyed_and_is_delivered_again_later_is_not_told_anew() {
    let world = World::new();
    world.deliver(&[says(7, 1, "ada", "/testenv up"), says(7, 2, "ada", "/testenv pin")]).await;
    world.deliver(&[says(7, 1, "ada", "/testenv up").named(1)]).await;
    assert!(world.wish(7).pinned);
    assert_eq!(world.audit(7), ["ada up Applied", "ada pin Applied"]);
    assert_eq!(world.reactions(1), ["eyes"], "it came to something");
}

#[tokio::test(start_paused = true)]
async fn a_redelivery_is_no_letter() {
    let world = World::new();
    let mail = says(7, 1, "ada", "/testenv up");
    assert_eq!(world.post(&mail).await.1, "taken");
    world.settle().await;
    assert_eq!(world.post(&mail).await.1, "seen before");
    assert!(locked(&world.tray.letters).is_empty());
}
