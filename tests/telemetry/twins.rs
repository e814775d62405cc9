//! Coding agents whose session files and whose telemetry speak of the same requests and share no id: each counts once, by what both counted.

use super::*;
use costtop::engine::report::GroupBy;
use costtop::usage::Dimension;

/// What one request used: input with what was cached, of which cached, output with reasoning, of which reasoning.
type Counts = [u32; 4];

fn session(number: u8) -> String {
    format!("019f6a10-3c1e-7a40-9b1d-0a6f1c2d3e{number:02x}")
}

fn time(second: usize) -> String {
    format!("2026-11-21T10:{:02}:{:02}.250Z", second / 60, second % 60)
}

fn usage([input, cached, output, reasoning]: Counts) -> Value {
    json!({"input_tokens": input, "cached_input_tokens": cached, "output_tokens": output, "reasoning_output_tokens": reasoning,
        "total_tokens": input + output})
}

/// A rollout of these requests; `more` is laid over its head, `before` the totals it goes on from.
fn rollout(id: &str, more: &Value, before: Counts, requests: &[Counts]) -> String {
    let mut payload =
        json!({"id": id, "timestamp": "2026-11-21T09:00:00Z", "cwd": "/src/shop", "model_provider": "openai"});
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut lines = vec![
        json!({"timestamp": "2026-11-21T09:00:00Z", "type": "session_meta", "payload": payload}),
        json!({"timestamp": "2026-11-21T09:00:00Z", "type": "turn_context", "payload": {"model": "gpt-5.4", "cwd": "/src/shop"}}),
    ];
    let mut total = before;
    for (second, request) in requests.iter().enumerate() {
        total = std::array::from_fn(|kind| total[kind] + request[kind]);
        let info = json!({"total_token_usage": usage(total), "last_token_usage": usage(*request)});
        // What comes behind the tools that the answer called: later than telemetry.
        lines.push(json!({"timestamp": time(second + 5), "type": "event_msg", "payload": {"type": "token_count", "info": info}}));
    }
    lines.iter().fold(String::new(), |all, line| all + &line.to_string() + "\n")
}

/// A line with the event of one request.
fn codex_event(id: &str, second: usize, [input, cached, output, reasoning]: Counts) -> String {
    let said = json!({"event.name": "codex.sse_event", "event.timestamp": time(second), "event.kind": "response.completed",
        "conversation.id": id, "model": "gpt-5.4", "user.email": "mara@example.com", "input_token_count": input.to_string(),
        "cached_token_count": cached.to_string(), "output_token_count": output.to_string(), "reasoning_token_count": reasoning.to_string(),
        "tool_token_count": (input + output).to_string()});
    let record = json!({"observedTimeUnixNano": "1795298399157666773", "attributes": attributes(&said)});
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).to_string() + "\n"
}

fn requests(bodies: &[&str]) -> i64 {
    totals(bodies).requests
}

const ONE: Counts = [5000, 4000, 120, 40];
const TWO: Counts = [5200, 5000, 80, 0];

#[test]
fn a_rollout_and_the_telemetry_of_its_session_count_once_and_each_says_what_it_knows_best() {
    let file = rollout(&session(1), &json!({}), [0; 4], &[ONE, TWO]);
    let events = codex_event(&session(1), 0, ONE) + &codex_event(&session(1), 1, TWO);
    for bodies in [[&file, &events], [&events, &file]] {
        let mut world = World::new();
        for lines in bodies {
            world.lines(lines);
        }
        let sums = world.totals();
        assert_eq!((sums.requests, sums.input, sums.cache_read, sums.output, sums.reasoning), (2, 1200, 9000, 200, 40));
        let by = [Dimension::User, Dimension::Project].map(GroupBy::Dimension).to_vec();
        let query = ReportQuery { by, since: None, until: None, zone: Zone::UTC };
        let groups = world.engine.report(&query).unwrap().groups;
        assert_eq!(groups.len(), 1);
        let key = format!("{:?}", groups[0].key);
        assert!(key.contains("mara@example.com") && key.contains("/src/shop"), "{key}");
    }
}

