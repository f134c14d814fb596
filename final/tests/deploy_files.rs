//! The files in `deploy/`, checked with the tools that read them, and against the server: settings that exist, times
//! that fit together, probes that get a response. A tool that is not installed is skipped, with a message.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use wire::{Client, Program, environment, request};

const PROGRAM: &str = env!("CARGO_BIN_EXE_httpserver");

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// The time that a stop may take besides its delay and its drain. `main::serve` and `Server::run` wait at most a second
/// each for the notification of the service manager, for the threads, and for the last lines of standard error, of the
/// log, and of standard error again.
const LAST_SECONDS: u64 = 5;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// The text of a file with parts replaced that belong to another machine. Each part must be there.
fn adapted(name: &str, parts: &[(&str, &str)]) -> String {
    parts.iter().fold(text(name), |text, (from, to)| {
        assert!(text.contains(from), "{name}: no `{from}`");
        text.replace(from, to)
    })
}

/// The output of a program, or `None` if it is not installed. Debian installs some in directories that are only on
/// root's path.
fn run(name: &str, arguments: &[&str]) -> Option<Output> {
    [name.to_string(), format!("/usr/sbin/{name}")].iter().find_map(|program| {
        match environment::command(program).args(arguments).stdin(Stdio::null()).output() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            output => Some(output.unwrap()),
        }
    })
}

fn both(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

// systemd

/// The units in a directory, with a program that is on this machine.
fn units() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let service = adapted("httpserver.service", &[("/usr/local/bin/httpserver", PROGRAM)]);
    fs::write(folder.path().join("httpserver.service"), service).unwrap();
    fs::copy(path("httpserver.socket"), folder.path().join("httpserver.socket")).unwrap();
    folder
}

#[test]
fn systemd_finds_no_fault_in_the_units() {
    let folder = units();
    let unit = |name| folder.path().join(name).to_str().unwrap().to_string();
    let (service, socket) = (unit("httpserver.service"), unit("httpserver.socket"));
    let Some(output) = run("systemd-analyze", &["verify", &service, &socket]) else {
        println!("skipped: there is no systemd-analyze here");
        return;
    };
    // The tool reports an unknown option on standard error, but still succeeds.
    assert!(output.status.success() && output.stderr.is_empty(), "{}", both(&output));
}

/// systemd rates the exposure of a service from 0 to 10. A service without options has 9.6, and the limit is 1.
#[test]
fn systemd_rates_the_service_as_safe() {
    let folder = units();
    let service = folder.path().join("httpserver.service");
    let rate = ["security", "--offline=true", "--threshold=10", "--no-pager"];
    let arguments = [&rate[..], &[service.to_str().unwrap()]].concat();
    let Some(output) = run("systemd-analyze", &arguments) else {
        println!("skipped: there is no systemd-analyze here");
        return;
    };
    let printed = both(&output);
    if printed.contains("unrecognized option") {
        println!("skipped: this systemd-analyze cannot rate a file");
        return;
    }
    let rating = printed.lines().last().unwrap_or_default();
    println!("{rating}");
    assert!(output.status.success(), "{printed}");
}

/// The value of an option of the service.
fn option(name: &str) -> String {
    let service = text("httpserver.service");
    let value = service.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    value.unwrap_or_else(|| panic!("no {name}")).to_string()
}

// Settings

