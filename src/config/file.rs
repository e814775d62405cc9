//! The keys of the file: a parsed table enters, checked parts of a [`Config`] leave.

use std::path::Path;

use super::budget::read_budgets;
use super::document::{Table, Value};
use super::error::{ConfigError, any_of, remedy};
use super::labels::read_labels;
use super::mapping::{PRESETS, read_mappings};
use super::price::read_prices;
use super::server::read_server;
use super::state::read_state;
use super::{Config, GraphChoice, HookConfig, MappingConfig, Origins, Severity, SourceConfig};
use crate::label::Label;
use crate::usage::{Dimension, Format, MappingName, UserField};

/// How a `listen` may begin.
pub(super) const LISTEN: [&str; 7] = ["unix:", "unixgram:", "tcp://", "tls://", "udp://", "http://", "https://"];

/// Reads all that the file decides into `config`. `config.zone` is decided already: dates are read in it.
pub(super) fn read(root: &Table, folder: &Path, config: &mut Config, origins: &mut Origins) -> Result<(), ConfigError> {
    // Read before, as dates depend on it; asked for here so that it is known.
    root.get("timezone");
    if let Some(theme) = root.get("theme") {
        theme.text("a name such as \"midnight\"")?.clone_into(&mut config.theme);
        origins.set("theme", theme.origin());
    }
    if let Some(graph) = root.get("graph") {
        let name = graph.text("\"auto\", \"braille\", \"block\" or \"ascii\"")?;
        config.graph = GraphChoice::ALL.into_iter().find(|choice| choice.name() == name).ok_or_else(|| {
            let known = GraphChoice::ALL.map(GraphChoice::name);
            graph.refuse(format!("unknown signs '{}' for 'graph': use {}", crate::label::clean(name), any_of(&known)))
        })?;
        origins.set("graph", graph.origin());
    }
    if let Some(mouse) = root.get("mouse") {
        config.mouse = mouse.truth()?;
        origins.set("mouse", mouse.origin());
    }
    if let Some(user) = root.get("user") {
        config.user = read_user(&user)?;
        origins.set("user", user.origin());
    }
    if let Some(labels) = root.get("labels") {
        config.labels = read_labels(&labels.table("[labels]")?, origins)?;
    }
    if let Some(mappings) = root.get("mapping") {
        config.mappings =
            read_mappings(&mappings, &mut |at, table| origins.set(format!("mapping.{at}"), table.origin()))?;
    }
    if let Some(sources) = root.get("source") {
        for table in sources.tables("source")? {
            origins.set(format!("source.{}", config.sources.len()), table.origin());
            let source = read_source(&table, config)?;
            config.sources.push(source);
        }
    }
    if let Some(prices) = root.get("prices") {
        config.prices = read_prices(&prices.table("[prices]")?, folder, config.zone, origins)?;
    }
    if let Some(budgets) = root.get("budget") {
        config.budgets = read_budgets(&budgets.tables("budget")?, &config.dimensions(), origins)?;
    }
    if let Some(alarm) = root.get("alarm") {
        read_alarm(&alarm.table("[alarm]")?, config, origins)?;
    }
    if let Some(server) = root.get("server") {
        config.server = read_server(&server.table("[server]")?, folder, origins)?;
    }
    if let Some(state) = root.get("state") {
        read_state(&state.table("[state]")?, config, origins)?;
    }
    if let Some(hooks) = root.get("hook") {
        for table in hooks.tables("hook")? {
            origins.set(format!("hook.{}", config.hooks.len()), table.origin());
            config.hooks.push(read_hook(&table)?);
        }
    }
    root.finish()
}

fn read_user(value: &Value) -> Result<Vec<UserField>, ConfigError> {
    let mut fields = Vec::new();
    for item in value.list("[\"end_user\", \"user\", \"key_alias\"]")? {
        let field = user_field(item.text("\"user\"")?).map_err(|what| item.refuse(what))?;
        if fields.contains(&field) {
            return Err(item.refuse(format!("'{}' twice in 'user': leave one out", field.name())));
        }
        fields.push(field);
    }
    if fields.is_empty() {
        return Err(value.refuse("'user' names nothing: write [\"end_user\", \"user\", \"key_alias\"]"));
    }
    Ok(fields)
}

pub(super) fn user_field(name: &str) -> Result<UserField, String> {
    let known = UserField::ALL.map(UserField::name);
    UserField::ALL
        .into_iter()
        .find(|field| field.name() == name)
        .ok_or_else(|| format!("unknown user name '{}': {}", crate::label::clean(name), remedy(name, &known)))
}

