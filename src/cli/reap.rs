//! `reap`: one pass of the guardrails, for cron and for people who want to see what they would do.

use std::sync::Arc;

use bivouac_controller::{Collected, Collector, Controller, Doors, Reaped, Settings, lead};
use bivouac_model::{Phase, format_duration};
use bivouac_planner::Policy;
use bivouac_planner::reap::Judgement;
use bivouac_ports::{Leases, NoMeter};
use bivouac_runtime::Fence;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::Reap;
use super::collection::{self, CollectionView};
use super::output::columns::plain;
use super::plan::{self, PlanItem};
use super::run;
use super::session::Session;
use super::suspects::{self, AlarmItem, SuspectsView};
use crate::compose::{Connected, Place, connect};
use crate::exit::Failure;

/// What `reap --dry-run -o json` prints. Stable: fields are added, never renamed or removed.
#[derive(Debug, Serialize)]
struct DryRun<'a> {
    /// Always `true`.
    dry_run: bool,
    /// The environments that are to be taken down, or are being taken down.
    environments: Vec<plan::PlanLine<'a>>,
    #[serde(flatten)]
    services: &'a SuspectsView,
    /// Absent when images and task definitions could not be looked at.
    #[serde(flatten)]
    collection: Option<&'a CollectionView>,
}

/// What `reap -o json` prints. Stable: fields are added, never renamed or removed.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// Always `false`.
    dry_run: bool,
    /// The environments that were to be taken down, as they are now.
    environments: Vec<TakenDown>,
    /// The services without a record that were deleted.
    services: Vec<String>,
    /// How many services wait for their turn, or for another observation.
    waiting: usize,
    /// What was deleted of images.
    images: usize,
    /// Their bytes, with layers that others may share.
    image_bytes: u64,
    /// Tags of closed pull requests that were removed.
    tags: usize,
    /// Revisions of task definitions that were deregistered.
    deregistered: usize,
    /// Revisions of task definitions that were deleted.
    deleted: usize,
    /// What could not be deleted, and why.
    refused: Vec<String>,
    /// What a person has to look at.
    alarms: Vec<AlarmItem>,
}

/// An environment that was to be taken down.
#[derive(Debug, Serialize)]
struct TakenDown {
    /// `owner/name#123`.
    environment: String,
    /// Where it stands; `null`: its record is gone.
    phase: Option<Phase>,
    /// Why, in a sentence.
    message: String,
}

impl Done {
    fn add(&mut self, reaped: Reaped, collected: Collected) {
        self.services.extend(reaped.deleted.into_iter().map(|verdict| verdict.service));
        self.waiting = reaped.waiting;
        self.images += collected.images.images;
        self.image_bytes = self.image_bytes.saturating_add(collected.images.bytes);
        self.tags += collected.tags;
        self.deregistered += collected.deregistered;
        self.deleted += collected.deleted;
        self.refused.extend(reaped.refused);
        self.refused.extend(collected.refused);
        self.refused.sort_unstable();
        self.refused.dedup();
        let judgement = Judgement { alarms: reaped.alarms, ..Judgement::default() };
        self.alarms = SuspectsView::new(&judgement).alarms;
    }
}

/// Looks, waits a resync, looks again, and deletes what both looks condemn; with `--dry-run` only says what that would be.
///
/// A daemon does all of it by itself. While one leads, nothing is deleted here.
///
/// # Errors
/// When something could not be looked at or deleted, and when a daemon leads that would have to be trusted with the empty
/// table.
pub async fn reap(session: &mut Session, asked: Reap) -> Result<(), Failure> {
    let policy = Arc::new(session.config.policy()?);
    let Connected { doors, leases, .. } = connect(&Place::of(&session.config)?, Arc::new(NoMeter)).await?;
    let (settings, leadership) = run::settings(&session.config);
    if asked.dry_run {
        let fence = Fence::unfenced();
        return dry_run(session, controller(doors.clone(), &policy, settings, fence, &asked), doors, &policy).await;
    }
    let stop = session.interrupt.child_token();
    let _ends = stop.clone().drop_guard();
    let (won, mut fences) = mpsc::unbounded_channel();
    let leading = tokio::spawn(hold_lease(Arc::clone(&leases), leadership.clone(), won, stop.clone()));
    // A holder that died is waited out in one period; one that is still there after two is alive.
    let fence = match tokio::time::timeout(leadership.period * 2, fences.recv()).await {
        Ok(Some(fence)) => fence,
        _ => {
            stop.cancel();
            let holder = leases.read(&leadership.name).await?.and_then(|lease| lease.holder);
            let holder = holder.unwrap_or_else(|| "somebody".to_owned());
            if asked.trust_empty_table {
                return Err(Failure::Failed(format!(
                    "{holder} leads and does not trust an empty table; stop it first, or write a record"
                )));
            }
            let line = format!("{holder} leads and reaps by itself; this is what it would do now:");
            session.terminal.remark(&line)?;
            let looking = controller(doors.clone(), &policy, settings, Fence::unfenced(), &asked);
            return dry_run(session, looking, doors, &policy).await;
        }
    };
    let done = twice(session, &controller(doors, &policy, settings, fence, &asked), settings).await;
    stop.cancel();
    // The lease is released, so that a daemon that starts next need not wait for its end.
    let _ = leading.await;
    report(session, &done?)
}

