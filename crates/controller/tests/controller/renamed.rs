//! A repository that was renamed on the forge: what runs is left, nothing starts, and a closing is seen.

use bivouac_model::{Phase, PullRequestState, ServiceView};
use bivouac_ports::Moved;

use crate::state::{World, env};

#[tokio::test(start_paused = true)]
async fn what_runs_stays_until_it_is_closed_and_nothing_starts() {
    let world = World::new();
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    let moved = Moved { id: 1, to: "acme/store".parse().unwrap(), is_replaced: false };
    world.state().names.moved(&env(7).repo, moved);
    world.write(8, |_| {});
    let moved = |pr| world.status(pr).is_some_and(|status| status.reason == "RepositoryMoved");
    world.until("both records have the reason", || moved(7) && moved(8)).await;
    assert_eq!((world.phase(7), world.phase(8)), (Some(Phase::Ready), Some(Phase::Invalid)));
    assert!(world.cloud(7, |cloud| matches!(cloud.service, ServiceView::Active(_))));
    assert_eq!(world.cloud(8, |cloud| cloud.service.clone()), ServiceView::Absent, "nothing was made for it");
    world.state().pull_requests.insert(env(7), PullRequestState::Closed);
    world.until("the closed one is gone", || world.is(7, Phase::Terminated)).await;
}
