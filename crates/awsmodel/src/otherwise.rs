//! Answers in which AWS itself differs from its models, each with the evidence. An emulator that answers as AWS does is
//! right there, so these are no violations.

use crate::violation::{Kind, Side, Violation};

/// One of AWS's own differences.
struct Otherwise {
    service: &'static str,
    /// The member, wherever it is in the answer.
    member: &'static str,
    kind: Kind,
}

const OTHERWISE: [Otherwise; 4] = [
    // The shape is PositiveLongObject, "at least 1". DynamoDB counts from 0: the example answers of CreateTable and
    // DescribeTable in its API reference have `"NumberOfDecreasesToday": 0`.
    Otherwise { service: "dynamodb", member: "NumberOfDecreasesToday", kind: Kind::Range },
    // Not in the model. DynamoDB sends it beside BillingModeSummary. dynalite's tests run against DynamoDB too and expect it
    // (mhart/dynalite, `test/updateTable.js`).
    Otherwise { service: "dynamodb", member: "TableThroughputModeSummary", kind: Kind::UnknownMember },
    // The shape is that of the call, "1 to 25". "If there are no unprocessed items remaining, the response contains an empty
    // UnprocessedItems map" (BatchWriteItem in the API reference).
    Otherwise { service: "dynamodb", member: "UnprocessedItems", kind: Kind::Length },
    // The shape is that of the call, "1 to 100". ECR answers `"imageIds":[]` where nothing was deleted: the recorded answer
    // in aws/aws-cli, issue 6424.
    Otherwise { service: "ecr", member: "imageIds", kind: Kind::Length },
];

/// Whether AWS itself answers like this.
pub(crate) fn aws_does_so(violation: &Violation) -> bool {
    violation.side == Side::Answer
        && OTHERWISE.iter().any(|each| {
            let member = violation.path.rsplit('.').next();
            each.service == violation.service && Some(each.member) == member && each.kind == violation.kind
        })
}
