//! A page of another origin, in a real browser: which responses it may read and which it may not.

use httpserver::http::{HeaderValue, Method, Request, Response, header};
use httpserver::middleware::cors::Policy;
use httpserver::middleware::{Chain, Cors};
use support::Running;
use wire::clients::chromium_dom;

#[allow(dead_code, reason = "this test needs a part of it")]
mod support;

/// Sends all requests, and records the parts of the responses that a script can read.
const PAGE: &str = r#"<!DOCTYPE html><title>another origin</title><ul id="seen"></ul><script>
const attempts = [
  ["allowed", "ALLOWED", {}],
  ["refused", "REFUSED", {}],
  ["allowed put", "ALLOWED", { method: "PUT" }],
  ["refused put", "REFUSED", { method: "PUT" }],
  ["allowed delete", "ALLOWED", { method: "DELETE" }],
];
const note = text => seen.append(Object.assign(document.createElement("li"), { textContent: text }));
(async () => {
  for (const [name, url, options] of attempts) {
    try {
      const response = await fetch(url, options);
      note(`${name}: ${await response.text()}, location ${response.headers.get("Location")}`);
    } catch (error) { note(`${name}: ${error.name}`); }
  }
  note("end");
})();
</script>"#;

/// A server that allows pages of `origin`.
fn api(origin: &str) -> Running {
    let policy = Policy {
        origins: vec![origin.to_string()],
        methods: vec![Method::Put],
        exposed_headers: vec![header::LOCATION],
        ..Policy::default()
    };
    let answer = |request: &mut Request| {
        Response::text(format!("read {}", request.method()))
            .with_header(header::LOCATION, HeaderValue::from_static("/here"))
    };
    Running::start(|server| server, Chain::around(answer).with(Cors::new(policy).unwrap()))
}

#[test]
fn a_page_reads_only_responses_that_its_origin_may_read() {
    let (sender, receiver) = std::sync::mpsc::channel::<String>();
    let page = std::sync::Mutex::new((receiver, None::<String>));
    // The page needs the addresses of the servers, and the servers need the page's address.
    let pages = Running::start(
        |server| server,
        move |_: &mut Request| {
            let mut page = page.lock().unwrap();
            let (receiver, text) = &mut *page;
            Response::html(text.get_or_insert_with(|| receiver.recv().unwrap()).clone())
        },
    );
    let allowed = api(&format!("http://{}", pages.addr()));
    let refused = api("http://somebody-else.example");
    let text = PAGE
        .replace("ALLOWED", &format!("http://{}/", allowed.addr()))
        .replace("REFUSED", &format!("http://{}/", refused.addr()));
    sender.send(text).unwrap();

    let Some(dom) = chromium_dom(&format!("http://{}/", pages.addr())).unwrap() else {
        println!("skipped: no Chromium here");
        return;
    };
    let seen: Vec<&str> = dom
        .split("<li>")
        .skip(1)
        .filter_map(|item| item.split_once("</li>").map(|(text, _)| text))
        .collect();
    assert_eq!(
        seen,
        [
            "allowed: read GET, location /here",
            "refused: TypeError",
            "allowed put: read PUT, location /here",
            "refused put: TypeError",
            "allowed delete: TypeError",
            "end",
        ],
        "{dom}"
    );
}
