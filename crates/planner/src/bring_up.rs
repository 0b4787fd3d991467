//! Towards an environment that runs (or sleeps) as desired.

use std::ops::ControlFlow;

use bivouac_model::{
    Capacity, ContentHash, Desired, DesiredState, HASH_VERSION, Image, ImageView, Phase, PullRequestState,
    RenderedTaskDefinition, Rollout, Room, Service, ServiceChange, ServiceSpec, ServiceView, TAG_HASH_VERSION,
    TAG_MANAGED, TAG_PR, TAG_REPO, TAG_SPEC, TaskDefinitionName, TaskState, Usd,
};

use crate::context::{Context, Draft};
use crate::plan::{Action, Look, Next, Plan, WaitingOn};
use crate::policy::CapacityPolicy;
use crate::push_time::Proof;
use crate::template::Filling;
use crate::{admission, approve, attempt, glance, idle, reason, refusal, rollout};

/// What is wanted of the service.
pub(crate) struct Wanted<'a> {
    pub desired: &'a DesiredState,
    /// The image to deploy; `None`: it is not to be had, and what runs is kept.
    pub image: Option<&'a Image>,
    pub spec: ContentHash,
    pub count: u32,
    /// What a person should know besides.
    pub note: Option<String>,
    /// What the image is waited for on.
    lacks: Option<WaitingOn>,
}

impl Wanted<'_> {
    /// Nothing more to do, or nothing before the image is to be had.
    pub fn rest(&self, draft: Draft<'_>, context: &Context<'_>) -> Plan {
        let draft = match idle::watch(context, draft) {
            Ok(draft) => draft,
            Err(plan) => return *plan,
        };
        match self.lacks {
            Some(on) => wait_for_image(draft, context, on),
            None => draft.settle(),
        }
    }
}

/// The next step towards a desired state that is valid, not over and not withdrawn.
pub(crate) fn bring_up(context: Context<'_>, draft: Draft<'_>, desired: &DesiredState, note: Option<String>) -> Plan {
    let deadlines = &context.policy.deadlines;
    let draft = draft.wanted();
    // Before the pull request: an image that was read while a commit was at the head cannot be of a newer one.
    if context.observed.image == ImageView::NotAsked {
        return draft.look(Look::Image);
    }
    if context.observed.pull_request.is_none() {
        return draft.look(Look::PullRequest);
    }
    if context.observed.pull_request == Some(PullRequestState::NotFound) && !may_run(&context) {
        return no_such_pull_request(&context, draft);
    }
    let problems = problems(&context, desired);
    if !problems.is_empty() {
        return crate::hold::hold(context, draft, reason::INVALID_RECORD, &problems);
    }
    let is_idle = idle::sleeps(&context, desired);
    let draft = if is_idle { draft } else { idle::wake(&context, draft) };
    let count = u32::from(desired.desired == Desired::Up && !is_idle);
    if approve::is_in_doubt(&context, desired) {
        return draft.look(Look::PullRequest);
    }
    let draft = approve::follow_head(&context, draft, desired);
    // Only a service that is made is made with an image while it sleeps; that of another is looked at when it wakes.
    let at_rest = count == 0 && context.observed.service != ServiceView::Absent;
    let mut proven = None;
    let approved =
        image(&context, desired).and_then(|image| match approve::judge(&context, &draft.status, desired, image) {
            Ok(proof) => {
                proven = (proof == Proof::New).then(|| image.digest.clone());
                Ok(image)
            }
            Err(_) if at_rest => Ok(image),
            Err(unproven) => Err(NoImage::Unproven(unproven)),
        });
    let draft = match proven {
        Some(proven) => approve::remember(draft, proven),
        None => draft,
    };
    let wanted = match approved {
        Err(NoImage::Unproven(approve::Unproven::Look(look))) => return draft.look(look),
        Ok(image) => {
            let spec = spec(&context, desired, image);
            Wanted { desired, image: Some(image), spec, count, note, lacks: None }
        }
        Err(missing) => {
            let lack = lack(&context, missing);
            let Some(spec) = deployed_already(&context) else { return without_image(&context, draft, lack, note) };
            // No news of the registry is no reason to say anything else.
            let silent = matches!(lack.on, WaitingOn::Registry | WaitingOn::Forge);
            let kept = (!silent).then(|| format!("{} What ran before is left as it is.", lack.message));
            let note = note.into_iter().chain(kept).reduce(|note, kept| format!("{note} {kept}"));
            Wanted { desired, image: None, spec, count, note, lacks: Some(lack.on) }
        }
    };
    if let Some((reason, message)) = admission::still_waits(&context, &wanted) {
        return admission::wait(draft, &wanted, reason, message);
    }
    if glance::is_settled(&context, &wanted) {
        return wanted.rest(draft, &context);
    }
    match &context.observed.service {
        ServiceView::Unlisted => match refusal::rest(&context, draft, &wanted) {
            ControlFlow::Break(rests) => rests,
            ControlFlow::Continue(draft) => draft.look(Look::Service),
        },
        ServiceView::Unknown | ServiceView::Listed => draft.look(Look::Service),
        ServiceView::Draining => draft
            .nowhere()
            .costing(Usd::ZERO)
            .say(Phase::Provisioning, reason::SERVICE_DRAINING, "The old service is still being deleted.")
            .wait(WaitingOn::Draining, deadlines.soon),
        ServiceView::Absent => create(&context, draft, &wanted),
        ServiceView::Active(service) if !is_ours(&context, service) => {
            let message = format!("A service named `{}` exists and is not this environment's.", service.name);
            let draft = draft.nowhere().vacated().say(Phase::Failed, reason::SERVICE_NAME_TAKEN, message);
            draft.wait(WaitingOn::Person, deadlines.later)
        }
        ServiceView::Active(service) => converge(&context, draft, &wanted, service),
    }
}

