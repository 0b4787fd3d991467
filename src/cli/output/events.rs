//! Events as `kubectl describe` has them: a table below the rest, the newest last.

use bivouac_model::{Decision, Event};
use chrono::{DateTime, Utc};

use super::Terminal;
use super::age::human;
use super::columns::{Columns, plain};

/// The lines of these events, which are the newest first; `None` where they could not be read.
pub fn lines(events: Option<&[Event]>, now: DateTime<Utc>, terminal: &Terminal) -> Vec<String> {
    let events = match events {
        None => return vec!["Events:   <unknown>".to_owned()],
        Some([]) => return vec!["Events:   <none>".to_owned()],
        Some(events) => events,
    };
    let mut rows = vec![["  AGE", "ACTOR", "ACTION", "REASON", "MESSAGE"].map(str::to_owned).to_vec()];
    rows.extend(events.iter().rev().map(|event| {
        vec![
            format!("  {}", human(now - event.at)),
            plain(&event.actor),
            action(event, terminal),
            plain(&event.reason),
            plain(&event.message),
        ]
    }));
    let mut lines = vec!["Events:".to_owned()];
    lines.extend(Columns::default().lines(&rows));
    lines
}

/// What was done; what was not allowed says so in the same place, and in the colour of what failed.
fn action(event: &Event, terminal: &Terminal) -> String {
    let action = plain(&event.action);
    match event.decision {
        Some(Decision::Denied) => terminal.alarm(&format!("{action} (denied)")),
        Some(Decision::Allowed) | None => action,
    }
}
