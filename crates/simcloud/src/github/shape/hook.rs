//! Webhooks: `hook`, `webhook-config`.

use serde_json::{Value, json};

use super::{Links, time};
use crate::github::model::Repository;
use crate::github::webhook::{Delivery, Hook, Outcome};

/// `webhook-config`. A secret is never shown, only that there is one.
pub(in crate::github) fn webhook_config(hook: &Hook) -> Value {
    let mut config = json!({ "url": hook.url, "content_type": "json", "insecure_ssl": "0" });
    if hook.secret.is_some() {
        config["secret"] = json!("********");
    }
    config
}

/// `hook`. `last` is the newest delivery that is settled.
pub(in crate::github) fn hook(links: &Links, hook: &Hook, last: Option<&Delivery>, at: Option<&Repository>) -> Value {
    let root = at.map_or_else(|| links.base.clone(), |at| links.repository(at));
    let this = format!("{root}/hooks/{}", hook.id);
    let response = match last.map(|delivery| &delivery.outcome) {
        Some(Outcome::Answered { status, .. }) => {
            let word = if (200..300).contains(status) { "active" } else { "invalid_http_response" };
            json!({ "code": status, "status": word, "message": if word == "active" { "OK" } else { "Invalid HTTP Response" } })
        }
        Some(Outcome::Failed { reason }) if reason == "timed out" => {
            json!({ "code": 504, "status": "timeout", "message": reason })
        }
        Some(Outcome::Failed { reason }) => json!({ "code": 502, "status": "failed_to_connect", "message": reason }),
        _ => json!({ "code": null, "status": "unused", "message": null }),
    };
    json!({
        "type": if at.is_some() { "Repository" } else { "Organization" },
        "id": hook.id,
        "name": "web",
        "active": hook.active,
        "events": hook.events,
        "config": webhook_config(hook),
        "updated_at": time(hook.updated_at),
        "created_at": time(hook.created_at),
        "url": this,
        "test_url": format!("{this}/test"),
        "ping_url": format!("{this}/pings"),
        "deliveries_url": format!("{this}/deliveries"),
        "last_response": response,
    })
}