/// Checks that the server has these settings, and accepts their values.
fn assert_settings(settings: &[(String, String)]) {
    let help = run(PROGRAM, &["--help"]).unwrap();
    let help = both(&help);
    let mut command = environment::command(PROGRAM);
    command.arg("--check-config");
    for (name, value) in settings {
        let flag = name.strip_prefix("HTTP_").expect(name).replace('_', "-").to_lowercase();
        let is_known = help.split_whitespace().any(|word| word == format!("--{flag}"));
        assert!(is_known, "{name}: there is no setting --{flag}");
        if name == "HTTP_RATE_LIMIT_STORE" && !cfg!(feature = "redis") {
            continue; // only the image is built with the feature
        }
        // The directory is in the image, or on the host.
        let is_there = name != "HTTP_ROOT" || Path::new(value).is_dir();
        command.env(name, if is_there { value } else { env!("CARGO_MANIFEST_DIR") });
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
}

/// The seconds of a time such as `30s` or `30`.
fn seconds(text: &str) -> u64 {
    text.trim_end_matches('s').parse().expect(text)
}

/// The value of a setting, or the default that the server's help names.
fn setting(settings: &[(String, String)], name: &str, default: &str) -> u64 {
    let found = settings.iter().find(|(it, _)| it == name);
    seconds(found.map_or(default, |(_, value)| value))
}

/// Checks that a service manager that kills the server after this time leaves enough time for a graceful shutdown.
fn assert_time_to_stop(kills_after: u64, settings: &[(String, String)]) {
    let delay = setting(settings, "HTTP_STOP_DELAY", "0s");
    let drain = setting(settings, "HTTP_DRAIN_TIMEOUT", "10s");
    let least = delay + drain + LAST_SECONDS;
    assert!(kills_after >= least, "killed after {kills_after} s, but a stop may take {least} s");
}

#[test]
fn the_service_sets_known_settings_and_waits_for_a_graceful_shutdown() {
    let pairs = option("Environment");
    let pair = |it: &str| it.split_once('=').map(|(name, value)| (name.into(), value.into()));
    let settings: Vec<(String, String)> = pairs.split(' ').filter_map(pair).collect();
    assert_eq!(settings.len(), 3, "{pairs}");
    assert_settings(&settings);
    assert_time_to_stop(seconds(&option("TimeoutStopSec")), &settings);
}

#[test]
fn the_image_sets_known_settings_and_leaves_the_program_as_process_1() {
    let file = text("Containerfile");
    let instructions: Vec<(&str, &str)> = file
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect(line))
        .collect();
    let last_stage = instructions.iter().rposition(|(name, _)| *name == "FROM").unwrap();
    let values = |wanted: &str| -> Vec<&str> {
        let of_stage = instructions[last_stage..].iter().filter(|(name, _)| *name == wanted);
        of_stage.map(|(_, value)| *value).collect()
    };
    assert_eq!(values("FROM"), ["scratch"]);
    assert_eq!(values("ENTRYPOINT"), [r#"["/httpserver"]"#]);
    assert_eq!(values("STOPSIGNAL"), ["SIGTERM"]);
    assert_eq!(values("USER"), ["65532:65532"]);
    let pairs = values("ENV").join(" ");
    let pair = |it: &str| it.split_once('=').map(|(name, value)| (name.into(), value.into()));
    assert_settings(&pairs.split(' ').filter_map(pair).collect::<Vec<_>>());
    for copied in values("COPY").iter().filter(|it| !it.starts_with("--from")) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(copied.split(' ').next().unwrap());
        assert!(source.exists(), "{}", source.display());
    }
}

/// The builder gets the source code, but no file that git ignores.
#[test]
fn the_image_is_built_without_what_git_ignores() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let left_out = text("Containerfile.dockerignore");
    let left_out: Vec<&str> = left_out.lines().filter(|line| !line.starts_with('#')).collect();
    let ignored = fs::read_to_string(root.join(".gitignore")).unwrap();
    for path in ignored.lines().map(|line| line.trim_start_matches('/')) {
        let is_left_out = |pattern: &&str| match pattern.strip_prefix("**/") {
            Some(name) => path.split('/').any(|part| part == name),
            None => path == *pattern,
        };
        let artifacts = "xtask/fuzz/artifacts"; // a few small inputs
        assert!(path == artifacts || left_out.iter().any(is_left_out), "{path}");
    }
}

// YAML

fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Adds the path of each field: `spec.ports[].name`. Labels and settings have names of our own, so they are left out.
fn add_fields(value: &Value, path: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = format!("{path}.{name}").trim_start_matches('.').to_string();
                fields.insert(path.clone());
                if !["labels", "matchLabels", "environment", "sysctls"].contains(&name.as_str()) {
                    add_fields(value, &path, fields);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                add_fields(item, &format!("{path}[]"), fields);
            }
        }
        _ => {}
    }
}

