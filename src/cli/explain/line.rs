//! One line explained: a line and where it stands enter; how it was read, whose it is and what it costs leave as text.
//!
//! Text of the log leaves as a [`Label`](crate::label::Label) or, for ids, escaped byte by byte. Prompts go nowhere.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::mapped;
use super::repeats::Repeats;
use super::tally::Tally;
use crate::config::Config;
use crate::engine::bill::CostMode;
use crate::engine::identity::{IdentityKey, RecordIds, link};
use crate::engine::record::{Place, Surroundings};
use crate::format::context::Context;
use crate::format::labels::LabelPaths;
use crate::format::mapping::Told;
use crate::format::{At, Beside, Decoder, Format, Line, Skip};
use crate::label::Label;
use crate::output::text::count;
use crate::output::{bill, figures};
use crate::price::PriceBook;
use crate::run::beside::{self, Meant};
use crate::run::decode::with_owner;
use crate::run::label_paths;
use crate::time::{Timestamp, Zone};
use crate::usage::{Dimension, Origin, OwnLabel, RawText, Rejection, Usage, UserField};

/// Between facts on one row.
pub(super) const DOT: &str = " · ";
/// Columns of the words at the left.
const WORD: usize = 8;

/// Where a line stands and what is known around it.
#[derive(Clone, Debug)]
pub struct Spot<'a> {
    /// The file, or the source as it was named; safe to print.
    pub name: Arc<str>,
    /// Its number in the file, from 1.
    pub line: u64,
    /// Generation and offset of the line's first byte.
    pub place: Place,
    /// It ends in a newline.
    pub is_whole: bool,
    /// What the operator said of the source.
    pub around: &'a Surroundings,
    /// The owner of the file.
    pub owner: Option<&'a Label>,
}

/// Explains lines and counts their fates.
pub struct Explainer {
    decoder: Decoder,
    book: Arc<PriceBook>,
    zone: Zone,
    mode: CostMode,
    key: IdentityKey,
    repeats: Repeats,
    tally: Tally,
    /// The operator's own labels.
    own: Vec<OwnLabel>,
    /// Where those may stand.
    labels: Option<Arc<LabelPaths>>,
    /// What mappings did with the record at hand.
    told: Arc<Mutex<Vec<Told>>>,
    /// What was written last; blank lines stand around the charges.
    last: Last,
}

/// The shape of what was written last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Line,
    Charge,
}

impl Explainer {
    /// Nothing explained yet. `mode` says which cost counts.
    #[must_use]
    pub fn new(book: &Arc<PriceBook>, zone: Zone, mode: CostMode) -> Explainer {
        let told = Arc::default();
        let mut decoder = Decoder::new(zone);
        decoder.tell(Arc::clone(&told));
        Explainer {
            decoder,
            book: Arc::clone(book),
            zone,
            mode,
            key: IdentityKey::random(),
            repeats: Repeats::default(),
            tally: Tally::default(),
            own: Vec::new(),
            labels: None,
            told,
            last: Last::Nothing,
        }
    }

    /// From here on also looks for the operator's own labels.
    pub fn look_for(&mut self, config: &Config) {
        self.labels = label_paths(config);
        self.decoder.look_for(self.labels.clone());
        self.own = config.labels.iter().map(|config| config.label).collect();
    }

