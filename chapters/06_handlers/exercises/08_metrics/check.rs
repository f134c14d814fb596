//! Exercise 8: do the numbers at `/metrics` say what has happened, in the format that Prometheus reads?

mod exposition;
mod page;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use exposition::Sample;
use page::{DURATION, FORMAT, IN_FLIGHT, REQUESTS, is, scrape, value};
use wire::exercise::{self, Answer, Check, Connection, Failure, Server};

/// The upper ends of the buckets that the contract names, without the one that has none.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The values that the label `method` may have.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];

/// Eight clients are more than the server has workers, so some wait for their turn.
const TURN: Duration = Duration::from_secs(15);

const HISTOGRAM: &str = "Prometheus, Metric types (Histogram)";
const NAMING: &str = "Prometheus, Metric and label naming (Labels)";

fn main() -> ExitCode {
    exercise::main(&[
        Check {
            sentence: "GET /metrics is 200, with the media type of the text format",
            rule: "Prometheus, Exposition formats (Basic info)",
            run: has_its_media_type,
        },
        Check {
            sentence: "each line is what the text format allows, and a family stands in one piece",
            rule: FORMAT,
            run: is_well_formed,
        },
        Check {
            sentence: "there are a counter, a gauge and a histogram, each with a HELP and a TYPE",
            rule: FORMAT,
            run: has_three_families,
        },
        Check { sentence: "series are sorted by their labels", rule: "", run: is_sorted },
        Check {
            sentence: "/users/1 and /users/2 are one series, named by the pattern of their route",
            rule: NAMING,
            run: the_route_is_the_pattern,
        },
        Check {
            sentence: "1,000 paths that do not exist add one series",
            rule: NAMING,
            run: paths_are_no_labels,
        },
        Check {
            sentence: "only a request without a route is `unmatched`",
            rule: "",
            run: unmatched_has_no_route,
        },
        Check {
            sentence: "methods that no route is made for are `OTHER`",
            rule: NAMING,
            run: odd_methods_are_other,
        },
        Check {
            sentence: "8 threads with 500 requests each are exactly 4,000",
            rule: "",
            run: none_is_lost,
        },
        Check {
            sentence: "a request is in flight for as long as it is answered",
            rule: "",
            run: in_flight_while_it_runs,
        },
        Check {
            sentence: "a panic is counted as a 500, and is in flight no more",
            rule: "",
            run: a_panic_is_a_500,
        },
        Check {
            sentence: "buckets are cumulative, and that of +Inf has as many as the count",
            rule: HISTOGRAM,
            run: buckets_are_cumulative,
        },
        Check {
            sentence: "a request of 300 ms is in the buckets from 0.5 on, and in the sum",
            rule: HISTOGRAM,
            run: time_is_measured,
        },
        Check {
            sentence: "whoever asks for /metrics is not counted",
            rule: "",
            run: it_does_not_count_itself,
        },
        Check {
            sentence: "HEAD has the same fields as GET and no body, and POST is 405",
            rule: "RFC 9110 section 9.3.2 (HEAD)",
            run: head_and_post,
        },
    ])
}

fn has_its_media_type(server: &Server) -> Result<(), Failure> {
    let answer = server.get("/metrics")?;
    answer.status(200)?;
    let value = answer.reply.field("Content-Type").unwrap_or("missing").to_ascii_lowercase();
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
    // Without any traffic too: a family may have no series yet.
    scrape(server)?;
    traffic(server)?;
    scrape(server)?;
    Ok(())
}

fn has_three_families(server: &Server) -> Result<(), Failure> {
    traffic(server)?;
    let page = scrape(server)?;
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
        let right = if sample.name == format!("{DURATION}_bucket") {
            names == ["le", "route"]
        } else {
            names == ["route"]
        };
        page.require(right, "the label route, and le in a bucket", sample)?;
    }
    let gauge = &page.family(IN_FLIGHT)?.samples;
    page.require(
        matches!(&gauge[..], [one] if one.labels.is_empty()),
        format!("one series {IN_FLIGHT}, without labels"),
        format!("{} series", gauge.len()),
    )
}

fn is_sorted(server: &Server) -> Result<(), Failure> {
    // Not in the order in which they will stand.
    traffic(server)?;
    let page = scrape(server)?;
    for pair in page.family(REQUESTS)?.samples.windows(2) {
        page.require(
            key(&pair[0]) < key(&pair[1]),
            "series in the order of method, then route, then status",
            format!("{}, and then {}", pair[0], pair[1]),
        )?;
    }
    for pair in page.family(DURATION)?.samples.windows(2) {
        page.require(
            pair[0].label("route") <= pair[1].label("route"),
            "series in the order of their routes",
            format!("{}, and then {}", pair[0], pair[1]),
        )?;
    }
    Ok(())
}

