//! What we may read: each read that the daemon makes is tried in its smallest form, about something that is not there where
//! that is enough. IAM decides before anything is looked for, so "not found" is a yes.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use aws_sdk_ec2::types::Filter;
use aws_sdk_ecr::types::ImageIdentifier;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bivouac_ports::{Meaning, SiteRead};
use futures::future::{BoxFuture, FutureExt as _, join_all};

use super::AwsSite;
use crate::calls::{
    BATCH_GET_IMAGE, CALLS, Call, DESCRIBE_CLUSTERS, DESCRIBE_IMAGES, DESCRIBE_LOG_GROUPS, DESCRIBE_NETWORK_INTERFACES,
    DESCRIBE_REPOSITORIES, DESCRIBE_ROUTE_TABLES, DESCRIBE_SECURITY_GROUPS, DESCRIBE_SERVICES, DESCRIBE_STREAM,
    DESCRIBE_SUBNETS, DESCRIBE_TABLE, DESCRIBE_TASK_DEFINITION, DESCRIBE_TASKS, DESCRIBE_TIME_TO_LIVE,
    FILTER_LOG_EVENTS, GET_AWS_DEFAULT_SERVICE_QUOTA, GET_ITEM, GET_RECORDS, GET_SERVICE_QUOTA, GET_SHARD_ITERATOR,
    LIST_SERVICES, LIST_TASK_DEFINITION_FAMILIES, LIST_TASK_DEFINITIONS, LIST_TASKS, QUERY, SCAN, TRANSACT_WRITE_ITEMS,
};

/// A name that nothing has.
const NOBODY: &str = "bivouac-doctor";
/// An id of a task that is none: 32 hexadecimal digits, or ECS calls it invalid.
const NO_TASK: &str = "00000000000000000000000000000000";
/// The smallest page of DescribeNetworkInterfaces.
const A_FEW: i32 = 5;

/// What is tried here, or done by the doctor's other checks: the default of a quota is asked for where nothing was applied,
/// by the doctor as by the daemon.
const TRIED: [&Call; 25] = [
    &BATCH_GET_IMAGE,
    &DESCRIBE_CLUSTERS,
    &DESCRIBE_IMAGES,
    &DESCRIBE_LOG_GROUPS,
    &DESCRIBE_NETWORK_INTERFACES,
    &DESCRIBE_REPOSITORIES,
    &DESCRIBE_ROUTE_TABLES,
    &DESCRIBE_SECURITY_GROUPS,
    &DESCRIBE_SERVICES,
    &DESCRIBE_STREAM,
    &DESCRIBE_SUBNETS,
    &DESCRIBE_TABLE,
    &DESCRIBE_TASK_DEFINITION,
    &DESCRIBE_TASKS,
    &DESCRIBE_TIME_TO_LIVE,
    &FILTER_LOG_EVENTS,
    &GET_AWS_DEFAULT_SERVICE_QUOTA,
    &GET_ITEM,
    &GET_SERVICE_QUOTA,
    &LIST_SERVICES,
    &LIST_TASK_DEFINITION_FAMILIES,
    &LIST_TASK_DEFINITIONS,
    &LIST_TASKS,
    &QUERY,
    &SCAN,
];

/// The name that IAM has for a call: `ecs:CreateService`.
fn action(call: &Call) -> String {
    let service = match call.service {
        "DynamoDB" | "DynamoDB Streams" => "dynamodb".to_owned(),
        "CloudWatch Logs" => "logs".to_owned(),
        service => service.to_lowercase().replace(' ', ""),
    };
    format!("{service}:{}", call.operation)
}

/// Everything else that this program calls, and the role that it hands to ECS.
pub(super) fn untried() -> Vec<String> {
    // A stream may have no shard yet, and then there is nothing to ask these for. A transaction takes the permissions of the
    // writes in it and has none of its own (DynamoDB developer guide, "Using IAM with DynamoDB transactions").
    let untried = CALLS.iter().filter(|call| !TRIED.contains(call) && **call != TRANSACT_WRITE_ITEMS);
    let mut actions: Vec<String> = untried.map(action).collect();
    actions.push("iam:PassRole".to_owned());
    actions.sort();
    actions
}

/// One read, told by its call.
async fn tried<O, E>(
    call: &'static Call,
    on: &str,
    request: impl Future<Output = Result<O, SdkError<E, HttpResponse>>>,
) -> SiteRead
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let outcome = match request.await.map_err(|error| crate::error::from_sdk(call, error)) {
        Err(error) if error.meaning() != Meaning::NotFound => Err(error),
        _ => Ok(()),
    };
    SiteRead { action: action(call), on: on.to_owned(), outcome }
}

impl AwsSite {
    pub(super) async fn try_reads(&self, repositories: &[String]) -> Vec<SiteRead> {
        let mut reads = self.of_ecs();
        reads.push(self.interfaces().boxed());
        reads.extend(repositories.iter().flat_map(|repository| self.of_ecr(repository)));
        reads.extend(self.of_dynamodb());
        let (mut told, stream) = futures::join!(join_all(reads), self.stream());
        told.extend(stream);
        told
    }

