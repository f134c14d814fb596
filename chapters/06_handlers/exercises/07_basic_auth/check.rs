//! Exercise 7: are users with the right password allowed, and all others rejected, however the path
//! is spelled?

use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use wire::exercise::{self, Answer, Check, Failure, Server, check};
use wire::request;

const WHOAMI: &str = "/admin/whoami";
const CHALLENGE: &str = "Basic realm=\"admin\", charset=\"UTF-8\"";

/// Two users: one has a colon in the password, the other a letter and two spaces.
const ADA: &str = "ada:analytical:engine";
const GRACE: &str = "grace:café au lait";

/// An origin whose pages may read the responses of the chapter's server.
const PAGE: &str = "http://localhost:3000";

fn main() -> ExitCode {
    exercise::main(CHECKS)
}

const CHECKS: &[Check] = &[
    check("without credentials it is 401 with a challenge", challenge)
        .rule("RFC 9110 section 15.5.2 (401 Unauthorized)"),
    check("the handler sees the name of the user", handler_sees_the_user)
        .rule("RFC 7617 section 2 (The 'Basic' Authentication Scheme)"),
    check("a wrong name or password is 401", wrong_credentials)
        .rule("RFC 7617 section 2 (The 'Basic' Authentication Scheme)"),
    check("the name ends at the first colon", first_colon)
        .rule("RFC 7617 section 2 (The 'Basic' Authentication Scheme)"),
    check("a password that is not ASCII is sent in UTF-8", utf_8)
        .rule("RFC 7617 section 2.1 (The 'charset' auth-param)"),
    check("the scheme may be written in any case", scheme_in_any_case)
        .rule("RFC 9110 section 11.1 (Authentication Scheme)"),
    check("credentials that cannot be read are 401", unreadable)
        .rule("RFC 4648 section 3.3 (Interpretation of Non-Alphabet Characters in Encoded Data)"),
    check("two Authorization lines are 401", two_lines).rule("RFC 9110 section 5.3 (Field Order)"),
    check("the response is the same for every cause", same_answer),
    check("a rejected request does not reach the handler", handler_does_not_run),
    check("a prefix is made of whole segments", whole_segments),
    check("an encoded path is protected like the plain path", encoded_path)
        .rule("RFC 3986 section 6.2.2.2 (Percent-Encoding Normalization)"),
    check("an excepted path is open", excepted),
    check("an unprotected path stays open", not_protected),
    check("a CORS preflight passes, and a page can read the 401", preflight)
        .rule("WHATWG Fetch, \"CORS-preflight fetch\""),
    check("credentials are never logged", not_logged)
        .rule("RFC 7617 section 4 (Security Considerations)"),
    check(
        "the connection can be used again after a 401 to a request with a body",
        connection_goes_on,
    )
    .rule("RFC 9112 section 9.3 (Persistence)"),
    check("a request does not inherit the user of the request before it", no_inheritance)
        .rule("RFC 9110 section 3.3 (Connections, Clients, and Servers)"),
];

fn challenge(server: &Server) -> Result<(), Failure> {
    for target in [WHOAMI, "/admin", "/admin/", "/admin/whoami?x=/", "/admin/nothing/is/here"] {
        is_refused(&server.get(target)?)?;
    }
    // 401 comes before 405: the methods of the path are not disclosed without a password either.
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        is_refused(&server.ask(method, WHOAMI, &[], b"")?)?;
    }
    let head = server.ask("HEAD", WHOAMI, &[], b"")?;
    head.status(401)?.field("WWW-Authenticate", CHALLENGE)?.body(b"")?;
    Ok(())
}

fn handler_sees_the_user(server: &Server) -> Result<(), Failure> {
    for (credentials, user) in [(ADA, "ada"), (GRACE, "grace")] {
        is_user(&with(server, &basic(credentials))?, user)?;
    }
    let value = basic(ADA);
    let head = server.ask("HEAD", WHOAMI, &[("Authorization", &value)], b"")?;
    head.status(200)?.no_field("WWW-Authenticate")?.body(b"")?;
    // With the password, requests work as on any other path.
    let post = server.ask("POST", WHOAMI, &[("Authorization", &value)], b"")?;
    post.error(405, "method_not_allowed")?;
    let nothing = server.ask("GET", "/admin/nothing", &[("Authorization", &value)], b"")?;
    nothing.error(404, "not_found")?;
    Ok(())
}