/// Whether something of the environment may run, as far as is known.
fn may_run(context: &Context<'_>) -> bool {
    match context.observed.service {
        ServiceView::Listed | ServiceView::Draining | ServiceView::Active(_) => true,
        ServiceView::Unlisted | ServiceView::Absent => false,
        ServiceView::Unknown => context.written().is_some_and(|written| written.machinery.spec.is_some()),
    }
}

/// What is deployed already, as remembered or as the service tells.
fn deployed_already(context: &Context<'_>) -> Option<ContentHash> {
    let remembered = context.written().and_then(|written| written.machinery.spec.clone());
    match &context.observed.service {
        ServiceView::Active(service) if is_ours(context, service) => {
            remembered.or_else(|| service.spec.clone()).or_else(|| Some(ContentHash::of([])))
        }
        ServiceView::Active(_) | ServiceView::Absent | ServiceView::Draining => None,
        ServiceView::Unknown | ServiceView::Unlisted | ServiceView::Listed => remembered,
    }
}

fn no_such_pull_request(context: &Context<'_>, draft: Draft<'_>) -> Plan {
    let message = format!("{} has no pull request {}, or the token may not see it.", context.key.repo, context.key.pr);
    let draft = draft.nowhere().vacated().say(Phase::Invalid, reason::NO_SUCH_PULL_REQUEST, message);
    draft.wait(WaitingOn::Person, context.policy.deadlines.later)
}

/// Name and tags agree that the service is this environment's.
pub(crate) fn is_ours(context: &Context<'_>, service: &Service) -> bool {
    service.managed_by.as_deref() == Some(context.policy.instance.as_str())
        && service.owner.as_deref() == Some(context.key.to_string().as_str())
}

/// What the configuration has against a wish.
fn problems(context: &Context<'_>, desired: &DesiredState) -> Vec<String> {
    let project = context.project;
    let mut problems = Vec::new();
    if project.resources(desired.size.as_deref()).is_none() {
        let sizes: Vec<_> = project.sizes.keys().map(String::as_str).collect();
        let allowed = if sizes.is_empty() { "none, since none is configured".to_owned() } else { sizes.join(", ") };
        let size = desired.size.as_deref().unwrap_or_default();
        problems.push(format!("size holds \"{}\"; allowed: {allowed}", size.escape_debug()));
    }
    problems.extend(project.refusals(desired).iter().map(ToString::to_string));
    problems
}

enum NoImage {
    Missing(String),
    Repository,
    Commit,
    Unknown,
    Unusable(String),
    Unproven(approve::Unproven),
}

