//! Carries deliveries to their receivers, all at once, and notes what became of them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::signature::sign;
use super::{Delivery, Hook, Outcome};
use crate::github::Shared;

/// "Your server should respond with a 2XX response within 10 seconds of receiving a webhook delivery. If your server takes
/// longer than that to respond, then GitHub terminates the connection and considers the delivery a failure."
/// (docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks).
pub(in crate::github) const PATIENCE: Duration = Duration::from_secs(10);

/// "This header will always have the prefix `GitHub-Hookshot/`" (Delivery headers); the rest is what its example shows.
const USER_AGENT: &str = "GitHub-Hookshot/044aadd";

/// Works until `stop`. What is under way then is given up.
pub(in crate::github) async fn run(shared: Arc<Shared>, patience: Duration, stop: CancellationToken) {
    // GitHub follows no redirects, and what is on loopback must not go through a proxy of the environment.
    let client =
        reqwest::Client::builder().timeout(patience).no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "the embedded GitHub cannot deliver webhooks");
            return;
        }
    };
    let mut changes = shared.changes.subscribe();
    let mut under_way = JoinSet::new();
    loop {
        changes.mark_unchanged();
        let parcels = shared.state().post.take();
        for (delivery, hook) in parcels {
            let (client, shared) = (client.clone(), Arc::clone(&shared));
            under_way.spawn(async move {
                let outcome = carry(&client, &delivery, &hook).await;
                tracing::debug!(event = %delivery.event, guid = %delivery.guid, ?outcome, "webhook");
                shared.state().post.settle(delivery.id, outcome);
                shared.changed();
            });
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = changes.changed() => {}
            Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
        }
    }
}

async fn carry(client: &reqwest::Client, delivery: &Delivery, hook: &Hook) -> Outcome {
    let mut request = client
        .post(&hook.url)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-github-delivery", &delivery.guid)
        .header("x-github-event", &delivery.event)
        .header("x-github-hook-id", hook.id.to_string())
        .header("x-github-hook-installation-target-id", hook.target_id.to_string())
        .header("x-github-hook-installation-target-type", hook.target_type());
    if let Some(secret) = &hook.secret {
        request = request.header("x-hub-signature-256", sign(secret, delivery.body.as_bytes()));
    }
    let begun = Instant::now();
    match request.body(delivery.body.to_string()).send().await {
        Ok(answer) => Outcome::Answered { status: answer.status().as_u16(), took: begun.elapsed() },
        Err(error) if error.is_timeout() => Outcome::Failed { reason: "timed out".to_owned() },
        Err(error) => Outcome::Failed { reason: chain(&error) },
    }
}

/// The error with its causes: the outermost one alone says only that sending failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
