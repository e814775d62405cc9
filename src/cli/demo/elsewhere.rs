//! Logs of other producers as samples: invocation logs of Bedrock, gateways read by built-in mappings, a log of an operator's own with the
//! mapping that reads it, and telemetry as a collector writes it. They enter the binary as they are and leave as they are.

use std::fs;
use std::io;
use std::path::Path;

/// Where each lies below the folder of samples, and what is in it.
const FILES: [(&str, &str); 5] = [
    ("invocations.jsonl", include_str!("elsewhere/invocations.jsonl")),
    ("gateways.jsonl", include_str!("elsewhere/gateways.jsonl")),
    ("telemetry-events.jsonl", include_str!("elsewhere/telemetry-events.jsonl")),
    ("own-format/requests.jsonl", include_str!("elsewhere/requests.jsonl")),
    ("own-format/costtop.toml", include_str!("elsewhere/costtop.toml")),
];

/// Writes the files into `folder`.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder.join("own-format"))?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}
