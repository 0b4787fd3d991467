//! All doors of one process. Every call takes its time, is counted, and may be the one that something happens to.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bivouac_model::{
    Branch, Capacity, CommentView, DeletionFailure, DescribedRevision, EnvKey, Event, FargateQuotas, Health,
    ImageDigest, ImageRef, ImageTag, ImageView, ItemKey, LastUse, ListedImage, LogStream, ManifestText, Month, Phase,
    PullRequest, PullRequestState, Record, RenderedTaskDefinition, RepoName, SaidComment, ServiceChange, ServiceSpec,
    ServiceView, SpendingEntry, Status, Task, TaskDefinitionName, TaskDefinitionRevision,
};
use bivouac_ports::{
    Audience, Clock, Cluster, CommentId, Conversation, DesiredChange, Error, Forge, ForgeHealth, Journal, LabelChange,
    LogEvent, LogStore, Meaning, OpenPullRequests, Permission, PostedComments, Probe, Push, Quotas, Reaction,
    RecordFeed, RecordStore, Registry, RepoNames, Result, SpendingStore, TaggedImages, TextId, WrittenComment,
};
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::state::{Process, Source, State, Trouble, World};

/// What one call takes.
const LATENCY: Duration = Duration::from_millis(5);

pub(crate) struct Door {
    pub(crate) world: Arc<World>,
    pub(crate) process: Arc<Process>,
}

impl Door {
    async fn read<T>(&self, call: &'static str, act: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        self.call(call, false, act).await
    }

    async fn write<T>(&self, call: &'static str, act: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        self.call(call, true, act).await
    }

    async fn call<T>(&self, call: &'static str, writes: bool, act: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let lost = || Error::new(Meaning::Unavailable, call, "no answer");
        self.if_alive().await;
        let trouble = self.process.trouble_now();
        match trouble {
            Some(Trouble::KilledBefore) => self.process.kill(),
            Some(Trouble::Panics) => panic!("{call} panics"),
            Some(Trouble::Fails) => return Err(lost()),
            _ => {}
        }
        let source = {
            let mut state = self.world.state();
            *state.asked.entry(call).or_default() += 1;
            state.sources.get(call).copied()
        };
        match source {
            Some(Source::Fails) => return Err(lost()),
            Some(Source::Hangs(patience)) => {
                tokio::time::sleep(patience).await;
                return Err(lost());
            }
            Some(Source::Slow(takes)) => tokio::time::sleep(takes).await,
            None => tokio::time::sleep(LATENCY).await,
        }
        self.if_alive().await;
        let answer = {
            let mut state = self.world.state();
            if writes {
                state.writes.push((call, Instant::now()));
            }
            let answer = act(&mut state);
            state.most = state.most.max(state.running());
            answer
        };
        match trouble {
            Some(Trouble::KilledAfter) => self.process.kill(),
            Some(Trouble::AnswerLost) => return Err(lost()),
            _ => {}
        }
        self.if_alive().await;
        answer
    }

    /// A process that was killed does nothing more, and nobody in it hears an answer.
    async fn if_alive(&self) {
        if self.process.is_dead() {
            std::future::pending::<()>().await;
        }
    }
}

fn conflict<T>(call: &'static str, why: &str) -> Result<T> {
    Err(Error::new(Meaning::Conflict, call, why))
}

#[async_trait]
impl RecordStore for Door {
    async fn all(&self) -> Result<Vec<Record>> {
        self.read("Scan", |state| Ok(state.records.values().cloned().collect())).await
    }

    async fn in_phase(&self, phase: Phase) -> Result<Vec<Record>> {
        let is_in = |record: &&Record| record.status.as_ref().is_some_and(|status| status.phase == phase);
        self.read("Query", |state| Ok(state.records.values().filter(is_in).cloned().collect())).await
    }

    async fn get(&self, key: &ItemKey) -> Result<Option<Record>> {
        self.read("GetItem", |state| Ok(state.records.get(key).cloned())).await
    }

