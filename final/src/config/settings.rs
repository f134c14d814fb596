//! The list of settings, with their names on the command line and in the environment.

use clap::{Arg, ArgAction, Command};

/// A setting. Its flag is `--NAME`, its environment variable `HTTP_NAME`, and its key in the file
/// `NAME`.
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// The kind of value, such as `TIME`, or empty for a switch, whose flag has no value.
    pub(super) value: &'static str,
    pub(super) default: &'static str,
    pub(super) help: &'static str,
}

pub(super) const SETTINGS: [Setting; 28] = [
    setting(
        "addr",
        "IP:PORT",
        "127.0.0.1:8080",
        "the address to listen on; port 0 means any free port",
    ),
    setting(
        "root",
        "DIR",
        "",
        "the directory whose files are served, below /static [default: files of the demonstration]",
    ),
    setting("max-age", "TIME", "1h", "how long clients may cache files other than pages"),
    setting("log", "FORMAT", "common", "the access log: common, json or off"),
    setting(
        "permits",
        "COUNT",
        "",
        "the maximum number of threads that run at a time [default: one per core]",
    ),
    setting(
        "threads",
        "COUNT",
        "",
        "the maximum number of threads, for handlers that block [default: permits + 32]",
    ),
    setting(
        "stall-timeout",
        "TIME",
        "500ms",
        "how long all threads may be blocked before requests are rejected with 503",
    ),
    setting(
        "max-connections",
        "COUNT",
        "16384",
        "the maximum number of connections; a connection over the limit gets 503",
    ),
    setting(
        "max-connections-per-address",
        "COUNT",
        "",
        "the maximum number of connections from one address, or from one IPv6 /64 network [default: no limit]",
    ),
    setting(
        "trusted-proxies",
        "NETWORKS",
        "",
        "the proxies whose X-Forwarded-For or Forwarded field has the client's address, such as 10.0.0.0/8,fd00::1 [default: none]",
    ),
    setting("max-requests", "COUNT", "1000", "the maximum number of requests on one connection"),
    setting(
        "max-target",
        "SIZE",
        "8KiB",
        "the maximum length of a request target; a longer one gets 414",
    ),
    setting(
        "max-head",
        "SIZE",
        "16KiB",
        "the maximum size of a header section; a larger one gets 431",
    ),
    setting(
        "max-fields",
        "COUNT",
        "100",
        "the maximum number of field lines in a request; more get 431",
    ),
    setting(
        "max-body",
        "SIZE",
        "8MiB",
        "the maximum size of a request body; a larger one gets 413",
    ),
    setting(
        "max-whole-body",
        "SIZE",
        "64KiB",
        "the maximum size of a body that is collected before its handler is called; handlers read a larger body as it arrives",
    ),
    setting(
        "max-memory",
        "SIZE",
        "256MiB",
        "the maximum memory for all clients together; requests that need more get 503",
    ),
    setting(
        "rate-limit-store",
        "URL",
        "",
        "the Redis or Valkey in which several servers share their rate limits, such as redis://127.0.0.1:6379",
    ),
    setting(
        "rate-limit-store-down",
        "open|closed",
        "open",
        "while the store is down: open (each server limits on its own) or closed (limited routes get 503)",
    ),
    setting("rate-limit-prefix", "TEXT", "httpserver", "the prefix of all keys in the store"),
    setting(
        "idle-timeout",
        "TIME",
        "75s",
        "how long a connection may be idle; then it is closed. Must be longer than the idle timeout of a proxy in front of the server",
    ),
    setting(
        "head-timeout",
        "TIME",
        "10s",
        "how long the header section of a request may take; then it gets 408",
    ),
    setting(
        "body-timeout",
        "TIME",
        "30s",
        "how long the body of a request may take; then it gets 408",
    ),
    setting(
        "write-timeout",
        "TIME",
        "30s",
        "how long a client may stop reading a response; then its connection is closed",
    ),
    setting(
        "stop-delay",
        "TIME",
        "0s",
        "how long a stopping server still accepts clients; probes see \"not ready\", and each response closes its connection",
    ),
    setting("drain-timeout", "TIME", "10s", "how long a shutdown waits for requests in progress"),
    setting(
        "files-only",
        "",
        "false",
        "serve the files of --root at /, and nothing else except /health and /metrics",
    ),
    setting("listings", "", "false", "list directories that have no index.html"),
];

const fn setting(
    name: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { name, value, default, help }
}

pub(super) fn variable(name: &str) -> String {
    format!("HTTP_{}", name.replace('-', "_").to_ascii_uppercase())
}

pub(super) fn command() -> Command {
    let mut command = Command::new("httpserver")
        .version(env!("CARGO_PKG_VERSION"))
        .about("An HTTP/1.1 server")
        .after_help(
            "Each setting can also be an environment variable (--max-body is HTTP_MAX_BODY) or a line of a TOML \
             file (max-body = \"1MiB\"). The more specific source wins: flag, then variable, then file.\n\
             Times are 500ms, 10s, 2m; sizes are 512, 16KiB, 8MiB.\n\
             A listening socket that the service manager passes (LISTEN_FDS) is used in place of --addr.",
        )
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .help("a TOML file with settings [env: HTTP_CONFIG]"),
        );
    for Setting { name, value, default, help } in SETTINGS {
        let arg = Arg::new(name).long(name);
        command = command.arg(if value.is_empty() {
            arg.action(ArgAction::SetTrue).help(help)
        } else {
            let help = match default {
                "" => help.to_string(),
                _ => format!("{help} [default: {default}]"),
            };
            // Otherwise `--max-body -1` would be an unknown argument, and not an invalid size.
            arg.value_name(value).allow_negative_numbers(true).help(help)
        });
    }
    let action = |name, help| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    command
        .arg(action("check-config", "check the settings, and exit").conflicts_with("print-routes"))
        .arg(action("print-routes", "print the routes, and exit"))
}
