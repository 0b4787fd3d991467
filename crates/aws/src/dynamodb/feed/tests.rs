//! The reader against streams that emulators do not have: shards that close, split and expire, answers that fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};

use proptest::prelude::*;

use super::*;
use crate::dynamodb::streams::Position;

/// A stream as DynamoDB keeps it, and what the reader did with it.
#[derive(Debug, Default)]
struct World {
    stream: String,
    shards: BTreeMap<ShardId, FakeShard>,
    /// How the next calls go wrong, one after another; when it is empty they go well.
    faults: VecDeque<Fault>,
    /// Shards that were read to their end, or closed before the reader began.
    drained: BTreeSet<ShardId>,
    /// Children that were read before their parent.
    out_of_order: Vec<ShardId>,
    calls: usize,
}

#[derive(Debug, Default)]
struct FakeShard {
    parent: Option<ShardId>,
    records: Vec<ItemKey>,
    /// Records before this one were trimmed.
    trimmed: usize,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    Unavailable,
    Expired,
    Empty,
}

impl World {
    fn with_one_shard() -> Self {
        let mut world = Self { stream: "1".into(), ..Self::default() };
        world.add(None);
        world
    }

    fn add(&mut self, parent: Option<ShardId>) -> ShardId {
        let id = ShardId { stream: self.stream.clone(), shard: format!("{:04}", self.shards.len()) };
        self.shards.insert(id.clone(), FakeShard { parent, ..FakeShard::default() });
        id
    }

    fn open(&self) -> Vec<ShardId> {
        self.shards.iter().filter(|(_, shard)| !shard.closed).map(|(id, _)| id.clone()).collect()
    }

    fn write(&mut self, id: &ShardId, key: &ItemKey) {
        self.shards.get_mut(id).unwrap().records.push(key.clone());
    }

    fn close(&mut self, id: &ShardId) {
        self.shards.get_mut(id).unwrap().closed = true;
    }

    fn split(&mut self, id: &ShardId, children: usize) -> Vec<ShardId> {
        self.close(id);
        (0..children).map(|_| self.add(Some(id.clone()))).collect()
    }

    /// The stream is switched off, and on again as another one.
    fn switch_off_and_on(&mut self) {
        self.open().iter().for_each(|id| self.close(id));
        self.stream = format!("{}'", self.stream);
        self.add(None);
    }

    fn fault(&mut self) -> Fault {
        self.calls += 1;
        self.faults.pop_front().unwrap_or(Fault::None)
    }
}

struct Fake(Mutex<World>);

impl Fake {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

fn unavailable() -> Error {
    Error::new(Meaning::Unavailable, "fake", "no answer")
}

#[async_trait]
impl StreamCalls for Fake {
    async fn latest_stream(&self) -> Result<Option<String>> {
        let mut world = self.world();
        match world.fault() {
            Fault::Unavailable => Err(unavailable()),
            _ => Ok((!world.stream.is_empty()).then(|| world.stream.clone())),
        }
    }

    /// Two shards a page.
    async fn shards(&self, stream: &str, after: Option<&str>) -> Result<(Vec<ListedShard>, Option<String>)> {
        let mut world = self.world();
        if world.fault() == Fault::Unavailable {
            return Err(unavailable());
        }
        let mut listed: Vec<ListedShard> = world
            .shards
            .iter()
            .filter(|(id, _)| id.stream == stream && after.is_none_or(|after| id.shard.as_str() > after))
            .map(|(id, shard)| ListedShard {
                id: id.shard.clone(),
                parent: shard.parent.as_ref().map(|parent| parent.shard.clone()),
                closed: shard.closed,
            })
            .collect();
        let more = listed.len() > 2;
        listed.truncate(2);
        let last = more.then(|| listed[1].id.clone());
        Ok((listed, last))
    }

    async fn iterator(&self, stream: &str, shard: &str, position: &Position) -> Result<Option<String>, Refusal> {
        let mut world = self.world();
        if world.fault() == Fault::Unavailable {
            return Err(Refusal::Failed(unavailable()));
        }
        let id = ShardId { stream: stream.into(), shard: shard.into() };
        let Some(shard) = world.shards.get(&id) else { return Err(Refusal::Gone) };
        let at = match position {
            Position::Latest => shard.records.len(),
            Position::TrimHorizon => shard.trimmed,
            Position::After(number) => number.parse::<usize>().unwrap() + 1,
        };
        if at < shard.trimmed {
            return Err(Refusal::Trimmed);
        }
        Ok(Some(format!("{}|{}|{at}", id.stream, id.shard)))
    }

