//! Where a log is, and its last lines, fit to stand in a comment.

use std::fmt::Write as _;

/// The most characters of one line. Ours: more than a screen is wide several times over.
const LONGEST_LINE: usize = 400;
/// The most bytes of a whole block. A comment has 65,536 characters (GitHub) and more to say than this.
const LONGEST_BLOCK: usize = 24_000;
/// Breaks what GitHub would make a mention, a reference or a link of.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// One stream of one log group. Each container of each task has a stream of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogStream {
    /// The region that the group is in; `None`: the one in use.
    pub region: Option<String>,
    /// The log group.
    pub group: String,
    /// The stream in it.
    pub stream: String,
}

/// Lines of a log in which secrets are masked already. Whatever they hold is shown as text: no line can end the block, and
/// none can mention somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogExcerpt {
    lines: Vec<String>,
}

impl LogExcerpt {
    /// Takes lines, the oldest first. They have to be masked.
    pub fn new(lines: impl IntoIterator<Item = String>) -> Self {
        Self { lines: lines.into_iter().collect() }
    }

    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Returns a folded block for Markdown on GitHub. `None`: there is no line. Where the lines are too many for a comment, the
    /// oldest are left out.
    ///
    /// Inside of `<pre>` nothing is Markdown (CommonMark 0.31.2, section 4.6, start condition 1), and every sign of HTML is an
    /// entity.
    pub fn block(&self) -> Option<String> {
        let shown: Vec<String> = self.lines.iter().map(|line| shown(line)).collect();
        let mut room = LONGEST_BLOCK;
        let fits = shown.iter().rev().take_while(|line| {
            room = room.saturating_sub(line.len() + 1);
            room > 0
        });
        let kept = &shown[shown.len() - fits.count()..];
        let title = match kept.len() {
            0 => return None,
            1 => "The last line of the log".to_owned(),
            lines => format!("The last {lines} lines of the log"),
        };
        Some(format!("<details><summary>{title}</summary>\n\n<pre>\n{}\n</pre>\n\n</details>", kept.join("\n")))
    }
}

/// A line in which nothing is a mark of HTML or Markdown, a mention, a reference or a link.
fn shown(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut characters = line.trim_end().chars();
    for _ in 0..LONGEST_LINE {
        let Some(character) = characters.next() else { return out };
        match character {
            '\t' => out.push_str("    "),
            // Marks that turn the direction of writing (Unicode Standard Annex 9), and line ends of other kinds.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => {}
            character if character.is_control() => {}
            '&' | '<' | '>' | '"' | '\'' | '`' | '*' | '_' | '~' | '[' | ']' | '(' | ')' | '!' | '|' | '\\' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "&#{};", u32::from(character));
            }
            '@' | '#' => {
                let _ = write!(out, "&#{};{ZERO_WIDTH_SPACE}", u32::from(character));
            }
            ':' | '.' => {
                out.push(character);
                // `https:` and `www.` are not made links.
                if characters.as_str().starts_with("//") || out.to_lowercase().ends_with("www.") {
                    out.push(ZERO_WIDTH_SPACE);
                }
            }
            character => out.push(character),
        }
    }
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lines: &[&str]) -> String {
        LogExcerpt::new(lines.iter().map(|line| (*line).to_owned())).block().expect("there are lines")
    }

    #[test]
    fn no_line_leaves_the_block_or_mentions_anybody() {
        let text = block(&[
            "</pre></details> @octocat and @apache/all, see #12 and GH-1 at https://evil.example www.evil.example",
            "```",
            "~~~",
            "</pre",
            "<!-- bivouac:default:apache/superset#7 -->",
            "<img src=x onerror=alert(1)> ![x](https://evil.example/y.png)",
            "\u{202e}reversed\u{1b}[31m",
        ]);
        assert_eq!(text.matches("</pre>").count(), 1, "{text}");
        assert_eq!(text.matches("</details>").count(), 1, "{text}");
        for mark in
            ["@octocat", "@apache", " #12", "```", "<!--", "<img", "](", "://evil", "www.evil", "\u{202e}", "\u{1b}"]
        {
            assert!(!text.contains(mark), "{mark} in {text}");
        }
    }

    #[test]
    fn a_block_is_folded_and_says_how_many_lines_it_has() {
        let expected = "<details><summary>The last 2 lines of the log</summary>\n\n<pre>\none\n\n</pre>\n\n</details>";
        assert_eq!(block(&["one", ""]), expected);
        assert!(block(&["one"]).contains("The last line of the log"));
        assert_eq!(LogExcerpt::default().block(), None);
    }

    #[test]
    fn the_newest_lines_are_kept_where_there_is_no_room_for_all() {
        let long = "<".repeat(LONGEST_LINE * 3);
        let lines: Vec<String> = (0..40).map(|line| format!("{line} {long}")).collect();
        let text = LogExcerpt::new(lines).block().unwrap();
        assert!(text.len() < LONGEST_BLOCK + 200, "{}", text.len());
        assert!(text.contains("\n39 ") && !text.contains("\n0 "), "{}", &text[..200]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_gets_out(lines in proptest::collection::vec(".{0,120}", 1..12)) {
            let text = LogExcerpt::new(lines).block().unwrap();
            let (_, inner) = text.split_once("<pre>\n").unwrap();
            let (inner, _) = inner.rsplit_once("\n</pre>").unwrap();
            proptest::prop_assert!(!inner.contains(['<', '>', '`', '@', '[']), "{}", inner);
        }
    }
}