    /// What stood out so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// A line that was too long to be read.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn too_long(&mut self, spot: &Spot<'_>, out: &mut impl Write) -> io::Result<()> {
        self.tally.lines += 1;
        self.tally.rejected[Rejection::TooLong as usize] += 1;
        self.begin(Last::Line, out)?;
        writeln!(out, "{}:{}  {}", spot.name, spot.line, rejected(Rejection::TooLong))
    }

    /// The lines that follow are of one file or stream, and go on in the `context` that its last ones left. Returns that of the lines
    /// before.
    pub fn go_on_with(&mut self, context: Context) -> Context {
        self.decoder.go_on_with(context)
    }

    /// Records that were never finished.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn torn(&mut self, name: &str, records: u64, out: &mut impl Write) -> io::Result<()> {
        for _ in 0..records {
            self.tally.torn += 1;
            self.begin(Last::Line, out)?;
            writeln!(out, "{name}  torn: a record goes on at the end, and nothing follows")?;
        }
        Ok(())
    }

    /// What stood out, at the end of everything.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.begin(Last::Charge, out)?;
        writeln!(out, "{}", self.tally)
    }

    /// Sets what comes apart from what stands there.
    fn begin(&mut self, next: Last, out: &mut impl Write) -> io::Result<()> {
        let last = std::mem::replace(&mut self.last, next);
        if last == Last::Charge || (last == Last::Line && next == Last::Charge) { writeln!(out) } else { Ok(()) }
    }

    /// Explains one line, with or without its newline.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn explain(&mut self, line: &[u8], spot: &Spot<'_>, out: &mut impl Write) -> io::Result<()> {
        self.tally.lines += 1;
        self.decoder.pin(spot.around.format);
        self.decoder.map(spot.around.mappings.as_ref());
        let mut decoder = self.decoder.clone();
        // The format is known when the line is: so it is read twice, and no record waits in memory.
        let offset = spot.place.offset;
        let read = self.decoder.decode(offset, line, &mut |_, _| {});
        let (name, number) = (&spot.name, spot.line);
        let format = match read {
            Line::Blank => {
                self.tally.blank += 1;
                self.begin(Last::Line, out)?;
                return writeln!(out, "{name}:{number}  blank");
            }
            Line::Part => {
                self.tally.parts += 1;
                self.begin(Last::Line, out)?;
                return writeln!(out, "{name}:{number}  part of a record that goes on");
            }
            Line::Known(format) => Some(format),
            Line::Unknown => None,
        };
        self.take_told();
        self.decoder.take_beside();
        let is_array = line.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let mut written = Ok(());
        let mut places = Vec::new();
        decoder.decode(offset, line, &mut |place, result| {
            if written.is_err() {
                return;
            }
            let told = self.take_told();
            let index_text = if is_array { format!("[{}]", place.index) } else { String::new() };
            let at = format!("{name}:{number}{index_text}");
            let shape = if result.is_ok() { Last::Charge } else { Last::Line };
            written = self.begin(shape, out).and_then(|()| match result {
                Ok(usage) => self.charge(usage, format, place, &told, (&at, spot), out),
                Err(Skip::Beside) => {
                    places.push(at);
                    Ok(())
                }
                Err(Skip::NotUsage) => {
                    self.tally.not_usage += 1;
                    let format = format.map_or(String::new(), |format| format!(" ({})", format.name()));
                    writeln!(out, "{at}  not usage{format}{}", mapped::refusals(&told))
                }
                Err(Skip::Rejected(Rejection::Json)) if !spot.is_whole => {
                    self.tally.torn += 1;
                    writeln!(out, "{at}  torn: it ends without a newline and is no whole record")
                }
                Err(Skip::Rejected(class)) => {
                    self.tally.rejected[class as usize] += 1;
                    writeln!(out, "{at}  {}", rejected(class))
                }
            });
        });
        written?;
        let besides = decoder.take_beside();
        places.iter().zip(&besides).try_for_each(|(at, beside)| self.beside(at, beside, spot, out))
    }

    /// A record that is no usage, but may correct budgets.
    fn beside(&mut self, at: &str, record: &Beside, spot: &Spot<'_>, out: &mut impl Write) -> io::Result<()> {
        let now = Timestamp::now();
        match beside::read(record, spot.around, self.labels.as_deref(), self.zone, now) {
            Meant::Adjustment(adjustment) => {
                self.tally.not_usage += 1;
                let when = record.time.map_or_else(
                    || "undated: counts when it is read".to_owned(),
                    |time| format!("{} {}", self.zone.format(time, "%Y-%m-%d %H:%M:%S%.3f"), self.zone.name()),
                );
                let id = match adjustment.id.as_str() {
                    "" => "no id: this line is a correction of its own".to_owned(),
                    id => format!("id {id}: counts once"),
                };
                writeln!(out, "{at}  not usage (own): {}{DOT}{when}{DOT}{id}", beside::said(&adjustment))
            }
            Meant::Other => {
                self.tally.not_usage += 1;
                writeln!(out, "{at}  not usage (own)")
            }
            Meant::Refused(class, why) => {
                self.tally.rejected[class as usize] += 1;
                writeln!(out, "{at}  rejected ({}): an adjustment that cannot be read: {why}", class.name())
            }
        }
    }

    fn charge(
        &mut self,
        usage: &Usage<'_>,
        format: Option<Format>,
        place: At,
        told: &[Told],
        (at, spot): (&str, &Spot<'_>),
        out: &mut impl Write,
    ) -> io::Result<()> {
        let stated_user = chosen_user(usage, spot.around).is_some();
        let usage = with_owner(usage, spot.around, spot.owner).unwrap_or(*usage);
        let ids = self.key.identify(&usage, Place { offset: place.offset, index: place.index, ..spot.place });
        let earlier = self.repeats.first_of(&ids, &spot.name, spot.line);
        let bill = bill::Bill::new(&self.book.quote(&usage), &usage, self.mode);
        self.tally.charges += 1;
        self.tally.repeats += u64::from(earlier.is_some());
        self.tally.unpriced += u64::from(bill.is_unpriced);
        self.tally.doubtful += u64::from(bill.is_doubtful);
        self.tally.drifting += u64::from(bill.is_drifting);

        writeln!(out, "{at}  {}", bill.headline)?;
        let mut row = |word: &str, text: &str| match text {
            "" => Ok(()),
            _ => writeln!(out, "  {word:WORD$} {text}"),
        };
        row("read", &self.read(&usage, format, place))?;
        for text in mapped::rows(told) {
            row("mapped", &text)?;
        }
        row("who", &who(&usage, spot.around, &self.own, !stated_user && spot.owner.is_some()))?;
        row("ids", &names(&usage, &ids))?;
        if let Some((name, line)) = earlier {
            row("same", &format!("{name}:{line} has one of these ids: a report counts one request once"))?;
        }
        row("answer", &answer(&usage))?;
        row("terms", &terms(&usage))?;
        if usage.subscription || spot.around.subscription {
            row("billing", "a subscription pays: its cost is what it would be at list price, and no money of budgets")?;
        }
        for (word, text) in &bill.rows {
            row(word, text)?;
        }
        Ok(())
    }

    fn take_told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self, usage: &Usage<'_>, format: Option<Format>, place: At) -> String {
        let speaker = match usage.origin {
            Origin::Api => "an application's log",
            Origin::Transcript => "a coding agent's session file",
            Origin::Gateway => "a gateway's log",
            Origin::OpenTelemetry => "telemetry",
            Origin::Metrics => "counters of telemetry, void where it speaks of the requests, too",
        };
        let zone = self.zone;
        let when = usage.time.map_or_else(
            || "undated: counts when it is read".to_owned(),
            |time| format!("{} {}", zone.format(time, "%Y-%m-%d %H:%M:%S%.3f"), zone.name()),
        );
        let mut facts = vec![when, format!("format {} ({speaker})", format.map_or("unknown", Format::name))];
        facts.extend(place.wrapper.map(|wrapper| format!("in {}", wrapper.name())));
        facts.push(format!("byte {}", count(place.offset)));
        if usage.side_chain {
            facts.push("side chain".to_owned());
        }
        if !usage.is_final {
            facts.push("not the last word on its request".to_owned());
        }
        if usage.revision > 0 {
            facts.push(format!("revision {}", usage.revision));
        }
        facts.join(DOT)
    }
}

