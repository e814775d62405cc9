//! T29 and T30: agents write a response as many lines, some without a request id, some without any id. The truth is what a plain sum of each
//! response's last line says; it is written beside the lines, and no code of the program makes it.

use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use costtop::cli::demo::random::Random;
use costtop::engine::counters::Counters;

use super::Running;

/// Responses of the world; `REPEATS=130000` makes about a million lines.
fn responses() -> u64 {
    std::env::var("REPEATS").ok().and_then(|number| number.parse().ok()).unwrap_or(2000)
}

/// Of claude-sonnet-4-6, in pico-dollars a token: input, cache read, cache written for 5 minutes, output.
const RATES: [i128; 4] = [3_000_000, 300_000, 3_750_000, 15_000_000];

/// What is expected.
#[derive(Debug, Default, PartialEq, Eq)]
struct Truth {
    requests: i64,
    tokens: [i64; 4],
    pico: i128,
}

impl Truth {
    fn add(&mut self, tokens: [u64; 4]) {
        self.requests += 1;
        for (place, (count, rate)) in tokens.into_iter().zip(RATES).enumerate() {
            self.tokens[place] += count as i64;
            self.pico += i128::from(count) * rate;
        }
    }

    fn of(total: &Counters) -> Truth {
        let tokens = [total.input, total.cache_read, total.cache_write_5m, total.output];
        Truth { requests: total.requests, tokens, pico: total.cost().pico() }
    }
}

/// Which ids a line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    Both,
    Response,
    Neither,
}

fn line(has: Has, number: u64, session: u64, at: u64, is_last: bool, tokens: [u64; 4]) -> String {
    let response = if has == Has::Neither { String::new() } else { format!("\"id\":\"msg_01Repeated{number:09}\",") };
    let request =
        if has == Has::Both { format!("\"requestId\":\"req_011Repeated{number:09}\",") } else { String::new() };
    let stop = if is_last { "\"end_turn\"" } else { "null" };
    let [input, read, write, output] = tokens;
    format!(
        "{{\"type\":\"assistant\",{request}\"sessionId\":\"session-{session:04}\",\"timestamp\":\"2026-11-20T{:02}:{:02}:{:02}.{:03}Z\",\"message\":{{\"type\":\"message\",\"role\":\"assistant\",{response}\"model\":\"claude-sonnet-4-6\",\"stop_reason\":{stop},\"usage\":{{\"input_tokens\":{input},\"cache_read_input_tokens\":{read},\"cache_creation_input_tokens\":{write},\"output_tokens\":{output}}}}}}}\n",
        number / 3600 % 24,
        number / 60 % 60,
        number % 60,
        at,
    )
}

/// Every response as 1 to 14 lines whose output grows, the last one final; `has` says which ids a line has, given its response and place.
fn world(seed: u64, has: impl Fn(u64, u64) -> Has) -> (Vec<String>, Truth) {
    let (mut random, mut lines, mut truth) = (Random::new(seed), Vec::new(), Truth::default());
    for number in 0..responses() {
        let (count, session) = (random.between(1, 14), random.between(0, 40));
        let mut tokens = [random.between(1, 900), random.between(0, 90_000), random.between(0, 4_000), 0];
        for place in 1..=count {
            tokens[3] += random.between(1, 300);
            lines.push(line(has(number, place), number, session, place, place == count, tokens));
        }
        truth.add(tokens);
    }
    for place in (1..lines.len()).rev() {
        lines.swap(place, random.between(0, place as u64) as usize);
    }
    (lines, truth)
}

/// Deals lines to three files of `folder`.
fn deal(folder: &Path, seed: u64, lines: &[String]) {
    let mut random = Random::new(seed);
    let mut files = ["a", "b", "c"].map(|name| {
        let path = folder.join(format!("{name}.jsonl"));
        BufWriter::new(OpenOptions::new().create(true).append(true).open(path).expect("a file"))
    });
    for line in lines {
        files[random.between(0, 2) as usize].write_all(line.as_bytes()).expect("room");
    }
}

