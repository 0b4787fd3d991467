//! Driven by plain writes into the table.

use crate::fargate::primary;
use crate::program::Daemon;
use crate::world::World;

/// What happens to the daemon between a wish and its fulfilment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    LeftAlone,
    Killed,
}

impl Fate {
    /// With `Killed`: SIGKILL, then what happens `meanwhile`, then another process.
    async fn strike(self, world: &mut World, daemon: Daemon, meanwhile: impl AsyncFnOnce(&mut World)) -> Daemon {
        match self {
            Self::LeftAlone => {
                meanwhile(world).await;
                daemon
            }
            Self::Killed => {
                daemon.kill();
                meanwhile(world).await;
                world.program.daemon().await
            }
        }
    }
}

/// From nothing to an environment, to another version of it, and to nothing again.
async fn live(test: &str, fate: Fate) {
    let mut world = World::new(test).await;
    let daemon = world.program.daemon().await;

    // A record becomes a service.
    let first = world.push("first").await;
    world.put("first").await;
    let daemon = fate.strike(&mut world, daemon, async |_| {}).await;
    world.until_deployed(&first).await;
    let deployment = primary(&world.fargate.service().await.expect("the service"));
    let daemon = fate
        .strike(&mut world, daemon, async |world| {
            world.fargate.catch_up().await;
        })
        .await;
    let url = world.until_ready(&first).await;
    let comment = world.until_comment(&url).await;
    world.until_nothing_to_do().await;
    assert_eq!(world.get()["phase"], "Ready");
    assert_eq!(world.get()["url"], url.as_str());
    // Made again it would have another deployment.
    let service = world.fargate.service().await.expect("the service");
    assert_eq!(primary(&service), deployment, "the service was made twice");
    assert_eq!(world.live_task_definitions().await.len(), 1);

    // Another tag becomes another version, at another address, in the same comment.
    let second = world.push("second").await;
    assert_ne!(first, second);
    world.set("image_tag", "second").await;
    world.until_deployed(&second).await;
    let daemon = fate
        .strike(&mut world, daemon, async |world| {
            world.fargate.catch_up().await;
        })
        .await;
    let moved = world.until_ready(&second).await;
    assert_ne!(url, moved, "every task has an address of its own");
    assert!(reqwest::get(&url).await.is_err(), "the old version still answers");
    let edited = world.until_comment(&moved).await;
    assert_eq!(edited.id, comment.id);
    assert!(!edited.body.contains(&url), "it leads to a task that is gone: {}", edited.body);
    world.until_nothing_to_do().await;

    // Down is down: the service, then its tasks, then the rest, and the record last.
    world.set("desired", "down").await;
    world.until_no_service().await;
    let daemon = fate
        .strike(&mut world, daemon, async |world| {
            assert_eq!(world.fargate.catch_up().await, None);
        })
        .await;
    world.until_phase("Terminated", None).await;
    assert!(world.fargate.service().await.is_none());
    assert_eq!(world.live_task_definitions().await, [""; 0]);
    let last = world.until_comment("taken down").await;
    assert_eq!(last.id, comment.id);
    assert!(!last.body.contains(&moved), "it leads to a task that is gone: {}", last.body);
    world.until_nothing_to_do().await;
    assert_eq!(world.get()["phase"], "Terminated");

    let status = daemon.terminate().await;
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_becomes_a_reachable_environment_and_goes_away_again() {
    live("life", Fate::LeftAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_in_between_changes_nothing() {
    live("kill", Fate::Killed).await;
}
