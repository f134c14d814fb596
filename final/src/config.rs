//! The configuration of the server. All errors in it are reported at once.
//!
//! For each setting, the most specific source takes precedence: flag, then environment variable,
//! then file, then default.

mod settings;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::core::worker_pool::PoolConfig;
use crate::http::TrustedProxies;
use crate::http::limits::Limits;
use crate::middleware::limit_store::StoreConfig;
use crate::middleware::log_format::LogFormat;
use crate::server::ConnectionLimits;
use settings::{SETTINGS, Setting, command, variable};
use values::Values;

/// The size in bytes of the shortest field line, `a:` and a line end.
const SHORTEST_FIELD: usize = 4;

/// All settings, parsed and validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The address to listen on. With port 0, the kernel chooses a free port.
    pub addr: SocketAddr,
    /// The directory whose files are served, or `None` for the `public` directory of the
    /// demonstration.
    pub root: Option<PathBuf>,
    /// Whether only files are served, from `/` on, besides the health checks and the metrics.
    pub files_only: bool,
    /// Whether directories without an `index.html` are listed.
    pub listings: bool,
    /// The time for which a client may cache a file other than an HTML page without revalidating
    /// it.
    pub max_age: Duration,
    /// The format of the access log, or `None` for no log.
    pub log: Option<LogFormat>,
    /// The limits that apply to each client.
    pub limits: Limits,
    /// The maximum number of bytes held for all clients together: see
    /// [`memory_budget`](crate::core::memory_budget).
    pub max_memory: usize,
    /// The numbers of permits and threads, and the stall timeout.
    pub size: PoolConfig,
    /// The maximum numbers of connections, in total and from one address.
    pub clients: ConnectionLimits,
    /// The trusted proxies, whose reports about their clients are used.
    pub trusted_proxies: TrustedProxies,
    /// The store of rate limits that several servers share, or `None` for limits of this server
    /// alone.
    pub rate_limit: Option<StoreConfig>,
    /// The time for which the server still accepts clients after a stop has been requested: see
    /// [`Server::with_stop_delay`](crate::Server::with_stop_delay).
    pub stop_delay: Duration,
    /// The maximum time that a stopping server waits for requests in progress.
    pub drain: Duration,
    /// The value of each setting as text, by the name of the setting.
    pub texts: BTreeMap<&'static str, String>,
}

impl Config {
    /// Parses the values, and adds all problems with them to `values`.
    fn from_values(values: &mut Values) -> Config {
        let defaults = PoolConfig::default();
        let permits = values.count("permits").unwrap_or(defaults.permits);
        let threads = values.count("threads").unwrap_or(permits.saturating_add(32));
        if threads < permits {
            values.problem("threads", &format!("must be at least as many as --permits, {permits}"));
        }
        let config = Config {
            addr: values.address("addr"),
            root: values.text("root").map(PathBuf::from),
            files_only: values.switch("files-only"),
            listings: values.switch("listings"),
            max_age: values.time("max-age"),
            log: values.log(),
            limits: values.limits(),
            max_memory: values.size("max-memory"),
            size: PoolConfig { permits, threads, stall_timeout: values.time("stall-timeout") },
            clients: ConnectionLimits {
                total: values.count("max-connections").unwrap_or(ConnectionLimits::default().total),
                by_address: values.count("max-connections-per-address"),
            },
            trusted_proxies: values.proxies(),
            rate_limit: values.rate_limit(),
            stop_delay: values.time_or_none("stop-delay"),
            drain: values.time("drain-timeout"),
            texts: values.found.iter().map(|(name, (_, text))| (*name, text.clone())).collect(),
        };
        if let Some(folder) = config.root.as_ref().filter(|folder| !folder.is_dir()) {
            values.problem("root", &format!("there is no directory {}", folder.display()));
        }
        config.check_combinations(values);
        values.check_memory(config.max_memory, &config.limits);
        config
    }

    /// Reports each setting that has no effect together with another one, or that needs another one.
    fn check_combinations(&self, values: &mut Values) {
        if self.files_only && self.root.is_none() {
            values.problem("files-only", "needs a directory: --root DIR (HTTP_ROOT)");
        }
        if self.files_only && self.rate_limit.is_some() {
            let what =
                "has no effect with --files-only, which limits no rates; leave one of them out";
            values.problem("rate-limit-store", what);
        }
        self.check_bounds(values);
    }

