//! `costtop events [SOURCE]...`: every charge as NDJSON.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::FileExt;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::flags::Global;
use super::setup::Setup;
use super::{Failure, stdout};
use crate::engine::Engine;
use crate::engine::bill::{Bill, Class, CostSource};
use crate::engine::names::Names;
use crate::engine::record::{Batch, RawNames};
use crate::label::Label;
use crate::output::event::{self, EventRecord};
use crate::run::decode::Decoded;
use crate::run::once::{self, Manner, Watcher};
use crate::time::Timestamp;
use crate::usage::{Dimension, OwnLabel};

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

/// Prints every charge: over files once, as it stands in the end, in order of time and id; over a pipe or a socket at once, with
/// corrections following as higher revisions.
///
/// # Errors
/// Wrong usage, a refused configuration, or a source that cannot be read.
pub fn run(args: &EventsArgs, global: &Global) -> Result<ExitCode, Failure> {
    let setup = Setup::new(global)?;
    let sources = setup.sources(&args.sources)?;
    let follow = sources.specs.iter().any(|source| !source.spec.is_file());
    let spool = Spool::new().context("no temporary file: free space in TMPDIR, or set it to another folder")?;
    let out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut printer = Printer {
        spool,
        out,
        at_once: follow,
        rows: 0,
        revisions: HashMap::new(),
        own: setup.config.labels.iter().map(|config| config.label).collect(),
        line: Vec::new(),
    };
    let manner = Manner { mode: setup.mode, keep_names: true, follow };
    let read = once::read(sources, &setup.config, &setup.book, setup.now, manner, &mut printer);
    let mut read = read.map_err(anyhow::Error::from)?;
    if !follow {
        printer.all(&mut read.engine).context("cannot print the charges")?;
    }
    printer.out.flush()?;
    for note in read.notes {
        stdout::note(&note);
    }
    Ok(ExitCode::SUCCESS)
}

struct Printer<W: Write> {
    spool: Spool,
    out: W,
    /// Charges are printed as they come.
    at_once: bool,
    /// Rows that were there before the last batch.
    rows: u32,
    /// The last revision printed of each charge that was corrected, by its first row.
    revisions: HashMap<u32, u32>,
    /// The operator's own labels.
    own: Vec<OwnLabel>,
    line: Vec<u8>,
}

impl<W: Write> Watcher for Printer<W> {
    fn before(&mut self, decoded: &mut Decoded) -> io::Result<()> {
        let others = std::mem::take(&mut decoded.batch.others);
        if self.at_once {
            self.out.write_all(&others)?;
        } else {
            self.spool.others.write_all(&others)?;
        }
        self.spool.take(&mut decoded.batch)
    }

    fn after(&mut self, engine: &mut Engine) -> io::Result<()> {
        if self.at_once { self.changed(engine) } else { Ok(()) }
    }
}

impl<W: Write> Printer<W> {
    /// Prints the charges that the last batch made or changed.
    fn changed(&mut self, engine: &mut Engine) -> io::Result<()> {
        let (ledger, names) = engine.ledger();
        let known = std::mem::replace(&mut self.rows, ledger.rows().len() as u32);
        let mut printed = HashSet::new();
        for number in ledger.take_changed() {
            let Some((bill, classes)) = ledger.charge_of(number, names)? else { continue };
            let first = classes.iter().map(|class| class.number).min().unwrap_or(number);
            if !printed.insert(first) {
                continue;
            }
            let revision = (first < known).then(|| {
                let revision = self.revisions.entry(first).or_default();
                *revision += 1;
                *revision
            });
            let raw = self.spool.names(&bill, &classes)?;
            self.line.clear();
            record(&bill, &raw, names, &self.own, revision, &mut self.line);
            self.out.write_all(&self.line)?;
        }
        self.out.flush()
    }

    /// Prints every charge as it stands.
    fn all(&mut self, engine: &mut Engine) -> io::Result<()> {
        let (ledger, names) = engine.ledger();
        // Twelve bytes a charge; the rest is read again when its turn comes.
        let mut order: Vec<(Timestamp, u32)> = Vec::new();
        ledger.for_each_bill(names, |bill, classes, _| {
            order.push((bill.time, classes[0].number));
            Ok(())
        })?;
        order.sort_unstable();
        for same_time in order.chunk_by(|one, other| one.0 == other.0) {
            let mut charges = Vec::with_capacity(same_time.len());
            for (_, number) in same_time {
                let Some((bill, classes)) = ledger.charge_of(*number, names)? else { continue };
                charges.push((self.spool.names(&bill, &classes)?, bill));
            }
            charges.sort_by(|one, other| one.0.ids.cmp(&other.0.ids));
            for (raw, bill) in charges {
                self.line.clear();
                record(&bill, &raw, names, &self.own, None, &mut self.line);
                self.out.write_all(&self.line)?;
            }
        }
        // What is no charge: after them, in the order in which it was read.
        self.spool.others.rewind()?;
        io::copy(&mut self.spool.others, &mut self.out).map(drop)
    }
}

/// Writes one charge.
fn record(bill: &Bill, raw: &RawNames, names: &Names, own: &[OwnLabel], revision: Option<u32>, out: &mut Vec<u8>) {
    let texts: Vec<String> = raw.ids.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect();
    let id = |place: usize| (!texts[place].is_empty()).then(|| texts[place].as_str());
    // The session is a facet of its own: it may come from another record than the tokens.
    let session = names.named(bill.session).map(Label::as_str);
    let raw_session = id(3).filter(|raw| session == Some(Label::new(raw).as_str()));
    let terms: Vec<Option<Label>> =
        raw.terms.iter().map(|term| (!term.is_empty()).then(|| Label::from_bytes(term))).collect();
    let of = |dimension: Dimension| names.named(names.of(bill.profile, dimension));
    let mut labels = [None; OwnLabel::MOST];
    for (place, label) in labels.iter_mut().zip(own) {
        *place = of(Dimension::Own(*label)).map(|value| (label.name(), value));
    }
    EventRecord {
        time: bill.time,
        request_id: id(0),
        response_id: id(1),
        call_id: id(2),
        session_id: raw_session.or(session),
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
        subscription: bill.subscription,
        saved_pico: if bill.cache_hit { 0 } else { bill.saved_pico },
        project: of(Dimension::Project),
        key: of(Dimension::Key),
        host: of(Dimension::Host),
        region: terms[0].as_ref(),
        data_residency: terms[1].as_ref(),
        vertex_location: terms[2].as_ref(),
        inference_geo: terms[3].as_ref(),
        speed: terms[4].as_ref(),
        labels,
        revision,
    }
    .write(out);
}

/// Raw names by offset, in a file that leaves with the process.
struct Spool {
    file: File,
    length: u64,
    /// Adjustments, transfers and outcomes.
    others: File,
}

impl Spool {
    fn new() -> io::Result<Spool> {
        Ok(Spool { file: tempfile::tempfile()?, length: 0, others: tempfile::tempfile()? })
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
            let mut other = self.at(class.row.place.offset)?;
            if class.row.cache_hit {
                // The answer that a gateway's cache gave belongs to the request that it was given to first.
                other.ids[..RawNames::CALL].iter_mut().for_each(Vec::clear);
            }
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
