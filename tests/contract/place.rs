//! Where the promises are tried, and how things get there that are not the adapters' to make.
//!
//! What people and other programs do in an account (make clusters and repositories, push images) is done here over
//! AWS's own protocols and without the SDK, which only `crates/aws` may see.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bivouac_aws::{
    AwsSite, CloudWatchLogs, Ecr, Ecs, EcsSettings, Endpoints, Quotas, Sdk, SdkSettings, ServiceQuotas,
    StaticCredentials,
};
use bivouac_awsmodel::Proxy;
use bivouac_model::{ContentHash, Image, ImageTag, ImageView, RenderedTaskDefinition, ServiceView, TAG_MANAGED};
use bivouac_ports::{Cluster as _, Meter, NoMeter, Registry as _};
use serde_json::{Value as Json, json};

use super::differences::{Emulator, Gap};

/// How long a state may take to come about. The embedded cloud needs a second, on a busy machine some more.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a state is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// An ordinary manifest of an image.
const IMAGE_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// An emulator of AWS.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which.
    pub emulator: Emulator,
    /// Where it answers for ECS, EC2, ECR and Service Quotas.
    pub url: String,
    /// A subnet that is there.
    pub subnet: String,
    /// A security group that is there.
    pub security_group: String,
    /// AWS's models as the judge of every call, in front of another project's emulator. The test fails when the last clone goes.
    pub recording: Option<Arc<Proxy>>,
}