    fn of_ecs(&self) -> Vec<BoxFuture<'_, SiteRead>> {
        let (ecs, cluster) = (&self.ecs, self.settings.cluster.as_str());
        vec![
            tried(&LIST_SERVICES, cluster, ecs.list_services().cluster(cluster).max_results(1).send()).boxed(),
            tried(&DESCRIBE_SERVICES, cluster, ecs.describe_services().cluster(cluster).services(NOBODY).send())
                .boxed(),
            tried(&LIST_TASKS, cluster, ecs.list_tasks().cluster(cluster).max_results(1).send()).boxed(),
            tried(&DESCRIBE_TASKS, cluster, ecs.describe_tasks().cluster(cluster).tasks(NO_TASK).send()).boxed(),
            tried(&LIST_TASK_DEFINITION_FAMILIES, "*", ecs.list_task_definition_families().max_results(1).send())
                .boxed(),
            tried(&LIST_TASK_DEFINITIONS, "*", ecs.list_task_definitions().max_results(1).send()).boxed(),
            tried(&DESCRIBE_TASK_DEFINITION, "*", ecs.describe_task_definition().task_definition(NOBODY).send())
                .boxed(),
        ]
    }

    async fn interfaces(&self) -> SiteRead {
        let groups = Filter::builder().name("group-id").set_values(Some(self.settings.security_groups.clone())).build();
        let request = self.ec2.describe_network_interfaces().filters(groups).max_results(A_FEW);
        tried(&DESCRIBE_NETWORK_INTERFACES, "*", request.include_managed_resources(true).send()).await
    }

    fn of_ecr<'a>(&'a self, repository: &'a str) -> [BoxFuture<'a, SiteRead>; 3] {
        let nothing = ImageIdentifier::builder().image_tag(NOBODY).build();
        let images = self.ecr.describe_images().repository_name(repository).max_results(1);
        let repositories = self.ecr.describe_repositories().repository_names(repository);
        let manifest = self.ecr.batch_get_image().repository_name(repository).image_ids(nothing);
        [
            tried(&DESCRIBE_IMAGES, repository, images.send()).boxed(),
            tried(&DESCRIBE_REPOSITORIES, repository, repositories.send()).boxed(),
            tried(&BATCH_GET_IMAGE, repository, manifest.send()).boxed(),
        ]
    }

    fn of_dynamodb(&self) -> Vec<BoxFuture<'_, SiteRead>> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let (environments, events, leases) = (&self.tables.environments, &self.tables.events, &self.tables.leases);
        let record = self.dynamodb.get_item().table_name(environments);
        let record = record.key("repo", text(NOBODY)).key("pr", AttributeValue::N("1".to_owned()));
        let event = self.dynamodb.get_item().table_name(events).key("environment", text(NOBODY)).key("at", text("0"));
        let lease = self.dynamodb.get_item().table_name(leases).key("name", text(NOBODY));
        let all = self.dynamodb.scan().table_name(environments).limit(1);
        let some = self.dynamodb.query().table_name(events).limit(1);
        let some = some.key_condition_expression("environment = :nobody");
        let some = some.expression_attribute_values(":nobody", text(NOBODY));
        vec![
            tried(&GET_ITEM, environments, record.send()).boxed(),
            tried(&SCAN, environments, all.send()).boxed(),
            tried(&GET_ITEM, events, event.send()).boxed(),
            tried(&QUERY, events, some.send()).boxed(),
            tried(&GET_ITEM, leases, lease.send()).boxed(),
        ]
    }

    /// The stream, as far as it leads: each call needs the answer of the one before.
    async fn stream(&self) -> Vec<SiteRead> {
        let name = &self.tables.environments;
        // Whether the table is there is another check's to say.
        let table = self.dynamodb.describe_table().table_name(name).send().await.ok();
        let Some(stream) = table.and_then(|table| table.table?.latest_stream_arn) else { return Vec::new() };
        let described = self.streams.describe_stream().stream_arn(&stream).limit(1).send().await;
        let shard = described.as_ref().ok().and_then(|described| {
            let shard = described.stream_description()?.shards().first()?;
            shard.shard_id().map(str::to_owned)
        });
        let mut told = vec![tried(&DESCRIBE_STREAM, name, async { described }).await];
        let Some(shard) = shard else { return told };
        let place = ShardIteratorType::Latest;
        let request = self.streams.get_shard_iterator().stream_arn(&stream).shard_id(shard);
        let answer = request.shard_iterator_type(place).send().await;
        let iterator = answer.as_ref().ok().and_then(|answer| answer.shard_iterator().map(str::to_owned));
        told.push(tried(&GET_SHARD_ITERATOR, name, async { answer }).await);
        if let Some(iterator) = iterator {
            let request = self.streams.get_records().shard_iterator(iterator).limit(1);
            told.push(tried(&GET_RECORDS, name, request.send()).await);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_is_never_tried_and_always_told() {
        let changes = ["Create", "Update", "Delete", "Put", "Tag", "Untag", "Register", "Deregister", "BatchDelete"];
        let untried = untried();
        for call in CALLS.iter().filter(|call| changes.iter().any(|verb| call.operation.starts_with(verb))) {
            assert!(untried.contains(&action(call)), "{}", call.name);
        }
        assert!(untried.contains(&"ecs:CreateService".to_owned()), "{untried:?}");
        assert!(untried.contains(&"iam:PassRole".to_owned()), "{untried:?}");
        assert!(!untried.iter().any(|action| action.contains("TransactWriteItems")), "IAM knows no such action");
        assert!(TRIED.iter().all(|call| !untried.contains(&action(call))));
    }

    #[test]
    fn actions_have_the_names_that_iam_has() {
        assert_eq!(action(&DESCRIBE_STREAM), "dynamodb:DescribeStream");
        assert_eq!(action(&BATCH_GET_IMAGE), "ecr:BatchGetImage");
        assert_eq!(action(&DESCRIBE_SUBNETS), "ec2:DescribeSubnets");
        assert_eq!(action(&GET_SERVICE_QUOTA), "servicequotas:GetServiceQuota");
        assert_eq!(action(&FILTER_LOG_EVENTS), "logs:FilterLogEvents");
    }
}
