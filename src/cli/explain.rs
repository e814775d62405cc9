//! `costtop explain [SOURCE]`: how each line was read and priced. Lines pass through one by one; nothing of them is kept but hashed ids.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use crossbeam_channel::bounded;
use memchr::memchr;

use super::flags::Global;
use super::setup::Setup;
use super::{Failure, stdout};
use crate::engine::record::{Place, Surroundings};
use crate::format::context::Context;
use crate::output::figures;
use crate::run::once::OnceError;
use crate::source::budget::ByteBudget;
use crate::source::{self, Chunk, Event, SourceState};

mod line;
mod mapped;
mod repeats;
mod tally;

pub use line::{Explainer, Spot};
pub use tally::Tally;

/// Bytes on their way: enough to read while the terminal prints.
const BYTES_ON_THEIR_WAY: usize = 4 << 20;
/// Chunks on their way.
const CHUNKS_ON_THEIR_WAY: usize = 16;

/// What `explain` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// What to read [default: the configured sources, else the known places of this machine]
    #[arg(value_name = "SOURCE")]
    pub source: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  costtop explain app.jsonl | less
  tail -n 1 app.jsonl | costtop explain -    the last line";

/// Prints what became of every line, in order, and what stood out.
///
/// # Errors
/// Wrong usage, a refused configuration, a source that cannot be read, or stdout.
pub fn run(args: &ExplainArgs, global: &Global) -> Result<ExitCode, Failure> {
    let setup = Setup::new(global)?;
    let named: Vec<String> = args.source.iter().cloned().collect();
    let sources = setup.sources(&named)?;
    let options = source::Options {
        once: true,
        notify: false,
        budget: ByteBudget::new(BYTES_ON_THEIR_WAY),
        ..source::Options::default()
    };
    let (events, taken) = bounded(CHUNKS_ON_THEIR_WAY);
    let running = source::start(sources.specs, &options, events).map_err(anyhow::Error::from)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut explainer = Explainer::new(&setup.book, setup.config.zone, setup.mode);
    explainer.look_for(&setup.config);
    let mut files = HashMap::new();
    for event in taken {
        match event {
            Event::Chunk(chunk) => {
                let around = sources.around.get(usize::from(chunk.source)).cloned().unwrap_or_default();
                explain_chunk(&chunk, &around, &mut files, &mut explainer, &mut out)?;
                // Behind a pipe that is still written, a line is explained when it comes.
                out.flush()?;
            }
            Event::Status(status) => {
                if let SourceState::Lost(why) = status.state {
                    out.flush()?;
                    let name = status.name.to_string();
                    return Err(anyhow::Error::from(OnceError::Lost { name, why }).into());
                }
            }
            Event::Note { text, .. } => stdout::note(&text),
            Event::Ask(_) | Event::CaughtUp => {}
            Event::Ended => break,
        }
    }
    running.stop();
    explainer.finish(&mut out)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// A file or stream that is being read.
struct Open {
    name: Arc<str>,
    lines: u64,
    /// What its lines said so far.
    context: Context,
}

fn explain_chunk(
    chunk: &Chunk,
    around: &Surroundings,
    files: &mut HashMap<u32, Open>,
    explainer: &mut Explainer,
    out: &mut impl Write,
) -> io::Result<()> {
    let open = files.entry(chunk.generation).or_insert_with(|| {
        let source = || around.source.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let name = chunk.position.as_ref().map_or_else(source, |position| figures::path(&position.path));
        Open { name: name.into(), lines: 0, context: Context::new(chunk.longest_line) }
    });
    let mut spot = Spot {
        name: Arc::clone(&open.name),
        line: 0,
        place: Place { generation: chunk.generation, offset: chunk.offset, index: 0 },
        is_whole: true,
        around,
        owner: chunk.owner.as_ref(),
    };
    for _ in 0..chunk.too_long {
        open.lines += 1;
        spot.line = open.lines;
        explainer.too_long(&spot, out)?;
    }
    let others = explainer.go_on_with(std::mem::take(&mut open.context));
    let mut rest = chunk.bytes.as_slice();
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).map(|end| end + 1);
        let (line, tail) = rest.split_at(end.unwrap_or(rest.len()));
        // A torn piece before a hole shares the number of the line that follows.
        spot.line = open.lines + 1;
        open.lines += u64::from(end.is_some());
        spot.is_whole = end.is_some();
        explainer.explain(line, &spot, out)?;
        spot.place.offset += line.len() as u64;
        rest = tail;
    }
    open.context = explainer.go_on_with(others);
    if chunk.ends {
        let context = std::mem::replace(&mut open.context, Context::new(chunk.longest_line));
        explainer.torn(&open.name, context.parts().torn(), out)?;
    }
    Ok(())
}
