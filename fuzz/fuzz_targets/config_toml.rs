//! Arbitrary text as a configuration: refused with a harmless sentence, or printed so that it reads back as the same.
//!
//! `cargo fuzz run config_toml fuzz/corpus/config_toml`; seeds are the files of `tests/configs`.
#![no_main]

use std::path::Path;

use costtop::config::{Loaded, Overrides};
use costtop::label::harmless;

fn read(text: &str) -> Result<Loaded, String> {
    let flags = Overrides { timezone: Some("UTC".to_owned()), ..Overrides::default() };
    Loaded::from_layers(Some((Path::new("/etc/costtop/config.toml"), text)), &flags, &|_| None)
        .map_err(|error| error.to_string())
}

/// A process reads one configuration and has room for the names of its labels. This one reads millions, of the same few.
fn has_other_labels(text: &str) -> bool {
    // What is broken behind its labels is refused after their names were met.
    let Ok(table) = toml::from_str::<toml::Table>(text) else { return text.contains("labels") };
    let Some(labels) = table.get("labels").and_then(toml::Value::as_table) else { return false };
    labels.keys().any(|name| !["cost_center", "variant", "tag", "customer", "region"].contains(&name.as_str()))
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    if has_other_labels(text) {
        return;
    }
    match read(text) {
        Ok(loaded) => {
            let printed = loaded.print_effective();
            assert_eq!(harmless(&printed), printed);
            let again = read(&printed).unwrap_or_else(|error| panic!("{error} in\n{printed}"));
            assert_eq!(again.config, loaded.config, "{printed}");
        }
        Err(error) => assert!(!error.is_empty() && error.starts_with("/etc/costtop/config.toml"), "{error}"),
    }
});
