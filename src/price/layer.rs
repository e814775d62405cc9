//! One table of the operator's own. Configured prices or a price file enter; a name and an instant lead to the price that held then.

use std::collections::HashMap;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

use super::book::{PriceError, Table};
use super::entry::ModelPrice;
use super::grammar;
use crate::config::{PriceConfig, PriceFile, Validity};
use crate::time::Timestamp;

/// A price and when it holds.
#[derive(Clone, Debug)]
pub(super) struct Dated {
    /// The model's name as the table writes it.
    pub(super) name: String,
    /// When.
    pub(super) valid: Validity,
    /// What it says.
    pub(super) price: Arc<ModelPrice>,
}

impl Dated {
    /// Without a time, the price that has no end holds.
    pub(super) fn holds(&self, at: Option<Timestamp>) -> bool {
        at.map_or(self.valid.until.is_none(), |at| self.valid.contains(at))
    }
}

/// Models by lower-case name; each with prices that hold one after another.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) table: Table,
    /// Of the file's bytes, to tell it from another; 0 for what stands in the configuration itself.
    pub(super) digest: u64,
    models: HashMap<String, Vec<Dated>>,
}

impl Layer {
    /// `[prices.model]`.
    pub(super) fn configured(config: &PriceConfig) -> Layer {
        let mut models: HashMap<String, Vec<Dated>> = HashMap::new();
        for (name, periods) in &config.models {
            let dated = periods.iter().map(|flat| Dated {
                name: name.clone(),
                valid: flat.valid,
                price: Arc::new(ModelPrice::from(flat)),
            });
            models.insert(name.to_lowercase(), dated.collect());
        }
        Layer { table: Table::Configuration, digest: 0, models }
    }

    /// A file in the grammar of the price map.
    pub(super) fn read(file: &PriceFile) -> Result<Layer, PriceError> {
        let path = &file.path;
        let text = std::fs::read(path).map_err(|source| PriceError::Read { path: path.clone(), source })?;
        let map = grammar::read_map(&text).map_err(|source| PriceError::Grammar { path: path.clone(), source })?;
        let dated = |(name, price): (String, ModelPrice)| {
            (name.to_lowercase(), vec![Dated { name, valid: file.valid, price: Arc::new(price) }])
        };
        let digest = SipHasher13::new().hash(&text);
        Ok(Layer { table: Table::File(path.clone()), digest, models: map.into_iter().map(dated).collect() })
    }

    /// Every price of that name, whenever it holds.
    pub(super) fn periods(&self, name: &str) -> &[Dated] {
        if self.models.is_empty() {
            return &[];
        }
        self.models.get(&name.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The price of that name at an instant.
    pub(super) fn find(&self, name: &str, at: Option<Timestamp>) -> Option<&Dated> {
        self.periods(name).iter().find(|it| it.holds(at))
    }

    /// Every price that holds at an instant, by name.
    pub(super) fn all(&self, at: Option<Timestamp>) -> Vec<&Dated> {
        let mut all: Vec<&Dated> = self.models.values().flatten().filter(|it| it.holds(at)).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Every instant at which a price begins or ends.
    pub(super) fn turns(&self) -> impl Iterator<Item = Timestamp> {
        let bounds = |it: &Dated| [it.valid.from, it.valid.until].into_iter().flatten();
        self.models.values().flatten().flat_map(bounds)
    }
}
