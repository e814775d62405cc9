//! Which threads there are and what flows between them: sources → router → decoders → engine → writer and screen.
//!
//! Reports, filters and the dashboard run the same way; a one-shot command only ends when its sources do.

pub mod decode;
pub mod live;
mod memory;
pub mod once;
mod persist;
pub mod pipeline;
mod publish;
pub mod spill;

use std::sync::Arc;

use crate::config::{Config, SourceConfig};
use crate::engine::record::Surroundings;
use crate::label::Label;
use crate::price::PriceBook;
use crate::source::{SourceError, SourceSpec};

/// What every run needs to know about its sources.
pub struct Sources {
    /// Where bytes come from.
    pub specs: Vec<SourceSpec>,
    /// What is known of each source, in the same order.
    pub around: Arc<[Surroundings]>,
}

impl Sources {
    /// Reads the SOURCEs of a configuration, or of a command line turned into one.
    pub fn new(sources: &[SourceConfig], config: &Config) -> Result<Sources, SourceError> {
        let mut specs = Vec::with_capacity(sources.len());
        let mut around = Vec::with_capacity(sources.len());
        for (id, source) in sources.iter().enumerate() {
            specs.push(SourceSpec::parse(u16::try_from(id).unwrap_or(u16::MAX), &source.spec)?);
            let mut surroundings = Surroundings {
                source: Some(Label::new(&source.spec)),
                user_order: config.user.clone(),
                format: source.format,
                ..Surroundings::default()
            };
            for (dimension, label) in &source.labels {
                if let Some(slot) = surroundings.defaults.get_mut(*dimension as usize) {
                    *slot = Some(label.clone());
                }
            }
            around.push(surroundings);
        }
        Ok(Sources { specs, around: around.into() })
    }
}

/// The prices of a configuration, shared by all decoders.
pub fn prices(config: &Config) -> Result<Arc<PriceBook>, crate::price::PriceError> {
    PriceBook::new(&config.prices).map(Arc::new)
}
