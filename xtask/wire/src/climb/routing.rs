//! Stages 16 to 18: from a path to its handler.

use serde_json::{Value, json};

use super::stage::{Phase, Scheme, Stage};
use super::tools::{Checked, each_gets};
use crate::exercise::{Answer, Failure, Server, check};

const PHASE: Phase = Phase { name: "HTTP, routing", scheme: Scheme::Http };
const JSON: &str = "application/json";

pub(super) const STAGES: &[Stage] = &[
    PHASE.stage(16, "parameters", "routes with parameters, decoded once", "part3/routing/index.md")
        .contract("`GET /hello/NAME` gets 200 and a body that contains the name, percent-decoded once, after the path \
                   was split at its slashes. A path without a route gets 404. A broken percent escape gets 400. The \
                   query is not part of the path.")
        .hint("Split the path at `/` first, then decode each segment: %2F is a slash within a name, not a separator. \
               Decoding twice turns %2520 into a space.")
        .checks(&[
            check("a parameter takes one segment of the path", parameter).rule("RFC 3986 section 3.3 (Path)"),
            check("a parameter is decoded once, and after splitting", decoded_once)
                .rule("RFC 3986 section 2.4 (When to Encode or Decode)"),
            check("a path without a route gets 404",
                  |server| each_gets(server, 404, &["/nowhere", "/hellos/Ada", "/users/none/here"]))
                .rule("RFC 9110 section 15.5.5 (404 Not Found)"),
            check("a broken percent escape gets 400",
                  |server| each_gets(server, 400, &["/hello/%", "/hello/%2", "/hello/%zz"]))
                .rule("RFC 3986 section 2.1 (Percent-Encoding)"),
        ]),
    PHASE.stage(17, "methods", "rejects a wrong method with 405 and Allow, and handles OPTIONS",
                "part3/routing/index.md")
        .contract("A method that the path does not support gets 405, and Allow lists the supported methods. OPTIONS \
                   gets 200 or 204 and the same Allow. HEAD works where GET does. A method that no route supports \
                   gets 501 or 405.")
        .hint("Match the path first and the method second: 404 means that no method would help, 405 that another \
               method would.")
        .checks(&[
            check("DELETE /hello/Ada gets 405, and Allow lists GET and HEAD", not_allowed)
                .rule("RFC 9110 section 15.5.6 (405 Method Not Allowed)"),
            check("OPTIONS lists the allowed methods", options).rule("RFC 9110 section 9.3.7 (OPTIONS)"),
            check("HEAD works where GET does", head).rule("RFC 9110 section 9.1 (Overview of methods)"),
            check("an unknown method gets 501 or 405",
                  |server| server.ask("BREW", "/hello/Ada", &[], b"")?.status_in(&[405, 501]).map(drop))
                .rule("RFC 9110 section 15.6.2 (501 Not Implemented)"),
        ]),
    PHASE.stage(18, "collection", "serves a JSON collection: 201, 400, 415, 422", "part3/routing/index.md")
        .contract("`POST /users` with `{\"name\": \"Ada\"}` gets 201, a Location and the user as JSON, with its id. \
                   `GET`, `PUT` and `DELETE` work on that location; after DELETE it is 404. `GET /users` gets a JSON \
                   array of all users, and a server that has just started has none. 400: malformed JSON. 415: \
                   another Content-Type. 422: JSON without a usable name.")
        .hint("Three questions, three statuses: does the Content-Type declare JSON (415), does the body parse (400), \
               and is its meaning valid here (422)?")
        .checks(&[
            check("POST gets 201 with the Location of the new user", create)
                .rule("RFC 9110 section 15.3.2 (201 Created)"),
            check("a user can be changed and deleted", change_and_delete).rule("RFC 9110 section 9.3.5 (DELETE)"),
            check("malformed JSON gets 400", malformed).rule("RFC 9110 section 15.5.1 (400 Bad Request)"),
            check("another Content-Type gets 415", media_type)
                .rule("RFC 9110 section 15.5.16 (415 Unsupported Media Type)"),
            check("JSON without a usable name gets 422", unusable)
                .rule("RFC 9110 section 15.5.21 (422 Unprocessable Content)"),
        ]),
];

