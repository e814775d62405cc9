//! What an engine leaves in a state and how it comes back: opaque blobs, each versioned by the table it lies in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use super::counters::Counters;
use super::ledger::Ledger;
use super::names::{NONE, Profile, ProfileId};
use super::recent::Recent;
use super::record::Intake;
use super::{Engine, Post};
use crate::label::Label;
use crate::money::Money;
use crate::time::Timestamp;
use crate::usage::{Dimension, OwnLabel, Rejection};

/// Dimensions that need no configuration.
const WITHOUT_OWN: usize = Dimension::ALL.len();
/// The number beside those of [`super::cells::Resolution`] under which the sums of dropped charges are saved.
const DROPPED_TIER: u8 = 5;

/// Everything that changed since the last call of [`Engine::take_changes`].
#[derive(Debug, Default)]
pub struct Changes {
    /// New labels.
    pub names: Vec<(u32, String)>,
    /// New profiles.
    pub profiles: Vec<(u32, Vec<u8>)>,
    /// Ledger rows by event day: (days since the epoch, rows, bytes).
    pub rows: Vec<(i32, u32, Vec<u8>)>,
    /// Blocks of cells: (tier, time, bytes); empty bytes remove one.
    pub cells: Vec<(u8, i64, Vec<u8>)>,
    /// Sessions.
    pub sessions: Vec<(u32, Vec<u8>)>,
    /// Intake counts and the newest event, as text.
    pub intake: Vec<u8>,
    /// Days whose rows were dropped since the last call: what was saved of them before goes.
    pub dropped_days: Vec<i32>,
    /// All days whose rows were ever dropped, as text; where that has changed.
    pub all_dropped: Option<String>,
}

