use super::*;
use crate::source::start::tests::outlet;

/// A database as `OpenCode` makes it, with the connection that writes it.
fn opencode(path: &std::path::Path) -> Connection {
    let writer = Connection::open(path).unwrap();
    writer
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
             CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL,
                 time_updated integer NOT NULL, data text NOT NULL);",
        )
        .unwrap();
    writer
}

fn put(writer: &Connection, id: &str, time: i64, data: &str) {
    let sql = "INSERT INTO message VALUES (?1, 'ses_1', ?2, ?2, ?3)
               ON CONFLICT (id) DO UPDATE SET time_updated = excluded.time_updated, data = excluded.data";
    writer.execute(sql, params![id, time, data]).unwrap();
}

const LIVE: Manner = Manner { once: false, skips: false, history: false };

/// A database that is looked at, and what comes of it.
struct Seen {
    database: Database,
    outlet: Outlet,
    events: Receiver<Event>,
    saved: Vec<Position>,
}

impl Seen {
    fn new(path: &std::path::Path, positions: &[Position]) -> Seen {
        let (outlet, events) = outlet();
        outlet.generations.store(7 + positions.len() as u32, std::sync::atomic::Ordering::Relaxed);
        let database = Database::new(3, Label::new("db"), path.to_owned(), positions);
        Seen { database, outlet, events, saved: positions.to_vec() }
    }

    /// The lines of one look.
    fn look(&mut self, manner: Manner) -> Vec<String> {
        assert!(self.database.poll(manner, &self.outlet));
        let mut lines = Vec::new();
        for event in self.events.try_iter() {
            if let Event::Chunk(chunk) = event {
                lines.extend(String::from_utf8(chunk.bytes).unwrap().lines().map(str::to_owned));
                self.saved = vec![chunk.position.unwrap()];
            }
        }
        lines
    }

    fn trouble(&self) -> String {
        match &self.database.state {
            SourceState::Lost(why) => why.clone(),
            other => format!("{other:?}"),
        }
    }
}

fn line(id: &str, data: &str) -> String {
    format!(r#"{{"id":"{id}","sessionID":"ses_1",{}"#, &data[1..])
}

#[test]
fn rows_come_as_lines_once_and_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opencode.db");
    let writer = opencode(&path);
    put(&writer, "msg_1", 10, r#"{"role":"user"}"#);
    put(&writer, "msg_2", 20, r#"{"n":1}"#);
    let mut seen = Seen::new(&path, &[]);
    assert_eq!(seen.look(LIVE), [line("msg_1", r#"{"role":"user"}"#), line("msg_2", r#"{"n":1}"#)]);
    assert_eq!(seen.look(LIVE), [""; 0], "nothing was written");
    put(&writer, "msg_2", 30, "{\"n\":\n2}");
    put(&writer, "msg_3", 31, "{}");
    assert_eq!(seen.look(LIVE), [line("msg_2", r#"{"n": 2}"#), r#"{"id":"msg_3","sessionID":"ses_1"}"#.to_owned()]);
    // The last row is taken back and its number given again.
    writer.execute("DELETE FROM message WHERE id = 'msg_3'", []).unwrap();
    put(&writer, "msg_4", 40, r#"{"n":4}"#);
    assert_eq!(seen.look(LIVE), [line("msg_4", r#"{"n":4}"#)]);
}

#[test]
fn after_a_restart_only_what_was_written_meanwhile_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opencode.db");
    let writer = opencode(&path);
    for number in 0..1000 {
        put(&writer, &format!("msg_{number}"), number, r#"{"n":1}"#);
    }
    let mut seen = Seen::new(&path, &[]);
    assert_eq!(seen.look(LIVE).len(), 1000);
    put(&writer, "msg_999", 5000, r#"{"n":2}"#);
    assert_eq!(seen.look(LIVE).len(), 1);
    put(&writer, "msg_7", 6000, r#"{"n":3}"#);
    put(&writer, "msg_new", 6001, r#"{"n":4}"#);
    let mut seen = Seen::new(&path, &seen.saved);
    let lines = seen.look(LIVE);
    assert!(
        lines.contains(&line("msg_7", r#"{"n":3}"#)) && lines.contains(&line("msg_new", r#"{"n":4}"#)),
        "{lines:?}"
    );
    assert!(lines.len() <= 4, "{lines:?}");
    assert_eq!(seen.database.generation, 7, "the state knows it by this");

    // Another file under the name: all of it.
    drop(writer);
    std::fs::remove_file(&path).unwrap();
    let writer = opencode(&path);
    put(&writer, "msg_9", 1, r#"{"n":9}"#);
    assert_eq!(seen.look(LIVE), [line("msg_9", r#"{"n":9}"#)]);
    assert_ne!(seen.database.generation, 7);
}

#[test]
fn from_the_end_only_what_comes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opencode.db");
    let writer = opencode(&path);
    put(&writer, "msg_1", 10, r#"{"n":1}"#);
    let mut seen = Seen::new(&path, &[]);
    assert_eq!(seen.look(Manner { skips: true, ..LIVE }), [""; 0]);
    put(&writer, "msg_2", 20, r#"{"n":2}"#);
    assert_eq!(seen.look(LIVE), [line("msg_2", r#"{"n":2}"#)]);
}

#[test]
fn a_database_in_trouble_is_a_status_and_read_when_the_trouble_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opencode.db");
    let mut seen = Seen::new(&path, &[]);
    assert_eq!((seen.look(LIVE).len(), seen.trouble()), (0, "Waiting".to_owned()));
    std::fs::write(&path, "no database at all, but long enough to be looked at as if it were one").unwrap();
    assert!(seen.look(LIVE).is_empty() && seen.trouble().contains("damaged"), "{}", seen.trouble());
    std::fs::remove_file(&path).unwrap();

    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("CREATE TABLE other (a)").unwrap();
    assert!(seen.look(LIVE).is_empty() && seen.trouble().contains("no table 'message'"), "{}", seen.trouble());
    writer.execute_batch("CREATE VIEW message AS SELECT 'a' id, 'b' session_id, 1 time_updated, '{}' data").unwrap();
    assert!(seen.look(LIVE).is_empty() && seen.trouble().contains("no table 'message'"), "a view runs what it likes");
    drop(writer);
    std::fs::remove_file(&path).unwrap();

    let writer = opencode(&path);
    put(&writer, "msg_1", 10, r#"{"n":1}"#);
    writer.execute_batch("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").unwrap();
    assert!(seen.look(LIVE).is_empty() && seen.trouble().contains("locked"), "{}", seen.trouble());
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!((seen.look(LIVE).len(), seen.trouble()), (1, "Live".to_owned()));
}

#[test]
fn a_row_is_as_long_as_a_line_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opencode.db");
    let writer = opencode(&path);
    put(&writer, "msg_1", 10, &format!(r#"{{"n":"{}"}}"#, "x".repeat(17 << 20)));
    put(&writer, "msg_2", 11, r#"{"n":2}"#);
    let mut seen = Seen::new(&path, &[]);
    assert!(seen.database.poll(LIVE, &seen.outlet));
    let counts: Vec<(u64, usize)> = seen
        .events
        .try_iter()
        .filter_map(
            |event| if let Event::Chunk(chunk) = event { Some((chunk.too_long, chunk.bytes.len())) } else { None },
        )
        .collect();
    assert_eq!(counts, [(1, line("msg_2", r#"{"n":2}"#).len() + 1)]);
}
