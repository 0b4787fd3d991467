//! The commands in README.md are those of the table.

use std::path::Path;

use bivouac_model::command::table;

const BEGIN: &str = "<!-- commands:begin -->\n";
const END: &str = "<!-- commands:end -->\n";

#[test]
fn the_readme_shows_the_table_of_the_commands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md is there");
    let (before, rest) = readme.split_once(BEGIN).expect("README.md marks where the commands begin");
    let (shown, after) = rest.split_once(END).expect("README.md marks where the commands end");
    let reference = table::reference("/testenv");
    if shown == reference {
        return;
    }
    if std::env::var_os("BIVOUAC_RENEW").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{reference}{END}{after}")).expect("README.md can be written");
        return;
    }
    panic!(
        "the commands in README.md are not those of crates/model/src/command/table.rs; \
         renew them with `BIVOUAC_RENEW=1 cargo test -p bivouac-model --test readme`"
    );
}
