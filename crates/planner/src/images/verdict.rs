//! What is decided of one manifest, and why.

use bivouac_model::{EnvKey, ListedImage};

use super::graph::Place;
use super::manifest::Unread;
use super::roots::Use;
use super::tags::Stays;

/// What is decided of one manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Kept(Kept),
    /// It is to go, once two observations say so.
    Condemned(Condemned),
}

/// Why a manifest stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is in use itself.
    Used(Use),
    /// It has a tag that is no pull request's.
    Tagged,
    /// It has the tag of a pull request that stays.
    PullRequest(EnvKey, Stays),
    /// It is younger than the grace; its list may be under way.
    Young,
    /// Nobody knows how old it is.
    NoTime,
    /// Somebody put it into the archive.
    Archived,
    /// A list that stays names it.
    Child(Place),
    /// It refers to something that stays: a signature, an attestation.
    Referrer(Place),
    /// It stands for something that is not in this repository.
    ElsewhereSubject,
    /// It could not be read: a list, or what may refer to something that stays.
    Unread(Unread),
    /// A list could not be read, which may name it.
    PerhapsChild(Place, Unread),
    /// It is a list in a circle, which no registry can hold.
    Circular,
    /// It is a list that names what is not here.
    Outside,
    /// Nothing is deleted in this pass.
    Held(Hold),
}

/// Why a manifest is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condemned {
    /// Untagged, and nothing that stays needs it.
    Untagged,
    /// All its tags are a closed pull request's.
    Closed(EnvKey),
    /// It belongs to something that goes.
    Referrer,
}

/// Why a whole pass deletes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hold {
    /// The table reads empty while services run that are named like ours.
    EmptyTable,
    /// The clock jumped since the last look.
    ClockJumped,
}

impl Hold {
    /// In one PascalCase word.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::EmptyTable => "EmptyTable",
            Self::ClockJumped => "ClockJumped",
        }
    }

    /// In a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::EmptyTable => "The table reads empty while services of ours run, so nothing is deleted.",
            Self::ClockJumped => "The clock jumped, so nothing is deleted before it was watched for a while.",
        }
    }
}

impl Verdict {
    /// Whether it is to go.
    pub fn is_condemned(&self) -> bool {
        matches!(self, Self::Condemned(_))
    }

    /// In one PascalCase word.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Condemned(Condemned::Untagged) => "Untagged",
            Self::Condemned(Condemned::Closed(_)) => "PullRequestClosed",
            Self::Condemned(Condemned::Referrer) => "SubjectGoes",
            Self::Kept(kept) => match kept {
                Kept::Used(Use::Task) => "Running",
                Kept::Used(Use::TaskDefinition) => "TaskDefinition",
                Kept::Used(Use::Record) => "Record",
                Kept::Tagged => "Tagged",
                Kept::PullRequest(_, Stays::Open) => "PullRequestOpen",
                Kept::PullRequest(_, Stays::Record) => "Record",
                Kept::PullRequest(_, Stays::NoSuchPullRequest) => "NoSuchPullRequest",
                Kept::PullRequest(_, Stays::NotAsked) => "PullRequestUnknown",
                Kept::Young => "Young",
                Kept::NoTime => "NoPushTime",
                Kept::Archived => "Archived",
                Kept::Child(_) => "ChildOfKept",
                Kept::Referrer(_) => "RefersToKept",
                Kept::ElsewhereSubject => "SubjectElsewhere",
                Kept::Unread(_) | Kept::PerhapsChild(..) => "ListUnread",
                Kept::Circular => "ListCircular",
                Kept::Outside => "ListPointsOutside",
                Kept::Held(hold) => hold.reason(),
            },
        }
    }

    /// In a sentence; `inventory` is what the verdict was made of.
    pub fn sentence(&self, inventory: &[ListedImage]) -> String {
        let short = |at: &Place| inventory.get(*at as usize).map_or("another", |image| image.digest.short()).to_owned();
        match self {
            Self::Condemned(Condemned::Untagged) => "It has no tag, and nothing that stays needs it.".into(),
            Self::Condemned(Condemned::Closed(key)) => format!("Its pull request {key} is closed."),
            Self::Condemned(Condemned::Referrer) => "What it belongs to goes.".into(),
            Self::Kept(kept) => match kept {
                Kept::Used(Use::Task) => "A running task uses it.".into(),
                Kept::Used(Use::TaskDefinition) => "A live task definition names it.".into(),
                Kept::Used(Use::Record) => "A record names it.".into(),
                Kept::Tagged => "It has a tag that is no pull request's.".into(),
                Kept::PullRequest(key, Stays::Open) => format!("Its pull request {key} is open."),
                Kept::PullRequest(key, Stays::Record) => format!("The environment {key} is not gone yet."),
                Kept::PullRequest(key, Stays::NoSuchPullRequest) => {
                    format!("Its tag looks like that of {key}, but there is no such pull request.")
                }
                Kept::PullRequest(key, Stays::NotAsked) => {
                    format!("It is not known yet whether its pull request {key} is closed.")
                }
                Kept::Young => "It is younger than `guardrails.untagged_image_grace`.".into(),
                Kept::NoTime => "The registry does not say when it was pushed.".into(),
                Kept::Archived => "It is in the archive.".into(),
                Kept::Child(list) => format!("The list {} names it, which stays.", short(list)),
                Kept::Referrer(subject) => format!("It refers to {}, which stays.", short(subject)),
                Kept::ElsewhereSubject => "What it belongs to is not in this repository.".into(),
                Kept::Unread(why) => format!("Its manifest {}.", why.words()),
                Kept::PerhapsChild(list, why) => format!("The list {} {}, and may name it.", short(list), why.words()),
                Kept::Circular => "This list names itself, over others or not.".into(),
                Kept::Outside => "This list names what is not in the repository.".into(),
                Kept::Held(hold) => hold.sentence().into(),
            },
        }
    }
}
