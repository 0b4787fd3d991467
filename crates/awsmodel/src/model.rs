//! The models, as botocore writes them, read one operation at a time.
//!
//! A test runs in a process of its own and calls a few operations of a few services. EC2's model alone has 4 MB, so
//! `cargo xtask test` writes each operation into a file of its own, which is read when the operation is seen first.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;
use serde::Deserialize;

/// AWS's models in a directory. The operations that were read are kept.
#[derive(Debug)]
pub struct Models {
    directory: PathBuf,
    services: BTreeMap<String, Metadata>,
    operations: Mutex<HashMap<Name, Option<Arc<Operation>>>>,
    patterns: Patterns,
}

/// A service and an operation.
type Name = (String, String);

/// Why the models cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file cannot be read.
    #[error("cannot read {}: `cargo xtask test` installs AWS's models", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file is no model.
    #[error("{} is no model of botocore's", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        #[source]
        source: serde_json::Error,
    },
}

/// The properties that all operations of a service share.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) api_version: String,
    pub(crate) protocol: String,
    pub(crate) json_version: Option<String>,
    pub(crate) target_prefix: Option<String>,
    pub(crate) xml_namespace: Option<String>,
}

/// One operation with the shapes it reaches.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) metadata: Metadata,
    pub(crate) signature: Signature,
    shapes: HashMap<String, Shape>,
}

#[derive(Debug, Deserialize)]
struct Document {
    metadata: Metadata,
    operations: BTreeMap<String, Signature>,
    shapes: HashMap<String, Shape>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Signature {
    pub(crate) input: Option<Reference>,
    pub(crate) output: Option<Reference>,
    #[serde(default)]
    pub(crate) errors: Vec<Reference>,
}

/// The use of a shape by a member, a list or a map.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reference {
    pub(crate) shape: String,
    pub(crate) location_name: Option<String>,
    pub(crate) query_name: Option<String>,
    pub(crate) timestamp_format: Option<String>,
    #[serde(default)]
    pub(crate) flattened: bool,
}

/// A shape. A bound is a decimal number, and a range may have a fraction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shape {
    #[serde(rename = "type")]
    pub(crate) kind: Type,
    #[serde(default)]
    pub(crate) members: BTreeMap<String, Reference>,
    #[serde(default)]
    pub(crate) required: Vec<String>,
    pub(crate) member: Option<Reference>,
    pub(crate) key: Option<Reference>,
    pub(crate) value: Option<Reference>,
    #[serde(default, rename = "enum")]
    pub(crate) values: Vec<String>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) pattern: Option<String>,
    pub(crate) timestamp_format: Option<String>,
    #[serde(default)]
    pub(crate) union: bool,
    #[serde(default)]
    pub(crate) document: bool,
    #[serde(default)]
    pub(crate) flattened: bool,
    #[serde(default)]
    pub(crate) eventstream: bool,
    /// Whether an error is the server's fault.
    #[serde(default)]
    pub(crate) fault: bool,
    pub(crate) error: Option<ErrorTrait>,
}

/// How an error is spelled on the wire where that is not the shape's name.
#[derive(Debug, Deserialize)]
pub(crate) struct ErrorTrait {
    pub(crate) code: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Type {
    Structure,
    List,
    Map,
    String,
    Character,
    Blob,
    Boolean,
    Integer,
    Long,
    Float,
    Double,
    BigDecimal,
    Timestamp,
}

impl Models {
    /// Opens the models that `cargo xtask test` wrote into this directory.
    ///
    /// # Errors
    /// If the directory has no readable index. Operations are read later.
    pub fn open(directory: &Path) -> Result<Self, ModelError> {
        let services = read(&directory.join("index.json"))?;
        let (operations, patterns) = Default::default();
        Ok(Self { directory: directory.to_owned(), services, operations, patterns })
    }

    /// The service with this name, or the one with this prefix of targets.
    pub(crate) fn service_of_target(&self, prefix: &str) -> Option<(&str, &Metadata)> {
        let mut services = self.services.iter();
        let found = services.find(|(_, metadata)| metadata.target_prefix.as_deref() == Some(prefix));
        found.map(|(name, metadata)| (name.as_str(), metadata))
    }

