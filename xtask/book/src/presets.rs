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
