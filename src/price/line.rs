//! One line of the embedded table. A [`ModelPrice`] enters and its line leaves, and back; rates are dollars per million tokens.
//!
//! `name TAB provider TAB fields`, fields apart by spaces: `i@272000/flex=2.5` is the flex input rate of prompts above 272,000 tokens
//! (i input, o output, r cache read, w and h cache writes of 5 minutes and an hour, t reasoning; input, cache read and output of audio: a, c,
//! e; of images: m, n, g; of video: v, l, k), `d:` what output is that nobody splits, `s` and `q` dollars per search and request,
//! `x:` a factor, `b:` a prompt band, `p:` off-peak rates, `p+` its hours, `z:` its weekdays' zone, `u` another unit than tokens.

use std::fmt::Write as _;

use super::entry::{Kind, ModelPrice, OffPeak, OffPeakWindow, PromptBand, Rates, TableRate, Uplift};
use super::rate::{Rate, Ratio};
use crate::usage::Medium;

/// The line of `price`, without a newline. Names with tabs or newlines, and providers with spaces, do not occur in price maps.
#[must_use]
pub fn write_line(name: &str, price: &ModelPrice) -> String {
    let mut fields: Vec<String> = Vec::new();
    for rate in &price.rates {
        let mut field = rate.kind.letter().to_owned();
        if rate.above > 0 {
            let _ = write!(field, "@{}", rate.above);
        }
        if !rate.tier.is_empty() {
            let _ = write!(field, "/{}", rate.tier);
        }
        fields.push(format!("{field}={}", rate.rate.per_million()));
    }
    fields.extend(price.output.map(|medium| format!("d:{}", medium.name())));
    fields.extend(price.search.map(|rate| format!("s={}", rate.per_call())));
    fields.extend(price.per_request.map(|rate| format!("q={}", rate.per_call())));
    fields.extend(price.uplifts.iter().map(|(cause, ratio)| format!("x:{}:{ratio}", cause.name())));
    fields.extend(price.bands.iter().map(|band| format!("b:{}:{}", band.above, write_rates(&band.rates))));
    if let Some(off_peak) = &price.off_peak {
        fields.push(format!("p:{}", write_rates(&off_peak.rates)));
        for window in &off_peak.windows {
            let minutes: Vec<String> = window.minutes.iter().map(|(start, end)| format!("{start}-{end}")).collect();
            fields.push(format!("p+{}:{}", window.weekdays, minutes.join(",")));
        }
        fields.extend(off_peak.weekday_zone.map(|zone| format!("z:{}", zone.name())));
    }
    if price.other_unit {
        fields.push("u".to_owned());
    }
    format!("{name}\t{}\t{}", price.provider, fields.join(" "))
}

/// The name of a line.
#[must_use]
pub fn name_of(line: &str) -> &str {
    line.split('\t').next().unwrap_or_default()
}

/// Reads a line that [`write_line`] wrote; `None` for any other.
#[must_use]
pub fn read_line(line: &str) -> Option<ModelPrice> {
    let mut columns = line.split('\t').skip(1);
    let mut price = ModelPrice { provider: columns.next()?.to_owned(), ..ModelPrice::default() };
    for field in columns.next()?.split(' ').filter(|field| !field.is_empty()) {
        read_field(field, &mut price)?;
    }
    Some(price)
}

fn read_field(field: &str, price: &mut ModelPrice) -> Option<()> {
    if field == "u" {
        price.other_unit = true;
    } else if let Some(rest) = field.strip_prefix("s=") {
        price.search = Some(Rate::parse(rest)?);
    } else if let Some(rest) = field.strip_prefix("q=") {
        price.per_request = Some(Rate::parse(rest)?);
    } else if let Some(rest) = field.strip_prefix("d:") {
        price.output = Some(Medium::ALL.into_iter().find(|medium| medium.name() == rest)?);
    } else if let Some(rest) = field.strip_prefix("x:") {
        let (cause, ratio) = rest.rsplit_once(':')?;
        let cause = Uplift::ALL.into_iter().find(|it| it.name() == cause)?;
        price.uplifts.push((cause, Ratio::parse(ratio)?));
    } else if let Some(rest) = field.strip_prefix("b:") {
        let (above, rates) = rest.split_once(':')?;
        price.bands.push(PromptBand { above: above.parse().ok()?, rates: read_rates(rates)? });
    } else if let Some(rest) = field.strip_prefix("p:") {
        price.off_peak = Some(OffPeak { rates: read_rates(rest)?, windows: Vec::new(), weekday_zone: None });
    } else if let Some(rest) = field.strip_prefix("p+") {
        let (weekdays, minutes) = rest.split_once(':')?;
        let read = |span: &str| {
            let (start, end) = span.split_once('-')?;
            Some((start.parse().ok()?, end.parse().ok()?))
        };
        let minutes = minutes.split(',').map(read).collect::<Option<Vec<_>>>()?;
        price.off_peak.as_mut()?.windows.push(OffPeakWindow { weekdays: weekdays.parse().ok()?, minutes });
    } else if let Some(rest) = field.strip_prefix("z:") {
        price.off_peak.as_mut()?.weekday_zone = Some(rest.parse().ok()?);
    } else {
        let (key, rate) = field.split_once('=')?;
        let (key, tier) = key.split_once('/').unwrap_or((key, ""));
        let (letter, above) = key.split_once('@').unwrap_or((key, "0"));
        let kind = Kind::ALL.into_iter().find(|kind| kind.letter() == letter)?;
        let rate = Rate::parse_per_million(rate)?;
        price.rates.push(TableRate { kind, above: above.parse().ok()?, tier: tier.to_owned(), rate });
    }
    Some(())
}

fn write_rates(rates: &Rates) -> String {
    let stated = Kind::ALL
        .into_iter()
        .filter_map(|kind| rates[kind as usize].map(|rate| format!("{}{}", kind.letter(), rate.per_million())));
    stated.collect::<Vec<_>>().join(",")
}

fn read_rates(text: &str) -> Option<Rates> {
    let mut rates = Rates::default();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let kind = Kind::ALL.into_iter().find(|kind| part.starts_with(kind.letter()))?;
        rates[kind as usize] = Some(Rate::parse_per_million(&part[1..])?);
    }
    Some(rates)
}
