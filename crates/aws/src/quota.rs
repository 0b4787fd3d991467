//! AWS's own token buckets, kept on our side, so that a big pass waits a little instead of being throttled.
//!
//! A throttled call costs three attempts and the SDK's retry tokens, and it throttles whoever else works in the
//! account. One [`Quotas`] is shared by every caller of an account and region in this process.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, Weak};

use crate::calls::Call;
use turnstile::Turnstile;

mod turnstile;

/// A group of calls that AWS counts together, for each account and region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// ECS: ListServices, DescribeServices.
    ServiceRead,
    /// ECS: CreateService, UpdateService, DeleteService.
    ServiceModify,
    /// ECS: ListTaskDefinitions, ListTaskDefinitionFamilies, DescribeTaskDefinition.
    TaskDefinitionRead,
    /// ECS: RegisterTaskDefinition, DeregisterTaskDefinition. The narrowest of all.
    TaskDefinitionModify,
    /// ECS: DeleteTaskDefinitions.
    TaskDefinitionDelete,
    /// ECS: ListTasks, DescribeTasks and the reading of clusters.
    ClusterRead,
    /// ECS: TagResource.
    TagWrite,
    /// EC2: DescribeNetworkInterfaces and the other lists.
    Ec2Read,
}

impl Bucket {
    const ALL: [Self; 8] = [
        Self::ServiceRead,
        Self::ServiceModify,
        Self::TaskDefinitionRead,
        Self::TaskDefinitionModify,
        Self::TaskDefinitionDelete,
        Self::ClusterRead,
        Self::TagWrite,
        Self::Ec2Read,
    ];

    /// Burst, and tokens that flow back a second: "Request throttling for the Amazon ECS API" in the ECS API
    /// reference and "Request throttling for the Amazon EC2 API" in the EC2 developer guide.
    const fn rate(self) -> (u32, u32) {
        match self {
            Self::ServiceRead | Self::ClusterRead | Self::Ec2Read => (100, 20),
            Self::ServiceModify => (50, 5),
            Self::TaskDefinitionRead => (50, 20),
            Self::TaskDefinitionModify => (20, 1),
            Self::TaskDefinitionDelete => (5, 1),
            Self::TagWrite => (20, 10),
        }
    }
}