#[test]
fn of_what_only_one_of_them_knows_all_counts() {
    let (file, other) = (rollout(&session(1), &json!({}), [0; 4], &[ONE]), codex_event(&session(1), 1, TWO));
    assert_eq!(requests(&[&file]), 1);
    assert_eq!(requests(&[&other]), 1);
    assert_eq!(requests(&[&file, &other]), 2, "the file ends before the second request");
    assert_eq!(requests(&[&file, &codex_event(&session(2), 0, ONE)]), 2, "of another session");
}

#[test]
fn equal_requests_of_one_session_stay_as_many_as_they_are() {
    let file = rollout(&session(1), &json!({}), [0; 4], &[ONE; 3]);
    let events: String = (0..2).map(|second| codex_event(&session(1), second, ONE)).collect();
    for bodies in [[&file, &events], [&events, &file]] {
        assert_eq!(totals(&[bodies[0], bodies[1]]).output, 360);
    }
    assert_eq!(requests(&[&events, &events]), 2, "exported twice");
    assert_eq!(requests(&[&file, &events, &codex_event(&session(1), 8, ONE), &codex_event(&session(1), 9, ONE)]), 4);
}

#[test]
fn the_second_of_two_equal_requests_takes_its_owner_from_the_second_event() {
    let file = rollout(&session(1), &json!({}), [0; 4], &[ONE; 2]);
    let events = codex_event(&session(1), 0, ONE)
        + &codex_event(&session(1), 1, ONE).replace("mara@example.com", "tomas@example.com");
    for bodies in [[&file, &events], [&events, &file]] {
        let mut world = World::new();
        for lines in bodies {
            world.lines(lines);
        }
        let by = vec![GroupBy::Dimension(Dimension::User)];
        let query = ReportQuery { by, since: None, until: None, zone: Zone::UTC };
        let groups = world.engine.report(&query).unwrap().groups;
        let mut owners: Vec<_> = groups.iter().map(|group| (format!("{:?}", group.key), group.sums.requests)).collect();
        owners.sort();
        assert!(owners[0].0.contains("mara@") && owners[1].0.contains("tomas@"), "{owners:?}");
        assert_eq!(owners.iter().map(|(_, requests)| *requests).collect::<Vec<_>>(), [1, 1], "{owners:?}");
    }
}

#[test]
fn so_many_equal_requests_that_they_are_not_put_together_all_count() {
    let file = rollout(&session(1), &json!({}), [0; 4], &vec![ONE; 300]);
    let mut world = World::new();
    world.lines(&file);
    world.lines(&file);
    world.restart();
    world.take(Frame::Lines, file.as_bytes());
    assert_eq!(world.totals().requests, 300);
    assert_eq!(world.intake().charges, 300);
}

#[test]
fn a_fork_finds_its_own_telemetry_and_its_copies_that_of_the_parent() {
    let parent = rollout(&session(1), &json!({}), [0; 4], &[ONE]);
    let fork = rollout(&session(2), &json!({"forked_from_id": session(1)}), [0; 4], &[ONE, TWO]);
    let events = codex_event(&session(1), 0, ONE) + &codex_event(&session(2), 1, TWO);
    for bodies in [[&parent, &fork, &events], [&events, &fork, &parent], [&fork, &events, &parent]] {
        let sums = totals(&bodies.map(String::as_str));
        assert_eq!((sums.requests, sums.output), (2, 200));
    }
    assert_eq!(totals(&[&fork, &events]).output, 200, "the parent's file is gone");
}

fn gemini_chat(id: &str, kind: &str, messages: &[(&str, [u32; 5])]) -> String {
    let head = json!({"sessionId": id, "projectHash": "9f2c", "startTime": time(0), "kind": kind});
    let lines = messages.iter().map(|(message, [input, cached, output, thoughts, tool])| {
        json!({"id": format!("0b8a5c7e-1f5d-4b51-8b3f-{message:0>12}"), "timestamp": time(9), "type": "gemini", "model": "gemini-3.1-pro-preview",
            "tokens": {"input": input, "cached": cached, "output": output, "thoughts": thoughts, "tool": tool, "total": 0}})
    });
    [head].into_iter().chain(lines).fold(String::new(), |all, line| all + &line.to_string() + "\n")
}

