//! The cloud as a client meets it: over HTTP, in AWS's shapes.

use std::time::{Duration, Instant};

#[path = "../../../tests/support/judge.rs"]
mod judge;

use bivouac_simcloud::{Fate, Fault, Latency, Options, Quotas, Rule, Service, SimCloud, When};
use serde_json::{Value, json};

const ECS: &str = "AmazonEC2ContainerServiceV20141113";
const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";
const SERVICE_QUOTAS: &str = "ServiceQuotasV20190624";
const DYNAMODB: &str = "DynamoDB_20120810";

/// What came back: status and body.
type Answer = (u16, Value);

async fn post(url: &str, target: &str, body: &Value) -> Result<Answer, reqwest::Error> {
    let version = if target.starts_with(DYNAMODB) { "1.0" } else { "1.1" };
    let answer = reqwest::Client::new()
        .post(url)
        .header("x-amz-target", target)
        .header("content-type", format!("application/x-amz-json-{version}"))
        // The engine wants to see a signature, and does not check it.
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/20260101/r/dynamodb/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=0",
        )
        .header("x-amz-date", "20260101T000000Z")
        .body(body.to_string())
        .send()
        .await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
}

async fn ecs(cloud: &SimCloud, operation: &str, body: Value) -> Answer {
    post(&cloud.aws_url(), &format!("{ECS}.{operation}"), &body).await.expect("an answer")
}

async fn ecr(cloud: &SimCloud, operation: &str, body: Value) -> Answer {
    post(&cloud.aws_url(), &format!("{ECR}.{operation}"), &body).await.expect("an answer")
}

async fn service_quotas(cloud: &SimCloud, body: Value) -> Answer {
    post(&cloud.aws_url(), &format!("{SERVICE_QUOTAS}.GetServiceQuota"), &body).await.expect("an answer")
}

async fn ec2(cloud: &SimCloud, form: &str) -> (u16, String) {
    let request = reqwest::Client::new()
        .post(cloud.aws_url())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("Version=2016-11-15&{form}"));
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

async fn start(options: Options) -> SimCloud {
    let cloud = SimCloud::start(judge::judged_strangers(options)).await.expect("a cloud");
    cloud.ecs().create_cluster("c");
    cloud.ec2().create_subnet("subnet-1");
    cloud.ec2().create_security_group("sg-1");
    cloud
}

async fn create_service(cloud: &SimCloud, name: &str, port: u16) {
    let image = format!("{}/app:{name}", cloud.registry());
    let (status, _) = ecs(
        cloud,
        "RegisterTaskDefinition",
        json!({
            "family": name, "networkMode": "awsvpc", "cpu": "256", "memory": "512",
            "executionRoleArn": "arn:aws:iam::123456789012:role/r", "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{
                "name": "web", "image": image, "portMappings": [{"containerPort": port}],
                "environment": [{"name": "FEATURE_X", "value": "<on>"}],
            }],
        }),
    )
    .await;
    assert_eq!(status, 200);
    let (status, answer) = ecs(
        cloud,
        "CreateService",
        json!({
            "cluster": "c", "serviceName": name, "taskDefinition": name, "desiredCount": 1,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
            }},
        }),
    )
    .await;
    assert_eq!(status, 200, "{answer}");
}

/// Asks again until there is an answer, for ten seconds at most.
async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} in ten seconds");
        tokio::task::yield_now().await;
    }
}

async fn fetch(url: &str) -> Option<(u16, String)> {
    let answer = reqwest::get(url).await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

fn tag(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0.to_owned())
}

#[tokio::test]
async fn a_service_becomes_a_page_at_a_public_address_and_goes_away() {
    let cloud = start(Options::default()).await;
    cloud.ecr().push_image("app", "web");
    create_service(&cloud, "web", 18_080).await;
    let address = eventually("public address", async || {
        let (status, xml) = ec2(
            &cloud,
            "Action=DescribeNetworkInterfaces&MaxResults=1000\
             &Filter.1.Name=group-id&Filter.1.Value.1=sg-1",
        )
        .await;
        assert_eq!(status, 200, "{xml}");
        tag(&xml, "publicIp")
    })
    .await;
    let url = format!("http://{address}:18080/any/path");
    let (status, page) = eventually("page", async || fetch(&url).await).await;
    assert_eq!(status, 200);
    assert!(page.contains("FEATURE_X") && page.contains("&lt;on&gt;"), "{page}");

    cloud.ecs().fate("web", Fate::Answers { status: 500 });
    assert_eq!(fetch(&url).await.expect("a page").0, 500);
    cloud.ecs().fate("web", Fate::RefusesConnections);
    assert_eq!(fetch(&url).await, None);

    let input = json!({"cluster": "c", "service": "web", "force": true});
    assert_eq!(ecs(&cloud, "DeleteService", input).await.0, 200);
    eventually("end", async || {
        let service = cloud.ecs().service("c", "web")?;
        (service.status == "INACTIVE" && cloud.ec2().interfaces() == 0).then_some(())
    })
    .await;
    cloud.ecs().clear_fates();
    eventually("silence", async || fetch(&url).await.is_none().then_some(())).await;
    cloud.shutdown().await;
}

