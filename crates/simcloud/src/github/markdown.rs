//! Markdown to HTML for the pages, about as GitHub shows it, and as safe: what people write runs nothing.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// The tags that may stand in a comment, without attributes. The rest of raw HTML is shown as the text it is.
const ALLOWED: &[&str] = &[
    "details",
    "summary",
    "br",
    "hr",
    "kbd",
    "sub",
    "sup",
    "b",
    "i",
    "em",
    "strong",
    "code",
    "pre",
    "p",
    "div",
    "ul",
    "ol",
    "li",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "h1",
    "h2",
    "h3",
    "h4",
];

/// The HTML of a text. Never fails, whatever the text.
pub(super) fn render(text: &str) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_FOOTNOTES;
    let events = Parser::new_ext(text, options).map(|event| match event {
        Event::Html(raw) => Event::Html(CowStr::from(tame(&raw))),
        Event::InlineHtml(raw) => Event::InlineHtml(CowStr::from(tame(&raw))),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: harmless(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: harmless(dest_url), title, id })
        }
        other => other,
    });
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events);
    out
}

/// Keeps addresses that a browser opens and does not run.
fn harmless(address: CowStr<'_>) -> CowStr<'_> {
    let lower = address.trim_start().to_ascii_lowercase();
    let known = ["http://", "https://", "mailto:", "#", "/"].iter().any(|start| lower.starts_with(start));
    // A relative address has no colon before its first slash.
    let relative = !lower.split('/').next().unwrap_or_default().contains(':');
    if known || relative { address } else { CowStr::Borrowed("#") }
}

/// Raw HTML with comments removed, allowed tags kept, and every other `<` made text.
fn tame(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('<') {
        out.push_str(&escape(&rest[..at]));
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            // An unfinished comment hides all that follows, as it does on GitHub.
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some((tag, after)) = allowed_tag(rest) {
            out.push_str(&tag);
            rest = after;
        } else {
            out.push_str("&lt;");
            rest = &rest[1..];
        }
    }
    out.push_str(&escape(rest));
    out
}

/// The allowed tag that `text` begins with, written plainly, and what follows it.
fn allowed_tag(text: &str) -> Option<(String, &str)> {
    let (inside, after) = text.strip_prefix('<')?.split_once('>')?;
    let name = inside.trim_start_matches('/').trim_end_matches('/').trim();
    let known = ALLOWED.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    let slash = if inside.starts_with('/') { "/" } else { "" };
    Some((format!("<{slash}{known}>"), after))
}

/// Text as it may stand between tags and in attribute values.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