fn wrong_credentials(server: &Server) -> Result<(), Failure> {
    for credentials in [
        "ada:analytical:engines",
        "ada:analytical:engin",
        "ada:analytical:enginE",
        "ada:nalytical:engine",
        "ada:analytical:engine\0",
        "ada: analytical:engine",
        "ada:",
        "ada:café au lait",
        "grace:analytical:engine",
        "Ada:analytical:engine",
        "ad:analytical:engine",
        "adaa:analytical:engine",
        "ada :analytical:engine",
        "charles:analytical:engine",
        ":analytical:engine",
        "charles:",
        ":",
    ] {
        is_refused(&with(server, &basic(credentials))?)?;
    }
    Ok(())
}

fn first_colon(server: &Server) -> Result<(), Failure> {
    is_user(&with(server, &basic(ADA))?, "ada")?;
    for credentials in
        ["ada:analytical", "ada:engine", "ada:analytical:", "ada:analytical:engine:", "ada::engine"]
    {
        is_refused(&with(server, &basic(credentials))?)?;
    }
    Ok(())
}

fn utf_8(server: &Server) -> Result<(), Failure> {
    is_user(&with(server, &basic(GRACE))?, "grace")?;
    // The same letter in ISO 8859-1, and with its accent as a second character.
    let latin_1 = format!("Basic {}", STANDARD.encode(b"grace:caf\xe9 au lait"));
    for value in [latin_1, basic("grace:cafe\u{301} au lait"), basic("grace:cafe au lait")] {
        is_refused(&with(server, &value)?)?;
    }
    Ok(())
}

fn scheme_in_any_case(server: &Server) -> Result<(), Failure> {
    let encoded = STANDARD.encode(ADA);
    for scheme in ["Basic", "basic", "BASIC", "bAsIc"] {
        is_user(&with(server, &format!("{scheme} {encoded}"))?, "ada")?;
    }
    Ok(())
}

fn unreadable(server: &Server) -> Result<(), Failure> {
    let (encoded, no_padding) = (STANDARD.encode(GRACE), STANDARD_NO_PAD.encode(GRACE));
    let lines = [
        format!("Basic {no_padding}"),
        format!("Basic {encoded}="),
        format!("Basic {encoded}!"),
        format!("Basic {encoded} x"),
        format!("Basic {}", URL_SAFE.encode(b"ada:\xff\xff\xff\xfe")),
        format!("Basic {}", STANDARD.encode(b"ada:\xff\xff\xff\xfe")),
        format!("Basic {}", STANDARD.encode(b"\xff\xfe\xfd")),
        basic("no colon"),
        basic(""),
        format!("Basic {GRACE}"),
        "Basic %%%".to_string(),
        "Basic =".to_string(),
        "Basic é".to_string(),
        "Basic".to_string(),
        String::new(),
        encoded.clone(),
        format!("Basic{encoded}"),
        format!("Basically {encoded}"),
        format!("Bearer {encoded}"),
        format!("Digest username=\"{encoded}\""),
        format!("Basic {encoded}, Basic {encoded}"),
        format!("Basic {}", "QUFB".repeat(1000)),
    ];
    for line in &lines {
        is_refused(&with(server, line)?)?;
    }
    Ok(())
}

fn two_lines(server: &Server) -> Result<(), Failure> {
    let (good, bad) = (basic(ADA), basic("ada:no"));
    for (first, second) in [(&good, &bad), (&bad, &good), (&good, &good), (&good, &String::new())] {
        let fields = [("Authorization", first.as_str()), ("authorization", second)];
        is_refused(&server.ask("GET", WHOAMI, &fields, b"")?)?;
    }
    Ok(())
}

fn same_answer(server: &Server) -> Result<(), Failure> {
    let first = server.get(WHOAMI)?;
    is_refused(&first)?;
    // Only the id of the request and the time may differ.
    let said = |answer: &Answer| -> Vec<(String, String)> {
        let own = |name: &str| ["date", "x-request-id"].contains(&name);
        let fields = answer.reply.fields.iter();
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        fields.filter(|(name, _)| !own(name)).collect()
    };
    for line in [
        basic("ada:wrong"),
        basic("charles:analytical:engine"),
        basic("no colon"),
        "Basic %%%".to_string(),
        "Bearer x".to_string(),
    ] {
        let answer = with(server, &line)?;
        is_refused(&answer)?;
        answer.body(&first.reply.body)?;
        let expected =
            format!("the fields of the response without credentials: {:?}", said(&first));
        answer.require(said(&answer) == said(&first), expected, format!("{:?}", said(&answer)))?;
    }
    Ok(())
}

