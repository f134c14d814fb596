//! Stages 9 to 15: HTTP/1.1 messages.

mod bodies;
mod connections;
mod requests;
mod smuggling;

use super::stage::{Phase, Scheme, Stage};
use crate::exercise::check;

const PHASE: Phase = Phase { name: "HTTP, messages", scheme: Scheme::Http };

pub(super) const STAGES: &[Stage] = &[
    PHASE.stage(9, "response", "sends a response that curl and a browser accept", "part3/messages/first-response.md")
        .contract("The first line of output is `listening on http://ADDRESS`. `GET /` gets a response with status \
                   200, a body that is not empty, its Content-Type, and a header section that declares where the body \
                   ends (Content-Length, for now). The server may close the connection after each response.")
        .hint("A response is a status line, field lines, an empty line and the body. Each line ends in CRLF (\\r\\n). \
               Count the bytes of the body, not its characters.")
        .checks(&[
            check("GET / gets 200, a Content-Type and a body whose end is known", requests::get_root)
                .rule("RFC 9112 section 6 (Message Body)"),
            check("a request of 2,000 bytes, as a browser sends it, gets the same response", requests::browser_request)
                .rule("RFC 9112 section 2.2 (Message Parsing)"),
            check("curl accepts the response", requests::curl),
            check("a client that disconnects before its request is complete does no harm", requests::rude_clients),
        ]),
    PHASE.stage(10, "header-section", "parses a header section in any pieces, and rejects a malformed one",
                "part3/messages/parser.md")
        .contract("A request may arrive in any pieces. 400: a malformed request line or field line (also a control \
                   character, or a method such as `G@T`), HTTP/1.1 without Host, with two Host fields, or with an \
                   invalid Host (`a/b`). 414: a target of 100,000 bytes. 431: a header section of 1 MiB. 505: \
                   HTTP/2.0. The server closes the connection after each of these. A target of 8,000 bytes is fine.")
        .hint("Collect bytes until the empty line, up to a limit, and parse them then. Close a connection after you \
               reject a request: its end is unknown, and so is the start of the next one.")
        .checks(&[
            check("a request that arrives byte by byte gets the same response", requests::byte_by_byte)
                .rule("RFC 9112 section 2.2 (Message Parsing)"),
            check("a malformed request is rejected with 400", requests::bad_requests)
                .rule("RFC 9112 section 3 (Request Line)"),
            check("HTTP/1.1 without Host, or with two, is rejected with 400", requests::hosts)
                .rule("RFC 9112 section 3.2 (Request Target)"),
            check("a target of 8,000 bytes is served, one of 100,000 is rejected with 414", requests::long_target)
                .rule("RFC 9110 section 15.5.15 (414 URI Too Long)"),
            check("a header section of 1 MiB is rejected with 431", requests::large_header_section)
                .rule("RFC 6585 section 5 (431 Request Header Fields Too Large)"),
            check("HTTP/2.0 is rejected with 505", requests::version)
                .rule("RFC 9110 section 15.6.6 (505 HTTP Version Not Supported)"),
        ]),
    PHASE.stage(11, "body", "reads a Content-Length body, and responds to HEAD without one", "part3/messages/bodies.md")
        .contract("`POST /echo` sends the content of the request back, with status 200: from nothing to 1 MiB, at \
                   once or in pieces. HEAD gets the fields of GET and no body. A Content-Length of 99999999999 is \
                   rejected with 413 without waiting for the body. A client that sends `Expect: 100-continue` gets \
                   100 first.")
        .hint("The first bytes of the body usually arrive together with the header section: keep them. Then read \
               until you have Content-Length bytes, and no more.")
        .checks(&[
            check("POST /echo sends the content back", bodies::echo_bodies)
                .rule("RFC 9112 section 6.2 (Content-Length)"),
            check("a body of 1 MiB comes back whole, also if it arrives in pieces", bodies::large_body)
                .rule("RFC 9112 section 6.2 (Content-Length)"),
            check("HEAD gets the fields of GET and no body", bodies::head).rule("RFC 9110 section 9.3.2 (HEAD)"),
            check("a Content-Length over the limit is rejected with 413 at once", bodies::too_large)
                .rule("RFC 9110 section 15.5.14 (413 Content Too Large)"),
            check("Expect: 100-continue gets 100, then the body is read", bodies::expect_continue)
                .rule("RFC 9110 section 10.1.1 (Expect)"),
        ]),
    PHASE.stage(12, "keep-alive", "serves several requests on a connection, in order", "part3/messages/keep-alive.md")
        .contract("An HTTP/1.1 connection stays open unless the request has `Connection: close`; an HTTP/1.0 \
                   connection is closed. Requests that arrive together (pipelining) get their responses in the same \
                   order. A body that the application does not read is not parsed as the next request. The last \
                   response is not lost to a reset.")
        .hint("The bytes after the end of one request are the beginning of the next: keep them. Before you close, \
               shut down the sending direction and read the remaining input; close with unread bytes sends RST.")
        .checks(&[
            check("three requests on one connection, one after the other", connections::one_after_another)
                .rule("RFC 9112 section 9.3 (Persistence)"),
            check("four pipelined requests get their responses in order", connections::pipelined)
                .rule("RFC 9112 section 9.3.2 (Pipelining)"),
            check("an unread body is not parsed as the next request", connections::unread_body)
                .rule("RFC 9112 section 9.3 (Persistence)"),
            check("Connection: close and HTTP/1.0 end the connection", connections::closes)
                .rule("RFC 9112 section 9.6 (Tear-down)"),
            check("the last response is complete although the client has sent more", connections::lingers)
                .rule("RFC 9112 section 9.6 (Tear-down)"),
        ]),
    PHASE.stage(13, "chunked", "decodes a chunked body", "part3/messages/chunks.md")
        .contract("`POST /echo` with `Transfer-Encoding: chunked` sends the decoded content back. Chunk extensions \
                   are ignored, trailers are read, and the connection stays usable. A malformed chunk is rejected \
                   with 400.")
        .hint("A chunk is its size in hexadecimal, CRLF, that many bytes, CRLF. A size of 0 is the last chunk; \
               trailer fields and an empty line follow. Limit the length of the line with the size, the size itself, \
               and the sum.")
        .checks(&[
            check("a chunked body is decoded", bodies::chunks).rule("RFC 9112 section 7.1 (Chunked Transfer Coding)"),
            check("a chunked body that arrives byte by byte is decoded as well", bodies::chunks_in_pieces)
                .rule("RFC 9112 section 7.1 (Chunked Transfer Coding)"),
            check("trailers and extensions are read, and the next request is found", bodies::trailers)
                .rule("RFC 9112 section 7.1.2 (Chunked Trailer Section)"),
            check("a malformed chunk is rejected with 400", bodies::bad_chunks)
                .rule("RFC 9112 section 7.1 (Chunked Transfer Coding)"),
        ]),
    PHASE.stage(14, "smuggling", "rejects request smuggling", "part3/messages/request-smuggling.md")
        .contract("Two servers in a row must agree on where a request ends, or an attacker can hide a request between \
                   them. Rejected with 400 and closed: Content-Length beside Transfer-Encoding, conflicting \
                   Content-Lengths, a length that is not digits only (also `5,`), a last transfer coding other than \
                   chunked, chunked twice, Transfer-Encoding in HTTP/1.0, disguised names and values. 501: a coding \
                   before chunked; 501 is accepted for any rejected coding. 413: a length that overflows. Served: \
                   equal lengths, in several lines or as a list (`5, 5`), and `, chunked`: an empty element in a list \
                   of codings does not count.")
        .hint("Validate all Content-Length and Transfer-Encoding fields together, before you read any body, and \
               reject every combination that allows two interpretations. Join the lines of a field with commas and \
               split at the commas first. See RFC 9112, section 6.3, and for lists RFC 9110, section 5.6.1.")
        .checks(&[
            check("conflicting or malformed lengths are rejected", smuggling::lengths)
                .rule("RFC 9112 section 6.3 (Message Body Length)"),
            check("an unknown or misplaced transfer coding is rejected", smuggling::codings)
                .rule("RFC 9112 section 6.1 (Transfer-Encoding)"),
            check("a disguised framing field is rejected", smuggling::disguises)
                .rule("RFC 9112 section 5.1 (Field Line Parsing)"),
            check("unusual but valid framing is accepted", smuggling::valid)
                .rule("RFC 9110 section 8.6 (Content-Length)"),
        ]),
    PHASE.stage(15, "slow-client", "rejects a slow client with 408", "part3/messages/slow-clients.md")
        .contract("A client that has begun a header section and does not finish it within at most 10 seconds gets 408 \
                   and is disconnected, even if a byte arrives every second (slowloris). (Two seconds are enough \
                   while you climb; use `--deadline SECONDS` for a server that waits longer.)")
        .hint("A timeout for each read starts again with each byte. The deadline of a header section is one point in \
               time, fixed when its first byte arrives; each read may only take the time that remains.")
        .checks(&[
            check("half a header section gets 408, and the connection is closed", connections::half_a_header_section)
                .rule("RFC 9110 section 15.5.9 (408 Request Timeout)"),
            check("a byte a second does not extend the deadline", connections::slowloris)
                .rule("RFC 9110 section 15.5.9 (408 Request Timeout)"),
        ]),
];
