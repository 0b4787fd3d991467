//! A spoiled item of the lease is replaced, by one claimant alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac::compose::{Connected, Place, connect};
use bivouac_controller::{Leadership, lead};
use bivouac_model::Phase;
use bivouac_ports::{Meter, MonthCost, NoMeter};
use bivouac_runtime::Fence;
use bivouac_simcloud::Options;
use tokio_util::sync::CancellationToken;

use crate::logs::Logs;
use crate::system::{System, TOKEN, n, policy, s};
use crate::wait::until;

const PERIOD: Duration = Duration::from_secs(1);

async fn spoil(system: &System, name: &str, attributes: &[(&str, AttributeValue)]) {
    let item = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let item = item.chain([("name".to_owned(), s(name))]).collect();
    system.table.put_item().table_name("bivouac-leases").set_item(Some(item)).send().await.expect("put-item");
}

/// Remembers the alarm alone.
#[derive(Default)]
struct Alarm(AtomicBool);

impl Meter for Alarm {
    fn api_call(&self, _: &'static str, _: &'static str, _: &str, _: Duration) {}
    fn reconciled(&self, _: &'static str, _: Duration) {}
    fn queue_depth(&self, _: &'static str, _: usize) {}
    fn passed(&self, _: &'static str, _: usize, _: Duration) {}
    fn phases(&self, _: &[(&'static str, usize)]) {}
    fn lease_held(&self, _: bool) {}
    fn month_cost(&self, _: &MonthCost) {}
    fn forge_quota(&self, _: u64) {}
    fn lease_unreadable(&self, unreadable: bool) {
        self.0.store(unreadable, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_leads_again_after_somebody_spoiled_the_lease() {
    for attributes in [
        vec![("holder", s("gone")), ("version", s("junk")), ("period_ms", n(1000))],
        vec![("holder", n(7)), ("version", n(u64::MAX)), ("period_ms", n(31_557_600_000_000_000_u64))],
    ] {
        let mut system = System::without_daemon(Options::default(), policy()).await;
        spoil(&system, "test", &attributes).await;
        let pr = system.pull_request();
        system.put(pr, &[]).await;
        system.launch();
        system.until_phase(pr, Phase::Ready).await;
        system.stop().await;
    }
}

#[tokio::test]
async fn of_two_claimants_of_a_spoiled_lease_one_leads_and_the_alarm_ends() {
    let logs = Logs::start();
    let system = System::without_daemon(Options::default(), policy()).await;
    let place = Place::embedded(&system.cloud.aws_url(), &system.cloud.dynamodb_url(), system.hub.url(), TOKEN);
    for (round, version) in [s("junk"), n("1.5"), AttributeValue::Bool(true)].into_iter().enumerate() {
        let name = format!("lease-{round}");
        spoil(&system, &name, &[("version", version), ("holder", s("somebody"))]).await;
        let (leading, most, led) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let stop = CancellationToken::new();
        let alarms = [Arc::<Alarm>::default(), Arc::<Alarm>::default()];
        let mut claimants = Vec::new();
        for alarm in &alarms {
            let Connected { leases, .. } = connect(&place, Arc::new(NoMeter)).await.expect("adapters");
            let leadership = Leadership { name: name.clone(), holder: "test".into(), period: PERIOD };
            let (leading, most, led) = (Arc::clone(&leading), Arc::clone(&most), Arc::clone(&led));
            let (alarm, stop) = (Arc::clone(alarm), stop.clone());
            claimants.push(tokio::spawn(async move {
                let work = |fence: Fence| {
                    let (leading, most, led) = (Arc::clone(&leading), Arc::clone(&most), Arc::clone(&led));
                    let stop = stop.clone();
                    async move {
                        most.fetch_max(leading.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        led.fetch_add(1, Ordering::SeqCst);
                        tokio::select! {
                            () = fence.lost().cancelled() => {}
                            () = stop.cancelled() => {}
                        }
                        leading.fetch_sub(1, Ordering::SeqCst);
                    }
                };
                lead(leases, &leadership, alarm, stop.clone(), work).await;
            }));
        }
        let raised = async || match alarms.iter().any(|alarm| alarm.0.load(Ordering::SeqCst)) {
            true => Ok(()),
            false => Err("no alarm".to_owned()),
        };
        until("the alarm", raised).await;
        assert_eq!(led.load(Ordering::SeqCst), 0, "its holder may live for a whole period");
        let over = async || match (led.load(Ordering::SeqCst), raised().await) {
            (1.., Err(_)) => Ok(()),
            (led, alarm) => Err(format!("{led} led, {alarm:?}")),
        };
        until("a leader, and the end of the alarm", over).await;
        stop.cancel();
        for claimant in claimants {
            claimant.await.expect("a clean stop");
        }
        assert_eq!(most.load(Ordering::SeqCst), 1, "two at once");
    }
    assert!(!logs.with("the lease cannot be read: `version` has to be a whole number").is_empty());
}