/// What was saved cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("the saved {0} cannot be read")]
pub struct Damaged(&'static str);

impl Engine {
    /// Collects what changed since the last call.
    ///
    /// # Errors
    /// The rows' file cannot be read.
    pub fn take_changes(&mut self) -> io::Result<Changes> {
        let mut changes = Changes::default();
        let Engine { ledger, names, cells, sessions, dropped, saved_names, saved_profiles, .. } = self;
        for id in *saved_names..names.labels() {
            changes.names.push((id as u32, names.label(id as u32).as_str().to_owned()));
        }
        for id in *saved_profiles..names.profiles() {
            let bytes = names.dimensions(id as ProfileId).iter().flat_map(|name| name.to_le_bytes()).collect();
            changes.profiles.push((id as u32, bytes));
        }
        (*saved_names, *saved_profiles) = (names.labels(), names.profiles());
        let mut days: BTreeMap<i32, (u32, Vec<u8>)> = BTreeMap::new();
        for number in ledger.take_changed() {
            let mut bytes = Vec::new();
            let Some(day) = ledger.save_row(number, &mut bytes)? else { continue };
            let (count, blob) = days.entry(day).or_insert((0, Vec::new()));
            *count += 1;
            blob.append(&mut bytes);
        }
        for (number, row, day) in ledger.take_buried() {
            let (count, blob) = days.entry(day).or_insert((0, Vec::new()));
            *count += 1;
            Ledger::save_dead(number, &row, blob);
        }
        changes.rows = days.into_iter().map(|(day, (count, blob))| (day, count, blob)).collect();
        cells.take_changed(|resolution, time, bytes| changes.cells.push((resolution as u8, time, bytes)));
        for time in dropped.sums.take_changed() {
            changes.cells.push((DROPPED_TIER, time, dropped.sums.save_block(time)));
        }
        changes.dropped_days = std::mem::take(&mut dropped.gone).into_iter().collect();
        changes.all_dropped = (!changes.dropped_days.is_empty()).then(|| ledger.dropped_days().save());
        changes.sessions = sessions.take_changed();
        changes.intake = save_intake(&self.intake, self.newest).into_bytes();
        Ok(changes)
    }

    /// Puts names and profiles back, in order of number, into a new engine.
    ///
    /// # Errors
    /// Numbers with gaps, or bytes that are no profile.
    pub fn load_names(&mut self, names: &[(u32, String)], profiles: &[(u32, Vec<u8>)]) -> Result<(), Damaged> {
        for (id, label) in names {
            // The two reserved names are there already.
            if (*id as usize) < self.names.labels() {
                continue;
            }
            if self.names.intern(&Label::new(label)) != *id {
                return Err(Damaged("names"));
            }
        }
        for (id, bytes) in profiles {
            let profile = load_profile(bytes).ok_or(Damaged("profiles"))?;
            if profile.iter().any(|name| *name as usize >= self.names.labels()) || self.names.profile(profile) != *id {
                return Err(Damaged("profiles"));
            }
        }
        (self.saved_names, self.saved_profiles) = (self.names.labels(), self.names.profiles());
        Ok(())
    }

    /// Puts a block of cells back.
    ///
    /// # Errors
    /// Bytes that are no block.
    pub fn load_cells(&mut self, tier: u8, time: i64, bytes: &[u8]) -> Result<(), Damaged> {
        let is_read = match tier {
            DROPPED_TIER => self.dropped.sums.load_block(time, bytes),
            _ => self.cells.load_block(tier, time, bytes),
        };
        if is_read { Ok(()) } else { Err(Damaged("cells")) }
    }

    /// A block of that tier holds sums of dropped charges.
    #[must_use]
    pub const fn is_of_dropped(tier: u8) -> bool {
        tier == DROPPED_TIER
    }

    /// Puts a session back.
    ///
    /// # Errors
    /// Bytes that are no session.
    pub fn load_session(&mut self, id: u32, bytes: &[u8]) -> Result<(), Damaged> {
        if self.sessions.load(id, bytes) { Ok(()) } else { Err(Damaged("sessions")) }
    }

    /// Puts the intake counts back and builds what follows from the cells: totals, windows, today. The screen is right from here on.
    ///
    /// # Errors
    /// Text that is no intake, or cells of unknown profiles.
    pub fn finish_cells(&mut self, intake: Option<&[u8]>) -> Result<(), Damaged> {
        if let Some(text) = intake {
            let (intake, newest) = load_intake(text).ok_or(Damaged("intake"))?;
            self.intake = intake;
            self.newest = newest;
        }
        let mut total = Counters::default();
        let mut known = true;
        let (names, unpriced) = (&self.names, &mut self.unpriced);
        self.cells.for_each(i64::MIN / 16, i64::MAX / 16, |_, profile, sums| {
            if profile as usize >= names.profiles() {
                known = false;
                return;
            }
            total.add(sums, 1);
            if sums.unpriced_requests != 0 {
                let model = unpriced.entry(names.of(profile, Dimension::Model)).or_default();
                model.0 += sums.unpriced_requests;
                model.1 += sums.unpriced_tokens;
            }
        });
        self.dropped.sums.for_each(.., |_, profile, _| known &= (profile as usize) < names.profiles());
        if !known {
            return Err(Damaged("cells"));
        }
        self.cells.finish_loading();
        self.total = total;
        self.today = (Timestamp::MIN, Timestamp::MIN, Counters::default());
        self.kept.clear();
        self.rows_missing = true;
        self.tick(self.now);
        self.version += 1;
        Ok(())
    }

    /// Puts saved rows back, one blob after the other in order of commit; `day` is that of the blob.
    ///
    /// # Errors
    /// Bytes that are no rows, or a temporary file in trouble.
    pub fn load_rows(&mut self, day: i32, mut bytes: &[u8]) -> io::Result<()> {
        self.ledger.load_rows(day, &mut bytes)
    }

    /// Builds the index over the rows and the last hour's fine steps. Batches may come from here on.
    ///
    /// # Errors
    /// A temporary file in trouble.
    pub fn finish_rows(&mut self) -> io::Result<()> {
        self.ledger.finish_loading(&mut self.names)?;
        self.rows_missing = false;
        self.kept.clear();
        self.fill_recent()?;
        self.version += 1;
        Ok(())
    }

    /// Builds the last hour's fine steps from the charges.
    pub(super) fn fill_recent(&mut self) -> io::Result<()> {
        self.recent = Recent::default();
        self.recent.advance(self.now, |_, _| {});
        let recent = &mut self.recent;
        let span = self.now.plus_ms(-2 * 3_600_000).ms()..i64::MAX;
        self.ledger.for_each_bill_in(
            &span,
            &mut self.names,
            |_, _, _| true,
            |bill, _| {
                recent.post(&Post::of(bill, 1, true));
            },
        )
    }
}

/// All places of a profile, or, from before the operator could have labels, all others.
fn load_profile(bytes: &[u8]) -> Option<Profile> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    let mut profile: Profile = [NONE; Dimension::COUNT];
    let mut places: Vec<&mut u32> = match numbers.len() {
        Dimension::COUNT => profile.iter_mut().collect(),
        WITHOUT_OWN => {
            let places = profile.iter_mut().enumerate().filter(|(place, _)| !OwnLabel::PLACES.contains(place));
            places.map(|(_, name)| name).collect()
        }
        _ => return None,
    };
    for (name, number) in places.iter_mut().zip(numbers) {
        **name = u32::from_le_bytes(*number);
    }
    rest.is_empty().then_some(profile)
}

