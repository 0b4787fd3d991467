//! A writer of the little XML that EC2 speaks.

/// An XML document being written.
pub(crate) struct Xml {
    out: String,
    root: String,
}

impl Xml {
    pub(super) fn document(root: &str, namespace: &str) -> Self {
        Self::open(root, &format!("<{root} xmlns=\"{namespace}\">"))
    }

    pub(super) fn plain_document(root: &str) -> Self {
        Self::open(root, &format!("<{root}>"))
    }

    fn open(root: &str, tag: &str) -> Self {
        let out = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{tag}");
        Self { out, root: root.to_owned() }
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.within(name, |xml| xml.escape(text));
    }

    pub(super) fn within(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.out.extend(["<", name, ">"]);
        content(self);
        self.out.extend(["</", name, ">"]);
    }

    pub(super) fn finish(mut self) -> String {
        let root = std::mem::take(&mut self.root);
        self.out.extend(["</", &root, ">"]);
        self.out
    }

    /// Characters that XML 1.0 cannot hold at all are replaced.
    fn escape(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                '"' => self.out.push_str("&quot;"),
                '\t' | '\n' | '\r' => self.out.push(c),
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => self.out.push('\u{fffd}'),
                _ => self.out.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut xml = Xml::plain_document("A");
        xml.text("b", "<&\0>");
        assert!(xml.finish().ends_with("<A><b>&lt;&amp;\u{fffd}&gt;</b></A>"));
    }
}
