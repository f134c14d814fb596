//! Stages 9 to 15: HTTP/1.1 messages.

use std::time::Duration;

use super::tools::{Checked, rejected, require, status_in};
use super::{Scheme, Stage, deadline};
use crate::clients::{self, Ran};
use crate::exercise::{Answer, Check, Connection, Failure, Server};
use crate::tables::{Row, Test, smuggling};
use crate::{Kind, request};

const PHASE: &str = "HTTP, messages";
const KIB: usize = 1024;

/// A request as a browser sends it: longer than the 512 bytes that many a first server reads.
const BROWSER: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) \
    Gecko/20100101 Firefox/140.0\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n\
    Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\n\
    Sec-Fetch-User: ?1\r\nPriority: u=0, i\r\n";

pub(super) const STAGES: &[Stage] = &[
    Stage {
        number: 9,
        name: "response",
        title: "sends a response that curl and a browser accept",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "The first line of output is `listening on http://ADDRESS`. `GET /` gets a response with status \
                   200, a body that is not empty, its Content-Type, and a header section that declares where the body \
                   ends (Content-Length, for now). The server may close the connection after each response.",
        hint: "A response is a status line, field lines, an empty line and the body. Each line ends in CRLF (\\r\\n). \
               Count the bytes of the body, not its characters.",
        page: "part3/messages/first-response.md",
        checks: &[
            Check {
                sentence: "GET / gets 200, a Content-Type and a body whose end is known",
                rule: "RFC 9112 section 6 (Message Body)",
                run: get_root,
            },
            Check {
                sentence: "a request of 2,000 bytes, as a browser sends it, gets the same response",
                rule: "RFC 9112 section 2.2 (Message Parsing)",
                run: browser_request,
            },
            Check { sentence: "curl accepts the response", rule: "", run: curl },
            Check {
                sentence: "a client that disconnects before its request is complete does no harm",
                rule: "",
                run: rude_clients,
            },
        ],
    },
    Stage {
        number: 10,
        name: "header-section",
        title: "parses a header section in any pieces, and rejects a malformed one",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "A request may arrive in any pieces. 400: a malformed request line or field line (also a control \
                   character, or a method such as `G@T`), HTTP/1.1 without Host, with two Host fields, or with an \
                   invalid Host (`a/b`). 414: a target of 100,000 bytes. 431: a header section of 1 MiB. 505: \
                   HTTP/2.0. The server closes the connection after each of these. A target of 8,000 bytes is fine.",
        hint: "Collect bytes until the empty line, up to a limit, and parse them then. Close a connection after you \
               reject a request: its end is unknown, and so is the start of the next one.",
        page: "part3/messages/parser.md",
        checks: &[
            Check {
                sentence: "a request that arrives byte by byte gets the same response",
                rule: "RFC 9112 section 2.2 (Message Parsing)",
                run: byte_by_byte,
            },
            Check {
                sentence: "a malformed request is rejected with 400",
                rule: "RFC 9112 section 3 (Request Line)",
                run: bad_requests,
            },
            Check {
                sentence: "HTTP/1.1 without Host, or with two, is rejected with 400",
                rule: "RFC 9112 section 3.2 (Request Target)",
                run: hosts,
            },
            Check {
                sentence: "a target of 8,000 bytes is served, one of 100,000 is rejected with 414",
                rule: "RFC 9110 section 15.5.15 (414 URI Too Long)",
                run: long_target,
            },
            Check {
                sentence: "a header section of 1 MiB is rejected with 431",
                rule: "RFC 6585 section 5 (431 Request Header Fields Too Large)",
                run: large_header_section,
            },
            Check {
                sentence: "HTTP/2.0 is rejected with 505",
                rule: "RFC 9110 section 15.6.6 (505 HTTP Version Not Supported)",
                run: version,
            },
        ],
    },
    Stage {
        number: 11,
        name: "body",
        title: "reads a Content-Length body, and responds to HEAD without one",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "`POST /echo` sends the content of the request back, with status 200: from nothing to 1 MiB, at \
                   once or in pieces. HEAD gets the fields of GET and no body. A Content-Length of 99999999999 is \
                   rejected with 413 without waiting for the body. A client that sends `Expect: 100-continue` gets \
                   100 first.",
        hint: "The first bytes of the body usually arrive together with the header section: keep them. Then read \
               until you have Content-Length bytes, and no more.",
        page: "part3/messages/bodies.md",
        checks: &[
            Check {
                sentence: "POST /echo sends the content back",
                rule: "RFC 9112 section 6.2 (Content-Length)",
                run: echo_bodies,
            },
            Check {
                sentence: "a body of 1 MiB comes back whole, also if it arrives in pieces",
                rule: "RFC 9112 section 6.2 (Content-Length)",
                run: large_body,
            },
            Check {
                sentence: "HEAD gets the fields of GET and no body",
                rule: "RFC 9110 section 9.3.2 (HEAD)",
                run: head,
            },
            Check {
                sentence: "a Content-Length over the limit is rejected with 413 at once",
                rule: "RFC 9110 section 15.5.14 (413 Content Too Large)",
                run: too_large,
            },
            Check {
                sentence: "Expect: 100-continue gets 100, then the body is read",
                rule: "RFC 9110 section 10.1.1 (Expect)",
                run: expect_continue,
            },
        ],
    },
    Stage {
        number: 12,
        name: "keep-alive",
        title: "serves several requests on a connection, in order",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "An HTTP/1.1 connection stays open unless the request has `Connection: close`; an HTTP/1.0 \
                   connection is closed. Requests that arrive together (pipelining) get their responses in the same \
                   order. A body that the application does not read is not parsed as the next request. The last \
                   response is not lost to a reset.",
        hint: "The bytes after the end of one request are the beginning of the next: keep them. Before you close, \
               shut down the sending direction and read the remaining input; close with unread bytes sends RST.",
        page: "part3/messages/keep-alive.md",
        checks: &[
            Check {
                sentence: "three requests on one connection, one after the other",
                rule: "RFC 9112 section 9.3 (Persistence)",
                run: one_after_another,
            },
            Check {
                sentence: "four pipelined requests get their responses in order",
                rule: "RFC 9112 section 9.3.2 (Pipelining)",
                run: pipelined,
            },
            Check {
                sentence: "an unread body is not parsed as the next request",
                rule: "RFC 9112 section 9.3 (Persistence)",
                run: unread_body,
            },
            Check {
                sentence: "Connection: close and HTTP/1.0 end the connection",
                rule: "RFC 9112 section 9.6 (Tear-down)",
                run: closes,
            },
            Check {
                sentence: "the last response is complete although the client has sent more",
                rule: "RFC 9112 section 9.6 (Tear-down)",
                run: lingers,
            },
        ],
    },
    Stage {
        number: 13,
        name: "chunked",
        title: "decodes a chunked body",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "`POST /echo` with `Transfer-Encoding: chunked` sends the decoded content back. Chunk extensions \
                   are ignored, trailers are read, and the connection stays usable. A malformed chunk is rejected \
                   with 400.",
        hint: "A chunk is its size in hexadecimal, CRLF, that many bytes, CRLF. A size of 0 is the last chunk; \
               trailer fields and an empty line follow. Limit the length of the line with the size, the size itself, \
               and the sum.",
        page: "part3/messages/chunks.md",
        checks: &[
            Check {
                sentence: "a chunked body is decoded",
                rule: "RFC 9112 section 7.1 (Chunked Transfer Coding)",
                run: chunks,
            },
            Check {
                sentence: "a chunked body that arrives byte by byte is decoded as well",
                rule: "RFC 9112 section 7.1 (Chunked Transfer Coding)",
                run: chunks_in_pieces,
            },
            Check {
                sentence: "trailers and extensions are read, and the next request is found",
                rule: "RFC 9112 section 7.1.2 (Chunked Trailer Section)",
                run: trailers,
            },
            Check {
                sentence: "a malformed chunk is rejected with 400",
                rule: "RFC 9112 section 7.1 (Chunked Transfer Coding)",
                run: bad_chunks,
            },
        ],
    },
    Stage {
        number: 14,
        name: "smuggling",
        title: "rejects request smuggling",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "Two servers in a row must agree on where a request ends, or an attacker can hide a request between \
                   them. Rejected with 400 and closed: Content-Length beside Transfer-Encoding, conflicting \
                   Content-Lengths, a length that is not digits only (also `5,`), a last transfer coding other than \
                   chunked, chunked twice, Transfer-Encoding in HTTP/1.0, disguised names and values. 501: a coding \
                   before chunked; 501 is accepted for any rejected coding. 413: a length that overflows. Served: \
                   equal lengths, in several lines or as a list (`5, 5`), and `, chunked`: an empty element in a list \
                   of codings does not count.",
        hint: "Validate all Content-Length and Transfer-Encoding fields together, before you read any body, and \
               reject every combination that allows two interpretations. Join the lines of a field with commas and \
               split at the commas first. See RFC 9112, section 6.3, and for lists RFC 9110, section 5.6.1.",
        page: "part3/messages/request-smuggling.md",
        checks: &[
            Check {
                sentence: "conflicting or malformed lengths are rejected",
                rule: "RFC 9112 section 6.3 (Message Body Length)",
                run: smuggling_lengths,
            },
            Check {
                sentence: "an unknown or misplaced transfer coding is rejected",
                rule: "RFC 9112 section 6.1 (Transfer-Encoding)",
                run: smuggling_codings,
            },
            Check {
                sentence: "a disguised framing field is rejected",
                rule: "RFC 9112 section 5.1 (Field Line Parsing)",
                run: smuggling_disguises,
            },
            Check {
                sentence: "unusual but valid framing is accepted",
                rule: "RFC 9110 section 8.6 (Content-Length)",
                run: smuggling_right,
            },
        ],
    },
    Stage {
        number: 15,
        name: "slow-client",
        title: "rejects a slow client with 408",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "A client that has begun a header section and does not finish it within at most 10 seconds gets 408 \
                   and is disconnected, even if a byte arrives every second (slowloris). (Two seconds are enough \
                   while you climb; use `--deadline SECONDS` for a server that waits longer.)",
        hint: "A timeout for each read starts again with each byte. The deadline of a header section is one point in \
               time, fixed when its first byte arrives; each read may only take the time that remains.",
        page: "part3/messages/slow-clients.md",
        checks: &[
            Check {
                sentence: "half a header section gets 408, and the connection is closed",
                rule: "RFC 9110 section 15.5.9 (408 Request Timeout)",
                run: half_a_header_section,
            },
            Check {
                sentence: "a byte a second does not extend the deadline",
                rule: "RFC 9110 section 15.5.9 (408 Request Timeout)",
                run: slowloris,
            },
        ],
    },
];

