//! The leases: of two who claim one, one has it.

use std::time::Duration;

use bivouac_aws::DynamoLeases;
use bivouac_ports::{LeaseView, Leases as _, Meaning};

use super::{Installation, Store};

fn lease(holder: Option<&str>, version: u64) -> LeaseView {
    LeaseView { holder: holder.map(Into::into), version, period: Duration::from_millis(15_250) }
}

pub(super) async fn of_two_claimants_one_wins(store: &Store) {
    let one = Installation::made(store).await;
    let leases = DynamoLeases::new(&one.sdk, &one.prefix);
    assert_eq!(leases.read("leader").await.expect("read"), None);
    for (seen, version) in [(None, 1), (Some(1), 2)] {
        let (a, b) = (lease(Some("a"), version), lease(Some("b"), version));
        let (first, second) = tokio::join!(leases.write("leader", &a, seen), leases.write("leader", &b, seen));
        let (winner, loser) = if first.is_ok() { (a, second) } else { (b, first) };
        assert_eq!(loser.expect_err("one loses").meaning(), Meaning::Conflict);
        assert_eq!(leases.read("leader").await.expect("read"), Some(winner));
    }
    assert_eq!(leases.read("another").await.expect("read"), None, "each name is a lease of its own");
}

pub(super) async fn a_lease_is_renewed_and_given_back(store: &Store) {
    let one = Installation::made(store).await;
    let leases = DynamoLeases::new(&one.sdk, &one.prefix);
    let mut seen = None;
    for version in 1..=3 {
        leases.write("leader", &lease(Some("a"), version), seen).await.expect("claimed, then renewed");
        seen = Some(version);
    }
    for stale in [None, Some(1), Some(2), Some(4)] {
        let error = leases.write("leader", &lease(Some("b"), 9), stale).await.expect_err("an old view");
        assert_eq!(error.meaning(), Meaning::Conflict, "{stale:?}: {error}");
    }
    leases.write("leader", &lease(None, 4), Some(3)).await.expect("given back");
    assert_eq!(leases.read("leader").await.expect("read"), Some(lease(None, 4)));
    leases.write("leader", &lease(Some("b"), 5), Some(4)).await.expect("taken by the next");
}