/// The fields that these files use. A misspelt field would be ignored or rejected only when the file is applied.
fn assert_fields(name: &str, document: &Value, expected: &str) {
    let mut fields = BTreeSet::new();
    add_fields(document, "", &mut fields);
    let expected: BTreeSet<String> = expand(expected);
    let unknown: Vec<_> = fields.difference(&expected).collect();
    assert!(unknown.is_empty(), "{name} has fields that are not in this test: {unknown:?}");
    let missing: Vec<_> = expected.difference(&fields).collect();
    assert!(missing.is_empty(), "{name} lacks {missing:?}");
}

/// The paths in an indented list, each with its parents.
fn expand(list: &str) -> BTreeSet<String> {
    let mut parents: Vec<(usize, String)> = Vec::new();
    let mut paths = BTreeSet::new();
    for line in list.lines().filter(|line| !line.trim().is_empty()) {
        let depth = line.len() - line.trim_start().len();
        parents.retain(|(other, _)| *other < depth);
        let parent = parents.last().map(|(_, path)| format!("{path}.")).unwrap_or_default();
        for name in line.split_whitespace() {
            paths.insert(format!("{parent}{}", name.trim_end_matches("[]")));
        }
        let last = line.split_whitespace().last().unwrap();
        parents.push((depth, format!("{parent}{last}")));
    }
    paths
}

const DEPLOYMENT: &str = "
apiVersion kind metadata
    name labels
spec
    replicas minReadySeconds progressDeadlineSeconds selector
        matchLabels
    strategy
        type rollingUpdate
            maxSurge maxUnavailable
    template
        metadata
            labels
        spec
            terminationGracePeriodSeconds automountServiceAccountToken enableServiceLinks
            securityContext
                runAsNonRoot runAsUser runAsGroup seccompProfile
                    type
            topologySpreadConstraints[]
                maxSkew topologyKey whenUnsatisfiable labelSelector
                    matchLabels
            containers[]
                name image ports[]
                    name containerPort
                env[]
                    name value
                startupProbe
                    periodSeconds failureThreshold httpGet
                        path port
                readinessProbe
                    periodSeconds timeoutSeconds failureThreshold httpGet
                        path port
                livenessProbe
                    periodSeconds timeoutSeconds failureThreshold httpGet
                        path port
                resources
                    requests
                        cpu memory
                    limits
                        memory
                securityContext
                    allowPrivilegeEscalation readOnlyRootFilesystem capabilities
                        drop
";

const SERVICE: &str = "
apiVersion kind metadata
    name
spec
    selector
        app
    ports[]
        name port targetPort
";

const BUDGET: &str = "
apiVersion kind metadata
    name
spec
    minAvailable selector
        matchLabels
";

const COMPOSE: &str = "
services
    proxy
        image volumes ports sysctls depends_on restart
    app
        image environment stop_grace_period read_only cap_drop security_opt mem_limit depends_on restart
        build
            context dockerfile args
                FEATURES
        deploy
            replicas
    redis
        image user command read_only cap_drop mem_limit restart
";

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

