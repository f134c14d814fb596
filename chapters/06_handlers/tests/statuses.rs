//! The statuses that a handler may choose. After each response, the next one on the connection must still belong to the
//! next request.

use ch06_handlers::http::{HttpError, Request, Response, Status};
use support::Running;
use wire::request;

#[allow(dead_code, reason = "nothing here has to wait")]
mod support;

/// Responds with the status that the path names, and with a body.
fn status_of_path(request: &mut Request) -> Result<Response, HttpError> {
    let code = request.path().trim_start_matches('/').parse().unwrap_or(0);
    let status = Status::try_from(code)
        .map_err(|error| HttpError::new(Status::NOT_FOUND, "no_status", error.to_string()))?;
    Ok(Response::text("body").with_status(status))
}

/// A 1xx is interim: the client waits for the final response, and would mistake the next response on the connection for
/// it.
#[test]
fn an_interim_status_of_a_handler_is_a_500_and_the_next_response_belongs_to_the_next_request() {
    let server = Running::start(|server| server, status_of_path);
    for code in [100, 101, 102, 103, 150, 199] {
        let mut client = server.connect();
        let path = format!("/{code}");
        let both = [
            request("GET", &path, &[], b""),
            request("HEAD", &path, &[], b""),
            request("GET", "/201", &[], b""),
        ];
        client.send(both.concat()).unwrap();
        let reply = client.read_reply().unwrap();
        assert_eq!(reply.status, 500, "{code}: {reply:?}");
        assert_eq!(reply.json().unwrap()["error"], "internal_error", "{code}");
        assert_eq!(client.read_reply_to("HEAD").unwrap().status, 500, "{code}");
        assert_eq!(client.read_reply().unwrap().status, 201, "{code}");
        // HTTP/1.0 has no interim responses at all.
        let reply = client.ask(format!("GET {path} HTTP/1.0\r\n\r\n")).unwrap();
        assert_eq!((reply.status, reply.field("Connection")), (500, Some("close")), "{code}");
        client.expect_closed().unwrap();
    }
    server.stop();
}

#[test]
fn a_status_without_content_loses_its_body_and_the_next_response_is_read_right() {
    let server = Running::start(|server| server, status_of_path);
    let mut client = server.connect();
    for (code, body) in
        [(200, "body"), (204, ""), (205, ""), (299, "body"), (304, ""), (599, "body")]
    {
        let reply = client.ask(request("GET", &format!("/{code}"), &[], b"")).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (code, body));
    }
    for code in ["0", "99", "600", "65536"] {
        assert_eq!(client.ask(request("GET", &format!("/{code}"), &[], b"")).unwrap().status, 404);
    }
    server.stop();
}
