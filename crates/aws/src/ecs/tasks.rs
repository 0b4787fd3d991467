//! Tasks: of the whole cluster for a glance, of one service for a closer look.

use aws_sdk_ecs::types::DesiredStatus;
use bivouac_model::Task;
use bivouac_ports::{Error, Meaning, Result};

use super::{Ecs, read};
use crate::calls::{DESCRIBE_TASKS, LIST_TASKS};
use crate::error::from_sdk;

/// The largest page of ListTasks, and the most that DescribeTasks takes (ECS API reference: 100 each).
const PAGE: usize = 100;

impl Ecs {
    /// Every task of the cluster that is meant to run.
    pub(super) async fn all_live_tasks(&self) -> Result<Vec<Task>> {
        let arns = self.list_tasks(None, DesiredStatus::Running).await?;
        self.describe_tasks(&arns).await
    }

    /// The tasks of a service, those that stopped lately included. A service that is not there has none.
    pub(super) async fn tasks_of(&self, service: &str) -> Result<Vec<Task>> {
        let listed = futures::try_join!(
            self.list_tasks(Some(service), DesiredStatus::Running),
            self.list_tasks(Some(service), DesiredStatus::Stopped),
        );
        let (mut arns, stopped) = match listed {
            Err(error) if error.meaning() == Meaning::NotFound => return Ok(Vec::new()),
            listed => listed?,
        };
        arns.extend(stopped.into_iter().filter(|arn| !arns.contains(arn)).collect::<Vec<_>>());
        self.describe_tasks(&arns).await
    }

    /// All pages, or an error.
    async fn list_tasks(&self, service: Option<&str>, desired: DesiredStatus) -> Result<Vec<String>> {
        let mut arns = Vec::new();
        let mut next = None;
        loop {
            self.quotas.admit(&LIST_TASKS).await;
            let page = self
                .client
                .list_tasks()
                .cluster(self.cluster())
                .set_service_name(service.map(str::to_owned))
                .desired_status(desired.clone())
                .max_results(i32::try_from(PAGE).unwrap_or(i32::MAX))
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| from_sdk(&LIST_TASKS, error))?;
            arns.extend(page.task_arns().iter().cloned());
            next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                return Ok(arns);
            }
        }
    }

    async fn describe_tasks(&self, arns: &[String]) -> Result<Vec<Task>> {
        let chunks = arns.chunks(PAGE).map(|arns| self.describe_tasks_chunk(arns));
        Ok(futures::future::try_join_all(chunks).await?.into_iter().flatten().collect())
    }

    async fn describe_tasks_chunk(&self, arns: &[String]) -> Result<Vec<Task>> {
        self.quotas.admit(&DESCRIBE_TASKS).await;
        let answer = self
            .client
            .describe_tasks()
            .cluster(self.cluster())
            .set_tasks(Some(arns.to_vec()))
            .send()
            .await
            .map_err(|error| from_sdk(&DESCRIBE_TASKS, error))?;
        // MISSING: it ended between the two calls, long ago enough to be forgotten.
        if let Some(failure) = answer.failures().iter().find(|failure| failure.reason() != Some("MISSING")) {
            let why = failure.reason().unwrap_or("no reason was given");
            return Err(Error::new(Meaning::Unavailable, DESCRIBE_TASKS.name, format!("a task failed: {why}")));
        }
        Ok(answer.tasks().iter().map(read::task).collect())
    }
}
