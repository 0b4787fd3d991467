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
    GET_COMMENT = "GetComment" needs "the repository permission \"Pull requests\" or \"Issues\" (read)";
    LIST_COMMENTS = "ListComments" needs "the repository permission \"Pull requests\" or \"Issues\" (read)";
    CREATE_COMMENT = "CreateComment" needs "the repository permission \"Pull requests\" or \"Issues\" (read and write)";
    UPDATE_COMMENT = "UpdateComment" needs "the repository permission \"Pull requests\" or \"Issues\" (read and write)";
}
