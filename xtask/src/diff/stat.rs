//! `--stat`: a line a file with a bar, and the totals.

use std::fmt::Write;

use super::compare::{Entry, Kind};
use crate::ui;

/// The longest bar, in signs; a change of more lines is drawn to scale.
const BAR: usize = 40;

/// Writes the lines for all files that are not the same.
pub(crate) fn render(entries: &[Entry], width: usize) -> String {
    let rows: Vec<Row> = entries.iter().filter(|e| e.kind != Kind::Same).map(Row::of).collect();
    let names = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
    let counts = rows.iter().map(|row| row.total().to_string().len()).max().unwrap_or_default();
    let most = rows.iter().map(Row::total).max().unwrap_or_default();
    let bar = BAR.min(width.saturating_sub(names + counts + 14).max(10));
    let mut text = String::new();
    for row in &rows {
        let (plus, minus) = row.bar(most, bar);
        let _ = writeln!(
            text,
            "{} {:names$} | {:>counts$} {}{}",
            row.mark,
            row.name,
            row.total(),
            ui::paint(ui::GOOD, &"+".repeat(plus)),
            ui::paint(ui::BAD, &"-".repeat(minus)),
        );
    }
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    let count = |kind: Kind| entries.iter().filter(|entry| entry.kind == kind).count();
    let parts = [
        (count(Kind::New), "new"),
        (count(Kind::Changed), "changed"),
        (count(Kind::Moved), "moved"),
        (count(Kind::Gone), "gone"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    let files = if rows.len() == 1 { "file" } else { "files" };
    let _ = writeln!(
        text,
        "{} {files} ({}), {} lines added, {} removed",
        rows.len(),
        parts.join(", "),
        sum(|row| row.added),
        sum(|row| row.removed),
    );
    text
}

struct Row {
    mark: &'static str,
    name: String,
    added: usize,
    removed: usize,
}

impl Row {
    fn of(entry: &Entry) -> Row {
        let mark = match entry.kind {
            Kind::New => "new    ",
            Kind::Gone => "gone   ",
            Kind::Moved => "moved  ",
            Kind::Changed | Kind::Same => "changed",
        };
        let name = match &entry.moved_from {
            Some(from) => format!("{from} => {}", entry.path),
            None => entry.path.clone(),
        };
        let diff = entry.lines();
        Row { mark, name, added: diff.added(), removed: diff.removed() }
    }

    fn total(&self) -> usize {
        self.added + self.removed
    }

    /// How many signs of each kind, so that the longest bar fits; what is not nothing is at least one sign.
    fn bar(&self, most: usize, room: usize) -> (usize, usize) {
        let scaled = |lines: usize| match lines {
            0 => 0,
            _ if most <= room => lines,
            _ => (lines * room / most).max(1),
        };
        (scaled(self.added), scaled(self.removed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::plain;

    #[test]
    fn a_line_a_file_and_the_totals() {
        let long = "x\n".repeat(200);
        let entries = [
            Entry::of("Cargo.toml", b"a\n", b"b\nc\n"),
            Entry::of("src/gone.rs", b"a\nb\n", b""),
            Entry::of("src/same.rs", b"a\n", b"a\n"),
            Entry::of("src/http/new.rs", b"", long.as_bytes()),
        ];
        assert_eq!(
            plain(&render(&entries, 60)),
            "\
changed Cargo.toml      |   3 +-
gone    src/gone.rs     |   2 -
new     src/http/new.rs | 200 ++++++++++++++++++++++++++++
3 files (1 new, 1 changed, 1 gone), 202 lines added, 3 removed
"
        );
    }

    #[test]
    fn short_bars_are_not_scaled() {
        let row = Row { mark: "", name: String::new(), added: 3, removed: 2 };
        assert_eq!(row.bar(5, 40), (3, 2));
        assert_eq!(row.bar(500, 40), (1, 1));
    }
}