fn image<'a>(context: &Context<'a>, desired: &DesiredState) -> Result<&'a Image, NoImage> {
    let tag = desired.image_tag.clone().or_else(|| context.project.tag(context.key, desired.head_sha.as_deref()));
    let Some(tag) = tag else {
        return Err(NoImage::Commit);
    };
    match &context.observed.image {
        ImageView::Found(image) => Ok(image),
        ImageView::Missing => Err(NoImage::Missing(tag.to_string())),
        ImageView::NoRepository => Err(NoImage::Repository),
        ImageView::Unknown | ImageView::NotAsked => Err(NoImage::Unknown),
        ImageView::Unusable(why) => Err(NoImage::Unusable(why.clone())),
    }
}

/// What is in the way of an image.
struct Lack {
    reason: &'static str,
    message: String,
    on: WaitingOn,
}

fn lack(context: &Context<'_>, missing: NoImage) -> Lack {
    let repository = &context.project.ecr_repository;
    let (reason, message, on) = match missing {
        NoImage::Missing(tag) => (
            reason::IMAGE_NOT_FOUND,
            format!("The registry has no image `{repository}:{tag}` yet; it is deployed as soon as it is pushed."),
            WaitingOn::Image,
        ),
        NoImage::Repository => (
            reason::REGISTRY_REPOSITORY_NOT_FOUND,
            format!("The registry has no repository `{repository}`."),
            WaitingOn::Person,
        ),
        NoImage::Commit => (
            reason::COMMIT_UNKNOWN,
            format!("The tag `{}` needs a commit, and head_sha holds none.", context.project.image_tag),
            WaitingOn::Commit,
        ),
        NoImage::Unknown => {
            (reason::REGISTRY_UNAVAILABLE, "The registry does not answer.".to_owned(), WaitingOn::Registry)
        }
        NoImage::Unusable(why) => (reason::IMAGE_UNUSABLE, why, WaitingOn::Person),
        NoImage::Unproven(approve::Unproven::Not { reason, message, on }) => (reason, message, on),
        // Looked at before anybody gets here.
        NoImage::Unproven(approve::Unproven::Look(look)) => {
            (reason::IMAGE_NOT_APPROVED, format!("Somebody has to {look}."), WaitingOn::Image)
        }
    };
    Lack { reason, message, on }
}

/// Without an image nothing is started.
fn without_image(context: &Context<'_>, draft: Draft<'_>, lack: Lack, note: Option<String>) -> Plan {
    if matches!(context.observed.service, ServiceView::Unknown | ServiceView::Listed) {
        return draft.look(Look::Service);
    }
    let phase = match lack.on {
        WaitingOn::Person => Phase::Failed,
        _ => Phase::WaitingForImage,
    };
    let draft = draft.nowhere().vacated().say(phase, lack.reason, lack.message);
    wait_for_image(draft.also(note), context, lack.on)
}

/// Looks for the image now and then; but an approval is a write, which wakes whoever waits for it.
fn wait_for_image(draft: Draft<'_>, context: &Context<'_>, on: WaitingOn) -> Plan {
    let left = (draft.status.expires_at - context.now).to_std().unwrap_or_default();
    let again = if on == WaitingOn::Approval { left } else { context.policy.deadlines.later };
    draft.wait(on, again)
}

/// The hash of everything that makes one deployment differ from another.
fn spec(context: &Context<'_>, desired: &DesiredState, image: &Image) -> ContentHash {
    let project = context.project;
    let size = project.resources(desired.size.as_deref()).unwrap_or(project.template.resources());
    let mut numbers = [0; 16];
    numbers[..4].copy_from_slice(&size.cpu.to_be_bytes());
    numbers[4..8].copy_from_slice(&size.memory.to_be_bytes());
    // Where the configuration ends and the flags begin.
    numbers[8..].copy_from_slice(&(desired.config.len() as u64).to_be_bytes());
    let fixed: [&[u8]; 6] = [
        project.template.hash().as_str().as_bytes(),
        image.digest.as_str().as_bytes(),
        image.repository_uri.as_bytes(),
        &numbers,
        desired.restarted_at.as_deref().unwrap_or_default().as_bytes(),
        project.variables.flag_prefix.as_bytes(),
    ];
    let variables = desired.config.iter().chain(&desired.flags);
    let variables = variables.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    // Where there are none the hash is as it was before there were any. The odd one keeps them apart from variables.
    let tags = &context.policy.tags;
    let marker = (!tags.is_empty()).then_some("tags".as_bytes());
    let tags = tags.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
    ContentHash::of(fixed.into_iter().chain(variables).chain(marker).chain(tags))
}