/// A name that nothing else in the place has.
pub fn unique(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{what}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A tag of an image.
pub fn tag(text: &str) -> ImageTag {
    text.parse().expect("a tag")
}

/// Looks until what `look` asks for is there.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(GLANCE).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

impl Place {
    /// The adapters' SDK, pointed here.
    async fn sdk(&self, meter: Arc<dyn Meter>) -> Sdk {
        // Nothing may leave the machine, so what asks for tables is refused here.
        let endpoints = Endpoints { aws: Some(self.url.clone()), dynamodb: Some(self.url.clone()) };
        let credentials = Some(StaticCredentials::of_no_account());
        let settings = SdkSettings { region: Some("us-east-1".into()), endpoints, credentials };
        Sdk::load(&settings, meter).await.expect("a region is named")
    }

    /// The registry.
    pub async fn registry(&self) -> Ecr {
        Ecr::new(&self.sdk(Arc::new(NoMeter)).await)
    }

    /// The quotas of the account.
    pub async fn quotas(&self) -> ServiceQuotas {
        ServiceQuotas::new(&self.sdk(Arc::new(NoMeter)).await)
    }

    /// A cluster of this name; it need not be there.
    pub async fn cluster_named(&self, name: &str) -> Ecs {
        self.cluster_metered(name, Arc::new(NoMeter)).await
    }

    /// A cluster of this name, whose calls are counted.
    pub async fn cluster_metered(&self, name: &str, meter: Arc<dyn Meter>) -> Ecs {
        Ecs::new(&self.sdk(meter).await, Arc::new(Quotas::unlimited()), self.settings(name))
    }

    /// The site of a cluster of this name; it need not be there.
    pub async fn site(&self, name: &str) -> AwsSite {
        let sdk = self.sdk(Arc::new(NoMeter)).await;
        AwsSite::new(&sdk, Arc::new(Quotas::unlimited()), self.settings(name), "contract")
    }

    /// The logs of the account.
    pub async fn log_store(&self) -> CloudWatchLogs {
        CloudWatchLogs::new(&self.sdk(Arc::new(NoMeter)).await)
    }

    fn settings(&self, cluster: &str) -> EcsSettings {
        EcsSettings {
            cluster: cluster.to_owned(),
            subnets: vec![self.subnet.clone()],
            security_groups: vec![self.security_group.clone()],
        }
    }

    /// A new cluster with both capacity providers of Fargate, and its name.
    pub async fn cluster(&self) -> (Ecs, String) {
        self.cluster_with(&["FARGATE", "FARGATE_SPOT"]).await
    }

    /// A new cluster with these capacity providers, and its name.
    pub async fn cluster_with(&self, providers: &[&str]) -> (Ecs, String) {
        let name = unique("cluster");
        self.ecs("CreateCluster", json!({ "clusterName": name, "capacityProviders": providers })).await;
        (self.cluster_named(&name).await, name)
    }

    /// A new repository, and its name.
    pub async fn repository(&self) -> String {
        let name = unique("repository");
        self.ecr("CreateRepository", json!({ "repositoryName": name })).await;
        name
    }

    /// Pushes an image with a content of its own.
    pub async fn push(&self, repository: &str, tag: &str, content: &str) {
        self.push_manifest(repository, tag, &manifest(content)).await;
    }

    /// Pushes a manifest.
    pub async fn push_manifest(&self, repository: &str, tag: &str, manifest: &Json) {
        let input = json!({
            "repositoryName": repository,
            "imageTag": tag,
            "imageManifest": manifest.to_string(),
            "imageManifestMediaType": manifest["mediaType"],
        });
        self.ecr("PutImage", input).await;
    }

    /// A task definition of a family that runs an image that is there.
    pub async fn rendered(&self, family: &str, content: &str) -> RenderedTaskDefinition {
        let repository = self.repository().await;
        self.push(&repository, "pr-7-ci", "the image").await;
        let image = self.registry().await.image(&repository, &tag("pr-7-ci")).await.expect("an answer");
        let ImageView::Found(Image { digest, repository_uri, .. }) = image else { panic!("it was pushed: {image:?}") };
        let input = json!({
            "family": family,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            // Fargate needs it to pull from ECR.
            "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
            "containerDefinitions": [{
                "name": "web",
                // AWS needs none beside the task's own; moto 5.2.5 starts no task without it.
                "memory": 512,
                "image": format!("{repository_uri}@{digest}"),
                "essential": true,
                "portMappings": [{ "containerPort": 8080, "protocol": "tcp" }],
                "environment": [{ "name": "CONTENT", "value": content }],
            }],
        });
        let tags = vec![(TAG_MANAGED.to_owned(), "contract".to_owned())];
        RenderedTaskDefinition { family: family.into(), input, content: ContentHash::of([content.as_bytes()]), tags }
    }

    /// Sees to it that a service of one task gets it, and that the task gets a public address: what Fargate does by
    /// itself, and the embedded cloud too. On moto this plays the agent of Fargate.
    pub async fn play_agent(&self, ecs: &Ecs, cluster: &str, service: &str) {
        if !self.emulator.has(Gap::NoAgent) {
            return;
        }
        let described = ecs.services(&[service.to_owned()]).await.expect("an answer");
        let ServiceView::Active(described) = &described[service] else { panic!("no service {service}") };
        let started = self
            .ecs(
                "RunTask",
                json!({
                    "cluster": cluster,
                    "taskDefinition": described.task_definition.as_str(),
                    "capacityProviderStrategy": [{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }],
                    "group": format!("service:{service}"),
                    "startedBy": described.primary().expect("a deployment").id,
                    "networkConfiguration": {
                        "awsvpcConfiguration": { "subnets": [self.subnet], "securityGroups": [self.security_group] },
                    },
                }),
            )
            .await;
        let details = started["tasks"][0]["attachments"][0]["details"].as_array().cloned().unwrap_or_default();
        let interface = details.iter().find(|detail| detail["name"] == "networkInterfaceId").expect("an interface");
        let interface = interface["value"].as_str().expect("an id");
        let address = self.ec2(&[("Action", "AllocateAddress"), ("Domain", "vpc")]).await;
        let allocation = between(&address, "allocationId").expect("an allocation");
        let associate =
            [("Action", "AssociateAddress"), ("AllocationId", &allocation), ("NetworkInterfaceId", interface)];
        self.ec2(&associate).await;
    }

    /// Lets tasks run until they are stopped. moto moves a task on by one state, from RUNNING towards STOPPED, each
    /// time that it is described.
    pub async fn hold_tasks(&self) {
        let transition =
            json!({ "model_name": "ecs::task", "transition": { "progression": "manual", "times": 1_000_000 } });
        let answer = reqwest::Client::new()
            .post(format!("{}/moto-api/state-manager/set-transition", self.url))
            .header("content-type", "application/json")
            .body(transition.to_string())
            .send();
        assert!(answer.await.expect("an answer").status().is_success());
    }

    /// Calls ECS as anybody might.
    pub async fn ecs(&self, operation: &str, input: Json) -> Json {
        self.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), &input).await
    }

    /// Calls ECR as anybody might.
    pub async fn ecr(&self, operation: &str, input: Json) -> Json {
        self.json("ecr", &format!("AmazonEC2ContainerRegistry_V20150921.{operation}"), &input).await
    }

    /// Calls CloudWatch Logs as anybody might. Operations that create something answer nothing.
    pub async fn logs(&self, operation: &str, input: Json) {
        let target = format!("Logs_20140328.{operation}");
        self.send("logs", "application/x-amz-json-1.1", Some(&target), input.to_string()).await;
    }

    /// Calls EC2 as anybody might, and answers its XML.
    pub async fn ec2(&self, parameters: &[(&str, &str)]) -> String {
        let mut body = String::from("Version=2016-11-15");
        for (name, value) in parameters {
            body.push_str(&format!("&{name}={value}"));
        }
        self.send("ec2", "application/x-www-form-urlencoded", None, body).await
    }

    async fn json(&self, service: &str, target: &str, input: &Json) -> Json {
        let answer = self.send(service, "application/x-amz-json-1.1", Some(target), input.to_string()).await;
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{target}: {error}: {answer}"))
    }

    async fn send(&self, service: &str, content_type: &str, target: Option<&str>, body: String) -> String {
        // Emulators read the service and the region from the scope of a signature that they do not check.
        let scope = format!("embedded/20260101/us-east-1/{service}/aws4_request");
        let mut request = reqwest::Client::new()
            .post(&self.url)
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
            .header("content-type", content_type);
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        let answer = request.body(body.clone()).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a whole answer");
        assert!(status.is_success(), "{service} {target:?} {body}: {status} {text}");
        text
    }
}

/// The manifest of an image with a content of its own.
pub fn manifest(content: &str) -> Json {
    let digest =
        |of: &str| format!("sha256:{}{}", ContentHash::of([of.as_bytes()]), ContentHash::of([b"more".as_slice()]));
    json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 1000,
            "digest": digest(content),
        },
        "layers": [{
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "size": 1000,
            // moto 5.2.5 makes the digest of an image from those of its layers.
            "digest": digest(&format!("layer of {content}")),
        }],
    })
}

/// What stands in the first element of this name.
pub fn between(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (inside, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inside.to_owned())
}
