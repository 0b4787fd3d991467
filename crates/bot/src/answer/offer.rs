//! A command that a person can copy.

use bivouac_model::command::{Command, Up};

use super::quote::{MOST, turns};

/// Returns the same `up` for a commit, as inline code. One that Markdown cannot show as it is, or that is too long, is described.
pub(crate) fn offer(command: &str, up: &Up, head: &str) -> String {
    let up = Command::Up(Up { sha: Some(head.to_owned()), ..up.clone() });
    let words = up.to_string();
    let reads_back = words.parse::<Command>().is_ok_and(|read| read == up);
    let line = format!("{command} {words}");
    let is_shown = |c: char| !c.is_control() && !turns(c) && !matches!(c, '`' | '\u{2028}' | '\u{2029}');
    match reads_back && line.chars().count() <= MOST && line.chars().all(is_shown) {
        true => format!("`{line}`"),
        false => format!("the same command again with `sha={head}` added"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

    fn up(line: &str) -> Up {
        match line.parse() {
            Ok(Command::Up(up)) => up,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_asked_for_is_offered_again() {
        let asked = up("up FEATURE_X=true GREETING=\"good day\" ttl=4h size=small");
        let offered = offer("/testenv", &asked, HEAD);
        assert_eq!(offered, format!("`/testenv up FEATURE_X=true GREETING=\"good day\" ttl=4h size=small sha={HEAD}`"));
        assert_eq!(offer("/testenv", &Up::default(), HEAD), format!("`/testenv up sha={HEAD}`"));
    }

    proptest! {
        #[test]
        fn what_is_offered_reads_back_or_is_described(value in "\\PC{0,30}|[a`\n\u{202e} ]{0,9}|x{480,490}") {
            let asked = Up { config: [("GREETING".to_owned(), value)].into(), ..Up::default() };
            let offered = offer("/testenv", &asked, HEAD);
            match offered.strip_prefix("`/testenv ").and_then(|line| line.strip_suffix('`')) {
                Some(line) => prop_assert_eq!(up(line), Up { sha: Some(HEAD.to_owned()), ..asked }),
                None => prop_assert_eq!(offered, format!("the same command again with `sha={HEAD}` added")),
            }
        }
    }
}
