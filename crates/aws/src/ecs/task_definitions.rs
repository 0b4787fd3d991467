//! Task definitions: which revisions live, and new ones, registered whole.

use aws_sdk_ecs::types::{SortOrder, TaskDefinitionField, TaskDefinitionStatus};
use bivouac_model::{ContentHash, RenderedTaskDefinition, TAG_CONTENT, TaskDefinitionName, TaskDefinitionRevision};
use bivouac_ports::{Error, Meaning, Result};
use serde_json::json;

use super::Ecs;
use crate::calls::{
    DEREGISTER_TASK_DEFINITION, DESCRIBE_TASK_DEFINITION, LIST_TASK_DEFINITIONS, REGISTER_TASK_DEFINITION,
};
use crate::error::from_sdk;

/// The largest page (ECS API reference, ListTaskDefinitions, `maxResults`: 1 to 100).
const PAGE: i32 = 100;
/// Of how many revisions the content is read, newest first. Going back to something older registers it again, which costs
/// one call, as reading one more would.
const READ: usize = 5;

impl Ecs {
    /// The ACTIVE revisions of a family, newest first. The content is known of the newest few; an older one is ours too,
    /// since the family is, and is told with an empty content.
    pub(super) async fn live_revisions(&self, family: &str) -> Result<Vec<TaskDefinitionRevision>> {
        let mut names = Vec::new();
        let mut next = None;
        loop {
            self.quotas.admit(&LIST_TASK_DEFINITIONS).await;
            let page = self
                .client
                .list_task_definitions()
                .family_prefix(family)
                .status(TaskDefinitionStatus::Active)
                .sort(SortOrder::Desc)
                .max_results(PAGE)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| from_sdk(&LIST_TASK_DEFINITIONS, error))?;
            let listed = page.task_definition_arns().iter().map(|arn| TaskDefinitionName::from_arn(arn));
            // Named a prefix, documented as the full name; whatever it is, only this family counts.
            names.extend(listed.filter(|name| name.family() == family));
            next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        let newest = names.iter().take(READ).map(|name| self.content(name));
        let mut contents = futures::future::try_join_all(newest).await?.into_iter();
        Ok(names
            .into_iter()
            .map(|name| {
                let content = contents.next().unwrap_or_else(|| Some(ContentHash::from_stored("")));
                TaskDefinitionRevision { name, content }
            })
            .collect())
    }

    async fn content(&self, name: &TaskDefinitionName) -> Result<Option<ContentHash>> {
        self.quotas.admit(&DESCRIBE_TASK_DEFINITION).await;
        let sent = self
            .client
            .describe_task_definition()
            .task_definition(name.as_str())
            .include(TaskDefinitionField::Tags)
            .send()
            .await
            .map_err(|error| from_sdk(&DESCRIBE_TASK_DEFINITION, error));
        match sent {
            // Deregistered and deleted meanwhile.
            Err(error) if error.meaning() == Meaning::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(answer) => {
                let tag = answer.tags().iter().find(|tag| tag.key() == Some(TAG_CONTENT));
                Ok(tag.and_then(|tag| tag.value()).map(ContentHash::from_stored))
            }
        }
    }

    /// Registers the whole of what was rendered.
    ///
    /// The SDK's builder knows the fields of its own day, and a template may have newer ones; so the request's body is
    /// replaced, before it is signed, by the rendered JSON and its tag.
    pub(super) async fn register_revision(&self, rendered: &RenderedTaskDefinition) -> Result<TaskDefinitionName> {
        let mut input = rendered.input.clone();
        if let Some(fields) = input.as_object_mut() {
            fields.insert("tags".into(), json!([{ "key": TAG_CONTENT, "value": rendered.content.as_str() }]));
        }
        let body = input.to_string();
        let _turn = self.quotas.turn(&rendered.family).await;
        self.quotas.admit(&REGISTER_TASK_DEFINITION).await;
        let answer = self
            .client
            .register_task_definition()
            .family(&rendered.family)
            .set_container_definitions(Some(Vec::new()))
            .customize()
            .mutate_request(move |request| {
                request.headers_mut().insert("content-length", body.len().to_string());
                *request.body_mut() = body.clone().into();
            })
            .send()
            .await
            .map_err(|error| from_sdk(&REGISTER_TASK_DEFINITION, error))?;
        let arn = answer.task_definition().and_then(|definition| definition.task_definition_arn());
        arn.map(TaskDefinitionName::from_arn).ok_or_else(|| {
            Error::new(Meaning::Unavailable, REGISTER_TASK_DEFINITION.name, "the answer names no task definition")
        })
    }

    /// Deregisters a revision; one that is not there, or not ACTIVE, is deregistered already.
    pub(super) async fn deregister_revision(&self, name: &TaskDefinitionName) -> Result<()> {
        self.quotas.admit(&DEREGISTER_TASK_DEFINITION).await;
        let sent = self
            .client
            .deregister_task_definition()
            .task_definition(name.as_str())
            .send()
            .await
            .map_err(|error| from_sdk(&DEREGISTER_TASK_DEFINITION, error));
        match sent {
            Err(error) if error.meaning() == Meaning::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }
}
