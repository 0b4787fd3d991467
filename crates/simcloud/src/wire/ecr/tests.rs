//! ECR's answers to whatever comes in.

use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer;
use crate::model::{Refusal, Scope, World};
use crate::{Quotas, Timings};

fn world() -> World {
    let scope = Scope { region: "us-west-2".into(), account: "123456789012".into() };
    World::new(DateTime::UNIX_EPOCH, 1, scope, Timings::default(), Quotas::default(), 9)
}

fn must(world: &mut World, operation: &str, input: Value) -> Value {
    answer(world, operation, input).unwrap_or_else(|refused| panic!("{operation}: {refused}"))
}

fn push(world: &mut World, n: usize, tag: Option<&str>) -> Result<Value, Refusal> {
    let manifest = json!({"schemaVersion": 2, "annotations": {"n": n.to_string()}}).to_string();
    let input = json!({"repositoryName": "app", "imageManifest": manifest, "imageTag": tag});
    answer(world, "PutImage", input)
}

#[test]
fn images_come_in_pages_that_together_are_all() {
    let mut world = world();
    must(&mut world, "CreateRepository", json!({"repositoryName": "app"}));
    for n in 0..101 {
        push(&mut world, n, (n % 2 == 0).then(|| format!("t{n}")).as_deref()).unwrap();
    }
    for (operation, items) in [("ListImages", "imageIds"), ("DescribeImages", "imageDetails")] {
        let first = must(&mut world, operation, json!({"repositoryName": "app"}));
        assert_eq!(first[items].as_array().unwrap().len(), 100);
        let input = json!({"repositoryName": "app", "nextToken": first["nextToken"]});
        let second = must(&mut world, operation, input);
        assert_eq!(second[items].as_array().unwrap().len(), 1);
        assert!(second.get("nextToken").is_none());
        let input = json!({"repositoryName": "app", "maxResults": 1000, "filter": {"tagStatus": "UNTAGGED"}});
        let untagged = must(&mut world, operation, input);
        assert_eq!(untagged[items].as_array().unwrap().len(), 50);
    }
}

#[test]
fn limits_are_refused_as_invalid_parameters() {
    let mut world = world();
    must(&mut world, "CreateRepository", json!({"repositoryName": "app"}));
    let ids: Vec<_> = (0..101).map(|n| json!({"imageTag": format!("t{n}")})).collect();
    let cases = [
        ("BatchDeleteImage", json!({"repositoryName": "app", "imageIds": ids})),
        ("BatchDeleteImage", json!({"repositoryName": "app", "imageIds": []})),
        ("ListImages", json!({"repositoryName": "app", "maxResults": 1001})),
        ("ListImages", json!({"repositoryName": "app", "nextToken": "abc"})),
        ("CreateRepository", json!({"repositoryName": "App"})),
        ("PutImage", json!({"repositoryName": "app", "imageManifest": "no JSON"})),
    ];
    for (operation, input) in cases {
        let refused = answer(&mut world, operation, input).unwrap_err();
        assert_eq!(refused.code, "InvalidParameterException", "{operation}: {refused}");
    }
}

#[test]
fn a_tag_of_an_immutable_repository_stays_but_for_the_excluded_ones() {
    let mut world = world();
    let input = json!({
        "repositoryName": "app", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "pr-*"}],
    });
    must(&mut world, "CreateRepository", input);
    push(&mut world, 1, Some("v1")).unwrap();
    push(&mut world, 1, Some("pr-1")).unwrap();
    assert_eq!(push(&mut world, 2, Some("v1")).unwrap_err().code, "ImageTagAlreadyExistsException");
    assert_eq!(push(&mut world, 1, Some("v1")).unwrap_err().code, "ImageAlreadyExistsException");
    push(&mut world, 2, Some("pr-1")).unwrap();
}

#[test]
fn an_index_is_as_large_as_its_largest_child() {
    let mut world = world();
    must(&mut world, "CreateRepository", json!({"repositoryName": "app"}));
    let layer = json!({"digest": "sha256:0", "size": 70});
    let child = json!({"schemaVersion": 2, "layers": [layer]}).to_string();
    let input = json!({"repositoryName": "app", "imageManifest": child});
    let put = must(&mut world, "PutImage", input);
    let digest = put["image"]["imageId"]["imageDigest"].clone();
    let index = json!({"schemaVersion": 2, "manifests": [{"digest": digest}]}).to_string();
    let input = json!({"repositoryName": "app", "imageManifest": index, "imageTag": "t"});
    must(&mut world, "PutImage", input);
    let input = json!({"repositoryName": "app", "imageIds": [{"imageTag": "t"}]});
    let shown = must(&mut world, "DescribeImages", input);
    assert_eq!(shown["imageDetails"][0]["imageSizeInBytes"], 70);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        prop_oneof![Just("app".to_owned()), ".*"].prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "repositoryName",
        "imageIds",
        "imageTag",
        "imageDigest",
        "layerDigest",
        "imageManifest",
        "nextToken",
        "maxResults",
        "filter",
        "tagStatus",
        "imageTagMutability",
    ]);
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_input_is_answered_or_refused(
        operation in prop::sample::select(vec![
            "CreateRepository", "DescribeRepositories", "PutImage", "ListImages",
            "DescribeImages", "BatchGetImage", "BatchDeleteImage", "GetDownloadUrlForLayer",
        ]),
        input in value(),
    ) {
        let mut world = world();
        must(&mut world, "CreateRepository", json!({"repositoryName": "app"}));
        if let Err(refused) = answer(&mut world, operation, input) {
            prop_assert!(refused.code.ends_with("Exception"), "{}", refused);
        }
    }
}
