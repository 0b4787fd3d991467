//! A store in memory, healthy until told otherwise.

use std::{
    future::pending,
    io,
    sync::{Arc, Mutex},
};

use super::super::{LeaseRecord, LeaseStore, Written};

#[derive(Clone, Default)]
pub(super) struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    record: Option<LeaseRecord>,
    trouble: Trouble,
    /// The next answer, or the next answer to a write, does not arrive.
    lose: Option<Call>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Trouble {
    #[default]
    None,
    Error,
    Silence,
}

#[derive(Clone, Copy, PartialEq)]
enum Call {
    Any,
    Write,
}

impl MemoryStore {
    pub(super) fn fail(&self, silent: bool) {
        self.state.lock().unwrap().trouble = if silent { Trouble::Silence } else { Trouble::Error };
    }

    pub(super) fn mend(&self) {
        self.state.lock().unwrap().trouble = Trouble::None;
    }

    pub(super) fn lose_next_answer(&self) {
        self.state.lock().unwrap().lose = Some(Call::Any);
    }

    pub(super) fn lose_next_write(&self) {
        self.state.lock().unwrap().lose = Some(Call::Write);
    }

    pub(super) fn record(&self) -> Option<LeaseRecord> {
        self.state.lock().unwrap().record.clone()
    }

    pub(super) fn put(&self, record: LeaseRecord) {
        self.state.lock().unwrap().record = Some(record);
    }

    /// Writes what `change` makes of the record; `None` is a conflict.
    pub(super) fn write(&self, change: impl FnOnce(Option<&LeaseRecord>) -> Option<LeaseRecord>) -> Written {
        let mut state = self.state.lock().unwrap();
        match change(state.record.as_ref()) {
            None => Written::Conflict,
            Some(record) => {
                let before = state.record.as_ref().map_or(0, |record| record.version);
                assert_eq!(record.version, before + 1, "a version is never reused");
                state.record = Some(record);
                Written::Done
            }
        }
    }

    async fn answer<T>(&self, call: Call, act: impl FnOnce() -> T) -> io::Result<T> {
        let trouble = self.state.lock().unwrap().trouble;
        match trouble {
            Trouble::None => {}
            Trouble::Error => return Err(io::Error::other("out of order")),
            Trouble::Silence => pending().await,
        }
        let answer = act();
        let lost = self.state.lock().unwrap().lose.take_if(|lose| *lose == Call::Any || *lose == call);
        if lost.is_some() {
            pending::<()>().await;
        }
        Ok(answer)
    }
}

pub(super) fn claimed(seen: Option<u64>, now: Option<&LeaseRecord>, claim: &LeaseRecord) -> Option<LeaseRecord> {
    (now.map(|now| now.version) == seen).then(|| claim.clone())
}

pub(super) fn renewed(now: Option<&LeaseRecord>, held: &LeaseRecord) -> Option<LeaseRecord> {
    let now = now.filter(|now| now.owner == held.owner && now.version == held.version)?;
    Some(LeaseRecord { version: now.version + 1, ..now.clone() })
}

pub(super) fn released(now: Option<&LeaseRecord>, held: &LeaseRecord) -> Option<LeaseRecord> {
    renewed(now, held).map(|record| LeaseRecord { owner: None, ..record })
}

impl LeaseStore for MemoryStore {
    type Error = io::Error;

    async fn read(&self) -> io::Result<Option<LeaseRecord>> {
        self.answer(Call::Any, || self.record()).await
    }

    async fn try_claim(&self, seen: Option<u64>, claim: &LeaseRecord) -> io::Result<Written> {
        self.answer(Call::Write, || self.write(|now| claimed(seen, now, claim))).await
    }

    async fn renew(&self, held: &LeaseRecord) -> io::Result<Written> {
        self.answer(Call::Write, || self.write(|now| renewed(now, held))).await
    }

    async fn release(&self, held: &LeaseRecord) -> io::Result<Written> {
        self.answer(Call::Write, || self.write(|now| released(now, held))).await
    }
}
