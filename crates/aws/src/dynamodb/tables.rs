//! The tables of contract 1: what they are called, what they have to be, and the next step from what one is to that.

use aws_sdk_dynamodb::types::{
    IndexStatus, KeyType, ProjectionType, ScalarAttributeType, StreamViewType, TableDescription, TableStatus,
    TimeToLiveDescription, TimeToLiveStatus,
};

/// The index of environments by phase and expiry.
pub(super) const BY_PHASE: &str = "by-phase";
/// The attribute by which DynamoDB forgets tombstones and events.
pub(super) const PURGE_AT: &str = "purge_at";

/// A key: hash attribute, and range attribute if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub hash: (&'static str, Scalar),
    pub range: Option<(&'static str, Scalar)>,
}

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    S,
    N,
}

impl Scalar {
    pub(super) fn sdk(self) -> ScalarAttributeType {
        match self {
            Self::S => ScalarAttributeType::S,
            Self::N => ScalarAttributeType::N,
        }
    }
}

impl Key {
    /// The attributes, with the part each plays.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'static str, Scalar, KeyType)> {
        let (name, scalar) = self.hash;
        let range = self.range.map(|(name, scalar)| (name, scalar, KeyType::Range));
        std::iter::once((name, scalar, KeyType::Hash)).chain(range)
    }

    /// `repo (S, hash) and pr (N, range)`.
    fn sentence(&self) -> String {
        describe(self.attributes().map(|(name, scalar, part)| (name, scalar.sdk().as_str().to_owned(), part)))
    }
}

fn describe<'a>(attributes: impl Iterator<Item = (&'a str, String, KeyType)>) -> String {
    let parts: Vec<String> =
        attributes.map(|(name, scalar, part)| format!("{name} ({scalar}, {})", part.as_str().to_lowercase())).collect();
    parts.join(" and ")
}

/// What a table has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableSpec {
    pub name: String,
    pub key: Key,
    /// Name and key of the one index, which projects everything.
    pub index: Option<(&'static str, Key)>,
    /// Whether it has a stream of NEW_AND_OLD_IMAGES.
    pub stream: bool,
    /// Whether items expire by [`PURGE_AT`].
    pub expires: bool,
}

/// The names of the tables of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableNames {
    pub environments: String,
    pub events: String,
    pub leases: String,
}

impl TableNames {
    pub(crate) fn with_prefix(prefix: &str) -> Self {
        Self {
            environments: format!("{prefix}-environments"),
            events: format!("{prefix}-events"),
            leases: format!("{prefix}-leases"),
        }
    }

    /// The three tables as contract 1 has them.
    pub(super) fn specs(&self) -> [TableSpec; 3] {
        let text = |name| (name, Scalar::S);
        [
            TableSpec {
                name: self.environments.clone(),
                key: Key { hash: text(super::value::REPO), range: Some((super::value::PR, Scalar::N)) },
                index: Some((BY_PHASE, Key { hash: text("phase"), range: Some(text("expires_at")) })),
                stream: true,
                expires: true,
            },
            TableSpec {
                name: self.events.clone(),
                key: Key { hash: text("environment"), range: Some(text("at")) },
                index: None,
                stream: false,
                expires: true,
            },
            TableSpec {
                name: self.leases.clone(),
                key: Key { hash: text("name"), range: None },
                index: None,
                stream: false,
                expires: false,
            },
        ]
    }
}

/// A table as it was found; `None` in `table` when there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub table: Option<TableDescription>,
    /// Read only for a table that expires.
    pub time_to_live: Option<TimeToLiveDescription>,
}

/// What brings a table nearer to its spec. One at a time: DynamoDB refuses a second change while one is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    AddIndex,
    EnableStream,
    EnableTimeToLive,
    /// Something is under way.
    Wait(String),
    /// A person has to decide; the sentence says what it has and what it should have.
    Wrong(String),
    Done,
}

impl TableSpec {
    /// The next step from what was found. Looks at everything that can be wrong before it changes anything.
    pub(super) fn next_step(&self, found: &Found) -> Step {
        self.steps(found).into_iter().next().unwrap_or(Step::Done)
    }