fn create<'a>(context: &Context<'a>, draft: Draft<'a>, wanted: &Wanted<'_>) -> Plan {
    if failed_already(context, wanted) {
        return still_failed(context, draft);
    }
    let draft = match refusal::rest(context, draft, wanted) {
        ControlFlow::Break(rests) => return rests,
        ControlFlow::Continue(draft) => draft.nowhere(),
    };
    // The list of open pull requests may be a resync old: nothing is created for one that was closed since. A forge that
    // is down does not hold AWS up; a pull request that is seen closed never gets here.
    if !context.observed.pull_request_is_fresh {
        return draft.look(Look::PullRequest);
    }
    let revision = match revision(context, wanted) {
        Err(step @ RevisionStep::Look) => return step.plan(draft, context),
        Err(step @ RevisionStep::TooLarge(_)) => return step.plan(draft.vacated(), context),
        revision => revision,
    };
    let capacity = context.policy.capacity.first_choice();
    let going = |draft: Draft<'a>| {
        let message = "The service is being created.";
        attempt::begin(draft.say(Phase::Provisioning, reason::DEPLOYING, message).also(wanted.note.clone()))
    };
    // Only what runs needs a place.
    let draft = match wanted.count {
        0 => admission::leave(going(draft)),
        _ => match admission::enter(context, draft, wanted, |draft| going(draft).running_on(capacity)) {
            ControlFlow::Continue(draft) => draft,
            ControlFlow::Break(first) => return with_revision(context, first, revision),
        },
    };
    let name = match revision {
        Ok(name) => name,
        Err(step) => return step.plan(draft, context),
    };
    let spec = ServiceSpec {
        task_definition: name,
        desired_count: wanted.count,
        capacity,
        exec: context.project.exec,
        tags: tags(context, &wanted.spec),
        name: context.service(),
    };
    let token = token(context, wanted);
    draft.act(Action::Create { spec, token })
}

/// What comes before the place is recorded: the revision, whose registration starts nothing, is registered at the same time. If
/// AWS refused the last attempt, it is registered first, and nothing is recorded for an attempt that is refused again.
fn with_revision(context: &Context<'_>, first: Plan, revision: Result<TaskDefinitionName, RevisionStep>) -> Plan {
    match (&first.next, revision) {
        (Next::Record, Err(RevisionStep::Register(rendered))) if refusal::was_refused(context) => {
            Plan { next: Next::Do(Action::Register(rendered)), ..first }
        }
        (Next::Record, Err(RevisionStep::Register(rendered))) => {
            Plan { meanwhile: Some(Action::Register(rendered)), ..first }
        }
        _ => first,
    }
}

/// `clientToken`, from key and generation: a repeated call is the same call, a later wish is another.
fn token(context: &Context<'_>, wanted: &Wanted<'_>) -> String {
    let generation = context.record.generation.unwrap_or_default().to_be_bytes();
    // A service that was deleted and is made again for the same wish needs another token than the deleted one had.
    let since = context.written().and_then(|status| status.machinery.phase_since).map_or(0, |since| since.timestamp());
    let key = context.key.to_string();
    let since = since.to_be_bytes();
    let parts: [&[u8]; 5] =
        [context.policy.instance.as_bytes(), key.as_bytes(), &generation, wanted.spec.as_str().as_bytes(), &since];
    ContentHash::of(parts).as_str().to_owned()
}

/// What an update says of ECS Exec: nothing where it is as the project sets it. A change of the key alone replaces no task.
fn exec_change(context: &Context<'_>, service: &Service) -> Option<bool> {
    (service.exec != context.project.exec).then_some(context.project.exec)
}

/// The tags of a service: ours, and those of the configuration, which has none of ours.
fn tags(context: &Context<'_>, spec: &ContentHash) -> Vec<(String, String)> {
    let ours = [
        (TAG_MANAGED, context.policy.instance.clone()),
        (TAG_REPO, context.key.repo.to_string()),
        (TAG_PR, context.key.pr.to_string()),
        (TAG_SPEC, spec.to_string()),
        (TAG_HASH_VERSION, HASH_VERSION.to_owned()),
    ];
    let ours = ours.into_iter().map(|(key, value)| (key.to_owned(), value));
    context.policy.tags.clone().into_iter().chain(ours).collect()
}

