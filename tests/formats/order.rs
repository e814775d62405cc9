//! What must hold over all formats whose lines stand alone: any order, any repetition, any cutting into files gives the same totals and
//! the same owners.

use costtop::engine::identity::{IdentityKey, link};
use costtop::engine::record::{Place, Surroundings};
use costtop::engine::report::{GroupBy, Report, ReportQuery};
use costtop::format::{Decoder, Format, Line};
use costtop::time::Zone;
use costtop::usage::{Dimension, UserField};
use proptest::prelude::*;

use super::FIXTURES;
use super::world::{everything, report_by};

/// Lines of the fixtures whose records all have ids that link, whatever stands before them.
fn named_lines() -> Vec<&'static str> {
    let is_named = |line: &&str| {
        let mut named = true;
        let mut counted = 0;
        let kind = Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, result| {
            if let Ok(usage) = result {
                counted += 1;
                let ids = IdentityKey(1, 2).identify(usage, Place::default());
                named &= ids.links & link::PLACE == 0 && usage.time.is_some();
            }
        });
        let stands_alone = matches!(kind, Line::Known(format) if format != Format::Codex);
        stands_alone && counted > 0 && named
    };
    FIXTURES.into_iter().flat_map(str::lines).filter(is_named).collect()
}

fn said(logs: &[String]) -> Report {
    let by = [Dimension::User, Dimension::Team, Dimension::Key, Dimension::Model, Dimension::Provider];
    let by = by.map(GroupBy::Dimension).into_iter().chain([GroupBy::Session, GroupBy::Minute]).collect();
    let around = Surroundings { user_order: UserField::DEFAULT.to_vec(), ..Surroundings::default() };
    report_by(logs, &ReportQuery { by, ..everything() }, around)
}

#[test]
fn every_format_has_lines_with_names() {
    let mut formats = std::collections::BTreeSet::new();
    for line in named_lines() {
        if let Line::Known(format) = Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, _| {}) {
            formats.insert(format.name());
        }
    }
    let missing: Vec<&str> =
        Format::ALL.iter().map(|format| format.name()).filter(|name| !formats.contains(*name)).collect();
    // Their records take their names from the lines before them.
    assert_eq!(missing, ["codex", "anthropic-stream"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_order_any_repetition_any_cutting_gives_the_same_totals_and_owners(
        order in prop::collection::vec((any::<u32>(), 1usize..3, 0usize..4), 600),
    ) {
        let lines = named_lines();
        let one = lines.join("\n");
        let expected = said(&[one]);
        let mut shuffled: Vec<(u32, usize, &str)> = Vec::new();
        for (place, line) in lines.iter().enumerate() {
            let (at, times, file) = order[place % order.len()];
            for time in 0..times {
                shuffled.push((at.rotate_left(time as u32 * 7) ^ place as u32, (file + time) % 4, line));
            }
        }
        shuffled.sort_unstable();
        let mut logs = vec![String::new(); 4];
        for (_, file, line) in shuffled {
            logs[file].push_str(line);
            logs[file].push('\n');
        }
        let other = said(&logs);
        prop_assert_eq!(&other.totals, &expected.totals);
        prop_assert_eq!(&other.groups, &expected.groups);
        prop_assert_eq!((other.first_event, other.last_event), (expected.first_event, expected.last_event));
    }
}
