//! Reading, checking and rendering of templates.

use super::*;

#[test]
fn the_log_groups_are_those_of_cloudwatch_each_once() {
    let logging = |name: &str, driver: &str, group: &str| {
        let options = json!({ "awslogs-group": group, "awslogs-region": "us-west-2" });
        json!({ "name": name, "logConfiguration": { "logDriver": driver, "options": options } })
    };
    let template = json!({
        "family": "shop", "cpu": "256", "memory": "512",
        "containerDefinitions": [
            { "name": "silent" },
            logging("web", "awslogs", "/ecs/web"),
            logging("sidecar", "splunk", "/elsewhere"),
            logging("worker", "awslogs", "/ecs/worker"),
            logging("cron", "awslogs", "/ecs/web"),
        ],
    });
    let template = Template::parse(&template.to_string(), &["web".to_owned()]).unwrap();
    assert_eq!(template.log_groups(), ["/ecs/web", "/ecs/worker"]);
}

fn template(containers: &str, rest: &str) -> Template {
    let text =
        format!(r#"{{"family": "f", "cpu": "256", "memory": "512", "containerDefinitions": [{containers}]{rest}}}"#);
    Template::parse(&text, &["web".into()]).unwrap()
}

#[test]
fn ports_that_are_none_are_left_out() {
    let chosen =
        r#"{"name": "web", "portMappings": [{"containerPort": 8080}, {"hostPort": 1}, {"containerPort": 99999}]}"#;
    assert_eq!(template(chosen, "").ports(), [8080]);
    assert!(template(r#"{"name": "web", "portMappings": null}"#, "").ports().is_empty());
}

#[test]
fn the_secrets_are_those_of_the_chosen_containers() {
    let chosen =
        r#"{"name": "web", "secrets": [{"name": "KEY", "valueFrom": "a"}, {"name": "DSN", "valueFrom": "b"}]}"#;
    let other = r#"{"name": "cache", "secrets": [{"name": "OTHER", "valueFrom": "c"}]}"#;
    let names: Vec<_> = template(&format!("{other}, {chosen}"), "").secrets().iter().cloned().collect();
    assert_eq!(names, ["DSN", "KEY"]);
    assert!(template(r#"{"name": "web", "secrets": null}"#, "").secrets().is_empty());
}

#[test]
fn the_execution_role_is_there_or_not() {
    let web = r#"{"name": "web"}"#;
    assert_eq!(
        template(web, r#", "executionRoleArn": "arn:aws:iam::1:role/r""#).execution_role(),
        Some("arn:aws:iam::1:role/r")
    );
    for none in ["", r#", "executionRoleArn": """#, r#", "executionRoleArn": null"#] {
        assert_eq!(template(web, none).execution_role(), None);
    }
}

#[test]
fn the_execution_role_is_lent_to_the_application_if_it_is_the_task_role_too() {
    let roles = |task: &str| {
        let roles = format!(r#", "executionRoleArn": "arn:aws:iam::123456789012:role/x/exec", "taskRoleArn": {task}"#);
        template(r#"{"name": "web"}"#, &roles).lends_execution_role()
    };
    for same in [r#""arn:aws:iam::123456789012:role/x/exec""#, r#""exec""#] {
        assert!(roles(same), "{same}");
    }
    for other in [r#""arn:aws:iam::123456789012:role/preview""#, r#""preview""#, r#""""#, "null"] {
        assert!(!roles(other), "{other}");
    }
}

#[test]
fn the_ports_are_those_of_all_containers() {
    let chosen = r#"{"name": "web", "portMappings": [{"containerPort": 8080}]}"#;
    let proxy = r#"{"name": "proxy", "portMappings": [{"containerPort": 80}]}"#;
    assert_eq!(template(&format!("{proxy}, {chosen}"), "").ports(), [80, 8080]);
}
