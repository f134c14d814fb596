//! Exercise 8: do the metrics at `/metrics` match the requests, in the format of Prometheus?

mod exposition;
mod page;
mod visit;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use exposition::Sample;
use page::{DURATION, FORMAT, IN_FLIGHT, REQUESTS, is, value};
use visit::{Visit, slow, timed};
use wire::at_once;
use wire::exercise::{self, Failure, Server, check};

/// The upper bounds of the buckets in the contract.
const ENDS: [&str; 12] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];

/// The values that the label `method` may have.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];

/// Eight clients are more than the server has workers, so some have to wait.
const TURN: Duration = Duration::from_secs(15);

const HISTOGRAM: &str = "Prometheus, Metric types (Histogram)";
const NAMING: &str = "Prometheus, Metric and label naming (Labels)";

fn main() -> ExitCode {
    exercise::main(&[
        check("GET /metrics is 200, with the media type of the text format", has_its_media_type)
            .rule("Prometheus, Exposition formats (Basic info)"),
        check(
            "each line is valid in the text format, and a family is in one piece",
            is_well_formed,
        )
        .rule(FORMAT),
        check(
            "there are a counter, a gauge and a histogram, each with a HELP and a TYPE",
            has_three_families,
        )
        .rule(FORMAT),
        check("series are sorted by their labels, a route's buckets by their ends", is_sorted),
        check(
            "/users/1 and /users/2 are one series, named by the pattern of their route",
            the_route_is_the_pattern,
        )
        .rule(NAMING),
        check("1,000 paths that do not exist add one series", paths_are_no_labels).rule(NAMING),
        check("only a request without a route is `unmatched`", unmatched_has_no_route),
        check("methods without a route are `OTHER`", odd_methods_are_other).rule(NAMING),
        check(
            "an OPTIONS is counted, also if the router or CORS responds to it",
            options_are_counted,
        ),
        check("8 threads with 500 requests each are exactly 4,000", none_is_lost),
        check("a request is in flight until its response is ready", in_flight_while_it_runs),
        check("a panic is counted as a 500, and is no longer in flight", a_panic_is_a_500),
        check(
            "buckets are cumulative, and the bucket +Inf equals the count",
            buckets_are_cumulative,
        )
        .rule(HISTOGRAM),
        check(
            "a request is in each bucket whose bound it does not exceed, and in no other",
            time_is_in_its_buckets,
        )
        .rule(HISTOGRAM),
        check("the sum of a route is the time that its requests took, in seconds", sum_is_the_time)
            .rule(HISTOGRAM),
        check("requests for /metrics are not counted", it_does_not_count_itself),
        check("a path that only begins like /metrics is counted", it_counts_its_neighbours),
        check("HEAD has the same fields as GET and no body, and POST is 405", head_and_post)
            .rule("RFC 9110 section 9.3.2 (HEAD)"),
    ])
}

fn has_its_media_type(server: &Server) -> Result<(), Failure> {
    let answer = server.get("/metrics")?;
    answer.status(200)?;
    let value = answer.has("Content-Type")?.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let is_text = parts.next() == Some("text/plain");
    let parameters: Vec<&str> = parts.collect();
    let is_ours = parameters.contains(&"version=0.0.4")
        && parameters.iter().all(|it| ["version=0.0.4", "charset=utf-8"].contains(it));
    answer.require(
        is_text && is_ours,
        "Content-Type: text/plain; version=0.0.4; charset=utf-8",
        format!("Content-Type: {value}"),
    )
}

fn is_well_formed(server: &Server) -> Result<(), Failure> {
    // The page must also be valid without any traffic, when a family may have no series.
    let mut visit = Visit::to(server);
    visit.page()?;
    traffic(&mut visit)?;
    visit.page()?;
    Ok(())
}

fn has_three_families(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    traffic(&mut visit)?;
    let page = visit.page()?;
    for (name, kind) in [(REQUESTS, "counter"), (IN_FLIGHT, "gauge"), (DURATION, "histogram")] {
        let family = page.family(name)?;
        let expected = format!("# TYPE {name} {kind}");
        page.require(family.kind == kind, expected, format!("# TYPE {name} {}", family.kind))?;
        let expected = format!("# HELP {name}, and a few words");
        page.require(!family.help.is_empty(), expected, "no HELP, or no words")?;
    }
    for sample in &page.family(REQUESTS)?.samples {
        page.require(
            sample.label_names() == ["method", "route", "status"],
            "the labels method, route and status",
            sample,
        )?;
    }
    for sample in &page.family(DURATION)?.samples {
        let names = sample.label_names();
        let right = if is_bucket(sample) { names == ["le", "route"] } else { names == ["route"] };
        page.require(right, "the label route, and le in a bucket", sample)?;
    }
    let gauge = &page.family(IN_FLIGHT)?.samples;
    page.require(
        matches!(&gauge[..], [one] if one.labels.is_empty()),
        format!("one series {IN_FLIGHT}, without labels"),
        format!("{} series", gauge.len()),
    )
}

