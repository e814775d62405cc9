//! What is said of costs that logs report and the table does not: findings enter, words and rounded figures leave.

use super::Document;
use super::grid::{Grid, Kind};
use super::text::{percent, places, share, thousands, usd, when};
use crate::engine::drift::{Cause, DriftRow, Finding};

/// Findings that a sentence is said of; the table has all.
const SAID: usize = 8;

/// What the amounts look like, and what to do about it.
pub(crate) fn likely(cause: &Cause) -> String {
    let text = match cause {
        Cause::BatchRate => {
            "the batch price of the same tokens: write tier = \"batch\" into the log, or give the batch result files"
        }
        Cause::Tier(tier) => return format!("the {tier} price: another tier was billed than the log names"),
        Cause::WriteSplit => {
            "the price with all cache writes of the other duration: whoever reports it does not tell 5-minute from 1-hour writes, or the \
             log does not"
        }
        Cause::RegionalFactor => {
            "the price with a regional factor that the log does not state (inference_geo, data_residency, vertex_location)"
        }
        Cause::Fast => "the price of fast mode, which the log does not state (speed)",
        Cause::CacheAsInput => "cache tokens at the input rate: whoever reports it knows no cache prices",
        Cause::CacheInside => {
            "cache tokens billed twice, as such and as input: whoever reports it takes an input without cache tokens for one with them"
        }
        Cause::SearchFee => "the price without the fees of web searches",
        Cause::Discount(part) => {
            let percent = hundredths(*part);
            return format!(
                "{percent} % less everywhere: a contract discount: [[prices.discount]] with percent = {percent}"
            );
        }
        Cause::ListPrice(part) => {
            return format!(
                "{} % more everywhere: a price that has changed, or a margin: 'costtop prices MODEL', [prices] files",
                hundredths(*part)
            );
        }
        Cause::Alias(model) => {
            return format!("the table prices it as '{model}', as [prices.alias] says: perhaps it is another model");
        }
        Cause::Unknown => "no known pattern: 'costtop explain' shows how each line is priced",
    };
    text.to_owned()
}

/// Millionths as percent, with the decimals that are not zero, at most two.
fn hundredths(millionths: i64) -> String {
    let hundredths = millionths.saturating_add(50) / 100;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Where reported costs drift from the table's; the greatest first.
pub(super) fn findings(document: &Document) -> impl Iterator<Item = (&DriftRow, &Finding)> {
    document.report.drift.iter().filter_map(|row| Some((row, row.finding.as_ref()?)))
}

/// A table of the findings; `None` where reported and computed costs agree.
pub(super) fn grid(document: &Document) -> Option<Grid> {
    let greatest = findings(document).map(|(row, _)| row.reported.max(row.computed)).max()?;
    let places = places(greatest);
    let columns = [
        ("drift of", Kind::Name),
        ("at", Kind::Name),
        ("drift", Kind::Figure(0)),
        ("of it", Kind::Figure(1)),
        ("drifting", Kind::Figure(2)),
        ("compared", Kind::Figure(5)),
        ("reported", Kind::Figure(3)),
        ("table", Kind::Figure(4)),
        ("since", Kind::Figure(6)),
        ("like", Kind::Name),
    ];
    let name =
        |label: &Option<crate::label::Label>| label.as_ref().map_or_else(|| "(none)".to_owned(), ToString::to_string);
    let rows = findings(document)
        .map(|(row, finding)| {
            vec![
                name(&row.model),
                name(&row.provider),
                usd(finding.drift, places),
                percent(share(finding.drift, row.computed)),
                thousands(i64::try_from(finding.requests).unwrap_or(i64::MAX)),
                thousands(i64::try_from(row.compared).unwrap_or(i64::MAX)),
                usd(row.reported, places),
                usd(row.computed, places),
                when(finding.since, document.query.zone),
                finding.cause.name().to_owned(),
            ]
        })
        .collect();
    Some(Grid { columns: columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec(), rows, foot: None })
}

/// One sentence for each of the greatest findings.
pub(super) fn sentences(document: &Document) -> Vec<String> {
    let name = |row: &DriftRow| row.model.as_ref().map_or_else(|| "(none)".to_owned(), |model| format!("'{model}'"));
    findings(document)
        .take(SAID)
        .map(|(row, finding)| format!("{} looks like {}", name(row), likely(&finding.cause)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_percent_to_the_hundredth() {
        for (millionths, text) in [(80_000, "8"), (125_000, "12.5"), (1_230, "0.12"), (333_333, "33.33"), (20, "0")] {
            assert_eq!(hundredths(millionths), text);
        }
    }
}
