//! Exercise 2: is `/api/time` the time, in each of its forms?

use std::env;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use wire::at_once;
use wire::exercise::{self, Answer, Failure, Server, check};

/// Five and a half hours ahead of UTC, so that local time cannot be taken for it.
const ZONE: &str = "CHECK-05:30";

fn main() -> ExitCode {
    // The time zone of a program can only be set when it starts, so this program starts itself once
    // more.
    if env::var("TZ").as_deref() != Ok(ZONE) {
        let again = env::current_exe()
            .and_then(|me| Command::new(me).args(env::args_os().skip(1)).env("TZ", ZONE).status());
        return match again {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("the checks cannot start themselves: {error}");
                ExitCode::FAILURE
            }
        };
    }
    exercise::main(&[
        check("the response is 200, JSON, and must not be stored", is_fresh_json)
            .rule("RFC 9111 section 5.2.2.5 (no-store)"),
        check("the object has unix, unix_ms and iso, and no more", has_three_members),
        check("unix and unix_ms are integers", are_integers).rule("RFC 8259 section 6 (Numbers)"),
        check("the time is right", is_right),
        check("iso is the time in UTC, in seconds, with a Z", is_utc)
            .rule("RFC 3339 section 5.6 (Internet Date/Time Format)"),
        check("the three fields are one instant", are_one_instant),
        check("two calls 1.1 seconds apart differ", moves_on),
        check("HEAD has the same fields as GET, and no body", head_is_the_same)
            .rule("RFC 9110 section 9.3.2 (HEAD)"),
        check("format=unix is the seconds as text", unix_is_digits),
        check("format=http is the date as in a field of HTTP", http_is_a_date)
            .rule("RFC 9110 section 5.6.7 (Date/Time Formats)"),
        check(
            "format=json is the default, and other query keys are ignored",
            other_keys_are_ignored,
        ),
        check("any other, an empty or a repeated format is 400", bad_formats_are_refused)
            .rule("RFC 9110 section 15.5.1 (400 Bad Request)"),
        check("POST is 405, and Allow lists the methods", post_is_refused)
            .rule("RFC 9110 section 15.5.6 (405 Method Not Allowed)"),
    ])
}

fn is_fresh_json(server: &Server) -> Result<(), Failure> {
    let answer = server.get("/api/time")?;
    fresh(&answer)?.json()?;
    Ok(())
}

fn has_three_members(server: &Server) -> Result<(), Failure> {
    let answer = server.get("/api/time")?;
    let value = json(&answer)?;
    let mut names: Vec<&str> = value
        .as_object()
        .map(|members| members.keys().map(String::as_str).collect())
        .unwrap_or_default();
    names.sort_unstable();
    let expected = "an object with the members unix, unix_ms and iso";
    answer.require(names == ["iso", "unix", "unix_ms"], expected, &value)
}

fn are_integers(server: &Server) -> Result<(), Failure> {
    let answer = server.get("/api/time")?;
    let value = json(&answer)?;
    for name in ["unix", "unix_ms"] {
        let expected = format!("`{name}` as a number without a fraction and without quotes");
        answer.require(value[name].is_u64(), expected, &value[name])?;
    }
    Ok(())
}

fn is_right(server: &Server) -> Result<(), Failure> {
    let answer = server.get("/api/time")?;
    let value = json(&answer)?;
    let now = seconds_now();
    let off = value["unix"].as_u64().map(|unix| unix.abs_diff(now));
    let expected = format!("`unix` within two seconds of {now}");
    answer.require(off.is_some_and(|off| off <= 2), expected, &value["unix"])
}

fn is_utc(server: &Server) -> Result<(), Failure> {
    let answer = server.get("/api/time")?;
    let value = json(&answer)?;
    let now = seconds_now();
    let right = around(now).any(|second| value["iso"] == iso(second).as_str());
    let expected = format!("`iso` within two seconds of \"{}\"", iso(now));
    answer.require(right, expected, &value["iso"])
}

/// Two reads of the clock can fall into different seconds at the end of a second, so this sends many requests at that
/// moment. It detects reads that are far apart; the closer together they are, the more it depends on chance.
fn are_one_instant(server: &Server) -> Result<(), Failure> {
    for _ in 0..2 {
        let into_second = Duration::from_nanos(u64::from(since_epoch().subsec_nanos()));
        let wait = Duration::from_millis(1980).saturating_sub(into_second).as_millis() % 1000;
        thread::sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0)));
        let until = SystemTime::now() + Duration::from_millis(50);
        at_once(4, |_| agree(server, until)).into_iter().collect::<Result<(), Failure>>()?;
    }
    Ok(())
}