fn get_root(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    let answer = connection.ask("GET", "/", &[], b"")?;
    is_page(&answer)
}

fn is_page(answer: &Answer) -> Checked {
    answer.status(200)?;
    answer.require(!answer.reply.body.is_empty(), "a body", "an empty body")?;
    let has_type = answer.reply.field("Content-Type").is_some();
    answer.require(has_type, "a field Content-Type", "none")?;
    let has_end = answer.reply.framing != crate::Framing::Close;
    answer.require(
        has_end,
        "Content-Length, or Transfer-Encoding: chunked",
        "neither, so only the end of the connection ends the body",
    )
}

fn browser_request(server: &Server) -> Checked {
    let cookie = "x".repeat(1300);
    let bytes = format!("{BROWSER}Cookie: session={cookie}\r\n\r\n");
    is_page(&server.connect()?.send(bytes.as_bytes())?)
}

fn curl(server: &Server) -> Checked {
    match clients::curl_get(server.address(), "/") {
        Ok(Ran::Passed(_) | Ran::Skipped(_)) => Ok(()),
        Err(error) => Err(Failure::new("`curl -fsS` succeeds", error.message())),
    }
}

fn rude_clients(server: &Server) -> Checked {
    for bytes in [&b""[..], b"GET", b"GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut connection = server.connect()?;
        connection.client().send(bytes).map_err(|error| connection.failure(&error, bytes))?;
    }
    get_root(server)
}

