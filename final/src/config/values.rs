//! Parsing of the settings from text, which collects all problems.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::SignedDuration;

use super::settings::{SETTINGS, Setting, variable};
use crate::core::memory_budget::largest_reservation;
use crate::http::TrustedProxies;
use crate::http::limits::{KIB, LONGEST, Limits, MIB};
use crate::http::trusted_proxies::InvalidProxies;
use crate::middleware::limit_store::{StoreConfig, WhenDown};
use crate::middleware::log_format::LogFormat;
use crate::middleware::redis_limit::RedisStore;

/// The lower bound of `--max-memory`, in bytes.
const LEAST_MEMORY: usize = MIB;
const MOST_MEMORY: usize = MIB * MIB;

/// The values of the settings as text, and the problems found so far.
///
/// Each method parses one kind of value. For invalid text it adds a problem and returns a fallback
/// value, so that all other problems are found too.
pub(super) struct Values {
    /// The source and the text of each value, by the name of the setting.
    pub(super) found: BTreeMap<&'static str, (String, String)>,
    pub(super) problems: Vec<String>,
}

impl Values {
    pub(super) fn limits(&mut self) -> Limits {
        let limits = Limits::default();
        Limits {
            requests: self.count("max-requests").map_or(limits.requests, |count| count as usize),
            target: self.size("max-target"),
            head: self.size("max-head"),
            fields: self.count("max-fields").map_or(limits.fields, |count| count as usize),
            body: self.size("max-body") as u64,
            whole_body: self.size("max-whole-body") as u64,
            idle_time: self.time("idle-timeout"),
            head_time: self.time("head-timeout"),
            body_time: self.time("body-timeout"),
            write_time: self.time("write-timeout"),
            ..limits
        }
    }

    /// Checks the bounds of the memory budget, and that it has room for the largest collected body
    /// and for the largest header section.
    pub(super) fn check_memory(&mut self, memory: usize, limits: &Limits) {
        if self.has_problem("max-memory") {
            return;
        }
        if !(LEAST_MEMORY..=MOST_MEMORY).contains(&memory) {
            self.problem("max-memory", "must be from 1MiB to 1TiB");
            return;
        }
        for (part, bytes, limit) in [
            ("body", limits.whole_body, "max-whole-body"),
            ("header section", limits.head as u64, "max-head"),
        ] {
            if bytes > largest_reservation(memory) as u64 && !self.has_problem(limit) {
                let least = bytes.saturating_add(bytes / 7);
                let what = format!(
                    "has no room for a {part} of {bytes} bytes; set at least {least} bytes, or a smaller --{limit}"
                );
                self.problem("max-memory", &what);
            }
        }
    }

    /// Adds a problem if the setting `name` was set to more than `most`, the largest value that has
    /// an effect together with the setting `other`.
    pub(super) fn check_bound(&mut self, name: &str, value: u64, other: &str, most: u64) {
        let is_invalid = self.has_problem(name) || self.has_problem(other);
        if value <= most || self.is_default(name) || is_invalid {
            return;
        }
        let bound = self.text(other).unwrap_or_default();
        let what = format!(
            "has no effect above {most}, because of --{other} {bound}; set at most {most}, or a larger --{other}"
        );
        self.problem(name, &what);
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.found.get(name).map(|(_, text)| text.clone()).filter(|text| !text.is_empty())
    }

