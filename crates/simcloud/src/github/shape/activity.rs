//! What happened to a branch: `activity`.

use serde_json::{Value, json};

use super::{Links, node_id, time, user_of};
use crate::github::model::{Activity, Model};

/// `activity`.
pub(in crate::github) fn activity(model: &Model, links: &Links, this: &Activity) -> Value {
    json!({
        "id": this.id,
        "node_id": node_id("PSH", this.id),
        "before": this.before,
        "after": this.after,
        "ref": format!("refs/heads/{}", this.branch),
        "timestamp": time(this.at),
        "activity_type": this.kind,
        "actor": user_of(model, links, &this.actor),
    })
}
