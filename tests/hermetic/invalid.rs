//! Bad input: one clear sentence where a person looks, and everybody else is served.

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::Phase;
use bivouac_planner::Template;
use bivouac_simcloud::github::{Level, Permission, Rights};
use bivouac_simcloud::{Options, Service};

use crate::logs::Logs;
use crate::system::{ECR, REPO, System, TOKEN, map, message_of, n, phase_of, policy, reason_of, s};
use crate::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_attribute_is_named_and_nobody_else_suffers() {
    let system = System::start().await;
    let good = system.pull_request();
    let long = "x".repeat(200);
    let cases: Vec<(&str, AttributeValue, &str)> = vec![
        ("desired", s("sideways"), "up, asleep, down"),
        ("desired", n(1), "up, asleep, down"),
        ("image_tag", s(".hidden"), "image_tag"),
        ("image_tag", s(&long), "image_tag"),
        ("flags", s("FEATURE_X=true"), "a map"),
        ("flags", map(&[("1ST", "x")]), "1ST"),
        ("config", map(&[("PATH", "/tmp")]), "SUPERSET_*"),
        ("ttl", s("soon"), "48h"),
        ("ttl", n(0), "longer than nothing"),
        ("ttl", n(-5), "-5"),
        ("pinned", s("yes"), "true or false"),
        ("size", s("gigantic"), "large"),
        ("generation", s("one"), "generation"),
        ("requested_at", s("yesterday"), "RFC 3339"),
        ("head_sha", s("main"), "hexadecimal"),
    ];
    let mut written = Vec::new();
    for (attribute, value, says) in cases {
        let pr = system.pull_request();
        system.put(pr, &[(attribute, value)]).await;
        written.push((pr, attribute, says));
    }
    system.put(good, &[]).await;
    for (pr, attribute, says) in written {
        let record = system.until_phase(pr, Phase::Invalid).await;
        let message = message_of(&record);
        assert!(message.contains(attribute) && message.contains(says), "{attribute}: {message}");
    }
    system.until_phase(good, Phase::Ready).await;
    assert_eq!(system.services().len(), 1);
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_flags_are_counted() {
    let system = System::start().await;
    let pr = system.pull_request();
    let flags = (0..10_000).map(|at| (format!("F{at}"), s("1"))).collect();
    system.put(pr, &[("flags", AttributeValue::M(flags))]).await;
    let record = system.until_phase(pr, Phase::Invalid).await;
    assert!(message_of(&record).contains("10000 entries"), "{}", message_of(&record));
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_that_is_none_is_told_so() {
    let system = System::start().await;
    system.put(4711, &[("image_tag", s("pr-1-ci"))]).await;
    system.cloud.ecr().push_image(crate::system::ECR, "pr-1-ci");
    let record = system.until_phase(4711, Phase::Invalid).await;
    assert!(message_of(&record).contains("no pull request 4711"), "{}", message_of(&record));
    assert!(system.services().is_empty());
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_no_pull_request_has() {
    let system = System::start().await;
    let good = system.pull_request();
    let impossible = ["0", "-1", "1.5", "1000000000000000000000000000000"];
    for pr in impossible {
        let item = system.table.put_item().table_name("bivouac-environments");
        item.item("repo", s(REPO)).item("pr", n(pr)).send().await.expect("put-item");
    }
    system.put(good, &[]).await;
    until("an answer to each", async || {
        let records = system.doors.records.all().await.expect("all");
        let (mut answered, mut left) = (0, Vec::new());
        for record in records.iter().filter(|record| impossible.contains(&&*record.key.pr)) {
            let sentence = format!("pull request number `{}` is not a whole number from 1", record.key.pr);
            match phase_of(record) == Some(Phase::Invalid) && message_of(record).contains(&sentence) {
                true => answered += 1,
                false => left.push(format!("{record:?}")),
            }
        }
        if answered == impossible.len() { Ok(()) } else { Err(left.join("\n")) }
    })
    .await;
    system.until_phase(good, Phase::Ready).await;
    assert_eq!(system.services().len(), 1);
    system.until_settled().await;
}

#[tokio::test]
async fn an_item_without_room_for_its_status_is_told_in_the_comment() {
    let logs = Logs::start();
    let system = System::start().await;
    let (good, pr) = (system.pull_request(), system.pull_request());
    // DynamoDB's 400 KB, key and names included.
    let note = "x".repeat(400 * 1024 - 100);
    system.put(pr, &[("note", s(&note))]).await;
    system.put(good, &[]).await;
    let comment = system.until_comment(pr, "so that its status finds room within DynamoDB").await;
    assert!(comment.contains("the item takes 4095"), "{comment}");
    system.until_phase(good, Phase::Ready).await;
    assert_eq!(system.services().len(), 1, "nothing is started that could not be remembered");

    // Each pass tries again, and nothing else does; the comment and the log have said it.
    let tries = || system.cloud.calls().with_code(Service::DynamoDb, "UpdateItem", "ValidationException");
    let passes = || system.cloud.calls().of(Service::Ecs, "ListServices");
    let (tried, passed) = (tries(), passes());
    until("four more passes", async || if passes() >= passed + 4 { Ok(()) } else { Err(passes().to_string()) }).await;
    let (tried, passed) = (tries() - tried, passes() - passed);
    // The one of the pass that is just over may still be on its way when the counting begins.
    assert!((1..=passed + 1).contains(&tried), "{tried} tries in {passed} passes");
    assert_eq!(system.comments(pr), [comment]);
    assert_eq!(logs.with("the status cannot be recorded").len(), 1, "{:#?}", logs.with(""));

    // Made smaller, it is served.
    system.set(pr, "note", s("short")).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test]
async fn an_item_that_outgrows_its_status_keeps_what_runs() {
    let logs = Logs::start();
    let system = System::start().await;
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let ready = system.until_phase(pr, Phase::Ready).await.status.unwrap();
    system.until_comment(pr, &ready.url.unwrap()).await;
    // As much as there is room for beside the status that stands there, and not for one that says more.
    let note = "x".repeat(400 * 1024 - 2500);
    system.set(pr, "note", s(&note)).await;
    let comment = system.until_comment(pr, "so that its status finds room within DynamoDB").await;
    assert!(comment.contains("What ran before is left as it is until its time is over"), "{comment}");
    assert_eq!(system.services().len(), 1);
    system.set(pr, "note", s("short")).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
    assert!(logs.with("the status cannot be recorded").len() <= 1, "{:#?}", logs.with(""));
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_that_the_template_has_no_room_for() {
    let mut policy = policy();
    let project = policy.projects.values_mut().next().expect("a project");
    let template = include_str!("../../deploy/examples/superset/task-definition.json");
    let mut template: serde_json::Value = serde_json::from_str(template).expect("JSON");
    let definition =
        if template.get("taskDefinition").is_some() { &mut template["taskDefinition"] } else { &mut template };
    definition["containerDefinitions"][0]["command"] = serde_json::json!(["x".repeat(50_000)]);
    project.template = Template::parse(&template.to_string(), &["superset".into()]).expect("a template");
    let mut system = System::without_daemon(Options::default(), policy).await;
    system.launch();
    let (good, pr) = (system.pull_request(), system.pull_request());
    let flags: Vec<(String, String)> = (0..5).map(|at| (format!("F{at}"), "x".repeat(3000))).collect();
    let flags: Vec<(&str, &str)> = flags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    system.put(pr, &[("flags", map(&flags))]).await;
    system.put(good, &[]).await;
    let record = system.until_phase(pr, Phase::Failed).await;
    assert_eq!(reason_of(&record), "TaskDefinitionTooLarge");
    let message = message_of(&record);
    assert!(message.starts_with("The task definition takes ") && message.contains("ECS allows 65536"), "{message}");
    system.until_comment(pr, "ECS allows 65536").await;
    system.until_phase(good, Phase::Ready).await;
    system.until_settled().await;
    system.set(pr, "flags", map(&[])).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_repository_that_does_not_exist() {
    let mut policy = policy();
    policy.projects.values_mut().next().expect("a project").ecr_repository = "nowhere".into();
    let mut system = System::without_daemon(Options::default(), policy).await;
    system.launch();
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let record = system.until_phase(pr, Phase::Failed).await;
    assert_eq!(message_of(&record), "The registry has no repository `nowhere`.");
    system.until_comment(pr, "The registry has no repository").await;
    assert!(system.services().is_empty());
    system.until_settled().await;
    // Made, and pushed to, it is found.
    system.cloud.ecr().push_image("nowhere", &format!("pr-{pr}-ci"));
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_a_kind_that_nobody_knows() {
    let system = System::start().await;
    let (good, pr) = (system.pull_request(), system.bare_pull_request());
    system.cloud.ecr().push_typed(ECR, &format!("pr-{pr}-ci"), "application/vnd.example.from-the-future+json");
    system.put(pr, &[]).await;
    system.put(good, &[]).await;
    let record = system.until_phase(pr, Phase::Failed).await;
    assert_eq!(reason_of(&record), "ImageUnusable");
    let sentence = "something of the type application/vnd.example.from-the-future+json, which is no container image";
    assert!(message_of(&record).contains(sentence), "{}", message_of(&record));
    system.until_comment(pr, "from-the-future").await;
    system.until_phase(good, Phase::Ready).await;
    system.until_settled().await;
    system.cloud.ecr().push_image(ECR, &format!("pr-{pr}-ci"));
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
}

#[tokio::test]
async fn a_token_that_may_not_comment_is_told_once_and_holds_nothing_up() {
    let logs = Logs::start();
    let mut system = System::without_daemon(Options::default(), policy()).await;
    system.hub.add_token(TOKEN, "bivouac-bot", Rights::fine_grained(Level::Read, Level::Read));
    system.launch();
    let pr = system.pull_request();
    system.put(pr, &[]).await;
    let refused = |record: &bivouac_model::Record| {
        let status = record.status.as_ref()?;
        let conditions = &status.machinery.conditions;
        conditions.iter().find(|condition| condition.kind == "CommentPosted").cloned()
    };
    let record = system
        .until(pr, "ready, with the refusal in its conditions", |record| {
            phase_of(record) == Some(Phase::Ready) && refused(record).is_some()
        })
        .await;
    let condition = refused(&record).expect("a condition");
    assert_eq!(condition.reason, "Denied");
    assert!(condition.message.contains("\"Pull requests\" or \"Issues\" (read and write)"), "{}", condition.message);
    let passes = || system.cloud.calls().of(Service::Ecs, "ListServices");
    let seen = passes();
    until("three more passes", async || if passes() >= seen + 3 { Ok(()) } else { Err(passes().to_string()) }).await;
    let told = logs.with("comment was refused");
    assert_eq!(told.len(), 1, "{:#?}", logs.with(""));
    assert!(!told[0].contains(TOKEN), "{told:#?}");
    assert!(system.comments(pr).is_empty());

    // With the right, the next thing there is to say is said, and the condition goes.
    system.hub.add_token(TOKEN, "bivouac-bot", Rights::commenter());
    system.set(pr, "desired", s("asleep")).await;
    system.until_phase(pr, Phase::Asleep).await;
    system.until(pr, "without the condition", |record| refused(record).is_none()).await;
    assert_eq!(system.comments(pr).len(), 1);
    system.until_settled().await;
}

#[tokio::test]
async fn a_token_that_may_not_list_pull_requests_is_told_once_each_time_it_begins() {
    let logs = Logs::start();
    let mut system = System::without_daemon(Options::default(), policy()).await;
    // What is public anybody may list.
    system.hub.add_private_repository(REPO).unwrap();
    let blind = Rights::fine_grained(Level::Write, Level::None);
    system.hub.set_permission(REPO, "bivouac-bot", Permission::Write).unwrap();
    system.hub.add_token(TOKEN, "bivouac-bot", blind.clone());
    system.launch();
    let three_passes = async || {
        let passes = || system.cloud.calls().of(Service::Ecs, "ListServices");
        let seen = passes();
        until("three passes", async || if passes() >= seen + 3 { Ok(()) } else { Err(passes().to_string()) }).await;
    };
    let told = || logs.with("the open pull requests could not be listed");
    for times in [1, 2] {
        system.hub.add_token(TOKEN, "bivouac-bot", blind.clone());
        three_passes().await;
        assert_eq!(told().len(), times, "{:#?}", told());
        system.hub.add_token(TOKEN, "bivouac-bot", Rights::commenter());
        three_passes().await;
        assert_eq!(told().len(), times, "it may again: {:#?}", told());
    }
}
