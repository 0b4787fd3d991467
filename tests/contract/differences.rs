//! What each place does differently from AWS, with the evidence. A difference of the embedded cloud would be a bug of
//! it, so there is none here but one of the DynamoDB engine in it; moto's are gaps that are known and lived with. Where a
//! gap hides a promise, the embedded cloud is what the promise is tried on.

/// Where a promise is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulator {
    /// Our own embedded cloud.
    Simcloud,
    /// `moto[server]` 5.2.5.
    Moto,
}

/// A gap. The files named are moto's, version 5.2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Services start no tasks (`ecs/models.py`, `list_tasks`: "until the backend actually launches tasks as part of
    /// the service creation process"), so the suite plays the Fargate agent.
    NoAgent,
    /// CreateService replaces a service of the same name, whatever the `clientToken` (`ecs/models.py`,
    /// `create_service`). AWS refuses the name with "Creation of service was not idempotent.", or answers the service
    /// again if the token is the same.
    TakenNameIsReplaced,
    /// A deleted service is INACTIVE at once and stays on the list of services (`ecs/models.py`, `delete_service` and
    /// `list_services`). AWS lets it drain first, and lists neither DRAINING nor INACTIVE ones.
    DeletedIsListed,
    /// Services have no `createdAt` (`ecs/models.py`, `Service`), only their deployments.
    NoTimeOfCreation,
    /// Capacity providers of a service are not kept and need not be associated with the cluster (`ecs/models.py`,
    /// `create_service` has no such parameter).
    NoCapacityProvidersOfServices,
    /// DescribeImages knows no `artifactMediaType` (`ecr/models.py`, `Image`).
    NoArtifacts,
    /// An open shard has an `EndingSequenceNumber`: that of its newest record (`dynoxide-rs` 3.2.0,
    /// `src/actions/describe_stream.rs`: `ending_sequence_number: end_seq`, the end of `get_shard_sequence_range`). On AWS
    /// "if the SequenceNumberRange has a StartingSequenceNumber but no EndingSequenceNumber, then the shard is still open"
    /// (DynamoDB Streams API reference, `DescribeStream`). So the feed does not take a leaf for closed because of its
    /// number; it asks it once, and a shard that is over answers no iterator. `an_open_shard_has_an_end_and_goes_on` in
    /// `tests/hermetic/store.rs` shows it.
    OpenShardHasAnEnd,
    /// The digest of a manifest is that of its layers and not of its text, a list can name what is not there, and what a list
    /// names can be deleted before it (`ecr/models.py`, `put_image` and `batch_delete_image`). A tag that does not name the
    /// digest beside it is ImageNotFound instead of ImageTagDoesNotMatchDigest, and BatchGetImage's failure names no digest
    /// (`batch_get_image`: `image_id.get("imageTag", "null")`).
    LooseImages,
    /// Task definitions have no `registeredAt` (`ecs/models.py`, `TaskDefinition`).
    NoTimeOfRegistration,
    /// An image whose last tag moves to another is gone (`ecr/models.py`, `put_image` takes the tag away by `batch_delete_image`). ECR keeps
    /// it, untagged.
    NothingIsUntagged,
    /// UpdateService without a forced deployment keeps the deployment as it is, whatever the task definition (`ecs/models.py`,
    /// `update_service`).
    NoNewDeployment,
    /// Service Quotas knows those of VPC alone, and no GetAWSDefaultServiceQuota (`servicequotas/models.py`, `get_service_quota`:
    /// `if service_code == "vpc"`, else NoSuchResourceException).
    NoFargateQuotas,
    /// FilterLogEvents answers nothing for a stream that is not there (`logs/models.py`, `filter_log_events`: the streams "if not
    /// log_stream_names or name in log_stream_names"). AWS refuses it with ResourceNotFoundException.
    MissingStreamIsEmpty,
}

impl Emulator {
    /// Whether the place has this gap.
    pub fn has(self, gap: Gap) -> bool {
        match (self, gap) {
            (Self::Simcloud, Gap::OpenShardHasAnEnd) => true,
            (Self::Simcloud, _) | (Self::Moto, Gap::OpenShardHasAnEnd) => false,
            (
                Self::Moto,
                Gap::NoAgent
                | Gap::TakenNameIsReplaced
                | Gap::DeletedIsListed
                | Gap::NoTimeOfCreation
                | Gap::NoCapacityProvidersOfServices
                | Gap::NoArtifacts
                | Gap::LooseImages
                | Gap::NoTimeOfRegistration
                | Gap::NothingIsUntagged
                | Gap::NoNewDeployment
                | Gap::NoFargateQuotas
                | Gap::MissingStreamIsEmpty,
            ) => true,
        }
    }
}
