//! The program under a service manager: it is given a listening socket, and sends notifications. The tests act as the
//! manager, and one of them uses systemd's own tool.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal as Number, kill_process};
use socket2::{Domain, Socket, Type};
use wire::{Client, Program, Signal, WireError, environment, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A command that starts the server with passed sockets, as a service manager does. Standard input becomes the first
/// one, descriptor 3. The shell can set the process ID, because it becomes the server.
fn activated(sockets: usize) -> Command {
    activated_by(&[PROGRAM], sockets)
}

/// Like [`activated`], with a command before the program that starts it in the same process.
fn activated_by(program: &[&str], sockets: usize) -> Command {
    let passed: Vec<String> = (3..3 + sockets).map(|fd| format!("{fd}<&0")).collect();
    let passed = passed.join(" ");
    let script =
        format!(r#"export LISTEN_PID=$$ LISTEN_FDS={sockets}; exec "$0" "$@" {passed} </dev/null"#);
    let mut command = environment::command("sh");
    command.args(["-c", &script]).args(program).args(["--addr", "127.0.0.1:0", "--log", "off"]);
    command
}

fn start(socket: TcpListener) -> Program {
    Program::start_with_stdin(activated(1), Stdio::from(OwnedFd::from(socket))).unwrap()
}

fn socket() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A new connection with one request. The response is not read yet.
fn client(address: SocketAddr) -> Result<Client, WireError> {
    let mut client = Client::connect(address)?.with_patience(LONG);
    client.send(request("GET", "/hello/you", &[("Connection", "close")], b""))?;
    Ok(client)
}

fn stop(program: &Program) {
    program.signal(Signal::Terminate).unwrap();
    assert!(program.wait(LONG).unwrap().success(), "{}", program.stderr_so_far());
}

fn send(program: &Program, signal: Number) {
    let pid = i32::try_from(program.pid()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Suspends all threads of a program, so that it accepts no client from now on.
fn suspend(program: &Program) {
    send(program, Number::STOP);
    let stat = |task: fs::DirEntry| fs::read_to_string(task.path().join("stat")).unwrap();
    let is_stopped = |stat: String| stat.rsplit(')').next().unwrap().starts_with(" T");
    let deadline = Instant::now() + LONG;
    let tasks = format!("/proc/{}/task", program.pid());
    while !fs::read_dir(&tasks).unwrap().all(|task| is_stopped(stat(task.unwrap()))) {
        assert!(Instant::now() < deadline, "the program does not stop");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_passed_socket_is_used_in_place_of_the_address() {
    let (socket, address) = socket();
    let program = start(socket);
    assert_eq!(program.addr(), address);
    assert_eq!(wire::get(address, "/empty").unwrap().status, 204);
    let notice = "listening on the socket of the service manager (LISTEN_FDS), not on --addr\n";
    program.wait_for_stderr("the notice", LONG, |text| text == notice).unwrap();
    stop(&program);
}

#[test]
fn variables_that_were_meant_for_another_process_are_ignored() {
    let mut command = Command::new(PROGRAM);
    command.args(["--addr", "127.0.0.1:0"]).env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    let program = Program::start_command(command).unwrap();
    assert_eq!(wire::get(program.addr(), "/empty").unwrap().status, 204);
    assert_eq!(program.stderr_so_far(), "");
}

/// Regression test: the server listened on `--addr`, as if there were no service manager.
#[test]
fn an_invalid_number_of_sockets_ends_the_program_with_a_remedy() {
    for number in ["-1", "0", "", "one"] {
        let mut command = Command::new(PROGRAM);
        command.args(["--addr", "127.0.0.1:0"]).env("LISTEN_FDS", number);
        let error = Program::start_command(command).unwrap_err().to_string();
        assert!(error.contains("has ended (exit status: 1)"), "{error}");
        let expected = format!("Error: LISTEN_FDS=`{number}` is not a positive number: ");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn a_socket_that_cannot_be_used_ends_the_program_with_a_remedy() {
    let (tcp, address) = socket();
    let folder = tempfile::tempdir().unwrap();
    let local = UnixListener::bind(folder.path().join("socket")).unwrap();
    let connection = TcpStream::connect(address).unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let table: [(usize, OwnedFd, &str); 4] = [
        (
            2,
            tcp.try_clone().unwrap().into(),
            "passes 2 sockets, and this server listens on one: the socket unit needs",
        ),
        (1, local.into(), "fd 3 is not a valid tcp socket: the socket unit needs ListenStream="),
        (1, udp.into(), "fd 3 is not a valid tcp socket: the socket unit needs ListenStream="),
        (
            1,
            connection.into(),
            "passes a connection, not a listening socket: the socket unit needs",
        ),
    ];
    for (count, socket, expected) in table {
        let output = activated(count).stdin(Stdio::from(socket)).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.starts_with("Error: LISTEN_FDS"), "{errors}");
        assert!(errors.contains(expected), "{errors}");
        assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
    }
}

/// The manager's socket is open all the time, so a client that finds no program waits in its accept queue.
#[test]
fn no_connection_fails_while_the_server_restarts() {
    const RESTARTS: usize = 3;
    let (socket, address) = socket();
    let mut program = start(socket.try_clone().unwrap());
    let (is_over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..8)
        .map(|index| {
            let (is_over, served) = (Arc::clone(&is_over), Arc::clone(&served));
            let connect = move || {
                let mut failed = Vec::new();
                while !is_over.load(Ordering::Acquire) {
                    match client(address).and_then(|mut client| client.read_reply()) {
                        Ok(reply) if reply.status == 200 => {}
                        other => failed.push(format!("{other:?}")),
                    }
                    served.fetch_add(1, Ordering::AcqRel);
                }
                failed
            };
            Builder::new().name(format!("client {index}")).spawn(connect).unwrap()
        })
        .collect();
    let some_more = || {
        let enough = served.load(Ordering::Acquire) + 100;
        let deadline = Instant::now() + LONG;
        while served.load(Ordering::Acquire) < enough {
            assert!(Instant::now() < deadline, "the clients get no responses");
            thread::sleep(Duration::from_millis(1));
        }
    };
    for _ in 0..RESTARTS {
        some_more();
        stop(&program);
        program = start(socket.try_clone().unwrap());
    }
    some_more();
    is_over.store(true, Ordering::Release);
    let failed: Vec<_> = clients.into_iter().flat_map(|it| it.join().unwrap()).collect();
    let served = served.load(Ordering::Acquire);
    println!("{RESTARTS} restarts, {served} connections, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
}

const WAITING: usize = 64;

/// Clients that have connected and sent a request, while no process accepts.
fn waiting(address: SocketAddr) -> Vec<Client> {
    (0..WAITING).map(|_| client(address).unwrap()).collect()
}

/// The number of these clients that get a response. The others have been reset.
fn served(clients: Vec<Client>) -> usize {
    let replies = clients.into_iter().map(|mut client| client.read_reply());
    replies.filter(|reply| reply.as_ref().is_ok_and(|reply| reply.status == 200)).count()
}

#[test]
fn the_next_process_serves_the_accept_queue_of_a_passed_socket() {
    let (socket, address) = socket();
    let first = start(socket.try_clone().unwrap());
    suspend(&first);
    let clients = waiting(address);
    drop(first); // by SIGKILL
    let _next = start(socket);
    assert_eq!(served(clients), WAITING);
}

/// Two processes can listen at one address with `SO_REUSEPORT`, but each socket has its own accept queue. The clients
/// in the queue of a closed socket are reset, although the other process could serve them.
#[test]
fn with_so_reuseport_the_accept_queue_of_the_process_that_ends_is_lost() {
    let migrates = fs::read_to_string("/proc/sys/net/ipv4/tcp_migrate_req");
    if migrates.is_ok_and(|text| text.trim() == "1") {
        println!("skipped: net.ipv4.tcp_migrate_req is on, so the kernel moves the queue");
        return;
    }
    let mut address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let [first, second] = [(); 2].map(|()| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.bind(&address.into()).unwrap();
        socket.listen(1024).unwrap();
        let socket = TcpListener::from(socket);
        address = socket.local_addr().unwrap();
        start(socket)
    });
    suspend(&first);
    suspend(&second);
    let clients = waiting(address);
    drop(first); // by SIGKILL
    send(&second, Number::CONT);
    let served = served(clients);
    println!("SO_REUSEPORT: {} of {WAITING} clients were reset", WAITING - served);
    // The kernel chooses a queue by a hash of the client's port, so each queue has some clients.
    assert!((1..WAITING).contains(&served), "{served} of {WAITING} were served");
}

/// `PrivateNetwork=yes` in the unit relies on this.
#[test]
fn a_passed_socket_is_served_from_a_network_namespace_without_interfaces() {
    let ways = [&["unshare", "--net"][..], &["unshare", "--user", "--map-root-user", "--net"]];
    let works = |way: &&&[&str]| {
        let tried = environment::command(way[0]).args(&way[1..]).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.iter().find(works) else {
        println!("skipped: no unshare here, or it is not allowed");
        return;
    };
    let (socket, address) = socket();
    let command = activated_by(&[way, &[PROGRAM][..]].concat(), 1);
    let program = Program::start_with_stdin(command, Stdio::from(OwnedFd::from(socket))).unwrap();
    assert_eq!(wire::get(address, "/empty").unwrap().status, 204);
    stop(&program);
}

#[test]
fn the_service_manager_is_notified_of_start_reload_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(LONG)).unwrap();
    let received = || {
        let mut message = [0; 256];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let mut command = environment::with_default_signals(PROGRAM);
    command.args(["--addr", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path);
    let program = Program::start_command(command).unwrap();
    assert_eq!(received(), "READY=1\n");
    program.signal(Signal::Hangup).unwrap();
    let reloading = received();
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reloading);
    assert!(time.trim_end().parse::<u64>().is_ok(), "{reloading}");
    assert_eq!(received(), "READY=1\n");
    program.signal(Signal::Terminate).unwrap();
    assert_eq!(received(), "STOPPING=1\n");
    assert!(program.wait(LONG).unwrap().success());
}

#[test]
fn a_service_manager_that_does_not_listen_is_reported_and_the_server_runs() {
    let mut command = Command::new(PROGRAM);
    command.args(["--addr", "127.0.0.1:0"]).env("NOTIFY_SOCKET", "/no/such/socket");
    let program = Program::start_command(command).unwrap();
    let expected = "NOTIFY_SOCKET: cannot notify the service manager: No such file";
    program.wait_for_stderr("the report", LONG, |text| text.contains(expected)).unwrap();
    assert_eq!(wire::get(program.addr(), "/empty").unwrap().status, 204);
}

#[test]
fn a_service_manager_that_hangs_prevents_neither_start_nor_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let _manager = UnixDatagram::bind(&path).unwrap();
    let full = UnixDatagram::unbound().unwrap();
    full.connect(&path).unwrap();
    full.set_nonblocking(true).unwrap();
    while full.send(b"STATUS=from another service\n").is_ok() {}
    let mut command = environment::with_default_signals(PROGRAM);
    command.args(["--addr", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path);
    let program = Program::start_command(command).unwrap();
    assert_eq!(wire::get(program.addr(), "/empty").unwrap().status, 204);
    stop(&program);
    let expected = "NOTIFY_SOCKET: cannot notify the service manager: timed out\n";
    let errors = program.stderr_so_far();
    assert_eq!(errors.matches(expected).count(), 2, "{errors}");
}

#[test]
fn the_first_connection_starts_the_server_by_systemd_socket_activate() {
    let tool = "systemd-socket-activate";
    if environment::command(tool).arg("--version").output().is_err() {
        println!("skipped: there is no {tool} here");
        return;
    }
    // The tool cannot report the port that the kernel chooses, so the port of a closed socket is used. Clients have
    // their ports on 127.0.0.1, so none of them gets this port.
    let address = TcpListener::bind("127.0.18.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(tool);
    command.arg(format!("--listen={address}")).arg(PROGRAM);
    let start = || Program::start_command(command).unwrap();
    let program = Builder::new().name("starts the program".to_string()).spawn(start).unwrap();
    let deadline = Instant::now() + LONG;
    let mut first = loop {
        match client(address) {
            Ok(client) => break client,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(first.read_reply().unwrap().status, 200);
    let program = program.join().unwrap();
    assert_eq!(program.addr(), address);
    stop(&program);
}

#[test]
fn connections_are_refused_only_when_the_manager_has_closed_its_socket_too() {
    let (socket, address) = socket();
    let program = start(socket.try_clone().unwrap());
    stop(&program);
    let mut waits = client(address).unwrap();
    drop(socket);
    assert!(client(address).is_err(), "no process listens");
    assert!(waits.read_reply().is_err(), "its accept queue is gone");
}
