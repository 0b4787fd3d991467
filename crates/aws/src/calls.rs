//! Every call this program makes to AWS, and the interceptor that reports each attempt to the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use bivouac_ports::Meter;

use crate::clock::AwsClock;
use crate::quota::Bucket;

/// One operation of one service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// As the SDK names it: `ECS`, `EC2`, `ECR`, `Service Quotas`, `CloudWatch Logs`, `DynamoDB`, `DynamoDB Streams`.
    pub(crate) service: &'static str,
    /// As the API reference names it.
    pub(crate) operation: &'static str,
    /// Both, for errors: `ECS CreateService`.
    pub(crate) name: &'static str,
    /// Which of AWS's token buckets it drinks from; `None`: no rate is published that we could come near.
    pub(crate) bucket: Option<Bucket>,
}

macro_rules! calls {
    ($($constant:ident = $service:literal $operation:literal, $bucket:expr;)*) => {
        $(pub(crate) const $constant: Call = Call {
            service: $service,
            operation: $operation,
            name: concat!($service, " ", $operation),
            bucket: $bucket,
        };)*

        /// All of them.
        pub(crate) const CALLS: &[Call] = &[$($constant),*];
    };
}

// The buckets of ECS are those of "Request throttling for the Amazon ECS API", that of EC2 is "uncategorized,
// non-mutating" of "Request throttling for the Amazon EC2 API".
calls! {
    LIST_SERVICES = "ECS" "ListServices", Some(Bucket::ServiceRead);
    DESCRIBE_SERVICES = "ECS" "DescribeServices", Some(Bucket::ServiceRead);
    CREATE_SERVICE = "ECS" "CreateService", Some(Bucket::ServiceModify);
    UPDATE_SERVICE = "ECS" "UpdateService", Some(Bucket::ServiceModify);
    DELETE_SERVICE = "ECS" "DeleteService", Some(Bucket::ServiceModify);
    TAG_RESOURCE = "ECS" "TagResource", Some(Bucket::TagWrite);
    LIST_TASKS = "ECS" "ListTasks", Some(Bucket::ClusterRead);
    DESCRIBE_TASKS = "ECS" "DescribeTasks", Some(Bucket::ClusterRead);
    DESCRIBE_CLUSTERS = "ECS" "DescribeClusters", Some(Bucket::ClusterRead);
    LIST_TASK_DEFINITIONS = "ECS" "ListTaskDefinitions", Some(Bucket::TaskDefinitionRead);
    DESCRIBE_TASK_DEFINITION = "ECS" "DescribeTaskDefinition", Some(Bucket::TaskDefinitionRead);
    LIST_TASK_DEFINITION_FAMILIES = "ECS" "ListTaskDefinitionFamilies", Some(Bucket::TaskDefinitionRead);
    DELETE_TASK_DEFINITIONS = "ECS" "DeleteTaskDefinitions", Some(Bucket::TaskDefinitionDelete);
    REGISTER_TASK_DEFINITION = "ECS" "RegisterTaskDefinition", Some(Bucket::TaskDefinitionModify);
    DEREGISTER_TASK_DEFINITION = "ECS" "DeregisterTaskDefinition", Some(Bucket::TaskDefinitionModify);
    DESCRIBE_NETWORK_INTERFACES = "EC2" "DescribeNetworkInterfaces", Some(Bucket::Ec2Read);
    DESCRIBE_SUBNETS = "EC2" "DescribeSubnets", Some(Bucket::Ec2Read);
    DESCRIBE_SECURITY_GROUPS = "EC2" "DescribeSecurityGroups", Some(Bucket::Ec2Read);
    DESCRIBE_ROUTE_TABLES = "EC2" "DescribeRouteTables", Some(Bucket::Ec2Read);
    DESCRIBE_IMAGES = "ECR" "DescribeImages", None;
    DESCRIBE_REPOSITORIES = "ECR" "DescribeRepositories", None;
    BATCH_GET_IMAGE = "ECR" "BatchGetImage", None;
    GET_DOWNLOAD_URL_FOR_LAYER = "ECR" "GetDownloadUrlForLayer", None;
    BATCH_DELETE_IMAGE = "ECR" "BatchDeleteImage", None;
    // Asked twice every few minutes at most.
    GET_SERVICE_QUOTA = "Service Quotas" "GetServiceQuota", None;
    GET_AWS_DEFAULT_SERVICE_QUOTA = "Service Quotas" "GetAWSDefaultServiceQuota", None;
    // 5 requests a second and more ("CloudWatch Logs quotas"): a person who follows a log makes one every two seconds.
    FILTER_LOG_EVENTS = "CloudWatch Logs" "FilterLogEvents", None;
    DESCRIBE_LOG_GROUPS = "CloudWatch Logs" "DescribeLogGroups", None;
    // DynamoDB bills on-demand reads and writes instead of counting calls; its control plane allows ten calls a
    // second and more, which only `init` and `check` use.
    GET_ITEM = "DynamoDB" "GetItem", None;
    SCAN = "DynamoDB" "Scan", None;
    QUERY = "DynamoDB" "Query", None;
    PUT_ITEM = "DynamoDB" "PutItem", None;
    UPDATE_ITEM = "DynamoDB" "UpdateItem", None;
    DELETE_ITEM = "DynamoDB" "DeleteItem", None;
    TRANSACT_WRITE_ITEMS = "DynamoDB" "TransactWriteItems", None;
    CREATE_TABLE = "DynamoDB" "CreateTable", None;
    UPDATE_TABLE = "DynamoDB" "UpdateTable", None;
    DESCRIBE_TABLE = "DynamoDB" "DescribeTable", None;
    DESCRIBE_TIME_TO_LIVE = "DynamoDB" "DescribeTimeToLive", None;
    UPDATE_TIME_TO_LIVE = "DynamoDB" "UpdateTimeToLive", None;
    DESCRIBE_STREAM = "DynamoDB Streams" "DescribeStream", None;
    GET_SHARD_ITERATOR = "DynamoDB Streams" "GetShardIterator", None;
    GET_RECORDS = "DynamoDB Streams" "GetRecords", None;
}

