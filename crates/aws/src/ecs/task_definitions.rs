//! Task definitions: listing the revisions of a family, registering, deregistering.

use aws_sdk_ecs::types::{SortOrder, TaskDefinitionField, TaskDefinitionStatus};
use aws_smithy_types::body::SdkBody;
use bivouac_model::{ContentHash, RenderedTaskDefinition, TAG_CONTENT, TaskDefinitionName, TaskDefinitionRevision};
use bivouac_ports::{Error, Meaning, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value as Json, json};

use super::Ecs;
use crate::caller::CONCURRENCY;
use crate::calls::{
    DEREGISTER_TASK_DEFINITION, DESCRIBE_TASK_DEFINITION, LIST_TASK_DEFINITIONS, REGISTER_TASK_DEFINITION,
};

/// The largest page of ListTaskDefinitions.
const A_PAGE: i32 = 100;

/// How many of the newest revisions are looked into for the hash of their content: what may be found again is what runs
/// (one), what a deployment moves to (one), and a few that a person goes back and forth between. Each costs a
/// call, since no list of ECS carries tags.
const LOOKED_INTO: usize = 8;

/// The content of a revision that was not looked into: of our family and so ours, but equal to nothing.
const NOT_LOOKED_INTO: &str = "";

impl Ecs {
    pub(super) async fn list_revisions(&self, family: &str) -> Result<Vec<TaskDefinitionRevision>> {
        let names = self.list_names(family).await?;
        let unread = || Some(ContentHash::from_stored(NOT_LOOKED_INTO));
        let rest = names.iter().skip(LOOKED_INTO).cloned();
        let rest = rest.map(|name| TaskDefinitionRevision { name, content: unread() });
        let newest = names.iter().take(LOOKED_INTO).cloned().collect::<Vec<_>>();
        let newest: Vec<_> = stream::iter(newest.into_iter().map(|name| self.look_into(name)))
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(newest.into_iter().flatten().chain(rest).collect())
    }

    /// The ACTIVE revisions, newest first.
    async fn list_names(&self, family: &str) -> Result<Vec<TaskDefinitionName>> {
        let (mut names, mut token) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .list_task_definitions()
                .family_prefix(family)
                .status(TaskDefinitionStatus::Active)
                .sort(SortOrder::Desc)
                .max_results(A_PAGE)
                .set_next_token(token);
            let page = self.caller.call(&LIST_TASK_DEFINITIONS, request.send()).await?;
            names.extend(page.task_definition_arns().iter().map(|arn| TaskDefinitionName::from_arn(arn)));
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        // The parameter is called a prefix, and some emulators take it for one; `pr-1` must not answer for `pr-11`.
        names.retain(|name| name.family() == family);
        names.sort_by_key(|name| std::cmp::Reverse(revision(name)));
        Ok(names)
    }

    /// `None` when it was deregistered meanwhile.
    async fn look_into(&self, name: TaskDefinitionName) -> Result<Option<TaskDefinitionRevision>> {
        let request = self.client.describe_task_definition().task_definition(name.as_str());
        let answer =
            self.caller.call(&DESCRIBE_TASK_DEFINITION, request.include(TaskDefinitionField::Tags).send()).await;
        let answer = match answer {
            Err(error) if error.meaning() == Meaning::NotFound => return Ok(None),
            answer => answer?,
        };
        let status = answer.task_definition().and_then(|definition| definition.status());
        if status.is_some_and(|status| *status != TaskDefinitionStatus::Active) {
            return Ok(None);
        }
        let content = answer.tags().iter().find(|tag| tag.key() == Some(TAG_CONTENT));
        let content = content.and_then(|tag| tag.value()).map(ContentHash::from_stored);
        Ok(Some(TaskDefinitionRevision { name, content }))
    }

    /// Sends the rendered JSON as it is. The SDK's types know the fields of their own release only, and a field of
    /// the template that they do not know would be dropped without a word; so the SDK signs and sends a body that it
    /// did not write.
    pub(super) async fn register_whole(&self, rendered: &RenderedTaskDefinition) -> Result<TaskDefinitionName> {
        let body = whole_body(rendered)?;
        let _turn = self.caller.quotas.turn(&rendered.family).await;
        let request = self.client.register_task_definition().family(&rendered.family).customize();
        // Called before signing, once for each attempt.
        let request = request.mutate_request(move |request| {
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body.as_str());
        });
        let answer = self.caller.call(&REGISTER_TASK_DEFINITION, request.send()).await?;
        let arn = answer.task_definition().and_then(|definition| definition.task_definition_arn());
        arn.map(TaskDefinitionName::from_arn).ok_or_else(|| {
            Error::new(Meaning::Unavailable, REGISTER_TASK_DEFINITION.name, "the answer names no task definition")
        })
    }

    pub(super) async fn deregister_revision(&self, name: &TaskDefinitionName) -> Result<()> {
        let request = self.client.deregister_task_definition().task_definition(name.as_str());
        match self.caller.change_behind(&DEREGISTER_TASK_DEFINITION, request.send()).await {
            Err(error) if error.meaning() == Meaning::NotFound => Ok(()),
            answer => answer.map(drop),
        }
    }
}

/// The number after the colon; 0 when there is none.
fn revision(name: &TaskDefinitionName) -> u64 {
    name.as_str().rsplit_once(':').and_then(|(_, revision)| revision.parse().ok()).unwrap_or_default()
}

/// The input of RegisterTaskDefinition: what was rendered, and the tags that say whose it is and what is in it.
fn whole_body(rendered: &RenderedTaskDefinition) -> Result<String> {
    let Json::Object(mut input) = rendered.input.clone() else {
        return Err(Error::new(
            Meaning::Invalid,
            REGISTER_TASK_DEFINITION.name,
            "the task definition is no JSON object",
        ));
    };
    input.insert("family".into(), json!(rendered.family));
    let mut tags = match input.remove("tags") {
        Some(Json::Array(tags)) => tags,
        _ => Vec::new(),
    };
    let ours = rendered.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in ours.chain([(TAG_CONTENT, rendered.content.as_str())]) {
        tags.retain(|tag| tag.get("key").and_then(Json::as_str) != Some(key));
        tags.push(json!({ "key": key, "value": value }));
    }
    input.insert("tags".into(), Json::Array(tags));
    Ok(Json::Object(input).to_string())
}

#[cfg(test)]
mod tests;