#[tokio::test]
async fn two_clouds_of_one_seed_do_not_share_addresses() {
    let first = start(Options::default()).await;
    let second = start(Options::default()).await;
    for cloud in [&first, &second] {
        cloud.ecr().push_image("app", "web");
        create_service(cloud, "web", 18_081).await;
    }
    let address = async |cloud: &SimCloud| {
        eventually("address", async || cloud.ecs().service("c", "web")?.tasks.first()?.public_address).await
    };
    assert_ne!(address(&first).await, address(&second).await);
}

#[tokio::test]
async fn errors_have_the_shape_of_their_service() {
    let cloud = start(Options::default()).await;
    let (status, body) = ecs(&cloud, "ListServices", json!({"cluster": "none"})).await;
    let expected = json!({"__type": "ClusterNotFoundException", "message": "Cluster not found."});
    assert_eq!((status, body), (400, expected));
    let (status, body) = ecs(&cloud, "MakeCoffee", json!({})).await;
    assert_eq!((status, &body["__type"]), (400, &json!("UnknownOperationException")));
    let (_, body) = ecr(&cloud, "ListImages", json!({"repositoryName": "none"})).await;
    assert_eq!(body["__type"], "RepositoryNotFoundException");
    let (status, body) = service_quotas(&cloud, json!({"ServiceCode": "fargate", "QuotaCode": "L-0"})).await;
    assert_eq!((status, &body["__type"]), (400, &json!("NoSuchResourceException")));
    assert!(body["Message"].is_string() && body.get("message").is_none(), "{body}");
    let form = "Action=DescribeNetworkInterfaces&NetworkInterfaceId.1=eni-0";
    let (status, xml) = ec2(&cloud, form).await;
    assert_eq!(status, 400);
    assert!(xml.contains("<Response><Errors><Error><Code>InvalidNetworkInterfaceID.NotFound</Code>"));
    let (_, xml) = ec2(&cloud, "Action=DescribeNetworkInterfaces&MaxResults=4").await;
    assert_eq!(tag(&xml, "Code").as_deref(), Some("InvalidParameterValue"));
    let (_, xml) = ec2(&cloud, "Action=RunInstances").await;
    assert_eq!(tag(&xml, "Code").as_deref(), Some("InvalidAction"));
    let (status, body) = post(&cloud.aws_url(), &format!("{ECS}.ListServices"), &json!([1])).await.expect("an answer");
    assert_eq!((status, &body["__type"]), (400, &json!("SerializationException")));
}

