//! The rows of request smuggling.

use super::super::tools::{Checked, rejected};
use crate::exercise::Server;
use crate::tables::{Row, Test, smuggling};

/// Tests the selected rows of the smuggling table.
fn smuggling(server: &Server, wanted: fn(&Row) -> bool) -> Checked {
    for row in smuggling::rows().into_iter().filter(wanted) {
        let Test::Exchange { bytes, statuses, closes, .. } = &row.test else { continue };
        let tried = if *closes {
            rejected(server, bytes, accepted(&row, statuses))
        } else {
            server.send(bytes).and_then(|answer| answer.status_in(statuses).map(drop))
        };
        tried.map_err(|failure| {
            let expected = format!("{} ({}: {})", failure.expected, row.rule, row.name);
            failure.expecting(expected).with_rule(row.rfc)
        })?;
    }
    Ok(())
}

/// The accepted statuses for a row that is rejected. A server that does not support a transfer coding, or does not
/// recognise a disguised one, may respond with 501 (RFC 9112 section 6.1), also when chunked is given twice.
fn accepted<'a>(row: &Row, statuses: &'a [u16]) -> &'a [u16] {
    let is_coding = ["oding", "Encoding", "chunked"].iter().any(|word| row.rule.contains(word));
    if is_coding { &[400, 501] } else { statuses }
}

fn is_rejected(row: &Row) -> bool {
    matches!(row.test, Test::Exchange { closes: true, .. })
}

pub(super) fn lengths(server: &Server) -> Checked {
    smuggling(server, |row| {
        is_rejected(row) && row.rule.contains("Length") && !row.rule.contains("disguised")
    })
}

pub(super) fn codings(server: &Server) -> Checked {
    smuggling(server, |row| {
        is_rejected(row) && !row.rule.contains("Length") && !row.rule.contains("disguised")
    })
}

pub(super) fn disguises(server: &Server) -> Checked {
    smuggling(server, |row| is_rejected(row) && row.rule.contains("disguised"))
}

pub(super) fn valid(server: &Server) -> Checked {
    smuggling(server, |row| !is_rejected(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the contract of stage 14 promises.
    #[test]
    fn a_rejected_coding_may_get_501_and_a_length_may_not() {
        let statuses = |rule: &str| {
            let row = smuggling::rows().into_iter().find(|row| row.rule == rule).unwrap();
            accepted(&row, &[400]).to_vec()
        };
        assert_eq!(statuses("chunked twice is rejected"), [400, 501]);
        assert_eq!(statuses("A Content-Length is digits only"), [400]);
    }
}
