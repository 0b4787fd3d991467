//! The commands in docs/commands.md are those of the table.

use std::path::Path;

use bivouac_model::command::table;

const BEGIN: &str = "<!-- commands:begin -->\n";
const END: &str = "<!-- commands:end -->\n";

#[test]
fn the_document_shows_the_table_of_the_commands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let document = std::fs::read_to_string(&path).expect("docs/commands.md is there");
    let (before, rest) = document.split_once(BEGIN).expect("docs/commands.md marks where the commands begin");
    let (shown, after) = rest.split_once(END).expect("docs/commands.md marks where the commands end");
    let reference = table::reference("/testenv");
    if shown == reference {
        return;
    }
    if std::env::var_os("BIVOUAC_RENEW").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{reference}{END}{after}"))
            .expect("docs/commands.md can be written");
        return;
    }
    panic!(
        "the commands in docs/commands.md are not those of crates/model/src/command/table.rs; \
         renew them with `BIVOUAC_RENEW=1 cargo test -p bivouac-model --test documents`"
    );
}
