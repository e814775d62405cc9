//! The charge that is open: what the ledger knows, and how it was priced, from its line read again. Prompts pass by unread.

use std::io;
use std::path::Path;

use super::decode::Shared;
use super::places::{self, Places};
use crate::engine::Engine;
use crate::engine::bill::{Class, CostMode};
use crate::engine::identity::RecordIds;
use crate::engine::names::Names;
use crate::engine::record::Place;
use crate::engine::rows::Row;
use crate::engine::view::ChargeId;
use crate::format::{At, Decoder, Format, Line, Skip};
use crate::label::clean;
use crate::output::bill::{Bill, terms};
use crate::output::figures;
use crate::ui::snapshot::{OpenCharge, SourceLine};
use crate::usage::Usage;

/// Words of a bill that stand elsewhere on the screen.
const SHOWN_ELSEWHERE: [&str; 3] = ["model", "bill", "tokens"];

/// How a record was priced.
#[derive(Default)]
struct Priced {
    terms: Vec<[String; 3]>,
    notes: Vec<String>,
}

/// A line that says what the ledger says.
struct Read {
    priced: Priced,
    facts: Vec<(&'static str, String)>,
    format: Option<Format>,
    place: String,
}

/// Everything that can be said of a charge; `None` where there is none of that number.
pub(super) fn open(
    engine: &mut Engine,
    id: ChargeId,
    places: &Places,
    shared: &Shared,
    mode: CostMode,
) -> io::Result<Option<OpenCharge>> {
    let Some(charge) = engine.charge(id)? else { return Ok(None) };
    let (ledger, names) = engine.ledger();
    let Some((bill, classes)) = ledger.charge_of(id, names)? else { return Ok(None) };
    let Some(class) = classes.iter().find(|class| class.number == bill.number) else { return Ok(None) };
    let place = class.row.place;
    let found = places.find(place, |path, line| read(path, line, class, shared, mode));
    let open = match found {
        Ok(read) => OpenCharge {
            charge,
            terms: read.priced.terms,
            notes: read.priced.notes,
            line: SourceLine::Read {
                place: read.place,
                format: read.format.map_or("unknown", Format::name),
                facts: read.facts,
            },
        },
        Err(why) => {
            let Priced { terms, notes } = from_ledger(class, names, shared, mode).unwrap_or_default();
            OpenCharge { charge, terms, notes, line: SourceLine::Gone(clean(&why).into_owned()) }
        }
    };
    Ok(Some(open))
}

/// The line, if it is the one that the ledger's row was made of. Of a record in parts the first line alone says nothing.
fn read(path: &Path, line: &[u8], class: &Class, shared: &Shared, mode: CostMode) -> Option<Read> {
    let place = format!("{} byte {}", figures::path(path), class.row.place.offset);
    let (read, format) = said(path, line, &class.row, shared, |usage| Read {
        priced: price(usage, shared, mode),
        facts: facts(usage),
        format: None,
        place: place.clone(),
    })?;
    Some(Read { format, ..read })
}

/// What `each` makes of the usage in `line`, if it is the one that `row` was made of, and the line's format.
pub(super) fn said<T>(
    path: &Path,
    line: &[u8],
    row: &Row,
    shared: &Shared,
    each: impl Fn(&Usage<'_>) -> T,
) -> Option<(T, Option<Format>)> {
    decoders(shared).find_map(|alone| says(alone, path, line, row, shared, &each)).or_else(|| {
        // What it says may hang on the lines before it.
        decoders(shared).find_map(|decoder| says(behind(decoder, path, row.place)?, path, line, row, shared, &each))
    })
}

/// A decoder for each way in which the sources are read: the row does not say which one its line came from.
fn decoders(shared: &Shared) -> impl Iterator<Item = Decoder> {
    let mut pins: Vec<Option<Format>> = shared.around.iter().map(|around| around.format).collect();
    pins.push(None);
    pins.sort_unstable();
    pins.dedup();
    let mappings = shared.around.iter().find_map(|around| around.mappings.as_ref());
    pins.into_iter().map(move |pin| {
        let mut decoder = Decoder::new(shared.zone);
        decoder.map(mappings);
        decoder.pin(pin);
        decoder
    })
}

fn says<T>(
    mut decoder: Decoder,
    path: &Path,
    line: &[u8],
    row: &Row,
    shared: &Shared,
    told: &impl Fn(&Usage<'_>) -> T,
) -> Option<(T, Option<Format>)> {
    let mut read = None;
    let mut each = |at: At, result: Result<&Usage<'_>, Skip>| {
        let Ok(usage) = result else { return };
        let is_it = at.index == row.place.index
            && hashes(&shared.key.identify(usage, row.place)) == hashes(&row.ids)
            && usage.tokens == row.tokens
            && usage.time.map(crate::time::Timestamp::ms) == row.tokens_dated.then_some(row.tokens_time);
        if is_it {
            read = Some(told(usage));
        }
    };
    let mut format = decoder.decode(row.place.offset, line, &mut each);
    // A value over many lines says nothing before its last one.
    if format == Line::Part {
        let mut offset = row.place.offset + line.len() as u64;
        places::lines_after(path, offset, |line| {
            format = decoder.decode(offset, line, &mut each);
            offset += line.len() as u64;
            format == Line::Part
        });
    }
    let format = if let Line::Known(format) = format { Some(format) } else { None };
    read.map(|read| (read, format))
}

/// The decoder, having read what stands before a line.
fn behind(mut decoder: Decoder, path: &Path, place: Place) -> Option<Decoder> {
    let mut offset = 0;
    places::lines_before(path, place.offset, |line| {
        decoder.decode(offset, line, &mut |_, _| {});
        offset += line.len() as u64;
    })?;
    Some(decoder)
}

/// Ids without what they link: that depends on what came before.
fn hashes(ids: &RecordIds) -> [u128; 4] {
    [ids.response, ids.request, ids.call, ids.span]
}

fn price(usage: &Usage<'_>, shared: &Shared, mode: CostMode) -> Priced {
    let quote = shared.book.quote(usage);
    let bill = Bill::new(&quote, usage, mode);
    let mut notes: Vec<String> = Vec::new();
    let mut is_shown = false;
    for (word, text) in &bill.rows {
        // A row without a word goes on with the one above.
        is_shown = if word.is_empty() { is_shown } else { !SHOWN_ELSEWHERE.contains(word) };
        match word {
            _ if !is_shown => {}
            &"" => notes.push(text.trim().to_owned()),
            word => notes.push(format!("{word}: {}", text.trim())),
        }
    }
    Priced { terms: terms(&quote), notes }
}

/// The terms from what the ledger keeps: only if they come to the very same cost.
fn from_ledger(class: &Class, names: &Names, shared: &Shared, mode: CostMode) -> Option<Priced> {
    let usage = class.row.usage(names);
    let computed = class.row.computed?;
    (shared.book.price(&usage).computed == Some(computed)).then(|| price(&usage, shared, mode))
}

/// Names and terms as the line has them, safe to draw.
fn facts(usage: &Usage<'_>) -> Vec<(&'static str, String)> {
    let (ids, terms) = (&usage.ids, &usage.terms);
    let stated = [
        ("response", ids.response),
        ("request", ids.request),
        ("call", ids.call),
        ("span", ids.span),
        ("session", usage.dimensions.session),
        ("retry of", usage.retry_of),
        ("tier", terms.tier),
        ("region", terms.region),
        ("data residency", terms.data_residency),
        ("vertex location", terms.vertex_location),
        ("inference geo", terms.inference_geo),
        ("speed", terms.speed),
    ];
    let stated = stated.into_iter().filter(|(_, text)| !text.is_empty());
    let mut facts: Vec<(&'static str, String)> =
        stated.map(|(name, text)| (name, text.label().as_str().to_owned())).collect();
    if usage.max_tokens > 0 {
        facts.push(("at most", format!("{} output tokens", crate::output::text::count(usage.max_tokens.into()))));
    }
    facts
}
