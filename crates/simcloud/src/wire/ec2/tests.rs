//! Interfaces by page, by filter and by id.

use chrono::DateTime;
use proptest::prelude::*;

use super::{Form, answer, error};
use crate::model::ec2::Request;
use crate::model::{Refusal, Scope, World};
use crate::{Quotas, Timings};

/// A world with 101 interfaces, every tenth in `sg-b` and the others in `sg-a`.
fn world() -> World {
    let scope = Scope { region: "us-west-2".into(), account: "123456789012".into() };
    let mut world = World::new(DateTime::UNIX_EPOCH, 1, scope, Timings::default(), Quotas::default(), 9);
    for n in 0..101 {
        let groups = [if n % 10 == 0 { "sg-b" } else { "sg-a" }.to_owned()];
        let World { ec2, rng, scope, now, .. } = &mut world;
        let request = Request { subnet: "subnet-1", groups: &groups, public: true, description: format!("number {n}") };
        ec2.attach(rng, scope, request, *now);
    }
    world
}

fn ask(world: &World, form: &str) -> Result<String, Refusal> {
    answer(world, &Form::read(format!("Action=DescribeNetworkInterfaces&{form}").as_bytes()))
}

fn values<'a>(xml: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let parts = xml.split(open.as_str()).skip(1);
    parts.filter_map(|part| part.split(close.as_str()).next()).collect()
}

#[test]
fn pages_together_hold_every_interface_once() {
    let world = world();
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut token = String::new();
    loop {
        let xml = ask(&world, &format!("MaxResults=50{token}")).unwrap();
        found.extend(values(&xml, "networkInterfaceId").into_iter().map(str::to_owned));
        pages += 1;
        match values(&xml, "nextToken").first() {
            Some(next) => token = format!("&NextToken={next}"),
            None => break,
        }
    }
    found.dedup();
    assert_eq!((found.len(), pages), (101, 3));
    let other = format!("MaxResults=50&Filter.1.Name=status&Filter.1.Value.1=in-use{token}");
    assert_eq!(ask(&world, &other).unwrap_err().code, "InvalidNextToken");
}

#[test]
fn filters_narrow_and_leave_out_what_is_gone() {
    let world = world();
    let count = |form: &str| values(&ask(&world, form).unwrap(), "networkInterfaceId").len();
    assert_eq!(count("Filter.1.Name=group-id&Filter.1.Value.1=sg-b"), 11);
    assert_eq!(count("Filter.1.Name=group-id&Filter.1.Value.1=sg-*"), 101);
    let ids: Vec<_> = world.ec2.interfaces.keys().take(2).collect();
    let by_id = format!(
        "Filter.1.Name=network-interface-id&Filter.1.Value.1={}&Filter.1.Value.2={}\
         &Filter.1.Value.3=eni-gone",
        ids[0], ids[1]
    );
    assert_eq!(count(&by_id), 2);
    assert_eq!(count("Filter.1.Name=association.public-ip&Filter.1.Value.1=127.9.0.7"), 1);
    let both = "Filter.1.Name=group-id&Filter.1.Value.1=sg-b\
                &Filter.2.Name=description&Filter.2.Value.1=number 1*";
    assert_eq!(count(both), 2, "numbers 10 and 100");
}

#[test]
fn one_id_that_is_gone_fails_the_whole_call() {
    let world = world();
    let id = world.ec2.interfaces.keys().next().unwrap();
    let refused = ask(&world, &format!("NetworkInterfaceId.1={id}&NetworkInterfaceId.2=eni-gone"));
    assert_eq!(refused.unwrap_err().code, "InvalidNetworkInterfaceID.NotFound");
    let refused = ask(&world, &format!("NetworkInterfaceId.1={id}&MaxResults=5"));
    assert_eq!(refused.unwrap_err().code, "InvalidParameterCombination");
    for size in ["4", "1001", "many"] {
        let refused = ask(&world, &format!("MaxResults={size}")).unwrap_err();
        assert_eq!(refused.code, "InvalidParameterValue");
    }
}

#[test]
fn a_subnet_has_the_main_route_table_or_one_of_its_own() {
    let mut world = world();
    let World { ec2, scope, .. } = &mut world;
    for subnet in ["subnet-a", "subnet-b"] {
        ec2.add_subnet(scope, subnet, "vpc-1");
    }
    ec2.isolate("subnet-b");
    let ask = |form: &str| answer(&world, &Form::read(format!("Action=DescribeRouteTables&{form}").as_bytes()));
    let main = ask("Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.2.Name=association.main&Filter.2.Value.1=true");
    let main = main.unwrap();
    assert_eq!(values(&main, "gatewayId"), ["local", "igw-1"]);
    assert_eq!((values(&main, "main"), values(&main, "subnetId")), (vec!["true"], vec![]));
    let own = ask("Filter.1.Name=association.subnet-id&Filter.1.Value.1=subnet-b").unwrap();
    assert_eq!((values(&own, "gatewayId"), values(&own, "subnetId")), (vec!["local"], vec!["subnet-b"]));
    assert_eq!(ask("MaxResults=101").unwrap_err().code, "InvalidParameterValue");
    assert_eq!(ask("RouteTableId.1=rtb-gone").unwrap_err().code, "InvalidRouteTableID.NotFound");
}

proptest! {
    #[test]
    fn any_form_is_answered_or_refused(
        action in prop::sample::select(vec![
            "DescribeNetworkInterfaces", "DescribeSubnets", "DescribeSecurityGroups", "DescribeRouteTables", "Other",
        ]),
        rest in "((MaxResults|NextToken|Filter\\.1\\.Name|Filter\\.1\\.Value\\.1|GroupId\\.1)=.{0,9}&){0,4}",
    ) {
        let form = Form::read(format!("Action={action}&{rest}").as_bytes());
        if let Err(refused) = answer(&world(), &form) {
            prop_assert!(error(&refused).contains("<Code>"));
        }
    }
}
