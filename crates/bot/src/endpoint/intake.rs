//! How much one person may put into the inbox.
//!
//! The endpoint asks no one who may give commands, so the inbox is bounded by what a person can have said: more than this
//! is refused, and not taken and dropped. GitHub's page of deliveries shows a refused delivery, and the comparison finds the
//! command of a person who may give it.

use std::time::Duration;

use bivouac_model::{EnvKey, RepoName};

use crate::letter::{Fact, News};
use crate::pace::Pace;

/// Deliveries of one kind that one person causes on one pull request. Ours: two a second for a minute are no conversation, and
/// 360 an hour after that. Comments are counted apart, so that no flood of them keeps out that the pull request was closed.
const ON_ONE: (u32, Duration) = (120, Duration::from_secs(10));
/// Deliveries that one person causes in one repository: a holder of another project's secret can use up nothing here. A person makes 500 comments an hour at most (GitHub, "About secondary rate
/// limits").
const IN_ALL: (u32, Duration) = (500, Duration::from_millis(7200));

/// Counts what is taken in. In memory: after a restart everybody begins with a full bucket.
pub(super) struct Intake {
    on_one: Pace<(EnvKey, Option<String>, bool)>,
    in_one_repository: Pace<(RepoName, Option<String>)>,
}

impl Default for Intake {
    fn default() -> Self {
        Self { on_one: Pace::new(ON_ONE.0, ON_ONE.1), in_one_repository: Pace::new(IN_ALL.0, IN_ALL.1) }
    }
}

impl Intake {
    /// Whether another delivery of this person may be taken in. Deliveries that no person caused (an app's) have one bucket
    /// for each pull request, and none for all together.
    pub fn takes(&self, news: &News) -> bool {
        let person = Some(news.person()).filter(|person| !person.is_empty());
        let on_one = (news.key(), person.clone(), matches!(news.fact, Fact::Comment(_) | Fact::Hint(_)));
        let in_one_repository = (news.repo.clone(), person);
        let is_by_person = in_one_repository.1.is_some();
        if self.on_one.is_spent(&on_one) || (is_by_person && self.in_one_repository.is_spent(&in_one_repository)) {
            return false;
        }
        self.on_one.take(on_one) && (!is_by_person || self.in_one_repository.take(in_one_repository))
    }
}

#[cfg(test)]
mod tests {
    use bivouac_model::PrNumber;
    use chrono::DateTime;

    use super::*;
    use crate::letter::{Changed, Comment, How};

    fn news(pr: u64, by: Option<&str>) -> News {
        let changed =
            Changed { how: How::Closed, by: by.map(str::to_owned), at: DateTime::UNIX_EPOCH, url: None, hint: None };
        News { repo: "apache/superset".parse().unwrap(), pr: PrNumber::new(pr).unwrap(), fact: Fact::Changed(changed) }
    }

    #[tokio::test(start_paused = true)]
    async fn no_flood_of_comments_keeps_out_a_closing() {
        let intake = Intake::default();
        let comment = Comment {
            id: 1,
            author: "eve".into(),
            at: DateTime::UNIX_EPOCH,
            url: String::new(),
            asked: Vec::new(),
            body: None,
            source: crate::letter::Source::Comment,
        };
        let says = News { fact: Fact::Comment(comment), ..news(7, None) };
        assert_eq!((0..300).filter(|_| intake.takes(&says)).count(), 120);
        assert!(intake.takes(&news(7, Some("eve"))));
    }

    #[tokio::test(start_paused = true)]
    async fn one_person_fills_no_inbox() {
        let intake = Intake::default();
        let taken = |prs: std::ops::Range<u64>, by| prs.filter(|pr| intake.takes(&news(*pr, by))).count();
        assert_eq!((0..3000).filter(|_| intake.takes(&news(7, Some("eve")))).count(), 120);
        assert!(intake.takes(&news(7, Some("ada"))) && intake.takes(&news(8, Some("Eve"))));
        assert_eq!(taken(100..1000, Some("eve")), 379, "in one repository");
        let elsewhere = News { repo: "apache/airflow".parse().unwrap(), ..news(7, Some("eve")) };
        assert!(intake.takes(&elsewhere), "another project is another budget");
        assert_eq!(taken(1000..2000, None), 1000, "apps push to many");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(intake.takes(&news(7, Some("eve"))) && !intake.takes(&news(7, Some("eve"))));
    }
}
