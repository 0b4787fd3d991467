//! A machine whose clock is an hour off: nothing is reaped early or late, and it is said.

use std::sync::Arc;
use std::time::Duration;

use bivouac_model::Phase;
use bivouac_ports::Clock;
use bivouac_simcloud::Options;
use chrono::{DateTime, TimeDelta, Utc};

use crate::logs::Logs;
use crate::system::{System, policy, s};

/// The machine's clock, off by so much.
struct Off(TimeDelta);

impl Clock for Off {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.0
    }
}

/// A whole life on a machine whose clock is off.
async fn lives_on(off: TimeDelta, said: &str) {
    let logs = Logs::start();
    let mut system = System::without_daemon(Options::default(), policy()).await;
    system.machine = Arc::new(Off(off));
    system.launch();
    // Less than the clock is off: reckoned by the machine it would be over before it began, or an hour too late.
    let (asked, life) = (Utc::now(), TimeDelta::minutes(30));
    let by_request = system.pull_request();
    system.put(by_request, &[("ttl", s("30m")), ("requested_at", s(&asked.to_rfc3339()))]).await;
    let by_sight = system.pull_request();
    system.put(by_sight, &[("ttl", s("30m"))]).await;
    for pr in [by_request, by_sight] {
        let status = system.until_phase(pr, Phase::Ready).await.status.unwrap();
        let late = (status.expires_at - (asked + life)).abs();
        assert!(late < TimeDelta::minutes(1), "it expires at {}, asked for {life} at {asked}", status.expires_at);
        assert_eq!(status.message, "", "there is nothing to tell a contributor of it");
    }
    // What is over is over.
    let over = system.pull_request();
    let an_hour_ago = s(&(Utc::now() - TimeDelta::minutes(31)).to_rfc3339());
    system.put(over, &[("ttl", s("30m")), ("requested_at", an_hour_ago)]).await;
    system.until_phase(over, Phase::Terminated).await;
    system.until_settled().await;
    system.stop().await;
    let told = logs.with("this machine's clock");
    assert!(told.len() == 1 && told[0].contains(said), "{told:#?}");
}

#[tokio::test]
async fn an_hour_ahead() {
    lives_on(TimeDelta::hours(1), "ahead of AWS's, which counts").await;
}

#[tokio::test]
async fn an_hour_behind() {
    lives_on(TimeDelta::hours(-1), "behind AWS's, which counts").await;
}

#[tokio::test]
async fn a_client_whose_clock_is_an_hour_ahead_is_told() {
    let system = System::start().await;
    let pr = system.pull_request();
    let ahead = s(&(Utc::now() + TimeDelta::hours(1)).to_rfc3339());
    system.put(pr, &[("ttl", s("30m")), ("requested_at", ahead)]).await;
    let status = system.until_phase(pr, Phase::Ready).await.status.unwrap();
    assert!(status.message.contains("requested_at is in the future"), "{}", status.message);
    assert!((status.expires_at - Utc::now()).to_std().unwrap() <= Duration::from_secs(1800), "{}", status.expires_at);
    system.until_settled().await;
}
