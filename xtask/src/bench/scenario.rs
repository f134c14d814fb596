//! The scenarios: which requests are sent, and over how many connections.

/// A kind of request, and how many are in flight.
#[derive(Debug, PartialEq)]
pub(crate) struct Scenario {
    pub name: &'static str,
    pub about: &'static str,
    pub path: &'static str,
    /// Header fields, beside Host.
    pub fields: &'static [(&'static str, &'static str)],
    /// Connections, each of which sends the next request as soon as it has a response.
    pub connections: u16,
    /// Pipelined requests per connection.
    pub pipelined: u8,
    /// Other connections at the same time.
    pub background: BackgroundLoad,
    /// The length of the response body in bytes, if it is known.
    pub length: Option<usize>,
    /// The number of routes of the server, with the requested route; 0 for its usual few routes.
    pub routes: u16,
    /// Whether the server writes an access log to a file.
    pub logs: bool,
    /// Whether the program of `final` serves it, with all layers of the demonstration, and not the bench's own server.
    pub demonstration: bool,
    /// The scenario to compare with, on the same server in the same round.
    pub against: Option<&'static Scenario>,
}

/// Other connections that are open during the measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum BackgroundLoad {
    Nothing,
    /// Connections that are idle after one request.
    Idle(u16),
    /// Connections that request this path, whose handler sleeps, again and again.
    Sleepers(&'static str),
}

/// What Firefox 145 sends beside Host when a person opens a page over HTTP/1.1, in its order and spelling, with the
/// cookies of a site that knows the person and counts visits.
const BROWSER: &[(&str, &str)] = &[
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Connection", "keep-alive"),
    (
        "Cookie",
        "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; _ga=GA1.1.1408973426.1763200000",
    ),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "none"),
    ("Sec-Fetch-User", "?1"),
    ("Priority", "u=0, i"),
];

/// A server that does nothing but its own work: one route, one field line, and no layer.
const HELLO: Scenario = Scenario {
    name: "hello",
    about: "a small response, 64 connections; a router and no layer around it",
    path: "/",
    fields: &[],
    connections: 64,
    pipelined: 1,
    background: BackgroundLoad::Nothing,
    length: Some(13),
    routes: 0,
    logs: false,
    demonstration: false,
    against: None,
};

/// A route with a parameter among others. It measures the router of `final`, so the peers have no such routes.
const ROUTES: Scenario = Scenario {
    name: "routes-10",
    about: "a route with a parameter, one of 10 routes",
    path: "/json/42",
    length: None,
    routes: 10,
    ..HELLO
};

/// In the order of the report.
pub(crate) const SCENARIOS: &[Scenario] = &[
    HELLO,
    Scenario { name: "hello-512", about: "the same, 512 connections", connections: 512, ..HELLO },
    Scenario {
        name: "browser",
        about: "the same, requested as by a browser: 13 field lines instead of one",
        fields: BROWSER,
        against: Some(&HELLO),
        ..HELLO
    },
    Scenario {
        name: "new-connection",
        about: "the small response, each request on a connection of its own",
        fields: &[("Connection", "close")],
        ..HELLO
    },
    Scenario {
        name: "route",
        about: "a route with a parameter, and a response in JSON",
        path: "/json/42",
        length: None,
        ..HELLO
    },
    Scenario {
        name: "static-1k",
        about: "a file of 1 KiB",
        path: "/static/1k.txt",
        length: Some(1024),
        ..HELLO
    },
    Scenario {
        name: "static-100k",
        about: "a file of 100 KiB",
        path: "/static/100k.txt",
        length: Some(100 * 1024),
        ..HELLO
    },
    Scenario {
        name: "static-10m",
        about: "a file of 10 MiB, 16 connections",
        path: "/static/10m.txt",
        connections: 16,
        length: Some(10 * 1024 * 1024),
        ..HELLO
    },
    Scenario {
        name: "pipelining",
        about: "the small response, 16 requests sent at once",
        pipelined: 16,
        ..HELLO
    },
    Scenario {
        name: "idle-2000",
        about: "the small response on 64 connections, beside 2,000 idle ones",
        background: BackgroundLoad::Idle(2_000),
        ..HELLO
    },
    Scenario {
        name: "idle-10000",
        about: "the same, beside 10,000 idle connections",
        background: BackgroundLoad::Idle(10_000),
        ..HELLO
    },
    Scenario {
        name: "access-log",
        about: "the small response, with an access log written to a file",
        logs: true,
        against: Some(&HELLO),
        ..HELLO
    },
    Scenario {
        name: "demonstration",
        about: "a small response by the program of `final`: all its layers, its access log, its routes",
        path: "/hello/World",
        // What CORS and compression look at. The browser's page is of an allowed origin.
        fields: &[("Origin", "http://localhost:3000"), ("Accept-Encoding", "gzip")],
        length: Some(14),
        logs: true,
        demonstration: true,
        against: Some(&HELLO),
        ..HELLO
    },
    ROUTES,
    Scenario {
        name: "routes-1000",
        about: "the same, one of 1,000",
        routes: 1_000,
        against: Some(&ROUTES),
        ..ROUTES
    },
    Scenario {
        name: "mix",
        about: "the small response, beside 8 requests at a time whose handler blocks for 50 ms",
        background: BackgroundLoad::Sleepers("/sleep"),
        against: Some(&HELLO),
        ..HELLO
    },
    Scenario {
        name: "mix-blocking",
        about: "the same, with a handler that announces to the server that it will block",
        background: BackgroundLoad::Sleepers("/sleep/told"),
        against: Some(&HELLO),
        ..HELLO
    },
];

impl Scenario {
    /// Whether the server closes the connection after each response.
    pub(crate) fn closes(&self) -> bool {
        self.fields.contains(&("Connection", "close"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let mut names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SCENARIOS.len());
    }

    #[test]
    fn what_a_scenario_is_compared_with_is_compared_with_nothing() {
        for base in SCENARIOS.iter().filter_map(|scenario| scenario.against) {
            assert_eq!(
                (base.against, base.background),
                (None, BackgroundLoad::Nothing),
                "{}",
                base.name
            );
        }
    }
}
