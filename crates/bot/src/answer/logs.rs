//! The answer to `logs`: the last failure, and where the log itself is.

use bivouac_model::{Phase, Record};

use super::{prose, quoted};

/// The cause of a failure is in the record; the rest is not for a page that may be public. `groups` are the log groups of the
/// project's template: which one a failure is in, the record does not say. Their names open nothing to anybody.
pub(crate) fn logs(record: Option<&Record>, command: &str, groups: &[String]) -> String {
    let Some(status) = record.and_then(|record| record.status.as_ref()) else {
        return format!("There is nothing to show yet. `{command} status` says where the environment is.");
    };
    let failed = matches!(status.phase, Phase::Failed | Phase::Degraded | Phase::Invalid) && !status.message.is_empty();
    let failure = if failed {
        format!("The last failure: {}", prose(&status.message))
    } else {
        "There is no failure to show.".to_owned()
    };
    let place = match groups {
        [] => String::new(),
        [group] => format!(" They find it in the CloudWatch log group {}.", quoted(group)),
        groups => {
            let groups: Vec<String> = groups.iter().map(|group| quoted(group)).collect();
            format!(" They find it in the CloudWatch log groups {}.", groups.join(", "))
        }
    };
    format!("{failure}\n\nThe log itself is for operators: it may hold secrets, and this page may be public.{place}")
}

#[cfg(test)]
mod tests {
    use bivouac_model::{Item, ItemKey, Value, decode_record};

    use super::*;

    fn record(phase: &str, message: &str) -> Record {
        let attributes = [("phase", phase), ("expires_at", "2026-11-25T12:00:00Z"), ("message", message)];
        let item: Item =
            attributes.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).into_iter().collect();
        decode_record(ItemKey { repo: "apache/superset".into(), pr: "7".into() }, &item)
    }

    #[test]
    fn without_a_record_it_says_where_to_look() {
        assert!(logs(None, "/preview", &[]).contains("`/preview status`"));
    }

    #[test]
    fn a_failure_is_shown_and_the_group_where_the_log_is() {
        let said = logs(Some(&record("Failed", "it ran out of memory")), "/testenv", &["/ecs/superset-ci".to_owned()]);
        assert!(said.starts_with("The last failure: it ran out of memory\n"), "{said}");
        assert!(said.contains("log group `/ecs/superset-ci`."), "{said}");
    }

    #[test]
    fn what_is_well_has_no_failure_and_what_is_unknown_is_not_mentioned() {
        let said = logs(Some(&record("Ready", "it answers")), "/testenv", &[]);
        assert!(said.starts_with("There is no failure to show.") && !said.contains("CloudWatch"), "{said}");
        let several = ["/ecs/web", "/ecs/worker"].map(str::to_owned);
        let said = logs(Some(&record("Ready", "")), "/testenv", &several);
        assert!(said.ends_with("the CloudWatch log groups `/ecs/web`, `/ecs/worker`."), "{said}");
    }
}
