//! Task definitions as a collector sees them: all of them, at the end of every queue.

use aws_sdk_ecs::types::{TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus};
use bivouac_model::{DescribedRevision, TAG_MANAGED, TaskDefinitionName};
use bivouac_ports::{Meaning, Result};

use super::Ecs;
use crate::calls::{
    DELETE_TASK_DEFINITIONS, DESCRIBE_TASK_DEFINITION, LIST_TASK_DEFINITION_FAMILIES, LIST_TASK_DEFINITIONS,
};
use crate::time::timestamp;

/// The largest page of ListTaskDefinitions and ListTaskDefinitionFamilies.
const A_PAGE: i32 = 100;

/// "You must specify [...] up to 10 task definitions" (ECS API reference, DeleteTaskDefinitions).
const DELETED_A_CALL: usize = 10;

impl Ecs {
    /// Revisions of one family or of all.
    pub(super) async fn list_all(
        &self,
        family: Option<&str>,
        status: TaskDefinitionStatus,
    ) -> Result<Vec<TaskDefinitionName>> {
        let (mut names, mut token) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .list_task_definitions()
                .set_family_prefix(family.map(str::to_owned))
                .status(status.clone())
                .max_results(A_PAGE)
                .set_next_token(token);
            let page = self.caller.call_behind(&LIST_TASK_DEFINITIONS, request.send()).await?;
            names.extend(page.task_definition_arns().iter().map(|arn| TaskDefinitionName::from_arn(arn)));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        // The parameter is called a prefix, and some emulators take it for one.
        names.retain(|name| family.is_none_or(|family| name.family() == family));
        Ok(names)
    }

    pub(super) async fn list_families(&self, prefix: &str) -> Result<Vec<String>> {
        let (mut families, mut token) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .list_task_definition_families()
                .family_prefix(prefix)
                .status(TaskDefinitionFamilyStatus::All)
                .max_results(A_PAGE)
                .set_next_token(token);
            let page = self.caller.call_behind(&LIST_TASK_DEFINITION_FAMILIES, request.send()).await?;
            families.extend(page.families.unwrap_or_default());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(families);
            }
        }
    }

    pub(super) async fn describe_revision(&self, name: &TaskDefinitionName) -> Result<Option<DescribedRevision>> {
        let request = self.client.describe_task_definition().task_definition(name.as_str());
        let request = request.include(TaskDefinitionField::Tags);
        let answer = match self.caller.call_behind(&DESCRIBE_TASK_DEFINITION, request.send()).await {
            Err(error) if error.meaning() == Meaning::NotFound => return Ok(None),
            answer => answer?,
        };
        let managed_by = answer.tags().iter().find(|tag| tag.key() == Some(TAG_MANAGED));
        let managed_by = managed_by.and_then(|tag| tag.value()).map(str::to_owned);
        Ok(answer.task_definition().map(|definition| DescribedRevision {
            name: name.clone(),
            active: definition.status() == Some(&TaskDefinitionStatus::Active),
            managed_by,
            registered_at: timestamp(definition.registered_at()),
            images: definition
                .container_definitions()
                .iter()
                .filter_map(|container| container.image())
                .map(str::to_owned)
                .collect(),
        }))
    }

    pub(super) async fn delete_revisions(
        &self,
        names: &[TaskDefinitionName],
    ) -> Result<Vec<(TaskDefinitionName, String)>> {
        let mut stayed = Vec::new();
        for chunk in names.chunks(DELETED_A_CALL) {
            let wanted = chunk.iter().map(|name| name.as_str().to_owned()).collect();
            let request = self.client.delete_task_definitions().set_task_definitions(Some(wanted));
            let answer = self.caller.change_behind(&DELETE_TASK_DEFINITIONS, request.send()).await?;
            stayed.extend(answer.failures().iter().filter_map(|failure| {
                let name = TaskDefinitionName::from_arn(failure.arn()?);
                let why = failure.detail().or(failure.reason()).unwrap_or("no reason was given");
                Some((name, why.to_owned()))
            }));
        }
        Ok(stayed)
    }
}
