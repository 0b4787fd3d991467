// Prints GitHub's example payloads as deliveries, signed by Octokit: one JSON object a line, of `event`, `body` and
// `signature`. Called with the secret. The bodies are texts, since a signature is one of bytes.
import { createRequire } from "node:module";
import { sign } from "@octokit/webhooks-methods";

const examples = createRequire(import.meta.url)("@octokit/webhooks-examples");
const secret = process.argv[2];

async function print(event, payload) {
  const body = JSON.stringify(payload);
  console.log(JSON.stringify({ event, body, signature: await sign(secret, body) }));
}

for (const { name, examples: payloads } of examples) {
  for (const payload of payloads) {
    await print(name, payload);
  }
}

// There is none of a comment created on a pull request. It is that on an issue, with what GitHub's OpenAPI description
// has for `webhook-issue-comment-created` besides: `issue.pull_request`.
const comments = examples.find(({ name }) => name === "issue_comment").examples;
const comment = structuredClone(comments.find(({ action }) => action === "created"));
const { issue, repository } = comment;
const page = `${repository.html_url}/pull/${issue.number}`;
issue.pull_request = {
  url: `${repository.url}/pulls/${issue.number}`,
  html_url: page,
  diff_url: `${page}.diff`,
  patch_url: `${page}.patch`,
  merged_at: null,
};
comment.comment.html_url = `${page}#issuecomment-${comment.comment.id}`;
comment.comment.body = "Let us see it.\r\n\r\n/testenv up FEATURE_X=true\r\n";
await print("issue_comment", comment);
