//! The embedded cloud refuses what AWS's models do not allow: one fault at a time in calls that are in order otherwise.

use std::path::PathBuf;

use bivouac_awsmodel::{MODELS, Models, TASK_DEFINITION};
use bivouac_simcloud::{Options, SimCloud};
use serde_json::{Value, json};

const ECS: &str = "AmazonEC2ContainerServiceV20141113";
const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";
const QUOTAS: &str = "ServiceQuotasV20190624";

fn models() -> Models {
    let directory = std::env::var(MODELS)
        .unwrap_or_else(|_| panic!("{MODELS} is not set: the judge is absent, run this with `cargo xtask test`"));
    Models::open(&PathBuf::from(directory)).expect("the models are installed")
}

/// A cloud with a subnet, a security group and a cluster.
async fn cloud() -> SimCloud {
    let options = Options { serve_tasks: false, ..Options::default() };
    let cloud = SimCloud::start(options).await.expect("a cloud");
    cloud.ecs().create_cluster("c");
    cloud.ec2().create_subnet("subnet-1");
    cloud.ec2().create_security_group("sg-1");
    cloud
}

async fn post(cloud: &SimCloud, target: &str, body: &Value) -> (u16, String) {
    let request = reqwest::Client::new().post(cloud.aws_url()).header("x-amz-target", target);
    let request = request.header("content-type", "application/x-amz-json-1.1").body(body.to_string());
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

/// Sends each correct call in turn, before it every way to break one of its rules.
async fn refuses(cloud: &SimCloud, service: &str, prefix: &str, calls: &[(&str, Value)]) {
    let (models, mut taken, mut tried) = (models(), Vec::new(), 0);
    for (operation, body) in calls {
        let target = format!("{prefix}.{operation}");
        let before = taken.len();
        for spoiled in models.spoil(service, operation, body).expect("readable models") {
            tried += 1;
            let (status, _) = post(cloud, &target, &spoiled.body).await;
            if !(400..500).contains(&status) {
                taken.push(format!("{operation} {} {:?}", spoiled.path, spoiled.kind));
            }
        }
        let (status, answer) = post(cloud, &target, body).await;
        // After a wrong creation that was taken, the correct one finds its name taken.
        assert!(status == 200 || taken.len() > before, "{operation} is in order: {answer}");
    }
    assert!(tried > calls.len(), "the models have rules");
    assert!(taken.is_empty(), "{} of {tried} wrong calls were taken:\n{}", taken.len(), taken.join("\n"));
}

fn task_definition() -> Value {
    serde_json::from_str(TASK_DEFINITION).expect("JSON")
}

#[tokio::test]
async fn ecs_refuses_what_the_models_do_not_allow() {
    let cloud = cloud().await;
    let network = json!({ "awsvpcConfiguration": {
        "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
    } });
    let strategy = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0 }]);
    let service = "arn:aws:ecs:us-west-2:123456789012:service/c/s";
    let calls = [
        ("CreateCluster", json!({ "clusterName": "c", "capacityProviders": ["FARGATE", "FARGATE_SPOT"] })),
        ("RegisterTaskDefinition", task_definition()),
        ("DescribeTaskDefinition", json!({ "taskDefinition": "shop", "include": ["TAGS"] })),
        (
            "ListTaskDefinitions",
            json!({ "familyPrefix": "shop", "status": "ACTIVE", "sort": "DESC", "maxResults": 10 }),
        ),
        ("ListTaskDefinitionFamilies", json!({ "familyPrefix": "s", "status": "ACTIVE", "maxResults": 10 })),
        (
            "CreateService",
            json!({
                "cluster": "c", "serviceName": "s", "taskDefinition": "shop", "desiredCount": 1, "clientToken": "t",
                "capacityProviderStrategy": strategy, "platformVersion": "LATEST", "networkConfiguration": network,
                "deploymentConfiguration": {
                    "minimumHealthyPercent": 0, "maximumPercent": 200,
                    "deploymentCircuitBreaker": { "enable": true, "rollback": false },
                },
                "enableECSManagedTags": true, "propagateTags": "SERVICE", "enableExecuteCommand": false,
                "tags": [{ "key": "team", "value": "shop" }],
            }),
        ),
        (
            "UpdateService",
            json!({
                "cluster": "c", "service": "s", "desiredCount": 0, "taskDefinition": "shop", "forceNewDeployment": true,
                "capacityProviderStrategy": strategy, "networkConfiguration": network,
            }),
        ),
        ("DescribeServices", json!({ "cluster": "c", "services": ["s"], "include": ["TAGS"] })),
        ("ListServices", json!({ "cluster": "c", "maxResults": 10, "launchType": "FARGATE" })),
        ("TagResource", json!({ "resourceArn": service, "tags": [{ "key": "a", "value": "b" }] })),
        ("ListTasks", json!({ "cluster": "c", "serviceName": "s", "desiredStatus": "RUNNING", "maxResults": 10 })),
        ("DescribeTasks", json!({ "cluster": "c", "tasks": ["t"], "include": ["TAGS"] })),
        ("DescribeClusters", json!({ "clusters": ["c"], "include": ["SETTINGS"] })),
        ("DeleteService", json!({ "cluster": "c", "service": "s", "force": true })),
        ("DeregisterTaskDefinition", json!({ "taskDefinition": "shop:1" })),
        ("DeleteTaskDefinitions", json!({ "taskDefinitions": ["shop:1"] })),
    ];
    refuses(&cloud, "ecs", ECS, &calls).await;
    cloud.shutdown().await;
}