/// The labels of a counter, in the order in which its series are sorted.
fn key(sample: &Sample) -> [&str; 3] {
    ["method", "route", "status"].map(|name| sample.label(name))
}

fn the_route_is_the_pattern(server: &Server) -> Result<(), Failure> {
    server.ask("POST", "/users", &[("Content-Type", "application/json")], br#"{"name":"Ada"}"#)?;
    server.ask("POST", "/users", &[("Content-Type", "application/json")], br#"{"name":"Bo"}"#)?;
    for path in ["/users/1", "/users/2", "/users/1?x=1", "/us%65rs/2"] {
        server.get(path)?.status(200)?;
    }
    for name in ["a", "b", "c"] {
        server.get(&format!("/hello/{name}"))?.status(200)?;
    }
    let page = scrape(server)?;
    page.counts("GET", "/users/:id<u32>", "200", 4)?;
    page.counts("POST", "/users", "201", 2)?;
    page.counts("GET", "/hello/:name", "200", 3)?;
    page.has_series(3)
}

fn paths_are_no_labels(server: &Server) -> Result<(), Failure> {
    server.get("/empty")?.status(204)?;
    scrape(server)?.has_series(1)?;
    let mut client = Asker::new(server, Duration::from_secs(5));
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    for number in 0..1_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Some with what would end a label, were it one.
        let odd = ["", "%22", "%5C", "%0A", "%7B%7D", "/"][number % 6];
        client.get(&format!("/{random:x}{odd}"))?.status(404)?;
    }
    drop(client);
    let page = scrape(server)?;
    page.counts("GET", "unmatched", "404", 1_000)?;
    page.has_series(2)
}

fn unmatched_has_no_route(server: &Server) -> Result<(), Failure> {
    server.get("/nowhere")?.status(404)?;
    server.ask("POST", "/nowhere", &[], b"")?.status(404)?;
    server.ask("DELETE", "/hello/x", &[], b"")?.status(405)?;
    // These have a route, and it is the handler that finds nothing.
    server.get("/users/7")?.status(404)?;
    server.get("/static/no-such-file")?.status(404)?;
    let page = scrape(server)?;
    page.counts("GET", "unmatched", "404", 1)?;
    page.counts("POST", "unmatched", "404", 1)?;
    page.counts("DELETE", "unmatched", "405", 1)?;
    page.counts("GET", "/users/:id<u32>", "404", 1)?;
    page.counts("GET", "/static/*path", "404", 1)
}

fn odd_methods_are_other(server: &Server) -> Result<(), Failure> {
    server.ask("TRACE", "/inspect", &[], b"")?.status(200)?;
    for number in 0..50 {
        server.ask(&format!("BREW{number}"), "/inspect", &[], b"")?.status(501)?;
    }
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        server.ask(method, "/inspect", &[], b"")?.status(200)?;
    }
    let page = scrape(server)?;
    for sample in &page.family(REQUESTS)?.samples {
        let expected = format!("a method out of {}", METHODS.join(", "));
        page.require(METHODS.contains(&sample.label("method")), expected, sample)?;
    }
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OTHER"] {
        page.counts(method, "/inspect", "200", 1)?;
    }
    Ok(())
}

/// Half of the requests take a moment, so that all workers are in a handler at the same time, even where there is
/// one processor.
fn none_is_lost(server: &Server) -> Result<(), Failure> {
    thread::scope(|scope| {
        let ask_often = || {
            let mut client = Asker::new(server, TURN);
            for _ in 0..250 {
                client.get("/hello/x")?.status(200)?;
                client.get("/slow?ms=1")?.status(200)?;
            }
            Ok(())
        };
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(ask_often)).collect();
        // A check that panics is a failure of ours, not of the learner.
        clients.into_iter().try_for_each(|client| client.join().expect("no check panics"))
    })?;
    let page = scrape(server)?;
    for route in ["/hello/:name", "/slow"] {
        page.counts("GET", route, "200", 2_000)?;
        let count = page.duration("count", route)?;
        let expected = format!("{DURATION}_count{{route=\"{route}\"}} 2000");
        page.require(is(count, 2_000), expected, count)?;
    }
    Ok(())
}

