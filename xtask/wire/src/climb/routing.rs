//! Stages 16 to 18: from a path to its handler.

use serde_json::{Value, json};

use super::stage::{Scheme, Stage};
use super::tools::{Checked, status_in};
use crate::exercise::{Answer, Check, Failure, Server};

const PHASE: &str = "HTTP, routing";
const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

pub(super) const STAGES: &[Stage] = &[
    Stage {
        number: 16,
        name: "parameters",
        title: "routes with parameters, decoded once",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "`GET /hello/NAME` gets 200 and a body that contains the name, percent-decoded once, after the path \
                   was split at its slashes. A path without a route gets 404. A broken percent escape gets 400. The \
                   query is not part of the path.",
        hint: "Split the path at `/` first, then decode each segment: %2F is a slash within a name, not a separator. \
               Decoding twice turns %2520 into a space.",
        page: "part3/routing/index.md",
        checks: &[
            Check {
                sentence: "a parameter takes one segment of the path",
                rule: "RFC 3986 section 3.3 (Path)",
                run: parameter,
            },
            Check {
                sentence: "a parameter is decoded once, and after splitting",
                rule: "RFC 3986 section 2.4 (When to Encode or Decode)",
                run: decoded_once,
            },
            Check {
                sentence: "a path without a route gets 404",
                rule: "RFC 9110 section 15.5.5 (404 Not Found)",
                run: not_found,
            },
            Check {
                sentence: "a broken percent escape gets 400",
                rule: "RFC 3986 section 2.1 (Percent-Encoding)",
                run: broken_escape,
            },
        ],
    },
    Stage {
        number: 17,
        name: "methods",
        title: "rejects a wrong method with 405 and Allow, and handles OPTIONS",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "A method that the path does not support gets 405, and Allow lists the supported methods. OPTIONS \
                   gets 200 or 204 and the same Allow. HEAD works where GET does. A method that no route supports \
                   gets 501 or 405.",
        hint: "Match the path first and the method second: 404 means that no method would help, 405 that another \
               method would.",
        page: "part3/routing/index.md",
        checks: &[
            Check {
                sentence: "DELETE /hello/Ada gets 405, and Allow lists GET and HEAD",
                rule: "RFC 9110 section 15.5.6 (405 Method Not Allowed)",
                run: not_allowed,
            },
            Check {
                sentence: "OPTIONS lists the allowed methods",
                rule: "RFC 9110 section 9.3.7 (OPTIONS)",
                run: options,
            },
            Check {
                sentence: "HEAD works where GET does",
                rule: "RFC 9110 section 9.1 (Overview of methods)",
                run: head,
            },
            Check {
                sentence: "an unknown method gets 501 or 405",
                rule: "RFC 9110 section 15.6.2 (501 Not Implemented)",
                run: unknown_method,
            },
        ],
    },
    Stage {
        number: 18,
        name: "collection",
        title: "serves a JSON collection: 201, 400, 415, 422",
        phase: PHASE,
        scheme: Scheme::Http,
        contract: "`POST /users` with `{\"name\": \"Ada\"}` gets 201, a Location and the user as JSON, with its id. \
                   `GET`, `PUT` and `DELETE` work on that location; after DELETE it is 404. `GET /users` gets a JSON \
                   array of all users, and a server that has just started has none. 400: malformed JSON. 415: \
                   another Content-Type. 422: JSON without a usable name.",
        hint: "Three questions, three statuses: does the Content-Type declare JSON (415), does the body parse (400), \
               and is its meaning valid here (422)?",
        page: "part3/routing/index.md",
        checks: &[
            Check {
                sentence: "POST gets 201 with the Location of the new user",
                rule: "RFC 9110 section 15.3.2 (201 Created)",
                run: create,
            },
            Check {
                sentence: "a user can be changed and deleted",
                rule: "RFC 9110 section 9.3.5 (DELETE)",
                run: change_and_delete,
            },
            Check {
                sentence: "malformed JSON gets 400",
                rule: "RFC 9110 section 15.5.1 (400 Bad Request)",
                run: malformed,
            },
            Check {
                sentence: "another Content-Type gets 415",
                rule: "RFC 9110 section 15.5.16 (415 Unsupported Media Type)",
                run: media_type,
            },
            Check {
                sentence: "JSON without a usable name gets 422",
                rule: "RFC 9110 section 15.5.21 (422 Unprocessable Content)",
                run: unusable,
            },
        ],
    },
];

fn contains(answer: &Answer, text: &str) -> Checked {
    answer.status(200)?;
    let body = answer.reply.text();
    answer.require(body.contains(text), format!("a body with {text:?} in it"), format!("{body:?}"))
}

fn parameter(server: &Server) -> Checked {
    contains(&server.get("/hello/Ada")?, "Ada")?;
    contains(&server.get("/hello/Grace?x=/y/z")?, "Grace")?;
    server.get("/hello/a/b")?.status(404)?;
    server.get("/hello")?.status(404).map(drop)
}