fn byte_by_byte(server: &Server) -> Checked {
    let bytes = request("GET", "/", &[("X-Pieces", "one")], b"");
    for step in [1, 2, 7] {
        let mut connection = server.connect()?;
        let answer = in_pieces(&mut connection, &bytes, step).map_err(|failure| Failure {
            expected: "the server reads until the empty line has arrived, and then responds".into(),
            ..failure
        })?;
        is_page(&answer)?;
    }
    Ok(())
}

fn in_pieces(
    connection: &mut Connection<'_>,
    bytes: &[u8],
    step: usize,
) -> Result<Answer, Failure> {
    let reply = connection
        .client()
        .send_slowly(bytes, (step..bytes.len()).step_by(step))
        .and_then(|()| connection.client().read_reply());
    let reply = reply.map_err(|error| connection.failure(&error, bytes))?;
    Ok(connection.answer(bytes, reply))
}

fn bad_requests(server: &Server) -> Checked {
    const LINE: &str = "RFC 9112 section 3 (Request Line)";
    const FIELD: &str = "RFC 9112 section 5 (Field Syntax)";
    const VALUE: &str = "RFC 9110 section 5.5 (Field Values)";
    const FOLDED: &str = "RFC 9112 section 5.2 (Obsolete Line Folding)";
    let rows: &[(&[u8], &str, &str)] = &[
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "the first bytes of TLS", LINE),
        (b"GET /\r\n\r\n", "no version", LINE),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "two spaces after the method", LINE),
        (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "a space after the version", LINE),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "a space in the target", LINE),
        (b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", "an empty target", LINE),
        (b"GET /a\nb HTTP/1.1\r\nHost: a\r\n\r\n", "an LF in the target", LINE),
        (b"GET / http/1.1\r\nHost: a\r\n\r\n", "`http` in lower case", LINE),
        (b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "a field line without a colon", FIELD),
        (b"GET / HTTP/1.1\r\nHost: a\r\nName : value\r\n\r\n", "a space before the colon", FIELD),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n", "a field without a name", FIELD),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n", "a folded field line", FOLDED),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", "a NUL in a value", VALUE),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", "a CR without LF in a value", VALUE),
        (b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "`@` in a method", LINE),
    ];
    for (bytes, reason, rule) in rows {
        rejected(server, bytes, &[400]).map_err(|failure| Failure {
            expected: format!("{} ({reason})", failure.expected).into(),
            rule: Some((*rule).into()),
            ..failure
        })?;
    }
    Ok(())
}

