//! The collector: what two looks condemn goes, and nothing else, whatever fails.

use std::time::Duration;

use bivouac_model::{Desired, ImageDigest, ImageTag, ListedImage, ManifestKind, Phase, PullRequestState};
use chrono::TimeDelta;

use crate::fixtures::{image, start};
use crate::state::{Trouble, World, env};

/// An untagged image, so many hours old when the world began.
fn untagged(number: u8, hours: i64) -> ListedImage {
    ListedImage {
        digest: ImageDigest::new(&format!("sha256:{}", format!("{number:02x}").repeat(32))),
        tags: Box::default(),
        kind: ManifestKind::Image,
        bytes: 1 << 20,
        pushed_at: Some(start() - TimeDelta::hours(hours)),
        subject: None,
        archived: false,
    }
}

fn hold(world: &World, images: impl IntoIterator<Item = ListedImage>) {
    world.state().untagged.extend(images.into_iter().map(|image| (image.digest.clone(), image)));
}

#[tokio::test(start_paused = true)]
async fn what_nothing_needs_goes_and_the_audit_tells() {
    let world = World::new();
    world.write(7, |_| {});
    // The image that the environment runs lost its tag; another is old, a third is not.
    hold(&world, [ListedImage { digest: image(1).digest, ..untagged(1, 48) }, untagged(8, 48), untagged(9, 1)]);
    let process = world.start(None);
    world.until("ready", || world.is(7, Phase::Ready)).await;
    world.until("collected", || !world.state().untagged.contains_key(&untagged(8, 48).digest)).await;
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    assert_eq!(world.state().untagged.len(), 2);
    assert!(world.state().events.values().any(|event| event.reason == "ImagesDeleted"));
    process.stop();
}

#[tokio::test(start_paused = true)]
async fn an_empty_table_beside_services_collects_nothing() {
    let world = World::new();
    world.write(7, |_| {});
    let process = world.start(None);
    world.until("ready", || world.is(7, Phase::Ready)).await;
    world.state().records.clear();
    hold(&world, [untagged(8, 48)]);
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    assert_eq!(world.state().untagged.len(), 1);
    // A record appears, and all is well again.
    world.write(8, |_| {});
    world.until("collected", || world.state().untagged.is_empty()).await;
    process.stop();
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_at_any_call_leaves_the_rest_to_the_next() {
    for call in (0..60).step_by(3) {
        for trouble in
            [Trouble::KilledBefore, Trouble::KilledAfter, Trouble::Fails, Trouble::AnswerLost, Trouble::Panics]
        {
            let world = World::new();
            world.write(7, |_| {});
            hold(&world, [ListedImage { digest: image(1).digest, ..untagged(1, 48) }, untagged(8, 48)]);
            let first = world.start(Some((call, trouble)));
            tokio::time::sleep(Duration::from_secs(400)).await;
            first.stop();
            let second = world.start(None);
            world.until("collected", || world.state().untagged.len() == 1).await;
            assert!(world.state().untagged.contains_key(&image(1).digest), "what runs was deleted");
            second.stop();
        }
    }
}

/// Two closed pull requests and one that runs their image under a tag that moved on. `at`: the call of the first process that
/// kills it.
async fn two_close_at_once(killed_after: Option<usize>) {
    let world = World::new();
    let process = world.start(killed_after.map(|call| (call, Trouble::KilledAfter)));
    (1..=3).for_each(|pr| world.write(pr, |_| {}));
    let up = || (1..=3).all(|pr| world.phase(pr) == Some(Phase::Ready));
    world.until("ready, or killed", || process.is_dead() || up()).await;
    let process = if process.is_dead() { world.start(None) } else { process };
    world.until("ready", up).await;
    // The third follows its tag as soon as the image is there. Until then it runs what the other two have.
    world.cloud(3, |cloud| cloud.images.clear());
    for pr in 1..=2 {
        let own: ImageTag = format!("pr-{pr}-ci").parse().expect("a tag");
        world.cloud(pr, |cloud| cloud.images.retain(|tag, _| *tag == own));
        world.state().pull_requests.insert(env(pr), PullRequestState::Closed);
        world.write(pr, |desired| desired.desired = Desired::Down);
    }
    let gone = || (1..=2).all(|pr| world.phase(pr) == Some(Phase::Terminated));
    world.until("gone, or killed", || process.is_dead() || gone()).await;
    // One process leads at a time: a lease sees to it, and this world has none.
    let process = if process.is_dead() { world.start(None) } else { process };
    world.until("gone", gone).await;
    let left =
        || -> Vec<ImageTag> { world.state().clouds.values().flat_map(|cloud| cloud.images.keys().cloned()).collect() };
    // A list of open pull requests that is older than the closing leaves the tags to the next scan.
    world.until("one tag is left, or killed", || process.is_dead() || left().len() < 2).await;
    let _process = if process.is_dead() { world.start(None) } else { process };
    world.until("one tag is left", || left().len() < 2).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    let left = left();
    assert_eq!(
        left.len(),
        1,
        "only the last tag of an image in use stays, killed after {killed_after:?}: {left:?}, {:#?}",
        world.state().records
    );
}

#[tokio::test(start_paused = true)]
async fn two_that_close_at_once_leave_one_tag_to_an_image_in_use() {
    two_close_at_once(None).await;
    for call in (100..220).step_by(7) {
        two_close_at_once(Some(call)).await;
    }
}
