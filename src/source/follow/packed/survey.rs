//! What a packed file is: its content passes once by every known place, and leaves as new, as one known from before, or as a copy.

use std::io;

use super::{Archive, PASSED, PATIENCE};
use crate::source::follow::adopt::FROM_ITS_HEAD;
use crate::source::follow::content::{Content, Pass};
use crate::source::follow::file::{Followed, Role, Twin, with_file};
use crate::source::follow::heads::Heads;
use crate::source::follow::turn::Turn;
use crate::source::follow::{Follower, Sink};
use crate::source::identity::{COPY_MINIMUM, HEAD, Marks};
use crate::source::unpack::End;

/// A pass that looks which known place the content leads through.
#[derive(Debug)]
pub(super) struct Survey {
    /// In the order of their offsets.
    places: Vec<Place>,
    next: usize,
    /// Those that were met.
    met: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    generation: u32,
    marks: Marks,
    kind: PlaceKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PlaceKind {
    /// A dead generation's or a saved one.
    Tomb,
    /// As above, of this inode.
    OwnTomb,
    /// Where this file was known to be another's copy.
    Own,
    /// Read from another file.
    Living,
}

/// How a packed content stands to a living generation.
enum Beside {
    /// The other moved on or was rewritten: to be decided at a later look.
    Moved,
    /// The other holds all of it.
    Contained,
    /// It holds bytes that the other does not.
    Longer,
}

impl Follower {
    /// Goes through the content once; `None` when it is decided what it is.
    pub(super) fn survey(
        &mut self,
        slot: u32,
        file: &mut Followed,
        archive: &mut Archive,
        content: &mut Content,
        sink: Sink<'_>,
    ) -> io::Result<Option<Turn>> {
        let mut survey = if let Some(survey) = archive.survey.take() {
            survey
        } else {
            content.fill(HEAD)?;
            let Some(places) = self.places(file, archive, content.head()) else { return Ok(Some(Turn::Quiet)) };
            if places.is_empty() {
                let generation = self.new_generation();
                self.lead(slot, file, generation, Marks::default(), None);
                return Ok(None);
            }
            Survey { places, next: 0, met: Vec::new() }
        };
        let mut budget = PASSED;
        loop {
            let place = survey.places.get(survey.next);
            match content.go(place.map_or(u64::MAX, |place| place.marks.offset), &mut budget)? {
                Pass::There => {
                    if place.is_some_and(|place| place.marks == content.marks()) {
                        survey.met.push(survey.next);
                    }
                    survey.next += 1;
                }
                Pass::Later => {
                    archive.survey = Some(survey);
                    return Ok(Some(Turn::More));
                }
                Pass::Over => break,
            }
        }
        self.judge(slot, file, archive, content, &survey, sink)
    }

    /// The known places that a content with this head may lead through. `None`: not now, as one of them moves.
    fn places(&self, file: &Followed, archive: &Archive, head: &[u8]) -> Option<Vec<Place>> {
        let mut heads = Heads::new(head.to_vec());
        let mut places = Vec::new();
        for tomb in &self.tombs {
            let own = tomb.key == file.key;
            if tomb.marks.offset >= if own { 1 } else { COPY_MINIMUM } && heads.equal(&tomb.marks) {
                let kind = if own { PlaceKind::OwnTomb } else { PlaceKind::Tomb };
                places.push(Place { generation: tomb.generation, marks: tomb.marks, kind });
            }
        }
        for slot in self.heads.like(&mut heads) {
            let Some((other, Role::Reader(reader))) = self.files.get(&slot).map(|other| (other, &other.role)) else {
                continue;
            };
            if !self.options.once && other.drained + 1 < self.polls {
                return None;
            }
            places.push(Place { generation: reader.generation, marks: reader.marks, kind: PlaceKind::Living });
        }
        let own = archive.own.map(|(generation, marks)| Place { generation, marks, kind: PlaceKind::Own });
        places.extend(own.filter(|place| place.marks.offset > 0));
        places.sort_by_key(|place| (place.marks.offset, place.kind));
        Some(places)
    }