    /// Adds a problem such as `--max-body 1XB (HTTP_MAX_BODY): …`: the source, the value, and the
    /// other way to set it.
    pub(super) fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(self.start_of_problem(name) + what);
    }

    fn has_problem(&self, name: &str) -> bool {
        let start = self.start_of_problem(name);
        self.problems.iter().any(|problem| problem.starts_with(&start))
    }

    fn start_of_problem(&self, name: &str) -> String {
        let (place, text) = self.found.get(name).cloned().unwrap_or_default();
        let text = if name == "rate-limit-store" { without_credentials(&text) } else { text };
        let is_flag = place.starts_with("--");
        let other = if is_flag { variable(name) } else { format!("--{name}") };
        // The flag of a switch has no value.
        let is_switch = setting(name).is_some_and(|setting| setting.value.is_empty());
        if is_flag && is_switch {
            return format!("{place} ({other}): ");
        }
        format!("{place} {text} ({other}): ")
    }

    pub(super) fn address(&mut self, name: &str) -> SocketAddr {
        self.text(name).unwrap_or_default().parse().unwrap_or_else(|_| {
            let what = "must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080";
            self.problem(name, what);
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    pub(super) fn count(&mut self, name: &str) -> Option<u32> {
        let text = self.text(name)?;
        match text.parse::<u64>() {
            Ok(0) | Err(_) => self.problem(name, "must be a whole number, and at least 1"),
            Ok(count) if count > largest(name) => self.too_large(name),
            Ok(count) => return u32::try_from(count).ok(),
        }
        None
    }

    fn too_large(&mut self, name: &str) {
        self.problem(name, &format!("must be at most {}", largest(name)));
    }

    pub(super) fn time(&mut self, name: &str) -> Duration {
        let time = self.found_time(name).filter(|time| !time.is_zero());
        let what = "must be a time such as 500ms, 10s or 2m, and more than zero";
        self.countable(name, time, what)
    }

    /// Parses a time that may also be zero, which means no wait.
    pub(super) fn time_or_none(&mut self, name: &str) -> Duration {
        let time = self.found_time(name);
        self.countable(name, time, "must be a time such as 0s, 500ms, 10s or 2m")
    }

    /// Adds a problem for text that is not a time, and for a time that the clock cannot represent.
    fn countable(&mut self, name: &str, time: Option<Duration>, what: &str) -> Duration {
        match time {
            Some(time) if time <= LONGEST => return time,
            Some(_) => {
                let hours = LONGEST.as_secs() / 3600;
                self.problem(name, &format!("must be at most a year, {hours}h"));
            }
            None => self.problem(name, what),
        }
        Duration::from_secs(1)
    }

    fn found_time(&self, name: &str) -> Option<Duration> {
        let text = self.text(name)?;
        match text.parse::<u64>() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => text.parse::<SignedDuration>().ok()?.try_into().ok(),
        }
    }

    pub(super) fn size(&mut self, name: &str) -> usize {
        let text = self.text(name).unwrap_or_default();
        let units = [("KiB", KIB), ("MiB", MIB), ("GiB", KIB * MIB), ("TiB", MIB * MIB), ("", 1)];
        let size = units.iter().find_map(|(unit, bytes)| {
            let number: usize = text.strip_suffix(unit)?.trim_end().parse().ok()?;
            number.checked_mul(*bytes)
        });
        match size {
            Some(size) if size as u64 > largest(name) => self.too_large(name),
            Some(size) if size > 0 => return size,
            _ => {
                self.problem(name, "must be a size such as 512, 16KiB or 8MiB, and more than zero");
            }
        }
        1
    }

    pub(super) fn switch(&mut self, name: &str) -> bool {
        match self.text(name).unwrap_or_default().as_str() {
            "true" | "1" => true,
            "false" | "0" | "" => false,
            _ => {
                self.problem(name, "must be true or false");
                false
            }
        }
    }

    pub(super) fn proxies(&mut self) -> TrustedProxies {
        let Some(list) = self.text("trusted-proxies") else { return TrustedProxies::default() };
        list.parse().unwrap_or_else(|error: InvalidProxies| {
            self.problem("trusted-proxies", &error.to_string());
            TrustedProxies::default()
        })
    }

    pub(super) fn rate_limit(&mut self) -> Option<StoreConfig> {
        let when_down = match self.text("rate-limit-store-down").as_deref() {
            Some("open") => Some(WhenDown::Open),
            Some("closed") => Some(WhenDown::Closed),
            _ => {
                self.problem("rate-limit-store-down", "must be open or closed");
                None
            }
        };
        let prefix = self.text("rate-limit-prefix").unwrap_or_default();
        let Some(url) = self.text("rate-limit-store") else {
            self.check_needs_store("rate-limit-prefix");
            if when_down.is_some() {
                self.check_needs_store("rate-limit-store-down");
            }
            return None;
        };
        if let Err(error) = RedisStore::check(&url) {
            self.problem("rate-limit-store", &error.to_string());
        }
        Some(StoreConfig { url, prefix, when_down: when_down? })
    }

    /// Returns whether the setting has the text of its default, from whatever source.
    fn is_default(&self, name: &str) -> bool {
        let default = setting(name).map(|setting| setting.default);
        self.found.get(name).map(|(_, text)| text.as_str()) == default
    }

    /// Adds a problem for a setting of the store that is not the default, although there is no store.
    fn check_needs_store(&mut self, name: &str) {
        if !self.is_default(name) {
            let what = "has no effect without --rate-limit-store; set that too, or leave this out";
            self.problem(name, what);
        }
    }

    pub(super) fn log(&mut self) -> Option<LogFormat> {
        let text = self.text("log").unwrap_or_default();
        if text == "off" {
            return None;
        }
        text.parse().ok().or_else(|| {
            self.problem("log", "must be common, json or off");
            None
        })
    }
}

fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Returns the text with `***` in place of the user name and the password of a URL, because error
/// messages end up in logs. The URL may be misspelt: `redis:/:secret@db`.
fn without_credentials(text: &str) -> String {
    let begin = text.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = text.split_at(begin);
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}***@{host}"),
        None if rest.starts_with(':') => format!("{scheme}***"),
        None => text.to_string(),
    }
}

/// Returns the largest supported value of a count or a size. With a larger one the program would
/// abort when it allocates memory or starts threads.
fn largest(name: &str) -> u64 {
    const MIB: u64 = 1024 * 1024;
    match name {
        // Each permit needs a thread, which is created at startup.
        "permits" => 1024,
        // The default limit of Linux on the threads of all processes together.
        "threads" => 32_768,
        // The default limit of Linux on the open files of a process (fs.nr_open). Each connection
        // has a slot that is allocated at startup.
        "max-connections" | "max-connections-per-address" => 1_048_576,
        "max-fields" => 65_536,
        // A header section has to fit into one buffer, so this bounds the size of that buffer.
        "max-target" | "max-head" => 16 * MIB,
        "max-body" => MIB * MIB,
        // The largest reservation in the largest memory budget.
        "max-whole-body" => MIB * MIB / 8 * 7,
        // `check_memory` checks the bounds of the memory budget.
        "max-memory" => u64::MAX,
        // The other values are only compared with counters, so no memory is allocated for them.
        _ => u32::MAX.into(),
    }
}
