//! The rules that a task definition of Fargate keeps, each with the source that it rests on.

/// The source of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A page of AWS's documentation.
    Page(&'static str),
    /// An answer of the API, and the public report that holds it.
    Answer {
        /// The words of ECS, with `…` for what depends on the task definition.
        words: &'static str,
        /// The report.
        report: &'static str,
    },
    /// Neither: the rule rests on memory alone.
    Memory,
    /// A rule of Bivouac's own.
    Ours,
}

/// "Amazon ECS task definition differences for Fargate" (Amazon ECS developer guide).
const DIFFERENCES: Source =
    Source::Page("docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html");
/// "Amazon ECS task definition parameters for Fargate" (Amazon ECS developer guide).
const PARAMETERS: Source =
    Source::Page("docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html");

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident, $source:expr;)*) => {
        /// A rule that a template is held to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Rule {
            /// All rules, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the rule as a sentence.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii_start(),)*
                }
            }

            /// Returns the source that the rule rests on.
            pub fn source(self) -> Source {
                match self {
                    $(Self::$name => $source,)*
                }
            }
        }
    };
}

rules! {
    /// The file is a task definition with the containers that the configuration names.
    Shape, Source::Ours;
    /// Every member has the type that the API gives it.
    Type, Source::Answer {
        words: "… cannot be converted to …",
        report: "aws-actions/amazon-ecs-deploy-task-definition#587",
    };
    /// Tags keep AWS's restrictions, and leave `bivouac:` to Bivouac.
    Tag, Source::Page("docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html");
    /// Fargate offers tasks of this size.
    TaskSize, Source::Answer {
        words: "No Fargate configuration exists for given values: …",
        report: "several; the table \"Task CPU and memory\" of the developer guide",
    };
    /// A container has an image.
    Image, Source::Page("docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html");
    /// At least one container is essential.
    Essential, PARAMETERS;
    /// The name of a container has letters, digits, hyphens and underscores, 255 at most.
    ContainerName, Source::Answer {
        words: "Container.name contains invalid characters.",
        report: "hashicorp/terraform-provider-aws#5950",
    };
    /// A value is one of those that the API lists for its member.
    Listed, Source::Page("docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html");
    /// A member that the API requires is there.
    Required, Source::Answer {
        words: "… should not be null or empty.",
        report: "aws/aws-cli#5924",
    };
    /// A mapped port is from 1 to 65535.
    PortRange, Source::Answer {
        words: "Invalid 'containerPort' setting for container '…'.",
        report: "aws/aws-cli#7288",
    };
    /// A host port is the container port.
    HostPort, Source::Answer {
        words: "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        report: "aws/amazon-ecs-cli#1014",
    };
    /// A port is mapped once in a task.
    PortOnce, Source::Answer {
        words: "TCP host port '…' is mapped multiple times in task.",
        report: "aws/amazon-ecs-agent#1220",
    };
    /// A name is in `environment` or in `secrets`, and once in `secrets`.
    SecretName, Source::Answer {
        words: "The secret name must be unique and not shared with any new or existing environment variables set on the \
                container, such as '…'.",
        report: "compose-x/ecs_composex#707",
    };
    /// The `valueFrom` of a secret is an ARN, or the name of a parameter.
    SecretFrom, Source::Page("docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html");
    /// A container is not privileged.
    Privileged, DIFFERENCES;
    /// SYS_PTRACE is the only capability that can be added.
    Capability, Source::Answer { words: "… is not allowed on Fargate.", report: "several, with NET_BIND_SERVICE, SYS_ADMIN and others" };
    /// Containers are not linked.
    Links, DIFFERENCES;
    /// `/etc/hosts` gets no entries.
    ExtraHosts, DIFFERENCES;
    /// DNS is that of the network.
    Dns, DIFFERENCES;
    /// The network of a container is that of its task.
    Network, DIFFERENCES;
    /// A container has no host name of its own.
    Hostname, PARAMETERS;
    /// Docker's security options are not there.
    SecurityOptions, DIFFERENCES;
    /// There is no GPU, and no accelerator.
    Gpu, DIFFERENCES;
    /// Shared memory, swap and devices are not configured.
    LinuxParameters, DIFFERENCES;
    /// The network mode is awsvpc.
    NetworkMode, Source::Answer {
        words: "Fargate only supports network mode ‘awsvpc’.",
        report: "several; the developer guide, \"Network mode\"",
    };
    /// Processes see those of their own task at most.
    ProcessMode, Source::Answer {
        words: "Tasks using the Fargate launch type do not support pidMode '…'. The supported value for pidMode is 'task'.",
        report: "getmoto/moto, tests/test_ecs",
    };
    /// Tasks are placed by Fargate.
    Placement, DIFFERENCES;
    /// A volume is not a path of the host.
    HostVolume, Source::Answer {
        words: "Fargate compatible task definitions do not support sourcePath",
        report: "cloudposse/terraform-aws-ecs-alb-service-task#174",
    };
    /// A volume is not one of Docker's.
    DockerVolume, DIFFERENCES;
    /// A mount is of a volume of the task.
    MountedVolume, Source::Answer { words: "Unknown volume '…'.", report: "ansible/ansible#35777" };
    /// A container takes the volumes of another container of the task.
    VolumesFrom, Source::Answer {
        words: "Invalid 'volumesFrom' setting. Unknown container: '…'",
        report: "badmintoncryer/cdk-preflight",
    };
    /// A health check has a command, an interval of 5 to 300 seconds, a timeout of 2 to 60, 1 to 10 retries and a start period
    /// of 300 seconds at most.
    HealthCheck, Source::Page("docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html");
    /// A container waits for another container of the task.
    Dependency, PARAMETERS;
    /// A container that is waited for to be healthy has a health check.
    DependencyHealth, Source::Page("docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html");
    /// A container that is waited for to end is not essential.
    DependencyEnd, Source::Answer {
        words: "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        report: "klothoplatform/klotho#892",
    };
    /// Containers do not wait for each other in a circle.
    DependencyCircle, Source::Memory;
    /// The log driver is awslogs, splunk or awsfirelens.
    LogDriver, PARAMETERS;
    /// The log driver awslogs has its group, region and stream prefix.
    LogOptions, Source::Answer {
        words: "Log driver awslogs requires options: …",
        report: "klothoplatform/klotho#892",
    };
    /// Ephemeral storage has 21 to 200 GiB.
    EphemeralStorage, Source::Page("docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EphemeralStorage.html");
    /// The soft limit of a ulimit is at most its hard limit.
    Ulimit, Source::Answer {
        words: "Soft limit exceeds hard limit for ulimit …",
        report: "badmintoncryer/cdk-preflight",
    };
    /// A container has two minutes to stop at most.
    StopTimeout, PARAMETERS;
    /// The task's roles are roles.
    Role, Source::Answer { words: "Role is not valid", report: "aws-samples/aws-modern-application-workshop#9" };
    /// A task that pulls from ECR, logs to CloudWatch or reads secrets has an execution role.
    ExecutionRole, Source::Answer {
        words: "Fargate requires task definition to have execution role ARN to support ECR images.",
        report: "several; the developer guide, \"Task execution IAM role\"",
    };
    /// A container has at most the memory of its task.
    ContainerMemory, Source::Answer {
        words: "The 'memory' setting for container '…' is greater than for the task.",
        report: "pulumi/pulumi-awsx#1220",
    };
    /// A container reserves at most its own memory, and that of its task.
    MemoryReservation, PARAMETERS;
    /// All containers together have at most the CPU of their task.
    ContainerCpu, Source::Answer {
        words: "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        report: "aws/aws-cdk#24629",
    };
    /// A task of Windows has a whole vCPU at least and four at most, on x86.
    Windows, DIFFERENCES;
    /// A task of Windows runs on demand.
    WindowsSpot, Source::Page("docs.aws.amazon.com/batch/latest/APIReference/API_RuntimePlatform.html");
}

impl Rule {
    /// Reports whether the rule rests on memory alone.
    pub fn is_from_memory(self) -> bool {
        self.source() == Source::Memory
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Page(page) => write!(f, "<https://{page}>"),
            Self::Answer { words, report } => write!(f, "ECS: \"{words}\" ({report})"),
            Self::Memory => f.write_str("memory alone"),
            Self::Ours => f.write_str("Bivouac's own"),
        }
    }
}
