//! What a misspelled word was meant to be.

/// Above this similarity a slip of the finger is likelier than another word: `donw` / `down` has 0.93 and `exted` / `extend`
/// 0.97, but `test` / `restart` 0.73, `the` / `help` 0.72 and `please` / `sleep` 0.70.
const ALIKE: f64 = 0.75;

/// The longest word that is compared: no known one is half as long, and comparing takes time by both lengths.
const LONGEST: usize = 32;

/// The known word that is spelled alike.
pub(super) fn nearest<'a, T: Copy>(given: &str, known: impl Iterator<Item = (&'a str, T)>) -> Option<T> {
    let given = given.to_ascii_lowercase();
    if given.chars().nth(LONGEST).is_some() {
        return None;
    }
    known
        .map(|(word, what)| (strsim::jaro_winkler(&given, word), what))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, what)| what)
}