fn in_flight_while_it_runs(server: &Server) -> Result<(), Failure> {
    scrape(server)?.in_flight(0)?;
    let (seen, page) = thread::scope(|scope| {
        let slow = || server.get("/slow?ms=1500")?.status(200).map(drop);
        let requests = [scope.spawn(slow), scope.spawn(slow)];
        let give_up = Instant::now() + Duration::from_secs(5);
        let mut most = scrape(server)?;
        while most.value_in_flight()? < 2.0 && Instant::now() < give_up {
            thread::sleep(Duration::from_millis(20));
            let page = scrape(server)?;
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
    scrape(server)?.in_flight(0)
}

fn a_panic_is_a_500(server: &Server) -> Result<(), Failure> {
    for _ in 0..3 {
        server.get("/panic")?.error(500, "internal_error")?;
    }
    server.get("/hello/x")?.status(200)?;
    let page = scrape(server)?;
    page.in_flight(0)?;
    page.counts("GET", "/panic", "500", 3)?;
    page.counts("GET", "/hello/:name", "200", 1)?;
    let count = page.duration("count", "/panic")?;
    page.require(is(count, 3), format!("{DURATION}_count{{route=\"/panic\"}} 3"), count)
}

fn buckets_are_cumulative(server: &Server) -> Result<(), Failure> {
    traffic(server)?;
    for milliseconds in [0, 15, 30, 60, 120] {
        server.get(&format!("/slow?ms={milliseconds}"))?.status(200)?;
    }
    let page = scrape(server)?;
    for route in ["/slow", "/hello/:name", "unmatched"] {
        let buckets = page.buckets(route)?;
        let bounds: Vec<f64> = buckets.iter().map(|(bound, _)| *bound).collect();
        let wanted: Vec<f64> = BOUNDS.into_iter().chain([f64::INFINITY]).collect();
        let expected = format!("the buckets {wanted:?} of {route}, in this order");
        page.require(bounds == wanted, expected, format!("{bounds:?}"))?;
        for pair in buckets.windows(2) {
            let ((low, fewer), (high, more)) = (pair[0], pair[1]);
            let expected = format!("of {route} no fewer with le=\"{high}\" than with le=\"{low}\"");
            page.require(fewer <= more, expected, format!("{more}, and {fewer}"))?;
        }
        let all = buckets.last().map_or(0.0, |(_, all)| *all);
        let count = page.duration("count", route)?;
        let expected = format!("{DURATION}_count of {route} as in the bucket of +Inf, {all}");
        page.require((all - count).abs() < 0.5, expected, count)?;
        let requests: f64 =
            page.requests().filter(|it| it.label("route") == route).map(value).sum();
        let expected = format!("as many durations of {route} as requests, {requests}");
        page.require((requests - count).abs() < 0.5, expected, count)?;
    }
    let slow = page.duration("count", "/slow")?;
    page.require(is(slow, 5), "five requests for /slow", slow)
}

fn time_is_measured(server: &Server) -> Result<(), Failure> {
    server.get("/slow?ms=300")?.status(200)?;
    let page = scrape(server)?;
    let buckets = page.buckets("/slow")?;
    for (bound, count) in &buckets {
        // On a machine that does much else it may take longer, but never less.
        if *bound < 0.3 {
            let expected = format!("0 in the bucket le=\"{bound}\": it took 300 ms");
            page.require(is(*count, 0), expected, count)?;
        } else if *bound >= 5.0 {
            page.require(is(*count, 1), format!("1 in the bucket le=\"{bound}\""), count)?;
        }
    }
    let sum = page.duration("sum", "/slow")?;
    page.require((0.3..5.0).contains(&sum), "a sum, in seconds, of 0.3 and a little", sum)
}

fn it_does_not_count_itself(server: &Server) -> Result<(), Failure> {
    server.get("/hello/x")?.status(200)?;
    let first = scrape(server)?;
    for _ in 0..3 {
        server.ask("HEAD", "/metrics", &[], b"")?.status(200)?;
    }
    let last = scrape(server)?;
    last.has_series(1)?;
    last.counts("GET", "/hello/:name", "200", 1)?;
    last.in_flight(0)?;
    let expected = "the same bytes as before, for nothing else was asked in between";
    last.require(first.answer.body == last.answer.body, expected, "another page")
}

fn head_and_post(server: &Server) -> Result<(), Failure> {
    let get = server.get("/metrics")?;
    let head = server.ask("HEAD", "/metrics", &[], b"")?;
    head.status(200)?;
    for name in ["Content-Type", "Content-Length"] {
        let value = get.reply.field(name).unwrap_or("missing in the answer to GET");
        head.field(name, value)?;
    }
    head.body(b"")?;
    server.ask("POST", "/metrics", &[], b"")?.error(405, "method_not_allowed")?;
    Ok(())
}

/// A little of everything, in an order that is not that of the alphabet.
fn traffic(server: &Server) -> Result<(), Failure> {
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
        server.ask(method, target, &[], b"")?;
    }
    Ok(())
}

/// Asks again and again, on a new connection whenever the server has closed the old one.
struct Asker<'a> {
    server: &'a Server,
    patience: Duration,
    connection: Option<Connection<'a>>,
}

impl<'a> Asker<'a> {
    fn new(server: &'a Server, patience: Duration) -> Asker<'a> {
        Asker { server, patience, connection: None }
    }

    fn get(&mut self, target: &str) -> Result<Answer, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.server.connect()?,
        };
        connection.client().set_patience(self.patience);
        let answer = connection.ask("GET", target, &[], b"")?;
        if !answer.lists("Connection", "close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}
