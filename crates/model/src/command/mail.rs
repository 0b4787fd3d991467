//! Where the history of an e-mail begins in a comment that was sent as a reply.
//!
//! GitHub takes quoted lines away from a reply by e-mail and keeps many other histories as they are, so a comment may hold
//! commands that somebody else wrote. Mail clients put a line or two before a history. These are found by their structure: a
//! whole line, with an address or a date in it. Words alone never make one, since people write them too.

use std::ops::Range;

use super::hidden::is_hidden;
use super::words::{ATTRIBUTIONS, FORWARDED, HEADERS, Header, OPENERS, PHRASES, TITLES};

/// As many lines as an attribution takes: Gmail and Apple Mail break it after 70 to 80 characters, and GitHub lets a name have
/// 255, which its owner chooses.
const MAX_ATTRIBUTION_LINES: usize = 8;
/// The longest attribution in bytes: such a name in letters of four bytes, and as much again.
const MAX_ATTRIBUTION: usize = 2048;

/// What HTML mail calls the element that holds its history: Gmail, Outlook, Yahoo, Proton, Thunderbird and Zoho.
const HTML_MARKS: [&str; 9] = [
    "gmail_quote",
    "gmail_attr",
    "divrplyfwdmsg",
    "appendonsend",
    "outlookmessageheader",
    "yahoo_quoted",
    "protonmail_quote",
    "moz-cite-prefix",
    "zmail_extra",
];

/// Whether a piece of HTML begins the history of an e-mail.
pub(super) fn is_html_history(html: &str) -> bool {
    let html = html.to_ascii_lowercase();
    HTML_MARKS.iter().any(|mark| html.contains(mark))
}

/// A line as the rules see it: lower case, one blank between words, without emphasis around it and without characters that
/// nobody sees.
struct Line {
    begin: usize,
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Blank,
    /// A rule of dashes, underscores or the like.
    Rule,
    /// It stands in a quotation.
    Quoted,
    /// It is a command.
    Command,
    /// It stands in code or in HTML, or begins an item of a list.
    Sheltered,
}

/// Where the history of an e-mail begins in `body`: the byte at which nothing more is the author's own. `None`: there is no
/// history. `sheltered` are the ranges whose lines are code or HTML, and `commands` says where lines begin that would be
/// commands.
///
/// A footer of GitHub's notifications proves that there is a history. If no separator stands before it, only commands that
/// begin the comment are its author's.
pub(super) fn history(body: &str, sheltered: &[Range<usize>], commands: &[usize]) -> Option<usize> {
    let lines = lines(body, sheltered, commands);
    lines.iter().enumerate().find_map(|(at, line)| match line.kind {
        Kind::Quoted if is_between_angles(&line.text) => Some(line.begin),
        Kind::Text if is_title(&line.text) || is_phrase(&line.text) => Some(line.begin),
        Kind::Text if is_header_block(&lines, at) => Some(match header(&line.text) {
            Some((Header::Sender, _)) => line.begin,
            // The sender stands above, and a name may have kept it from being known.
            _ => paragraph_begin(&lines, at),
        }),
        Kind::Text if is_attribution(&lines, at) || is_title_end(&line.text) => Some(paragraph_begin(&lines, at)),
        Kind::Text if is_footer(&lines, at) => Some(after_first_commands(&lines).min(line.begin)),
        _ => None,
    })
}

/// The begin of the lines that stand right above a line, without a blank one in between.
///
/// A stranger chooses the name in an attribution, and a mail client breaks it over several lines, each of which may look like
/// anything: the end of a sentence, an item of a list, a rule, or a command. Only the last line is certain to be known. So
/// all that stands right above it counts as part of it.
fn paragraph_begin(lines: &[Line], at: usize) -> usize {
    let above = lines[..at].iter().rev().take(MAX_ATTRIBUTION_LINES).take_while(|line| line.kind != Kind::Blank);
    above.last().unwrap_or(&lines[at]).begin
}

/// The begin of the first line that is neither blank nor a command.
fn after_first_commands(lines: &[Line]) -> usize {
    let other = |line: &&Line| !matches!(line.kind, Kind::Blank | Kind::Command);
    lines.iter().find(other).map_or(usize::MAX, |line| line.begin)
}

