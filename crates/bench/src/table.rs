//! The table of environments as any client reaches it: DynamoDB's own JSON over HTTP, no SDK and nothing of ours.

use serde_json::{Value, json};

/// What the embedded engine asks for: that there is a signature, not whose. It belongs to nobody.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-west-2/dynamodb/aws4_request, \
                      SignedHeaders=host;x-amz-date;x-amz-target, \
                      Signature=0000000000000000000000000000000000000000000000000000000000000000";
/// Its date.
const SIGNED_AT: &str = "20260101T000000Z";

/// One table. A clone writes over the same connections.
#[derive(Clone, Debug)]
pub struct Table {
    client: reqwest::Client,
    url: String,
    name: String,
}

impl Table {
    /// The table `name` of the DynamoDB at `url`. No call is made.
    ///
    /// # Panics
    ///
    /// When no HTTP client can be made.
    #[must_use]
    pub fn new(url: &str, name: &str) -> Self {
        // The cloud is next door: a proxy of the environment must not come between.
        let client = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self { client, url: url.to_owned(), name: name.to_owned() }
    }

    /// `put-item`. Done twice, the item is there once.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub async fn put(&self, item: &Value) {
        self.call("PutItem", json!({ "TableName": self.name, "Item": item })).await;
    }

    /// `delete-item`. Done twice, it is gone.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub async fn delete(&self, key: &Value) {
        self.call("DeleteItem", json!({ "TableName": self.name, "Key": key })).await;
    }

    /// Up to `limit` items, the first that a scan finds.
    ///
    /// # Panics
    ///
    /// When it is refused.
    pub async fn some(&self, limit: usize) -> Vec<Value> {
        let answer = self.call("Scan", json!({ "TableName": self.name, "Limit": limit })).await;
        answer["Items"].as_array().cloned().unwrap_or_default()
    }

    async fn call(&self, operation: &str, input: Value) -> Value {
        let request = self
            .client
            .post(&self.url)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", SIGNED_AT)
            .header("authorization", SIGNED)
            .body(input.to_string());
        let answer = request.send().await.expect("DynamoDB answers");
        let status = answer.status();
        let text = answer.text().await.expect("a whole answer");
        assert!(status.is_success(), "{operation}: {status}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }
}

/// What DynamoDB charges an item as (developer guide, "DynamoDB item sizes and formats"): names and texts by their bytes,
/// a number a byte for two digits and one more, a list or map three bytes and one for each entry.
#[must_use]
pub fn item_bytes(item: &Value) -> usize {
    fields(item).map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    let Some((kind, held)) = fields(value).next() else { return 0 };
    match kind {
        "S" => held.as_str().map_or(0, str::len),
        "N" => held.as_str().map_or(0, |digits| digits.len().div_ceil(2) + 1),
        "M" => 3 + fields(held).map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>(),
        "L" => 3 + held.as_array().into_iter().flatten().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        _ => 1,
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_as_large_as_the_developer_guide_says() {
        let item = json!({
            "pr": {"N": "1234"},
            "repo": {"S": "a/b"},
            "flags": {"M": {"X": {"BOOL": true}}},
            "list": {"L": [{"S": "ab"}, {"NULL": true}]},
        });
        let (pr, repo, flags, list) = (2 + 3, 4 + 3, 5 + 3 + 1 + 1 + 1, 4 + 3 + (1 + 2) + (1 + 1));
        assert_eq!(item_bytes(&item), pr + repo + flags + list);
    }
}
