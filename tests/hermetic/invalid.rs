//! Bad input: one clear sentence where a person looks, and everybody else is served.

use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::Phase;

use crate::system::{System, map, message_of, n, s};

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
