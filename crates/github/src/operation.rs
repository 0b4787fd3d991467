//! The requests we make, each with its name for metrics and errors, and the permission it needs.

/// One kind of request.
#[derive(Debug)]
pub(crate) struct Operation {
    /// For metrics.
    pub name: &'static str,
    /// For errors.
    pub call: &'static str,
    /// What a person has to grant, as GitHub's forms call it.
    pub permission: &'static str,
}

macro_rules! operations {
    ($($constant:ident = $name:literal needs $permission:literal;)*) => {
        $(pub(crate) static $constant: Operation = Operation {
            name: $name,
            call: concat!("GitHub ", $name),
            permission: $permission,
        };)*
    };
}

// Permissions: docs.github.com/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens.
operations! {
    GET_USER = "GetUser" needs "a personal access token or a GitHub App (a workflow's own token cannot say whose it is)";
    GET_APP = "GetApp" needs "the app's own private key";
    GET_INSTALLATION = "GetInstallation" needs "the app installed on the repository";
    GET_REPOSITORY = "GetRepository" needs "the repository permission \"Metadata\" (read)";
    GET_PULL = "GetPullRequest" needs "the repository permission \"Pull requests\" (read)";
    LIST_PULLS = "ListPullRequests" needs "the repository permission \"Pull requests\" (read)";
    LIST_CHANGED_PULLS = "ListChangedPullRequests" needs "the repository permission \"Pull requests\" (read)";
    LIST_REVIEWS = "ListReviews" needs "the repository permission \"Pull requests\" (read)";
    GET_REVIEW = "GetReview" needs "the repository permission \"Pull requests\" (read)";
    GET_REVIEW_COMMENT = "GetReviewComment" needs "the repository permission \"Pull requests\" (read)";
    LIST_COMMITS = "ListPullRequestCommits" needs "the repository permission \"Pull requests\" (read)";
    LIST_ACTIVITIES = "ListActivities" needs "the repository permission \"Contents\" (read), which public repositories do not need";
    GET_COMMENT = "GetComment" needs "the repository permission \"Pull requests\" or \"Issues\" (read)";
    LIST_COMMENTS = "ListComments" needs "the repository permission \"Pull requests\" or \"Issues\" (read)";
    LIST_REPOSITORY_COMMENTS = "ListRepositoryComments" needs "the repository permission \"Pull requests\" or \"Issues\" (read)";
    CREATE_COMMENT = "CreateComment" needs "the repository permission \"Pull requests\" or \"Issues\" (read and write)";
    UPDATE_COMMENT = "UpdateComment" needs "the repository permission \"Pull requests\" or \"Issues\" (read and write)";
    CREATE_REACTION = "CreateReaction" needs "the repository permission \"Pull requests\" or \"Issues\" (read and write)";
    LIST_EVENTS = "ListIssueEvents" needs "the repository permission \"Pull requests\" or \"Issues\" (read)";
    GET_PERMISSION = "GetPermission" needs "the repository permission \"Metadata\" (read), and an account that may push";
    GET_MEMBERSHIP = "GetTeamMembership" needs "the organization permission \"Members\" (read), or the scope `read:org`";
    LIST_DEPLOYMENTS = "ListDeployments" needs "the repository permission \"Deployments\" (read)";
    CREATE_DEPLOYMENT = "CreateDeployment" needs "the repository permission \"Deployments\" (read and write)";
    LIST_DEPLOYMENT_STATUSES = "ListDeploymentStatuses" needs "the repository permission \"Deployments\" (read)";
    CREATE_DEPLOYMENT_STATUS = "CreateDeploymentStatus" needs "the repository permission \"Deployments\" (read and write)";
    LIST_CHECK_RUNS = "ListCheckRuns" needs "the repository permission \"Checks\" (read)";
    CREATE_CHECK_RUN = "CreateCheckRun" needs "a GitHub App with the repository permission \"Checks\" (read and write)";
    UPDATE_CHECK_RUN = "UpdateCheckRun" needs "a GitHub App with the repository permission \"Checks\" (read and write)";
    GET_APP_HOOK = "GetAppHookConfig" needs "the app's own private key";
    LIST_HOOKS = "ListHooks" needs "the repository permission \"Webhooks\" (read)";
}
