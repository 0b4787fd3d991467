//! Tables as kubectl prints them: columns apart by three spaces, no lines.

use console::{Alignment, measure_text_width, pad_str};

/// kubectl's distance between columns.
const GAP: &str = "   ";

/// A table that is printed row by row; columns only ever get wider, so that rows of a watch stay in line.
#[derive(Debug, Default)]
pub struct Columns {
    widths: Vec<usize>,
}

impl Columns {
    /// With columns at least so wide.
    pub fn at_least(widths: &[usize]) -> Self {
        Self { widths: widths.to_vec() }
    }

    /// The rows as lines. The first of them is usually the header. Colours take no room.
    pub fn lines(&mut self, rows: &[Vec<String>]) -> Vec<String> {
        for row in rows {
            self.widths.resize(self.widths.len().max(row.len()), 0);
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let cells = row.iter().zip(&self.widths).map(|(cell, width)| pad_str(cell, *width, Alignment::Left, None));
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }
}

/// A text of a stranger, fit for a terminal: control characters, which could move the cursor or worse, are escaped.
pub fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_line_and_stay_so() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let mut columns = Columns::default();
        assert_eq!(columns.lines(&[row(&["NAME", "URL"]), row(&["é", "-"])]), ["NAME   URL", "é      -"]);
        assert_eq!(columns.lines(&[row(&["longer", "x"])]), ["longer   x"]);
        assert_eq!(columns.lines(&[row(&["a", "x"])]), ["a        x"]);
    }

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc é"), "a\\u{1b}[2Jb\\nc é");
    }
}