fn lines(body: &str, sheltered: &[Range<usize>], commands: &[usize]) -> Vec<Line> {
    let mut begin = 0;
    let mut sheltered = sheltered.iter().peekable();
    let read = |whole: &str| {
        let from = begin;
        begin += whole.len();
        while sheltered.next_if(|range| range.end <= from).is_some() {}
        let inside = sheltered.peek().is_some_and(|range| range.start < from + whole.len());
        let trimmed = whole.trim_start_matches([' ', '\t']);
        let is_command = commands.binary_search(&(from + (whole.len() - trimmed.len()))).is_ok();
        let quoted = trimmed.starts_with('>');
        let text = plain(trimmed.trim_start_matches(['>', ' ']));
        let kind = if is_command {
            Kind::Command
        } else if inside || is_item(&text) {
            Kind::Sheltered
        } else if quoted {
            Kind::Quoted
        } else if text.is_empty() {
            Kind::Blank
        } else if is_rule(&text) {
            Kind::Rule
        } else {
            Kind::Text
        };
        // The stars of an address that GitHub has hidden are no emphasis.
        let is_plain = kind == Kind::Rule || text.starts_with("***@");
        let text = if is_plain { text } else { text.trim_matches(['*', '_', ' ']).to_owned() };
        Line { begin: from, text, kind }
    };
    super::find::lines(body).map(read).collect()
}

