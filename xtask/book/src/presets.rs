//! The attacks that the request console can send: the rows of the smuggling table, in a file beside the labs.

use anyhow::Result;
use serde_json::{Value, json};
use wire::tables::{Test, smuggling};

use crate::modules;
use crate::sources::Sources;

/// Writes `book/src/labs/smuggling.json`, which git ignores. It is made from the table by each build of the book.
///
/// # Errors
/// Returns an error when the file cannot be written.
pub(crate) fn refresh(sources: &Sources) -> Result<()> {
    let file = sources.root().join("book/src/labs/smuggling.json");
    modules::replace(&file, &serde_json::to_vec(&rows())?)
}

/// The rows with their rules, the bytes to send, and the statuses of the responses.
pub(crate) fn rows() -> Value {
    let rows = smuggling::rows().into_iter().filter_map(|row| {
        let Test::Exchange { bytes, statuses, .. } = row.test else { return None };
        // A character for each byte: JSON has no bytes.
        let bytes: String = bytes.iter().copied().map(char::from).collect();
        Some(json!({ "rule": row.rule, "rfc": row.rfc, "name": row.name, "bytes": bytes, "statuses": statuses }))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_the_smuggling_table_are_there_with_their_bytes() {
        let rows = rows();
        let rows = rows.as_array().unwrap();
        assert!(rows.len() > 30, "{}", rows.len());
        assert_eq!(rows[0]["name"], "length first");
        let bytes = rows[0]["bytes"].as_str().unwrap();
        assert!(
            bytes.starts_with("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n"),
            "{bytes}"
        );
    }
}
