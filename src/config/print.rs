//! A configuration as text: what holds, with where each value came from. What is printed reads back as the same configuration.

use super::budget::spell;
use super::number::decimal;
use super::path::spell_path;
use super::{Config, Each, Loaded, MappedField, PriceFile, ServerConfig, Validity};
use crate::label::{clean, harmless};
use crate::money::Cost;
use crate::time::Timestamp;
use crate::usage::{Dimension, Medium};

/// A commented file to start from: `costtop config init`.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Lines of TOML, each perhaps with a comment that names its origin.
struct Lines<'a> {
    loaded: &'a Loaded,
    text: String,
}

impl Lines<'_> {
    fn table(&mut self, header: &str, origin: Option<&str>) {
        let comment = origin.map(|path| self.loaded.origins.get(path).to_string());
        // A name with a newline in it must not begin a line of its own.
        let comment =
            comment.map(|text| format!("  # {}", harmless(&text).replace('\n', "\u{fffd}"))).unwrap_or_default();
        self.text.extend(["\n", header, &comment, "\n"]);
    }

    fn value(&mut self, key: &str, value: &str, origin: &str) {
        let origin = harmless(&self.loaded.origins.get(origin).to_string()).replace('\n', "\u{fffd}");
        self.text.extend([key, " = ", value, "  # ", &origin, "\n"]);
    }

    fn plain(&mut self, key: &str, value: &str) {
        self.text.extend([key, " = ", value, "\n"]);
    }
}

impl Loaded {
    /// The whole configuration as TOML, with a comment of where each value came from: `costtop config print`.
    #[must_use]
    pub fn print_effective(&self) -> String {
        let config = &self.config;
        let mut lines = Lines { loaded: self, text: String::new() };
        lines.value("timezone", &quoted(config.zone.name()), "timezone");
        lines.value("user", &list(config.user.iter().map(|field| field.name())), "user");
        lines.value("theme", &quoted(&config.theme), "theme");
        lines.value("graph", &quoted(config.graph.name()), "graph");
        lines.value("mouse", if config.mouse { "true" } else { "false" }, "mouse");
        if !config.labels.is_empty() {
            lines.table("[labels]", None);
            for label in config.labels.iter() {
                let paths: Vec<_> = label.paths.iter().map(|path| spell_path(path)).collect();
                let name = label.label.name();
                lines.value(name, &list(paths.iter().map(String::as_str)), &format!("labels.{name}"));
            }
        }
        for (at, mapping) in config.mappings.iter().enumerate() {
            lines.table("[[mapping]]", Some(&format!("mapping.{at}")));
            for (key, value) in mapping.lines() {
                lines.plain(key, &value);
            }
        }
        for (at, source) in config.sources.iter().enumerate() {
            lines.table("[[source]]", Some(&format!("source.{at}")));
            let listens = super::file::LISTEN.iter().any(|scheme| source.spec.starts_with(scheme));
            lines.plain(if listens { "listen" } else { "path" }, &quoted(&source.spec));
            if let Some(format) = source.format {
                lines.plain("format", &quoted(format.name()));
            }
            if source.subscription {
                lines.plain("billing", "\"subscription\"");
            }
            if !source.labels.is_empty() {
                let labels: Vec<_> =
                    source.labels.iter().map(|(dimension, label)| (*dimension, label.to_string())).collect();
                lines.plain("labels", &spell(&labels));
            }
        }
        print_prices(config, &mut lines);
        print_budgets(config, &mut lines);
        lines.table("[alarm]", None);
        lines.value("bell", if config.alarm.bell { "true" } else { "false" }, "alarm.bell");
        lines.value("repeat", &format!("\"{}s\"", config.alarm.repeat.as_secs()), "alarm.repeat");
        if let Some((from, to)) = config.alarm.quiet_hours {
            let hours = format!("\"{:02}:{:02}-{:02}:{:02}\"", from / 60, from % 60, to / 60, to % 60);
            lines.value("quiet_hours", &hours, "alarm.quiet_hours");
        }
        lines.table("[alarm.detectors]", None);
        for (name, on) in config.alarm.detectors.each() {
            lines.value(name, if on { "true" } else { "false" }, &format!("alarm.detectors.{name}"));
        }
        print_server(config, &mut lines);
        lines.table("[state]", None);
        lines.value("horizon", &format!("\"{}d\"", config.state.horizon_days), "state.horizon");
        lines.value("max_size", &quoted(&super::state::spell(config.state.max_bytes)), "state.max_size");
        for (at, hook) in config.hooks.iter().enumerate() {
            lines.table("[[hook]]", Some(&format!("hook.{at}")));
            lines.plain("on", &list(hook.on.iter().map(|severity| severity.name())));
            lines.plain("command", &list(hook.command.iter().map(String::as_str)));
            lines.plain("timeout", &format!("\"{}s\"", hook.timeout.as_secs()));
            lines.plain("per_hour", &hook.per_hour.to_string());
        }
        lines.text
    }
}

/// Names of files and variables; what is in them is not known here.
fn print_server(config: &Config, lines: &mut Lines) {
    let ServerConfig { token_file, token_env, certificate, key, client_ca } = &config.server;
    if config.server == ServerConfig::default() {
        return;
    }
    lines.table("[server]", None);
    if let Some(name) = token_env {
        lines.value("token_env", &quoted(name), "server.token_env");
    }
    let files = [("token_file", token_file), ("certificate", certificate), ("key", key), ("client_ca", client_ca)];
    for (name, path) in files {
        let Some(path) = path else { continue };
        lines.value(name, &quoted(&path.to_string_lossy()), &format!("server.{name}"));
    }
}

