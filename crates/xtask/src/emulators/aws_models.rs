//! AWS's own service models, as botocore publishes them: what every recorded call is checked against.
//!
//! botocore holds one document for each service. A test needs a few operations of it, in a process of its own, so each
//! operation is written into a file of its own with the shapes it uses. The documentation is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use super::cache::{Cache, Installation};
use crate::error::{Error, Result};

/// The services that Bivouac calls, with the API version that the SDKs speak. The names are botocore's directories.
const SERVICES: [(&str, &str); 7] = [
    ("dynamodb", "2012-08-10"),
    ("dynamodbstreams", "2012-08-10"),
    ("ec2", "2016-11-15"),
    ("ecr", "2015-09-21"),
    ("ecs", "2014-11-13"),
    ("logs", "2014-03-28"),
    ("service-quotas", "2019-06-24"),
];

/// Changes whenever the files are written in another way, so that old ones are written again.
const FORM: &str = "1: index.json and SERVICE/OPERATION.json";

/// Takes the models out of the wheel: the arguments are the wheel, then `SERVICE/VERSION` for each. A wheel is a zip file, and
/// the models in it are gzipped.
const UNPACK: &str = "\
import gzip, pathlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for service in sys.argv[2:]:
        model = wheel.read(f'botocore/data/{service}/service-2.json.gz')
        pathlib.Path(service.split('/')[0] + '.json').write_bytes(gzip.decompress(model))
";

/// The directory of the models. `moto` is moto's installation: its Python has a pip.
pub fn install(cache: &Cache, moto: &Path) -> Result<PathBuf> {
    let requirements = cache.pin("aws-models/requirements.txt")?;
    let version = version(&requirements)
        .ok_or_else(|| Error::Usage("aws-models/requirements.txt does not pin botocore".into()))?;
    let services = SERVICES.map(|(name, version)| format!("{name}/{version}"));
    let source = [&requirements, FORM, UNPACK, &services.join(" ")].join("\n");
    cache.install(&format!("aws-models-{version}"), &source, |installation| {
        let file = installation.write("requirements.txt", &requirements)?;
        let options = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"];
        let pip = moto.join("venv/bin/pip");
        installation.run(Command::new(pip).args(options).args(["--require-hashes", "--requirement"]).arg(file))?;
        let wheel = installation.directory.join(format!("botocore-{version}-py3-none-any.whl"));
        let python = moto.join("venv/bin/python");
        installation.run(Command::new(python).args(["-c", UNPACK]).arg(&wheel).args(&services))?;
        fs::remove_file(&wheel).map_err(Error::file("remove", &wheel))?;
        split_all(installation)
    })
}

/// The version behind `botocore==`.
fn version(requirements: &str) -> Option<&str> {
    let pinned = requirements.lines().find_map(|line| line.strip_prefix("botocore=="))?;
    pinned.split_whitespace().next()
}

/// Replaces each service's document by one file for each operation, and writes what all operations of a service share.
fn split_all(installation: &Installation<'_>) -> Result<()> {
    let mut index = Map::new();
    for (service, _) in SERVICES {
        let path = installation.directory.join(format!("{service}.json"));
        let text = fs::read(&path).map_err(Error::file("read", &path))?;
        let model: Value = serde_json::from_slice(&text).map_err(|error| broken(service, &error.to_string()))?;
        let directory = installation.directory.join(service);
        fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
        for (operation, document) in split(service, &model)? {
            installation.write(&format!("{service}/{operation}.json"), &document.to_string())?;
        }
        index.insert(service.to_owned(), model["metadata"].clone());
        fs::remove_file(&path).map_err(Error::file("remove", path))?;
    }
    installation.write("index.json", &Value::Object(index).to_string()).map(drop)
}

/// Every operation with a document of its own, in botocore's format: the operation, the shapes that it reaches, and nothing
/// else.
fn split(service: &str, model: &Value) -> Result<Vec<(String, Value)>> {
    let table =
        |name: &str| model[name].as_object().ok_or_else(|| broken(service, &format!("it has no table of {name}")));
    let (operations, shapes) = (table("operations")?, table("shapes")?);
    let mut documents = Vec::new();
    for (name, operation) in operations {
        let mut reached = BTreeSet::new();
        let mut waiting = Vec::new();
        references(operation, &mut waiting);
        while let Some(shape) = waiting.pop() {
            let found = shapes.get(shape).ok_or_else(|| broken(service, &format!("{name}: no shape {shape}")))?;
            if reached.insert(shape) {
                references(found, &mut waiting);
            }
        }
        let shapes: Map<String, Value> =
            reached.into_iter().map(|shape| (shape.to_owned(), bare(&shapes[shape]))).collect();
        let operation = Map::from_iter([(name.clone(), bare(operation))]);
        documents
            .push((name.clone(), json!({ "metadata": model["metadata"], "operations": operation, "shapes": shapes })));
    }
    Ok(documents)
}

/// The names behind `"shape"` in an operation or a shape. A member can itself be named `shape`, and is an object then.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("shape").and_then(Value::as_str));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Without documentation. A member can be named `documentation` too, and is an object then.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(name, value)| *name != "documentation" || !value.is_string());
            Value::Object(kept.map(|(name, value)| (name.clone(), bare(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(bare).collect()),
        other => other.clone(),
    }
}

fn broken(service: &str, what: &str) -> Error {
    Error::Description(format!("botocore's model of {service}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Value {
        json!({
            "metadata": { "targetPrefix": "Thing_2020", "protocol": "json" },
            "operations": {
                "GetThing": {
                    "input": { "shape": "GetThingRequest" },
                    "errors": [{ "shape": "Gone" }],
                    "documentation": "<p>Gets it.</p>",
                },
                "ListThings": { "input": { "shape": "Empty" } },
            },
            "shapes": {
                "GetThingRequest": {
                    "type": "structure",
                    "members": { "documentation": { "shape": "Text", "documentation": "<p>Its text.</p>" } },
                },
                "Gone": { "type": "structure", "members": { "cause": { "shape": "Gone" } }, "exception": true },
                "Text": { "type": "string" },
                "Empty": { "type": "structure", "members": {} },
                "Unused": { "type": "string" },
            },
        })
    }

    #[test]
    fn an_operation_has_the_shapes_it_reaches_and_no_documentation() {
        let documents = split("thing", &model()).expect("splits");
        let names: Vec<_> = documents.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["GetThing", "ListThings"]);
        let document = &documents[0].1;
        assert_eq!(document["metadata"], model()["metadata"]);
        let shapes: Vec<_> = document["shapes"].as_object().expect("a table").keys().collect();
        assert_eq!(shapes, ["GetThingRequest", "Gone", "Text"], "a circle of shapes ends");
        assert_eq!(document["shapes"]["GetThingRequest"]["members"], json!({ "documentation": { "shape": "Text" } }));
        assert!(!document.to_string().contains("<p>"), "{document}");
    }

    #[test]
    fn a_shape_that_is_not_there_is_an_error() {
        let mut broken = model();
        broken["shapes"].as_object_mut().expect("a table").remove("Text");
        let refused = split("thing", &broken).expect_err("Text is gone").to_string();
        assert!(refused.contains("thing") && refused.contains("no shape Text"), "{refused}");
    }

    #[test]
    fn the_version_is_the_pinned_one() {
        assert_eq!(version("# a comment\nbotocore==1.2.3 --hash=sha256:00\n"), Some("1.2.3"));
        assert_eq!(version("botocore>=1\n"), None);
    }
}