    async fn write_status(&self, seen: &Record, status: &Status) -> Result<()> {
        self.write("UpdateItem", |state| {
            let Some(record) = state.records.get_mut(&seen.key) else { return conflict("UpdateItem", "it is gone") };
            let revision = |status: &Option<Status>| status.as_ref().map(|status| status.machinery.revision);
            if record.generation != seen.generation || revision(&record.status) != revision(&seen.status) {
                return conflict("UpdateItem", "somebody wrote meanwhile");
            }
            let mut status = status.clone();
            status.machinery.revision = revision(&seen.status).unwrap_or(0) + 1;
            let before = record.status.as_ref().map(|status| (status.phase, status.reason.clone()));
            if before != Some((status.phase, status.reason.clone())) {
                let change = (seen.key.clone(), status.machinery.revision, status.reason.to_string());
                state.changes.push(change);
            }
            record.status = Some(status);
            Ok(())
        })
        .await
    }

    async fn write_desired(&self, _: &ItemKey, _: &DesiredChange) -> Result<u64> {
        unreachable!("the controller writes no wishes")
    }

    async fn write_desired_over(&self, _: &ItemKey, _: Option<&Record>, _: &DesiredChange) -> Result<u64> {
        unreachable!("the controller writes no wishes")
    }

    async fn init(&self) -> Result<Vec<String>> {
        unreachable!("the controller makes no tables")
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Journal for Door {
    async fn append(&self, events: &[Event]) -> Result<()> {
        self.write("PutItem", |state| {
            if !state.journal {
                return Err(Error::new(Meaning::Unavailable, "PutItem", "the journal is down"));
            }
            for event in events {
                let key = (event.environment.clone(), event.at, event.tie.clone());
                state.events.entry(key).or_insert_with(|| event.clone());
            }
            Ok(())
        })
        .await
    }

    async fn newest(&self, _: &ItemKey, _: usize) -> Result<Vec<Event>> {
        unreachable!("the controller reads no events")
    }
}

#[async_trait]
impl SpendingStore for Door {
    async fn months(&self, months: &[Month]) -> Result<Vec<SpendingEntry>> {
        self.read("Query", |state| match state.ledger {
            true => {
                let of = |((month, _), _): &(&(Month, ItemKey), &SpendingEntry)| months.contains(month);
                Ok(state.spending.iter().filter(of).map(|(_, entry)| entry.clone()).collect())
            }
            false => Err(Error::new(Meaning::Denied, "Query", "the ledger is closed")),
        })
        .await
    }

    async fn write(&self, entry: &SpendingEntry, seen: Option<u64>) -> Result<()> {
        self.write("UpdateItem", |state| {
            if !state.ledger {
                return Err(Error::new(Meaning::Denied, "UpdateItem", "the ledger is closed"));
            }
            let key = (entry.month, entry.environment.clone());
            if state.spending.get(&key).map(|there| there.revision) != seen {
                return conflict("UpdateItem", "the entry was written meanwhile");
            }
            state.spending.insert(key, SpendingEntry { revision: seen.unwrap_or(0) + 1, ..entry.clone() });
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Cluster for Door {
    async fn service_names(&self) -> Result<Vec<String>> {
        self.read("ListServices", |state| {
            let listed = state.clouds.iter().filter(|(_, cloud)| cloud.active().is_some());
            Ok(listed.map(|(name, _)| name.clone()).collect())
        })
        .await
    }

    async fn services(&self, names: &[String]) -> Result<HashMap<String, ServiceView>> {
        self.read("DescribeServices", |state| {
            let view =
                |name: &String| state.clouds.get(name).map_or(ServiceView::Absent, |cloud| cloud.service.clone());
            Ok(names.iter().map(|name| (name.clone(), view(name))).collect())
        })
        .await
    }

    async fn live_tasks(&self) -> Result<Vec<Task>> {
        self.read("DescribeTasks", |state| {
            Ok(state.clouds.iter().flat_map(|(name, cloud)| without_addresses(name, cloud.live_tasks())).collect())
        })
        .await
    }

    async fn service_tasks(&self, service: &str) -> Result<Vec<Task>> {
        self.read("DescribeTasks", |state| {
            Ok(state.clouds.get(service).map(|cloud| without_addresses(service, cloud.all_tasks())).unwrap_or_default())
        })
        .await
    }

    async fn public_addresses(&self, interfaces: &[String]) -> Result<HashMap<String, IpAddr>> {
        self.read("DescribeNetworkInterfaces", |state| {
            let mut addresses = HashMap::new();
            for (name, cloud) in &state.clouds {
                for task in cloud.live_tasks() {
                    if let (Some(interface), Some(ip)) = (task.network_interface, task.public_ip) {
                        addresses.insert(format!("{name}/{interface}"), ip);
                    }
                }
            }
            addresses.retain(|interface, _| interfaces.contains(interface));
            Ok(addresses)
        })
        .await
    }

    async fn task_definitions(&self, family: &str) -> Result<Vec<TaskDefinitionRevision>> {
        self.read("ListTaskDefinitions", |state| {
            let revisions = state.clouds.values().flat_map(|cloud| cloud.revisions.iter());
            Ok(revisions.filter(|revision| revision.name.family() == family).cloned().collect())
        })
        .await
    }

    async fn register(&self, rendered: &RenderedTaskDefinition) -> Result<TaskDefinitionName> {
        self.write("RegisterTaskDefinition", |state| {
            state.refuse("RegisterTaskDefinition", &rendered.family)?;
            let mut clouds = state.clouds.iter_mut();
            let (_, cloud) = clouds.find(|(name, _)| rendered.family.ends_with(*name)).expect("a cloud of that name");
            Ok(cloud.register(rendered).name)
        })
        .await
    }

    async fn deregister(&self, name: &TaskDefinitionName) -> Result<()> {
        self.write("DeregisterTaskDefinition", |state| {
            state.clouds.values_mut().for_each(|cloud| cloud.revisions.retain(|revision| revision.name != *name));
            Ok(())
        })
        .await
    }

    async fn all_task_definitions(&self) -> Result<Vec<TaskDefinitionName>> {
        self.read("ListTaskDefinitions", |state| {
            let revisions = state.clouds.values().flat_map(|cloud| cloud.revisions.iter());
            Ok(revisions.map(|revision| revision.name.clone()).collect())
        })
        .await
    }

    async fn families(&self, prefix: &str) -> Result<Vec<String>> {
        self.read("ListTaskDefinitionFamilies", |state| {
            let revisions = state.clouds.values().flat_map(|cloud| cloud.revisions.iter());
            let families: BTreeSet<_> = revisions.map(|revision| revision.name.family().to_owned()).collect();
            Ok(families.into_iter().filter(|family| family.starts_with(prefix)).collect())
        })
        .await
    }

    async fn deregistered(&self, _: &str) -> Result<Vec<TaskDefinitionName>> {
        // Here they are forgotten at once.
        Ok(Vec::new())
    }

    async fn task_definition(&self, name: &TaskDefinitionName) -> Result<Option<DescribedRevision>> {
        self.read("DescribeTaskDefinition", |state| {
            let mut clouds = state.clouds.values();
            let image = clouds.find_map(|cloud| cloud.pictures.get(name).cloned());
            Ok(Some(DescribedRevision {
                name: name.clone(),
                active: true,
                managed_by: Some("default".into()),
                registered_at: Some(crate::fixtures::start()),
                images: image.into_iter().collect(),
            }))
        })
        .await
    }

    async fn delete_task_definitions(&self, _: &[TaskDefinitionName]) -> Result<Vec<(TaskDefinitionName, String)>> {
        unreachable!("none is deregistered for long")
    }

    async fn create_service(&self, spec: &ServiceSpec, token: &str) -> Result<ServiceView> {
        self.write("CreateService", |state| {
            state.refuse("CreateService", &spec.name)?;
            let made = state.clouds.get_mut(&spec.name).expect("a cloud of that name").create(spec, token);
            made.map_err(|why| Error::new(Meaning::Conflict, "CreateService", why))
        })
        .await
    }

    async fn update_service(&self, name: &str, change: &ServiceChange) -> Result<ServiceView> {
        self.write("UpdateService", |state| {
            Ok(state.clouds.get_mut(name).expect("a cloud of that name").update(change))
        })
        .await
    }

    async fn tag_service(&self, name: &str, tags: &[(String, String)]) -> Result<()> {
        self.write("TagResource", |state| {
            state.clouds.get_mut(name).expect("a cloud of that name").tag(tags);
            Ok(())
        })
        .await
    }

    async fn delete_service(&self, name: &str) -> Result<()> {
        self.write("DeleteService", |state| {
            state.clouds.get_mut(name).expect("a cloud of that name").delete();
            Ok(())
        })
        .await
    }

    async fn capacities(&self) -> Result<Vec<Capacity>> {
        Ok(vec![Capacity::OnDemand, Capacity::Spot])
    }
}

fn without_addresses(service: &str, tasks: Vec<Task>) -> Vec<Task> {
    let known = |task: Task| {
        let interface = task.network_interface.map(|interface| format!("{service}/{interface}"));
        Task { service: Some(service.into()), public_ip: None, network_interface: interface, ..task }
    };
    tasks.into_iter().map(known).collect()
}

#[async_trait]
impl Registry for Door {
    async fn tagged_images(&self, _: &str) -> Result<TaggedImages> {
        self.read("DescribeImages", |state| {
            let images = state.clouds.values().flat_map(|cloud| cloud.images.clone());
            Ok(Arc::new(images.map(|(tag, image)| (tag, ImageView::Found(image))).collect()))
        })
        .await
    }

    async fn image(&self, _: &str, tag: &ImageTag) -> Result<ImageView> {
        self.read("DescribeImages", |state| {
            let image = state.clouds.values().find_map(|cloud| cloud.images.get(tag));
            Ok(image.cloned().map_or(ImageView::Missing, ImageView::Found))
        })
        .await
    }

    async fn revision(&self, _: &str, digest: &ImageDigest) -> Result<Option<String>> {
        self.read("BatchGetImage", |state| Ok(state.labels.get(digest).cloned())).await
    }

    async fn architectures(&self, _: &str, _: &ImageDigest) -> Result<Vec<String>> {
        self.read("BatchGetImage", |_| Ok(vec!["amd64".to_owned()])).await
    }

    async fn inventory(&self, _: &str) -> Result<Vec<ListedImage>> {
        self.read("DescribeImages", |state| Ok(state.untagged.values().cloned().collect())).await
    }

    async fn manifests(&self, _: &str, digests: &[ImageDigest]) -> Result<HashMap<ImageDigest, ManifestText>> {
        self.read("BatchGetImage", |_| {
            Ok(digests.iter().map(|digest| (digest.clone(), ManifestText::Missing)).collect())
        })
        .await
    }

    async fn delete_images(&self, _: &str, images: &[ImageRef]) -> Result<Vec<DeletionFailure>> {
        self.write("BatchDeleteImage", |state| {
            for image in images {
                if let ImageRef::Digest(digest) = image {
                    state.untagged.remove(digest);
                }
            }
            Ok(Vec::new())
        })
        .await
    }

    async fn remove_tags(&self, _: &str, tags: &[ImageTag]) -> Result<()> {
        self.write("BatchDeleteImage", |state| {
            state.clouds.values_mut().for_each(|cloud| cloud.images.retain(|tag, _| !tags.contains(tag)));
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Quotas for Door {
    async fn fargate_vcpus(&self) -> Result<FargateQuotas> {
        // What AWS gives every account.
        self.read("GetServiceQuota", |_| Ok(FargateQuotas { on_demand: 1000.0, spot: 1000.0 })).await
    }
}

#[async_trait]
impl Forge for Door {
    async fn say(&self, view: &CommentView, said: Option<&SaidComment>) -> Result<SaidComment> {
        let is_there = !view.edits_only || self.world.state().comments.contains_key(&view.key);
        let answer = SaidComment { id: is_there.then_some(view.key.pr.get()), said: view.identity() };
        if said == Some(&answer) {
            return Ok(answer);
        }
        self.write("say", |state| {
            if let Some(meaning) = state.comments_refused.get(&view.key).copied() {
                state.refused_comments += 1;
                return Err(Error::new(meaning, "say", "the conversation is locked"));
            }
            state.forge_answers("say", &view.key.repo)?;
            if !is_there {
                return Ok(answer);
            }
            let log = view.log.as_ref().map(|log| log.lines().to_vec());
            state.logs_said.insert(view.key.clone(), log);
            state.written_comments.entry(view.key.clone()).or_default().push(view.clone());
            // Found by its id, else by its marker, else posted.
            let comments = state.comments.entry(view.key.clone()).or_default();
            match comments.first_mut() {
                Some(comment) => *comment = (view.identity(), view.phase),
                None => comments.push((view.identity(), view.phase)),
            }
            Ok(answer)
        })
        .await
    }

    async fn pull_request(&self, key: &EnvKey) -> Result<Option<PullRequest>> {
        self.read("GetPullRequest", |state| {
            state.forge_answers("GetPullRequest", &key.repo)?;
            Ok(state.pull_requests.get(key).map(|open| pull_request(state, key, *open)))
        })
        .await
    }

    async fn open_pull_requests(&self, repo: &RepoName) -> Result<OpenPullRequests> {
        self.read("ListPullRequests", |state| {
            state.forge_answers("ListPullRequests", repo)?;
            let state_of = &*state;
            let open = state.pull_requests.iter().filter(|(_, state)| **state == PullRequestState::Open);
            let open = open.filter(|(key, _)| key.repo == *repo);
            Ok(open.map(|(key, state)| (key.pr, pull_request(state_of, key, *state))).collect())
        })
        .await
    }

    async fn pushes(&self, repo: &RepoName, branch: &Branch) -> Result<Option<Vec<Push>>> {
        self.read("ListActivities", |state| {
            state.forge_answers("ListActivities", repo)?;
            let pr = branch.name.trim_start_matches("change-").parse().expect("a branch of these tests");
            let mut pushes = state.pushes.get(&crate::state::env(pr)).cloned().unwrap_or_default();
            let opened = Push {
                before: "0".repeat(40),
                after: crate::fixtures::commit(0),
                actor: Some("contributor".into()),
                at: DateTime::UNIX_EPOCH,
            };
            pushes.push(opened);
            Ok(Some(pushes))
        })
        .await
    }

    async fn commits(&self, _: &EnvKey) -> Result<Vec<String>> {
        unreachable!("the controller asks for no commits")
    }

    fn health(&self) -> ForgeHealth {
        self.world.state().health.clone()
    }

    fn names(&self) -> RepoNames {
        self.world.state().names.clone()
    }
}

fn pull_request(world: &State, key: &EnvKey, state: PullRequestState) -> PullRequest {
    PullRequest {
        number: key.pr,
        is_open: state == PullRequestState::Open,
        head_sha: world.heads.get(key).cloned().unwrap_or_else(|| crate::fixtures::commit(0)),
        is_from_fork: true,
        branch: Some(Branch { repo: "contributor/shop".parse().unwrap(), name: format!("change-{}", key.pr) }),
        author: "contributor".into(),
        labels: Default::default(),
        seen_at: None,
    }
}

#[async_trait]
impl Conversation for Door {
    async fn permission(&self, _: &RepoName, _: &str) -> Result<Permission> {
        unreachable!("the controller asks for nobody's permission")
    }

    async fn is_in_team(&self, _: &RepoName, _: &str, _: &str) -> Result<bool> {
        unreachable!("the controller asks for nobody's team")
    }

    async fn last_label_change(&self, _: &EnvKey, _: &str) -> Result<Option<LabelChange>> {
        unreachable!("the controller asks for no labels")
    }

    async fn comment(&self, _: &CommentId) -> Result<Option<WrittenComment>> {
        unreachable!("the controller reads no comments of people")
    }

    async fn text(&self, _: &EnvKey, _: TextId) -> Result<Option<WrittenComment>> {
        unreachable!("the controller reads no texts of people")
    }

    async fn last_closing(&self, _: &EnvKey) -> Result<Option<DateTime<Utc>>> {
        unreachable!("the controller asks for no closings")
    }

    async fn changed_pulls(&self, _: &RepoName, _: DateTime<Utc>) -> Result<Vec<bivouac_ports::ChangedPull>> {
        unreachable!("the controller reads no reviews")
    }

    async fn reviews(&self, _: &EnvKey) -> Result<Vec<bivouac_ports::PostedComment>> {
        unreachable!("the controller reads no reviews")
    }

    async fn comments_since(&self, _: &RepoName, _: DateTime<Utc>) -> Result<PostedComments> {
        unreachable!("the controller reads no comments of people")
    }

    async fn react(&self, comment: &CommentId, reaction: Reaction, audience: Audience) -> Result<()> {
        assert_eq!(audience, Audience::Environment, "the reserve is for the reactions of the controller");
        self.write("react", |state| {
            state.reaction_calls += 1;
            state.forge_answers("react", &comment.repo)?;
            if let Some(meaning) = state.reactions_refused {
                return Err(Error::new(meaning, "react", "refused"));
            }
            state.reactions.insert((comment.id, reaction));
            Ok(())
        })
        .await
    }

    async fn reply(&self, _: &EnvKey, _: &str, _: Option<&str>, _: Audience) -> Result<()> {
        unreachable!("the controller replies to nobody")
    }
}

#[async_trait]
impl Probe for Door {
    async fn probe(&self, ip: IpAddr, _: u16, _: &str) -> Health {
        let hangs = {
            let state = self.world.state();
            let of = |pr: &u64| state.clouds.get(&format!("pr-{pr}-service"));
            state.hanging.iter().filter_map(of).any(|cloud| cloud.health(ip) == Health::Passing)
        };
        if hangs {
            // As long as the real probe waits.
            tokio::time::sleep(Duration::from_secs(5)).await;
            return Health::Silent("it does not answer within 5 seconds".into());
        }
        let asked = self.read("probe", |state| {
            let well = state.clouds.values().any(|cloud| cloud.health(ip) == Health::Passing);
            Ok(if well { Health::Passing } else { Health::Silent("no answer".into()) })
        });
        asked.await.unwrap_or(Health::Silent("no answer".into()))
    }

    async fn last_use(&self, _: IpAddr, _: u16, _: &str) -> LastUse {
        let asked = self.read("last use", |state| {
            state.use_looks += 1;
            Ok(state.last_use.clone())
        });
        asked.await.unwrap_or(LastUse::Unknown("no answer".into()))
    }
}

#[async_trait]
impl LogStore for Door {
    async fn events(&self, stream: &LogStream, _: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<LogEvent>> {
        self.read("FilterLogEvents", |state| {
            let event = |(at, line): (usize, &String)| LogEvent {
                id: format!("{}-{at}", stream.stream),
                at: to,
                received_at: None,
                message: line.clone(),
            };
            Ok(state.log.iter().enumerate().map(event).collect())
        })
        .await
    }

    async fn has_group(&self, _: Option<&str>, _: &str) -> Result<bool> {
        Ok(true)
    }
}

impl Clock for Door {
    fn now(&self) -> DateTime<Utc> {
        self.world.now() + self.world.state().skew
    }
}

/// The stream of the table.
pub(crate) struct Feed(pub(crate) mpsc::UnboundedReceiver<ItemKey>);

#[async_trait]
impl RecordFeed for Feed {
    async fn next(&mut self) -> Result<Vec<ItemKey>> {
        match self.0.recv().await {
            // At least once: each is told twice.
            Some(key) => Ok(vec![key.clone(), key]),
            None => Err(Error::new(Meaning::Unavailable, "GetRecords", "the stream ended")),
        }
    }
}