fn is_bucket(sample: &Sample) -> bool {
    sample.name.strip_prefix(DURATION) == Some("_bucket")
}

fn is_sorted(server: &Server) -> Result<(), Failure> {
    // These requests are not in the order of the page.
    let mut visit = Visit::to(server);
    traffic(&mut visit)?;
    let page = visit.page()?;
    for pair in page.family(REQUESTS)?.samples.windows(2) {
        page.require(
            key(&pair[0]) < key(&pair[1]),
            "series in the order of method, then route, then status",
            format!("{}\nand then {}", pair[0], pair[1]),
        )?;
    }
    let durations = &page.family(DURATION)?.samples;
    for pair in durations.windows(2) {
        page.require(
            pair[0].label("route") <= pair[1].label("route"),
            "series in the order of their routes",
            format!("{}\nand then {}", pair[0], pair[1]),
        )?;
    }
    for route in durations.chunk_by(|one, next| one.label("route") == next.label("route")) {
        let names: Vec<&str> =
            route.iter().skip_while(|it| is_bucket(it)).map(|it| it.name.as_str()).collect();
        let label = route[0].label("route");
        page.require(
            names == [format!("{DURATION}_sum"), format!("{DURATION}_count")],
            format!("the buckets of {label}, then its {DURATION}_sum, then its {DURATION}_count"),
            page.lines(DURATION, label),
        )?;
    }
    Ok(())
}

/// The labels of a counter, in the order in which its series are sorted.
fn key(sample: &Sample) -> [&str; 3] {
    ["method", "route", "status"].map(|name| sample.label(name))
}

fn the_route_is_the_pattern(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    let json = [("Content-Type", "application/json")];
    visit.ask("POST", "/users", &json, br#"{"name":"Ada"}"#)?;
    visit.ask("POST", "/users", &json, br#"{"name":"Bo"}"#)?;
    for path in ["/users/1", "/users/2", "/users/1?x=1", "/us%65rs/2"] {
        visit.get(path)?.status(200)?;
    }
    for name in ["a", "b", "c"] {
        visit.get(&format!("/hello/{name}"))?.status(200)?;
    }
    let page = visit.page()?;
    page.counts("GET", "/users/:id<u32>", "200", 4)?;
    page.counts("POST", "/users", "201", 2)?;
    page.counts("GET", "/hello/:name", "200", 3)?;
    page.has_series(3)
}

fn paths_are_no_labels(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    visit.get("/empty")?.status(204)?;
    visit.page()?.has_series(1)?;
    let mut client = server.connect()?;
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    for number in 0..1_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Some paths have characters that would end a label value.
        let odd = ["", "%22", "%5C", "%0A", "%7B%7D", "/"][number % 6];
        let target = format!("/{random:x}{odd}");
        client.get(&target)?.status(404)?;
        if number == 0 {
            visit.note(format!("GET {target}"));
        }
    }
    drop(client);
    visit.note("999 more of such paths");
    let page = visit.page()?;
    page.counts("GET", "unmatched", "404", 1_000)?;
    page.has_series(2)
}

fn unmatched_has_no_route(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    visit.get("/nowhere")?.status(404)?;
    visit.ask("POST", "/nowhere", &[], b"")?.status(404)?;
    visit.ask("DELETE", "/hello/x", &[], b"")?.status(405)?;
    // These match a route, and the handler responds with 404.
    visit.get("/users/7")?.status(404)?;
    visit.get("/static/no-such-file")?.status(404)?;
    let page = visit.page()?;
    page.counts("GET", "unmatched", "404", 1)?;
    page.counts("POST", "unmatched", "404", 1)?;
    page.counts("DELETE", "unmatched", "405", 1)?;
    page.counts("GET", "/users/:id<u32>", "404", 1)?;
    page.counts("GET", "/static/*path", "404", 1)
}

fn odd_methods_are_other(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    visit.ask("TRACE", "/inspect", &[], b"")?.status(200)?;
    for number in 0..50 {
        server.ask(&format!("BREW{number}"), "/inspect", &[], b"")?.status(501)?;
    }
    visit.note("BREW0 /inspect and so on to BREW49 /inspect");
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        visit.ask(method, "/inspect", &[], b"")?.status(200)?;
    }
    let page = visit.page()?;
    for sample in &page.family(REQUESTS)?.samples {
        let expected = format!("a method out of {}", METHODS.join(", "));
        page.require(METHODS.contains(&sample.label("method")), expected, sample)?;
    }
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OTHER"] {
        page.counts(method, "/inspect", "200", 1)?;
    }
    Ok(())
}

