//! Which threads there are and what flows between them: sources → router → decoders → engine → writer and screen.
//!
//! Reports, filters and the dashboard run the same way; a one-shot command only ends when its sources do.

mod answer;
pub mod attach;
pub mod beside;
pub mod bodies;
mod contexts;
mod core;
pub mod decode;
mod desk;
mod detect;
mod fold;
mod generations;
pub mod live;
mod memory;
pub mod once;
mod open;
mod persist;
mod person;
pub mod pipeline;
mod places;
mod publish;
pub mod replay;
mod reprice;
pub mod serve;
mod setup;
mod spent;
pub mod spill;
mod viewpoint;

pub use setup::{RunError, Setup};

use std::path::Path;
use std::sync::Arc;

use crate::config::{Config, LabelSlots, LabelsError, SourceConfig};
use crate::engine::record::Surroundings;
use crate::format::labels::LabelPaths;
use crate::format::mapping::Mappings;
use crate::label::Label;
use crate::price::PriceBook;
use crate::source::access::Access;
use crate::source::{SourceError, SourceSpec};
use crate::store::{Snapshot, StoreError};

/// What every run needs to know about its sources.
pub struct Sources {
    /// Where bytes come from.
    pub specs: Vec<SourceSpec>,
    /// What is known of each source, in the same order.
    pub around: Arc<[Surroundings]>,
    /// What listeners ask of whoever comes.
    pub access: Access,
}

impl Sources {
    /// Reads the SOURCEs of a configuration, or of a command line turned into one.
    pub fn new(sources: &[SourceConfig], config: &Config) -> Result<Sources, SourceError> {
        let mut specs = Vec::with_capacity(sources.len());
        for (id, source) in sources.iter().enumerate() {
            specs.push(SourceSpec::parse(u16::try_from(id).unwrap_or(u16::MAX), &source.spec)?);
        }
        // A command that only reads files needs no token to be there.
        let access = if specs.iter().any(|spec| spec.spec.is_listener()) {
            Access::load(&config.server, |name| std::env::var(name).ok())?
        } else {
            Access::default()
        };
        for spec in &specs {
            access.guards(&spec.name, &spec.spec)?;
        }
        Ok(Sources { specs, around: around(sources, config), access })
    }
}

/// What is known of each source, in the same order.
fn around(sources: &[SourceConfig], config: &Config) -> Arc<[Surroundings]> {
    let mappings = Mappings::new(&config.mappings);
    let known = sources.iter().map(|source| {
        let mut surroundings = Surroundings {
            source: Some(Label::new(&source.spec)),
            user_order: config.user.clone(),
            format: source.format,
            subscription: source.subscription,
            mappings: mappings.clone(),
            ..Surroundings::default()
        };
        for (dimension, label) in &source.labels {
            surroundings.defaults.retain(|(other, _)| other != dimension);
            surroundings.defaults.push((*dimension, label.clone()));
        }
        surroundings
    });
    known.collect()
}

/// Where lines may have the operator's own labels, shared by all decoders.
#[must_use]
pub fn label_paths(config: &Config) -> Option<Arc<LabelPaths>> {
    LabelPaths::new(config.labels.iter().map(|config| (config.label, config.paths.as_slice()))).map(Arc::new)
}

/// Why a state's labels and the configuration's cannot be brought together.
#[derive(Debug, thiserror::Error)]
pub enum SlotsError {
    /// No room for one.
    #[error("state '{0}': {1}")]
    Labels(String, LabelsError),
    /// The state cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Moves the labels of `config` to the slots where the state in `folder` keeps them. What holds labels by slot is made of it afterwards.
///
/// # Errors
/// [`SlotsError`]. A damaged state keeps nothing: whoever opens it says what becomes of it.
pub fn keep_label_slots(config: &mut Config, folder: &Path) -> Result<(), SlotsError> {
    let kept = match Snapshot::meta_still(folder, persist::META_LABELS) {
        Ok(kept) => kept.unwrap_or_default(),
        Err(StoreError::Damaged { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let named = |error| SlotsError::Labels(folder.display().to_string(), error);
    config.keep_slots(&LabelSlots::load(&kept).map_err(named)?).map_err(named)
}

/// The prices of a configuration, shared by all decoders.
pub fn prices(config: &Config) -> Result<Arc<PriceBook>, crate::price::PriceError> {
    PriceBook::new(&config.prices).map(Arc::new)
}
