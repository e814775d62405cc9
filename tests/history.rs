//! A made-up Claude Code history must cost what it truly cost, whichever way its lines come: any order of files, lines mixed and
//! cut into other files, every file twice, one line at a time. `.ci/long` does the first with 500 MB.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../examples/history/corpus.rs"]
mod corpus;
#[path = "../examples/history/truth.rs"]
mod truth;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use costtop::cli::demo::random::Random;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::Surroundings;
use costtop::engine::report::{GroupBy, ReportQuery};
use costtop::engine::rows::Rows;
use costtop::engine::{Engine, Options};
use costtop::price::PriceBook;
use costtop::run::decode::{LineDecoder, Shared};
use costtop::source::Chunk;
use costtop::time::{Timestamp, Zone};
use serde_json::{Value, json};

use truth::{Sums, Truth};

const BYTES: u64 = 2_000_000;
const SEED: u64 = 7;
/// By which the report must be the same for every order.
const GROUPS: [&str; 4] = ["session", "user", "model", "day"];

/// The history, made once for all tests.
struct History {
    folder: tempfile::TempDir,
    truth: Truth,
    /// The report of the history as it was written.
    reports: Vec<Value>,
}

static HISTORY: LazyLock<History> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let truth = corpus::write(folder.path(), BYTES, SEED).unwrap();
    let reports = GROUPS.map(|by| report(&[folder.path().join("projects")], by)).to_vec();
    History { folder, truth, reports }
});

impl History {
    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.folder.path().join("projects"))
            .unwrap()
            .flat_map(|project| fs::read_dir(project.unwrap().path()).unwrap())
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        files
    }

    /// Whole lines with their newlines; a torn end stays out, as no other line may grow from it.
    fn lines(&self) -> Vec<Vec<u8>> {
        let files = self.files().into_iter().map(|file| fs::read(file).unwrap());
        files
            .flat_map(|bytes| bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
            .filter(|line| line.ends_with(b"\n"))
            .collect()
    }
}

fn report(sources: &[PathBuf], by: &str) -> Value {
    let settings = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("costtop")
        .unwrap()
        .env("XDG_CONFIG_HOME", settings.path())
        .args(["report", "--format", "json", "--timezone", "UTC", "--by", by])
        .args(sources)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What may not depend on the order of lines: totals and groups.
fn sums(report: &Value) -> Value {
    json!([report["totals"], report["groups"]])
}

#[track_caller]
fn same_as_written(sources: &[PathBuf]) {
    for (by, written) in GROUPS.iter().zip(&HISTORY.reports) {
        assert_eq!(sums(&report(sources, by)), sums(written), "by {by}");
    }
}

/// Deals `lines` to `files` files below `folder`.
fn deal<'a>(folder: &Path, files: usize, seed: u64, lines: impl Iterator<Item = &'a Vec<u8>>) {
    let mut random = Random::new(seed);
    let mut outs: Vec<_> = (0..files)
        .map(|place| BufWriter::new(File::create(folder.join(format!("part-{place}.jsonl"))).unwrap()))
        .collect();
    for line in lines {
        outs[random.bits() as usize % files].write_all(line).unwrap();
    }
    for mut out in outs {
        out.flush().unwrap();
    }
}

fn shuffle<T>(things: &mut [T], seed: u64) {
    let mut random = Random::new(seed);
    for place in (1..things.len()).rev() {
        things.swap(place, random.bits() as usize % (place + 1));
    }
}

