//! Whatever comes in, an answer in AWS's shape goes out.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Rig;

const OPERATIONS: [&str; 20] = [
    "CreateCluster",
    "DescribeClusters",
    "ListClusters",
    "PutClusterCapacityProviders",
    "DescribeCapacityProviders",
    "CreateService",
    "UpdateService",
    "DeleteService",
    "DescribeServices",
    "ListServices",
    "RunTask",
    "StopTask",
    "DescribeTasks",
    "ListTasks",
    "RegisterTaskDefinition",
    "DescribeTaskDefinition",
    "ListTaskDefinitions",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
];

/// Names that inputs really have, so that arbitrary values reach the decoders behind them.
const FIELDS: [&str; 16] = [
    "cluster",
    "serviceName",
    "service",
    "services",
    "tasks",
    "taskDefinition",
    "desiredCount",
    "networkConfiguration",
    "awsvpcConfiguration",
    "capacityProviderStrategy",
    "containerDefinitions",
    "tags",
    "maxResults",
    "nextToken",
    "resourceArn",
    "family",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![Just("c".to_owned()), Just("web".to_owned()), ".*"].prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::from),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let key = prop_oneof![prop::sample::select(FIELDS.to_vec()).prop_map(str::to_owned), ".{0,8}"];
    prop::collection::btree_map(key, inner, 0..6).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn any_input_is_answered_or_refused(
        operation in prop::sample::select(OPERATIONS.to_vec()),
        input in object(value()),
    ) {
        let mut rig = Rig::new();
        rig.create("web");
        if let Err(refused) = rig.call(operation, Value::Object(input)) {
            prop_assert!(refused.code.ends_with("Exception"), "{}", refused);
        }
        rig.pass(120);
        let service = rig.service("web");
        prop_assert_eq!(service["serviceName"].as_str(), Some("web"));
    }

    #[test]
    fn an_unknown_operation_is_said_to_be_one(operation in "[A-Z][a-z]{1,12}") {
        prop_assert_eq!(Rig::new().refused(&operation, json!({})).code, "UnknownOperationException");
    }
}
