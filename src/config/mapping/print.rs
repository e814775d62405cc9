//! A mapping as text: what is printed reads back as the same mapping.

use super::{CostUnit, MappingConfig, SPEAKERS, Test, TimeFormat, TimeUnit};
use crate::config::path::{KeyPath, spell_path};
use crate::config::print::quoted;
use crate::usage::Origin;

impl MappingConfig {
    /// Its keys and values as they are written in a file, one line each.
    pub(in crate::config) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("name", quoted(&self.name))];
        if !self.has.is_empty() {
            lines.push(("has", paths(&self.has)));
        }
        for (key, tests) in
            [("when", &self.when), ("unless", &self.unless), ("failed", &self.failed), ("cache_hit", &self.cache_hit)]
        {
            if !tests.is_empty() {
                lines.push((key, spelled(tests)));
            }
        }
        if self.origin != Origin::Gateway {
            let word = SPEAKERS.iter().find(|(_, origin)| *origin == self.origin).map_or("gateway", |(word, _)| word);
            lines.push(("speaks_as", quoted(word)));
        }
        lines.extend(self.fields.iter().map(|(field, places)| (field.name(), paths(places))));
        match &self.time_format {
            TimeFormat::Auto => {}
            TimeFormat::Since1970(unit) => lines.push(("time_format", quoted(unit.name()))),
            TimeFormat::Pattern(pattern) => lines.push(("time_format", quoted(pattern))),
        }
        if self.cost_unit != CostUnit::Usd {
            lines.push(("cost_unit", quoted(self.cost_unit.name())));
        }
        if self.latency_unit != TimeUnit::Milliseconds {
            lines.push(("latency_unit", quoted(self.latency_unit.name())));
        }
        lines.push(("input_includes_cache", self.input_includes_cache.to_string()));
        lines.push(("output_includes_reasoning", self.output_includes_reasoning.to_string()));
        lines.push(("counts_include_media", self.counts_include_media.to_string()));
        if self.unverified {
            lines.push(("unverified", "true".to_owned()));
        }
        lines
    }
}

fn paths(paths: &[KeyPath]) -> String {
    let spelled: Vec<String> = paths.iter().map(|path| quoted(&spell_path(path))).collect();
    match &spelled[..] {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn spelled(tests: &[Test]) -> String {
    let spelled = tests.iter().map(|test| {
        let texts: Vec<String> = test.any_of.iter().map(|text| quoted(text)).collect();
        let texts = match &texts[..] {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        format!("{} = {texts}", quoted(&spell_path(&test.path)))
    });
    format!("{{ {} }}", spelled.collect::<Vec<_>>().join(", "))
}
