//! `[prices]`: its table enters, a checked [`PriceConfig`] leaves. No price file is opened here.

use std::path::Path;

use super::document::{Table, Value};
use super::error::ConfigError;
use super::file::glob;
use super::{Discount, FlatPrice, MappedField, Origins, PriceConfig, PriceFile, Validity};
use crate::label::clean;
use crate::time::{Timestamp, Zone, parse_rfc3339};
use crate::usage::Medium;

/// Reads `[prices]`; dates are in `zone`, files beside the configuration in `folder`.
pub(super) fn read_prices(
    table: &Table,
    folder: &Path,
    zone: Zone,
    origins: &mut Origins,
) -> Result<PriceConfig, ConfigError> {
    let mut prices = PriceConfig::default();
    if let Some(files) = table.get("files") {
        origins.set("prices.files", files.origin());
        for file in files.list("a list such as [\"prices.json\"]")? {
            prices.files.push(read_file(&file, folder, zone)?);
        }
    }
    if let Some(models) = table.get("model") {
        for model in models.table("[prices.model.\"NAME\"]")?.each() {
            if let Some(other) = prices.models.keys().find(|other| other.eq_ignore_ascii_case(&model.key)) {
                let (name, other) = (clean(&model.key), clean(other));
                return Err(
                    model.refuse(format!("'{name}' and '{other}' are one model, as case does not matter: join them"))
                );
            }
            origins.set(format!("prices.model.{}", model.key), model.origin());
            prices.models.insert(model.key.clone(), read_model(&model, zone)?);
        }
    }
    if let Some(aliases) = table.get("alias") {
        for alias in aliases.table("[prices.alias]")?.each() {
            let model = alias.text("a model's name in quotes")?;
            if model == alias.key {
                return Err(alias.refuse(format!("'{model}' is an alias of itself: name another model")));
            }
            origins.set(format!("prices.alias.{}", alias.key), alias.origin());
            prices.aliases.insert(alias.key.clone(), model.to_owned());
        }
    }
    if let Some(discounts) = table.get("discount") {
        for discount in discounts.tables("prices.discount")? {
            origins.set(format!("prices.discount.{}", prices.discounts.len()), discount.origin());
            prices.discounts.push(read_discount(&discount, zone)?);
        }
    }
    table.finish()?;
    Ok(prices)
}

/// A name, or `{ path = "old.json", until = 2026-01-01 }`.
fn read_file(file: &Value, folder: &Path, zone: Zone) -> Result<PriceFile, ConfigError> {
    if !file.is_table() {
        return Ok(folder.join(file.text("a file name")?).into());
    }
    let table = file.table("[prices] files")?;
    let path = table.need("path", "path = \"prices.json\"")?.text("a file name")?;
    let file = PriceFile { path: folder.join(path), valid: validity(&table, zone)? };
    table.finish()?;
    Ok(file)
}

/// `[prices.model."NAME"]`, or several `[[prices.model."NAME"]]` that hold one after another, the oldest first.
/// What has no end holds until the next begins.
fn read_model(model: &Value, zone: Zone) -> Result<Vec<FlatPrice>, ConfigError> {
    let name = format!("[prices.model.\"{}\"]", clean(&model.key));
    let mut periods = Vec::new();
    for table in model.one_or_more(&name)? {
        let rate = |value: Value| value.scaled(6);
        let price = FlatPrice {
            valid: validity(&table, zone)?,
            input: rate(table.need("input", "input = 0.20, dollars per million tokens")?)?,
            output: rate(table.need("output", "output = 0.60, dollars per million tokens")?)?,
            cache_read: table.get("cache_read").map(rate).transpose()?,
            cache_write: table.get("cache_write").map(rate).transpose()?,
            cache_write_1h: table.get("cache_write_1h").map(rate).transpose()?,
            media: {
                let mut media = [[None; 3]; Medium::COUNT];
                for (medium, rates) in Medium::ALL.into_iter().zip(&mut media) {
                    for (word, stated) in MappedField::of(medium).map(MappedField::name).into_iter().zip(rates) {
                        *stated = table.get(word).map(rate).transpose()?;
                    }
                }
                media
            },
        };
        table.finish()?;
        periods.push((price, table));
    }
    if periods.is_empty() {
        return Err(model.refuse(format!("{name} is an empty list: write input and output, or leave it out")));
    }
    periods.sort_by_key(|(price, _)| price.valid.from);
    for at in 1..periods.len() {
        let next = periods[at].0.valid.from;
        let (earlier, table) = (periods[at - 1].0.valid, &periods[at].1);
        if next == earlier.from {
            let from = next.map_or_else(|| "without 'from'".to_owned(), |from| format!("from {from}"));
            return Err(table.refuse(format!(
                "two prices {from} for '{}': give each a 'from' of its own, such as from = 2026-01-01",
                clean(&model.key)
            )));
        }
        if let (Some(until), Some(next)) = (earlier.until, next)
            && until > next
        {
            return Err(table.refuse(format!(
                "two prices at once for '{}': this one holds from {next}, the one before it until {until}; leave that \
                 'until' out and it ends where the next begins",
                clean(&model.key)
            )));
        }
        periods[at - 1].0.valid.until = earlier.until.or(next);
    }
    Ok(periods.into_iter().map(|(price, _)| price).collect())
}

fn read_discount(table: &Table, zone: Zone) -> Result<Discount, ConfigError> {
    let percent = table.need("percent", "percent = 8")?;
    let percent_millionths = percent.scaled(6)?;
    if percent_millionths == 0 || percent_millionths > 100_000_000 {
        return Err(percent.refuse("'percent' outside 0 to 100: write a number such as 8"));
    }
    let valid = validity(table, zone)?;
    let provider = table.get("provider").map(|value| value.text("a provider's name").map(str::to_owned)).transpose()?;
    let model = table.get("model").map(|value| glob(&value).map(str::to_owned)).transpose()?;
    table.finish()?;
    Ok(Discount { provider, model, percent_millionths, valid })
}

/// `from` and `until`.
fn validity(table: &Table, zone: Zone) -> Result<Validity, ConfigError> {
    let instant = |key| -> Result<Option<Timestamp>, ConfigError> {
        let Some(value) = table.get(key) else { return Ok(None) };
        let text = value.moment()?;
        let time = parse_rfc3339(text.as_bytes(), zone)
            .ok_or_else(|| value.refuse(format!("'{key}' is '{}', no date: write it as 2026-01-01", clean(&text))))?;
        Ok(Some(time))
    };
    let valid = Validity { from: instant("from")?, until: instant("until")? };
    if let (Some(from), Some(until)) = (valid.from, valid.until)
        && until <= from
    {
        return Err(table.refuse("'until' is not after 'from': it would never hold"));
    }
    Ok(valid)
}
