//! What Markdown leaves to us: raw HTML that quotes, and comments that are made to be slow.

/// Elements whose content is a quotation, code, or taken back. They may hold ordinary Markdown between blank lines.
const ELEMENTS: [&str; 9] = ["blockquote", "code", "del", "kbd", "pre", "q", "s", "samp", "strike"];

/// Which of those elements are open. One that is never closed stays open to the end of the comment, as in a browser.
#[derive(Debug, Default)]
pub(super) struct RawHtml {
    open: [u32; ELEMENTS.len()],
}

impl RawHtml {
    /// Goes over a piece of HTML: a block, or one tag of a line. Tags in HTML comments are none.
    pub fn read(&mut self, html: &str) {
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            rest = &rest[at + 1..];
            if let Some(comment) = rest.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let closes = rest.starts_with('/');
            let name = rest.trim_start_matches('/');
            let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
            let Some(element) = ELEMENTS.iter().position(|known| known.eq_ignore_ascii_case(&name[..end])) else {
                continue;
            };
            let open = &mut self.open[element];
            *open = if closes { open.saturating_sub(1) } else { *open + 1 };
        }
    }

    pub fn is_open(&self) -> bool {
        self.open.iter().any(|open| *open > 0)
    }
}

/// The most steps that the containers of a comment may take. A parser looks at every open container again on each line,
/// and at the rest of the line for each that begins there, so 65,536 characters can be made to take a thousand million
/// steps. Two thousand lines with a hundred levels each are 200,000.
const MAX_STEPS: usize = 4_000_000;

/// Whether quotations and lists are nested so deeply, over so many lines, that reading the comment would take long. Counts
/// too many containers rather than too few.
pub(super) fn is_too_nested(body: &str) -> bool {
    let (mut deepest, mut lines, mut steps) = (0_usize, 0_usize, 0_usize);
    for line in body.split(['\n', '\r']) {
        let Prefix { containers, begun } = prefix(line);
        deepest = deepest.max(containers);
        lines += 1;
        steps = steps.saturating_add(begun.saturating_mul(line.len()));
    }
    steps.saturating_add(deepest.saturating_mul(lines)) > MAX_STEPS
}

/// How many containers a line may be in, and how many of them begin on it at most.
struct Prefix {
    containers: usize,
    begun: usize,
}

/// Reads what may be markers of quotations and lists at the start of a line, and blanks: an item is indented by two at least.
fn prefix(line: &str) -> Prefix {
    let (mut columns, mut begun) = (0_usize, 0_usize);
    let mut bytes = line.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' => columns += 1,
            b'\t' => columns += 4,
            b'>' => begun += 1,
            b'0'..=b'9' | b'.' | b')' => {}
            b'-' | b'+' | b'*' if bytes.peek().is_none_or(|next| matches!(next, b' ' | b'\t')) => begun += 1,
            _ => break,
        }
        if matches!(byte, b'.' | b')') {
            begun += 1;
        }
    }
    Prefix { containers: columns / 2 + begun, begun }
}
