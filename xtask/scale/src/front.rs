//! The load balancer in front of the replicas: `HAProxy` or nginx.

use std::env;
use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::process::{self, Process};

/// Where Debian and Homebrew install servers. `PATH` often lacks these directories.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];

/// Which program is the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// `HAProxy`, which probes the replicas.
    Haproxy,
    /// nginx, which has no probes, and finds out when a connection fails.
    Nginx,
}

impl Front {
    /// Both, in order of preference.
    pub const ALL: [Front; 2] = [Front::Haproxy, Front::Nginx];

    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Front::Haproxy => "haproxy",
            Front::Nginx => "nginx",
        }
    }

    /// The program's path, or `None` if it is not installed.
    pub fn find(self) -> Option<PathBuf> {
        find(self.program())
    }
}

/// Looks for a server program in `PATH` and the usual directories.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(SYSTEM_DIRECTORIES.map(PathBuf::from));
    directories.map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// A running load balancer. Dropping it kills it.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
    address: SocketAddr,
    errors: PathBuf,
}

impl Proxy {
    /// Starts a load balancer at a free port of `host`. `configuration` is called with this address. The resulting
    /// configuration and the error messages are written to `directory`.
    ///
    /// # Errors
    /// Returns an error with the load balancer's message when it is not installed or does not start.
    pub fn start(
        front: Front,
        directory: &Path,
        host: IpAddr,
        configuration: impl FnOnce(SocketAddr) -> String,
    ) -> anyhow::Result<Proxy> {
        // Neither program can choose a free port and report it.
        let address = process::free(SocketAddr::new(host, 0))?;
        let name = front.program();
        let file = directory.join(format!("{name}.conf"));
        let cannot = |path: &Path| format!("cannot write {}", path.display());
        fs::write(&file, configuration(address)).with_context(|| cannot(&file))?;
        let errors = directory.join(format!("{name}.errors"));
        // The directory may contain the messages of an earlier run.
        File::create(&errors).with_context(|| cannot(&errors))?;
        let program = front.find().with_context(|| format!("{name} is not installed"))?;
        let mut command = process::command(program);
        match front {
            Front::Haproxy => command.arg("-f").arg(&file),
            Front::Nginx => command.arg("-e").arg(&errors).arg("-c").arg(&file),
        };
        command.stderr(File::options().append(true).open(&errors)?);
        let why = || read(&errors).trim_end().to_string();
        let process = Process::start(name, &mut command, address, why)?;
        Ok(Proxy { process, address, errors })
    }

    /// The address that clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its error messages so far.
    pub fn errors(&self) -> String {
        read(&self.errors)
    }
}

fn read(errors: &Path) -> String {
    fs::read_to_string(errors).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_with_a_mistake_is_reported_without_the_messages_of_an_earlier_run() {
        for front in Front::ALL {
            if front.find().is_none() {
                println!("skipped: {} is not installed", front.program());
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let name = front.program();
            fs::write(folder.path().join(format!("{name}.errors")), "an old message\n").unwrap();
            let mistake = |_| "no_such_option yes;\n".to_string();
            let started = Proxy::start(front, folder.path(), [127, 0, 0, 1].into(), mistake);
            let error = started.unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name} has ended: ")), "{error}");
            assert!(error.contains("no_such_option") && !error.contains("old"), "{error}");
        }
    }

    #[test]
    fn a_program_is_found_by_its_name_or_not_at_all() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program"), None);
    }
}
