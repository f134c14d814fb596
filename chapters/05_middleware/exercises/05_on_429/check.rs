//! Exercise 5: does the server send a 429 that people and programs understand, and does the client wait?

mod play;

use std::fmt::Display;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime};

use play::{PATIENCE, Ran, Seen, ok, play, refusal, seconds, waits_after};
use wire::at_once;
use wire::exercise::{self, Answer, Check, Failure, Server, check};

fn main() -> ExitCode {
    exercise::main(&[OF_THE_SERVER, OF_THE_CLIENT].concat())
}

const OF_THE_SERVER: &[Check] = &[
    check("a request beyond the limit is 429, as JSON with retry_after", is_json)
        .rule("RFC 6585 section 4 (429 Too Many Requests)"),
    check(
        "Retry-After is at least 1, and after so many seconds the request is served",
        retry_after_is_enough,
    )
    .rule("RFC 9110 section 10.2.3 (Retry-After)"),
    check(
        "a 429 keeps the rate-limit fields, its ID and what other layers have added",
        keeps_its_fields,
    ),
    check(
        "a 429 is HTML if Accept prefers it, JSON if not, and Vary lists Accept",
        is_html_for_people,
    )
    .rule("RFC 9110 section 12.5.1 (Accept)"),
    check("Content-Length is the length of the new body, also for HEAD", has_its_length)
        .rule("RFC 9110 section 8.6 (Content-Length)"),
    check("responses with another status are unchanged", leaves_others_alone),
];

const OF_THE_CLIENT: &[Check] = &[
    check(
        "without --retry the client sends one request, whatever the response is",
        asks_once_without_retry,
    ),
    check("the client waits as long as Retry-After demands, and retries", waits_for_seconds)
        .rule("RFC 9110 section 10.2.3 (Retry-After)"),
    check("the client waits until the date that Retry-After names", waits_for_a_date)
        .rule("RFC 9110 section 10.2.3 (Retry-After)"),
    check("the date may be in any of the three formats", reads_three_formats)
        .rule("RFC 9110 section 5.6.7 (Date/Time Formats)"),
    check(
        "the client does not wait for 0 seconds, or a date that has passed",
        does_not_wait_for_the_past,
    )
    .rule("RFC 9110 section 10.2.3 (Retry-After)"),
    check("a malformed Retry-After counts as absent", ignores_what_is_none)
        .rule("RFC 9110 section 10.2.3 (Retry-After)"),
    check("without a Retry-After the waits are random, and their limit grows", waits_by_chance),
    check(
        "a wait beyond the thirty seconds is not started, however large the number is",
        does_not_wait_forever,
    ),
    check("a wait that ends within the thirty seconds is started", waits_long_if_it_may),
    check("the thirty seconds are counted from the first request on", counts_from_the_first),
    check("the client sends at most four requests, and shows the last response", gives_up),
    check("only 429 and 503 are a reason to retry", takes_no_for_an_answer)
        .rule("RFC 9110 section 15.6.4 (503 Service Unavailable)"),
    check("only an idempotent method is retried", repeats_what_may_be_repeated)
        .rule("RFC 9110 section 9.2.2 (Idempotent Methods)"),
    check("the client works with the real server", meets_the_server),
];

fn is_json(server: &Server) -> Result<(), Failure> {
    let answer = beyond_the_limit(server, "GET", &[])?;
    answer.error(429, "rate_limited")?;
    let seconds = retry_after(&answer)?;
    let body = answer.json()?;
    let expected = format!("\"retry_after\":{seconds}, the number that is in Retry-After");
    answer.require(body["retry_after"] == seconds, expected, body)
}

fn retry_after_is_enough(server: &Server) -> Result<(), Failure> {
    for _ in 0..2 {
        let refused = beyond_the_limit(server, "GET", &[])?;
        let seconds = retry_after(&refused)?;
        let right = (1..=5).contains(&seconds);
        refused.require(right, "Retry-After of 1: a token comes each second", seconds)?;
        thread::sleep(Duration::from_secs(seconds));
        server.get("/limited")?.status(200)?;
    }
    Ok(())
}

fn keeps_its_fields(server: &Server) -> Result<(), Failure> {
    let fields = [("Origin", "http://localhost:3000"), ("X-Request-ID", "from.the-client")];
    for accept in ["application/json", "text/html"] {
        let answer =
            beyond_the_limit(server, "GET", &[&fields[..], &[("Accept", accept)]].concat())?;
        retry_after(&answer)?;
        answer
            .field("RateLimit-Limit", "5")?
            .field("RateLimit-Remaining", "0")?
            .field("X-Request-ID", "from.the-client")?
            .field("Access-Control-Allow-Origin", "http://localhost:3000")?
            .field("X-Content-Type-Options", "nosniff")?
            .lists("Vary", "Origin")?;
        number(&answer, "RateLimit-Reset")?;
    }
    Ok(())
}