/// The class of a refusal and what it means.
fn rejected(class: Rejection) -> String {
    let why = match class {
        Rejection::Json => "it is not JSON, or cut off",
        Rejection::Model => "usage that names no model",
        Rejection::Number => "a token count or cost that is negative, no number, or no whole number of tokens",
        Rejection::TooLong => "longer than a line may be, 16 MiB",
        Rejection::Depth => "nested deeper than 64",
    };
    format!("rejected ({}): {why}", class.name())
}

fn user_of<'a>(usage: &Usage<'a>, field: UserField) -> RawText<'a> {
    let given = &usage.dimensions;
    match field {
        UserField::EndUser => given.end_user,
        UserField::User => given.user,
        UserField::UserEmail => given.user_email,
        UserField::KeyAlias => given.key_alias,
    }
}

/// The user by the operator's order of names, and which of them it is.
fn chosen_user<'a>(usage: &Usage<'a>, around: &Surroundings) -> Option<(UserField, RawText<'a>)> {
    around.user_order.iter().map(|field| (*field, user_of(usage, *field))).find(|(_, text)| !text.is_empty())
}

fn who(usage: &Usage<'_>, around: &Surroundings, own: &[OwnLabel], is_owner: bool) -> String {
    let given = &usage.dimensions;
    let user = chosen_user(usage, around);
    let stated = [
        (Dimension::User, user.map_or(RawText::NONE, |(_, text)| text)),
        (Dimension::Team, given.team),
        (Dimension::Project, given.project),
        (Dimension::Feature, given.feature),
        (Dimension::Agent, given.agent),
        (Dimension::Host, given.host),
        (Dimension::Key, given.key_alias.or(given.key_hash)),
    ];
    let own =
        own.iter().map(|label| (Dimension::Own(*label), given.own.map_or(RawText::NONE, |own| own[label.slot()])));
    let mut facts = Vec::new();
    for (dimension, text) in stated.into_iter().chain(own) {
        let name = dimension.name();
        if !text.is_empty() {
            let from = match user {
                Some((UserField::User, _)) if dimension == Dimension::User && is_owner => " (owner of the file)",
                Some((UserField::EndUser, _)) if dimension == Dimension::User => " (end_user)",
                Some((UserField::UserEmail, _)) if dimension == Dimension::User => " (user_email)",
                Some((UserField::KeyAlias, _)) if dimension == Dimension::User => " (key_alias)",
                _ => "",
            };
            facts.push(format!("{name} {}{from}", text.label()));
        } else if let Some(label) = around.default_of(dimension) {
            facts.push(format!("{name} {label} (label of the source)"));
        }
    }
    if facts.is_empty() { "nobody: the line names no user, team or other".to_owned() } else { facts.join(DOT) }
}