/// Reports every attempt of every call: a retry is a call too, for AWS's quotas as well as for whoever reads the
/// metrics. Hears what time AWS says it is, too.
pub(crate) struct MeterCalls {
    meter: Arc<dyn Meter>,
    clock: AwsClock,
}

impl MeterCalls {
    pub(crate) fn new(meter: Arc<dyn Meter>, clock: AwsClock) -> Self {
        Self { meter, clock }
    }
}

impl std::fmt::Debug for MeterCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MeterCalls")
    }
}

/// The header in which every answer says when it was written (RFC 9110, 6.6.1).
const DATE: &str = "date";

/// The attempt under way. Dropped without an end, its caller gave it up, which is reported too.
struct Attempt {
    began: Instant,
    /// Service and operation.
    call: (&'static str, &'static str),
    meter: Arc<dyn Meter>,
    has_ended: AtomicBool,
}

impl Storable for Attempt {
    type Storer = StoreReplace<Self>;
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("began", &self.began).field("call", &self.call).finish_non_exhaustive()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !*self.has_ended.get_mut() {
            let (service, operation) = self.call;
            self.meter.api_call(service, operation, "given up", self.began.elapsed());
        }
    }
}

/// Service and operation of the call under way. A metric's label must be one of few, so a call that is not in the list above
/// has no name of its own.
fn call_of(state: &ConfigBag) -> (&'static str, &'static str) {
    let known = state
        .load::<Metadata>()
        .and_then(|call| CALLS.iter().find(|known| known.service == call.service() && known.operation == call.name()));
    known.map_or(("AWS", "other"), |call| (call.service, call.operation))
}

impl Intercept for MeterCalls {
    fn name(&self) -> &'static str {
        "MeterCalls"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (call, meter) = (call_of(state), Arc::clone(&self.meter));
        let attempt = Attempt { began: Instant::now(), call, meter, has_ended: AtomicBool::new(false) };
        state.interceptor_state().store_put(attempt);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let attempt = state.load::<Attempt>();
        if let Some(attempt) = attempt {
            attempt.has_ended.store(true, Ordering::Relaxed);
        }
        let took = attempt.map(|attempt| attempt.began.elapsed()).unwrap_or_default();
        if let Some(date) = context.response().and_then(|response| response.headers().get(DATE)) {
            self.clock.hear(date, took);
        }
        let (service, operation) = call_of(state);
        match (context.output_or_error(), context.response()) {
            (Some(Ok(_)), _) => self.meter.api_call(service, operation, "ok", took),
            (_, Some(response)) => self.meter.api_call(service, operation, &error_code(response), took),
            (Some(Err(error)), None) if error.is_timeout_error() => {
                self.meter.api_call(service, operation, "timeout", took);
            }
            _ => self.meter.api_call(service, operation, "no answer", took),
        }
        Ok(())
    }
}

/// The error code of an answer, from its body, since the parsed error has lost its type here: `__type` in the JSON of
/// ECS, ECR, Service Quotas and DynamoDB, `<Code>` in the XML of EC2, else the HTTP status.
fn error_code(response: &HttpResponse) -> String {
    let body = response.body().bytes().unwrap_or_default();
    code_in_json(body).or_else(|| code_in_xml(body)).unwrap_or_else(|| response.status().as_u16().to_string())
}

fn code_in_json(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(rename = "__type")]
        code: String,
    }
    let Body { code } = serde_json::from_slice(body).ok()?;
    // `com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException`
    let code = code.rsplit('#').next().unwrap_or_default();
    is_code(code).then(|| code.to_owned())
}

fn code_in_xml(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    is_code(code).then(|| code.to_owned())
}

/// What may become a label of a metric: words and dots, of a bounded length.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;
    use proptest::prelude::*;

    use super::*;

    fn answer(body: &str) -> HttpResponse {
        HttpResponse::new(400.try_into().expect("a status"), SdkBody::from(body))
    }

    #[test]
    fn codes_are_read_from_both_protocols() {
        assert_eq!(
            error_code(&answer(r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#)),
            "ThrottlingException"
        );
        assert_eq!(error_code(&answer(r#"{"__type":"a.b#ResourceNotFoundException"}"#)), "ResourceNotFoundException");
        let xml = "<Response><Errors><Error><Code>InvalidGroup.NotFound</Code></Error></Errors></Response>";
        assert_eq!(error_code(&answer(xml)), "InvalidGroup.NotFound");
        assert_eq!(error_code(&answer("<html>Bad gateway</html>")), "400");
    }

    #[test]
    fn every_call_is_listed_once() {
        for (at, call) in CALLS.iter().enumerate() {
            assert_eq!(CALLS.iter().position(|other| other.name == call.name), Some(at), "{}", call.name);
        }
    }

    proptest! {
        #[test]
        fn a_label_is_short_and_plain_whatever_the_answer(body in any::<Vec<u8>>(), text in ".{0,200}") {
            let (json, xml) = (format!("{{\"__type\":{text:?}}}"), format!("<Code>{text}</Code>"));
            for body in [SdkBody::from(body), SdkBody::from(json), SdkBody::from(xml)] {
                let code = error_code(&HttpResponse::new(500.try_into().expect("a status"), body));
                prop_assert!(is_code(&code), "{code:?}");
            }
        }
    }
}
