//! The router with the routes that a reader has typed.

use anyhow::Context;
use serde_json::{Value, json};

use crate::http::{Method, Request, Response, Router, Routes};

/// Builds a router of `routes`, which are pairs of a method and a pattern. Each responds with its pattern and the
/// values of its parameters.
///
/// # Errors
/// Returns the chapter's error about a pattern or a conflict, or names an unknown method.
pub(crate) fn build(question: &Value) -> anyhow::Result<Routes> {
    let mut router = Router::new();
    for route in question["routes"].as_array().context("`routes` is missing")? {
        let (method, pattern) = (text(&route[0]), text(&route[1]));
        let handler = {
            let pattern = pattern.clone();
            move |request: &mut Request| {
                let parameters: Vec<_> =
                    names(&pattern).map(|name| json!([name, request.param(name)])).collect();
                Response::json(&json!({ "pattern": pattern, "parameters": parameters }))
            }
        };
        if method == "any" {
            router.any(&pattern, handler);
        } else {
            let known =
                Method::from_token(&method).with_context(|| format!("`{method}` is no method"))?;
            router.route(known, &pattern, handler);
        }
    }
    Ok(router.build()?)
}

/// The names of the parameters in a pattern: `id` and `path` in `/users/:id<u32>/*path`.
fn names(pattern: &str) -> impl Iterator<Item = &str> {
    let parameters = pattern.split('/').filter_map(|segment| segment.strip_prefix([':', '*']));
    parameters.map(|name| name.split('<').next().unwrap_or(name))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}