fn handler_does_not_run(server: &Server) -> Result<(), Failure> {
    let (good, bad) = (basic(ADA), basic("ada:no"));
    visits(&with(server, &good)?, 1)?;
    for _ in 0..3 {
        is_refused(&server.get(WHOAMI)?)?;
        is_refused(&with(server, &bad)?)?;
        server.ask("HEAD", WHOAMI, &[], b"")?.status(401)?;
    }
    visits(&with(server, &good)?, 2)
}

fn whole_segments(server: &Server) -> Result<(), Failure> {
    for target in
        ["/administrator", "/admin-panel/whoami", "/adminwhoami", "/admin.html", "/hello/admin/x"]
    {
        server.get(target)?.error(404, "not_found")?;
    }
    server.get("/hello/admin")?.status(200)?;
    Ok(())
}

fn encoded_path(server: &Server) -> Result<(), Failure> {
    let good = basic(ADA);
    for target in [
        "/%61dmin/whoami",
        "/admi%6e/whoami",
        "/%61%64%6D%69%6e/%77hoami",
        "/admin/%77hoami",
        "http://test/admin/whoami",
        "http://test/%61dmin/whoami",
    ] {
        is_refused(&server.get(target)?)?;
        is_user(&server.ask("GET", target, &[("Authorization", &good)], b"")?, "ada")?;
    }
    // None of these spellings must give access.
    for target in [
        "/admin%2Fwhoami",
        "/%61dmin%2fwhoami",
        "/%2561dmin/whoami",
        "//admin/whoami",
        "/./admin/whoami",
        "/hello/../admin/whoami",
        "/hello/%2e%2e/admin/whoami",
        "/admin/health/../whoami",
        "/admin/health/%2e%2e/whoami",
        "/admin/health%2F..%2Fwhoami",
        "/admin;x/whoami",
        "/ADMIN/whoami",
    ] {
        let answer = server.get(target)?;
        answer.require(answer.status != 200, "no page for users only", "status 200")?;
    }
    Ok(())
}

fn excepted(server: &Server) -> Result<(), Failure> {
    let bad = basic("ada:no");
    for target in ["/admin/health", "/admin/%68ealth", "/%61dmin/health?x"] {
        server.get(target)?.status(204)?.no_field("WWW-Authenticate")?;
        server.ask("GET", target, &[("Authorization", &bad)], b"")?.status(204)?;
    }
    server.get("/admin/health/more")?.error(404, "not_found")?;
    for target in ["/admin/healthy", "/admin/health-check", "/admin/x/health", "/admin/health%2F"] {
        is_refused(&server.get(target)?)?;
    }
    Ok(())
}

fn not_protected(server: &Server) -> Result<(), Failure> {
    let bad = basic("ada:no");
    for target in
        ["/", "/hello/Ada", "/static/hello.txt", "/health", "/health/live", "/health/ready"]
    {
        server.get(target)?.status(200)?.no_field("WWW-Authenticate")?;
        let answer = server.ask("GET", target, &[("Authorization", &bad)], b"")?;
        answer.status(200)?.no_field("WWW-Authenticate")?;
    }
    Ok(())
}

fn preflight(server: &Server) -> Result<(), Failure> {
    let fields = [("Origin", PAGE), ("Access-Control-Request-Method", "PUT")];
    let answer = server.ask("OPTIONS", WHOAMI, &fields, b"")?;
    answer.status(204)?.field("Access-Control-Allow-Origin", PAGE)?.no_field("WWW-Authenticate")?;
    let answer = server.ask("GET", WHOAMI, &[("Origin", PAGE)], b"")?;
    is_refused(&answer)?;
    answer.field("Access-Control-Allow-Origin", PAGE)?;
    // Without these two fields, the request is not a preflight, but an ordinary request.
    is_refused(&server.ask("OPTIONS", WHOAMI, &[("Origin", PAGE)], b"")?)
}

