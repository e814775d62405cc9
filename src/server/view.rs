//! `POST /v1/view`: what a screen elsewhere asks, again and again. An answer comes when there is something new for it, or after a while.

use serde::{Deserialize, Serialize};

use crate::engine::view::{ChargeId, ViewQuery};
use crate::label::clean;
use crate::usage::Dimension;

/// The schema of question and answer; another one is refused, on both sides.
pub const SCHEMA: &str = "costtop.view.v1";
/// An answer waits at most this long for something new; the listener gives up on one after ten seconds.
pub const MOST_WAIT_MS: u64 = 8_000;
/// Rows of a table or a list that a screen can want; more than any terminal has.
const MOST_ROWS: usize = 1000;
/// Steps of a chart that a screen can want.
const MOST_STEPS: usize = 4000;
/// Parts of a scope.
const MOST_PARTS: usize = 16;

/// What a screen elsewhere asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewQuestion {
    /// [`SCHEMA`].
    pub schema: String,
    /// A number of the screen's own choice: its answers are told apart by it.
    pub viewer: u64,
    /// The process that gave out the numbers in the query; 0: none yet.
    pub process: u64,
    /// What it shows.
    pub query: ViewQuery,
    /// The charge that is open.
    pub open: Option<ChargeId>,
    /// The version that it has; the answer waits for another one.
    pub after: u64,
    /// How long the answer may wait.
    pub wait_ms: u64,
}

/// The frame of an answer; beside it stands the screen's snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ViewFrame {
    /// [`SCHEMA`].
    pub schema: String,
    /// The process that gave out the numbers in the snapshot.
    pub process: u64,
    /// The version of the snapshot.
    pub version: u64,
    /// How often the bell was due since the process began.
    pub rings: u64,
    /// The operator's own labels.
    pub own: Vec<Dimension>,
}

impl ViewQuestion {
    pub(super) fn read(body: &[u8]) -> Result<ViewQuestion, String> {
        // The schema first: of another one nothing else is understood.
        #[derive(Deserialize)]
        struct Named {
            schema: String,
        }
        let not_understood = |error: serde_json::Error| {
            let error = error.to_string();
            format!("not understood ({})", clean(&error))
        };
        let named: Named = serde_json::from_slice(body).map_err(not_understood)?;
        if named.schema != SCHEMA {
            return Err(format!(
                "this costtop speaks '{SCHEMA}', not '{}': use the same version on both sides",
                clean(&named.schema)
            ));
        }
        let mut view: ViewQuestion = serde_json::from_slice(body).map_err(not_understood)?;
        view.bound();
        Ok(view)
    }

    /// Nobody may ask for more than a screen shows.
    fn bound(&mut self) {
        self.wait_ms = self.wait_ms.min(MOST_WAIT_MS);
        let query = &mut self.query;
        query.chart_steps = query.chart_steps.min(MOST_STEPS);
        query.charges.rows = query.charges.rows.min(MOST_ROWS);
        for table in &mut query.tables {
            table.rows = table.rows.min(MOST_ROWS);
        }
        if query.scope.parts().len() > MOST_PARTS {
            query.scope = crate::engine::view::Scope::ALL;
        }
    }
}
