//! What can go wrong when a test or `bivouac dev` drives the embedded GitHub.

/// Why a call of the control API of [`Hub`](super::Hub) was refused.
///
/// These are mistakes of the caller. What a client of the HTTP interface does wrong is answered over HTTP, as GitHub does.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The listening socket could not be opened.
    #[error("the embedded GitHub cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: std::net::SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A repository name is not `owner/name`, or holds a character that GitHub does not allow.
    #[error("{name:?} is not a repository name of the form owner/name")]
    RepositoryName {
        /// The name as given.
        name: String,
    },
    /// Another repository has this name.
    #[error("the embedded GitHub has another repository {name}")]
    NameTaken {
        /// The name as given.
        name: String,
    },
    /// No such repository was added.
    #[error("the embedded GitHub has no repository {name}")]
    NoRepository {
        /// The name as given.
        name: String,
    },
    /// The repository has no such pull request.
    #[error("{repository} has no pull request #{number}")]
    NoPullRequest {
        /// The repository, `owner/name`.
        repository: String,
        /// The number as given.
        number: u64,
    },
    /// The repository has no such comment.
    #[error("{repository} has no comment {id}")]
    NoComment {
        /// The repository, `owner/name`.
        repository: String,
        /// The id as given.
        id: u64,
    },
    /// No such user or organization.
    #[error("the embedded GitHub has no account {login}")]
    NoUser {
        /// The login as given.
        login: String,
    },
    /// The organization has no such team.
    #[error("{organization} has no team {slug}")]
    NoTeam {
        /// The organization.
        organization: String,
        /// The slug as given.
        slug: String,
    },
    /// There is no such reaction.
    #[error("{content:?} is no reaction that GitHub has")]
    NoReaction {
        /// The name as given.
        content: String,
    },
    /// No such webhook was added, or it was removed.
    #[error("the embedded GitHub has no webhook {id}")]
    NoWebhook {
        /// The number as given.
        id: u64,
    },
    /// No delivery has this GUID, or it is forgotten.
    #[error("the embedded GitHub remembers no delivery {guid}")]
    NoDelivery {
        /// The GUID as given.
        guid: String,
    },
    /// A merged pull request cannot be opened again; GitHub refuses that too.
    #[error("{repository}#{number} is merged and cannot be opened again")]
    Merged {
        /// The repository, `owner/name`.
        repository: String,
        /// The pull request.
        number: u64,
    },
    /// No such app was registered.
    #[error("the embedded GitHub has no app {id}")]
    NoApp {
        /// The id as given.
        id: u64,
    },
    /// The public key of an app is not an RSA key in PEM form.
    #[error("the public key of app {id} is not an RSA key in PEM form")]
    PublicKey {
        /// The app.
        id: u64,
        /// What the decoder said.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    /// The awaited state did not come in time.
    #[error("the awaited state did not come within {limit:?}")]
    TimedOut {
        /// How long was waited.
        limit: std::time::Duration,
    },
}