#[test]
fn the_objects_of_kubernetes_have_known_fields_and_belong_together() {
    let name = "kubernetes.yaml";
    let documents = documents(name);
    let [deployment, service, budget] = &documents[..] else {
        panic!("{} documents", documents.len());
    };
    assert_fields(name, deployment, DEPLOYMENT);
    assert_fields(name, service, SERVICE);
    assert_fields(name, budget, BUDGET);
    let pod = &deployment["spec"]["template"];
    let labels = &pod["metadata"]["labels"];
    for selector in [
        &deployment["spec"]["selector"]["matchLabels"],
        &pod["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
        &service["spec"]["selector"],
        &budget["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
    let container = &pod["spec"]["containers"][0];
    assert_eq!(service["spec"]["ports"][0]["targetPort"], container["ports"][0]["name"]);
    let least = budget["spec"]["minAvailable"].as_u64().unwrap();
    assert!(least < deployment["spec"]["replicas"].as_u64().unwrap(), "no node can be drained");
}

#[test]
fn the_pod_sets_known_settings_and_its_probes_get_a_response() {
    let deployment = documents("kubernetes.yaml").remove(0);
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let variables = container["env"].as_array().unwrap();
    let pair = |it: &Value| (text_of(&it["name"]), text_of(&it["value"]));
    let settings: Vec<(String, String)> = variables.iter().map(pair).collect();
    assert_settings(&settings);
    let kills_after = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert_time_to_stop(kills_after, &settings);

    let (_, address) = settings.iter().find(|(name, _)| name == "HTTP_ADDR").unwrap();
    let port = address.parse::<SocketAddr>().unwrap().port();
    assert_eq!(container["ports"][0]["containerPort"], port);
    let program = Program::start(PROGRAM, &["--addr", "127.0.0.1:0"]).unwrap();
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let get = &container[probe]["httpGet"];
        assert_eq!(get["port"], container["ports"][0]["name"]);
        let reply = wire::get(program.addr(), get["path"].as_str().unwrap()).unwrap();
        assert_eq!(reply.status, 200, "{probe}");
    }
}

#[test]
fn the_compose_file_has_known_fields_and_settings_and_refers_to_files_that_exist() {
    let name = "compose.yaml";
    let file = documents(name).remove(0);
    assert_fields(name, &file, COMPOSE);
    let app = &file["services"]["app"];
    let environment = app["environment"].as_object().unwrap();
    let settings: Vec<_> =
        environment.iter().map(|(name, value)| (name.clone(), text_of(value))).collect();
    assert_settings(&settings);
    assert_time_to_stop(seconds(app["stop_grace_period"].as_str().unwrap()), &settings);

    let context = path(app["build"]["context"].as_str().unwrap());
    assert!(context.join(app["build"]["dockerfile"].as_str().unwrap()).is_file());
    let volume = file["services"]["proxy"]["volumes"][0].as_str().unwrap();
    assert!(path(volume.split(':').next().unwrap()).is_file(), "{volume}");
    // HAProxy resolves the name of the service, and needs the number of its replicas.
    let replicas = app["deploy"]["replicas"].as_u64().unwrap();
    let template = format!("server-template app {replicas} app:8080 ");
    assert!(text("haproxy.cfg").contains(&template), "no `{template}`");
    // A replica that stops accepts connections until HAProxy has seen three failed probes.
    let check = "check inter 1s fall 3 ";
    assert!(text("haproxy.cfg").contains(check), "no `{check}`");
    assert!(setting(&settings, "HTTP_STOP_DELAY", "0s") > 3);
}

// The proxies

/// A proxy that runs. Dropping it kills it.
struct Proxy {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Proxy {
    /// Starts the proxy with this configuration, which listens on `address`. `None` if it is not installed.
    fn start(name: &str, arguments: &[&str], text: &str, address: SocketAddr) -> Option<Proxy> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("configuration"), text).unwrap();
        let errors = fs::File::create(folder.path().join("stderr")).unwrap();
        let programs = [name.to_string(), format!("/usr/sbin/{name}")];
        let child = programs.iter().find_map(|program| {
            let mut command: Command = environment::command(program);
            command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(errors.try_clone().unwrap());
            match command.spawn() {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                child => Some(child.unwrap()),
            }
        })?;
        let mut proxy = Proxy { child, address, folder };
        let deadline = Instant::now() + LONG;
        while TcpStream::connect(address).is_err() {
            let ended = proxy.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "{name}: {}", proxy.errors());
            thread::sleep(Duration::from_millis(5));
        }
        Some(proxy)
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address for a proxy, which cannot report a port that the kernel chooses. Clients have their ports on 127.0.0.1, so
/// none of them gets this one.
fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.19.1:0").unwrap().local_addr().unwrap()
}

fn replicas() -> [Program; 3] {
    let arguments = ["--addr", "127.0.0.1:0", "--log", "off"];
    [(); 3].map(|()| Program::start(PROGRAM, &arguments).unwrap())
}

fn nginx(replicas: &[Program; 3], listen: SocketAddr) -> Option<Proxy> {
    let listen_line = format!("listen {listen};");
    let addresses = replicas.each_ref().map(|it| format!("{} max_fails", it.addr()));
    // The proxy must write its files in a directory of the test.
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {kind}; "))
        .concat();
    let http = format!("http {{ access_log off; {temporary}");
    let text = adapted(
        "nginx.conf",
        &[
            ("http {", &http),
            ("listen 80;", &listen_line),
            ("10.0.0.1:8080 max_fails", &addresses[0]),
            ("10.0.0.2:8080 max_fails", &addresses[1]),
            ("10.0.0.3:8080 max_fails", &addresses[2]),
        ],
    );
    let alone = "daemon off; master_process off; pid pid; error_log stderr;";
    let arguments = ["-p", ".", "-e", "stderr", "-c", "configuration", "-g", alone];
    Proxy::start("nginx", &arguments, &text, listen)
}

fn haproxy(replicas: &[Program; 3], listen: SocketAddr) -> Option<Proxy> {
    let bind = format!("bind {listen}");
    let [one, two, three] = replicas.each_ref().map(Program::addr);
    let servers = format!("server app1 {one}\n    server app2 {two}\n    server app3 {three}");
    let template = "server-template app 3 app:8080 resolvers containers init-addr libc,none";
    let text = adapted(
        "haproxy.cfg",
        &[("    bind :80\n", &format!("    {bind}\n")), (template, &servers)],
    );
    Proxy::start("haproxy", &["-f", "configuration"], &text, listen)
}

type Start = fn(&[Program; 3], SocketAddr) -> Option<Proxy>;

/// A request with addresses that the client has made up, and the fields that the replica has received.
fn received_fields(proxy: SocketAddr) -> Vec<(String, String)> {
    let forged = [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1")];
    let mut client = Client::connect(proxy).unwrap().with_patience(LONG);
    let reply = client.ask(request("GET", "/inspect", &forged, b"")).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen: Value = serde_json::from_str(&reply.text()).unwrap();
    serde_json::from_value(seen["headers"].clone()).unwrap()
}

/// The server gets the client's address only from the proxy, and no idempotent request fails when a replica is killed.
fn the_proxy_replaces_forged_addresses_and_retries(name: &str, start: Start) {
    let replicas = replicas();
    let Some(proxy) = start(&replicas, unused_address()) else {
        println!("skipped: there is no {name} here");
        return;
    };
    let fields = received_fields(proxy.address);
    let values = |wanted: &str| -> Vec<&str> {
        let of_name = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        of_name.map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(values("X-Forwarded-For"), ["127.0.0.1"]);
    assert_eq!(values("X-Forwarded-Proto"), ["http"]);
    assert_eq!(values("Forwarded"), Vec::<&str>::new());

    let [killed, _others @ ..] = replicas;
    drop(killed);
    for _ in 0..12 {
        received_fields(proxy.address);
    }
}

#[test]
fn nginx_replaces_forged_addresses_and_retries() {
    the_proxy_replaces_forged_addresses_and_retries("nginx", nginx);
}

#[test]
fn haproxy_replaces_forged_addresses_and_retries() {
    the_proxy_replaces_forged_addresses_and_retries("haproxy", haproxy);
}

/// The unchanged file, with names that only Docker's DNS server can resolve.
#[test]
fn haproxy_accepts_its_configuration_as_it_is() {
    let Some(output) = run("haproxy", &["-c", "-f", path("haproxy.cfg").to_str().unwrap()]) else {
        println!("skipped: there is no haproxy here");
        return;
    };
    let printed = both(&output);
    assert!(output.status.success(), "{printed}");
    let warnings = printed.lines().filter(|line| line.contains("[WARNING]"));
    let unexpected: Vec<_> = warnings.filter(|line| !line.contains("could not resolve")).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

/// The side that sends requests has to be the side that closes an idle connection.
#[test]
fn the_proxies_close_idle_connections_before_the_server_does() {
    let help = both(&run(PROGRAM, &["--help"]).unwrap());
    assert!(help.contains("[default: 75s]"), "the default of --idle-timeout has changed:\n{help}");
    assert!(text("nginx.conf").contains("keepalive_timeout 60s;"));
    assert!(text("haproxy.cfg").contains("pool-purge-delay 5s"));
}
