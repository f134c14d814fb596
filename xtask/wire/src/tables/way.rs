//! The ways in which the bytes of a row reach a server. The response must not depend on them: TCP is a stream, and a
//! client, a proxy or the network may split it anywhere.
//!
//! A server may use different code for a request that has arrived whole and for a request in pieces, and for the first
//! request of a connection and the next. A rule that holds in only one of these cases is broken.

use crate::client::until_reset;
use crate::{Client, Kind, Reply, WireError};

/// The request before a row. Its response proves that the server has read the bytes that were sent with it.
const FIRST: &[u8] = b"GET /inspect?the-first HTTP/1.1\r\nHost: first\r\n\r\n";

/// The request after a row. Its response proves that the server has found the end of the row; if there is no response,
/// the server has read nothing more.
const PROBE: &[u8] = b"GET /inspect?the-probe HTTP/1.1\r\nHost: probe\r\n\r\n";

/// Longer rows are not sent byte by byte.
const BYTE_BY_BYTE: usize = 2000;

/// How the bytes of a row reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The row and the probe in one write.
    WithProbe,
    /// The row alone: the server must not wait for more. The probe is sent after the response.
    Alone,
    /// Another request, the row and the probe in one write.
    Pipelined,
    /// One byte per write, then the probe. The server may receive some of them together.
    ByteByByte,
    /// Cut into the first byte, two halves and the last byte. The server reads the first piece before the second is
    /// sent: the first is sent together with another request, and the client waits for that response.
    InPieces,
}

impl Way {
    /// All ways for a row of these bytes.
    pub(super) fn all(bytes: &[u8]) -> Vec<Way> {
        let mut ways = vec![Way::WithProbe, Way::Alone, Way::Pipelined, Way::InPieces];
        if bytes.len() <= BYTE_BY_BYTE {
            ways.push(Way::ByteByByte);
        }
        ways
    }

    /// The end of the sentence "The row was sent".
    pub(super) fn words(self) -> &'static str {
        match self {
            Way::WithProbe => "together with the next request",
            Way::Alone => "alone",
            Way::Pipelined => "together with the requests before and after it",
            Way::ByteByByte => "byte by byte",
            Way::InPieces => "in pieces",
        }
    }

    /// Sends the row, and the requests around it unless they are sent later.
    pub(super) fn send(self, client: &mut Client, row: &[u8]) -> Result<(), WireError> {
        match self {
            Way::WithProbe => client.send_until_reset([row, PROBE].concat()),
            Way::Alone => client.send_until_reset(row),
            Way::Pipelined => {
                client.send_until_reset([FIRST, row, PROBE].concat())?;
                is_answered(&client.read_reply()?, FIRST)
            }
            Way::ByteByByte => {
                row.chunks(1).try_for_each(|byte| client.send_until_reset(byte))?;
                client.send_until_reset(PROBE)
            }
            Way::InPieces => {
                let (first, rest) = row.split_at(row.len().min(1));
                client.send_until_reset([FIRST, first].concat())?;
                is_answered(&client.read_reply()?, FIRST)?;
                let cuts = [rest.len() / 2, rest.len().saturating_sub(1)];
                until_reset(client.send_slowly(rest, cuts))?;
                client.send_until_reset(PROBE)
            }
        }
    }

    /// Called after the replies to the row. The next request must get its own reply, and nothing else may arrive.
    pub(super) fn expect_probe(self, client: &mut Client) -> Result<(), WireError> {
        if self == Way::Alone {
            client.send(PROBE)?;
        }
        is_answered(&client.read_reply()?, PROBE)
    }
}

/// Checks that this is the response to `request`, [`FIRST`] or [`PROBE`]: `/inspect` returns the
/// query.
fn is_answered(reply: &Reply, request: &[u8]) -> Result<(), WireError> {
    let query = if request == FIRST { "the-first" } else { "the-probe" };
    let seen = reply.json().ok().map(|json| json["query"].clone());
    if reply.status == 200 && seen.as_ref().and_then(|seen| seen.as_str()) == Some(query) {
        return Ok(());
    }
    let side = if request == FIRST { "before" } else { "after" };
    let message = format!("the request {side} it must get its own response, is {}", reply.status);
    Err(WireError::new(Kind::Unexpected, message))
}