fn not_logged(server: &Server) -> Result<(), Failure> {
    for format in ["common", "json"] {
        let server = server.with_arguments(&["--log", format])?;
        let (good, bad) = (basic(ADA), basic("grace:secret-wrong"));
        is_user(&with(&server, &good)?, "ada")?;
        is_refused(&with(&server, &bad)?)?;
        for (value, behind) in [(&good, 404), (&bad, 401)] {
            for (target, status) in
                [("/hello/Ada", 200), ("/panic", 500), ("/admin/nothing", behind)]
            {
                server.ask("GET", target, &[("Authorization", value)], b"")?.status(status)?;
            }
        }
        // A scheme other than Basic, and a value that cannot be decoded.
        is_refused(&with(&server, "Bearer token-of-ada")?)?;
        is_refused(&with(&server, "Basic %%secret-wrong%%")?)?;
        let is_complete = |text: &str| text.lines().count() >= 11;
        let log = server.wait_for_stdout("an access log with ten lines", is_complete)?;
        let is_401 = |line: &str| line.contains("\" 401 ") || line.contains("\"status\":401,");
        let refused = log.lines().filter(|line| line.contains(WHOAMI) && is_401(line));
        if refused.count() != 3 {
            let expected = "three lines about /admin/whoami with the status 401 in the access log";
            return Err(Failure::new(expected, log));
        }
        let all = log + &server.program().stderr_so_far();
        let encoded = [&good, &bad].map(|value| value.trim_start_matches("Basic ").to_string());
        let words = ["analytical:engine", "secret-wrong", "token-of-ada"].map(String::from);
        for secret in encoded.iter().chain(&words) {
            if let Some(line) = all.lines().find(|line| line.contains(secret)) {
                let expected = format!("no `{secret}` on standard output or standard error");
                return Err(Failure::new(expected, line));
            }
        }
    }
    Ok(())
}

fn connection_goes_on(server: &Server) -> Result<(), Failure> {
    let good = basic(ADA);
    let good = [("Authorization", good.as_str())];
    // A body that looks like a request.
    let body = b"GET /hello/nobody HTTP/1.1\r\nHost: test\r\n\r\n";
    let chunked =
        b"POST /admin/whoami HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n0\r\n\r\n";
    let mut connection = server.connect()?;
    for _ in 0..2 {
        is_refused(&connection.ask("POST", WHOAMI, &[], body)?)?;
        is_user(&connection.ask("GET", WHOAMI, &good, b"")?, "ada")?;
        is_refused(&connection.send(chunked)?)?;
        is_user(&connection.ask("GET", WHOAMI, &good, b"")?, "ada")?;
    }
    // Both at once: the second request is sent before the 401 arrives.
    let both = [request("POST", WHOAMI, &[], body), request("GET", WHOAMI, &good, b"")].concat();
    is_refused(&connection.send(&both)?)?;
    is_user(&connection.read(&both)?, "ada")
}

fn no_inheritance(server: &Server) -> Result<(), Failure> {
    let (ada, grace) = (basic(ADA), basic(GRACE));
    let mut connection = server.connect()?;
    for _ in 0..2 {
        for (value, user) in [(&ada, "ada"), (&grace, "grace")] {
            let answer = connection.ask("GET", WHOAMI, &[("Authorization", value)], b"")?;
            is_user(&answer, user)?;
            is_refused(&connection.ask("GET", WHOAMI, &[], b"")?)?;
        }
    }
    Ok(())
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

/// A GET of the page for users, with this value for Authorization.
fn with(server: &Server, authorization: &str) -> Result<Answer, Failure> {
    server.ask("GET", WHOAMI, &[("Authorization", authorization)], b"")
}

fn is_refused(answer: &Answer) -> Result<(), Failure> {
    answer.error(401, "unauthorized")?.field("WWW-Authenticate", CHALLENGE)?;
    Ok(())
}

fn is_user(answer: &Answer, name: &str) -> Result<(), Failure> {
    answer.status(200)?;
    let body = answer.json()?;
    answer.require(body["user"] == name, format!("{{\"user\": \"{name}\", …}}"), &body)
}

fn visits(answer: &Answer, count: u64) -> Result<(), Failure> {
    answer.status(200)?;
    let body = answer.json()?;
    let expected = format!("{{…, \"visits\": {count}}}, for the handler has run so often");
    answer.require(body["visits"] == count, expected, &body)
}