    /// One record a page.
    async fn records(&self, iterator: &str) -> Result<Page, Refusal> {
        let mut world = self.world();
        match world.fault() {
            Fault::Unavailable => return Err(Refusal::Failed(unavailable())),
            Fault::Expired => return Err(Refusal::Expired),
            Fault::Empty => return Ok(Page { next: Some(iterator.into()), ..Page::default() }),
            Fault::None => {}
        }
        let parts: Vec<&str> = iterator.split('|').collect();
        let (id, at) =
            (ShardId { stream: parts[0].into(), shard: parts[1].into() }, parts[2].parse::<usize>().unwrap());
        let Some(shard) = world.shards.get(&id) else { return Err(Refusal::Gone) };
        if at < shard.trimmed {
            return Err(Refusal::Trimmed);
        }
        let early = shard.parent.clone().is_some_and(|parent| !world.drained.contains(&parent));
        let page = match shard.records.get(at) {
            Some(key) => Page {
                news: vec![key.clone()],
                last: Some(at.to_string()),
                next: Some(format!("{}|{}|{}", id.stream, id.shard, at + 1)),
            },
            None if shard.closed => Page::default(),
            None => Page { next: Some(iterator.into()), ..Page::default() },
        };
        if early {
            world.out_of_order.push(id.clone());
        }
        if page.next.is_none() {
            world.drained.insert(id);
        }
        Ok(page)
    }
}

fn key(number: usize) -> ItemKey {
    ItemKey { repo: "a/b".into(), pr: number.to_string().into() }
}

/// A reader whose time a test tells.
struct Told {
    reader: Reader<Fake>,
    now: Instant,
    seen: Vec<ItemKey>,
}

impl Told {
    fn new(world: World) -> Self {
        Self { reader: Reader::new(Fake(Mutex::new(world))), now: Instant::now(), seen: Vec::new() }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.reader.calls.world()
    }

    /// Reads on for so long.
    async fn read_for(&mut self, time: Duration) {
        let until = self.now + time;
        let mut at_once = 0;
        while self.now < until {
            match self.reader.step(self.now).await {
                Step::News(keys) => {
                    assert!(!keys.is_empty(), "an answer without keys");
                    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a key twice in one answer");
                    self.seen.extend(keys);
                }
                Step::Wait(at) => {
                    at_once = if at > self.now { 0 } else { at_once + 1 };
                    assert!(at_once < 3, "it runs without a pause");
                    self.now = at;
                }
            }
        }
    }

