//! Arbitrary text as a theme of the operator's own: refused with a reason, or drawn with.
//!
//! `cargo fuzz run theme fuzz/corpus/theme`; seeds are the files of `themes`.
#![no_main]

use std::sync::OnceLock;

use costtop::ui::graph::Graph;
use costtop::ui::theme::{Depth, Role, Themes};

libfuzzer_sys::fuzz_target!(|text: &str| {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path();
    std::fs::write(folder.join("own.toml"), text).expect("a temporary file");
    for depth in [Depth::TrueColor, Depth::None] {
        match Themes::load(Some(folder), "own", (depth, Graph::Braille), |_| None) {
            Ok(mut themes) => {
                std::hint::black_box(themes.shown().style(Role::Text));
                themes.next();
            }
            Err(refusal) => assert!(format!("{refusal:?}").contains("own"), "{refusal:?}"),
        }
    }
});
