//! The program: it reads the configuration, listens, prints the server's address, and serves
//! clients until it is stopped.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use httpserver::config::{self, Action, Config, ConfigError};
use httpserver::core::Listener;
use httpserver::core::service_manager::{self, State};
use httpserver::core::signals::on_stop_or_reload;
use httpserver::core::stderr::{self, log_stderr};
use httpserver::core::stdout::announce;
use httpserver::middleware::AccessLog;
use httpserver::middleware::log_format::LogFormat;
use httpserver::{Server, app};

/// The exit code for invalid settings. Most command-line programs use it for invalid usage.
const USAGE: u8 = 2;

/// The maximum time that the program waits at exit until the last lines of the log and of standard
/// error are written.
const LAST_LINES: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    httpserver::core::allocator::keep_no_large_blocks();
    let code = run();
    stderr::flush(LAST_LINES);
    code
}

fn run() -> ExitCode {
    match read_config() {
        Ok(Action::Serve(config)) => ended(serve(&config)),
        Ok(Action::Routes(config)) => ended(app::list_routes(&config).and_then(|it| print(&it))),
        Ok(Action::Check(_)) => ended(print("the configuration is valid\n")),
        Err(ConfigError::Usage(error)) if error.use_stderr() => {
            let _ = error.print();
            ExitCode::from(USAGE)
        }
        // The user has requested the help or the version, so it goes to standard output, and the
        // exit code is 0.
        Err(ConfigError::Usage(error)) => ended(printed(error.print())),
        Err(error) => {
            log_stderr(error.to_string().trim_end());
            ExitCode::from(USAGE)
        }
    }
}

fn read_config() -> Result<Action, ConfigError> {
    config::read(std::env::args_os(), |name| std::env::var_os(name))
}

fn serve(config: &Config) -> anyhow::Result<()> {
    httpserver::core::files::raise_limit();
    let server = Server::from_listener(listen(config.addr)?)
        .with_limits(config.limits)
        .with_max_memory(config.max_memory)
        .with_workers(config.size)
        .with_connection_limits(config.clients)
        .with_trusted_proxies(config.trusted_proxies.clone())
        .with_stop_delay(config.stop_delay)
        .with_drain(config.drain)
        .always_answering("/health");
    let log = AccessLog::new(LogFormat::Common);
    log.set_format(config.log);
    let application = app::build(config, server.handle(), &log)?;
    let handle = server.handle();
    let (mut running, reloaded) = (config.clone(), log.clone());
    let stop = move || {
        service_manager::notify(State::Stopping);
        handle.shutdown();
    };
    let reload = move || {
        service_manager::notify(State::Reloading);
        reload(&mut running, &reloaded);
        service_manager::notify(State::Ready);
    };
    on_stop_or_reload(stop, reload)?;
    announce(format_args!("listening on http://{}", server.local_addr()));
    service_manager::notify(State::Ready);
    let ended = server.run(application);
    log.finish(LAST_LINES);
    ended?;
    Ok(())
}

/// Returns the socket that the service manager has passed, or else a new one that listens on
/// `address`.
fn listen(address: SocketAddr) -> anyhow::Result<Listener> {
    let Some(socket) = service_manager::passed_socket()? else {
        return Listener::bind(address).with_context(|| format!("cannot listen on {address}"));
    };
    log_stderr("listening on the socket of the service manager (LISTEN_FDS), not on --addr");
    Listener::from_socket(socket).context("cannot use the socket of LISTEN_FDS")
}

/// Reads the settings again and applies the only one that can change while the server runs, the
/// format of the log. The other settings are fixed in threads, sockets and routes, so a change
/// needs a restart. The names of changed settings are printed to standard error.
fn reload(running: &mut Config, log: &AccessLog) {
    let config = match read_config() {
        Ok(Action::Serve(config)) => config,
        Ok(_) => return, // the command line cannot have changed since startup
        Err(error) => {
            log_stderr(format_args!(
                "reload: the settings stay as they are, because {}",
                error.to_string().trim_end()
            ));
            return;
        }
    };
    let changed = config.differences(running);
    if changed.is_empty() {
        log_stderr("reload: no setting has changed");
    }
    for name in changed {
        if name == "log" {
            log.set_format(config.log);
            running
                .texts
                .extend(config.texts.get_key_value(name).map(|(name, text)| (*name, text.clone())));
            log_stderr("reload: log has changed");
        } else {
            log_stderr(format_args!("reload: {name} has changed, which needs a restart"));
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    printed(io::stdout().write_all(text.as_bytes()))
}

/// Converts the result of printing to standard output. A closed pipe, as in `--help | head -1`, is
/// not an error.
fn printed(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log_stderr(format_args!("Error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
