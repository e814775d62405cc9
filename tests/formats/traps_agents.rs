//! What coding agents' files have misled others with, a test for each, named after the trap: small files enter the program, totals leave.

use serde_json::{Value, json};

/// The report of `files`, written into a folder, in the order of their names.
fn report(files: &[(&str, String)]) -> Value {
    let home = tempfile::tempdir().unwrap();
    let logs = home.path().join("logs");
    for (name, text) in files {
        let path = logs.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.args(["report", "--by", "session,model,project", "--format", "json"]).arg(&logs);
    let out = command.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Requests, and tokens: input, cache read, cache writes for five minutes and an hour, output.
fn totals(files: &[(&str, String)]) -> [u64; 6] {
    let report = report(files);
    ["requests", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens"]
        .map(|field| report["totals"][field].as_u64().unwrap())
}

/// A line of a Claude Code session with `more` laid over it; `message` goes into its message.
fn line(more: &Value, message: &Value) -> String {
    let mut line = json!({"type": "assistant", "timestamp": "2026-11-21T10:00:00.000Z", "sessionId": "s-1",
        "requestId": "req_011CAAAAAAAAAAAAAAAAAAAA", "uuid": "u", "isSidechain": false, "cwd": "/src/shop",
        "message": {"id": "msg_01AAAAAAAAAAAAAAAAAAAAAA", "role": "assistant", "model": "claude-sonnet-4-6", "stop_reason": "end_turn",
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300,
                "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200}, "output_tokens": 50}}});
    let lay = |over: &Value, into: &mut Value| {
        for (key, value) in over.as_object().unwrap() {
            into[key] = value.clone();
        }
    };
    lay(more, &mut line);
    lay(message, &mut line["message"]);
    format!("{line}\n")
}

fn plain() -> String {
    line(&json!({}), &json!({}))
}

/// Another request: its ids end in `letter`.
fn other(letter: &str) -> String {
    line(
        &json!({"requestId": format!("req_011C{}", letter.repeat(20))}),
        &json!({"id": format!("msg_01{}", letter.repeat(22))}),
    )
}

const ONE: [u64; 6] = [1, 10, 1000, 100, 200, 50];

fn times(count: u64) -> [u64; 6] {
    ONE.map(|number| number * count)
}

/// The usage with another output, partial where there is no stop reason.
fn output(output: u64, stop: Option<&str>) -> String {
    let mut usage = serde_json::from_str::<Value>(&plain()).unwrap()["message"]["usage"].clone();
    usage["output_tokens"] = output.into();
    line(&json!({}), &json!({"usage": usage, "stop_reason": stop}))
}

#[test]
fn one_line_per_content_block_is_one_request() {
    assert_eq!(totals(&[("a.jsonl", plain().repeat(4))]), ONE);
}

#[test]
fn first_wins_loses_the_output_of_a_partial_first_line() {
    let file = output(1, None) + &output(3, None) + &plain();
    assert_eq!(totals(&[("a.jsonl", file)]), ONE);
}

#[test]
fn last_wins_loses_when_lines_come_in_another_order() {
    let file = plain() + &output(3, None) + &output(1, None);
    assert_eq!(totals(&[("a.jsonl", file)]), ONE);
}

#[test]
fn a_time_in_the_key_counts_every_content_block() {
    let later = plain().replace("10:00:00.000Z", "10:00:07.311Z");
    assert_eq!(totals(&[("a.jsonl", plain() + &later)]), ONE);
}

#[test]
fn a_missing_request_id_is_no_second_request() {
    let without = line(&json!({"requestId": null}), &json!({}));
    assert_eq!(totals(&[("a.jsonl", without.repeat(2))]), ONE);
    assert_eq!(totals(&[("a.jsonl", without + &plain())]), ONE);
}

#[test]
fn a_reused_msg_1_of_a_gateway_is_as_many_requests_as_it_has_request_ids() {
    let reused = |request: &str| line(&json!({"requestId": request}), &json!({"id": "msg_1"}));
    assert_eq!(totals(&[("a.jsonl", reused("req_1") + &reused("req_2") + &reused("req_2"))]), times(2));
    let bare = |session: &str| line(&json!({"requestId": null, "sessionId": session}), &json!({"id": "msg_1"}));
    assert_eq!(
        totals(&[("a.jsonl", bare("s-1") + &bare("s-1")), ("b.jsonl", bare("s-2"))]),
        times(2),
        "in its session only"
    );
}

#[test]
fn a_sidechains_replay_with_a_new_request_id_is_the_parents_message() {
    let replay = line(
        &json!({"requestId": "req_011CZZZZZZZZZZZZZZZZZZZZ", "isSidechain": true, "sessionId": "s-2"}),
        &json!({}),
    );
    for files in
        [[("a.jsonl", plain()), ("b.jsonl", replay.clone())], [("a.jsonl", replay.clone()), ("b.jsonl", plain())]]
    {
        let report = report(&files);
        assert_eq!(report["totals"]["requests"], 1);
        assert_eq!(report["groups"][0]["key"]["session"], "s-1", "whoever is read first: {}", report["groups"]);
    }
}

#[test]
fn a_sub_agents_own_requests_count() {
    let own = line(
        &json!({"isSidechain": true, "agentId": "a1b2c3", "requestId": "req_011CYYYYYYYYYYYYYYYYYYYY"}),
        &json!({"id": "msg_01YYYYYYYYYYYYYYYYYYYYYY"}),
    );
    assert_eq!(totals(&[("s-1.jsonl", plain()), ("s-1/subagents/agent-a1b2c3.jsonl", own)]), times(2));
}

#[test]
fn resumed_and_forked_copies_count_once_for_the_session_they_come_from() {
    let copy = line(&json!({"sessionId": "s-9", "timestamp": "2026-11-21T12:00:00.000Z"}), &json!({}));
    for files in [
        [("a.jsonl", plain()), ("b.jsonl", copy.clone() + &other("B"))],
        [("b.jsonl", plain()), ("a.jsonl", copy.clone() + &other("B"))],
    ] {
        assert_eq!(totals(&files), times(2));
        let report = report(&files);
        let sessions: Vec<_> =
            report["groups"].as_array().unwrap().iter().map(|group| group["key"]["session"].clone()).collect();
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        assert_eq!(sessions[0], "s-1");
    }
}

#[test]
fn synthetic_messages_are_not_billed() {
    let synthetic = line(&json!({}), &json!({"model": "<synthetic>", "id": "msg_01SSSSSSSSSSSSSSSSSSSSSS"}));
    assert_eq!(totals(&[("a.jsonl", synthetic + &plain())]), ONE);
}

#[test]
fn five_minute_and_one_hour_writes_are_told_apart() {
    let old = line(
        &json!({}),
        &json!({"usage": {"input_tokens": 10, "cache_creation_input_tokens": 300, "output_tokens": 50}}),
    );
    assert_eq!(totals(&[("a.jsonl", old)]), [1, 10, 0, 300, 0, 50], "a total without a split is for five minutes");
    assert_eq!(totals(&[("a.jsonl", plain())])[3..5], [100, 200], "the total is not counted beside its split");
}

#[test]
fn a_torn_last_line_costs_nothing_and_counts_when_it_is_whole() {
    let whole = other("B");
    let torn = &whole[..whole.len() / 2];
    let report = report(&[("a.jsonl", plain() + torn)]);
    assert_eq!((report["totals"]["requests"].as_u64(), report["intake"]["torn"].as_u64()), (Some(1), Some(1)));
    assert_eq!(totals(&[("a.jsonl", plain() + whole.trim_end())]), times(2), "its newline comes later");
}

#[test]
fn cost_usd_of_old_clients_is_the_cost() {
    let old = line(&json!({"costUSD": 0.125}), &json!({}));
    assert_eq!(report(&[("a.jsonl", old)])["totals"]["reported_usd"], "0.125000000000");
}

#[test]
fn a_zero_cost_with_tokens_is_no_cost() {
    let zero = line(&json!({"costUSD": 0}), &json!({}));
    let report = report(&[("a.jsonl", zero)]);
    assert_eq!(report["totals"]["reported_usd"], "0.000000000000");
    assert_ne!(report["totals"]["computed_usd"], "0.000000000000");
}

#[test]
fn progress_lines_wrap_a_sub_agents_message() {
    let wrapped = json!({"type": "progress", "sessionId": "s-1", "timestamp": "2026-11-21T10:00:01.000Z", "cwd": "/src/shop",
        "data": {"type": "agent_progress", "agentId": "a1b2c3", "message": {"type": "assistant",
            "timestamp": "2026-11-21T10:00:00.000Z", "requestId": "req_011CAAAAAAAAAAAAAAAAAAAA",
            "message": serde_json::from_str::<Value>(&plain()).unwrap()["message"]}}});
    assert_eq!(totals(&[("a.jsonl", format!("{wrapped}\n"))]), ONE);
    assert_eq!(
        totals(&[("a.jsonl", format!("{wrapped}\n")), ("b.jsonl", plain())]),
        ONE,
        "and its own file says it, too"
    );
}

#[test]
fn usage_in_a_prompt_is_text() {
    let prompt = json!({"type": "user", "message": {"role": "user", "content": plain()}, "sessionId": "s-1"});
    let quoted = line(&json!({}), &json!({"content": [{"type": "text", "text": other("Q")}]}));
    assert_eq!(totals(&[("a.jsonl", format!("{prompt}\n{quoted}"))]), ONE);
}

#[test]
fn running_twice_says_the_same() {
    let files = [("a.jsonl", plain() + &other("B")), ("b.jsonl", other("C") + &plain())];
    let (one, two) = (report(&files), report(&files));
    assert_eq!((&one["totals"], &one["groups"]), (&two["totals"], &two["groups"]));
}

#[test]
fn cumulative_totals_of_codex_are_not_added_up() {
    let totals = totals(&[("rollout.jsonl", super::codex::PARENT.to_owned())]);
    assert_eq!(totals, [5, 8556, 42_496, 2900, 0, 1901]);
}

#[test]
fn a_codex_fork_adds_only_what_it_used_itself_in_any_order_of_reading() {
    let (parent, fork) = (super::codex::PARENT.to_owned(), super::codex::FORK.to_owned());
    let both = totals(&[("1.jsonl", parent.clone()), ("2.jsonl", fork.clone())]);
    assert_eq!(both, [7, 8652, 64_000, 2900, 0, 2701]);
    assert_eq!(both, totals(&[("1.jsonl", fork.clone()), ("2.jsonl", parent.clone())]));
    assert_eq!(both, totals(&[("1.jsonl", fork.clone()), ("2.jsonl", fork.clone()), ("3.jsonl", parent)]));
    let report = report(&[("1.jsonl", fork), ("2.jsonl", super::codex::PARENT.to_owned())]);
    let groups = report["groups"].as_array().unwrap();
    let requests = |session: &str| -> u64 {
        let own = groups.iter().filter(|group| group["key"]["session"].as_str().unwrap().starts_with(session));
        own.map(|group| group["requests"].as_u64().unwrap()).sum()
    };
    assert_eq!((requests("019f6a10"), requests("019f6a2b")), (5, 2), "the parent's stay the parent's");
}

#[test]
fn an_archived_copy_of_a_rollout_counts_once() {
    let parent = super::codex::PARENT;
    let packed = ruzstd::encoding::compress_to_vec(parent.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let home = tempfile::tempdir().unwrap();
    let (sessions, archived) = (home.path().join("sessions"), home.path().join("archived_sessions"));
    std::fs::create_dir_all(&sessions).unwrap();
    std::fs::create_dir_all(&archived).unwrap();
    std::fs::write(sessions.join("rollout-a.jsonl"), parent).unwrap();
    std::fs::write(archived.join("rollout-a.jsonl.zst"), packed).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_costtop"));
    command.args(["report", "--format", "json"]).env("HOME", home.path()).env("CODEX_HOME", home.path());
    let out = command.env("XDG_CONFIG_HOME", home.path()).env("XDG_STATE_HOME", home.path()).output().unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).expect("found without being named");
    assert_eq!(report["totals"]["requests"], 5, "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn opencode_documents_that_are_written_anew_and_kept_twice_count_once() {
    let message = super::agents::OPENCODE.lines().next().unwrap();
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(message).unwrap()).unwrap();
    let files = [("message/ses_1/msg_1.json", pretty), ("export.jsonl", format!("{message}\n"))];
    assert_eq!(totals(&files), [1, 12, 48_211, 903, 0, 345]);
}

/// A database as newer versions of `OpenCode` write it, of these messages.
fn opencode_database(path: &std::path::Path, messages: &[&str]) {
    let database = rusqlite::Connection::open(path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL,
                time_updated integer NOT NULL, data text NOT NULL)",
        )
        .unwrap();
    for message in messages {
        let mut data: Value = serde_json::from_str(message).unwrap();
        let [id, session] = ["id", "sessionID"].map(|key| data.as_object_mut().unwrap().remove(key).unwrap());
        let row = (id.as_str(), session.as_str(), data["time"]["created"].as_i64(), data.to_string());
        database.execute("INSERT OR REPLACE INTO message VALUES (?1, ?2, ?3, ?3, ?4)", row).unwrap();
    }
}

#[test]
fn opencodes_database_says_what_its_documents_say_and_both_count_once() {
    let home = tempfile::tempdir().unwrap();
    let messages: Vec<&str> = super::agents::OPENCODE.lines().skip(1).collect();
    let folder = home.path().join(".local/share/opencode");
    std::fs::create_dir_all(&folder).unwrap();
    opencode_database(&folder.join("opencode.db"), &messages);
    let totals = |sources: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_costtop"));
        command
            .args(["report", "--format", "json", "--by", "session,project,user"])
            .args(sources)
            .env("HOME", home.path());
        let out = command.env_remove("XDG_DATA_HOME").env("XDG_CONFIG_HOME", home.path()).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let mut report: Value = serde_json::from_slice(&out.stdout).unwrap();
        (report["totals"].take(), report["groups"].take(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let documents = home.path().join("messages.jsonl");
    std::fs::write(&documents, messages.join("\n") + "\n").unwrap();
    let (documents, database) = (documents.to_str().unwrap(), folder.join("opencode.db"));
    let found = totals(&[]);
    assert!(found.2.contains("found OpenCode ~/.local/share/opencode/opencode.db: 1 file"), "{}", found.2);
    assert_eq!(found.0["requests"], 2);
    let said = totals(&[documents]);
    assert_eq!((&found.0, &found.1), (&said.0, &said.1));
    assert_eq!(said.0, totals(&[documents, database.to_str().unwrap()]).0);

    // One-shot commands say what is wrong with a database they were told to read.
    std::fs::write(&database, "SQLite format 3\0 and no more").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_costtop"));
    let out = command.arg("report").arg(&database).env("HOME", home.path()).output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(1) && told.contains("opencode.db") && told.contains("damaged"), "{told}");
}