    /// What the content is, after the pass. `None` when it is to be read now.
    fn judge(
        &mut self,
        slot: u32,
        file: &mut Followed,
        archive: &mut Archive,
        content: &Content,
        survey: &Survey,
        sink: Sink<'_>,
    ) -> io::Result<Option<Turn>> {
        let size = content.at();
        let beyond = survey.places.iter().any(|place| place.marks.offset > size);
        let patient = archive.changed.is_some_and(|at| self.now.saturating_duration_since(at) < PATIENCE);
        if content.end() != Some(&End::Whole) && beyond && patient && !self.options.once {
            // What is known may stand in the part that is missing.
            archive.wait(self.now);
            return Ok(Some(Turn::Quiet));
        }
        let met = || survey.met.iter().filter_map(|at| survey.places.get(*at));
        let known =
            met().filter(|place| place.kind != PlaceKind::Living).max_by_key(|place| (place.marks.offset, place.kind));
        let least = known.map_or(COPY_MINIMUM, |place| place.marks.offset);
        // At equal lengths the living wins: what it reads on, its copy must not.
        let living = met().rev().find(|place| place.kind == PlaceKind::Living && place.marks.offset >= least);
        let shorter = || {
            let longer =
                survey.places.iter().filter(|place| place.kind == PlaceKind::Living && place.marks.offset > size);
            longer.min_by_key(|place| place.marks.offset).filter(|_| size >= least && size >= HEAD as u64)
        };
        let tomb = known.filter(|place| matches!(place.kind, PlaceKind::Tomb | PlaceKind::OwnTomb));
        if tomb.is_some_and(|tomb| !self.tombs.iter().any(|other| other.generation == tomb.generation)) {
            return Ok(Some(Turn::More)); // taken by another meanwhile: once more
        }
        let own = archive.own.map(|(generation, _)| generation);
        let own = own.or(tomb.filter(|tomb| tomb.kind == PlaceKind::OwnTomb).map(|tomb| tomb.generation));
        let end = content.marks();
        for place in living.into_iter().chain(shorter()) {
            match self.stands_beside(place, &end)? {
                Beside::Moved => return Ok(Some(Turn::Quiet)),
                Beside::Contained => {
                    self.take_tomb(tomb);
                    let generation = own.unwrap_or_else(|| self.new_generation());
                    let (of, marks) = (place.generation, end);
                    file.role = Role::Copy(Twin { of, generation, marks, longer_since: None, compared: None });
                    archive.own = Some((generation, end));
                    archive.done = true;
                    // Saved, so that after a restart it is not taken for something new.
                    self.send_position(file, generation, &end, FROM_ITS_HEAD, sink);
                    return Ok(Some(Turn::Quiet));
                }
                Beside::Longer if place.marks.offset <= size => {
                    self.take_tomb(tomb);
                    let generation = own.unwrap_or_else(|| self.new_generation());
                    self.lead(slot, file, generation, place.marks, FROM_ITS_HEAD);
                    return Ok(None);
                }
                Beside::Longer => {}
            }
        }
        let (generation, marks) =
            known.map_or_else(|| (self.new_generation(), Marks::default()), |place| (place.generation, place.marks));
        let was_copy = known.is_some_and(|place| place.kind == PlaceKind::Own);
        let open_since = if was_copy { FROM_ITS_HEAD } else { self.take_tomb(tomb) };
        self.lead(slot, file, generation, marks, open_since);
        // A place inside of a record is saved with what is read from there.
        if tomb.is_some() && open_since.is_none() {
            self.send_position(file, generation, &marks, None, sink);
        }
        Ok(None)
    }

    /// Where the record begins in which the tomb's place lies.
    fn take_tomb(&mut self, tomb: Option<&Place>) -> Option<u64> {
        let at = self.tombs.iter().position(|other| tomb.is_some_and(|tomb| tomb.generation == other.generation))?;
        self.tombs.remove(at)?.open_since
    }

    /// How a content that ends at `end` stands to a living generation.
    fn stands_beside(&self, place: &Place, end: &Marks) -> io::Result<Beside> {
        let leader = self.leaders.get(&place.generation).and_then(|slot| self.files.get(slot));
        let Some((leader, Role::Reader(theirs))) = leader.map(|leader| (leader, &leader.role)) else {
            return Ok(Beside::Moved);
        };
        if leader.archive.is_some() {
            let same = end.offset == theirs.marks.offset && *end == theirs.marks;
            return Ok(if same { Beside::Contained } else { Beside::Longer });
        }
        with_file(leader, |file| {
            if !theirs.marks.hold(file)? {
                return Ok(Beside::Moved); // rewritten: its next turn ends its generation
            }
            let contained = end.offset <= file.metadata()?.len() && end.hold(file)?;
            Ok(if contained { Beside::Contained } else { Beside::Longer })
        })
    }
}