/// `name=value` pairs, so that a later version can add some.
fn save_intake(intake: &Intake, newest: Option<Timestamp>) -> String {
    let mut text = String::new();
    for (name, value) in numbers(intake) {
        let _ = writeln!(text, "{name}={value}"); // into a String: cannot fail
    }
    for (class, count) in Rejection::ALL.iter().zip(intake.rejected) {
        let _ = writeln!(text, "rejected.{}={count}", class.name());
    }
    if intake.late_cost != Money::ZERO {
        let _ = writeln!(text, "late_pico={}", intake.late_cost.pico());
    }
    if let Some(newest) = newest {
        let _ = writeln!(text, "newest={}", newest.ms());
    }
    text
}

fn numbers(intake: &Intake) -> [(&'static str, u64); 17] {
    [
        ("files", intake.files),
        ("bytes", intake.bytes),
        ("lines", intake.lines),
        ("torn", intake.torn),
        ("gaps", intake.gaps),
        ("dropped", intake.dropped),
        ("records", intake.records),
        ("charges", intake.charges),
        ("updates", intake.updates),
        ("duplicates", intake.duplicates),
        ("merged", intake.merged),
        ("not_usage", intake.not_usage),
        ("late", intake.late),
        ("undated", intake.undated),
        ("no_id", intake.no_id),
        ("id_reused", intake.id_reused),
        ("clock_skew", intake.clock_skew),
    ]
}

fn load_intake(text: &[u8]) -> Option<(Intake, Option<Timestamp>)> {
    let mut intake = Intake::default();
    let mut newest = None;
    for line in std::str::from_utf8(text).ok()?.lines() {
        let (name, value) = line.split_once('=')?;
        if name == "newest" {
            newest = Some(Timestamp::from_ms(value.parse().ok()?));
            continue;
        }
        if name == "late_pico" {
            intake.late_cost = Money::from_pico(value.parse().ok()?);
            continue;
        }
        let value: u64 = value.parse().ok()?;
        let field = match name {
            "files" => &mut intake.files,
            "bytes" => &mut intake.bytes,
            "lines" => &mut intake.lines,
            "torn" => &mut intake.torn,
            "gaps" => &mut intake.gaps,
            "dropped" => &mut intake.dropped,
            "records" => &mut intake.records,
            "charges" => &mut intake.charges,
            "updates" => &mut intake.updates,
            "duplicates" => &mut intake.duplicates,
            "merged" => &mut intake.merged,
            "not_usage" => &mut intake.not_usage,
            "late" => &mut intake.late,
            "undated" => &mut intake.undated,
            "no_id" => &mut intake.no_id,
            "id_reused" => &mut intake.id_reused,
            "clock_skew" => &mut intake.clock_skew,
            other => {
                let class =
                    Rejection::ALL.iter().find(|class| other.strip_prefix("rejected.") == Some(class.name()))?;
                &mut intake.rejected[*class as usize]
            }
        };
        *field = value;
    }
    Some((intake, newest))
}