/// Requires that a GET of `target` gets 200, and a body that contains `text`.
fn greets(server: &Server, target: &str, text: &str) -> Checked {
    let answer = server.get(target)?;
    let body = answer.status(200)?.reply.text();
    answer.require(body.contains(text), format!("a body with {text:?} in it"), format!("{body:?}"))
}

fn parameter(server: &Server) -> Checked {
    greets(server, "/hello/Ada", "Ada")?;
    greets(server, "/hello/Grace?x=/y/z", "Grace")?;
    each_gets(server, 404, &["/hello/a/b", "/hello"])
}

fn decoded_once(server: &Server) -> Checked {
    greets(server, "/hello/Grace%20Hopper", "Grace Hopper")?;
    greets(server, "/hello/a%2Fb", "a/b")?;
    greets(server, "/hello/100%2525", "100%25")?;
    greets(server, "/hello/a+b", "a+b")?;
    greets(server, "/hello/J%C3%B6rg", "J\u{f6}rg")
}

fn not_allowed(server: &Server) -> Checked {
    let answer = server.ask("DELETE", "/hello/Ada", &[], b"")?;
    answer.status(405)?.lists("Allow", "GET")?.lists("Allow", "HEAD").map(drop)
}

fn options(server: &Server) -> Checked {
    let answer = server.ask("OPTIONS", "/hello/Ada", &[], b"")?;
    answer.status_in(&[200, 204])?.lists("Allow", "GET").map(drop)
}

fn head(server: &Server) -> Checked {
    let mut connection = server.connect()?;
    let answer = connection.ask("HEAD", "/hello/Ada", &[("Connection", "close")], b"")?;
    answer.status(200)?;
    connection.ends_after(&answer, "nothing after the header section")
}

/// Requires that the JSON body has this name.
fn is_named(answer: &Answer, name: &str) -> Result<Value, Failure> {
    let user = answer.json()?;
    answer.require(user["name"] == name, format!("\"name\": {name:?}"), &user)?;
    Ok(user)
}

/// Creates a user, and returns the path from the `Location` field.
fn created(server: &Server, name: &str) -> Result<String, Failure> {
    let body = json!({ "name": name }).to_string();
    let answer = post(server, JSON, &body)?;
    answer.status(201)?;
    let user = is_named(&answer, name)?;
    answer.require(!user["id"].is_null(), "an id", &user)?;
    let location = answer.has("Location")?;
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
        is_named(server.get(path)?.status(200)?, name)?;
    }
    let answer = server.get("/users")?;
    let users = answer.status(200)?.json()?;
    let are_two = users.as_array().is_some_and(|users| users.len() == 2);
    answer.require(are_two, "an array of two users", &users)
}

fn change_and_delete(server: &Server) -> Checked {
    let path = created(server, "Ada")?;
    let json = [("Content-Type", JSON)];
    server.ask("PUT", &path, &json, br#"{"name": "Ada Lovelace"}"#)?.status_in(&[200, 204])?;
    let answer = server.get(&path)?;
    let user = answer.json()?;
    answer.require(user["name"] == "Ada Lovelace", "the new name", &user)?;
    server.ask("DELETE", &path, &[], b"")?.status_in(&[200, 204])?;
    server.get(&path)?.status(404)?;
    server.ask("DELETE", &path, &[], b"")?.status(404).map(drop)
}

fn post(server: &Server, media_type: &str, body: &str) -> Result<Answer, Failure> {
    server.ask("POST", "/users", &[("Content-Type", media_type)], body.as_bytes())
}

fn malformed(server: &Server) -> Checked {
    for body in ["{", "{\"name\": \"Ada\"", "{'name': 'Ada'}", "{\"name\": \"Ada\"} x"] {
        post(server, JSON, body)?.status(400)?;
    }
    Ok(())
}

fn media_type(server: &Server) -> Checked {
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        post(server, media_type, r#"{"name": "Ada"}"#)?.status(415)?;
    }
    Ok(())
}

fn unusable(server: &Server) -> Checked {
    for body in ["{}", "[]", "{\"name\": 7}", "{\"name\": \"\"}", "\"Ada\""] {
        post(server, JSON, body)?.status(422)?;
    }
    Ok(())
}
