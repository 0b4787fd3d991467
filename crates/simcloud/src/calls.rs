//! What was called, how often, and how it ended.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A service that the cloud speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Elastic Container Service.
    Ecs,
    /// Elastic Container Registry.
    Ecr,
    /// Elastic Compute Cloud; here only networks.
    Ec2,
    /// Service Quotas; here only of Fargate.
    ServiceQuotas,
    /// CloudWatch Logs.
    Logs,
    /// DynamoDB.
    DynamoDb,
    /// DynamoDB Streams.
    DynamoDbStreams,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ecs => "ecs",
            Self::Ecr => "ecr",
            Self::Ec2 => "ec2",
            Self::ServiceQuotas => "servicequotas",
            Self::Logs => "logs",
            Self::DynamoDb => "dynamodb",
            Self::DynamoDbStreams => "dynamodbstreams",
        })
    }
}

/// Whether an operation of this name changes nothing.
///
/// AWS names its operations so that the first word tells.
pub fn is_reading(operation: &str) -> bool {
    const READING: [&str; 8] = ["Describe", "List", "Get", "BatchGet", "Query", "Scan", "TransactGet", "Filter"];
    READING.iter().any(|word| operation.starts_with(word))
}

/// One kind of call with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The service called.
    pub service: Service,
    /// The operation, as AWS spells it.
    pub operation: String,
    /// `OK`, the error code the caller got, or `ConnectionDropped`.
    pub code: String,
}

/// Counts every call that reached the cloud. A clone is the same counter.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    counts: Arc<Mutex<BTreeMap<Call, u64>>>,
}

impl Calls {
    pub(crate) fn record(&self, service: Service, operation: &str, code: &str) {
        let call = Call { service, operation: operation.to_owned(), code: code.to_owned() };
        *self.lock().entry(call).or_default() += 1;
    }

    /// Every kind of call seen since the start or the last reset, with its number.
    pub fn counts(&self) -> BTreeMap<Call, u64> {
        self.lock().clone()
    }

    /// Calls of one operation, whatever their outcome.
    pub fn of(&self, service: Service, operation: &str) -> u64 {
        self.sum(|call| call.service == service && call.operation == operation)
    }

    /// Calls of one operation that ended with `code`.
    pub fn with_code(&self, service: Service, operation: &str, code: &str) -> u64 {
        self.sum(|c| c.service == service && c.operation == operation && c.code == code)
    }

    /// All calls to one service.
    pub fn to(&self, service: Service) -> u64 {
        self.sum(|call| call.service == service)
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.sum(|_| true)
    }

    /// Calls of operations that only read.
    pub fn reading(&self) -> u64 {
        self.sum(|call| is_reading(&call.operation))
    }

    /// Calls of operations that change something, whether they succeeded or not.
    pub fn modifying(&self) -> u64 {
        self.sum(|call| !is_reading(&call.operation))
    }

    /// Calls to one service of operations that change something.
    pub fn modifying_to(&self, service: Service) -> u64 {
        self.sum(|call| call.service == service && !is_reading(&call.operation))
    }

    /// Forgets all that was counted.
    pub fn reset(&self) {
        self.lock().clear();
    }

    fn sum(&self, matches: impl Fn(&Call) -> bool) -> u64 {
        self.lock().iter().filter(|(call, _)| matches(call)).map(|(_, count)| count).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Call, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_modifying_calls_are_told_apart() {
        let calls = Calls::default();
        calls.record(Service::Ecs, "ListServices", "OK");
        calls.record(Service::Ecr, "BatchDeleteImage", "OK");
        calls.record(Service::Ecr, "BatchGetImage", "OK");
        calls.record(Service::DynamoDb, "UpdateItem", "ConditionalCheckFailedException");
        assert_eq!((calls.reading(), calls.modifying(), calls.total()), (2, 2, 4));
        assert_eq!(calls.modifying_to(Service::Ecr), 1);
        calls.reset();
        assert_eq!(calls.total(), 0);
    }
}
