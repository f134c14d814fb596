//! Health probes: three for orchestrators and load balancers, and one for people.
//!
//! | path | question | a failed probe (503) means |
//! |---|---|---|
//! | `/health/live` | can the process respond at all? | restart it |
//! | `/health/ready` | should it get requests now? | send them elsewhere for a while |
//! | `/health/startup` | has it finished starting? | probe again, and do not restart it yet |
//! | `/health` | all of them | |

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::check::{Check, Run};
use crate::core::Deadline;
use crate::core::stderr::log_stderr;
use crate::http::{HeaderValue, Request, Response, Router, Status, header};

/// The health checks of a program.
///
/// A check has a name and a timeout: if it hangs, it counts as failed and does not block the probe.
/// Liveness has no checks. A database that is down is a reason to send requests
/// elsewhere, but not to restart every server that uses it.
pub struct Health {
    is_draining: Box<dyn Fn() -> bool + Send + Sync>,
    startup: Vec<Check>,
    ready: Vec<Check>,
    /// Whether all startup checks have passed once, so that they are not run again.
    started: AtomicBool,
}

impl Health {
    /// Creates the probes without checks. `is_draining` returns whether a graceful shutdown has
    /// begun: the server then still serves its current clients, but should get no new ones.
    pub fn new(is_draining: impl Fn() -> bool + Send + Sync + 'static) -> Health {
        Health {
            is_draining: Box::new(is_draining),
            startup: Vec::new(),
            ready: Vec::new(),
            started: AtomicBool::new(false),
        }
    }

