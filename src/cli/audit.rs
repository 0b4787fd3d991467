//! The audit of what was asked for on the command line. Every verb that writes a wish tells it here.

use bivouac_model::{Event, ItemKey, Value};
use bivouac_ports::DesiredChange;

use super::session::Session;
use crate::exit::{Failure, chain};

/// What became of it: it was asked for, and the controller does the rest.
const REASON: &str = "Requested";

/// Tells the journal that the user of this session did `action`, which wrote `change` as wish number `generation`.
///
/// The wish is written by then, and stands whatever becomes of the event: where the journal does not take it, a remark
/// says so. Called twice for one wish, it is two events, since the time is another.
///
/// # Errors
/// When the remark cannot be written.
pub async fn tell(
    session: &mut Session,
    key: &ItemKey,
    action: &str,
    change: &DesiredChange,
    generation: u64,
) -> Result<(), Failure> {
    let event = Event {
        environment: key.clone(),
        at: session.clock.now(),
        tie: format!("generation-{generation}"),
        actor: session.user.clone().unwrap_or_else(|| "unknown".to_owned()),
        action: action.to_owned(),
        reason: REASON.to_owned(),
        message: sentence(change, generation),
        head_sha: None,
        url: None,
        // Whoever may write the table may ask; nobody else was asked.
        decision: None,
    };
    if let Err(error) = session.journal.append(&[event]).await {
        session
            .terminal
            .remark(&format!("note: {key} is asked for, but the audit does not say so: {}", chain(&error)))?;
    }
    Ok(())
}

/// What was asked for, by the names of the table: `Wish 2: desired up, flags FEATURE_X=true, ttl 24h.`
fn sentence(change: &DesiredChange, generation: u64) -> String {
    // Who and when, the event says itself.
    let of_wish = |name: &str| !matches!(name, "requested_by" | "requested_at" | "request_url");
    let mut parts: Vec<String> = change
        .iter()
        .filter(|(name, _)| of_wish(name))
        .filter_map(|(name, value)| Some(format!("{name} {}", shown(name, value.as_ref()?))))
        .collect();
    if parts.is_empty() {
        parts = change.iter().filter(|(name, _)| of_wish(name)).map(|(name, _)| format!("no {name}")).collect();
    }
    format!("Wish {generation}: {}.", parts.join(", "))
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // Values of the configuration may be secret.
        Value::Map(map) if name == "config" => map.keys().cloned().collect::<Vec<_>>().join(" "),
        Value::Map(map) => {
            map.iter().map(|(entry, value)| format!("{entry}={}", shown(entry, value))).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_what_was_asked_for_and_no_secret() {
        let text = |text: &str| Value::String(text.into());
        let map = |name: &str, value: &str| Value::Map([(name.to_owned(), text(value))].into());
        let up = vec![
            ("requested_by", Some(text("ada"))),
            ("desired", Some(text("up"))),
            ("image_tag", None),
            ("flags", Some(map("FEATURE_X", "true"))),
            ("config", Some(map("SUPERSET_SECRET_KEY", "hunter2"))),
        ];
        assert_eq!(sentence(&up, 2), "Wish 2: desired up, flags FEATURE_X=true, config SUPERSET_SECRET_KEY.");
        assert_eq!(sentence(&vec![("pinned", Some(Value::Bool(true)))], 3), "Wish 3: pinned true.");
        assert_eq!(sentence(&vec![("requested_by", None), ("pinned", None)], 4), "Wish 4: no pinned.");
    }
}