/// The token buckets of one account and region, and the turn-taking that registration needs.
#[derive(Debug)]
pub struct Quotas {
    buckets: Option<[Turnstile; Bucket::ALL.len()]>,
    families: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Quotas {
    /// As AWS publishes them.
    pub fn aws() -> Self {
        Self::times(NonZeroU32::MIN)
    }

    /// `factor` times as wide, for an account whose quotas were raised and for tests.
    pub fn times(factor: NonZeroU32) -> Self {
        Self { buckets: Some(Bucket::ALL.map(|bucket| Turnstile::new(bucket, factor))), families: Mutex::default() }
    }

    /// Without any limit, for an emulator. Registration still takes turns.
    pub fn unlimited() -> Self {
        Self { buckets: None, families: Mutex::default() }
    }

    /// Waits until the call may be made. Dropped half-way, nothing was taken.
    pub(crate) async fn admit(&self, call: &Call) {
        if let (Some(buckets), Some(bucket)) = (&self.buckets, call.bucket) {
            buckets[bucket as usize].pass().await;
        }
    }

    /// Waits until a call that stands back may be made: when nobody else waits and the bucket is full, so that whoever comes
    /// next finds all of it but one token. Dropped half-way, nothing was taken.
    pub(crate) async fn admit_behind(&self, call: &Call) {
        if let (Some(buckets), Some(bucket)) = (&self.buckets, call.bucket) {
            buckets[bucket as usize].pass_behind().await;
        }
    }

    /// The turn of a family: ECS refuses concurrent registrations in one with a ClientException that the SDK does not
    /// retry. It ends when the guard is dropped.
    pub(crate) async fn turn(&self, family: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut families = self.families.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // Every environment has a family of its own, so those that nobody waits for are forgotten here.
            families.retain(|_, turn| turn.strong_count() > 0);
            families.get(family).and_then(Weak::upgrade).unwrap_or_else(|| {
                let turn = Arc::new(tokio::sync::Mutex::new(()));
                families.insert(family.to_owned(), Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::calls::{
        CREATE_SERVICE, DEREGISTER_TASK_DEFINITION, DESCRIBE_IMAGES, LIST_SERVICES, REGISTER_TASK_DEFINITION,
    };

    #[tokio::test(start_paused = true)]
    async fn the_burst_is_free_and_then_the_sustained_rate_holds() {
        let quotas = Quotas::aws();
        let began = Instant::now();
        for _ in 0..20 {
            quotas.admit(&REGISTER_TASK_DEFINITION).await;
        }
        assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
        for _ in 0..5 {
            quotas.admit(&REGISTER_TASK_DEFINITION).await;
        }
        assert!((4..=6).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_stands_back_costs_the_others_one_token_at_most() {
        let quotas = Arc::new(Quotas::aws());
        let behind = Arc::clone(&quotas);
        let thousand = tokio::spawn(async move {
            futures::future::join_all((0..1000).map(|_| behind.admit_behind(&DEREGISTER_TASK_DEFINITION))).await;
        });
        // Creations alone and in bursts, with pauses in which the bucket fills again: never more than one second, which is
        // one token, later than without the thousand.
        let alone = Quotas::aws();
        for (pause, burst) in [(0, 1), (7, 1), (1, 3), (40, 20), (3, 25), (90, 30), (2, 1)] {
            tokio::time::sleep(Duration::from_millis(pause * 1000 + 137)).await;
            let began = Instant::now();
            let (with, without) = tokio::join!(
                async {
                    futures::future::join_all((0..burst).map(|_| quotas.admit(&REGISTER_TASK_DEFINITION))).await;
                    began.elapsed()
                },
                async {
                    futures::future::join_all((0..burst).map(|_| alone.admit(&REGISTER_TASK_DEFINITION))).await;
                    began.elapsed()
                }
            );
            assert!(with <= without + Duration::from_millis(1050), "{burst} after {pause}s: {with:?}, not {without:?}");
        }
        thousand.await.expect("in the end they all pass");
    }

    #[tokio::test(start_paused = true)]
    async fn who_stands_back_has_the_whole_rate_when_nobody_else_comes() {
        let (quotas, began) = (Quotas::aws(), Instant::now());
        for _ in 0..61 {
            quotas.admit_behind(&DEREGISTER_TASK_DEFINITION).await;
        }
        assert!((59..=62).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_stands_back_waits_while_others_come() {
        let quotas = Arc::new(Quotas::aws());
        let front = Arc::clone(&quotas);
        let registering = tokio::spawn(async move {
            for _ in 0..60 {
                front.admit(&REGISTER_TASK_DEFINITION).await;
            }
        });
        tokio::task::yield_now().await;
        let waited =
            tokio::time::timeout(Duration::from_secs(30), quotas.admit_behind(&DEREGISTER_TASK_DEFINITION)).await;
        assert!(waited.is_err(), "it took a token before the registrations were through");
        registering.await.expect("they pass");
        // The bucket is empty by now, and fills within twenty seconds.
        tokio::time::timeout(Duration::from_secs(25), quotas.admit_behind(&DEREGISTER_TASK_DEFINITION))
            .await
            .expect("its turn");
    }

    #[tokio::test(start_paused = true)]
    async fn buckets_do_not_share_tokens() {
        let quotas = Quotas::aws();
        for _ in 0..50 {
            quotas.admit(&CREATE_SERVICE).await;
        }
        let began = Instant::now();
        quotas.admit(&LIST_SERVICES).await;
        quotas.admit(&DESCRIBE_IMAGES).await;
        assert!(began.elapsed() < Duration::from_millis(10), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_share_a_bucket_and_none_is_lost() {
        let quotas = Arc::new(Quotas::aws());
        let began = Instant::now();
        futures::future::join_all((0..150).map(|_| quotas.admit(&LIST_SERVICES))).await;
        // 100 at once, the other 50 at 20 a second.
        assert!((2..=3).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_waiter_leaves_the_queue() {
        let quotas = Quotas::aws();
        for _ in 0..20 {
            quotas.admit(&REGISTER_TASK_DEFINITION).await;
        }
        let given_up = tokio::time::timeout(Duration::from_millis(10), quotas.admit(&REGISTER_TASK_DEFINITION)).await;
        assert!(given_up.is_err());
        tokio::time::timeout(Duration::from_secs(2), quotas.admit(&REGISTER_TASK_DEFINITION)).await.expect("a token");
    }

    #[tokio::test(start_paused = true)]
    async fn unlimited_never_waits() {
        let (quotas, began) = (Quotas::unlimited(), Instant::now());
        for _ in 0..1000 {
            quotas.admit(&REGISTER_TASK_DEFINITION).await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_family_takes_turns_and_is_forgotten() {
        let quotas = Quotas::aws();
        let first = quotas.turn("pr-1").await;
        assert!(tokio::time::timeout(Duration::from_secs(1), quotas.turn("pr-1")).await.is_err());
        let _other = quotas.turn("pr-2").await;
        drop(first);
        drop(quotas.turn("pr-1").await);
        drop(quotas.turn("pr-3").await);
        drop(quotas.turn("pr-4").await);
        let known = quotas.families.lock().expect("not poisoned").len();
        assert!(known <= 2, "{known} families are remembered, one of them in use");
    }
}
