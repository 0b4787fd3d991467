//! The one short reply to a person on a pull request.

use std::fmt::Write as _;

/// What there is to say about one comment, collected while it is handled.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    complaints: Vec<(Option<String>, String)>,
    answers: Vec<String>,
}

impl Reply {
    /// Something came to nothing, in a sentence of Markdown without its full stop. `line` is what was typed, fit to stand
    /// between backticks.
    pub fn complain(&mut self, line: Option<&str>, sentence: impl Into<String>) {
        let complaint = (line.map(str::to_owned), sentence.into());
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }

    /// An answer to a question.
    pub fn answer(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.answers.contains(&text) {
            self.answers.push(text);
        }
    }

    /// Whether something came to nothing.
    pub fn complains(&self) -> bool {
        !self.complaints.is_empty()
    }

    /// The text; `None`: there is nothing to say.
    pub fn text(&self) -> Option<String> {
        let mut out = String::new();
        let list = self.complaints.len() > 1;
        for (line, sentence) in &self.complaints {
            let bullet = if list { "- " } else { "" };
            // Writing to a String cannot fail.
            let _ = match line {
                Some(line) => writeln!(out, "{bullet}`{line}`: {sentence}."),
                None => writeln!(out, "{bullet}{}.", capital(sentence)),
            };
        }
        for answer in &self.answers {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(answer.trim_end());
            out.push('\n');
        }
        (!out.is_empty()).then(|| out.trim_end().to_owned())
    }
}

fn capital(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_complaint_is_a_sentence_and_more_are_a_list() {
        let mut reply = Reply::default();
        assert_eq!(reply.text(), None);
        reply.complain(Some("/testenv upp"), "there is no command `upp`");
        assert_eq!(reply.text().unwrap(), "`/testenv upp`: there is no command `upp`.");
        reply.complain(None, "the forge does not answer");
        reply.complain(None, "the forge does not answer");
        reply.answer("It is up.");
        let text = reply.text().unwrap();
        let expected = "- `/testenv upp`: there is no command `upp`.\n- The forge does not answer.\n\nIt is up.";
        assert_eq!(text, expected);
    }
}