fn controller(doors: Doors, policy: &Arc<Policy>, settings: Settings, fence: Fence, asked: &Reap) -> Controller {
    let controller = Controller::new(doors, Arc::clone(policy), settings, fence);
    if asked.trust_empty_table { controller.trusting_an_empty_table() } else { controller }
}

/// Holds the lease from when it can be had until `stop`, and hands its fence out.
async fn hold_lease(
    leases: Arc<dyn Leases>,
    leadership: bivouac_controller::Leadership,
    won: mpsc::UnboundedSender<Fence>,
    stop: CancellationToken,
) {
    lead(leases, &leadership, Arc::new(NoMeter), stop.clone(), |fence| {
        let lost = fence.lost().clone();
        // Nobody listens any more when it came too late.
        let _ = won.send(fence);
        let stop = stop.clone();
        async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = lost.cancelled() => stop.cancel(),
            }
        }
    })
    .await;
}

/// Both observations, a resync apart.
async fn twice(session: &mut Session, controller: &Controller, settings: Settings) -> Result<Done, Failure> {
    let mut done = Done::default();
    let (due, reaped) = controller.guard_now().await?;
    let collected = controller.collect_now().await;
    let again = reaped.waiting > 0 || !due.is_empty() || collected.unfinished;
    let mut all = due;
    done.add(reaped, collected);
    if again {
        let line = format!("looking again in {}: what goes is looked at twice", format_duration(settings.resync));
        session.terminal.remark(&line)?;
        // From the end of the first look, which is later than its beginning: so the two are far enough apart for everybody.
        tokio::time::sleep(settings.resync).await;
        let (due, reaped) = controller.guard_now().await?;
        let collected = controller.collect_now().await;
        all.extend(due);
        done.add(reaped, collected);
    }
    all.sort_unstable();
    all.dedup();
    for key in all {
        let status = session.store.get(&key).await?.and_then(|record| record.status);
        let (phase, message) = status.map_or((None, String::new()), |status| (Some(status.phase), status.message));
        done.environments.push(TakenDown { environment: key.to_string(), phase, message });
    }
    Ok(done)
}

async fn dry_run(
    session: &mut Session,
    controller: Controller,
    doors: Doors,
    policy: &Arc<Policy>,
) -> Result<(), Failure> {
    let survey = controller.survey().await?;
    let services = SuspectsView::new(&survey.services);
    let taken_down = survey.environments.iter().filter(|planned| planned.is_take_down() && planned.is_due());
    let mut items: Vec<PlanItem> = taken_down.map(plan::item).collect();
    items.sort_by(|one, other| one.key.cmp(&other.key));
    let collector = Collector::new(doors, Arc::clone(policy), session.config.controller.resync);
    let collection = plan::look(session, &collector, &policy.prices).await?;
    let list = DryRun {
        dry_run: true,
        environments: items.iter().map(plan::line).collect(),
        services: &services,
        collection: collection.as_ref(),
    };
    if session.terminal.structured(session.format, &list)? {
        return Ok(());
    }
    if items.is_empty() {
        session.terminal.say("No environment is to be taken down.")?;
    } else {
        plan::environments(session, &items)?;
    }
    suspects::print(&mut session.terminal, &services)?;
    collection.map_or(Ok(()), |view| collection::print(session, &view))
}

fn report(session: &mut Session, done: &Done) -> Result<(), Failure> {
    if !session.terminal.structured(session.format, done)? {
        let terminal = &mut session.terminal;
        for alarm in &done.alarms {
            let line = terminal.alarm(&format!("{}: {}", alarm.reason, alarm.message));
            terminal.say(&line)?;
        }
        for TakenDown { environment, phase, message } in &done.environments {
            let phase = phase.map_or("gone", Phase::as_str);
            terminal.say(&format!("environment {environment} {phase}: {}", plain(message)))?;
        }
        for service in &done.services {
            terminal.say(&format!("service {service} deleted"))?;
        }
        terminal.say(&format!(
            "{} images and {} tags deleted, {} task definitions deregistered and {} deleted; {} services wait.",
            done.images, done.tags, done.deregistered, done.deleted, done.waiting
        ))?;
    }
    match done.refused.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::Failed(format!("not everything could be deleted: {one}"))),
        [one, rest @ ..] => {
            Err(Failure::Failed(format!("not everything could be deleted: {one}, and {} more", rest.len())))
        }
    }
}
