//! `[sizes.NAME]`: the named sizes.

use std::collections::BTreeMap;

use bivouac_planner::{Size, offered};

use super::key_path::shown;
use super::reader::Section;

pub(super) fn read(section: Section<'_>) -> BTreeMap<String, Size> {
    let mut sizes = BTreeMap::new();
    for name in section.names() {
        let inner = section.section(name);
        // Small letters, so that a variable can name it.
        let valid = (1..=40).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        if !valid {
            section.problem(
                name,
                format!("`{}` is not the name of a size: small letters, digits, `_` and `-`", shown(name)),
            );
        }
        let cpu = inner.number("cpu", 0.25..=16.0);
        let memory = inner.number("memory", 0.5..=120.0);
        let cpu = inner.required("cpu", "how many vCPU it has, such as 0.5", cpu);
        let memory = inner.required("memory", "how many GB of memory it has, such as 1.0", memory);
        if let (Some(cpu), Some(memory)) = (cpu.map(thousand_twentyfourths), memory.map(thousand_twentyfourths)) {
            let size = Size { cpu, memory };
            match offered(size) {
                Ok(()) => drop(sizes.insert(name.to_owned(), size)),
                Err(sentence) => section.problem(name, format!("`{}`: {sentence}", section.name(name))),
            }
        }
        inner.done();
    }
    section.done();
    sizes
}

fn thousand_twentyfourths(amount: f64) -> u32 {
    // At most 120 by the bounds of the keys.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let units = (amount * 1024.0).round() as u32;
    units
}