    /// Adds a check that must pass once before the program counts as started.
    pub fn startup<F>(mut self, name: &'static str, timeout: Duration, check: F) -> Health
    where
        F: Fn() -> Result<(), String> + Send + Sync + 'static,
    {
        self.startup.push(Check::new(name, timeout, check));
        self
    }

    /// Adds a check that must pass for the program to get requests.
    ///
    /// The text of an error is logged on standard error. It is not sent to the client, because it
    /// may reveal internals.
    pub fn ready<F>(mut self, name: &'static str, timeout: Duration, check: F) -> Health
    where
        F: Fn() -> Result<(), String> + Send + Sync + 'static,
    {
        self.ready.push(Check::new(name, timeout, check));
        self
    }

    /// Adds the routes of the four probes.
    pub fn routes(self, router: &mut Router) {
        let health = Arc::new(self);
        let handler = |probe: fn(&Health) -> Report| {
            let health = Arc::clone(&health);
            move |_: &mut Request| probe(&health).into_response()
        };
        router.get("/health", handler(Health::whole));
        router.get("/health/live", handler(|_| Report::new()));
        router.get("/health/ready", handler(Health::is_ready));
        router.get("/health/startup", handler(Health::has_started));
    }

    fn whole(&self) -> Report {
        let mut report = self.has_started();
        report.add_all(self.is_ready_if(report.passed));
        report
    }

    fn has_started(&self) -> Report {
        let mut report = Report::new();
        if self.started.load(Ordering::Acquire) {
            for check in &self.startup {
                report.add(check.name(), true);
            }
            return report;
        }
        report.make(&self.startup);
        if report.passed {
            self.started.store(true, Ordering::Release);
        }
        report
    }

    fn is_ready(&self) -> Report {
        self.is_ready_if(self.has_started().passed)
    }

    fn is_ready_if(&self, started: bool) -> Report {
        let mut report = Report::new();
        report.add("started", started);
        report.add("accepting", !(self.is_draining)());
        report.make(&self.ready);
        report
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("startup", &self.startup)
            .field("ready", &self.ready)
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}

/// The result of a probe: every check by its name, and whether all have passed.
struct Report {
    passed: bool,
    checks: Map<String, Value>,
}

impl Report {
    fn new() -> Report {
        Report { passed: true, checks: Map::new() }
    }

    fn add(&mut self, name: &str, passed: bool) {
        self.passed &= passed;
        self.checks.insert(name.to_string(), word(passed).into());
    }

    fn add_all(&mut self, other: Report) {
        self.passed &= other.passed;
        self.checks.extend(other.checks);
    }

    /// Runs all checks at the same time, so a probe takes as long as its slowest check, not as long
    /// as all checks together.
    fn make(&mut self, checks: &[Check]) {
        let runs: Vec<(Run<'_>, Deadline)> =
            checks.iter().map(|check| (check.begin(), Deadline::after(check.timeout()))).collect();
        for (run, deadline) in runs {
            let name = run.name();
            let outcome = run.finish(deadline);
            if let Err(error) = &outcome {
                log_stderr(format_args!("health check {name}: {error}"));
            }
            self.add(name, outcome.is_ok());
        }
    }

    /// Converts the report into a response that must not be stored, because the next result may
    /// differ.
    fn into_response(self) -> Response {
        let status = if self.passed { Status::OK } else { Status::SERVICE_UNAVAILABLE };
        Response::json(&json!({ "status": word(self.passed), "checks": self.checks }))
            .with_status(status)
            .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }
}

fn word(passed: bool) -> &'static str {
    if passed { "ok" } else { "failed" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Handler, Method, ResponseBody};

    const LONG: Duration = Duration::from_secs(20);

    fn ask(health: Health, paths: &[&str]) -> Vec<String> {
        let mut router = Router::new();
        health.routes(&mut router);
        let routes = router.build().unwrap();
        let answer = |path: &&str| {
            let response = routes.handle(&mut Request::builder(Method::Get, path).build());
            assert_eq!(response.headers().get("Cache-Control").unwrap().to_str(), Some("no-store"));
            match response.body() {
                ResponseBody::Bytes(body) => {
                    format!("{} {}", response.status().code(), str::from_utf8(body).unwrap())
                }
                other => panic!("{other:?}"),
            }
        };
        paths.iter().map(answer).collect()
    }

    #[test]
    fn a_program_without_checks_is_healthy() {
        let answers = ask(Health::new(|| false), &["/health/live", "/health/ready", "/health"]);
        assert_eq!(answers[0], r#"200 {"status":"ok","checks":{}}"#);
        assert_eq!(answers[1], r#"200 {"status":"ok","checks":{"started":"ok","accepting":"ok"}}"#);
        assert_eq!(answers[2], r#"200 {"status":"ok","checks":{"started":"ok","accepting":"ok"}}"#);
    }

    #[test]
    fn a_draining_server_is_live_but_not_ready() {
        let answers = ask(
            Health::new(|| true),
            &["/health/live", "/health/startup", "/health/ready", "/health"],
        );
        let codes: Vec<&str> = answers.iter().map(|answer| &answer[..3]).collect();
        assert_eq!(codes, ["200", "200", "503", "503"]);
        assert!(answers[3].contains(r#""accepting":"failed""#), "{}", answers[3]);
    }

    #[test]
    fn a_failed_check_is_named_but_its_reason_is_not_sent() {
        let health =
            Health::new(|| false)
                .ready("cache", LONG, || Ok(()))
                .ready("database", LONG, || Err("10.0.0.7 is away".to_string()));
        let answers = ask(health, &["/health/ready"]);
        assert!(answers[0].starts_with("503"), "{}", answers[0]);
        assert!(answers[0].contains(r#""cache":"ok","database":"failed""#), "{}", answers[0]);
        assert!(!answers[0].contains("10.0.0.7"), "{}", answers[0]);
    }

    #[test]
    fn startup_checks_run_until_they_have_passed_once() {
        let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let health = Health::new(|| false).startup("warm", LONG, move || {
            match counted.fetch_add(1, Ordering::Relaxed) {
                0 => Err("cold".to_string()),
                _ => Ok(()),
            }
        });
        let answers = ask(health, &["/health/ready", "/health/startup", "/health/startup"]);
        let codes: Vec<&str> = answers.iter().map(|answer| &answer[..3]).collect();
        assert_eq!((codes, calls.load(Ordering::Relaxed)), (vec!["503", "200", "200"], 2));
        // Startup checks are still listed when they are no longer run.
        assert_eq!(answers[2], r#"200 {"status":"ok","checks":{"warm":"ok"}}"#);
    }

    #[test]
    fn health_shows_its_checks() {
        let health = Health::new(|| false).startup("warm", LONG, || Ok(()));
        let shown = format!("{health:?}");
        assert!(shown.contains("startup: [Check(warm, 20s)], ready: []"), "{shown}");
    }
}
