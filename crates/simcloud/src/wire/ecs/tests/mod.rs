//! The model through its ECS calls, in time that the test moves.

mod decoding;
mod failures;
mod fargate;
mod invariants;
mod lifecycle;
mod paging;
mod refusals;
mod rollout;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::model::ecr::{Manifest, Mutability, Repository};
use crate::model::ecs::fate::Fate;
use crate::model::{Refusal, Scope, World};
use crate::{Quotas, Timings};

/// A world with the cluster `c`, the subnet `subnet-1` and the group `sg-1`.
struct Rig {
    world: World,
    now: DateTime<Utc>,
}

impl Rig {
    fn new() -> Self {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let scope = Scope { region: "us-west-2".into(), account: "123456789012".into() };
        let world = World::new(now, 1, scope, Timings::default(), Quotas::default(), 9);
        let mut rig = Self { world, now };
        rig.must("CreateCluster", json!({"clusterName": "c", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}));
        let subnet = crate::model::ec2::Subnet {
            id: "subnet-1".into(),
            vpc: "vpc-1".into(),
            zone: "us-west-2a".into(),
            cidr: "10.0.0.0/20".into(),
        };
        rig.world.ec2.subnets.insert("subnet-1".into(), subnet);
        let (id, name, vpc) = ("sg-1".to_owned(), "sg".to_owned(), "vpc-1".to_owned());
        let group = crate::model::ec2::SecurityGroup { id, name, vpc, ports: None };
        rig.world.ec2.groups.insert("sg-1".into(), group);
        rig
    }

    fn call(&mut self, operation: &str, input: Value) -> Result<Value, Refusal> {
        self.world.advance_to(self.now);
        let answer = super::answer(&mut self.world, operation, input, Duration::ZERO);
        self.world.advance_to(self.now);
        answer
    }

    fn must(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, input).unwrap_or_else(|refused| panic!("{operation}: {refused}"))
    }

    fn refused(&mut self, operation: &str, input: Value) -> Refusal {
        self.call(operation, input).expect_err(operation)
    }

    fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.world.advance_to(self.now);
    }

    fn fate(&mut self, target: &str, fate: Fate) {
        self.world.ecs.fates.set(target, fate, None);
    }

    fn register(&mut self, family: &str, image: &str) -> String {
        let body = task_definition(family, image);
        let answer = self.must("RegisterTaskDefinition", body);
        answer["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
    }

    /// Registers a task definition and creates a service of its name with one task.
    fn create(&mut self, name: &str) -> Value {
        self.register(name, "nginx:1");
        self.must("CreateService", create_service(name))
    }

    fn push(&mut self, repository: &str, tag: &str, content: u32) -> String {
        let text = json!({"schemaVersion": 2, "annotations": {"n": content.to_string()}});
        let manifest = Manifest::read(&text.to_string(), None).unwrap();
        let digest = manifest.digest.clone();
        let now = self.now;
        let held = self.world.ecr.repositories.entry(repository.to_owned());
        held.or_insert_with(|| Repository::new(repository, Mutability::Mutable, now)).force(manifest, Some(tag), now);
        digest
    }

    fn service(&mut self, name: &str) -> Value {
        let input = json!({"cluster": "c", "services": [name], "include": ["TAGS"]});
        let answer = self.must("DescribeServices", input);
        answer["services"][0].clone()
    }

    fn listed_tasks(&mut self, service: &str, status: &str) -> Vec<String> {
        let input = json!({"cluster": "c", "serviceName": service, "desiredStatus": status});
        let answer = self.must("ListTasks", input);
        serde_json::from_value(answer["taskArns"].clone()).unwrap()
    }

    /// The tasks of a service with this desired status, described.
    fn tasks(&mut self, service: &str, status: &str) -> Vec<Value> {
        let arns = self.listed_tasks(service, status);
        if arns.is_empty() {
            return Vec::new();
        }
        let answer = self.must("DescribeTasks", json!({"cluster": "c", "tasks": arns}));
        answer["tasks"].as_array().unwrap().clone()
    }

    fn events(&mut self, service: &str) -> Vec<String> {
        let service = self.service(service);
        let events = service["events"].as_array().unwrap().iter();
        events.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }
}

fn task_definition(family: &str, image: &str) -> Value {
    json!({
        "family": family, "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "requiresCompatibilities": ["FARGATE"], "executionRoleArn": "arn:aws:iam::123456789012:role/r",
        "containerDefinitions": [
            {"name": "web", "image": image, "portMappings": [{"containerPort": 8080}]},
        ],
    })
}

fn create_service(name: &str) -> Value {
    json!({
        "cluster": "c", "serviceName": name, "taskDefinition": name, "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
        }},
    })
}

const ECR: &str = "123456789012.dkr.ecr.us-west-2.amazonaws.com";
