//! Pages at 11 and 101, and lists that change while they are read.

use serde_json::{Value, json};

use super::{Rig, create_service};

fn all(rig: &mut Rig, operation: &str, input: &Value, items: &str) -> (Vec<String>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut input = input.clone();
    loop {
        let page = rig.must(operation, input.clone());
        let page_items: Vec<String> = serde_json::from_value(page[items].clone()).unwrap();
        found.extend(page_items);
        pages += 1;
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => return (found, pages),
        }
    }
}

fn create_many(rig: &mut Rig, count: usize) {
    rig.register("web", "nginx");
    for n in 0..count {
        let mut input = create_service("web");
        input["serviceName"] = json!(format!("s{n:03}"));
        rig.must("CreateService", input);
    }
}

#[test]
fn services_come_by_ten_and_by_a_hundred() {
    let mut rig = Rig::new();
    create_many(&mut rig, 11);
    let (found, pages) = all(&mut rig, "ListServices", &json!({"cluster": "c"}), "serviceArns");
    assert_eq!((found.len(), pages), (11, 2));
    let mut rig = Rig::new();
    create_many(&mut rig, 101);
    let input = json!({"cluster": "c", "maxResults": 100});
    let (found, pages) = all(&mut rig, "ListServices", &input, "serviceArns");
    assert_eq!((found.len(), pages), (101, 2));
    let (tasks, pages) = all(&mut rig, "ListTasks", &json!({"cluster": "c"}), "taskArns");
    assert_eq!((tasks.len(), pages), (101, 2));
    let refused = rig.refused("DescribeTasks", json!({"cluster": "c", "tasks": tasks}));
    assert_eq!(refused.message, "taskIds can have at most 100 items.");
    let refused = rig.refused("DescribeServices", json!({"cluster": "c", "services": found[..11]}));
    assert_eq!(refused.message, "service names can have at most 10 items.");
}

#[test]
fn a_service_deleted_between_two_pages_hides_no_other() {
    let mut rig = Rig::new();
    create_many(&mut rig, 11);
    let first = rig.must("ListServices", json!({"cluster": "c"}));
    rig.must("DeleteService", json!({"cluster": "c", "service": "s003", "force": true}));
    let token = &first["nextToken"];
    let second = rig.must("ListServices", json!({"cluster": "c", "nextToken": token}));
    assert_eq!(second["serviceArns"].as_array().unwrap().len(), 1);
    let refused = rig.refused("ListTasks", json!({"cluster": "c", "nextToken": token}));
    assert_eq!(refused.code, "InvalidParameterException");
}

#[test]
fn task_definitions_are_listed_both_ways_by_status() {
    let mut rig = Rig::new();
    for _ in 0..101 {
        rig.register("web", "nginx");
    }
    rig.register("webb", "nginx");
    let input = json!({"familyPrefix": "web"});
    let (found, pages) = all(&mut rig, "ListTaskDefinitions", &input, "taskDefinitionArns");
    assert_eq!((found.len(), pages), (101, 2));
    let (all_found, _) = all(&mut rig, "ListTaskDefinitions", &json!({}), "taskDefinitionArns");
    assert_eq!(all_found.len(), 102);
    let input = json!({"familyPrefix": "web", "sort": "DESC"});
    let (mut reversed, _) = all(&mut rig, "ListTaskDefinitions", &input, "taskDefinitionArns");
    reversed.reverse();
    assert_eq!(reversed, found);
    rig.must("DeregisterTaskDefinition", json!({"taskDefinition": "web:5"}));
    let input = json!({"familyPrefix": "web", "status": "INACTIVE"});
    let (inactive, _) = all(&mut rig, "ListTaskDefinitions", &input, "taskDefinitionArns");
    assert_eq!(inactive, [found[4].clone()]);
}

#[test]
fn five_thousand_services_list_in_fifty_pages() {
    let mut rig = Rig::new();
    create_many(&mut rig, 5_000);
    rig.pass(70);
    let input = json!({"cluster": "c", "maxResults": 100});
    let (found, pages) = all(&mut rig, "ListServices", &input, "serviceArns");
    assert_eq!((found.len(), pages), (5_000, 50));
    let (tasks, pages) = all(&mut rig, "ListTasks", &json!({"cluster": "c"}), "taskArns");
    assert_eq!((tasks.len(), pages), (5_000, 50));
    let described = rig.must("DescribeTasks", json!({"cluster": "c", "tasks": tasks[..100]}));
    assert!(described["tasks"].as_array().unwrap().iter().all(|t| t["lastStatus"] == "RUNNING"));
}
