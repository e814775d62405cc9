//! A group is cut into charges: its classes enter, those of each charge leave.

use std::cmp::Ordering;

use super::class::{Class, by_time, by_tokens};
use crate::engine::names::Names;
use crate::engine::rows::Row;
use crate::usage::Origin;

/// The charges of a group, each by its classes; see [`super::bill`].
pub fn charges<'a>(group: &'a [Class], names: &Names) -> impl Iterator<Item = Vec<&'a Class>> + use<'a> {
    let homes = homes(group, names).into_iter();
    let classes = homes.map(|home| home.into_iter().map(|place| &group[place]).collect::<Vec<_>>());
    classes.filter(|classes| !classes.is_empty())
}

/// Cuts a group into charges: one for each (response, request) pair that does not come from a side chain, and one for each response of
/// those that are found by what they counted, of which each that a client's telemetry tells stands beside one of its other logs as long as
/// there is one; else one.
///
/// Each entry is a list of places in `classes`.
fn homes(classes: &[Class], names: &Names) -> Vec<Vec<usize>> {
    if classes.len() == 1 {
        return vec![vec![0]];
    }
    let mut pairs: Vec<Seed> = Vec::new();
    let mut equals: Vec<Seed> = Vec::new();
    let mut told: Vec<Seed> = Vec::new();
    for (place, class) in classes.iter().enumerate() {
        let ids = &class.row.ids;
        let (seeds, request) = match (ids.is_pair() && !class.row.side_chain, ids.is_twin()) {
            (true, _) => (&mut pairs, ids.request),
            (false, true) if class.row.origin == Origin::OpenTelemetry => (&mut told, 0),
            (false, true) => (&mut equals, 0),
            (false, false) => continue,
        };
        match seeds.iter_mut().find(|seed| (seed.response, seed.request) == (ids.response, request)) {
            Some(seed) if earliest(&classes[seed.place].row, &class.row, names).is_gt() => seed.place = place,
            Some(_) => {}
            None => seeds.push(Seed { response: ids.response, request, place, has_equals: ids.is_twin(), beside: 0 }),
        }
    }
    // Of an answer that is also known with its request there is one charge.
    for seed in equals {
        match pairs.iter_mut().find(|pair| pair.response == seed.response) {
            Some(pair) => pair.has_equals = true,
            None => pairs.push(seed),
        }
    }
    if pairs.is_empty() && told.is_empty() {
        return vec![(0..classes.len()).collect()];
    }
    for seeds in [&mut pairs, &mut told] {
        seeds.sort_by(|a, b| {
            earliest(&classes[a.place].row, &classes[b.place].row, names)
                .then((a.response, a.request).cmp(&(b.response, b.request)))
        });
    }
    // The first that telemetry tells is the first that the other log tells, and so on; of what one of them alone knows, all counts.
    let mut told = told.into_iter();
    for (pair, telling) in pairs.iter_mut().filter(|pair| pair.has_equals).zip(&mut told) {
        pair.beside = telling.response;
    }
    pairs.extend(told);
    let mut homes = vec![Vec::new(); pairs.len()];
    for (place, class) in classes.iter().enumerate() {
        let ids = &class.row.ids;
        let by_name = |pair: &Seed| ids.response != 0 && [pair.response, pair.beside].contains(&ids.response);
        let own = if class.row.side_chain || !ids.is_pair() {
            None
        } else {
            pairs.iter().position(|pair| (pair.response, pair.request) == (ids.response, ids.request))
        };
        let home = own
            .or_else(|| pairs.iter().position(|pair| ids.request != 0 && pair.request == ids.request))
            .or_else(|| pairs.iter().position(by_name))
            .unwrap_or(0);
        homes[home].push(place);
    }
    homes
}

/// What makes a charge of its own.
struct Seed {
    response: u128,
    /// 0: told from its equals by the response alone.
    request: u128,
    /// Telemetry may tell the same, found by what both counted.
    has_equals: bool,
    /// The class with the least time.
    place: usize,
    /// What telemetry calls the same; 0 is nothing.
    beside: u128,
}

/// Which of two pairs is earlier; ties by what they say, so that the key of the hashes does not show.
fn earliest(a: &Row, b: &Row, names: &Names) -> Ordering {
    by_time(a, b)
        .then_with(|| a.tokens.cmp(&b.tokens))
        .then_with(|| names.label(a.session).as_str().cmp(names.label(b.session).as_str()))
        .then_with(|| by_tokens(a, b, names))
}