/// The service is there: make it run what is wanted, then see how it does.
fn converge<'a>(context: &Context<'a>, draft: Draft<'a>, wanted: &Wanted<'_>, service: &Service) -> Plan {
    if context.observed.tasks_pending {
        return draft.look(Look::Tasks);
    }
    let draft = match refusal::rest(context, draft, wanted) {
        ControlFlow::Break(rests) => return rests,
        ControlFlow::Continue(draft) => draft,
    };
    if wanted.count == 0 {
        return put_to_sleep(context, draft, wanted, service);
    }
    if failed_already(context, wanted) {
        let draft = draft.failed();
        return if service.desired_count == 0 { still_failed(context, draft) } else { rollout::stop(draft, service) };
    }
    let runs = service.desired_count != 0;
    let draft = if runs { admission::seat_what_runs(context, draft, wanted) } else { draft };
    let retried = draft.status.machinery.failed_spec.is_some();
    if wanted.image.is_some() {
        let revision = deployed(context, wanted, service).map_or_else(|| revision(context, wanted), Ok);
        if let Err(step @ (RevisionStep::Look | RevisionStep::TooLarge(_))) = revision {
            return step.plan(draft, context);
        }
        if revision.as_ref().ok() != Some(&service.task_definition) {
            let draft = match start(context, draft, wanted, service) {
                ControlFlow::Continue(draft) => draft,
                ControlFlow::Break(first) => return first,
            };
            let name = match revision {
                Ok(name) => name,
                Err(step) => return step.plan(draft, context),
            };
            let change = ServiceChange {
                task_definition: Some(name),
                desired_count: (service.desired_count != wanted.count).then_some(wanted.count),
                exec: exec_change(context, service),
                ..Default::default()
            };
            return draft.act(Action::Update { service: service.name.clone(), change });
        }
    }
    if service.desired_count != wanted.count {
        let draft = match start(context, draft, wanted, service) {
            ControlFlow::Continue(draft) => draft,
            ControlFlow::Break(first) => return first,
        };
        // A deployment that was given up starts nothing more, and the crashes of an old one would be counted again.
        let given_up = service.primary().is_some_and(|primary| primary.rollout == Rollout::Failed);
        let change = ServiceChange {
            desired_count: Some(wanted.count),
            force_new_deployment: retried || given_up,
            exec: exec_change(context, service),
            ..Default::default()
        };
        return draft.act(Action::Update { service: service.name.clone(), change });
    }
    let mut draft = attempt::begin_again(draft);
    draft.status.machinery.failed_spec = None;
    if let Some(image) = wanted.image {
        // The service runs what is wanted: remember what that was.
        let machinery = &mut draft.status.machinery;
        let rolled = machinery.spec.as_ref() != Some(&wanted.spec);
        // Other tags alone deploy nothing.
        let same_revision = machinery.task_definition.as_ref() == Some(&service.task_definition);
        machinery.spec = Some(wanted.spec.clone());
        machinery.task_definition = Some(service.task_definition.clone());
        machinery.image_digest = Some(image.digest.clone());
        machinery.capacity = service.capacity.or(machinery.capacity);
        draft = admission::seat_as_wanted(context, draft, wanted);
        if rolled && context.written().is_some_and(|written| written.machinery.spec.is_some()) {
            draft = attempt::begin_anew(draft);
        }
        let version = service.hash_version.as_deref();
        if service.spec.as_ref() != Some(&wanted.spec) || version != Some(HASH_VERSION) {
            let tags = tags(context, &wanted.spec);
            let draft = if rolled && !same_revision { updating(draft, context) } else { draft };
            return draft.act(Action::Tag { service: service.name.clone(), tags });
        }
    }
    rollout::follow(context, draft, wanted, service)
}

