//! AWS's real models, as `cargo xtask test` installs them: the judge lets true calls through and names every kind of fault.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{Request, Response};
use bivouac_awsmodel::{Kind, MODELS, Models, Side, Violation};
use serde_json::{Value, json};

const ECS: &str = "AmazonEC2ContainerServiceV20141113";
const ECR: &str = "AmazonEC2ContainerRegistry_V20150921";
const DYNAMODB: &str = "DynamoDB_20120810";
const LOGS: &str = "Logs_20140328";
const QUOTAS: &str = "ServiceQuotasV20190624";
const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

fn models() -> Arc<Models> {
    let directory = std::env::var(MODELS)
        .unwrap_or_else(|_| panic!("{MODELS} is not set: the judge is absent, run this with `cargo xtask test`"));
    Arc::new(Models::open(&PathBuf::from(directory)).expect("the models are installed"))
}

/// awsJson 1.0 for DynamoDB and 1.1 for the others.
fn content_type(prefix: &str) -> &'static str {
    if prefix.starts_with("DynamoDB") { "application/x-amz-json-1.0" } else { "application/x-amz-json-1.1" }
}

fn call(prefix: &str, operation: &str, body: &Value) -> Request<Bytes> {
    let request = Request::post("/").header("x-amz-target", format!("{prefix}.{operation}"));
    request.header("content-type", content_type(prefix)).body(body.to_string().into()).expect("a request")
}

fn answer(prefix: &str, status: u16, body: &Value) -> Response<Bytes> {
    let answer = Response::builder().status(status).header("content-type", content_type(prefix));
    answer.body(body.to_string().into()).expect("an answer")
}

fn checked(request: &Request<Bytes>, answer: Option<&Response<Bytes>>) -> Vec<Violation> {
    models().check(request, answer).expect("readable models").expect("a call of AWS").violations
}

fn short(violations: &[Violation]) -> Vec<(Side, Kind, &str)> {
    violations.iter().map(|violation| (violation.side, violation.kind, violation.path.as_str())).collect()
}

/// The one thing that is wrong with a call.
#[track_caller]
fn call_is(prefix: &str, operation: &str, body: &Value, kind: Kind, path: &str) {
    let found = checked(&call(prefix, operation, body), None);
    assert_eq!(short(&found), [(Side::Request, kind, path)], "{found:?}");
}

/// The one thing that is wrong with an answer to a call that is in order.
#[track_caller]
fn answer_is(prefix: &str, operation: &str, (status, body): (u16, Value), kind: Kind, path: &str) {
    let asked = match operation {
        "DescribeServices" => json!({ "services": ["web"] }),
        "GetServiceQuota" => json!({ "ServiceCode": "fargate", "QuotaCode": "L-3032A538" }),
        other => panic!("{other}"),
    };
    let found = checked(&call(prefix, operation, &asked), Some(&answer(prefix, status, &body)));
    assert_eq!(short(&found), [(Side::Answer, kind, path)], "{found:?}");
}

#[test]
fn calls_and_answers_as_aws_documents_them_break_nothing() {
    let register = json!({
        "family": "shop",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{ "name": "web", "portMappings": [{ "containerPort": 80, "protocol": "tcp" }] }],
        "tags": [{ "key": "a", "value": "b" }],
    });
    let registered = json!({ "taskDefinition": { "family": "shop", "revision": 1, "registeredAt": 1764504000.5 } });
    let found = checked(&call(ECS, "RegisterTaskDefinition", &register), Some(&answer(ECS, 200, &registered)));
    assert_eq!(found, []);
    let put = json!({ "TableName": "events", "Item": { "id": { "S": "1" }, "data": { "B": "aGVsbG8=" } } });
    assert_eq!(checked(&call(DYNAMODB, "PutItem", &put), Some(&answer(DYNAMODB, 200, &json!({})))), []);
    let gone = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "gone" });
    assert_eq!(checked(&call(DYNAMODB, "PutItem", &put), Some(&answer(DYNAMODB, 400, &gone))), []);
    let denied = json!({ "__type": "AccessDeniedException", "Message": "no" });
    assert_eq!(checked(&call(DYNAMODB, "PutItem", &put), Some(&answer(DYNAMODB, 400, &denied))), []);
}