fn is_html_for_people(server: &Server) -> Result<(), Failure> {
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let table: [(&[&str], &str); 20] = [
        (&["text/html"], "text/html"),
        (&[browser], "text/html"),
        (&["TEXT/HTML"], "text/html"),
        (&["text/*"], "text/html"),
        (&["text/html;q=0.6, application/json;q=0.5"], "text/html"),
        (&["application/json;q=0.5, text/html;q=0.6"], "text/html"),
        (&["*/*;q=0.1, text/html;q=0.2"], "text/html"),
        (&["application/json;q=0, */*"], "text/html"),
        (&["text/html;q=0.001"], "text/html"),
        (&["application/json;q=0.5", "text/html"], "text/html"),
        (&[], "application/json"),
        (&[""], "application/json"),
        (&["*/*"], "application/json"),
        (&["application/json"], "application/json"),
        (&["text/html, application/json"], "application/json"),
        (&["text/html;q=0.5, application/json;q=0.6"], "application/json"),
        (&["text/html;q=0.9, */*"], "application/json"),
        (&["text/html;q=0"], "application/json"),
        (&["text/*, text/html;q=0.1, application/*;q=0.2"], "application/json"),
        (&["image/png, text/plain"], "application/json"),
    ];
    for (lines, media_type) in table {
        let fields: Vec<_> = lines.iter().map(|line| ("Accept", *line)).collect();
        let answer = beyond_the_limit(server, "GET", &fields)?;
        answer.media_type(media_type)?.lists("Vary", "Accept")?;
        let is_page = answer.text().to_ascii_lowercase().contains("<html");
        let expected = if media_type == "text/html" { "a page" } else { "no page" };
        answer.require(is_page == (media_type == "text/html"), expected, answer.text())?;
    }
    Ok(())
}

fn has_its_length(server: &Server) -> Result<(), Failure> {
    for accept in ["application/json", "text/html"] {
        let fields = [("Accept", accept), ("Accept-Encoding", "gzip")];
        // A body whose length differs from Content-Length would be truncated, or followed by more
        // bytes.
        let get = beyond_the_limit(server, "GET", &fields)?;
        let length = get.reply.body.len().to_string();
        get.field("Content-Length", &length)?;
        let head = beyond_the_limit(server, "HEAD", &fields)?;
        head.field("Content-Length", &length)?.body(b"")?;
        head.field("Content-Type", get.has("Content-Type")?)?;
        retry_after(&head)?;
    }
    Ok(())
}

fn leaves_others_alone(server: &Server) -> Result<(), Failure> {
    let html = [("Accept", "text/html")];
    let served = server.ask("GET", "/limited", &html, b"")?;
    served.status(200)?.no_field("Retry-After")?.body(b"within the limit\n")?;
    server.ask("GET", "/nowhere", &html, b"")?.error(404, "not_found")?;
    server.ask("DELETE", "/hello/Ada", &html, b"")?.error(405, "method_not_allowed")?;
    server.ask("GET", "/panic", &html, b"")?.error(500, "internal_error")?;
    Ok(())
}

fn asks_once_without_retry(_: &Server) -> Result<(), Failure> {
    let chunked =
        b"HTTP/1.1 429 Too Many Requests\r\nTransfer-Encoding: chunked\r\nRetry-After: 0\r\n\r\n\
        3;x\r\nthr\r\n6\r\nee box\r\n0\r\nX: y\r\n\r\n";
    for (answer, body) in [
        (refusal(503, &["Retry-After: 0"], "no room"), "no room"),
        (chunked.to_vec(), "three box"),
        (b"HTTP/1.1 503 \r\nRetry-After: 0\r\n\r\nto the end".to_vec(), "to the end"),
    ] {
        let seen = play(&["GET"], vec![answer.clone(), answer])?;
        seen.requests(1)?;
        let out = &seen.ran.out;
        let right = out.starts_with("HTTP/1.1 ") && out.ends_with(&format!("\n\n{body}"));
        let expected =
            format!("the response on standard output, with the body `{body}` at its end");
        seen.require(right, expected, out)?;
    }
    Ok(())
}

fn waits_for_seconds(_: &Server) -> Result<(), Failure> {
    for status in [429, 503] {
        let seen = play(&["--retry"], vec![refusal(status, &["retry-after:  1 "], "no"), ok()])?;
        seen.ends(2, 200)?;
        let gap = seen.gap(0).unwrap_or_default();
        let waited = gap >= Duration::from_secs(1);
        seen.require(waited, "a second between the two", seconds(gap))?;
    }
    Ok(())
}

