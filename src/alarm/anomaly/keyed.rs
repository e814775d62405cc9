//! What a detector knows of each entity, bounded: at the cap, those that were silent longest are forgotten, an eighth of all at once.
//!
//! What is forgotten begins anew when it comes back: it is unknown again, so it is quiet until it has warmed up.

use rustc_hash::FxHashMap;

use super::bytes::{put_signed, put_varint, take_signed, take_varint};
use super::charge::Entity;
use crate::engine::names::Names;

/// Values by entity.
#[derive(Clone, Debug)]
pub(super) struct Keyed<T> {
    values: FxHashMap<Entity, Slot<T>>,
    cap: usize,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    /// The minute of its last charge.
    last: i64,
    value: T,
}

impl<T> Keyed<T> {
    pub(super) fn new(cap: usize) -> Keyed<T> {
        Keyed { values: FxHashMap::default(), cap }
    }

    /// The value of an entity that has a charge in this minute; a new one where it is unknown. Those that had to be forgotten for it are
    /// appended to `forgotten`.
    pub(super) fn touch(
        &mut self,
        entity: Entity,
        minute: i64,
        names: &Names,
        forgotten: &mut Vec<Entity>,
        new: impl FnOnce() -> T,
    ) -> &mut T {
        if self.values.len() >= self.cap && !self.values.contains_key(&entity) {
            self.forget(names, forgotten);
        }
        let slot = self.values.entry(entity).or_insert_with(|| Slot { last: minute, value: new() });
        slot.last = slot.last.max(minute);
        &mut slot.value
    }

    pub(super) fn get(&self, entity: Entity) -> Option<&T> {
        self.values.get(&entity).map(|slot| &slot.value)
    }

    pub(super) fn get_mut(&mut self, entity: Entity) -> Option<&mut T> {
        self.values.get_mut(&entity).map(|slot| &mut slot.value)
    }

    fn forget(&mut self, names: &Names, forgotten: &mut Vec<Entity>) {
        let mut oldest: Vec<(i64, Entity)> = self.values.iter().map(|(entity, slot)| (slot.last, *entity)).collect();
        // By name where the minute is the same: numbers of names depend on what arrived first.
        let label = |entity: Entity| (entity.scope(), names.label(entity.name).as_str());
        let order = |one: &(i64, Entity), other: &(i64, Entity)| {
            one.0.cmp(&other.0).then_with(|| label(one.1).cmp(&label(other.1)))
        };
        let count = (self.cap / 8).clamp(1, oldest.len());
        oldest.select_nth_unstable_by(count - 1, order);
        oldest.truncate(count);
        oldest.sort_unstable_by(order);
        for (_, entity) in oldest {
            self.values.remove(&entity);
            forgotten.push(entity);
        }
    }

    pub(super) fn save(&self, out: &mut Vec<u8>, each: impl Fn(&T, &mut Vec<u8>)) {
        let mut all: Vec<(&Entity, &Slot<T>)> = self.values.iter().collect();
        all.sort_unstable_by_key(|(entity, _)| entity.number());
        put_varint(all.len() as u64, out);
        for (entity, slot) in all {
            put_varint(entity.number(), out);
            put_signed(slot.last, out);
            each(&slot.value, out);
        }
    }

    pub(super) fn load(
        &mut self,
        bytes: &mut &[u8],
        names: &Names,
        mut each: impl FnMut(&mut &[u8]) -> Option<T>,
    ) -> Option<()> {
        self.values.clear();
        for _ in 0..take_varint(bytes)? {
            let entity = Entity::numbered(take_varint(bytes)?)?;
            if entity.name as usize >= names.labels() || self.values.len() > self.cap {
                return None;
            }
            let last = take_signed(bytes)?;
            self.values.insert(entity, Slot { last, value: each(bytes)? });
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Label;
    use crate::usage::Dimension;

    #[test]
    fn the_longest_silent_are_forgotten_first() {
        let mut names = Names::default();
        let mut keyed = Keyed::new(16);
        let mut forgotten = Vec::new();
        let entities: Vec<Entity> = (0..100)
            .map(|number| Entity {
                dimension: Some(Dimension::User),
                name: names.intern(&Label::new(&format!("user-{number:03}"))),
            })
            .collect();
        for (minute, entity) in entities.iter().enumerate() {
            keyed.touch(entities[0], minute as i64, &names, &mut forgotten, || 0);
            *keyed.touch(*entity, minute as i64, &names, &mut forgotten, || 0) += 1;
        }
        assert!(keyed.values.len() <= 16);
        assert_eq!(keyed.get(entities[0]), Some(&1), "it was never silent");
        assert_eq!(forgotten, entities[1..=forgotten.len()], "in the order in which they fell silent");
    }
}
