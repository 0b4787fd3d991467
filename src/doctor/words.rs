//! From a failed call of AWS to what a person can do about it.

use bivouac_ports::{Error, Meaning};

/// What kind of refusal a denied call met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// AWS knows us, and we lack the permission for this action.
    Permission(String),
    /// AWS does not know us: no credentials, or none that hold.
    Credentials,
}

/// How the AWS adapter's error begins when no source of credentials answered as it should.
const NOT_LOADED: &str = "the AWS credentials could not be loaded";

/// Tells the two apart by AWS's words, which is where they differ: "is not authorized to perform: ACTION" of IAM, "You are
/// not authorized to perform this operation." of EC2, and many others about tokens, keys and signatures.
pub fn refusal(error: &Error) -> Option<Refusal> {
    let words = error.message();
    // A service of metadata that does not answer may answer later, so the adapter calls it unavailable. There are no
    // credentials now all the same, and no call can say more.
    if words.starts_with(NOT_LOADED) {
        return Some(Refusal::Credentials);
    }
    if error.meaning() != Meaning::Denied {
        return None;
    }
    if !words.to_lowercase().contains("not authorized") {
        return Some(Refusal::Credentials);
    }
    let named = words.split_once("to perform: ").and_then(|(_, rest)| rest.split_whitespace().next());
    let named = named.map(|action| action.trim_matches(|c: char| !c.is_alphanumeric()));
    let named = named.filter(|action| action.contains(':'));
    Some(Refusal::Permission(named.map_or_else(|| action(error.call()), str::to_owned)))
}

/// The action of IAM behind a call such as `ECS CreateService`.
fn action(call: &str) -> String {
    let (service, operation) = call.rsplit_once(' ').unwrap_or(("", call));
    let service = match service {
        "CloudWatch Logs" => "logs".to_owned(),
        service if service.starts_with("DynamoDB") => "dynamodb".to_owned(),
        service => service.to_lowercase(),
    };
    format!("{}:{operation}", service.replace(' ', ""))
}

/// How to mend what made a call fail.
pub fn mend(error: &Error) -> String {
    match (refusal(error), error.meaning()) {
        (Some(Refusal::Permission(action)), _) => allow(&action),
        (Some(Refusal::Credentials), _) => {
            "give it AWS credentials that hold: a role, AWS_PROFILE, or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY"
                .into()
        }
        (None, Meaning::Throttled) => "wait a minute and look again: AWS had too many calls".into(),
        (None, Meaning::Unavailable | Meaning::Conflict) => {
            "see whether this machine reaches AWS (network, proxy, AWS_ENDPOINT_URL), and look again".into()
        }
        (None, _) => "see what AWS says, and whether region and account are the ones that are meant".into(),
    }
}

/// How to grant an action.
pub fn allow(action: &str) -> String {
    format!("allow the IAM action {action} to the role or user that Bivouac runs as")
}

/// How to give a cluster its capacity.
pub fn put_providers(cluster: &str) -> String {
    format!(
        "aws ecs put-cluster-capacity-providers --cluster {cluster} --capacity-providers FARGATE FARGATE_SPOT \
         --default-capacity-provider-strategy capacityProvider=FARGATE,weight=1"
    )
}

/// `one`, `one and another`, `one, another and a third`.
pub fn listed<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", most.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(call: &'static str, words: &str) -> Error {
        Error::new(Meaning::Denied, call, words)
    }

    #[test]
    fn a_missing_permission_is_told_from_bad_credentials() {
        let permission = |action: &str| Some(Refusal::Permission(action.to_owned()));
        let iam = "User: arn:aws:iam::123456789012:user/bivouac is not authorized to perform: ecs:ListServices on \
                   resource: * because no identity-based policy allows the ecs:ListServices action";
        assert_eq!(refusal(&denied("ECS ListServices", iam)), permission("ecs:ListServices"));
        let ec2 = "You are not authorized to perform this operation.";
        assert_eq!(refusal(&denied("EC2 DescribeSubnets", ec2)), permission("ec2:DescribeSubnets"));
        let streams = denied("DynamoDB Streams GetRecords", ec2);
        assert_eq!(refusal(&streams), permission("dynamodb:GetRecords"));
        for words in [
            "The security token included in the request is invalid.",
            "The security token included in the request is expired",
            "AWS was not able to validate the provided access credentials",
            "The request signature we calculated does not match the signature you provided.",
            "no AWS credentials were found, neither in the environment nor in a profile or role",
        ] {
            assert_eq!(refusal(&denied("ECS ListServices", words)), Some(Refusal::Credentials), "{words}");
        }
        let none = format!("{NOT_LOADED}: IMDS is disabled");
        let none = Error::new(Meaning::Unavailable, "ECS ListServices", none);
        assert_eq!(refusal(&none), Some(Refusal::Credentials));
        let lost = Error::new(Meaning::Unavailable, "ECS ListServices", "you are not authorized");
        assert_eq!(refusal(&lost), None);
    }

    #[test]
    fn every_meaning_has_a_way_out() {
        for meaning in [
            Meaning::NotFound,
            Meaning::Conflict,
            Meaning::Throttled,
            Meaning::Denied,
            Meaning::Invalid,
            Meaning::Unavailable,
        ] {
            assert!(!mend(&Error::new(meaning, "ECS ListServices", "x")).is_empty(), "{meaning:?}");
        }
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}
