//! `costtop events [SOURCE]...`: every charge as NDJSON.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::Failure;
use super::flags::Global;
use super::setup::Setup;
use crate::engine::Engine;
use crate::engine::bill::{Bill, Class, CostSource};
use crate::engine::names::Names;
use crate::engine::record::{Batch, RawNames};
use crate::label::Label;
use crate::output::event::{self, EventRecord};
use crate::run::once;
use crate::time::Timestamp;
use crate::usage::Dimension;

/// What `events` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct EventsArgs {
    /// What to read [default: the configured sources, else the known places of this machine]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  costtop events app.jsonl | jq -r '[.ts, .user, .cost_usd] | @tsv'
  tail -f gateway.jsonl | costtop events -       each charge at once, corrections with a revision
  costtop events a.jsonl b.jsonl > merged.jsonl  costtop reads what it printed, amounts kept

A cost without a price is null, with \"cost_source\":\"unpriced\".";

/// Prints every charge once, as it stands in the end, in order of time and id.
///
/// # Errors
/// Wrong usage, a refused configuration, or a source that cannot be read.
pub fn run(args: &EventsArgs, global: &Global) -> Result<ExitCode, Failure> {
    let setup = Setup::new(global)?;
    let sources = setup.sources(&args.sources)?;
    let mut spool = Spool::new().context("no temporary file: free space in TMPDIR, or set it to another folder")?;
    let read = once::read(sources, &setup.config, &setup.book, setup.mode, setup.now, true, |decoded| {
        spool.take(&mut decoded.batch)
    });
    let mut read = read.map_err(anyhow::Error::from)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    print(&mut read.engine, &spool, &mut out).context("cannot print the charges")?;
    out.flush()?;
    for note in read.notes {
        eprintln!("costtop: {note}");
    }
    Ok(ExitCode::SUCCESS)
}

fn print(engine: &mut Engine, spool: &Spool, out: &mut impl Write) -> io::Result<()> {
    let (ledger, names) = engine.ledger();
    // Twelve bytes a charge; the rest is read again when its turn comes.
    let mut order: Vec<(Timestamp, u32)> = Vec::new();
    ledger.for_each_bill(names, |bill, classes, _| {
        order.push((bill.time, classes[0].number));
        Ok(())
    })?;
    order.sort_unstable();
    let mut line = Vec::new();
    for same_time in order.chunk_by(|one, other| one.0 == other.0) {
        let mut charges = Vec::with_capacity(same_time.len());
        for (_, number) in same_time {
            let (bill, classes) = ledger.charge_of(*number, names)?;
            charges.push((spool.names(&bill, &classes)?, bill));
        }
        charges.sort_by(|one, other| one.0.ids.cmp(&other.0.ids));
        for (raw, bill) in charges {
            line.clear();
            record(&bill, &raw, names, &mut line);
            out.write_all(&line)?;
        }
    }
    Ok(())
}

/// Writes one charge.
fn record(bill: &Bill, raw: &RawNames, names: &Names, out: &mut Vec<u8>) {
    let texts: Vec<String> = raw.ids.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect();
    let id = |place: usize| (!texts[place].is_empty()).then(|| texts[place].as_str());
    let terms: Vec<Option<Label>> =
        raw.terms.iter().map(|term| (!term.is_empty()).then(|| Label::from_bytes(term))).collect();
    let of = |dimension: Dimension| names.named(names.of(bill.profile, dimension));
    EventRecord {
        time: bill.time,
        request_id: id(0),
        response_id: id(1),
        call_id: id(2),
        session_id: id(3),
        retry_of: id(4),
        user: of(Dimension::User),
        team: of(Dimension::Team),
        feature: of(Dimension::Feature),
        agent: of(Dimension::Agent),
        provider: of(Dimension::Provider),
        model: of(Dimension::Model),
        tokens: bill.tokens,
        tier: of(Dimension::Tier),
        status: bill.status,
        latency_ms: bill.latency_ms,
        stop_reason: names.named(bill.stop_reason),
        max_tokens: raw.max_tokens,
        bill: match bill.source {
            CostSource::Reported => event::Bill::Reported { cost: bill.cost, computed: bill.computed },
            CostSource::Computed => event::Bill::Computed(bill.cost),
            CostSource::Unpriced => event::Bill::Unpriced,
        },
        cache_hit: bill.cache_hit,
        project: of(Dimension::Project),
        key: of(Dimension::Key),
        host: of(Dimension::Host),
        region: terms[0].as_ref(),
        data_residency: terms[1].as_ref(),
        vertex_location: terms[2].as_ref(),
        inference_geo: terms[3].as_ref(),
        speed: terms[4].as_ref(),
        revision: None,
    }
    .write(out);
}

/// Raw names by offset, in a file that leaves with the process.
struct Spool {
    file: File,
    length: u64,
}

impl Spool {
    fn new() -> io::Result<Spool> {
        Ok(Spool { file: tempfile::tempfile()?, length: 0 })
    }

    /// Takes a batch's names; its records' places then lead into the file.
    fn take(&mut self, batch: &mut Batch) -> io::Result<()> {
        self.file.write_all_at(&batch.names, self.length)?;
        for record in &mut batch.records {
            record.place.offset += self.length;
        }
        self.length += batch.names.len() as u64;
        batch.names = Vec::new();
        Ok(())
    }

    /// What a charge is called: the terms of the record whose tokens won, and the ids of all.
    fn names(&self, bill: &Bill, classes: &[Class]) -> io::Result<RawNames> {
        let mut names = self.at(bill.place.offset)?;
        for class in classes.iter().filter(|class| class.row.place != bill.place) {
            let other = self.at(class.row.place.offset)?;
            for (own, other) in names.ids.iter_mut().zip(other.ids) {
                if own.is_empty() {
                    *own = other;
                }
            }
        }
        Ok(names)
    }

    fn at(&self, offset: u64) -> io::Result<RawNames> {
        let mut head = [0; RawNames::HEAD];
        self.file.read_exact_at(&mut head, offset)?;
        let mut body = vec![0; u32::from_le_bytes(head) as usize];
        self.file.read_exact_at(&mut body, offset + RawNames::HEAD as u64)?;
        RawNames::load(&body).ok_or_else(|| io::Error::other("the temporary file of names is damaged"))
    }
}