#[test]
fn each_kind_of_fault_in_a_call_is_found() {
    let family = |more: Value| {
        let mut body = json!({ "family": "shop", "containerDefinitions": [] });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let register = "RegisterTaskDefinition";
    call_is(ECS, register, &family(json!({ "Family": "shop" })), Kind::UnknownMember, "Family");
    call_is(ECS, register, &json!({ "containerDefinitions": [] }), Kind::MissingMember, "family");
    call_is(ECS, register, &family(json!({ "cpu": 256 })), Kind::WrongType, "cpu");
    let environment = json!([{ "environment": [{ "name": "A", "value": 1 }] }]);
    let path = "containerDefinitions[].environment[].value";
    call_is(ECS, register, &family(json!({ "containerDefinitions": environment })), Kind::WrongType, path);
    let memory = json!([{ "memory": "512" }]);
    let path = "containerDefinitions[].memory";
    call_is(ECS, register, &family(json!({ "containerDefinitions": memory })), Kind::WrongType, path);
    call_is(ECS, register, &family(json!({ "networkMode": "vpc" })), Kind::Enumeration, "networkMode");
    call_is(ECR, "DescribeRepositories", &json!({ "maxResults": 1001 }), Kind::Range, "maxResults");
    call_is(ECR, "DescribeImages", &json!({ "repositoryName": "a" }), Kind::Length, "repositoryName");
    call_is(ECR, "DescribeImages", &json!({ "repositoryName": "Shop" }), Kind::Pattern, "repositoryName");
    // A pattern stands for the whole text.
    let images = json!({ "repositoryName": "shop", "registryId": "1123456789012" });
    call_is(ECR, "DescribeImages", &images, Kind::Pattern, "registryId");
    call_is(DYNAMODB, "BatchGetItem", &json!({ "RequestItems": {} }), Kind::Length, "RequestItems");
    let key = json!({ "TableName": "events", "Key": { "id": { "B": "no bytes" } } });
    call_is(DYNAMODB, "GetItem", &key, Kind::WrongType, "Key{}.B");
    call_is(LOGS, "FilterLogEvents", &json!({ "logGroupName": "a b" }), Kind::Pattern, "logGroupName");
    call_is(ECS, "LaunchService", &json!({}), Kind::UnknownOperation, "");
    call_is("Ecs_20300101", "CreateService", &json!({}), Kind::UnknownOperation, "");
}

#[test]
fn a_body_or_content_type_of_another_protocol_is_found() {
    let request = Request::post("/").header("x-amz-target", format!("{DYNAMODB}.ListTables"));
    let request = request.header("content-type", "application/x-amz-json-1.1").body("{".into()).expect("a request");
    let found = checked(&request, None);
    assert_eq!(short(&found), [(Side::Request, Kind::Protocol, ""); 2], "{found:?}");
}

#[test]
fn each_kind_of_fault_in_an_answer_is_found() {
    let services = |service: Value| (200, json!({ "services": [service], "failures": [] }));
    let describe = "DescribeServices";
    answer_is(ECS, describe, services(json!({ "name": "web" })), Kind::UnknownMember, "services[].name");
    answer_is(ECS, describe, services(json!({ "runningCount": "1" })), Kind::WrongType, "services[].runningCount");
    let iso = json!({ "createdAt": "2026-11-30T12:00:00Z" });
    answer_is(ECS, describe, services(iso), Kind::WrongType, "services[].createdAt");
    let launch = json!({ "launchType": "LAMBDA" });
    answer_is(ECS, describe, services(launch), Kind::Enumeration, "services[].launchType");
    let conflict = json!({ "__type": "ConflictException", "message": "no" });
    answer_is(ECS, describe, (400, conflict), Kind::UndeclaredError, "");
    let server = json!({ "__type": "ServerException", "message": "broken" });
    answer_is(ECS, describe, (400, server), Kind::Protocol, "ServerException");
    let throttled = json!({ "__type": "TooManyRequestsException", "message": "Rate exceeded", "after": 1 });
    let path = "TooManyRequestsException.after";
    answer_is(QUOTAS, "GetServiceQuota", (400, throttled), Kind::UnknownMember, path);
    answer_is(QUOTAS, "GetServiceQuota", (400, json!({ "message": "?" })), Kind::MissingMember, "__type");
}

#[test]
fn a_required_member_is_missed_in_an_answer_too() {
    // The answers that Bivouac reads have few required members, so a backup of DynamoDB stands for them.
    let asked =
        call(DYNAMODB, "DescribeBackup", &json!({ "BackupArn": "arn:aws:dynamodb:us-west-2:123456789012:table/a" }));
    let backup = json!({ "BackupDescription": { "BackupDetails": { "BackupName": "abc" } } });
    let found = checked(&asked, Some(&answer(DYNAMODB, 200, &backup)));
    assert!(found.iter().all(|violation| (violation.side, violation.kind) == (Side::Answer, Kind::MissingMember)));
    let paths: Vec<_> = found.iter().map(|violation| violation.path.rsplit('.').next().unwrap_or_default()).collect();
    assert!(paths.contains(&"BackupArn") && paths.contains(&"BackupStatus"), "{paths:?}");
}

fn ec2(form: &str, answer: Option<(u16, &str)>) -> Vec<Violation> {
    let request = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(form.to_owned().into()).expect("a request");
    let answer = answer.map(|(status, body)| {
        let answer = Response::builder().status(status).header("content-type", "text/xml;charset=UTF-8");
        answer.body(Bytes::from(body.to_owned())).expect("an answer")
    });
    checked(&request, answer.as_ref())
}

const SUBNETS: &str = "Action=DescribeSubnets&Version=2016-11-15";

/// The one thing that is wrong with a form.
#[track_caller]
fn form_is(more: &str, kind: Kind, path: &str) {
    let found = ec2(&format!("{SUBNETS}{more}"), None);
    assert_eq!(short(&found), [(Side::Request, kind, path)], "{found:?}");
}

#[test]
fn a_form_is_checked_by_the_names_of_the_query_protocol() {
    let filters = "&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.2.Name=state&Filter.2.Value.1=available";
    assert_eq!(ec2(&format!("{SUBNETS}{filters}&SubnetId.1=subnet-1&MaxResults=5&DryRun=false"), None), []);
    form_is("&Subnets.1=subnet-1", Kind::UnknownMember, "Subnets");
    form_is("&Filter.1.Names=vpc-id", Kind::UnknownMember, "Filter[].Names");
    form_is("&DryRun=yes", Kind::WrongType, "DryRun");
    form_is("&SubnetId=subnet-1", Kind::WrongType, "SubnetId");
    form_is("&MaxResults=4", Kind::Range, "MaxResults");
    form_is("&SubnetId.1=subnet-1&SubnetId.3=subnet-3", Kind::Protocol, "SubnetId");
    let found = ec2("Action=CreateSubnet&Version=2016-11-15", None);
    assert_eq!(short(&found), [(Side::Request, Kind::MissingMember, "VpcId")], "{found:?}");
    let found = ec2("Action=AllocateAddress&Version=2016-11-15&Domain=cloud", None);
    assert_eq!(short(&found), [(Side::Request, Kind::Enumeration, "Domain")], "{found:?}");
    let found = ec2("Action=DescribeSubnets&Version=2015-01-01", None);
    assert_eq!(short(&found), [(Side::Request, Kind::UnknownOperation, "")], "{found:?}");
}

#[test]
fn every_spoiled_form_is_found_by_the_judge() {
    let form = format!("{SUBNETS}&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&MaxResults=5&DryRun=false");
    assert_eq!(ec2(&form, None), []);
    let required = "Action=CreateSubnet&Version=2016-11-15&VpcId=vpc-1";
    let mut kinds = std::collections::BTreeSet::new();
    for form in [form.as_str(), required] {
        for spoiled in models().spoil_form("ec2", form).expect("readable models") {
            let found = ec2(&spoiled.body, None);
            let expected = (Side::Request, spoiled.kind, spoiled.path.as_str());
            assert!(short(&found).contains(&expected), "{spoiled:?}: {found:?}");
            kinds.insert(spoiled.kind);
        }
    }
    assert_eq!(kinds, [Kind::UnknownMember, Kind::MissingMember, Kind::WrongType, Kind::Range].into());
}

/// The one thing that is wrong with an answer.
#[track_caller]
fn xml_is(inside: &str, kind: Kind, path: &str) {
    let text = format!(
        "<DescribeSubnetsResponse xmlns=\"{NAMESPACE}\"><requestId>1</requestId>{inside}</DescribeSubnetsResponse>"
    );
    let found = ec2(SUBNETS, Some((200, &text)));
    assert_eq!(short(&found), [(Side::Answer, kind, path)], "{found:?}");
}

#[test]
fn an_answer_of_ec2_is_checked_by_its_elements() {
    let subnet =
        "<subnetId>subnet-1</subnetId><availableIpAddressCount>5</availableIpAddressCount><state>available</state>";
    let text = format!(
        "<DescribeSubnetsResponse xmlns=\"{NAMESPACE}\"><requestId>1</requestId><subnetSet><item>{subnet}</item></subnetSet>\
         <nextToken>a</nextToken></DescribeSubnetsResponse>"
    );
    assert_eq!(ec2(SUBNETS, Some((200, &text))), []);
    xml_is("<subnets/>", Kind::UnknownMember, "subnets");
    xml_is("<subnetSet><item><id>1</id></item></subnetSet>", Kind::UnknownMember, "subnetSet[].id");
    xml_is("<subnetSet><member/></subnetSet>", Kind::UnknownMember, "subnetSet[]");
    xml_is("<subnetSet>none</subnetSet>", Kind::WrongType, "subnetSet");
    let item = |inside: &str| format!("<subnetSet><item>{inside}</item></subnetSet>");
    xml_is(&item("<defaultForAz>yes</defaultForAz>"), Kind::WrongType, "subnetSet[].defaultForAz");
    xml_is(&item("<state>gone</state>"), Kind::Enumeration, "subnetSet[].state");
    let count = "subnetSet[].availableIpAddressCount";
    xml_is(&item("<availableIpAddressCount>many</availableIpAddressCount>"), Kind::WrongType, count);
    let bare = "<DescribeSubnetsResult/>";
    assert_eq!(
        short(&ec2(SUBNETS, Some((200, bare)))),
        [
            (Side::Answer, Kind::Protocol, ""),
            (Side::Answer, Kind::Protocol, ""),
            (Side::Answer, Kind::Protocol, "requestId")
        ]
    );
    assert_eq!(short(&ec2(SUBNETS, Some((200, "<a>")))), [(Side::Answer, Kind::Protocol, "")]);
}

#[test]
fn an_error_of_ec2_is_one_of_its_reference() {
    let error = |code: &str| {
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors><RequestID>1</RequestID></Response>"
        )
    };
    assert_eq!(ec2(SUBNETS, Some((400, &error("InvalidSubnetID.NotFound")))), []);
    let found = ec2(SUBNETS, Some((400, &error("SubnetNotFound"))));
    assert_eq!(short(&found), [(Side::Answer, Kind::UndeclaredError, "")], "{found:?}");
    let bare = "<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>";
    let found = ec2(SUBNETS, Some((500, bare)));
    let missing = [(Side::Answer, Kind::MissingMember, "RequestID"), (Side::Answer, Kind::MissingMember, "Message")];
    assert_eq!(short(&found), missing, "{found:?}");
}

/// The regex engine has no look-around. A pattern that it cannot compile is not checked, and is named here.
#[test]
fn one_pattern_of_all_cannot_be_checked() {
    let not_checked = models().patterns_not_checked().expect("readable models");
    let expected = r"^(?=.{20,2048}$)arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[a-zA-Z0-9/_+=.@-]+";
    assert_eq!(not_checked, [("ec2".to_owned(), expected.to_owned())]);
}
