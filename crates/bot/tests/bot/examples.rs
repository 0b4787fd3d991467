//! The table of examples in docs/commands.md, each row as a delivery.

use bivouac_model::DesiredState;
use bivouac_model::command::{Command, Up};

use crate::payloads::{Mail, at, changed, edited, on_line, opened, reviewed, reviewed_again, says};
use crate::world::{HEAD, World};

const DOCUMENT: &str = include_str!("../../../../docs/commands.md");

/// A row: the text, the place, and what happens.
fn rows() -> Vec<(String, &'static str, &'static str)> {
    let table = DOCUMENT.split_once("| text | where | what happens |").expect("the table").1;
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let read = |line: &'static str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [text, place, what] = cells[..] else { panic!("{line}") };
        (code(text).replace(" ⏎ ", "\n"), place.trim(), what.trim())
    };
    rows.map(read).collect()
}

/// The content of a code span, as Markdown shows it, with the blanks at its beginning.
fn code(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix("``").and_then(|cell| cell.strip_suffix("``")) {
        Some(code) => code.trim_end(),
        None => cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or_else(|| panic!("{cell}")),
    }
}

async fn delivered(text: &str, place: &str) -> (World, Mail) {
    let world = World::new();
    let mail = match place {
        "comment" => says(7, 1, "ada", text),
        "review" => reviewed(7, 1, "ada", text),
        "edited comment" => edited(7, 1, "ada", "Hello.", text),
        "edited review" => reviewed_again(7, 1, "ada", "Hello.", text),
        "comment on a line" => on_line(7, 1, "ada", text),
        "description" | "description, then label" => opened(7, 1, "ada", text),
        other => panic!("no such place: {other}"),
    };
    world.deliver(std::slice::from_ref(&mail)).await;
    if place == "description, then label" {
        world.label(7, true, "ada", &at(2));
        world.deliver(&[changed(7, 2, "ada", "labeled", HEAD)]).await;
    }
    (world, mail)
}

/// What an `up` asks for, as the record has it.
fn asked(up: Up) -> DesiredState {
    let Up { flags, config, ttl, size, sha: _ } = up;
    DesiredState { flags, config, ttl, size, ..DesiredState::default() }
}

#[tokio::test(start_paused = true)]
async fn every_example_of_the_document_is_as_it_says() {
    let rows = rows();
    assert!(rows.len() > 45, "{}", rows.len());
    for (text, place, what) in rows {
        let (world, mail) = delivered(&text, place).await;
        let (audit, reply) = (world.audit(7), world.reply(7, "ada"));
        let is_hint = audit == ["ada command NotACommand"];
        let about = format!("{place}: {text:?}: {audit:?}, {reply:?}");
        match what {
            "hint" => {
                assert!(is_hint && world.record(7).is_none() && reply.is_some(), "{about}");
                world.deliver(&[mail.named(1)]).await;
                assert_eq!(world.audit(7), audit, "again, {about}");
            }
            "refused" => {
                assert!(!is_hint && !audit.is_empty() && world.record(7).is_none() && reply.is_some(), "{about}")
            }
            "nothing" => assert!(audit.is_empty() && world.record(7).is_none() && reply.is_none(), "{about}"),
            obeyed => {
                let command = code(obeyed.strip_prefix("obeyed: ").expect(obeyed));
                let Ok(Command::Up(up)) = command.parse() else { panic!("{command}") };
                assert_eq!(audit, ["ada up Applied"], "{about}");
                let (wish, asked) = (world.wish(7), asked(up));
                assert_eq!((wish.flags, wish.config), (asked.flags, asked.config), "{about}");
                assert_eq!((wish.ttl, wish.size), (asked.ttl, asked.size), "{about}");
            }
        }
    }
}