    /// Reports each limit that is never reached, because another setting allows less. A default may
    /// be above such a bound, so that `--max-head 4KiB` alone is valid.
    fn check_bounds(&self, values: &mut Values) {
        let Limits { target, head, fields, body, whole_body, .. } = self.limits;
        let ConnectionLimits { total, by_address } = self.clients;
        values.check_bound("max-target", target as u64, "max-head", head as u64);
        values.check_bound("max-fields", fields as u64, "max-head", (head / SHORTEST_FIELD) as u64);
        values.check_bound("max-whole-body", whole_body, "max-body", body);
        if let Some(count) = by_address {
            let name = "max-connections-per-address";
            values.check_bound(name, count.into(), "max-connections", total.into());
        }
    }

    /// Returns the names of the settings whose values in `other` are different.
    pub fn differences(&self, other: &Config) -> Vec<&'static str> {
        let texts = self.texts.iter();
        texts
            .filter(|(name, text)| other.texts.get(*name) != Some(text))
            .map(|(name, _)| *name)
            .collect()
    }
}

/// The action that the command line selects.
#[derive(Debug)]
pub enum Action {
    /// Run the server.
    Serve(Config),
    /// Check the configuration and exit: `--check-config`.
    Check(Config),
    /// Print the routes and exit: `--print-routes`.
    Routes(Config),
}