fn plain(line: &str) -> String {
    let mut out = String::new();
    for character in line.chars() {
        if character.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !is_hidden(character) {
            out.extend(ascii_digit(character).to_lowercase());
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// An Arabic-Indic, Persian or full-width digit as ASCII has it, and every other character as it is.
fn ascii_digit(character: char) -> char {
    let code = u32::from(character);
    let zero = [0x0660, 0x06F0, 0xFF10].into_iter().find(|zero| (*zero..zero + 10).contains(&code));
    zero.and_then(|zero| char::from_digit(code - zero, 10)).unwrap_or(character)
}

/// The start of an item of a list. Numbers are left out: in some languages a date begins as a numbered item does.
fn is_item(text: &str) -> bool {
    text.strip_prefix(['-', '+', '*']).is_some_and(|rest| rest.starts_with(' '))
}

fn is_dash(character: char) -> bool {
    matches!(character, '-' | '_' | '=' | '*' | '~' | '\u{2010}'..='\u{2015}' | '\u{2500}' | '\u{2501}')
}

/// At least five dashes and nothing else: a signature has fewer.
fn is_rule(text: &str) -> bool {
    text.chars().count() >= 5 && text.chars().all(is_dash)
}

/// `-----Original Message-----`, `---- On Mon, 30 Nov 2026 13:00 Otto <otto@example.org> wrote ----`: known words between
/// dashes, or an address, or a day and a time.
fn is_title(text: &str) -> bool {
    let inner = text.trim_start_matches(is_dash);
    let before = text.chars().count() - inner.chars().count();
    let title = inner.trim_end_matches(is_dash);
    let after = inner.chars().count() - title.chars().count();
    let title = title.trim_matches([' ', '[', ']', ':']);
    if before < 2 {
        return false;
    }
    let mut known = TITLES.iter().chain(FORWARDED);
    if (after >= 2 || before >= 4) && known.any(|known| title.starts_with(known)) {
        return true;
    }
    let (address, date) = (has_address(title), has_date(title));
    let verb = || ATTRIBUTIONS.iter().any(|verb| title.ends_with(verb) || title.contains(&format!(" {verb} ")));
    after >= 2 && ((address && date) || ((address || date) && verb()))
}

/// `otto@example.org wrote ----`: the last line of such a title that a mail client broke.
fn is_title_end(text: &str) -> bool {
    let title = text.trim_end_matches(is_dash);
    let dashes = text.chars().count() - title.chars().count();
    let title = title.trim_end();
    dashes >= 2 && (has_address(title) || has_date(title)) && ATTRIBUTIONS.iter().any(|verb| title.ends_with(verb))
}

/// `>>> Otto <otto@example.org> 11/30/2026 1:00 PM >>>`, as GroupWise writes it. `text` is without the first three.
fn is_between_angles(text: &str) -> bool {
    text.ends_with(">>>") && has_date(text) && has_time(text)
}

/// `Begin forwarded message:`, alone on its line.
fn is_phrase(text: &str) -> bool {
    FORWARDED.iter().any(|known| text.strip_prefix(known).is_some_and(|rest| rest.trim() == ":" || rest.trim() == "："))
}

/// `On Mon, Nov 30, 2026 at 1:00 PM Otto <otto@example.org> wrote:` and its like, over several lines or on one.
fn is_attribution(lines: &[Line], at: usize) -> bool {
    let (mut joined, mut is_prose) = (String::new(), false);
    let first = &lines[at].text;
    let begins =
        has_date(first) && (OPENERS.iter().any(|opener| first.starts_with(opener)) || begins_with_digits(first));
    for line in lines[at..].iter().take(MAX_ATTRIBUTION_LINES) {
        match line.kind {
            Kind::Text => {}
            // A stranger's name may hold a command, and a mail client may break the line right before it.
            Kind::Command if begins => {}
            Kind::Rule | Kind::Sheltered if begins => is_prose = true,
            // Gmail breaks a line before the `>` that ends an address.
            Kind::Quoted if !joined.is_empty() && line.text.chars().count() <= 30 => {}
            _ => return false,
        }
        // A line that ends a sentence was not broken by a mail client, unless the address of a sender follows.
        is_prose |= joined.ends_with(['.', '!', '?', ':', '：']) && !has_address(&line.text);
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(&line.text);
        if joined.len() > MAX_ATTRIBUTION {
            return false;
        }
        if attributes(&joined) && (!is_prose || begins && (joined.ends_with(">:") || joined.ends_with(">："))) {
            return true;
        }
    }
    false
}

/// Whether a day may stand at the beginning, after the name of a weekday at most.
fn begins_with_digits(sentence: &str) -> bool {
    sentence.split(' ').take(3).any(|word| word.contains(|c: char| c.is_ascii_digit()))
}

/// Whether a whole sentence says who wrote what follows, and when.
fn attributes(text: &str) -> bool {
    let colon = text.strip_suffix([':', '：']);
    let sentence = colon.unwrap_or(text.trim_end_matches(['…', '.'])).trim_end();
    let (address, time) = (has_address(sentence), has_time(sentence));
    let opened = OPENERS.iter().any(|opener| sentence.starts_with(opener));
    let date = has_date(sentence) || (opened && time && has_day(sentence));
    if !address && !date {
        return false;
    }
    if colon.is_none() {
        return opened && address && date && time && ATTRIBUTIONS.iter().any(|verb| sentence.ends_with(verb));
    }
    let enclosed = address && sentence.ends_with(['>', ')', ']']);
    if date && time && (enclosed || address && opened) {
        return true;
    }
    if PHRASES.iter().any(|phrase| sentence.starts_with(phrase)) && address {
        return true;
    }
    // Prose comes to its date later, and an attribution begins with it, or with who wrote.
    let begins = opened || begins_with_digits(sentence) || address;
    // A person's own word: "On 2026-11-30 I wrote:".
    let own = |text: &str| ["i", "we", "you", "ich", "wir", "je", "ik", "jag", "jeg"].contains(&text);
    let last = |text: &str| text.split(' ').next_back().unwrap_or_default().to_owned();
    ATTRIBUTIONS.iter().any(|verb| {
        if let Some(before) = sentence.strip_suffix(verb) {
            let who = last(before.trim_end());
            return has_address(&who) || (date && begins && (opened || time) && !own(&who));
        }
        // German, Dutch and the Scandinavian languages put the name after the verb.
        let Some((before, after)) = sentence.split_once(&format!(" {verb} ")) else { return false };
        if matches!(*verb, "wrote" | "writes") {
            // HCL Notes: `Otto <otto@example.org> wrote on 11/30/2026 01:00:00 PM:`.
            return date && time && has_address(&last(before));
        }
        let who = after.split(' ').next().unwrap_or_default();
        let dated = has_date(after) && OPENERS.iter().any(|opener| after.starts_with(opener)) && !own(&last(before));
        enclosed || (date && time && !own(who) && (begins || dated))
    })
}

/// Lines such as `From:`, `Sent:` and `Subject:`, one after another: who sent it, and an address, a day and a time, or the
/// subject of a reply.
fn is_header_block(lines: &[Line], at: usize) -> bool {
    /// A history has four to seven headers, at times with a blank line between two, or one that goes on in a second line.
    const MOST: usize = 16;
    let Some((first, value)) = header(&lines[at].text) else { return false };
    let enclosed = value.trim_end().ends_with('>');
    if first == Header::Sender
        && (is_run_together(value) || (has_address(value) && (enclosed || is_below_rule(lines, at))))
    {
        return true;
    }
    let mut seen = Vec::new();
    let (mut proven, mut gap, mut broken) = (false, 0, 0);
    for line in lines[at..].iter().take(MOST) {
        match (line.kind, header(&line.text)) {
            (Kind::Text, Some((kind, value))) => {
                gap = 0;
                seen.push(kind);
                proven |= has_address(value)
                    || match kind {
                        Header::Date => has_date(value) && has_time(value),
                        Header::Subject => is_reply(value),
                        Header::Sender | Header::Other => false,
                    };
            }
            // The name of the sender goes on, and it may look like anything.
            (Kind::Blank, _) => gap += 1,
            _ if seen == [Header::Sender] && broken < MAX_ATTRIBUTION_LINES => broken += 1,
            (Kind::Text, None) if has_address(&line.text) => gap += 1,
            _ => break,
        }
        let is = |kind: Header| seen.contains(&kind);
        let others = seen.iter().any(|kind| *kind != Header::Sender);
        if is(Header::Sender) && others && (proven || (is(Header::Date) && is(Header::Subject))) {
            return true;
        }
        if proven && is(Header::Date) && is(Header::Subject) && is(Header::Other) {
            return true;
        }
        if gap > 1 {
            break;
        }
    }
    false
}

fn is_below_rule(lines: &[Line], at: usize) -> bool {
    lines[..at].iter().rfind(|line| line.kind != Kind::Blank).is_some_and(|line| line.kind == Kind::Rule)
}

/// The subject of a reply, or of a notification of GitHub.
fn is_reply(subject: &str) -> bool {
    let replies =
        ["re:", "aw:", "sv:", "fw:", "fwd:", "wg:", "tr:", "rv:", "res:", "odp:", "antw:", "回复", "答复", "转发"];
    let subject = subject.trim_matches(['*', '_', ' ']);
    replies.iter().any(|reply| subject.starts_with(reply)) || subject.contains("(pr #") || subject.contains("(issue #")
}

/// All headers on one line, as a conversion from HTML leaves them: the first is taken off already.
fn is_run_together(value: &str) -> bool {
    let names = |kind: Header| {
        HEADERS.iter().filter(move |(_, known)| *known == kind).any(|(name, _)| {
            [":", " :", "：", ":**", "**:"]
                .iter()
                .any(|colon| value.contains(&format!(" {name}{colon}")) || value.contains(&format!("**{name}{colon}")))
        })
    };
    names(Header::Date) && names(Header::Subject)
}

/// The header that a line is, and what it holds.
fn header(text: &str) -> Option<(Header, &str)> {
    let (name, value) = text.split_once([':', '：'])?;
    let name = name.trim_matches(['*', '_', ' ']);
    let (_, kind) = HEADERS.iter().find(|(known, _)| *known == name)?;
    Some((*kind, value))
}

/// The end of a notification of GitHub: below a dash, or with the words that go with it.
fn is_footer(lines: &[Line], at: usize) -> bool {
    let text = &lines[at].text;
    let below_dash = || {
        let before = lines[..at].iter().rfind(|line| line.kind != Kind::Blank);
        before.is_some_and(|line| !line.text.is_empty() && line.text.chars().all(is_dash))
    };
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    (text.starts_with("reply to this email directly") && (has(&["github", "unsubscribe"]) || below_dash()))
        || (text.starts_with("you are receiving this because") && (has(&[" you "]) || below_dash()))
        || (text.starts_with("message id:") && has(&["@github.com", "***@***.***"]))
}

/// `name@host`, also where GitHub has put stars in the place of letters. A mention is none: nothing stands before its `@`.
fn has_address(text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '*' | '.' | '_' | '-' | '+' | '\\');
    text.match_indices('@').any(|(at, _)| text[..at].ends_with(part) && text[at + 1..].starts_with(part))
}

/// A year of four digits, or a day such as 30.11.26 or 30. 11. 26. A commit or a number holds neither: both stand alone.
fn has_date(text: &str) -> bool {
    has_written_date(text) || text.contains(". ") && has_written_date(&text.replace(". ", "."))
}

fn has_written_date(text: &str) -> bool {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-')));
    words.map(|word| word.trim_matches(['.', '-', '/'])).any(|word| {
        let parts: Vec<&str> = word.split(['.', '/', '-']).collect();
        let digits = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
        let year = |part: &&str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
        match parts.as_slice() {
            [one] => digits(one) && year(one),
            // 30.11.26, 11/30/2026, 2026-11-30, and 11-Apr-2011.
            [first, middle, last] => {
                let year = first.len() == 4 || matches!(last.len(), 2 | 4);
                digits(first) && digits(last) && (digits(middle) || middle.len() == 3) && year
            }
            _ => false,
        }
    })
}

/// A day without a year: 30 Nov, Nov 30, 30/11. Years ago mail clients left it out, and some do for mail of this year.
fn has_day(text: &str) -> bool {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let number = |word: &str| (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit());
    let month = |word: &str| word.get(..3).is_some_and(|begin| MONTHS.contains(&begin));
    let slashed = |word: &&str| word.split_once('/').is_some_and(|(day, month)| number(day) && number(month));
    words.windows(2).any(|pair| number(pair[0]) && month(pair[1]) || month(pair[0]) && number(pair[1]))
        || words.iter().any(slashed)
}

/// An hour and a minute: 13:00, 13h00, 13 時 00.
fn has_time(text: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    let marks = [":", "：", "h", "時", "点", "시", "."];
    marks.iter().any(|mark| {
        text.match_indices(mark).any(|(at, _)| {
            let after = &text[at + mark.len()..];
            let minutes = after.chars().take_while(|c| digit(*c)).count();
            let hours = text[..at].chars().rev().take_while(|c| digit(*c)).count();
            let alone = *mark != "." || !(after[minutes..].starts_with('.') || text[..at - hours].ends_with('.'));
            (1..=2).contains(&hours) && alone && (minutes == 2 || (matches!(*mark, "時" | "点" | "시") && minutes <= 2))
        })
    })
}