#[tokio::test]
async fn ecr_refuses_what_the_models_do_not_allow() {
    let cloud = cloud().await;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": { "mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": format!("sha256:{:064}", 1) },
        "layers": [],
    });
    let calls = [
        ("CreateRepository", json!({ "repositoryName": "app", "imageTagMutability": "MUTABLE" })),
        ("DescribeRepositories", json!({ "repositoryNames": ["app"] })),
        ("PutImage", json!({ "repositoryName": "app", "imageTag": "t", "imageManifest": manifest.to_string() })),
        (
            "DescribeImages",
            json!({
                "repositoryName": "app", "maxResults": 10, "filter": { "tagStatus": "ANY" },
            }),
        ),
        (
            "BatchGetImage",
            json!({
                "repositoryName": "app", "imageIds": [{ "imageTag": "t" }],
                "acceptedMediaTypes": ["application/vnd.docker.distribution.manifest.v2+json"],
            }),
        ),
        ("BatchDeleteImage", json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "t" }] })),
    ];
    refuses(&cloud, "ecr", ECR, &calls).await;
    cloud.shutdown().await;
}

async fn post_form(cloud: &SimCloud, form: &str) -> (u16, String) {
    let request = reqwest::Client::new().post(cloud.aws_url());
    let request = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let answer = request.body(form.to_owned()).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn ec2_refuses_what_the_models_do_not_allow() {
    const CODES: [&str; 3] = ["UnknownParameter", "InvalidParameterValue", "MissingParameter"];
    let cloud = cloud().await;
    let filter = "Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&MaxResults=10";
    let calls = [
        format!("Action=DescribeNetworkInterfaces&{filter}&IncludeManagedResources=false&DryRun=false"),
        format!("Action=DescribeSubnets&{filter}&DryRun=false"),
        "Action=DescribeSubnets&SubnetId.1=subnet-1".to_owned(),
        format!("Action=DescribeSecurityGroups&{filter}&DryRun=false"),
        "Action=DescribeSecurityGroups&GroupId.1=sg-1".to_owned(),
        format!("Action=DescribeRouteTables&{filter}&DryRun=false"),
    ];
    let (models, mut taken, mut tried) = (models(), Vec::new(), 0);
    for call in calls {
        let form = format!("{call}&Version=2016-11-15");
        for spoiled in models.spoil_form("ec2", &form).expect("readable models") {
            tried += 1;
            let (status, answer) = post_form(&cloud, &spoiled.body).await;
            if status != 400 || !CODES.iter().any(|code| answer.contains(&format!("<Code>{code}</Code>"))) {
                taken.push(format!("{} {:?}: {}: {answer}", spoiled.path, spoiled.kind, spoiled.body));
            }
        }
        let (status, answer) = post_form(&cloud, &form).await;
        assert_eq!(status, 200, "{form} is in order: {answer}");
    }
    assert!(tried > 50, "{tried}: the models have rules");
    assert!(taken.is_empty(), "{} of {tried} wrong forms were taken:\n{}", taken.len(), taken.join("\n"));
    cloud.shutdown().await;
}

#[tokio::test]
async fn service_quotas_refuses_what_the_models_do_not_allow() {
    let cloud = cloud().await;
    let quota = json!({ "ServiceCode": "fargate", "QuotaCode": "L-3032A538" });
    let calls = [("GetAWSDefaultServiceQuota", quota)];
    refuses(&cloud, "service-quotas", QUOTAS, &calls).await;
    cloud.shutdown().await;
}