fn options_are_counted(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    visit.ask("OPTIONS", "/hello/x", &[], b"")?.status(204)?;
    visit.ask("OPTIONS", "/inspect", &[], b"")?.status(204)?;
    visit.page()?.counts("OPTIONS", "unmatched", "204", 2)?;
    // Preflights: CORS responds to them, and they never reach the router.
    for (origin, status) in [("http://localhost:3000", 204), ("http://elsewhere.example", 403)] {
        let fields = [("Origin", origin), ("Access-Control-Request-Method", "PUT")];
        visit.note(format!("a preflight from {origin}:"));
        visit.ask("OPTIONS", "/echo", &fields, b"")?.status(status)?;
    }
    let page = visit.page()?;
    page.counts("OPTIONS", "unmatched", "204", 3)?;
    page.counts("OPTIONS", "unmatched", "403", 1)?;
    page.has_series(2)?;
    page.has_timed("unmatched", 4)
}

/// Half of the requests take a moment, so that all workers are in a handler at the same time, even on a machine
/// with a single core.
fn none_is_lost(server: &Server) -> Result<(), Failure> {
    let ask_often = |_| {
        let mut client = server.connect()?;
        client.client().set_patience(TURN);
        for _ in 0..250 {
            client.get("/hello/x")?.status(200)?;
            client.get("/slow?ms=1")?.status(200)?;
        }
        Ok(())
    };
    at_once(8, ask_often).into_iter().collect::<Result<(), Failure>>()?;
    let mut visit = Visit::to(server);
    visit.note("250 × GET /hello/x and 250 × GET /slow?ms=1 from each of 8 threads, 4,000 in all");
    let page = visit.page()?;
    for route in ["/hello/:name", "/slow"] {
        page.counts("GET", route, "200", 2_000)?;
        page.has_timed(route, 2_000)?;
    }
    Ok(())
}

fn in_flight_while_it_runs(server: &Server) -> Result<(), Failure> {
    let visit = Visit::to(server);
    visit.page()?.in_flight(0)?;
    let (seen, page) = thread::scope(|scope| {
        let slow = || server.get("/slow?ms=1500")?.status(200).map(drop);
        let requests = [scope.spawn(slow), scope.spawn(slow)];
        let give_up = Instant::now() + Duration::from_secs(5);
        let mut most = visit.page()?;
        while most.value_in_flight()? < 2.0 && Instant::now() < give_up {
            thread::sleep(Duration::from_millis(20));
            let page = visit.page()?;
            if page.value_in_flight()? > most.value_in_flight()? {
                most = page;
            }
            if requests.iter().all(thread::ScopedJoinHandle::is_finished) {
                break;
            }
        }
        for request in requests {
            request.join().expect("no check panics")?;
        }
        Ok((most.value_in_flight()?, most))
    })?;
    let expected = format!("{IN_FLIGHT} 2, while two requests for /slow?ms=1500 are answered");
    page.require(is(seen, 2), expected, format!("{IN_FLIGHT} {seen} at most"))?;
    let mut visit = visit;
    visit.note("2 × GET /slow?ms=1500, which have been answered");
    visit.page()?.in_flight(0)
}

fn a_panic_is_a_500(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    for _ in 0..3 {
        visit.get("/panic")?.error(500, "internal_error")?;
    }
    visit.get("/hello/x")?.status(200)?;
    let page = visit.page()?;
    page.in_flight(0)?;
    page.counts("GET", "/panic", "500", 3)?;
    page.counts("GET", "/hello/:name", "200", 1)?;
    page.has_timed("/panic", 3)
}

fn buckets_are_cumulative(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    traffic(&mut visit)?;
    for milliseconds in [0, 15, 30, 60, 120] {
        visit.get(&format!("/slow?ms={milliseconds}"))?.status(200)?;
    }
    let page = visit.page()?;
    for route in ["/slow", "/hello/:name", "unmatched"] {
        let buckets = page.buckets(route)?;
        let lines = page.lines(DURATION, route);
        let ends: Vec<f64> = buckets.iter().map(|(end, _)| *end).collect();
        let wanted: Vec<f64> = ENDS.into_iter().filter_map(exposition::number).collect();
        let expected = format!("the buckets of {route}, in this order: {}", ENDS.join(", "));
        page.require(ends == wanted, expected, &lines)?;
        for pair in buckets.windows(2) {
            let (fewer, more) = (pair[0].1, pair[1].1);
            let (low, high) = (fewer.label("le"), more.label("le"));
            let expected = format!("of {route} no fewer with le=\"{high}\" than with le=\"{low}\"");
            page.require(fewer.value <= more.value, expected, format!("{fewer}\n{more}"))?;
        }
        let all = buckets.last().map_or(0.0, |(_, all)| all.value);
        let count = page.duration("count", route)?;
        let expected = format!("{DURATION}_count of {route} as in the bucket of +Inf, {all}");
        page.require((all - count).abs() < 0.5, expected, &lines)?;
        let requests: f64 =
            page.requests().filter(|it| it.label("route") == route).map(value).sum();
        let expected = format!("as many durations of {route} as requests, {requests}");
        page.require((requests - count).abs() < 0.5, expected, page.lines("http_request", route))?;
    }
    page.has_timed("/slow", 5)
}