    /// The service that speaks EC2's protocol in this version.
    pub(crate) fn service_of_version(&self, version: &str) -> Option<(&str, &Metadata)> {
        let mut services = self.services.iter();
        let found = services.find(|(_, metadata)| metadata.protocol == "ec2" && metadata.api_version == version);
        found.map(|(name, metadata)| (name.as_str(), metadata))
    }

    /// The operation of this name, or nothing if the service has none.
    pub(crate) fn operation(&self, service: &str, name: &str) -> Result<Option<Arc<Operation>>, ModelError> {
        // The name came over the wire and becomes a file's.
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let key = (service.to_owned(), name.to_owned());
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = operations.get(&key) {
            return Ok(known.clone());
        }
        let path = self.directory.join(service).join(format!("{name}.json"));
        let found = if path.exists() {
            let Document { metadata, mut operations, shapes } = read(&path)?;
            operations.remove(name).map(|signature| Arc::new(Operation { metadata, signature, shapes }))
        } else {
            None
        };
        operations.insert(key, found.clone());
        Ok(found)
    }

    pub(crate) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Every pattern of every operation that the regex engine cannot compile, with the service. Such a pattern is not checked.
    ///
    /// # Errors
    /// If a model cannot be read.
    pub fn patterns_not_checked(&self) -> Result<Vec<(String, String)>, ModelError> {
        let mut found = std::collections::BTreeSet::new();
        for service in self.services.keys() {
            let path = self.directory.join(service);
            let unreadable = |source| ModelError::Unreadable { path: path.clone(), source };
            for entry in std::fs::read_dir(&path).map_err(unreadable)? {
                let document: Document = read(&entry.map_err(unreadable)?.path())?;
                let patterns = document.shapes.into_values().filter_map(|shape| shape.pattern);
                found.extend(patterns.map(|pattern| (service.clone(), pattern)));
            }
        }
        Ok(found.into_iter().filter(|(_, pattern)| self.patterns.get(pattern).is_none()).collect())
    }
}

impl Operation {
    /// The shape behind a reference. `cargo xtask test` writes every shape that an operation reaches.
    pub(crate) fn shape(&self, reference: &Reference) -> Option<&Shape> {
        self.shapes.get(&reference.shape)
    }

    /// Whether the answer is a stream of events, whose parts are not documents of the protocol.
    pub(crate) fn answers_with_events(&self) -> bool {
        let output = self.signature.output.as_ref().and_then(|output| self.shape(output));
        let mut members = output.into_iter().flat_map(|output| output.members.values());
        members.any(|member| self.shape(member).is_some_and(|shape| shape.eventstream))
    }
}

/// Spellings of Java's that the models have and Rust's regex engine reads otherwise: a POSIX class, a dash after a class, and
/// characters beyond the basic plane as pairs of surrogates (`java.util.regex.Pattern`).
const JAVA: [(&str, &str); 3] =
    [(r"\p{Print}", r"[\x20-\x7E]"), (r"[\w-_]", r"[\w\-_]"), (r"\uD800\uDC00-\uDBFF\uDFFF", r"\u{10000}-\u{10FFFF}")];

/// Compiled patterns. Compiling one takes longer than matching it often.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: Mutex<HashMap<String, Option<Regex>>>,
}

impl Patterns {
    /// The pattern for a whole text, or nothing if the engine cannot compile it (it has no look-around).
    ///
    /// AWS's older frameworks, from which these models come, match the whole text: ECR's `[0-9]{12}` for a registry would
    /// otherwise allow anything around twelve digits.
    pub(crate) fn get(&self, pattern: &str) -> Option<Regex> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = compiled.entry(pattern.to_owned());
        let rust = || JAVA.iter().fold(pattern.to_owned(), |text, (java, rust)| text.replace(java, rust));
        entry.or_insert_with(|| Regex::new(&format!("^(?:{})$", rust())).ok()).clone()
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let text = std::fs::read(path).map_err(|source| ModelError::Unreadable { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| ModelError::Malformed { path: path.to_owned(), source })
}
