//! The program: configuration, listen, say where, serve until told to stop.

use std::process::ExitCode;

use anyhow::Context;
use httpserver::config::{self, Asked, Config, ConfigError};
use httpserver::{Server, app};

/// Settings that cannot be used, as for most programs.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match config::read(std::env::args_os(), |name| std::env::var(name).ok()) {
        Ok(Asked::Serve(config)) => ended(serve(&config)),
        Ok(Asked::Routes(config)) => ended(app::print_routes(&config)),
        Ok(Asked::Check(_)) => {
            println!("the configuration can be used");
            ExitCode::SUCCESS
        }
        // Help and version are asked for, so they go to standard output and are no failure.
        Err(ConfigError::Usage(error)) => {
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprint!("{error}");
            ExitCode::from(USAGE)
        }
    }
}

fn serve(config: &Config) -> anyhow::Result<()> {
    httpserver::core::files::raise_limit();
    let server = Server::bind(config.addr)
        .with_context(|| format!("cannot listen on {}", config.addr))?
        .with_limits(config.limits)
        .with_workers(config.size)
        .with_clients(config.clients)
        .with_stop_delay(config.stop_delay)
        .with_drain(config.drain)
        .always_answering("/health");
    let application = app::build(config, server.handle())?;
    let stop = server.handle();
    ctrlc::set_handler(move || stop.shutdown())?;
    println!("listening on http://{}", server.local_addr());
    server.run(application)?;
    Ok(())
}

fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