    /// Everything that lies between what was found and the spec, in order: first what no step mends. A table that is not
    /// active shows nothing more.
    pub(super) fn steps(&self, found: &Found) -> Vec<Step> {
        let Some(table) = &found.table else { return vec![Step::Create] };
        let mut steps: Vec<Step> =
            self.wrong(table, found.time_to_live.as_ref()).into_iter().map(Step::Wrong).collect();
        match table.table_status() {
            Some(TableStatus::Active) => {}
            status => {
                let status = status.map_or("of unknown status", TableStatus::as_str);
                steps.push(Step::Wait(format!("table {} is {status}", self.name)));
                return steps;
            }
        }
        if let Some((name, _)) = self.index {
            let index = table.global_secondary_indexes().iter().find(|index| index.index_name() == Some(name));
            match index.map(|index| index.index_status()) {
                None => steps.push(Step::AddIndex),
                Some(Some(IndexStatus::Active)) => {}
                Some(status) => {
                    let status = status.map_or("of unknown status", IndexStatus::as_str);
                    steps.push(Step::Wait(format!("index {name} of table {} is {status}", self.name)));
                }
            }
        }
        if self.stream && stream_view(table).is_none() {
            steps.push(Step::EnableStream);
        }
        if self.expires {
            use TimeToLiveStatus::{Disabling, Enabled, Enabling};
            match found.time_to_live.as_ref().and_then(|ttl| ttl.time_to_live_status()) {
                // ENABLING takes up to an hour, in which nothing is amiss: what is to expire waits for days anyway.
                Some(Enabled | Enabling) => {}
                Some(Disabling) => {
                    steps.push(Step::Wait(format!("time to live of table {} is being switched off", self.name)));
                }
                _ => steps.push(Step::EnableTimeToLive),
            }
        }
        steps
    }

    /// What no step mends, each in a sentence.
    fn wrong(&self, table: &TableDescription, time_to_live: Option<&TimeToLiveDescription>) -> Vec<String> {
        let name = &self.name;
        let mut wrong = Vec::new();
        let scalar = |attribute: &str| {
            table
                .attribute_definitions()
                .iter()
                .find(|definition| definition.attribute_name() == attribute)
                .map_or("?", |definition| definition.attribute_type().as_str())
                .to_owned()
        };
        let key_of = |schema: &[aws_sdk_dynamodb::types::KeySchemaElement]| {
            let mut elements: Vec<_> = schema.iter().collect();
            elements.sort_by_key(|element| *element.key_type() != KeyType::Hash);
            describe(elements.into_iter().map(|element| {
                (element.attribute_name(), scalar(element.attribute_name()), element.key_type().clone())
            }))
        };
        let (has, should) = (key_of(table.key_schema()), self.key.sentence());
        if has != should {
            wrong.push(format!(
                "table {name} has the key {has} and should have {should}: choose another prefix, or remove the table"
            ));
        }
        if let Some((index_name, key)) = self.index
            && let Some(index) =
                table.global_secondary_indexes().iter().find(|index| index.index_name() == Some(index_name))
        {
            let (has, should) = (key_of(index.key_schema()), key.sentence());
            if has != should {
                wrong.push(format!(
                    "index {index_name} of table {name} has the key {has} and should have {should}: remove the index and run `bivouac init` again"
                ));
            }
            let projection = index.projection().and_then(|projection| projection.projection_type());
            if projection != Some(&ProjectionType::All) {
                let has = projection.map_or("nothing", ProjectionType::as_str);
                wrong.push(format!(
                    "index {index_name} of table {name} projects {has} and should project ALL: remove the index and run `bivouac init` again"
                ));
            }
        }
        if self.stream
            && let Some(view) = stream_view(table)
            && *view != StreamViewType::NewAndOldImages
        {
            wrong.push(format!(
                "the stream of table {name} has {} and should have NEW_AND_OLD_IMAGES: switch it off and run `bivouac init` again",
                view.as_str()
            ));
        }
        if self.expires
            && let Some(ttl) = time_to_live
            && matches!(ttl.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
            && ttl.attribute_name().is_some_and(|attribute| attribute != PURGE_AT)
        {
            wrong.push(format!(
                "table {name} expires items by {} and should by {PURGE_AT}: switch its time to live off, and run `bivouac init` again an hour later",
                ttl.attribute_name().unwrap_or_default()
            ));
        }
        wrong
    }
}

/// The view of the stream, if it is switched on.
fn stream_view(table: &TableDescription) -> Option<&StreamViewType> {
    table.stream_specification().filter(|stream| stream.stream_enabled())?.stream_view_type()
}

#[cfg(test)]
mod tests;