/// The ids as they stand, and those that do not link.
fn names(usage: &Usage<'_>, ids: &RecordIds) -> String {
    let by = |bits: u8| ids.links & bits != 0;
    let hit = usage.cache_hit;
    let listed = [
        ("response", usage.ids.response, by(link::RESPONSE | link::PAIR) && !hit),
        ("request", usage.ids.request, by(link::REQUEST | link::PAIR) && !hit),
        ("call", usage.ids.call, by(link::CALL)),
        ("span", usage.ids.span, by(link::SPAN)),
        ("session", usage.dimensions.session, true),
        ("retry of", usage.retry_of, true),
    ];
    let mut facts = Vec::new();
    for (name, text, links) in listed.into_iter().filter(|(_, text, _)| !text.is_empty()) {
        let why = match (links, hit && matches!(name, "response" | "request")) {
            (true, _) => "",
            (false, true) => " (of the cached answer: does not link)",
            (false, false) => " (too short to link)",
        };
        facts.push(format!("{name} {}{why}", figures::id(&text.bytes())));
    }
    if by(link::PLACE) {
        facts.push("no id that links: the line is a request of its own".to_owned());
    }
    facts.join(DOT)
}

fn answer(usage: &Usage<'_>) -> String {
    let mut facts = Vec::new();
    if usage.status > 0 {
        facts.push(format!("status {}{}", usage.status, if usage.status >= 400 { " (failed)" } else { "" }));
    }
    if usage.latency_ms > 0 {
        facts.push(format!("{} ms", count(usage.latency_ms.into())));
    }
    if !usage.stop_reason.is_empty() {
        facts.push(format!("stopped by {}", usage.stop_reason.label()));
    }
    if usage.max_tokens > 0 {
        facts.push(format!("at most {} output tokens", count(usage.max_tokens.into())));
    }
    facts.join(DOT)
}

fn terms(usage: &Usage<'_>) -> String {
    let terms = &usage.terms;
    let listed = [
        ("tier", terms.tier),
        ("region", terms.region),
        ("data residency", terms.data_residency),
        ("vertex location", terms.vertex_location),
        ("inference geo", terms.inference_geo),
        ("speed", terms.speed),
    ];
    let stated = listed.into_iter().filter(|(_, text)| !text.is_empty());
    stated.map(|(name, text)| format!("{name} {}", text.label())).collect::<Vec<_>>().join(DOT)
}
