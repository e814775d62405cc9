//! Who may come: tokens, certificates, the user at the other end of a socket; and what is refused before anything listens.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use costtop::config::ServerConfig;
use costtop::source::access::Access;
use costtop::source::{Event, Options, Receiving, SourceSpec, start};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::{Answer, connect, free_port, send};
use crate::http::Listener;

const TOKEN: &str = "fedcba9876543210";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

fn tokens() -> Access {
    let config = ServerConfig { token_env: Some("T".to_owned()), ..ServerConfig::default() };
    Access::load(&config, |_| Some(format!("ci {TOKEN}\n"))).unwrap()
}

/// With a certificate of its own, and one of the client where `mutual`.
fn tls(mutual: bool) -> Access {
    let config = ServerConfig {
        certificate: Some(fixture("server.pem")),
        key: Some(fixture("server.key")),
        client_ca: mutual.then(|| fixture("ca.pem")),
        ..ServerConfig::default()
    };
    Access::load(&config, |_| None).unwrap()
}

fn over_tls(port: u16, shows_certificate: bool) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = if shows_certificate {
        let chain = vec![CertificateDer::from_pem_file(fixture("client.pem")).unwrap()];
        config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(fixture("client.key")).unwrap()).unwrap()
    } else {
        config.with_no_client_auth()
    };
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(connection, connect(port))
}

#[test]
fn s08_with_a_token_nobody_comes_without_it_not_even_from_this_machine() {
    let options = Options { access: tokens(), ..Options::default() };
    let listener = Listener::start_with(&options, |_| Some(Receiving { records: 1, rejected: 0 }));
    let ask = |start: &str, headers: &[(&str, &str)]| -> Answer {
        send(&mut connect(listener.port), start, headers, b"{}").unwrap()
    };
    let good = format!("Bearer {TOKEN}");
    for wrong in [
        &[][..],
        &[("Authorization", "Bearer fedcba9876543211")],
        &[("Authorization", "Bearer x")],
        &[("Authorization", TOKEN)],
    ] {
        for start in ["POST /v1/events", "GET /echo", "GET /v1/snapshot", "POST /healthz"] {
            let answer = ask(start, wrong);
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{start} {wrong:?}");
        }
    }
    assert_eq!(ask("POST /v1/events", &[("Authorization", &good)]).status, 200);
    // By any name: a token is no secret of a browser's.
    let named = ask("GET /echo", &[("authorization", &good), ("Host", "costs.example")]);
    assert_eq!(named.text(), "get  ci at 127.0.0.1 {}");
    assert_eq!(ask("POST /v1/events", &[("Authorization", &good), ("Origin", "http://x")]).status, 403);
    assert_eq!(ask("GET /healthz", &[]).status, 503, "asked, though nobody answers here");
    assert_eq!(listener.stop().len(), 1);
}

#[test]
fn https_is_spoken_and_a_certificate_asked_for_where_one_is_configured() {
    for mutual in [false, true] {
        let options = Options { access: tls(mutual), ..Options::default() };
        let listener = Listener::start_at("https", &options, |_| Some(Receiving { records: 1, rejected: 0 }));
        let answer = send(&mut over_tls(listener.port, true), "POST /v1/events", &[], b"{}").unwrap();
        assert_eq!(answer.status, 200);
        let without = send(&mut over_tls(listener.port, false), "POST /v1/events", &[], b"{}");
        assert_eq!(without.is_ok(), !mutual, "{without:?}");
        // Plain HTTP is no TLS.
        assert!(send(&mut connect(listener.port), "POST /v1/events", &[], b"{}").is_err());
        assert_eq!(listener.stop().len(), if mutual { 1 } else { 2 });
    }
}

