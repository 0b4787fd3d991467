//! Reading tasks.

use aws_sdk_ecs::types::DesiredStatus;
use bivouac_model::Task;
use bivouac_ports::{Error, Meaning, Result};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Ecs, read};
use crate::caller::CONCURRENCY;
use crate::calls::{DESCRIBE_TASKS, LIST_TASKS};

/// The largest page of ListTasks, and the most tasks that one DescribeTasks takes.
const A_PAGE: usize = 100;

impl Ecs {
    pub(super) async fn describe_live_tasks(&self) -> Result<Vec<Task>> {
        let arns = self.list_tasks(None, DesiredStatus::Running).await?;
        self.describe_tasks(arns).await
    }

    pub(super) async fn describe_tasks_of(&self, service: &str) -> Result<Vec<Task>> {
        let (mut arns, stopped) = futures::try_join!(
            self.list_tasks(Some(service), DesiredStatus::Running),
            self.list_tasks(Some(service), DesiredStatus::Stopped),
        )?;
        // Between the two calls a task may have gone from one list to the other.
        arns.extend(stopped);
        arns.sort_unstable();
        arns.dedup();
        let mut tasks = self.describe_tasks(arns).await?;
        // moto lists the tasks of every service here; one of another service would be taken for ours.
        tasks.retain(|task| task.service.as_deref() == Some(service));
        Ok(tasks)
    }

    /// ECS never sets the desired status PENDING, so RUNNING lists all that start, too.
    async fn list_tasks(&self, service: Option<&str>, desired: DesiredStatus) -> Result<Vec<String>> {
        let (mut arns, mut token) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .list_tasks()
                .cluster(self.cluster())
                .set_service_name(service.map(str::to_owned))
                .desired_status(desired.clone())
                .max_results(A_PAGE as i32)
                .set_next_token(token);
            // A service that is gone has no tasks.
            let gone: &[&str] = if service.is_some() { &["ServiceNotFoundException"] } else { &[] };
            let Some(page) = self.caller.call_unless(&LIST_TASKS, gone, request.send()).await? else {
                return Ok(arns);
            };
            arns.extend_from_slice(page.task_arns());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(arns);
            }
        }
    }

    async fn describe_tasks(&self, arns: Vec<String>) -> Result<Vec<Task>> {
        let chunks: Vec<Vec<String>> = arns.chunks(A_PAGE).map(<[String]>::to_vec).collect();
        stream::iter(chunks.into_iter().map(async |chunk| {
            let request = self.client.describe_tasks().cluster(self.cluster()).set_tasks(Some(chunk));
            let answer = self.caller.call(&DESCRIBE_TASKS, request.send()).await?;
            // MISSING: forgotten between the list and this call. Anything else is half a view.
            if let Some(failure) = answer.failures().iter().find(|failure| failure.reason() != Some("MISSING")) {
                let reason = failure.reason().unwrap_or("unknown");
                let message = format!("a task could not be described: {reason}");
                return Err(Error::new(Meaning::Unavailable, DESCRIBE_TASKS.name, message));
            }
            Ok(answer.tasks().iter().filter_map(read::task).collect::<Vec<_>>())
        }))
        .buffered(CONCURRENCY)
        .try_concat()
        .await
    }
}