#[test]
fn the_report_is_the_truth_to_the_last_digit() {
    let truth = &HISTORY.truth;
    for (by, report) in GROUPS.iter().zip(&HISTORY.reports) {
        match *by {
            "user" => assert_eq!(report["groups"].as_array().unwrap().len(), 1, "the owner of the files"),
            by => truth.check(report, by).unwrap(),
        }
        assert_eq!(report["intake"]["files"], truth.files);
        assert_eq!(report["intake"]["lines"], truth.lines);
        assert_eq!(report["intake"]["bytes"], truth.bytes);
    }
    let text = fs::read(HISTORY.folder.path().join("truth.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), truth.to_json());
    let total = Sums::of_report(&HISTORY.reports[0]["totals"]).unwrap();
    assert!(total.requests > 300 && total.cache_write_1h > 0, "{total:?}");
}

#[test]
fn the_history_has_what_makes_it_hard() {
    let lines = HISTORY.lines();
    let with = |text: &str| lines.iter().filter(|line| memchr::memmem::find(line, text.as_bytes()).is_some()).count();
    for text in [
        r#""isSidechain":true"#,
        r#""type":"progress""#,
        r#""model":"<synthetic>""#,
        "msg_decoy_in_a_prompt",
        "msg_decoy_in_a_tool_input",
        r#""totalTokens":99999999"#,
        r#""stop_reason":null"#,
        r#""web_search_requests":1"#,
    ] {
        assert!(with(text) > 0, "no line with {text}");
    }
    let answers = with(r#""type":"assistant""#) as u64;
    assert!(answers > HISTORY.truth.total.requests * 3 / 2, "{answers} lines");
}

#[test]
fn equal_seeds_give_equal_bytes() {
    let again = tempfile::tempdir().unwrap();
    assert_eq!(corpus::write(again.path(), BYTES, SEED).unwrap(), HISTORY.truth);
    for file in HISTORY.files() {
        let name = file.strip_prefix(HISTORY.folder.path()).unwrap();
        assert!(fs::read(&file).unwrap() == fs::read(again.path().join(name)).unwrap(), "{}", name.display());
    }
}

#[test]
fn any_order_of_files() {
    for seed in 1..=3 {
        let mut files = HISTORY.files();
        shuffle(&mut files, seed);
        same_as_written(&files);
    }
}

#[test]
fn lines_mixed_and_cut_into_other_files() {
    for (seed, files) in [(1, 1), (2, 3), (3, 40)] {
        let folder = tempfile::tempdir().unwrap();
        let mut lines = HISTORY.lines();
        shuffle(&mut lines, seed);
        deal(folder.path(), files, seed, lines.iter());
        same_as_written(&[folder.path().to_owned()]);
    }
}

#[test]
fn everything_twice() {
    let folder = tempfile::tempdir().unwrap();
    let lines = HISTORY.lines();
    deal(folder.path(), 5, 9, lines.iter().chain(&lines));
    same_as_written(&[HISTORY.folder.path().join("projects"), folder.path().to_owned()]);
}

/// The library fed by hand: batches of `lines` lines each.
fn fed(lines: &[Vec<u8>], batch: usize) -> Vec<Value> {
    let now = Timestamp::from_ms(1_800_000_000_000);
    let book = PriceBook::new(&costtop::config::Config::default().prices).unwrap();
    let shared = Shared {
        zone: Zone::UTC,
        key: IdentityKey::random(),
        book: book.into(),
        around: vec![Surroundings::default()].into(),
        labels: None,
        keep_names: false,
        bodies: std::sync::Arc::default(),
    };
    let mut decoder = LineDecoder::new(shared);
    let mut engine = Engine::new(Options::default(), Rows::in_memory(), now);
    let mut offset = 0;
    let mut posts = Vec::new();
    for lines in lines.chunks(batch) {
        let bytes = lines.concat();
        let length = bytes.len() as u64;
        let chunk = Chunk { bytes, ..Chunk::empty(0, 1, offset) };
        offset += length;
        engine.apply(&decoder.decode(chunk).batch, now, &mut posts).unwrap();
    }
    GROUPS
        .map(|by| {
            let by = vec![GroupBy::named(by).unwrap()];
            let report = engine.report(&ReportQuery { by, since: None, until: None, zone: Zone::UTC }).unwrap();
            let groups: Vec<String> =
                report.groups.iter().map(|group| format!("{:?} {:?}", group.key, group.sums)).collect();
            json!([format!("{:?}", report.totals), groups])
        })
        .to_vec()
}

#[test]
fn one_line_at_a_time_is_the_same_as_whole() {
    let mut lines = HISTORY.lines();
    let whole = fed(&lines, usize::MAX);
    assert_eq!(fed(&lines, 1), whole);
    shuffle(&mut lines, 4);
    assert_eq!(fed(&lines, 17), whole);
}
