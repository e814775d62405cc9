//! Mappings as the slow reader sees them: the words of a configuration over a parsed record.

use costtop::config::{KeyPath, MappedField, MappingConfig, Test, TimeFormat};
use costtop::format::Skip;
use costtop::money::Cost;
use costtop::usage::{Rejection, Tokens};
use serde_json::Value;

use super::{Expected, Text, decimal, media, number, set_time, tokens};

/// What stands at the end of a path; an array counts as its first text that is not empty.
fn at<'v>(record: &'v Value, path: &KeyPath) -> Option<&'v Value> {
    let value = path.iter().try_fold(record, |value, key| value.as_object()?.get(key))?;
    let first = |items: &'v Vec<Value>| items.iter().find(|item| item.as_str().is_some_and(|text| !text.is_empty()));
    match value {
        Value::Array(items) => Some(first(items).unwrap_or(value)),
        Value::Null => None,
        value => Some(value),
    }
}

fn plain(value: &Value) -> Text {
    match value {
        Value::Bool(truth) => Text::Is(truth.to_string()),
        other => super::text(other),
    }
}

fn holds(record: &Value, test: &Test) -> bool {
    let text = at(record, &test.path).map_or(Text::None, plain);
    test.any_of.iter().any(|wanted| text.is(wanted))
}

/// Whether a mapping describes a record.
pub fn means(mapping: &MappingConfig, record: &Value) -> bool {
    mapping.has.iter().all(|path| at(record, path).is_some()) && mapping.when.iter().all(|test| holds(record, test))
}

/// What counts for a fact.
fn fact<'v>(mapping: &MappingConfig, record: &'v Value, field: MappedField) -> &'v Value {
    static NULL: Value = Value::Null;
    let mut found = mapping.places(field).iter().filter_map(|path| at(record, path));
    found.find(|value| !matches!(value.as_str(), Some("" | "-"))).unwrap_or(&NULL)
}

/// Whether one that is built in finds nothing of what was used, nor that it failed or is no usage: then the record is somebody else's.
pub fn is_silent(mapping: &MappingConfig, record: &Value) -> bool {
    use MappedField as Is;
    [Is::Input, Is::Output, Is::CacheRead, Is::CacheWrite, Is::CacheWrite5m, Is::CacheWrite1h, Is::Cost]
        .into_iter()
        .all(|field| fact(mapping, record, field).is_null())
        && !mapping.unless.iter().chain(&mapping.failed).any(|test| holds(record, test))
        && !(400.0..4_294_967_296.0).contains(&number(fact(mapping, record, Is::Status)))
}