fn hosts(server: &Server) -> Checked {
    rejected(server, b"GET / HTTP/1.1\r\n\r\n", &[400])?;
    rejected(server, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", &[400])?;
    rejected(server, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", &[400])?;
    let answer = server.send(b"GET / HTTP/1.0\r\n\r\n")?;
    answer.status(200).map(drop)
}

fn long_target(server: &Server) -> Checked {
    let target = format!("/?{}", "x".repeat(7998));
    server.ask("GET", &target, &[], b"")?.status(200)?;
    let bytes = request("GET", &format!("/?{}", "x".repeat(100_000)), &[], b"");
    rejected(server, &bytes, &[414])
}

fn large_header_section(server: &Server) -> Checked {
    let line = format!("X-Padding: {}\r\n", "x".repeat(1011));
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", line.repeat(KIB));
    rejected(server, bytes.as_bytes(), &[431])?;
    // A field line that never ends is not buffered forever either.
    let bytes = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Padding: {}", "x".repeat(KIB * KIB));
    rejected(server, bytes.as_bytes(), &[431])
}

fn version(server: &Server) -> Checked {
    rejected(server, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", &[505])?;
    rejected(server, b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", &[505])
}

fn echo_bodies(server: &Server) -> Checked {
    let all: Vec<u8> = (0..=255).collect();
    for body in [&b"hello"[..], b"", b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", &all] {
        server.ask("POST", "/echo", &[], body)?.status(200)?.body(body)?;
    }
    Ok(())
}

fn large_body(server: &Server) -> Checked {
    let body = super::tools::pattern(KIB * KIB);
    server.ask("POST", "/echo", &[], &body)?.status(200)?.body(&body)?;
    // The header section alone, then the body in pieces of 16 KiB.
    let bytes = request("POST", "/echo", &[("Connection", "close")], &body);
    let start = bytes.len() - body.len();
    let mut connection = server.connect()?;
    let cuts = (start..bytes.len()).step_by(16 * KIB);
    let reply = connection
        .client()
        .send_slowly(&bytes, cuts)
        .and_then(|()| connection.client().read_reply())
        .map_err(|error| connection.failure(&error, &bytes))?;
    connection.answer(&bytes, reply).status(200)?.body(&body).map(drop)
}

fn head(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    let get = connection.ask("GET", "/", &[("Connection", "close")], b"")?;
    let mut connection = server.connect()?;
    let head = connection.ask("HEAD", "/", &[("Connection", "close")], b"")?;
    head.status(200)?;
    for name in ["Content-Length", "Content-Type"] {
        if let Some(value) = get.reply.field(name) {
            head.field(name, value)?;
        }
    }
    connection
        .client()
        .expect_closed()
        .map_err(|error| head.failure("nothing after the header section", error.message()))
}

fn too_large(server: &Server) -> Checked {
    let bytes = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n";
    rejected(server, bytes, &[413])
}

fn expect_continue(server: &Server) -> Checked {
    let head = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut connection = server.connect()?;
    let first = connection.send(head)?;
    first.status(100)?;
    connection.send(b"hello")?.status(200)?.body(b"hello").map(drop)
}

fn one_after_another(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    for body in ["one", "two", "three"] {
        let answer = connection.ask("POST", "/echo", &[], body.as_bytes())?;
        answer.status(200)?.body(body.as_bytes())?;
    }
    Ok(())
}

fn pipelined(server: &Server) -> Checked {
    let mut bytes = Vec::new();
    for body in ["a", "bb", "ccc", "dddd"] {
        bytes.extend(request("POST", "/echo", &[], body.as_bytes()));
    }
    let mut connection = server.connect()?;
    connection.client().send(&bytes).map_err(|error| connection.failure(&error, &bytes))?;
    for body in ["a", "bb", "ccc", "dddd"] {
        let reply =
            connection.client().read_reply().map_err(|error| connection.failure(&error, &bytes))?;
        connection.answer(&bytes, reply).status(200)?.body(body.as_bytes())?;
    }
    Ok(())
}

fn unread_body(server: &Server) -> Checked {
    let hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut connection = server.connect()?;
    let first = connection.ask("POST", "/nowhere", &[], hidden)?;
    status_in(&first, &[404, 405, 501])?;
    // A server may close the connection instead of reading an unwanted body.
    if first.reply.lists("Connection", "close") {
        return Ok(());
    }
    connection.ask("POST", "/echo", &[], b"mine")?.status(200)?.body(b"mine").map(drop)
}

fn closes(server: &Server) -> Checked {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, Close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ] {
        let mut connection = server.connect()?;
        let answer = connection.send(bytes)?;
        answer.status(200)?;
        connection
            .client()
            .expect_closed()
            .map_err(|error| answer.failure("the server closes", error.message()))?;
    }
    Ok(())
}

fn lingers(server: &Server) -> Checked {
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let bytes = format!("{last}{}", "x".repeat(128 * KIB));
    for _ in 0..5 {
        let mut connection = server.connect()?;
        let answer = connection.send(bytes.as_bytes())?;
        answer.status(200)?;
        // On this machine the response overtakes the reset. Over a real network it often does not.
        if let Err(error) = connection.client().read_exact(1)
            && error.kind() == Kind::Reset
        {
            return Err(answer.failure("the connection ends with FIN", "it was reset (RST)"));
        }
    }
    Ok(())
}

fn chunked(body: &str) -> Vec<u8> {
    format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
        .into_bytes()
}

fn chunks(server: &Server) -> Checked {
    for (body, content) in [
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", "hello, world"),
        ("0\r\n\r\n", ""),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("A\r\n0123456789\r\n000\r\n\r\n", "0123456789"),
    ] {
        server.send(&chunked(body))?.status(200)?.body(content.as_bytes())?;
    }
    Ok(())
}

fn chunks_in_pieces(server: &Server) -> Checked {
    let bytes = chunked("5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n");
    let mut connection = server.connect()?;
    in_pieces(&mut connection, &bytes, 1)?.status(200)?.body(b"hello, world").map(drop)
}

fn trailers(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    let first = connection.send(&chunked("5;name=value\r\nhello\r\n0\r\nChecksum: abc\r\n\r\n"))?;
    first.status(200)?.body(b"hello")?;
    connection.ask("POST", "/echo", &[], b"next")?.status(200)?.body(b"next").map(drop)
}

fn bad_chunks(server: &Server) -> Checked {
    for body in [
        "x\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    ] {
        rejected(server, &chunked(body), &[400, 413])?;
    }
    Ok(())
}

/// Tries the wanted rows of the smuggling table.
fn smuggling(server: &Server, wanted: fn(&Row) -> bool) -> Checked {
    for row in smuggling::rows().into_iter().filter(wanted) {
        let Test::Exchange { bytes, statuses, closes, .. } = &row.test else { continue };
        let tried = if *closes {
            rejected(server, bytes, &accepted(&row, statuses))
        } else {
            server.connect()?.send(bytes).and_then(|answer| status_in(&answer, statuses).map(drop))
        };
        tried.map_err(|failure| Failure {
            expected: format!("{} ({}: {})", failure.expected, row.rule, row.name).into(),
            rule: Some(row.rfc.into()),
            ..failure
        })?;
    }
    Ok(())
}

/// The statuses for a row that is rejected. A server without a coding, or with a disguised one, may respond with 501
/// (RFC 9112 section 6.1), as for chunked twice.
fn accepted(row: &Row, statuses: &[u16]) -> Vec<u16> {
    let is_coding = ["oding", "Encoding", "chunked"].iter().any(|word| row.rule.contains(word));
    let also = if is_coding { &[400, 501][..] } else { &[] };
    let mut all = [statuses, also].concat();
    all.sort_unstable();
    all.dedup();
    all
}

fn is_rejected(row: &Row) -> bool {
    matches!(row.test, Test::Exchange { closes: true, .. })
}

fn smuggling_lengths(server: &Server) -> Checked {
    smuggling(server, |row| {
        is_rejected(row) && row.rule.contains("Length") && !row.rule.contains("disguised")
    })
}

fn smuggling_codings(server: &Server) -> Checked {
    smuggling(server, |row| {
        is_rejected(row) && !row.rule.contains("Length") && !row.rule.contains("disguised")
    })
}

fn smuggling_disguises(server: &Server) -> Checked {
    smuggling(server, |row| is_rejected(row) && row.rule.contains("disguised"))
}

fn smuggling_right(server: &Server) -> Checked {
    smuggling(server, |row| !is_rejected(row))
}

fn half_a_header_section(server: &Server) -> Checked {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n";
    let mut connection = server.connect()?;
    connection.client().set_patience(deadline());
    connection.client().send(bytes).map_err(|error| connection.failure(&error, bytes))?;
    is_timed_out(&mut connection, bytes)
}

fn slowloris(server: &Server) -> Checked {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ";
    let mut connection = server.connect()?;
    connection.client().send(bytes).map_err(|error| connection.failure(&error, bytes))?;
    for _ in 0..deadline().as_secs() {
        match connection.client().expect_silence(Duration::from_secs(1)) {
            Ok(()) => {}
            // Bytes have arrived, or the end of the stream.
            Err(_) => return is_timed_out(&mut connection, bytes),
        }
        if connection.client().send(b"x").is_err() {
            return is_timed_out(&mut connection, bytes);
        }
    }
    let expected = format!(
        "status 408 within {} s, although a byte arrives every second",
        deadline().as_secs()
    );
    Err(connection.unfinished(&expected, bytes))
}

/// Expects 408 and then the end of the stream.
fn is_timed_out(connection: &mut Connection<'_>, bytes: &[u8]) -> Checked {
    let reply = connection.client().read_reply().map_err(|error| {
        let failure = connection.failure(&error, bytes);
        let hint = if error.kind() == Kind::TimedOut {
            "\n(`--deadline SECONDS` waits longer)"
        } else {
            ""
        };
        Failure {
            expected: "status 408".into(),
            got: format!("{}{hint}", failure.got).into(),
            ..failure
        }
    })?;
    let answer = connection.answer(bytes, reply);
    answer.status(408)?;
    let closed = connection.client().expect_closed();
    require(closed.is_ok(), "the server closes after 408", "the connection stays open")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the contract of stage 14 promises.
    #[test]
    fn a_rejected_coding_may_get_501_and_no_status_is_named_twice() {
        for row in smuggling::rows() {
            let Test::Exchange { statuses, closes: true, .. } = &row.test else { continue };
            let all = accepted(&row, statuses);
            let is_coding = ["chunked", "oding", "Encoding"].iter().any(|w| row.rule.contains(w));
            assert_eq!(all.contains(&501), is_coding, "{row:?}");
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{row:?}: {all:?}");
        }
    }
}