/// One request for each bucket up to 2.5 seconds. Longer requests would make the check slow.
///
/// The check does not depend on the speed of the machine: the measured time is at least as long as the handler
/// sleeps, and at most as long as the client waits.
fn time_is_in_its_buckets(server: &Server) -> Result<(), Failure> {
    let times = thread::scope(|scope| {
        let long = scope.spawn(|| slow(server, 1_500));
        let short = [0, 7, 15, 35, 70, 150, 300, 700].map(|it| slow(server, it));
        let long = long.join().expect("no check panics");
        short.into_iter().chain([long]).collect::<Result<Vec<_>, _>>()
    })?;
    Visit::to(server).page()?.buckets_have("/slow", &times)
}

fn sum_is_the_time(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    let (mut hello, mut sleep) = (Vec::new(), Vec::new());
    // The sum is checked after each request, because a wrong format may be right for some values.
    for milliseconds in [1, 20, 40, 300, 0] {
        hello.push(timed(server, "/hello/x", Duration::ZERO)?);
        visit.note("GET /hello/x");
        visit.page()?.sum_is_of("/hello/:name", &hello)?;
        sleep.push(slow(server, milliseconds)?);
        visit.note(format!("GET /slow?ms={milliseconds}"));
        visit.page()?.sum_is_of("/slow", &sleep)?;
    }
    Ok(())
}

fn it_does_not_count_itself(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    visit.get("/hello/x")?.status(200)?;
    let first = visit.page()?;
    for _ in 0..3 {
        visit.ask("HEAD", "/metrics", &[], b"")?.status(200)?;
    }
    visit.get("/metrics?x=1")?.status(200)?;
    // Requests for the page are not counted, even if the router responds.
    visit.ask("POST", "/metrics", &[], b"")?.status(405)?;
    visit.ask("OPTIONS", "/metrics", &[], b"")?.status(204)?;
    let last = visit.page()?;
    last.counts("GET", "/hello/:name", "200", 1)?;
    last.has_series(1)?;
    last.in_flight(0)?;
    let expected = "the same bytes as before, for nothing else was asked in between";
    let got = first_difference(&first.answer.body, &last.answer.body);
    last.require(first.answer.body == last.answer.body, expected, got)
}

/// The first line that differs, before and now.
fn first_difference(before: &[u8], now: &[u8]) -> String {
    let [before, now] = [before, now].map(String::from_utf8_lossy);
    let pairs = before.lines().map(Some).chain([None]).zip(now.lines().map(Some).chain([None]));
    let [before, now] = pairs
        .map(|(before, now)| [before, now])
        .find(|[before, now]| before != now)
        .unwrap_or_default()
        .map(|line| line.unwrap_or("the end"));
    format!("{before}\nand then {now}")
}

fn it_counts_its_neighbours(server: &Server) -> Result<(), Failure> {
    let mut visit = Visit::to(server);
    for path in ["/metricsfoo", "/metrics/x", "/metrics.txt"] {
        visit.get(path)?.status(404)?;
    }
    let page = visit.page()?;
    page.counts("GET", "unmatched", "404", 3)?;
    page.has_timed("unmatched", 3)
}

fn head_and_post(server: &Server) -> Result<(), Failure> {
    let get = server.get("/metrics")?;
    let head = server.ask("HEAD", "/metrics", &[], b"")?;
    head.status(200)?;
    for name in ["Content-Type", "Content-Length"] {
        head.field(name, get.has(name)?)?;
    }
    head.body(b"")?;
    server.ask("POST", "/metrics", &[], b"")?.error(405, "method_not_allowed")?;
    Ok(())
}

/// A few requests of every kind, not in alphabetical order.
fn traffic(visit: &mut Visit<'_>) -> Result<(), Failure> {
    for (method, target) in [
        ("PUT", "/echo"),
        ("GET", "/panic"),
        ("GET", "/users"),
        ("GET", "/nowhere"),
        ("POST", "/echo"),
        ("GET", "/users/1"),
        ("DELETE", "/hello/x"),
        ("OPTIONS", "/hello/x"),
        ("GET", "/hello/x"),
        ("HEAD", "/hello/y"),
        ("GET", "/empty"),
    ] {
        visit.ask(method, target, &[], b"")?;
    }
    Ok(())
}