/// What it says then.
pub fn read(mapping: &MappingConfig, record: &Value) -> Result<Expected, Skip> {
    use MappedField as Is;
    let value = |field: Is| fact(mapping, record, field);
    if mapping.unless.iter().any(|test| holds(record, test)) {
        return Err(Skip::NotUsage);
    }
    let parts = media::mapped(&value)?;
    let tokens = tokens_of(mapping, parts, &value)?;
    let media = media::of_mapped(parts, mapping.input_includes_cache, &tokens)?;
    let reported = match value(Is::Cost) {
        Value::Null => None,
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => return Err(Skip::Rejected(Rejection::Number)),
    };
    let number_class = |_| Skip::Rejected(Rejection::Number);
    let reported = reported
        .map(|text| Cost::parse_parts(text.as_bytes(), mapping.cost_unit.places()))
        .transpose()
        .map_err(number_class)?;
    let failed = mapping.failed.iter().any(|test| holds(record, test));
    let stated = number(value(Is::Status)).trunc();
    let stated = if (0.0..65536.0).contains(&stated) { stated } else { 0.0 };
    let status = if failed && stated < 400.0 { 500.0 } else { stated };
    let states = [Is::Input, Is::Output, Is::CacheRead, Is::CacheWrite, Is::CacheWrite5m, Is::CacheWrite1h]
        .into_iter()
        .any(|field| !value(field).is_null());
    if reported.is_none() && !states && status < 400.0 {
        return Err(Skip::NotUsage);
    }
    let text = |field: Is| plain(value(field));
    if text(Is::Model) == Text::None && reported.is_none() {
        return Err(if tokens.is_empty() { Skip::NotUsage } else { Skip::Rejected(Rejection::Model) });
    }
    let latency = number(value(Is::Latency)) * 1000.0 / 10f64.powi(i32::from(mapping.latency_unit.places()));
    let mut expected = Expected {
        origin: mapping.origin,
        is_final: true,
        cache_hit: mapping.cache_hit.iter().any(|test| holds(record, test)),
        tokens,
        media,
        reported,
        numbers: [status, latency, number(value(Is::MaxTokens)), number(value(Is::Revision))],
        ..Expected::default()
    };
    match &mapping.time_format {
        TimeFormat::Auto => set_time(&mut expected, value(Is::Time)),
        TimeFormat::Since1970(unit) => {
            let seconds = decimal(value(Is::Time)).map(|count| count / 10f64.powi(i32::from(unit.places())));
            // As the comparison takes it: a count of seconds below 10^11.
            expected.time = seconds.filter(|seconds| *seconds > 0.0);
            expected.any |= seconds.is_some_and(|seconds| seconds >= 1e11);
        }
        TimeFormat::Pattern(_) => expected.any = true,
    }
    for (name, field) in [
        ("model", Is::Model),
        ("provider", Is::Provider),
        ("user", Is::User),
        ("end_user", Is::EndUser),
        ("email", Is::UserEmail),
        ("key_alias", Is::Key),
        ("key_hash", Is::KeyHash),
        ("team", Is::Team),
        ("project", Is::Project),
        ("feature", Is::Feature),
        ("agent", Is::Agent),
        ("host", Is::Host),
        ("session", Is::Session),
        ("response", Is::ResponseId),
        ("request", Is::RequestId),
        ("call", Is::CallId),
        ("stop_reason", Is::StopReason),
        ("tier", Is::Tier),
        ("region", Is::Region),
        ("retry_of", Is::RetryOf),
    ] {
        expected.texts.insert(name, text(field));
    }
    Ok(expected)
}

fn tokens_of<'v>(
    mapping: &MappingConfig,
    parts: [[u32; 3]; 3],
    value: &dyn Fn(MappedField) -> &'v Value,
) -> Result<Tokens, Skip> {
    use MappedField as Is;
    let apart = if mapping.counts_include_media { [[0; 3]; 3] } else { parts };
    let with = |field: Is, parts: [u32; 3]| -> Result<u32, Skip> {
        let sum = parts.iter().map(|part| u64::from(*part)).sum::<u64>() + u64::from(tokens(value(field))?);
        u32::try_from(sum).map_err(|_| Skip::Rejected(Rejection::Number))
    };
    let (read, hour) = (with(Is::CacheRead, apart[1])?, tokens(value(Is::CacheWrite1h))?);
    let five = if value(Is::CacheWrite).is_null() {
        tokens(value(Is::CacheWrite5m))?
    } else {
        tokens(value(Is::CacheWrite))?.saturating_sub(hour)
    };
    let (stated, reasoning) = (with(Is::Output, apart[2])?, tokens(value(Is::Reasoning))?);
    let more = if mapping.output_includes_reasoning { 0 } else { reasoning };
    let output = stated.checked_add(more).ok_or(Skip::Rejected(Rejection::Number))?;
    let input = with(Is::Input, apart[0])?;
    let inside = if mapping.input_includes_cache { u64::from(read) + u64::from(five) + u64::from(hour) } else { 0 };
    Ok(Tokens {
        input: u32::try_from(u64::from(input).saturating_sub(inside)).unwrap_or(0),
        cache_read: read,
        cache_write_5m: five,
        cache_write_1h: hour,
        output,
        reasoning: reasoning.min(output),
        web_searches: tokens(value(Is::WebSearches))?,
    })
}