#[test]
fn lines_over_tls_need_the_clients_certificate() {
    let port = free_port();
    let (events_in, events) = crossbeam_channel::bounded(8);
    let options = Options { access: tls(true), ..Options::default() };
    let spec = SourceSpec::parse(0, &format!("tls://127.0.0.1:{port}")).unwrap();
    let handle = start(vec![spec], &options, events_in).unwrap();
    let mut refused = over_tls(port, false);
    let _ = refused.write_all(b"{\"a\":1}\n");
    assert!(refused.read(&mut [0]).is_err());
    let mut stream = over_tls(port, true);
    stream.write_all(b"{\"a\":2}\n").unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    drop(stream);
    let mut bytes = Vec::new();
    while bytes.is_empty() {
        if let Event::Chunk(chunk) = events.recv_timeout(std::time::Duration::from_secs(30)).unwrap() {
            bytes.extend_from_slice(&chunk.bytes);
        }
    }
    assert_eq!(bytes, b"{\"a\":2}\n");
    handle.stop();
}

/// Made and made private in two steps it would be seen open to others now and then.
#[test]
fn s08_a_unix_socket_is_open_to_nobody_else_not_even_while_it_is_made() {
    const TIMES: u32 = 300;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("s.sock");
    let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(BTreeSet::new())));
    let looking = {
        let (path, stop, seen) = (path.clone(), Arc::clone(&stop), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut looks = 0u64;
            while !stop.load(Ordering::Relaxed) {
                if let Ok(facts) = fs::symlink_metadata(&path) {
                    seen.lock().unwrap().insert((facts.permissions().mode() & 0o777, facts.uid()));
                    looks += 1;
                }
            }
            looks
        })
    };
    for kind in (0..TIMES).map(|time| if time % 2 == 0 { "unix" } else { "unixgram" }) {
        let (events, _kept) = crossbeam_channel::bounded(8);
        let spec = SourceSpec::parse(0, &format!("{kind}:{}", path.display())).unwrap();
        start(vec![spec], &Options::default(), events).unwrap().stop();
    }
    stop.store(true, Ordering::Relaxed);
    let looks = looking.join().unwrap();
    // SAFETY: geteuid has no arguments, cannot fail and touches no memory of ours.
    let own = unsafe { libc::geteuid() };
    assert_eq!(*seen.lock().unwrap(), BTreeSet::from([(0o600, own)]));
    println!("S08: a socket made {TIMES} times, looked at {looks} times: mode 0600 each time");
}

#[test]
fn s08_what_is_open_to_other_machines_refuses_to_start() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_costtop"))
            .args(arguments)
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path())
            .env("XDG_STATE_HOME", home.path())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for source in
        ["http://0.0.0.0:4318", "tcp://0.0.0.0:4777", "udp://[::]:4777", "https://127.0.0.1:4318", "tls://10.0.0.1:1"]
    {
        let (code, told) = run(&["report", source]);
        assert_eq!(code, Some(78), "{source}: {told}");
        assert!(told.contains(source), "{told}");
    }
    let config = home.path().join("config.toml");
    let config_text =
        |token: &str| format!("[[source]]\nlisten = \"http://0.0.0.0:4318\"\n[server]\ntoken_file = \"{token}\"\n");
    let check = || run(&["config", "check", "--config", config.to_str().unwrap()]);
    fs::write(home.path().join("token"), "short\n").unwrap();
    fs::write(&config, config_text("token")).unwrap();
    let (code, told) = check();
    assert!(code == Some(78) && told.contains("config.toml:4") && !told.contains("short\n"), "{told}");
    fs::write(home.path().join("token"), format!("{TOKEN}\n")).unwrap();
    assert_eq!(check().0, Some(0));
    fs::set_permissions(home.path().join("token"), fs::Permissions::from_mode(0o666)).unwrap();
    let (code, told) = check();
    assert!(code == Some(78) && told.contains("chmod go-w"), "{told}");
    fs::set_permissions(home.path().join("token"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o666)).unwrap();
    let (code, told) = check();
    assert!(code == Some(78) && told.contains("names tokens"), "{told}");
    // The token itself is printed nowhere.
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let printed = Command::new(env!("CARGO_BIN_EXE_costtop"))
        .args(["config", "print", "--config", config.to_str().unwrap()])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("token_file") && !printed.contains(TOKEN), "{printed}");
    println!("S08: open to other machines without token or certificate, a token others can change: exit code 78");
}