fn waits_for_a_date(_: &Server) -> Result<(), Failure> {
    let date = in_seconds(2);
    let line = format!("Retry-After: {}", httpdate::fmt_http_date(date));
    let seen = play(&["--retry"], vec![refusal(503, &[&line], "no"), ok()])?;
    seen.ends(2, 200)?;
    // The text has whole seconds, so it is a little earlier than `date`.
    let early = (date - Duration::from_secs(1)).duration_since(SystemTime::now()).ok();
    let got = format!("the second came {} too early", seconds(early.unwrap_or_default()));
    seen.require(early.is_none(), format!("the second request after {line}"), got)
}

/// A date in ten years shows whether it is parsed: it is too far away to wait for, and counts as absent if it is not
/// parsed.
fn reads_three_formats(_: &Server) -> Result<(), Failure> {
    let dates = formats(in_seconds(10 * 365 * 24 * 60 * 60));
    each_is_at_once(&dates, 1)
}

/// A date as IMF-fixdate, in the format of RFC 850, and in the format of C's `asctime`.
fn formats(date: SystemTime) -> [String; 3] {
    let imf = httpdate::fmt_http_date(date);
    let words: Vec<&str> = imf.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    let [name, day, month, year, time, _] = words[..] else {
        // This is the format of the crate.
        unreachable!("{imf}")
    };
    let long = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
        .into_iter()
        .find(|long| long.starts_with(name))
        .unwrap_or_default();
    let padded = format!("{:>2}", day.trim_start_matches('0'));
    [
        format!("{long}, {day}-{month}-{} {time} GMT", &year[2..]),
        format!("{name} {month} {padded} {time} {year}"),
        imf,
    ]
}

fn does_not_wait_for_the_past(_: &Server) -> Result<(), Failure> {
    let values = [
        "0",
        "000",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ];
    each_is_at_once(&values, 2)
}

fn ignores_what_is_none(_: &Server) -> Result<(), Failure> {
    let values = [
        "abc",
        "-1",
        // Many languages parse this as a number, but the grammar allows only digits.
        "+86400",
        "",
        "9,5",
        "10000000 s",
        "tomorrow",
        "Sun, 99 Nov 2094 08:49:37 GMT",
    ];
    each_is_at_once(&values, 2)
}

/// After a 429 with each of these values in Retry-After, the client ends without a wait, with this number of requests.
fn each_is_at_once(values: &[impl Display], requests: usize) -> Result<(), Failure> {
    for value in values {
        let refused = refusal(429, &[&format!("Retry-After: {value}")], "no");
        let seen = play(&["--retry"], vec![refused, ok()])?;
        seen.ends(requests, if requests == 1 { 429 } else { 200 })?;
        seen.at_once()?;
    }
    Ok(())
}

/// The number of clients that wait three times each, and the number that run at the same time.
const CLIENTS: usize = 32;
const AT_A_TIME: usize = 8;

/// Examines the last of three waits, between zero and 400 ms, of many clients. A single wait may have any length, but not
/// all of them: a sum below 3 s, instead of 6.4 s, or a spread below 220 ms happens once in some million runs, and a slow
/// machine makes neither more likely. That all waits are 200 ms or more is significant only on a fast machine, which other
/// clients that do not wait detect.
fn waits_by_chance(_: &Server) -> Result<(), Failure> {
    let one = |lines: &[&str]| -> Result<Seen, Failure> {
        let seen = play(&["--retry"], vec![refusal(503, lines, "no"); 4])?;
        seen.requests(4)?;
        Ok(seen)
    };
    let some = |_| -> Result<_, Failure> {
        let first = one(&["Retry-After: 0"])?;
        let waiting = (0..CLIENTS / AT_A_TIME).map(|_| one(&[])).collect::<Result<Vec<_>, _>>()?;
        Ok((waiting, [first, one(&["Retry-After: 0"])?]))
    };
    let all = at_once(AT_A_TIME, some).into_iter().collect::<Result<Vec<_>, Failure>>()?;
    let mut gaps: Vec<Duration> =
        all.iter().flat_map(|(waiting, _)| waiting).filter_map(|seen| seen.gap(2)).collect();
    gaps.sort();
    let without_wait = all.iter().flat_map(|(_, quick)| quick);
    let slowest = without_wait.flat_map(|seen| (0..3).filter_map(|it| seen.gap(it))).max();
    let (Some(least), Some(most), Some(slowest)) = (gaps.first(), gaps.last(), slowest) else {
        return Ok(());
    };
    let times: Vec<String> = gaps.iter().map(|&gap| seconds(gap)).collect();
    let example = &all[0].0[0];
    let require = |holds: bool, expected: &str, got: String| {
        let expected = format!(
            "{expected}, of {CLIENTS} waits between zero and 0.4 s before a fourth request"
        );
        let got = format!("{got}\nthey are, sorted: {}\nand one run of them:", times.join(", "));
        example.require(holds, expected, got)
    };
    let in_all: Duration = gaps.iter().sum();
    let spread = most.saturating_sub(*least);
    require(in_all >= Duration::from_secs(3), "at least 3 s in all", seconds(in_all))?;
    require(
        spread >= Duration::from_millis(220),
        "some that are much longer than others",
        format!("all within {} of each other", seconds(spread)),
    )?;
    let is_quick = slowest < Duration::from_millis(50);
    require(
        *least < Duration::from_millis(200) || !is_quick,
        "some that are shorter than half of that",
        format!("none, and without a wait a request follows within {}", seconds(slowest)),
    )
}