fn decoded_once(server: &Server) -> Checked {
    contains(&server.get("/hello/Grace%20Hopper")?, "Grace Hopper")?;
    contains(&server.get("/hello/a%2Fb")?, "a/b")?;
    contains(&server.get("/hello/100%2525")?, "100%25")?;
    contains(&server.get("/hello/a+b")?, "a+b")?;
    contains(&server.get("/hello/J%C3%B6rg")?, "J\u{f6}rg")
}

fn not_found(server: &Server) -> Checked {
    for target in ["/nowhere", "/hellos/Ada", "/users/none/here"] {
        server.get(target)?.status(404)?;
    }
    Ok(())
}

fn broken_escape(server: &Server) -> Checked {
    for target in ["/hello/%", "/hello/%2", "/hello/%zz"] {
        server.get(target)?.status(400)?;
    }
    Ok(())
}

fn allows(answer: &Answer, method: &str) -> Checked {
    let allowed = answer.reply.field("Allow").unwrap_or("no field Allow").to_string();
    answer.require(answer.reply.lists("Allow", method), format!("Allow lists {method}"), allowed)
}

fn not_allowed(server: &Server) -> Checked {
    let answer = server.ask("DELETE", "/hello/Ada", &[], b"")?;
    answer.status(405)?;
    allows(&answer, "GET")?;
    allows(&answer, "HEAD")
}

fn options(server: &Server) -> Checked {
    let answer = server.ask("OPTIONS", "/hello/Ada", &[], b"")?;
    status_in(&answer, &[200, 204])?;
    allows(&answer, "GET")
}

fn head(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    let answer = connection.ask("HEAD", "/hello/Ada", &[("Connection", "close")], b"")?;
    answer.status(200)?;
    connection
        .client()
        .expect_closed()
        .map_err(|error| answer.failure("nothing after the header section", error.message()))
}

fn unknown_method(server: &Server) -> Checked {
    status_in(&server.ask("BREW", "/hello/Ada", &[], b"")?, &[405, 501]).map(drop)
}

/// Creates a user, and returns the path from the `Location` field.
fn created(server: &Server, name: &str) -> Result<String, Failure> {
    let body = json!({ "name": name }).to_string();
    let answer = server.ask("POST", "/users", &JSON, body.as_bytes())?;
    answer.status(201)?;
    let user = answer.json()?;
    answer.require(user["name"] == name, format!("\"name\": {name:?}"), &user)?;
    answer.require(!user["id"].is_null(), "an id", &user)?;
    let Some(location) = answer.reply.field("Location") else {
        return Err(answer.failure("a field Location", "none"));
    };
    // A URL or a path (RFC 9110 section 10.2.2).
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => location,
    };
    Ok(path.to_string())
}

fn create(server: &Server) -> Checked {
    let (ada, grace) = (created(server, "Ada")?, created(server, "Grace")?);
    for (path, name) in [(&ada, "Ada"), (&grace, "Grace")] {
        let answer = server.get(path)?;
        answer.status(200)?;
        let user = answer.json()?;
        answer.require(user["name"] == name, format!("\"name\": {name:?}"), &user)?;
    }
    let answer = server.get("/users")?;
    answer.status(200)?;
    let users = answer.json()?;
    answer.require(
        users.as_array().is_some_and(|users| users.len() == 2),
        "an array of two users",
        &users,
    )
}

fn change_and_delete(server: &Server) -> Checked {
    let path = created(server, "Ada")?;
    let changed = server.ask("PUT", &path, &JSON, br#"{"name": "Ada Lovelace"}"#)?;
    status_in(&changed, &[200, 204])?;
    let answer = server.get(&path)?;
    let user: Value = answer.json()?;
    answer.require(user["name"] == "Ada Lovelace", "the new name", &user)?;
    status_in(&server.ask("DELETE", &path, &[], b"")?, &[200, 204])?;
    server.get(&path)?.status(404)?;
    server.ask("DELETE", &path, &[], b"")?.status(404).map(drop)
}

fn malformed(server: &Server) -> Checked {
    for body in ["{", "{\"name\": \"Ada\"", "{'name': 'Ada'}", "{\"name\": \"Ada\"} x"] {
        server.ask("POST", "/users", &JSON, body.as_bytes())?.status(400)?;
    }
    Ok(())
}

fn media_type(server: &Server) -> Checked {
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        let fields = [("Content-Type", media_type)];
        server.ask("POST", "/users", &fields, br#"{"name": "Ada"}"#)?.status(415)?;
    }
    Ok(())
}

fn unusable(server: &Server) -> Checked {
    for body in ["{}", "[]", "{\"name\": 7}", "{\"name\": \"\"}", "\"Ada\""] {
        server.ask("POST", "/users", &JSON, body.as_bytes())?.status(422)?;
    }
    Ok(())
}
