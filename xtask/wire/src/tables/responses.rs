//! Requirements for every response (RFC 9110 sections 6.6, 8, 9 and 15).

use std::net::SocketAddr;

use super::requests::{expect, plain, post};
use super::{Row, Table};
use crate::{Client, WireError, request};

/// The table.
pub fn rows() -> Vec<Row> {
    let mut table = Table::new("Responses");
    heads(&mut table);
    fields(&mut table);
    table.rows()
}

fn heads(table: &mut Table) {
    table.rule("RFC 9110 section 9.3.2", "HEAD is GET without its body");
    table.scenario("the same fields, the same length", head_equals_get);
    table.answered(404, "an error as well", plain("HEAD /nowhere"));
    table.scenario("the next response is not mistaken for a body", head_between_others);

    table.rule("RFC 9110 section 9.3.2", "A rejected HEAD gets a response without a body");
    let head = |rest: &str| format!("HEAD / HTTP/1.1\r\n{rest}").into_bytes();
    table.last(400, "no Host", head("\r\n"));
    table.last(400, "a folded line", head("Host: a\r\nX: y\r\n z\r\n\r\n"));
    table.last(400, "a malformed Content-Length", head("Host: a\r\nContent-Length: x\r\n\r\n"));
    table.last(505, "another version", b"HEAD / HTTP/2.0\r\nHost: a\r\n\r\n");
    let chunks = head("Host: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
    table.last(400, "a malformed chunk size", chunks);
    table.last(413, "a body over the limit", head("Host: a\r\nContent-Length: 9000000\r\n\r\n"));
    table.last(417, "an unknown expectation", head("Host: a\r\nExpect: tea\r\n\r\n"));
    let long = "x".repeat(20_000);
    table.last(414, "a target over the limit", format!("HEAD /{long}").into_bytes());
    table.last(
        431,
        "a header section over the limit",
        head(&format!("Host: a\r\nX: {long}\r\n\r\n")),
    );
}

fn fields(table: &mut Table) {
    table.rule("RFC 9110 section 8.6", "204 has neither length nor body");
    table
        .answered(204, "OPTIONS", plain("OPTIONS /echo"))
        .no_field("Content-Length")
        .no_field("Transfer-Encoding")
        .lists("Allow", "POST");

    table.rule(
        "RFC 9110 section 6.6.1",
        "Every final response has one Date, in the format of RFC 9110",
    );
    table.scenario("200, 204, 400, 404 and 405", dates);

    table.rule("RFC 9110 section 8.3", "A body has its media type");
    table
        .answered(
            200,
            "as it was given",
            post("Content-Type: text/csv\r\nContent-Length: 3", "a,b"),
        )
        .field("Content-Type", "text/csv")
        .body(b"a,b");
    table.answered(404, "an error is JSON", plain("GET /nowhere")).json("/error", "not_found");

    table.rule("RFC 9110 section 5.5", "Bytes of a request never become a field of the response");
    table.scenario("%0d%0a everywhere", no_injected_fields);
}

fn head_equals_get(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    for target in ["/", "/inspect", "/nowhere", "/echo"] {
        let mut get = client.ask(request("GET", target, &[], b""))?;
        let mut head = client.ask(request("HEAD", target, &[], b""))?;
        expect(head.status == get.status, "HEAD must have the status of GET", &head)?;
        let (announced, sent) = (head.field("content-length"), get.body.len());
        // A page that shows the request's method is one byte longer for HEAD.
        let same = [sent, sent + 1].iter().any(|length| announced == Some(&length.to_string()));
        expect(same, &format!("HEAD must announce the {sent} bytes of GET"), &head)?;
        for reply in [&mut get, &mut head] {
            // The clock may advance by a second between the two responses.
            let differs = ["date", "content-length", "x-request-id"];
            reply.fields.retain(|(name, _)| !differs.contains(&&*name.to_ascii_lowercase()));
        }
        expect(head.fields == get.fields, "HEAD must have the fields of GET", &head)?;
    }
    Ok(())
}

fn head_between_others(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    let requests: Vec<u8> =
        ["GET", "HEAD", "GET"].iter().flat_map(|method| request(method, "/", &[], b"")).collect();
    client.send(requests)?;
    for method in ["GET", "HEAD", "GET"] {
        let reply = client.read_reply_to(method)?;
        expect(reply.status == 200, "each request must get a 200", &reply)?;
    }
    Ok(())
}

fn dates(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    for (method, target, status) in [
        ("GET", "/", 200),
        ("OPTIONS", "/", 204),
        ("GET", "/nowhere", 404),
        ("DELETE", "/", 405),
        ("GET", "nowhere", 400),
    ] {
        let reply = client.ask(request(method, target, &[], b""))?;
        expect(reply.status == status, &format!("{method} {target} must be {status}"), &reply)?;
        let dates: Vec<&str> = reply.fields("date").collect();
        let one = dates.len() == 1 && is_imf_fixdate(dates[0]);
        expect(one, "there must be one Date like `Sun, 06 Nov 1994 08:49:37 GMT`", &reply)?;
    }
    Ok(())
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
fn is_imf_fixdate(text: &str) -> bool {
    const DAYS: &str = "Mon Tue Wed Thu Fri Sat Sun";
    const MONTHS: &str = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    let kind = |c: char| match c {
        '0'..='9' => '0',
        'A'..='Z' | 'a'..='z' => 'a',
        _ => c,
    };
    let shape: String = text.chars().map(kind).collect();
    shape == "aaa, 00 aaa 0000 00:00:00 aaa"
        && DAYS.split(' ').any(|day| text.starts_with(day))
        && MONTHS.split(' ').any(|month| &text[8..11] == month)
        && text.ends_with("GMT")
}

fn no_injected_fields(address: SocketAddr) -> Result<(), WireError> {
    let mut client = Client::connect(address)?;
    for target in [
        "/%0d%0aInjected:%20yes",
        "/inspect?%0d%0aInjected:%20yes",
        "/inspect/%0d%0a%0d%0aInjected:%20yes",
    ] {
        let reply = client.ask(request("GET", target, &[], b""))?;
        expect(reply.field("injected").is_none(), "a field was injected", &reply)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form() {
        assert!(is_imf_fixdate("Sun, 06 Nov 1994 08:49:37 GMT"));
        for other in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "",
        ] {
            assert!(!is_imf_fixdate(other), "{other}");
        }
    }
}