fn does_not_wait_forever(_: &Server) -> Result<(), Failure> {
    let nines = "9".repeat(20);
    let values = [
        "31",
        "86400",
        "4294967296",
        "18446744073709551615",
        "18446744073709551616",
        &nines,
        &nines.repeat(20),
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ];
    each_is_at_once(&values, 1)
}

fn waits_long_if_it_may(_: &Server) -> Result<(), Failure> {
    waits_after(&["--retry"], refusal(503, &["Retry-After: 25"], "no"))
}

fn counts_from_the_first(_: &Server) -> Result<(), Failure> {
    let answers = ["Retry-After: 1", "Retry-After: 30"].map(|line| refusal(429, &[line], line));
    let seen = play(&["--retry"], answers.into_iter().chain([ok()]).collect())?;
    seen.ends(2, 429)
}

fn gives_up(_: &Server) -> Result<(), Failure> {
    for fields in [&[][..], &["Retry-After: 0"]] {
        let answers = (1..=7).map(|number| refusal(503, fields, &format!("response {number}")));
        let seen = play(&["--retry", "GET"], answers.collect())?;
        seen.ends(4, 503)?;
        let out = &seen.ran.out;
        seen.require(out.ends_with("response 4"), "the fourth response, and no other", out)?;
    }
    Ok(())
}

fn takes_no_for_an_answer(_: &Server) -> Result<(), Failure> {
    for status in [200, 301, 400, 404, 408, 425, 500, 502, 504] {
        let answers = vec![refusal(status, &["Retry-After: 0"], "no"), ok(), ok()];
        let seen = play(&["--retry"], answers)?;
        seen.ends(1, status)?;
    }
    Ok(())
}

fn repeats_what_may_be_repeated(_: &Server) -> Result<(), Failure> {
    for (method, count) in [
        ("POST", 1),
        ("PATCH", 1),
        ("BREW", 1),
        ("GET", 2),
        ("HEAD", 2),
        ("OPTIONS", 2),
        ("PUT", 2),
        ("DELETE", 2),
    ] {
        // The response to HEAD has no body, and the rest need none.
        let empty =
            |line: &str| format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").into_bytes();
        let answers = vec![empty("429 No\r\nRetry-After: 0"), empty("200 OK"), empty("200 OK")];
        let seen = play(&["--retry", method], answers)?;
        seen.ends(count, if count == 1 { 429 } else { 200 })?;
    }
    Ok(())
}

fn meets_the_server(server: &Server) -> Result<(), Failure> {
    let url = format!("http://{}/limited", server.address());
    beyond_the_limit(server, "GET", &[])?;
    let ran = Ran::with(vec!["--retry", "GET", &url], |took| took >= PATIENCE)?;
    let right = ran.out.starts_with("HTTP/1.1 200 ") && ran.out.ends_with("within the limit\n");
    let expected = "200 for /limited, which was 429 at first";
    match ran.problem() {
        None if right => Ok(()),
        None => Err(ran.failure(expected, &ran.out)),
        Some(got) => Err(ran.failure(expected, &got)),
    }
}

/// Requests `/limited` until the limit is exceeded.
fn beyond_the_limit(
    server: &Server,
    method: &str,
    fields: &[(&str, &str)],
) -> Result<Answer, Failure> {
    // The burst allows five at once, and one more is allowed for each second that this takes.
    for _ in 0..20 {
        let answer = server.ask(method, "/limited", fields, b"")?;
        if answer.reply.status == 429 {
            return Ok(answer);
        }
        answer.status(200)?;
    }
    Err(Failure::new("status 429 for one of twenty requests in a row", "status 200 for all"))
}

fn retry_after(answer: &Answer) -> Result<u64, Failure> {
    number(answer, "Retry-After")
}

/// The value of the one field with this name, which must be a number.
fn number(answer: &Answer, name: &str) -> Result<u64, Failure> {
    let value = answer.one(name)?;
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|_| is_number);
    number.ok_or_else(|| answer.failure(format!("{name}: a whole number"), value))
}

fn in_seconds(seconds: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(seconds)
}
