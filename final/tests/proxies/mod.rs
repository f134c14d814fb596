//! Real proxies in front of the server: nginx and `HAProxy`, where they are installed.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wire::environment;

/// Far longer than anything here takes, on a machine that is busy.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Replicas, proxy and clients have loopback addresses of their own. A connection gets its port on 127.0.0.1, so it
/// cannot take the port of a replica while this is restarted.
pub(crate) fn address(last: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 17, last)), 0)
}

/// A proxy that runs. Dropping it kills it.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Proxy {
    /// Starts a proxy with the configuration, which is made from a directory for its files and the address to listen
    /// on. The configuration comes with the flag for its file. Returns `None`, and prints it, if there is no such
    /// program here.
    pub(crate) fn start(
        name: &str,
        configuration: impl FnOnce(&Path, SocketAddr) -> (&'static str, String),
    ) -> Option<Proxy> {
        let folder = tempfile::tempdir().unwrap();
        // Neither can choose a free port and report it.
        let free = TcpListener::bind(address(1)).unwrap().local_addr().unwrap();
        let (flag, text) = configuration(folder.path(), free);
        let file = folder.path().join("configuration");
        fs::write(&file, text).unwrap();
        let errors = fs::File::create(folder.path().join("stderr")).unwrap();
        // Debian keeps them where only root looks for programs.
        let child =
            [name.to_string(), format!("/usr/sbin/{name}")].into_iter().find_map(|program| {
                let mut command: Command = environment::command(program);
                command.arg(flag).arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
                match command.stderr(errors.try_clone().unwrap()).spawn() {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    child => Some(child.unwrap()),
                }
            });
        let Some(child) = child else {
            println!("skipped: there is no {name} here");
            return None;
        };
        let mut proxy = Proxy { child, address: free, folder };
        let deadline = Instant::now() + LONG;
        while TcpStream::connect(free).is_err() {
            let ended = proxy.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{name}: {}", proxy.errors());
            thread::sleep(Duration::from_millis(5));
        }
        Some(proxy)
    }

    pub(crate) fn errors(&self) -> String {
        ["stderr", "errors"]
            .map(|name| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