/// Three files that grow in four steps, costtop ending and beginning again between them, and at last a fourth file that says everything
/// again in another order.
#[track_caller]
fn follow(seed: u64, lines: &[String], truth: &Truth) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let (logs, state) = (folder.path().join("logs"), folder.path().join("state"));
    fs::create_dir(&logs).expect("a folder");
    let mut known = 0;
    for part in lines.chunks(lines.len().div_ceil(4)) {
        deal(&logs, seed, part);
        known += part.len() as u64;
        let running = Running::start(&logs, Some(&state));
        let seen = running.until(known);
        running.quit();
        if known == lines.len() as u64 {
            assert_eq!(Truth::of(&seen.view.total), *truth);
        }
    }
    let mut again: Vec<&str> = lines.iter().map(String::as_str).collect();
    again.reverse();
    fs::write(logs.join("d.jsonl"), again.concat()).expect("room");
    let running = Running::start(&logs, Some(&state));
    let seen = running.until(2 * known);
    running.quit();
    let intake = &seen.view.intake;
    assert_eq!(Truth::of(&seen.view.total), *truth, "everything once more is nothing new");
    assert_eq!((intake.charges as i64, intake.no_id, intake.id_reused), (truth.requests, 0, 0), "{intake:?}");
    intake.records
}

#[test]
fn t29_a_response_in_many_growing_lines_over_three_files_in_any_order_is_its_last_value() {
    for seed in 1..=3 {
        let (lines, truth) = world(seed, |_, _| Has::Both);
        let records = follow(seed, &lines, &truth);
        println!(
            "T29 seed {seed}: {} responses as {} lines in 3 files, all again in a fourth: {records} records, {} charges, tokens and cost exact",
            truth.requests,
            lines.len(),
            truth.requests
        );
    }
}

#[test]
fn t30_without_a_request_id_the_response_id_joins() {
    let (lines, truth) = world(4, |_, _| Has::Response);
    follow(4, &lines, &truth);
    println!("T30: {} responses as {} lines without a request id: exact", truth.requests, lines.len());
    // Some lines of a response have it, and some do not.
    let (lines, truth) = world(5, |number, place| if (number + place) % 3 == 0 { Has::Both } else { Has::Response });
    follow(5, &lines, &truth);
    println!("T30: {} responses as {} lines, a third of them with a request id: exact", truth.requests, lines.len());
}

/// By their place: equal lines are charges of their own, a line that is read again after a restart is not.
#[test]
fn t30_without_any_id_each_line_counts_once_by_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let (logs, state) = (folder.path().join("logs"), folder.path().join("state"));
    fs::create_dir(&logs).expect("a folder");
    let (mut truth, mut lines, mut random) = (Truth::default(), Vec::new(), Random::new(6));
    for number in 0..responses() {
        let tokens = [random.between(1, 900), 0, 0, random.between(1, 900)];
        // Every fifth is written twice, the same to the last byte.
        for _ in 0..=u64::from(number % 5 == 0) {
            lines.push(line(Has::Neither, number, number % 7, 1, true, tokens));
            truth.add(tokens);
        }
    }
    let mut known = 0;
    for part in lines.chunks(lines.len().div_ceil(4)) {
        deal(&logs, 7, part);
        known += part.len() as u64;
        let running = Running::start(&logs, Some(&state));
        let seen = running.until(known);
        running.quit();
        let intake = &seen.view.intake;
        assert_eq!((intake.charges, intake.no_id, intake.lines), (known, known, known), "{intake:?}");
        if known == lines.len() as u64 {
            assert_eq!(Truth::of(&seen.view.total), truth);
        }
    }
    println!(
        "T30: {known} lines without any id, a fifth of them twice, 3 restarts: {known} charges, all told as without id, exact"
    );
}