/// Before a task of what is wanted is started: with a place for it, or what comes first.
fn start<'a>(
    context: &Context<'a>,
    draft: Draft<'a>,
    wanted: &Wanted<'_>,
    service: &Service,
) -> ControlFlow<Plan, Draft<'a>> {
    // With what is recorded before it is done: after it, nothing of the beginning is to be seen.
    let going = |draft| attempt::begin(attempt::begin_again(updating(draft, context).also(wanted.note.clone())));
    let runs = service.desired_count != 0;
    let mut draft = if runs && admission::needs_no_more(context, wanted) {
        going(draft)
    } else if runs && let Some(Room::Queued { message, .. }) = &context.observed.room {
        return ControlFlow::Break(keep_running(context, draft, wanted, service, message));
    } else {
        admission::enter(context, draft, wanted, going)?
    };
    draft.status.machinery.failed_spec = None;
    ControlFlow::Continue(draft)
}

/// What runs goes on in its place while what is wanted now finds no room for more.
fn keep_running<'a>(
    context: &Context<'a>,
    draft: Draft<'a>,
    wanted: &Wanted<'_>,
    service: &Service,
    message: &str,
) -> Plan {
    let kept = format!("What is wanted now takes more than before. {message} What ran before is left as it is.");
    let kept = Wanted {
        desired: wanted.desired,
        image: None,
        spec: deployed_already(context).unwrap_or_else(|| wanted.spec.clone()),
        count: wanted.count,
        note: wanted.note.iter().cloned().chain([kept]).reduce(|note, kept| format!("{note} {kept}")),
        lacks: Some(WaitingOn::Room),
    };
    converge(context, draft, &kept, service)
}

/// No task is wanted. What a task would run is looked at when it wakes, so nothing is rolled for a moved tag.
fn put_to_sleep(context: &Context<'_>, draft: Draft<'_>, wanted: &Wanted<'_>, service: &Service) -> Plan {
    const GOING: &str = "The task is being stopped.";
    let mut draft = draft;
    draft.status.machinery.failed_spec = None;
    if service.desired_count != 0 {
        let phase = match draft.status.phase {
            phase @ (Phase::Ready | Phase::Degraded | Phase::Starting) => phase,
            _ => Phase::Provisioning,
        };
        let change = ServiceChange { desired_count: Some(0), ..Default::default() };
        let draft = draft.say(phase, reason::GOING_TO_SLEEP, GOING);
        return draft.act(Action::Update { service: service.name.clone(), change });
    }
    let draft = draft.nowhere().costing(Usd::ZERO);
    if runs_a_task(context) {
        let draft = draft.say(Phase::Asleep, reason::GOING_TO_SLEEP, GOING);
        return draft.wait(WaitingOn::TaskStop, context.policy.deadlines.soon);
    }
    let reason = if idle::sleeps(context, wanted.desired) { reason::IDLE } else { reason::ASLEEP };
    let mut draft = admission::leave(draft).say(Phase::Asleep, reason, glance::asleep_message(context, wanted));
    draft.status.machinery.deployment = None;
    wanted.rest(draft, context)
}

/// An update is on its way; what ran before goes on answering until the new task does.
fn updating<'a>(draft: Draft<'a>, context: &Context<'_>) -> Draft<'a> {
    let answered = context.written().is_some_and(|status| status.url.is_some());
    let message = match answered {
        true => "A new version is being deployed; the one before answers until it is there.",
        false => "The service is being deployed.",
    };
    let capacity = draft.status.machinery.capacity.unwrap_or(context.policy.capacity.first_choice());
    draft.say(Phase::Provisioning, reason::DEPLOYING, message).running_on(capacity)
}

/// The wish has failed before and nothing about it has changed since. Writing it again, or another wish in between, has it
/// tried again.
fn failed_already(context: &Context<'_>, wanted: &Wanted<'_>) -> bool {
    context.written().is_some_and(|status| {
        status.phase == Phase::Failed
            && status.machinery.failed_spec.as_ref() == Some(&wanted.spec)
            && status.machinery.observed_generation == context.record.generation
    })
}

/// Reason and message stay as they were when it failed.
fn still_failed(context: &Context<'_>, draft: Draft<'_>) -> Plan {
    let draft = draft.failed().nowhere().costing(Usd::ZERO);
    // Its place is free once nothing of it runs.
    if runs_a_task(context) {
        return draft.wait(WaitingOn::TaskStop, context.policy.deadlines.soon);
    }
    draft.vacated().wait(WaitingOn::Person, context.policy.deadlines.later)
}