fn print_prices(config: &Config, lines: &mut Lines) {
    let prices = &config.prices;
    if !prices.files.is_empty() {
        lines.table("[prices]", None);
        let files: Vec<String> = prices.files.iter().map(file).collect();
        lines.value("files", &format!("[{}]", files.join(", ")), "prices.files");
    }
    for (name, periods) in &prices.models {
        for price in periods {
            let key = format!("prices.model.{}", quoted(name));
            let header = if periods.len() == 1 { format!("[{key}]") } else { format!("[[{key}]]") };
            lines.table(&header, Some(&format!("prices.model.{name}")));
            print_validity(price.valid, lines);
            let rates = [
                ("input", Some(price.input)),
                ("output", Some(price.output)),
                ("cache_read", price.cache_read),
                ("cache_write", price.cache_write),
                ("cache_write_1h", price.cache_write_1h),
            ];
            let media = Medium::ALL
                .into_iter()
                .zip(price.media)
                .flat_map(|(medium, rates)| MappedField::of(medium).map(MappedField::name).into_iter().zip(rates));
            for (key, rate) in rates.into_iter().chain(media) {
                let Some(rate) = rate else { continue };
                lines.plain(key, &number(rate, 6));
            }
        }
    }
    if !prices.aliases.is_empty() {
        lines.table("[prices.alias]", None);
        for (name, model) in &prices.aliases {
            lines.value(&quoted(name), &quoted(model), &format!("prices.alias.{name}"));
        }
    }
    for (at, discount) in prices.discounts.iter().enumerate() {
        lines.table("[[prices.discount]]", Some(&format!("prices.discount.{at}")));
        for (key, name) in [("provider", &discount.provider), ("model", &discount.model)] {
            let Some(name) = name else { continue };
            lines.plain(key, &quoted(name));
        }
        lines.plain("percent", &number(discount.percent_millionths, 6));
        print_validity(discount.valid, lines);
    }
}

/// A name, with a table around it where the file holds for a time only.
fn file(file: &PriceFile) -> String {
    let path = quoted(&file.path.to_string_lossy());
    let bounds: Vec<String> = bounds(file.valid).map(|(key, time)| format!("{key} = {time}")).collect();
    if bounds.is_empty() { path } else { format!("{{ path = {path}, {} }}", bounds.join(", ")) }
}

fn print_validity(valid: Validity, lines: &mut Lines) {
    for (key, time) in bounds(valid) {
        lines.plain(key, &time.to_string());
    }
}

fn bounds(valid: Validity) -> impl Iterator<Item = (&'static str, Timestamp)> {
    [("from", valid.from), ("until", valid.until)].into_iter().filter_map(|(key, time)| Some((key, time?)))
}

fn print_budgets(config: &Config, lines: &mut Lines) {
    for (at, budget) in config.budgets.iter().enumerate() {
        lines.table("[[budget]]", Some(&format!("budget.{at}")));
        lines.plain("name", &quoted(budget.name.as_str()));
        lines.plain("limit", &dollars(budget.limit));
        match budget.each {
            Each::All => {}
            Each::Dimension(dimension) => lines.plain("each", &quoted(dimension.name())),
            Each::Session => lines.plain("each", "\"session\""),
        }
        if let Some(per) = budget.per {
            lines.plain("per", &quoted(per.name()));
        }
        let parts: Vec<_> = budget.warn.iter().map(|part| decimal(u64::from(*part), 6, 1)).collect();
        lines.plain("warn", &format!("[{}]", parts.join(", ")));
        print_match(&budget.matches, lines);
        if budget.include_subscription {
            lines.plain("include_subscription", "true");
        }
        for (globs, limit) in &budget.overrides {
            lines.table("[[budget.override]]", None);
            print_match(globs, lines);
            lines.plain("limit", &dollars(*limit));
        }
    }
}

fn print_match(globs: &[(Dimension, String)], lines: &mut Lines) {
    if !globs.is_empty() {
        lines.plain("match", &spell(globs));
    }
}

/// Dollars to the last digit.
fn dollars(cost: Cost) -> String {
    number(cost.pico(), 12)
}

fn number(value: u64, places: usize) -> String {
    decimal(value, places, 2)
}

/// As TOML; what would move a cursor is spelled, so that it reads back as it was.
pub(super) fn quoted(text: &str) -> String {
    let plain = toml::Value::String(text.to_owned()).to_string();
    if harmless(&plain) == plain && !plain.contains('\n') {
        return plain;
    }
    let spelled = text.chars().map(|c| {
        let letter = c.to_string();
        match c {
            '"' | '\\' => format!("\\{c}"),
            _ if clean(&letter) == letter => letter,
            _ => format!("\\U{:08x}", u32::from(c)),
        }
    });
    format!("\"{}\"", spelled.collect::<String>())
}

fn list<'t>(items: impl Iterator<Item = &'t str>) -> String {
    let items: Vec<_> = items.map(quoted).collect();
    format!("[{}]", items.join(", "))
}
