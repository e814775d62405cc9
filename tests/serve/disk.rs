//! T26 over HTTP: a server that begins on a disk that takes nothing counts, says so, and acknowledges nothing until it is kept.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::place::{Place, append, charge};
use crate::served::Server;

fn is_allowed(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A history that breaks a budget, and a hook that would tell.
fn spent() -> Place {
    let place = Place::new();
    let budget = "[[budget]]\nname = \"everything\"\nlimit = 1.00\nper = \"month\"\n";
    let rung = place.path("rung");
    let hook = format!("[[hook]]\non = [\"page\", \"critical\"]\ncommand = [\"/bin/touch\", \"{}\"]\n", rung.display());
    place.configure(&(budget.to_owned() + &hook));
    for (id, dollars) in [("a", "0.50"), ("b", "1.25"), ("c", "0.25")] {
        append(&place.log("a.jsonl"), charge(id, "ana", dollars));
    }
    place
}

/// Counts, and says that nothing is kept; takes nothing that it would have to keep.
#[track_caller]
fn is_unkept(server: &Server, why: &[&str]) {
    server.until_cost("2.00");
    let health = server.get("/healthz");
    assert_eq!((health.status, health.json()["status"].as_str()), (503, Some("failing")), "{health:?}");
    let reason = health.json()["reasons"][0].as_str().unwrap().to_owned();
    assert!(reason.starts_with("state is not durable since 20"), "{reason}");
    assert!(why.iter().any(|why| reason.contains(why)), "{reason}");
    assert!(server.get("/metrics").text().lines().any(|line| line == "costtop_durable 0"));
    assert_eq!(server.get("/v1/status").json()["durable"], false);
    let refused = server.post("/v1/events", &charge("posted", "ben", "1.00"));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{refused:?}");
    assert!(server.said().contains("state is not durable: "), "{}", server.said());
}

/// Sent again it counts once, and what was counted before is kept with it.
#[track_caller]
fn is_kept(server: &Server) {
    server.until("the disk to be noticed", || server.get("/healthz").status == 200);
    assert!(server.said().contains("state is durable again"), "{}", server.said());
    assert_eq!(server.post("/v1/events", &charge("posted", "ben", "1.00")).status, 200);
    server.until_cost("3.00");
}

#[test]
fn a_start_on_a_full_disk_refuses_bodies_until_they_can_be_kept() {
    let small = "mount -t tmpfs -o size=2m none \"$XDG_STATE_HOME\"";
    if !is_allowed("unshare", &["-rm", "sh", "-c", &small.replace("$XDG_STATE_HOME", "/tmp")]) {
        println!("T26 over HTTP: left out, this machine lets nobody mount (unshare -rm)");
        return;
    }
    let place = spent();
    let script = format!(
        "{small}; cat /dev/zero >\"$XDG_STATE_HOME/filler\"; \"$@\" & pid=$!
         read -r _; rm \"$XDG_STATE_HOME/filler\"; read -r _; kill -9 $pid; wait; \"$@\" & pid=$!
         read -r _; kill -9 $pid"
    );
    let mut server = Server::start_by(&place, &["unshare", "-rm", "sh", "-c", &script, "sh"]);
    is_unkept(&server, &["No space left on device", "database or disk is full", "disk I/O error"]);
    let orders = |server: &Server| server.said().contains("orders from a shell are not heard yet");
    println!("a socket in the state's folder on the full disk: {}", if orders(&server) { "refused" } else { "made" });
    server.tell("free");
    is_kept(&server);
    server.tell("kill");
    server.until("its end", || std::net::TcpStream::connect(("127.0.0.1", server.port)).is_err() || is_new(&server));
    server.until("the second", || is_new(&server));
    server.until_ready();
    let snapshot = server.until_cost("3.00");
    assert_eq!(snapshot["intake"]["charges"], 4, "{snapshot}");
    assert_eq!(server.get("/healthz").status, 200);
    assert!(!place.path("rung").exists(), "history rings nobody");
    server.tell("end");
    // Whoever started it ends after it, and is not killed before.
    server.until("its end", || std::net::TcpStream::connect(("127.0.0.1", server.port)).is_err());
    println!("T26 over HTTP: 503 and Retry-After while full, 200 once kept, counted once, exact after SIGKILL");
}

/// A second process says how many lines it knows.
fn is_new(server: &Server) -> bool {
    server.said().matches("lines known, up to date").count() == 2
}

#[test]
fn a_state_in_a_folder_of_somebody_else_is_waited_for() {
    let place = spent();
    let state = place.path("state");
    // SAFETY: geteuid has no arguments, cannot fail and touches no memory of ours.
    let is_root = unsafe { libc::geteuid() } == 0;
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let by: &[&str] = if is_root { &nobody } else { &["env"] };
    let mode = |below: &str, mode| fs::set_permissions(place.path(below), Permissions::from_mode(mode)).unwrap();
    mode("", 0o755);
    mode("tmp", 0o777);
    fs::set_permissions(&state, Permissions::from_mode(0o555)).unwrap();
    if is_root && !is_allowed(nobody[0], &[&nobody[1..], &[crate::place::COSTTOP, "--version"]].concat()) {
        println!(
            "T26 rights: left out, this machine runs nothing for another user (setpriv, or rights of the program's folder)"
        );
        return;
    }
    let server = Server::start_by(&place, by);
    is_unkept(&server, &["Permission denied"]);
    assert!(server.said().contains("orders from a shell are not heard yet"), "{}", server.said());
    fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
    is_kept(&server);
    let control = state.join("costtop/default/control.sock");
    server.until("the socket", || control.exists());
    assert!(server.end(libc::SIGTERM).success());
    let seen = place.report(&["--state", "default"]);
    assert_eq!((&seen["totals"]["cost_usd"], &seen["intake"]["charges"]), (&"3.000000000000".into(), &4.into()));
    assert!(!place.path("rung").exists(), "history rings nobody");
}