/// Reads the command line, the environment, and the file that one of them names. An empty variable
/// counts as unset: `HTTP_LOG= httpserver` is how a shell clears an exported variable for one
/// command.
///
/// # Errors
/// Returns [`ConfigError::Usage`] for a command line that cannot be parsed, or that requests help.
/// Otherwise returns [`ConfigError::Invalid`] with all problems.
pub fn read(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Action, ConfigError> {
    let matches = command().try_get_matches_from(arguments).map_err(ConfigError::Usage)?;
    let mut problems = unreadable_variables(&environment);
    let environment = |name: &str| {
        let value = environment(name)?.into_string().ok()?;
        (!value.is_empty()).then_some(value)
    };
    let file = matches.get_one::<String>("config").cloned().or_else(|| environment("HTTP_CONFIG"));
    let file = match file.map(|path| read_file(&path)) {
        None => BTreeMap::new(),
        Some(Ok(values)) => values,
        Some(Err(mut found)) => {
            problems.append(&mut found);
            BTreeMap::new()
        }
    };
    let mut values = Values { problems, found: BTreeMap::new() };
    for Setting { name, value, default, .. } in SETTINGS {
        let flag = match value {
            "" => matches.get_flag(name).then(|| "true".to_string()),
            _ => matches.get_one::<String>(name).cloned(),
        };
        let variable = variable(name);
        let found = flag
            .map(|text| (format!("--{name}"), text))
            .or_else(|| environment(&variable).map(|text| (variable, text)))
            .or_else(|| Some((format!("`{name}` in the file"), file.get(name)?.clone())));
        let is_empty = found.as_ref().is_some_and(|(_, text)| text.is_empty());
        let or_default = found.unwrap_or_else(|| (format!("--{name}"), default.to_string()));
        values.found.insert(name, or_default);
        // Text without a default would count as unset: `--root "$UNSET"` must not serve other files.
        if is_empty && default.is_empty() {
            values.problem(name, "is empty; give it a value, or leave it out");
        }
    }
    let config = Config::from_values(&mut values);
    if !values.problems.is_empty() {
        return Err(ConfigError::Invalid(values.problems));
    }
    Ok(match (matches.get_flag("check-config"), matches.get_flag("print-routes")) {
        (true, _) => Action::Check(config),
        (_, true) => Action::Routes(config),
        _ => Action::Serve(config),
    })
}

/// Reports each variable whose value is not UTF-8. If it were ignored, the server would silently
/// use a value other than the intended one.
fn unreadable_variables(environment: impl Fn(&str) -> Option<OsString>) -> Vec<String> {
    let names = SETTINGS.iter().map(|setting| setting.name).chain(["config"]).map(variable);
    let is_unreadable =
        |name: &String| environment(name).is_some_and(|value| value.to_str().is_none());
    names.filter(is_unreadable).map(|name| format!("{name}: its value is not UTF-8")).collect()
}

/// Reads the settings in a file, as text. An unknown key is an error, because a misspelt limit
/// would otherwise leave the client without that limit.
fn read_file(path: &str) -> Result<BTreeMap<String, String>, Vec<String>> {
    let text =
        fs::read_to_string(path).map_err(|error| vec![format!("--config {path}: {error}")])?;
    let table: toml::Table = text
        .parse()
        .map_err(|error| vec![format!("--config {path}: {}", one_line(&error, &text))])?;
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, value) in table {
        match value {
            _ if !SETTINGS.iter().any(|setting| setting.name == name) => {
                problems.push(format!("--config {path}: there is no setting `{name}`"));
            }
            toml::Value::String(text) => _ = values.insert(name, text),
            toml::Value::Integer(number) => _ = values.insert(name, number.to_string()),
            toml::Value::Boolean(flag) => _ = values.insert(name, flag.to_string()),
            _ => problems.push(format!(
                "--config {path}: `{name}` must be a string, a number, true or false"
            )),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// Returns the number of the line and the problem in it. The line itself may contain a password.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    format!("line {line}: {message}")
}

/// The reason why the configuration cannot be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The command line cannot be parsed, or requests help.
    Usage(clap::Error),
    /// All problems with the settings.
    Invalid(Vec<String>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            Self::Invalid(problems) => {
                writeln!(f, "the configuration is invalid:")?;
                problems.iter().try_for_each(|problem| writeln!(f, "  {problem}"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(words: &[&str], variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let arguments = ["httpserver"].iter().chain(words).map(OsString::from);
        let find = |name: &str| {
            variables.iter().find(|(it, _)| *it == name).map(|(_, value)| OsString::from(value))
        };
        match read(arguments, find)? {
            Action::Serve(config) | Action::Check(config) | Action::Routes(config) => Ok(config),
        }
    }

    fn problems(words: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        match read_with(words, variables) {
            Err(ConfigError::Invalid(problems)) => problems,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_settings_the_defaults_hold() {
        let config = read_with(&[], &[]).unwrap();
        assert_eq!(config.addr.to_string(), "127.0.0.1:8080");
        assert_eq!(config.log, Some(LogFormat::Common));
        assert_eq!(config.limits, Limits::default());
        assert_eq!((config.files_only, config.root), (false, None));
    }

    /// Regression test: the default was 60 s, as in many proxies, so a proxy occasionally sent a
    /// request on a connection that the server was just closing.
    #[test]
    fn connections_may_be_idle_for_longer_than_a_proxy_keeps_them() {
        let keepalive_timeout_of_nginx = Duration::from_secs(60);
        assert!(Limits::default().idle_time > keepalive_timeout_of_nginx);
    }

    #[test]
    fn a_flag_overrides_a_variable_and_a_variable_overrides_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        fs::write(
            &file,
            "max-body = \"1KiB\"\nmax-fields = 7\nidle-timeout = \"3s\"\nlistings = true\n",
        )
        .unwrap();
        let file = file.to_str().unwrap();
        let variables = [("HTTP_MAX_FIELDS", "8"), ("HTTP_IDLE_TIMEOUT", "4")];
        let config = read_with(&["--config", file, "--idle-timeout", "5s"], &variables).unwrap();
        assert_eq!(config.limits.body, 1024);
        assert_eq!(config.limits.fields, 8);
        assert_eq!(config.limits.idle_time, Duration::from_secs(5));
        assert!(config.listings);
        let config = read_with(&[], &[("HTTP_CONFIG", file)]).unwrap();
        assert_eq!(config.limits.fields, 7);
    }

    #[test]
    fn all_problems_are_reported_at_once_with_flag_and_variable() {
        let found = problems(
            &["--addr", "8080", "--max-body", "1XB", "--idle-timeout", "0"],
            &[("HTTP_MAX_FIELDS", "-1"), ("HTTP_LOG", "xml")],
        );
        assert_eq!(found.len(), 5, "{found:#?}");
        let has = |flag: &str, variable: &str| {
            assert!(
                found.iter().any(|problem| problem.contains(flag) && problem.contains(variable)),
                "{flag}: {found:#?}"
            );
        };
        has("--addr 8080", "HTTP_ADDR");
        has("--max-body 1XB", "HTTP_MAX_BODY");
        has("--idle-timeout 0", "HTTP_IDLE_TIMEOUT");
        has("HTTP_MAX_FIELDS -1", "--max-fields");
        has("HTTP_LOG xml", "--log");
    }

    #[test]
    fn a_missing_directory_and_an_unknown_key_are_reported() {
        assert!(problems(&["--root", "no/such/folder"], &[])[0].contains("no/such/folder"));
        let needs = "--files-only (HTTP_FILES_ONLY): needs a directory: --root DIR (HTTP_ROOT)";
        assert_eq!(problems(&["--files-only"], &[]), [needs]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        fs::write(&file, "max_body = 1\n").unwrap();
        assert!(
            problems(&["--config", file.to_str().unwrap()], &[])[0]
                .contains("no setting `max_body`")
        );
        assert!(problems(&["--config", "no.toml"], &[])[0].contains("no.toml"));
    }

    /// Regression test: the message had the whole line, and so the password of a URL without quotes.
    #[test]
    fn a_file_that_is_not_toml_is_reported_with_the_line_but_not_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        fs::write(&file, "max-fields = 7\nrate-limit-store = redis://:secret@db\n").unwrap();
        let found = problems(&["--config", file.to_str().unwrap()], &[]);
        assert!(found[0].contains("server.toml: line 2: "), "{found:?}");
        assert!(!found[0].contains("secret"), "{found:?}");
    }

    #[test]
    fn the_memory_for_all_clients_has_a_range_and_must_have_room_for_the_largest_body() {
        let set = |words: &[&str]| read_with(words, &[]).unwrap().max_memory;
        assert_eq!(set(&[]), 256 * 1024 * 1024);
        assert_eq!(set(&["--max-memory", "1TiB"]), 1 << 40);
        // Seven eighths of this budget are exactly enough for a body of 8 MiB.
        let whole = ["--max-memory", "9586981", "--max-whole-body", "8MiB"];
        assert_eq!(set(&whole), 9_586_981);
        assert_eq!(set(&["--max-memory", "1MiB"]), 1024 * 1024);
        let small = ["--max-memory", "1MiB", "--max-whole-body", "896KiB"];
        assert_eq!(set(&small), 1024 * 1024);
        let head = ["--max-memory", "1MiB", "--max-head", "896KiB"];
        assert_eq!(set(&head), 1024 * 1024);
        for (words, expected) in [
            (
                vec!["--max-memory", "1023KiB"],
                "--max-memory 1023KiB (HTTP_MAX_MEMORY): must be from 1MiB to 1TiB",
            ),
            (vec!["--max-memory", "1025GiB"], "must be from 1MiB to 1TiB"),
            (vec!["--max-memory", "much"], "must be a size such as"),
            (
                vec!["--max-memory", "9586979", "--max-whole-body", "8MiB"],
                "has no room for a body of 8388608 bytes; set at least 9586980 bytes, or a smaller --max-whole-body",
            ),
            (
                vec!["--max-memory", "1MiB", "--max-head", "917505"],
                "has no room for a header section of 917505 bytes; set at least 1048577 bytes, or a smaller --max-head",
            ),
        ] {
            let found = problems(&words, &[]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(expected), "{found:?}");
        }
    }

    #[test]
    fn trusted_proxies_are_a_list_from_any_source() {
        let proxies = |list: &str| list.parse::<TrustedProxies>().unwrap();
        assert_eq!(read_with(&[], &[]).unwrap().trusted_proxies, TrustedProxies::default());
        let flag = read_with(&["--trusted-proxies", "10.0.0.1, fd00::/8"], &[]).unwrap();
        assert_eq!(flag.trusted_proxies, proxies("10.0.0.1,fd00::/8"));
        let variable = read_with(&[], &[("HTTP_TRUSTED_PROXIES", "10.0.0.0/8")]).unwrap();
        assert_eq!(variable.trusted_proxies, proxies("10.0.0.0/8"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        fs::write(&file, "trusted-proxies = \"10.0.0.0/8\"\n").unwrap();
        let file = read_with(&["--config", file.to_str().unwrap()], &[]).unwrap();
        assert_eq!(file.trusted_proxies, proxies("10.0.0.0/8"));
        let found = problems(&["--trusted-proxies", "10.0.0.1/8"], &[]);
        let expected = "--trusted-proxies 10.0.0.1/8 (HTTP_TRUSTED_PROXIES): must be";
        assert!(found[0].starts_with(expected), "{found:?}");
    }

    #[test]
    fn sizes_and_times_may_have_units() {
        let config =
            read_with(&["--max-body", "2MiB", "--max-head", "512", "--drain-timeout", "1m"], &[])
                .unwrap();
        assert_eq!((config.limits.body, config.limits.head), (2 * 1024 * 1024, 512));
        assert_eq!(config.drain, Duration::from_secs(60));
    }

    #[test]
    fn only_the_stop_delay_may_be_zero() {
        let delay = |text| read_with(&["--stop-delay", text], &[]).unwrap().stop_delay;
        assert_eq!(read_with(&[], &[]).unwrap().stop_delay, Duration::ZERO);
        assert_eq!((delay("0"), delay("0s")), (Duration::ZERO, Duration::ZERO));
        assert_eq!((delay("5"), delay("5s")), (Duration::from_secs(5), Duration::from_secs(5)));
        for text in ["-1s", "soon"] {
            let found = problems(&[], &[("HTTP_STOP_DELAY", text)]);
            let expected = format!("HTTP_STOP_DELAY {text} (--stop-delay): must be a time");
            assert!(found[0].starts_with(&expected), "{found:?}");
        }
        assert!(problems(&["--drain-timeout", "0s"], &[])[0].contains("more than zero"));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let names = SETTINGS.iter().map(|setting| setting.name).chain(["config"]);
        let names: Vec<String> = names.map(variable).collect();
        let empty: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(read_with(&[], &empty).unwrap(), read_with(&[], &[]).unwrap());
    }

    /// An empty variable is inherited by accident, but an empty flag is a mistake. Regression test:
    /// `--root ""` served the files of the demonstration.
    #[test]
    fn an_empty_value_of_a_flag_or_in_the_file_is_reported() {
        assert!(problems(&["--log", ""], &[])[0].starts_with("--log  (HTTP_LOG): must be"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server.toml");
        for Setting { name, .. } in SETTINGS.iter().filter(|setting| setting.default.is_empty()) {
            let flag = format!("--{name}");
            let expected = format!("{flag}  ({}): is empty; ", variable(name));
            let found = problems(&[&flag, ""], &[]);
            assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
            fs::write(&file, format!("{name} = \"\"\n")).unwrap();
            let found = problems(&["--config", file.to_str().unwrap()], &[]);
            let expected = format!("`{name}` in the file  ({flag}): is empty; ");
            assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
        }
    }

    /// Regression test: the message was "unexpected argument '-1' found".
    #[test]
    fn a_negative_number_is_reported_as_the_value_of_its_flag() {
        for (flag, expected) in [
            ("--max-body", "must be a size"),
            ("--permits", "must be a whole number"),
            ("--idle-timeout", "must be a time"),
        ] {
            let found = problems(&[flag, "-1"], &[]);
            assert!(found[0].starts_with(&format!("{flag} -1 (")), "{found:?}");
            assert!(found[0].contains(expected), "{found:?}");
        }
        // The flag is not the value of the one before it.
        assert!(matches!(read_with(&["--root", "--listings"], &[]), Err(ConfigError::Usage(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_utf_8_is_reported() {
        use std::os::unix::ffi::OsStringExt;

        for name in ["HTTP_ROOT", "HTTP_LOG", "HTTP_LISTINGS", "HTTP_CONFIG"] {
            let find =
                |other: &str| (other == name).then(|| OsString::from_vec(b"caf\xe9".to_vec()));
            match read([OsString::from("httpserver")], find) {
                Err(ConfigError::Invalid(found)) => {
                    assert_eq!(found, [format!("{name}: its value is not UTF-8")]);
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    /// Regression test: `--permits 4294967295` passed `--check-config`, and then aborted the
    /// program at startup.
    #[test]
    fn a_count_or_size_that_is_too_large_is_reported_with_the_maximum() {
        let table = [
            ("--permits", "1024", ["1025", "4294967295"], "1024"),
            ("--threads", "32768", ["32769", "99999999999"], "32768"),
            ("--max-connections", "1048576", ["1048577", "4294967295"], "1048576"),
            ("--max-connections-per-address", "1048576", ["1048577", "9999999999"], "1048576"),
            ("--max-requests", "4294967295", ["4294967296", "18446744073709551615"], "4294967295"),
            ("--max-fields", "65536", ["65537", "4294967295"], "65536"),
            ("--max-target", "16MiB", ["16777217", "1GiB"], "16777216"),
            ("--max-head", "16MiB", ["16777217", "18446744073709551615"], "16777216"),
            ("--max-body", "1TiB", ["1025GiB", "18446744073709551615"], "1099511627776"),
            ("--max-whole-body", "896GiB", ["897GiB", "18446744073709551615"], "962072674304"),
        ];
        for (flag, fits, beyond, largest) in table {
            // The other limits are the largest too, so that none of them makes this one useless.
            let others = [
                ["--threads", "32768"],
                ["--max-connections", "1048576"],
                ["--max-head", "16MiB"],
                ["--max-body", "1TiB"],
                ["--max-memory", "1TiB"],
            ];
            let words: Vec<&str> =
                others.iter().filter(|pair| pair[0] != flag).flatten().copied().collect();
            assert!(read_with(&[&words[..], &[flag, fits]].concat(), &[]).is_ok(), "{flag} {fits}");
            for text in beyond {
                let found = problems(&[&words[..], &[flag, text]].concat(), &[]);
                let expected = format!("must be at most {largest}");
                assert!(found[0].starts_with(&format!("{flag} {text} (")), "{found:?}");
                assert!(found[0].ends_with(&expected), "{found:?}");
            }
        }
        // Text that is not a number gets the general message.
        assert!(
            problems(&["--max-body", "99999999999999999999"], &[])[0].contains("a size such as")
        );
    }

    #[cfg(not(feature = "redis"))]
    #[test]
    fn a_store_of_rate_limits_needs_a_program_that_was_built_with_it() {
        let found = problems(&["--rate-limit-store", "redis://:secret@127.0.0.1"], &[]);
        let start = "--rate-limit-store redis://***@127.0.0.1 (HTTP_RATE_LIMIT_STORE): ";
        assert!(found[0].starts_with(start), "{found:?}");
        assert!(
            found[0].contains("`cargo build --release -p final --features redis`"),
            "{found:?}"
        );
    }

    #[cfg(feature = "redis")]
    #[test]
    fn the_url_of_a_store_is_checked_and_its_password_is_not_printed() {
        for url in ["redis://db", "valkey://db:1", "redis://a:b%40c@[::1]:1/15"] {
            let config = read_with(&["--rate-limit-store", url], &[]).unwrap();
            assert_eq!(config.rate_limit.unwrap().url, url);
        }
        for url in [
            "db:6379",
            "http://db",
            "rediss://:secret@db",
            "redis://:secret@db/one",
            "redis://:secret@db:port",
            "redis:/:secret@db",
            ":secret@db",
            "redis://:secret",
            "redis://secret@db",
            "redis://:secret@db/-1",
            "redis://user:1?secret@db",
            "redis://user:1#secret@db",
            "redis://:secret@db?protocol=resp3",
            "redis://",
            "unix:///run/redis",
        ] {
            let found = problems(&["--rate-limit-store", url], &[]);
            assert!(found[0].starts_with("--rate-limit-store "), "{found:?}");
            assert!(found[0].contains("it must be redis://HOST:PORT"), "{found:?}");
            assert!(!found[0].contains("secret"), "{found:?}");
        }
    }

    /// Regression test: such a limit was silently never reached.
    #[test]
    fn a_limit_above_the_bound_that_another_setting_has_is_reported_with_both() {
        for (name, most, above, largest, other, bound) in [
            ("max-target", "16KiB", "16385", "16384", "max-head", "16KiB"),
            ("max-target", "4KiB", "5KiB", "4096", "max-head", "4KiB"),
            ("max-fields", "4096", "4097", "4096", "max-head", "16KiB"),
            ("max-whole-body", "8MiB", "8388609", "8388608", "max-body", "8MiB"),
            ("max-whole-body", "1KiB", "2KiB", "1024", "max-body", "1KiB"),
            ("max-connections-per-address", "16384", "16385", "16384", "max-connections", "16384"),
            ("max-connections-per-address", "10", "11", "10", "max-connections", "10"),
        ] {
            let (flag, other_flag) = (format!("--{name}"), format!("--{other}"));
            let set = |text| [other_flag.as_str(), bound, &flag, text];
            assert!(read_with(&set(most), &[]).is_ok(), "{flag} {most}");
            assert_eq!(
                problems(&set(above), &[]),
                [format!(
                    "{flag} {above} ({}): has no effect above {largest}, because of {other_flag} {bound}; \
                     set at most {largest}, or a larger {other_flag}",
                    variable(name)
                )]
            );
        }
    }

    #[test]
    fn a_bound_below_the_default_of_another_limit_is_valid() {
        for words in [["--max-head", "256"], ["--max-body", "1KiB"], ["--max-connections", "1"]] {
            assert!(read_with(&words, &[]).is_ok(), "{words:?}");
        }
    }

    #[test]
    fn a_bound_that_is_invalid_itself_is_the_only_problem() {
        for (other, name, value) in [
            ("--max-head", "--max-target", "4KiB"),
            ("--max-body", "--max-whole-body", "4KiB"),
            ("--max-connections", "--max-connections-per-address", "99999"),
        ] {
            let found = problems(&[other, "many", name, value], &[]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(&format!("{other} many (")), "{found:?}");
        }
    }

    /// Regression test: the store and its settings were silently ignored.
    #[test]
    fn a_setting_that_another_one_makes_useless_is_reported_with_both_names() {
        for (name, text) in [("store-down", "closed"), ("prefix", "shop")] {
            let flag = format!("--rate-limit-{name}");
            let found = problems(&[&flag, text], &[]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(&format!("{flag} {text} (")), "{found:?}");
            assert!(found[0].contains("without --rate-limit-store; set that too"), "{found:?}");
        }
        assert!(read_with(&["--rate-limit-store-down", "open"], &[]).is_ok());
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_store_of_rate_limits_has_no_effect_if_only_files_are_served() {
        let store = [("HTTP_RATE_LIMIT_STORE", "redis://db")];
        let found = problems(&["--files-only", "--root", "."], &store);
        let expected = "HTTP_RATE_LIMIT_STORE redis://db (--rate-limit-store): has no effect with --files-only, ";
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{found:?}");
        let words = ["--rate-limit-store-down", "closed", "--rate-limit-prefix", "shop"];
        assert!(read_with(&words, &store).is_ok());
    }

    #[test]
    fn a_store_that_is_down_is_open_or_closed() {
        let found = problems(&[], &[("HTTP_RATE_LIMIT_STORE_DOWN", "ajar")]);
        let expected =
            "HTTP_RATE_LIMIT_STORE_DOWN ajar (--rate-limit-store-down): must be open or closed";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_time_is_at_most_a_year() {
        let flags = ["idle-timeout", "drain-timeout", "stall-timeout", "max-age", "stop-delay"];
        for flag in flags.map(|name| format!("--{name}")) {
            for text in ["8760h", "31536000"] {
                assert!(read_with(&[&flag, text], &[]).is_ok(), "{flag} {text}");
            }
            // The last value is the longest `Duration`. The clock cannot represent it, so computing
            // a deadline from it panicked.
            for text in ["8760h 1ns", "31536001", "18446744073709551615"] {
                let found = problems(&[&flag, text], &[]);
                assert!(found[0].starts_with(&format!("{flag} {text} (")), "{found:?}");
                assert!(found[0].ends_with("must be at most a year, 8760h"), "{found:?}");
            }
        }
    }
}