fn runs_a_task(context: &Context<'_>) -> bool {
    context.observed.tasks.iter().any(|task| task.state != TaskState::Stopped)
}

/// What the service runs, if that is known to be what is wanted without looking at the task definitions.
fn deployed(context: &Context<'_>, wanted: &Wanted<'_>, service: &Service) -> Option<TaskDefinitionName> {
    let written = context.written()?;
    let machinery = &written.machinery;
    let remembered = machinery.task_definition.as_ref().filter(|name| **name == service.task_definition)?;
    if machinery.spec.as_ref() == Some(&wanted.spec) {
        return Some(remembered.clone());
    }
    // Another version of this program hashed differently: the service is stamped anew, not rolled. Only a generation
    // proves that the wish is the one that was deployed; without one the contents are compared.
    let other_version = service.hash_version.as_deref().is_some_and(|version| version != HASH_VERSION);
    let at_rest = matches!(written.phase, Phase::Ready | Phase::Degraded | Phase::Asleep);
    let same_wish = context.record.generation.is_some()
        && machinery.observed_generation == context.record.generation
        && machinery.image_digest.as_ref() == wanted.image.map(|image| &image.digest);
    (other_version && at_rest && same_wish).then(|| remembered.clone())
}

/// What has to happen before the revision to deploy is known.
enum RevisionStep {
    Look,
    Register(Box<RenderedTaskDefinition>),
    TooLarge(String),
}

impl RevisionStep {
    fn plan(self, draft: Draft<'_>, context: &Context<'_>) -> Plan {
        match self {
            // Asked already, without an answer.
            Self::Look if context.observed.unanswered.task_definitions => {
                const MESSAGE: &str = "ECS does not list the task definitions. The environment starts when it does.";
                let ended = matches!(draft.status.phase, Phase::Terminating | Phase::Terminated);
                let draft =
                    if ended { draft.say(Phase::Pending, reason::TASK_DEFINITIONS_UNKNOWN, MESSAGE) } else { draft };
                draft.wait(WaitingOn::TaskDefinitions, context.policy.deadlines.soon)
            }
            Self::Look => draft.look(Look::TaskDefinitions),
            Self::Register(rendered) => draft.act(Action::Register(rendered)),
            Self::TooLarge(message) => draft
                .say(Phase::Failed, reason::TASK_DEFINITION_TOO_LARGE, message)
                .wait(WaitingOn::Person, context.policy.deadlines.later),
        }
    }
}

/// The revision with the wanted content, reused if one is live.
fn revision(context: &Context<'_>, wanted: &Wanted<'_>) -> Result<TaskDefinitionName, RevisionStep> {
    let (Some(revisions), Some(image)) = (&context.observed.task_definitions, wanted.image) else {
        return Err(RevisionStep::Look);
    };
    let image = format!("{}@{}", image.repository_uri, image.digest);
    let size = wanted.desired.size.as_ref().and_then(|name| context.project.sizes.get(name)).copied();
    let environment = context.project.variables.environment(&wanted.desired.flags, &wanted.desired.config);
    let filling = Filling {
        image: &image,
        environment: &environment,
        size,
        restarted_at: wanted.desired.restarted_at.as_deref(),
    };
    let rendered = context.project.template.render(&context.project.family(context.key), filling);
    let rendered = rendered.map_err(|error| RevisionStep::TooLarge(sentence(&error.to_string())))?;
    match revisions.iter().find(|revision| revision.content.as_ref() == Some(&rendered.content)) {
        Some(revision) => Ok(revision.name.clone()),
        None => {
            // Whose it is: two instances may share an account and a template.
            let managed = (TAG_MANAGED.to_owned(), context.policy.instance.clone());
            let of_template = rendered.tags.into_iter().filter(|(key, _)| !context.policy.tags.contains_key(key));
            let tags = of_template.chain(context.policy.tags.clone()).chain([managed]).collect();
            Err(RevisionStep::Register(Box::new(RenderedTaskDefinition { tags, ..rendered })))
        }
    }
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str())
}

/// Whether Spot may be given up for capacity on demand.
pub(crate) fn may_fall_back(context: &Context<'_>, service: &Service) -> bool {
    context.policy.capacity == CapacityPolicy::SpotWithFallback && service.capacity == Some(Capacity::Spot)
}