fn read_source(table: &Table, config: &Config) -> Result<SourceConfig, ConfigError> {
    let (path, listen, labels) = (table.get("path"), table.get("listen"), table.get("labels"));
    let (format, billing) = (table.get("format"), table.get("billing"));
    table.finish()?;
    let spec = match (path, listen) {
        (Some(_), Some(listen)) => {
            return Err(listen.refuse("'path' and 'listen' in one [[source]]: write two [[source]]"));
        }
        (None, None) => return Err(table.refuse("[[source]] without 'path' or 'listen': write path = \"FILE\"")),
        (Some(path), None) => {
            let text = path.text("a file, folder or glob")?;
            if LISTEN.iter().any(|scheme| text.starts_with(scheme)) {
                return Err(path.refuse(format!("'path' is an address: write listen = \"{text}\"")));
            }
            text
        }
        (None, Some(listen)) => {
            let text = listen.text("\"unix:PATH\" or \"http://HOST:PORT\"")?;
            if !LISTEN.iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty())) {
                return Err(listen.refuse(format!(
                    "'listen' is '{text}', no address: use unix:PATH, http://HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT or unixgram:PATH"
                )));
            }
            text
        }
    };
    let format = format.as_ref().map(|format| named_format(format, config)).transpose()?;
    let subscription = billing.map_or(Ok(false), |value| is_subscription(&value))?;
    let mut source = SourceConfig { format, subscription, ..SourceConfig::new(spec) };
    if let Some(labels) = labels {
        let own = config.labels.iter().map(|label| Dimension::Own(label.label));
        let known: Vec<Dimension> = Dimension::CHOSEN_ALWAYS.iter().copied().chain(own).collect();
        for value in labels.table("labels = { team = \"search\" }")?.each() {
            let dimension = named_dimension(&value, &known)?;
            source.labels.push((dimension, Label::new(value.text("a text in quotes")?)));
        }
    }
    source.labels.sort();
    Ok(source)
}

/// `billing = "usage"` is what holds when nothing is said.
fn is_subscription(value: &Value) -> Result<bool, ConfigError> {
    match value.text("\"subscription\"")? {
        "subscription" => Ok(true),
        "usage" => Ok(false),
        other => {
            let other = crate::label::clean(other);
            Err(value.refuse(format!("unknown billing '{other}': use \"usage\" or \"subscription\"")))
        }
    }
}

/// A format with a reader of its own, or a mapping, one of the file or one built in.
fn named_format(value: &Value, config: &Config) -> Result<Format, ConfigError> {
    let name = value.text("a format's name, such as \"litellm\"")?;
    let presets: &[MappingConfig] = &PRESETS;
    let mappings: Vec<&str> = config.mappings.iter().chain(presets).map(|mapping| mapping.name.as_str()).collect();
    if let Some(format) = Format::named(name) {
        return Ok(format);
    }
    if mappings.contains(&name) {
        return Ok(Format::Mapped(MappingName::new(name)));
    }
    let name = crate::label::clean(name);
    let mut known: Vec<&str> = mappings;
    known.extend(Format::ALL.map(Format::name));
    Err(value.refuse(format!("unknown format '{name}': {}", remedy(&name, &known))))
}

/// The dimension a key names, one of `known`.
pub(super) fn named_dimension(value: &Value, known: &[Dimension]) -> Result<Dimension, ConfigError> {
    known.iter().copied().find(|dimension| dimension.name() == value.key).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|dimension| dimension.name()).collect();
        let key = crate::label::clean(&value.key);
        value.refuse(format!("unknown dimension '{key}': {}", remedy(&key, &names)))
    })
}

/// A glob that compiles.
pub(super) fn glob<'d>(value: &Value<'d, '_>) -> Result<&'d str, ConfigError> {
    let text = value.text("a glob such as \"ci-*\"")?;
    globset::Glob::new(text).map_err(|error| {
        value.refuse(format!("'{text}' is no glob: {}; write \\ before a sign meant as itself", error.kind()))
    })?;
    Ok(text)
}

