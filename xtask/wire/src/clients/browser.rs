//! An imitation of a browser: it opens connections that it may never use, requests an icon that no page
//! mentions, and loads the parts of a page in parallel.

use std::net::SocketAddr;

use super::output_of::Ran;
use crate::{Client, Kind, WireError, request};

/// The fields that Firefox and Chrome send in addition to Host.
pub(crate) const FIELDS: [(&str, &str); 7] = [
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "de-CH,de;q=0.9,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Connection", "keep-alive"),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
];

/// Behaves like a browser that opens the first page.
///
/// # Errors
/// Returns an error when a response would not work in a browser.
pub fn browser(address: SocketAddr) -> Result<Ran, WireError> {
    // A speculative connection, in case the user clicks. It stays idle for now.
    let mut in_advance = Client::connect(address)?;

    let mut page = Client::connect(address)?;
    for (target, status) in [("/", 200), ("/favicon.ico", 404), ("/?again", 200)] {
        expect(&mut page, target, status)?;
    }
    // The resources of the page, on a second connection while the first stays open.
    let mut parts = Client::connect(address)?;
    expect(&mut parts, "/inspect", 200)?;
    // The browser reloads the page on the speculative connection.
    expect(&mut in_advance, "/", 200)?;
    // The user closes a tab in the middle of a response, and another tab continues.
    let mut closed = Client::connect(address)?;
    closed.send(request("GET", "/", &FIELDS, b""))?;
    drop(closed);
    expect(&mut page, "/", 200)?;
    Ok(Ran::Passed)
}

fn expect(client: &mut Client, target: &str, status: u16) -> Result<(), WireError> {
    let cookie = [("Cookie", "theme=dark; session=\"a b\"; empty=")];
    let reply = client.ask(request("GET", target, &[&FIELDS[..], &cookie].concat(), b""))?;
    if reply.status == status && !reply.lists("Connection", "close") {
        return Ok(());
    }
    let message = format!("GET {target} must be {status} and leave the connection open");
    Err(WireError::new(Kind::Unexpected, message).with_arrived(&reply.raw))
}