#[tokio::test]
async fn images_are_pushed_described_and_deleted() {
    let cloud = start(Options::default()).await;
    let pushed = cloud.ecr().push_index("app", "pr-1");
    let (_, body) = ecr(&cloud, "DescribeImages", json!({"repositoryName": "app"})).await;
    assert_eq!(body["imageDetails"].as_array().expect("details").len(), 3);
    let by_tag = json!({"repositoryName": "app", "imageIds": [{"imageTag": "pr-1"}]});
    let (_, body) = ecr(&cloud, "BatchGetImage", by_tag.clone()).await;
    let manifest = body["images"][0]["imageManifest"].as_str().expect("a manifest");
    let manifest: Value = serde_json::from_str(manifest).expect("JSON");
    assert_eq!(manifest["manifests"][0]["digest"], pushed.image.as_str());
    let child = json!({"repositoryName": "app", "imageIds": [{"imageDigest": pushed.image}]});
    let (_, body) = ecr(&cloud, "BatchDeleteImage", child.clone()).await;
    assert_eq!(body["failures"][0]["failureCode"], "ImageReferencedByManifestList");
    let (_, body) = ecr(&cloud, "BatchDeleteImage", by_tag.clone()).await;
    assert_eq!(body["imageIds"][0]["imageDigest"], pushed.index.as_str());
    let (_, body) = ecr(&cloud, "BatchDeleteImage", child).await;
    assert_eq!(body["failures"], json!([]));
    let (_, body) = ecr(&cloud, "DescribeImages", by_tag).await;
    assert_eq!(body["__type"], "ImageNotFoundException");

    let index = json!({"schemaVersion": 2, "manifests": [{"digest": pushed.image}]}).to_string();
    let put = json!({"repositoryName": "app", "imageManifest": index, "imageTag": "x"});
    let (_, body) = ecr(&cloud, "PutImage", put).await;
    assert_eq!(body["__type"], "ReferencedImagesNotFoundException");
    let put = json!({"repositoryName": "app", "imageManifest": "{\"schemaVersion\":2}", "imageTag": "x"});
    assert_eq!(ecr(&cloud, "PutImage", put).await.0, 200);
    let (_, body) = ecr(&cloud, "ListImages", json!({"repositoryName": "app", "maxResults": 1})).await;
    assert!(body["nextToken"].is_string());
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_work_was_done() {
    let cloud = start(Options::default()).await;
    let hit = |fault| Rule::operation(Service::Ecs, "CreateCluster", fault).when(When::First(1));
    cloud.faults().add(hit(Fault::FailAfter));
    let (status, body) = ecs(&cloud, "CreateCluster", json!({"clusterName": "a"})).await;
    assert_eq!((status, &body["__type"]), (500, &json!("ServerException")));
    cloud.faults().clear();
    cloud.faults().add(hit(Fault::DropAfter));
    let url = cloud.aws_url();
    let target = format!("{ECS}.CreateCluster");
    assert!(post(&url, &target, &json!({"clusterName": "b"})).await.is_err());
    cloud.faults().clear();
    cloud.faults().add(hit(Fault::DropBefore));
    assert!(post(&url, &target, &json!({"clusterName": "d"})).await.is_err());
    let (_, body) = ecs(&cloud, "DescribeClusters", json!({"clusters": ["a", "b", "d"]})).await;
    assert_eq!(body["clusters"].as_array().expect("clusters").len(), 2);
    assert_eq!(cloud.calls().with_code(Service::Ecs, "CreateCluster", "ConnectionDropped"), 2);
}

#[tokio::test]
async fn throttling_has_each_services_own_code() {
    let cloud = start(Options::default()).await;
    cloud.faults().add(Rule::everywhere(Fault::Throttle));
    let (status, body) = ecs(&cloud, "ListServices", json!({})).await;
    assert_eq!((status, &body["__type"]), (400, &json!("ThrottlingException")));
    let (status, xml) = ec2(&cloud, "Action=DescribeSubnets").await;
    assert_eq!((status, tag(&xml, "Code").as_deref()), (503, Some("RequestLimitExceeded")));
    let (status, body) = service_quotas(&cloud, json!({})).await;
    assert_eq!((status, &body["__type"]), (400, &json!("TooManyRequestsException")));
    let target = format!("{DYNAMODB}.ListTables");
    let (status, _) = post(&cloud.dynamodb_url(), &target, &json!({})).await.expect("an answer");
    assert_eq!(status, 400);
    assert_eq!(cloud.calls().with_code(Service::DynamoDb, "ListTables", "ThrottlingException"), 1);
}

#[tokio::test]
async fn a_quota_that_is_changed_is_told_and_counted() {
    let cloud = start(Options::default()).await;
    let asked = json!({"ServiceCode": "fargate", "QuotaCode": "L-3032A538"});
    let (status, body) = service_quotas(&cloud, asked.clone()).await;
    assert_eq!((status, &body["Quota"]["Value"]), (200, &json!(6.0)));
    cloud.ecs().set_vcpu_quota(Some(64.5), None);
    assert_eq!(service_quotas(&cloud, asked.clone()).await.1["Quota"]["Value"], 64.5);
    cloud.faults().add(Rule::service(Service::ServiceQuotas, Fault::Deny));
    let (status, body) = service_quotas(&cloud, asked).await;
    assert_eq!((status, &body["__type"]), (400, &json!("AccessDeniedException")));
    assert!(body["Message"].as_str().expect("words").contains("servicequotas:GetServiceQuota"), "{body}");
    assert_eq!(cloud.calls().of(Service::ServiceQuotas, "GetServiceQuota"), 3);
    assert_eq!(cloud.calls().modifying(), 0);
}

#[tokio::test]
async fn request_rates_hold_where_they_are_switched_on() {
    let clock = bivouac_simcloud::Clock::manual("2026-01-01T00:00:00Z".parse().expect("a time"));
    let quotas = Quotas { request_rates: true, ..Quotas::default() };
    let cloud = start(Options { clock, quotas, ..Options::default() }).await;
    let mut codes = Vec::new();
    for _ in 0..21 {
        let input = json!({"taskDefinition": "none"});
        codes.push(ecs(&cloud, "DeregisterTaskDefinition", input).await.1["__type"].clone());
    }
    assert!(codes[..20].iter().all(|code| code == "ClientException"), "{codes:?}");
    assert_eq!(codes[20], "ThrottlingException");
    cloud.clock().advance(Duration::from_secs(1));
    let (_, body) = ecs(&cloud, "DeregisterTaskDefinition", json!({"taskDefinition": "x"})).await;
    assert_eq!(body["__type"], "ClientException");
}

#[tokio::test]
async fn lists_lag_where_a_test_wants_it() {
    let clock = bivouac_simcloud::Clock::manual("2026-01-01T00:00:00Z".parse().expect("a time"));
    let cloud = start(Options { clock, serve_tasks: false, ..Options::default() }).await;
    cloud.faults().set_lag(Duration::from_secs(2));
    create_service(&cloud, "web", 80).await;
    let list = || ecs(&cloud, "ListServices", json!({"cluster": "c"}));
    assert_eq!(list().await.1["serviceArns"], json!([]));
    cloud.clock().advance(Duration::from_secs(2));
    assert_eq!(list().await.1["serviceArns"].as_array().expect("a list").len(), 1);
}

#[tokio::test]
async fn dynamodb_stores_counts_and_delays() {
    let latency = Latency::fixed(Duration::from_millis(30));
    let cloud = start(Options { latency, ..Options::default() }).await;
    let url = cloud.dynamodb_url();
    let call = async |operation: &str, body: Value| {
        post(&url, &format!("{DYNAMODB}.{operation}"), &body).await.expect("an answer")
    };
    let (status, body) = call(
        "CreateTable",
        json!({
            "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        }),
    )
    .await;
    assert_eq!(status, 200, "{body}");
    let before = Instant::now();
    let put = json!({"TableName": "table", "Item": {"id": {"S": "a"}}});
    assert_eq!(call("PutItem", put).await.0, 200);
    assert!(before.elapsed() >= Duration::from_millis(30));
    let key = json!({"TableName": "table", "Key": {"id": {"S": "a"}}});
    assert_eq!(call("GetItem", key).await.1["Item"]["id"]["S"], "a");
    let (status, _) = call("GetItem", json!({"TableName": "none", "Key": {"id": {"S": "a"}}})).await;
    assert_eq!(status, 400);
    let calls = cloud.calls();
    assert_eq!(calls.with_code(Service::DynamoDb, "GetItem", "OK"), 1);
    assert_eq!(calls.with_code(Service::DynamoDb, "GetItem", "ResourceNotFoundException"), 1);
    assert_eq!(calls.modifying_to(Service::DynamoDb), 2);
}

#[tokio::test]
async fn a_cloud_that_was_dropped_or_shut_down_answers_no_more() {
    for drops in [true, false] {
        let cloud = start(Options::default()).await;
        let (aws, dynamodb) = (cloud.aws_url(), cloud.dynamodb_url());
        if drops {
            drop(cloud);
        } else {
            cloud.shutdown().await;
        }
        for url in [aws, dynamodb] {
            eventually("silence", async || fetch(&url).await.is_none().then_some(())).await;
        }
    }
}

#[tokio::test]
async fn one_family_registers_one_revision_at_a_time() {
    let latency = Latency::fixed(Duration::from_millis(50));
    let cloud = start(Options { latency, ..Options::default() }).await;
    let register = || {
        ecs(
            &cloud,
            "RegisterTaskDefinition",
            json!({"family": "web", "containerDefinitions": [{"name": "web", "image": "nginx"}]}),
        )
    };
    let (first, second) = tokio::join!(register(), register());
    let mut statuses = [first.0, second.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let refused = if first.0 == 400 { first.1 } else { second.1 };
    assert_eq!(refused["__type"], "ClientException");
    assert_eq!(register().await.0, 200);
}