fn agree(server: &Server, until: SystemTime) -> Result<(), Failure> {
    let mut connection = server.connect()?;
    loop {
        // A fast server reaches its limit of a thousand requests per connection.
        let answer = connection.get("/api/time")?;
        let value = json(&answer)?;
        let unix = value["unix"].as_u64();
        let agree = unix.is_some()
            && value["unix_ms"].as_u64().map(|ms| ms / 1000) == unix
            && unix.is_some_and(|unix| value["iso"] == iso(unix).as_str());
        let expected = "`unix_ms` and `iso` within the second that `unix` says";
        answer.require(agree, expected, &value)?;
        if SystemTime::now() >= until {
            return Ok(());
        }
    }
}

fn moves_on(server: &Server) -> Result<(), Failure> {
    let first = json(&server.get("/api/time")?)?;
    thread::sleep(Duration::from_millis(1100));
    let answer = server.get("/api/time")?;
    let second = json(&answer)?;
    for name in ["unix", "unix_ms", "iso"] {
        let expected = format!("another `{name}` than 1.1 seconds before");
        answer.require(first[name] != second[name], expected, &second[name])?;
    }
    Ok(())
}

fn head_is_the_same(server: &Server) -> Result<(), Failure> {
    for target in ["/api/time", "/api/time?format=unix", "/api/time?format=http"] {
        let get = server.get(target)?;
        let head = server.ask("HEAD", target, &[], b"")?;
        fresh(&head)?;
        for name in ["Content-Type", "Content-Length"] {
            head.field(name, get.has(name)?)?;
        }
        head.body(b"")?;
    }
    Ok(())
}

fn unix_is_digits(server: &Server) -> Result<(), Failure> {
    is_text_of_the_time(server, "unix", |second| second.to_string())
}

fn http_is_a_date(server: &Server) -> Result<(), Failure> {
    is_text_of_the_time(server, "http", http_date)
}

fn is_text_of_the_time(
    server: &Server,
    format: &str,
    form: impl Fn(u64) -> String,
) -> Result<(), Failure> {
    let answer = server.get(&format!("/api/time?format={format}"))?;
    text(&answer)?;
    let now = seconds_now();
    let right = around(now).any(|second| answer.text() == form(second));
    let expected = format!("the text of a time within two seconds of {:?}", form(now));
    answer.require(right, expected, format!("{:?}", answer.text()))
}

fn other_keys_are_ignored(server: &Server) -> Result<(), Failure> {
    for query in ["format=json", "x=1", "x=1&x=2&format=json&y", "formats=unix", "FORMAT=unix", ""]
    {
        let answer = server.get(&format!("/api/time?{query}"))?;
        fresh(&answer)?;
        has_unix(&answer)?;
    }
    for query in ["x=1&format=unix", "f%6Frmat=un%69x", "&format=unix&"] {
        text(&server.get(&format!("/api/time?{query}"))?)?;
    }
    Ok(())
}

fn bad_formats_are_refused(server: &Server) -> Result<(), Failure> {
    for query in [
        "format=xml",
        "format=UNIX",
        "format=unix%20",
        "format=",
        "format",
        "format=unix&format=http",
        "format=unix&format=unix",
        "format=json&x=1&format=",
    ] {
        server.get(&format!("/api/time?{query}"))?.error(400, "bad_format")?;
    }
    Ok(())
}

fn post_is_refused(server: &Server) -> Result<(), Failure> {
    let answer = server.ask("POST", "/api/time", &[], b"")?;
    answer.error(405, "method_not_allowed")?.lists("Allow", "GET")?.lists("Allow", "HEAD")?;
    Ok(())
}

/// The requirements for every good response.
fn fresh(answer: &Answer) -> Result<&Answer, Failure> {
    answer.status(200)?.field("Cache-Control", "no-store")
}

fn text(answer: &Answer) -> Result<&Answer, Failure> {
    fresh(answer)?.media_type("text/plain")
}

fn json(answer: &Answer) -> Result<Value, Failure> {
    answer.status(200)?.json()
}

fn has_unix(answer: &Answer) -> Result<(), Failure> {
    let value = json(answer)?;
    answer.require(value["unix"].is_u64(), "the time as JSON, with `unix` in it", &value)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn seconds_now() -> u64 {
    since_epoch().as_secs()
}

fn around(second: u64) -> impl Iterator<Item = u64> {
    second - 2..=second + 2
}

fn http_date(second: u64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(second))
}

/// `1994-11-06T08:49:37Z`, from the date that HTTP writes as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn iso(second: u64) -> String {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let date = http_date(second);
    let words: Vec<&str> = date.split(' ').collect();
    let [_, day, month, year, time, _] = words[..] else { unreachable!("{date}") };
    let month = MONTHS.find(month).unwrap_or_default() / 3 + 1;
    format!("{year}-{month:02}-{day}T{time}Z")
}
