//! A table in memory, and a controller that plays a part.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bivouac_model::{
    Event, Item, ItemKey, Month, Phase, Record, SpendingEntry, Status, Value, decode_record, encode_status,
};
use bivouac_ports::{DesiredChange, Error, Journal, Meaning, RecordStore, Result, SpendingStore};

/// What happens to the table between two looks at it.
pub type Scene = Box<dyn FnOnce(&mut Items) + Send>;
pub type Items = BTreeMap<ItemKey, Item>;

#[derive(Default)]
pub struct MemoryStore {
    pub items: Mutex<Items>,
    /// One is played before each read, as long as there are any.
    pub scenes: Mutex<VecDeque<Scene>>,
    /// The reads that fail, by what they fail with; one for each read.
    pub failures: Mutex<VecDeque<Meaning>>,
    /// In the order in which they were written.
    pub events: Mutex<Vec<Event>>,
    /// The ledger of spending.
    pub spending: Mutex<Vec<SpendingEntry>>,
    /// What the journal fails with, if it does.
    pub journal_fails: Mutex<Option<Meaning>>,
}

impl MemoryStore {
    pub fn put(&self, key: &str, item: Item) {
        self.items.lock().unwrap().insert(item_key(key), item);
    }

    pub fn item(&self, key: &str) -> Item {
        self.items.lock().unwrap()[&item_key(key)].clone()
    }

    pub fn then(&self, scene: impl FnOnce(&mut Items) + Send + 'static) {
        self.scenes.lock().unwrap().push_back(Box::new(scene));
    }

    fn read(&self) -> Result<std::sync::MutexGuard<'_, Items>> {
        if let Some(meaning) = self.failures.lock().unwrap().pop_front() {
            return Err(Error::new(meaning, "DynamoDB GetItem", "somebody pulled the plug"));
        }
        let mut items = self.items.lock().unwrap();
        if let Some(scene) = self.scenes.lock().unwrap().pop_front() {
            scene(&mut items);
        }
        Ok(items)
    }
}

pub fn item_key(key: &str) -> ItemKey {
    let (repo, pr) = key.split_once('#').unwrap();
    ItemKey { repo: repo.into(), pr: pr.into() }
}

/// Sets attributes as the controller's write does.
pub fn apply(item: &mut Item, changes: Vec<(&'static str, Option<Value>)>) {
    for (name, value) in changes {
        match value {
            Some(value) => drop(item.insert(name.into(), value)),
            None => drop(item.remove(name)),
        }
    }
}

pub fn answer(items: &mut Items, key: &str, status: &Status) {
    apply(items.get_mut(&item_key(key)).unwrap(), encode_status(status));
}

#[async_trait]
impl SpendingStore for MemoryStore {
    async fn months(&self, months: &[Month]) -> Result<Vec<SpendingEntry>> {
        let spending = self.spending.lock().unwrap();
        Ok(spending.iter().filter(|entry| months.contains(&entry.month)).cloned().collect())
    }

    async fn write(&self, _: &SpendingEntry, _: Option<u64>) -> Result<()> {
        unreachable!("a client writes no spending")
    }
}

#[async_trait]
impl RecordStore for MemoryStore {
    async fn all(&self) -> Result<Vec<Record>> {
        Ok(self.read()?.iter().map(|(key, item)| decode_record(key.clone(), item)).collect())
    }

    async fn in_phase(&self, phase: Phase) -> Result<Vec<Record>> {
        let is_in = |record: &Record| record.status.as_ref().is_some_and(|status| status.phase == phase);
        Ok(self.all().await?.into_iter().filter(is_in).collect())
    }

    async fn get(&self, key: &ItemKey) -> Result<Option<Record>> {
        Ok(self.read()?.get(key).map(|item| decode_record(key.clone(), item)))
    }

    async fn write_status(&self, seen: &Record, status: &Status) -> Result<()> {
        let mut items = self.items.lock().unwrap();
        let item = items.get_mut(&seen.key).ok_or_else(|| Error::new(Meaning::Conflict, "memory", "gone"))?;
        apply(item, encode_status(status));
        Ok(())
    }

    async fn write_desired(&self, key: &ItemKey, change: &DesiredChange) -> Result<u64> {
        let mut items = self.items.lock().unwrap();
        let item = items.entry(key.clone()).or_default();
        apply(item, change.clone());
        let generation = item.get("generation").and_then(Value::as_u64).unwrap_or_default() + 1;
        item.insert("generation".into(), Value::Number(generation.to_string()));
        Ok(generation)
    }

    async fn write_desired_over(&self, key: &ItemKey, seen: Option<&Record>, change: &DesiredChange) -> Result<u64> {
        let generation = |record: &Record| record.generation;
        if self.get(key).await?.as_ref().map(generation) != seen.map(generation) {
            return Err(Error::new(Meaning::Conflict, "memory", "written meanwhile"));
        }
        self.write_desired(key, change).await
    }

    async fn init(&self) -> Result<Vec<String>> {
        Ok(vec!["created the table bivouac-environments".into()])
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl MemoryStore {
    fn journal(&self) -> Result<std::sync::MutexGuard<'_, Vec<Event>>> {
        match *self.journal_fails.lock().unwrap() {
            Some(meaning) => Err(Error::new(meaning, "DynamoDB Query", "somebody pulled the plug")),
            None => Ok(self.events.lock().unwrap()),
        }
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn append(&self, events: &[Event]) -> Result<()> {
        self.journal()?.extend_from_slice(events);
        Ok(())
    }

    async fn newest(&self, environment: &ItemKey, most: usize) -> Result<Vec<Event>> {
        let mut events = self.journal()?.clone();
        events.retain(|event| event.environment == *environment);
        events.sort_by(|one, other| (other.at, &other.tie).cmp(&(one.at, &one.tie)));
        events.truncate(most);
        Ok(events)
    }
}

/// What was printed.
#[derive(Clone, Default)]
pub struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
