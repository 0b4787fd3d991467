//! `plan`: what the controller would do now, and why, item by item.

use std::sync::Arc;
use std::time::Duration;

use bivouac_controller::{Collector, Controller, Planned, Settings};
use bivouac_model::{Phase, format_duration};
use bivouac_planner::{Next, Prices};
use bivouac_ports::NoMeter;
use bivouac_runtime::Fence;
use serde::Serialize;

use super::args::PlanArgs;
use super::collection::{self, CollectionView};
use super::output::columns::{Columns, plain};
use super::session::Session;
use super::suspects::{self, SuspectsView};
use crate::compose::{Place, connect};
use crate::exit::Failure;

/// What would be done for one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanItem {
    /// `owner/name#123`.
    pub key: String,
    /// The phase that it would be in.
    pub phase: Phase,
    /// The next step, or what is waited for.
    pub next: String,
    /// Why.
    pub why: String,
    /// When it would be looked at again; `None`: with the next resync.
    pub requeue_after: Option<Duration>,
}

/// What `plan -o json` prints. Stable: fields are added, never renamed or removed.
#[derive(Debug, Serialize)]
struct PlanList<'a> {
    /// An item for each environment, sorted by key.
    items: Vec<PlanLine<'a>>,
    /// Services that no record answers for; absent when one environment was asked for.
    #[serde(flatten)]
    suspects: Option<&'a SuspectsView>,
    /// Images and task definitions; absent when one environment was asked for, or they could not be looked at.
    #[serde(flatten)]
    collection: Option<&'a CollectionView>,
}

/// An item of [`PlanList`].
#[derive(Debug, Serialize)]
pub(super) struct PlanLine<'a> {
    /// `owner/name#123`.
    environment: &'a str,
    /// The phase that it would be in.
    phase: Phase,
    /// The next step, or what is waited for.
    next: &'a str,
    /// Why, in a sentence.
    why: &'a str,
    /// When it would be looked at again, in seconds; `null`: with the next resync.
    requeue_after_seconds: Option<f64>,
}

/// Looks at everything once, as a pass does and then more closely, and prints what the controller would do next.
///
/// # Errors
/// When something could not be looked at, or the environment is not there.
pub async fn plan(session: &mut Session, asked: PlanArgs) -> Result<(), Failure> {
    let only = asked.env.map(|env| env.resolve(&session.config)).transpose()?;
    if let Some(key) = &only {
        session.record(key).await?;
    }
    let policy = Arc::new(session.config.policy()?);
    let connected = connect(&Place::of(&session.config)?, Arc::new(NoMeter)).await?;
    // Nothing is written, so there is nothing to fence.
    let settings = Settings { resync: session.config.controller.resync, ..Settings::default() };
    let collector = Collector::new(connected.doors.clone(), Arc::clone(&policy), settings.resync);
    let prices = policy.prices;
    let controller = Controller::new(connected.doors, policy, settings, Fence::unfenced());
    let (planned, suspects) = match &only {
        Some(key) => (controller.preview(Some(key)).await?, None),
        None => {
            let survey = controller.survey().await?;
            (survey.environments, Some(SuspectsView::new(&survey.services)))
        }
    };
    let mut items: Vec<PlanItem> = planned.iter().map(item).collect();
    items.sort_by(|one, other| one.key.cmp(&other.key));
    let collection = if only.is_some() { None } else { look(session, &collector, &prices).await? };
    print(session, &items, suspects.as_ref(), collection.as_ref())
}

/// What is to go of images and task definitions; `None`, and a remark, when they could not be looked at: the rest is worth
/// showing without them.
pub(super) async fn look(
    session: &mut Session,
    collector: &Collector,
    prices: &Prices,
) -> Result<Option<CollectionView>, Failure> {
    match collector.look().await {
        Ok(collection) => Ok(Some(CollectionView::new(&collection, prices))),
        Err(error) => {
            let line = format!("Images and task definitions could not be looked at: {error}");
            session.terminal.remark(&line)?;
            Ok(None)
        }
    }
}

pub(super) fn item(planned: &Planned) -> PlanItem {
    let Planned { key, written, plan } = planned;
    let status = &plan.status;
    let why = if status.message.is_empty() { status.reason.to_string() } else { status.message.clone() };
    let mut next = plan.next.to_string();
    if plan.changes(written.as_ref()) && matches!(plan.next, Next::Settled | Next::Wait(_)) {
        next.push_str(", and write the record");
    }
    if plan.comment.is_some() {
        next.push_str(", and edit the comment");
    }
    PlanItem { key: key.to_string(), phase: status.phase, next, why, requeue_after: plan.requeue_after }
}

/// Prints a plan, which may be empty.
///
/// # Errors
/// When the output cannot be written.
pub fn print(
    session: &mut Session,
    items: &[PlanItem],
    suspects: Option<&SuspectsView>,
    collection: Option<&CollectionView>,
) -> Result<(), Failure> {
    let list = PlanList { items: items.iter().map(line).collect(), suspects, collection };
    if session.terminal.structured(session.format, &list)? {
        return Ok(());
    }
    if items.is_empty() {
        session.terminal.remark("No environments.")?;
    } else {
        environments(session, items)?;
    }
    if let Some(view) = suspects {
        suspects::print(&mut session.terminal, view)?;
    }
    collection.map_or(Ok(()), |view| collection::print(session, view))
}

pub(super) fn environments(session: &mut Session, items: &[PlanItem]) -> Result<(), Failure> {
    let mut rows = vec![["ENVIRONMENT", "PHASE", "NEXT", "REQUEUE", "WHY"].map(str::to_owned).to_vec()];
    rows.extend(items.iter().map(|item| {
        let requeue = item.requeue_after.map_or_else(|| "resync".into(), shortened);
        let phase = session.terminal.phase(item.phase);
        vec![plain(&item.key), phase, plain(&item.next), requeue, plain(&item.why)]
    }));
    for line in Columns::default().lines(&rows) {
        session.terminal.say(&line)?;
    }
    Ok(())
}

pub(super) fn line(item: &PlanItem) -> PlanLine<'_> {
    PlanLine {
        environment: &item.key,
        phase: item.phase,
        next: &item.next,
        why: &item.why,
        requeue_after_seconds: item.requeue_after.map(|time| time.as_secs_f64()),
    }
}

/// To the second: nobody reads milliseconds in a table.
fn shortened(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format_duration(time)
    } else {
        format_duration(Duration::from_secs(time.as_secs()))
    }
}