    fn numbers(&self) -> Vec<&str> {
        self.seen.iter().map(|key| &*key.pr).collect()
    }
}

#[tokio::test]
async fn what_was_there_before_is_no_news() {
    let mut world = World::with_one_shard();
    let first = world.open()[0].clone();
    world.write(&first, &key(1));
    let second = world.split(&first, 1)[0].clone();
    world.write(&second, &key(2));
    world.drained.insert(first);
    let mut told = Told::new(world);
    told.reader.begin().await.unwrap();
    told.world().write(&second, &key(3));
    told.read_for(Duration::from_secs(1)).await;
    assert_eq!(told.numbers(), ["3"]);
}

#[tokio::test]
async fn a_shard_that_closes_hands_over_to_its_children_within_a_second() {
    let mut told = Told::new(World::with_one_shard());
    told.reader.begin().await.unwrap();
    let parent = told.world().open()[0].clone();
    let children = told.world().split(&parent, 2);
    for (number, child) in children.iter().enumerate() {
        told.world().write(child, &key(number));
    }
    told.read_for(Duration::from_secs(1)).await;
    assert_eq!(told.numbers(), ["0", "1"]);
}

#[tokio::test]
async fn a_child_that_is_listed_late_is_found() {
    let mut told = Told::new(World::with_one_shard());
    told.reader.begin().await.unwrap();
    let parent = told.world().open()[0].clone();
    told.world().close(&parent);
    told.read_for(Duration::from_secs(5)).await;
    let child = told.world().add(Some(parent));
    told.world().write(&child, &key(1));
    told.read_for(LIST_AGAIN + POLL * 2).await;
    assert_eq!(told.numbers(), ["1"]);
}

#[tokio::test]
async fn what_is_trimmed_is_skipped_and_the_rest_is_read() {
    let mut told = Told::new(World::with_one_shard());
    told.reader.begin().await.unwrap();
    let shard = told.world().open()[0].clone();
    for number in 0..5 {
        told.world().write(&shard, &key(number));
    }
    told.world().shards.get_mut(&shard).unwrap().trimmed = 3;
    told.read_for(Duration::from_secs(5)).await;
    assert_eq!(told.numbers(), ["3", "4"]);
}

#[tokio::test]
async fn a_table_without_a_stream_is_looked_at_again_ever_more_rarely() {
    let mut told = Told::new(World::default());
    assert_eq!(told.reader.begin().await.unwrap_err().meaning(), Meaning::NotFound);
    told.read_for(Duration::from_secs(600)).await;
    let calls = told.world().calls;
    assert!((40..=60).contains(&calls), "{calls} calls in ten minutes, each 15 s after the first few");
    told.world().stream = "1".into();
    let shard = told.world().add(None);
    told.read_for(LIST_AGAIN + POLL).await;
    told.world().write(&shard, &key(1));
    told.read_for(Duration::from_secs(1)).await;
    assert_eq!(told.numbers(), ["1"]);
}

#[tokio::test]
async fn each_shard_is_asked_five_times_a_second() {
    let mut told = Told::new(World::with_one_shard());
    told.reader.begin().await.unwrap();
    let before = told.world().calls;
    told.read_for(Duration::from_secs(10)).await;
    assert_eq!(told.world().calls - before, 50);
}

#[tokio::test]
async fn an_answer_that_was_dropped_is_given_again() {
    let mut told = Told::new(World::with_one_shard());
    told.reader.begin().await.unwrap();
    told.read_for(POLL * 2).await;
    let shard = told.world().open()[0].clone();
    told.world().write(&shard, &key(1));
    // The answer came, and the future was dropped before it was taken in.
    drop(told.reader.answers(told.now).await);
    told.read_for(Duration::from_secs(1)).await;
    assert_eq!(told.numbers(), ["1"]);
}

#[derive(Clone, Debug)]
enum Act {
    Write(prop::sample::Index),
    Split(prop::sample::Index, usize),
    SwitchOffAndOn,
    Fail(Vec<Fault>),
    Read(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let fault = prop::sample::select(vec![Fault::None, Fault::None, Fault::Unavailable, Fault::Expired, Fault::Empty]);
    prop::collection::vec(
        prop_oneof![
            6 => any::<prop::sample::Index>().prop_map(Act::Write),
            3 => (any::<prop::sample::Index>(), 1..4usize).prop_map(|(at, children)| Act::Split(at, children)),
            1 => Just(Act::SwitchOffAndOn),
            2 => prop::collection::vec(fault, 1..8).prop_map(Act::Fail),
            3 => (1..20_000u64).prop_map(Act::Read),
        ],
        1..60,
    )
}

proptest! {
    /// Whatever the shards do and whatever fails: every write is news at least once, parents come before children.
    #[test]
    fn no_write_is_lost_and_no_child_is_read_before_its_parent(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (written, told) = runtime.block_on(async {
            let mut told = Told::new(World::with_one_shard());
            told.reader.begin().await.unwrap();
            let mut written = Vec::new();
            for act in acts {
                match act {
                    Act::Write(at) => {
                        let shard = at.get(&told.world().open()).clone();
                        let key = key(written.len());
                        told.world().write(&shard, &key);
                        written.push(key);
                    }
                    Act::Split(at, children) => {
                        let shard = at.get(&told.world().open()).clone();
                        told.world().split(&shard, children);
                    }
                    Act::SwitchOffAndOn => {
                        // Children of the old stream that were never listed while it was the latest are lost with it, as
                        // is said in the feed's documentation; so it is listed once more before.
                        told.world().faults.clear();
                        told.read_for(LIST_AGAIN * 8).await;
                        told.world().switch_off_and_on();
                    }
                    Act::Fail(faults) => told.world().faults.extend(faults),
                    Act::Read(millis) => told.read_for(Duration::from_millis(millis)).await,
                }
            }
            told.world().faults.clear();
            told.read_for(LIST_AGAIN * 8).await;
            (written, told)
        });
        for key in written {
            prop_assert!(told.seen.contains(&key), "{} was lost", key);
        }
        let world = told.world();
        prop_assert!(world.out_of_order.is_empty(), "read before their parents: {:?}", world.out_of_order);
    }
}