fn gemini_event(id: &str, prompt: &str, role: &str, [input, cached, output, thoughts, tool]: [u32; 5]) -> String {
    event(
        1,
        "API response from gemini-3.1-pro-preview.",
        &json!({"event.name": "gemini_cli.api_response", "event.timestamp": time(8), "session.id": id, "prompt_id": prompt, "role": role,
            "model": "gemini-3.1-pro-preview-0925", "input_token_count": input, "cached_content_token_count": cached,
            "output_token_count": output, "thoughts_token_count": thoughts, "tool_token_count": tool, "duration_ms": 900}),
    )
}

#[test]
fn a_chat_and_its_telemetry_count_once_and_what_the_tool_asks_beside_it_counts_too() {
    let chat = gemini_chat(&session(1), "main", &[("1", [900, 100, 50, 20, 5])]);
    let agent = gemini_chat("codebase-7f3a9c", "subagent", &[("2", [700, 0, 30, 0, 0])]);
    let events = gemini_event(&session(1), &format!("{}########0", session(1)), "main", [900, 100, 50, 20, 5])
        + &gemini_event(&session(1), "codebase-7f3a9c#0", "subagent", [700, 0, 30, 0, 0])
        + &gemini_event(&session(1), &format!("{}########0", session(1)), "utility_router", [300, 0, 4, 0, 0]);
    for bodies in [[&chat, &agent, &events], [&events, &agent, &chat]] {
        let sums = totals(&bodies.map(String::as_str));
        assert_eq!((sums.requests, sums.output, sums.input), (3, 104, 805 + 700 + 300));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Two sessions, of each a rollout of its first requests and events of some, in any order, some again, a part of them behind a
    /// restart: of each kind of request as many as the one that knows more of them says.
    #[test]
    fn a_rollout_or_its_telemetry_never_both(
        sessions in prop::collection::vec((prop::collection::vec((0..3usize, any::<bool>()), 0..7), 0..8usize), 1..3),
        again in any::<prop::sample::Index>(),
        restart in any::<prop::sample::Index>(),
        shuffles in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        const KINDS: [Counts; 3] = [ONE, TWO, [5200, 5000, 81, 0]];
        let (mut bodies, mut expected) = (Vec::new(), [0; 2]);
        for (number, (made, kept)) in (0u8..).zip(&sessions) {
            let id = session(number);
            let kept = &made[..(*kept).min(made.len())];
            let counts: Vec<Counts> = kept.iter().map(|(kind, _)| KINDS[*kind]).collect();
            bodies.push(rollout(&id, &json!({}), [0; 4], &counts));
            for (second, (kind, _)) in made.iter().enumerate().filter(|(_, (_, told))| *told) {
                bodies.push(codex_event(&id, second, KINDS[*kind]));
            }
            for (kind, counts) in KINDS.iter().enumerate() {
                let filed = kept.iter().filter(|(of, _)| *of == kind).count();
                let told = made.iter().filter(|(of, told)| *of == kind && *told).count();
                expected[0] += filed.max(told) as i64;
                expected[1] += filed.max(told) as i64 * i64::from(counts[2]);
            }
        }
        let repeated = again.get(&bodies).clone();
        bodies.push(repeated);
        let count = bodies.len();
        for (place, shuffle) in shuffles.iter().enumerate().take(count) {
            bodies.swap(place, shuffle.index(count));
        }
        let mut world = World::new();
        let restart = restart.index(count + 1);
        for (place, lines) in bodies.iter().enumerate() {
            if place == restart {
                world.restart();
            }
            world.lines(lines);
        }
        let sums = world.totals();
        prop_assert_eq!([sums.requests, sums.output], expected);
        prop_assert_eq!(world.engine.total().cost(), sums.cost(), "what windows and budgets live on");
        prop_assert_eq!(world.intake().charges, sums.requests.cast_unsigned());
    }
}