fn read_alarm(table: &Table, config: &mut Config, origins: &mut Origins) -> Result<(), ConfigError> {
    if let Some(bell) = table.get("bell") {
        config.alarm.bell = bell.truth()?;
        origins.set("alarm.bell", bell.origin());
    }
    if let Some(repeat) = table.get("repeat") {
        config.alarm.repeat = duration(&repeat, 10, 86_400)?;
        origins.set("alarm.repeat", repeat.origin());
    }
    if let Some(hours) = table.get("quiet_hours") {
        let text = hours.text("\"22:00-07:00\"")?;
        let span = text.split_once('-').and_then(|(from, to)| Some((clock(from)?, clock(to)?)));
        match span {
            Some((from, to)) if from != to => config.alarm.quiet_hours = Some((from, to)),
            Some(_) => {
                return Err(hours.refuse("'quiet_hours' begin when they end: leave them out, or write bell = false"));
            }
            None => {
                let text = crate::label::clean(text);
                return Err(hours.refuse(format!("'quiet_hours' is '{text}': write it as \"22:00-07:00\"")));
            }
        }
        origins.set("alarm.quiet_hours", hours.origin());
    }
    if let Some(detectors) = table.get("detectors") {
        let detectors = detectors.table("[alarm.detectors]")?;
        for (name, on) in config.alarm.detectors.each_mut() {
            if let Some(value) = detectors.get(name) {
                *on = value.truth()?;
                origins.set(format!("alarm.detectors.{name}"), value.origin());
            }
        }
        detectors.finish()?;
    }
    table.finish()
}

/// Minutes since midnight of `07:30`.
fn clock(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two =
        |text: &str| (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?;
    let (hour, minute): (u16, u16) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn read_hook(table: &Table) -> Result<HookConfig, ConfigError> {
    const SEVERITIES: [Severity; 4] = [Severity::Info, Severity::Warn, Severity::Page, Severity::Critical];
    let names = SEVERITIES.map(Severity::name);
    let on = table.need("on", "on = [\"page\", \"critical\"]")?;
    let mut severities = Vec::new();
    for item in on.list("a list such as [\"page\", \"critical\"]")? {
        let name = item.text("\"page\"")?;
        let severity = SEVERITIES.into_iter().find(|severity| severity.name() == name).ok_or_else(|| {
            item.refuse(format!("unknown severity '{}': use {}", crate::label::clean(name), any_of(&names)))
        })?;
        severities.push(severity);
    }
    if severities.is_empty() {
        return Err(on.refuse("'on' names no severity, the hook would never run: write [\"page\", \"critical\"]"));
    }
    severities.sort_unstable();
    severities.dedup();
    let example = "command = [\"/usr/local/bin/page-me\"]";
    let value = table.need("command", example)?;
    let items = value.list("a list: the program, then each argument; there is no shell")?;
    let mut command = Vec::new();
    for item in &items {
        command.push(item.text("each argument as a text in quotes")?.to_owned());
    }
    match command.first() {
        None => return Err(value.refuse(format!("'command' is empty: write {example}"))),
        Some(program) if !Path::new(program).is_absolute() => {
            let program = crate::label::clean(program);
            return Err(value
                .refuse(format!("'command' starts '{program}': write the program's absolute path, starting with /")));
        }
        Some(_) => {}
    }
    if command.iter().any(|argument| argument.contains('\0')) {
        return Err(value.refuse("'command' holds a NUL character, which no program can be given: leave it out"));
    }
    let timeout = match table.get("timeout") {
        Some(timeout) => duration(&timeout, 1, 600)?,
        None => HookConfig::TIMEOUT,
    };
    let per_hour = match table.get("per_hour") {
        Some(value) => {
            let number = u32::try_from(value.scaled(0)?).ok().filter(|number| (1..=3600).contains(number));
            number.ok_or_else(|| value.refuse("'per_hour' is not between 1 and 3600: write per_hour = 60"))?
        }
        None => HookConfig::PER_HOUR,
    };
    table.finish()?;
    Ok(HookConfig { on: severities, command, timeout, per_hour })
}

/// `90s`, `5m`, `1h`, between `least` and `most` seconds.
fn duration(value: &Value, least: u64, most: u64) -> Result<std::time::Duration, ConfigError> {
    let text = value.text("a time such as \"60s\"")?;
    let seconds = [("s", 1), ("m", 60), ("h", 3600)].into_iter().find_map(|(unit, seconds)| {
        let digits = text.strip_suffix(unit)?;
        let number: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        number.checked_mul(seconds)
    });
    match seconds {
        Some(seconds) if (least..=most).contains(&seconds) => Ok(std::time::Duration::from_secs(seconds)),
        Some(_) => Err(value.refuse(format!("'{}' is {text}: write {least}s to {most}s", value.key))),
        None => {
            let text = crate::label::clean(text);
            Err(value.refuse(format!(
                "'{}' is '{text}', no time: write a number with s, m or h, such as \"60s\"",
                value.key
            )))
        }
    }
}
