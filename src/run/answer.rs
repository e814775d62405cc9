//! What the engine's thread answers: a question enters with what the core knows, values leave; orders change alarms, bell and budgets.

use serde_json::json;
use tokio::sync::oneshot;

use super::core::Core;
use super::persist::META_STATUS;
use super::person;
use crate::alarm::Which;
use crate::engine::report::ReportQuery;
use crate::label::Label;
use crate::output::{Document, Format, Look};
use crate::server::alarms::{self, BellState};
use crate::server::metrics::{self, MOST_SERIES, Process};
use crate::server::order::Order;
use crate::server::status::{Standing, Status};
use crate::server::{self, JSON, MOST_GROUPS, health, refusal};
use crate::source::{Receiving, Reply};
use crate::time::{MINUTE_MS, Timestamp};
use crate::usage::Dimension;

/// What can be written without the engine: handed to a thread of its own, so that a long answer holds nothing up.
pub(super) type Work = Box<dyn FnOnce() -> Reply + Send>;

/// When an order may be answered.
pub(super) enum Done {
    /// At once.
    Now(Reply),
    /// Once it is kept; dropped untold, it was not.
    Once(oneshot::Receiver<Receiving>, Reply),
}

impl Core {
    /// Everything by which charges can be grouped here.
    pub fn dimensions(&self) -> Vec<Dimension> {
        Dimension::ALL.into_iter().chain(self.config.labels.iter().map(|label| Dimension::Own(label.label))).collect()
    }

    fn document(&mut self, by: &[Dimension], keys: usize, now: Timestamp) -> Document {
        let mut report = self.engine.whole(by, MOST_GROUPS);
        report.adjusted = self.adjustments.total();
        Document {
            report,
            query: ReportQuery { by: server::by(by), since: None, until: None, zone: self.config.zone },
            budgets: self.budgets.statuses(self.engine.names(), keys),
            generated_at: now,
        }
    }

    /// The report of everything.
    pub fn report(&mut self, by: &[Dimension], now: Timestamp) -> Work {
        let document = self.document(by, usize::MAX, now);
        Box::new(move || {
            let mut body = Vec::new();
            match Format::Json.exporter(Look::default()).write(&document, &mut body) {
                Ok(()) => Reply { status: 200, content_type: JSON, body },
                // Memory takes everything.
                Err(error) => refusal(500, &format!("the answer cannot be written ({error})")),
            }
        })
    }

    /// Everything for Prometheus.
    pub fn metrics(&mut self, by: &[Dimension], now: Timestamp) -> Work {
        let document = self.document(by, MOST_SERIES, now);
        let process = Process {
            started: self.since,
            burn: self.engine.spent().burn,
            lag_ms: self.lag_ms,
            caught_up: self.caught_up,
            durable: self.persistence.trouble().is_none(),
            silent: self.bell.is_muted(now),
            sources: self.sources.clone(),
            alarms: self.alarms.statuses(),
        };
        Box::new(move || metrics::answer(&document, &process))
    }

    /// Alarms and what they did lately.
    pub fn alarms_answer(&self, now: Timestamp) -> Work {
        let bell = BellState {
            enabled: self.config.alarm.bell,
            silent: self.bell.is_muted(now),
            until: self.bell.muted_until().filter(|_| self.bell.is_muted(now)),
        };
        let (alarms, told) = (self.alarms.statuses(), self.told.clone());
        Box::new(move || server::json(200, &alarms::answer(now, bell, &alarms, &told)))
    }

    /// Whether what comes in is counted and kept.
    pub fn health(&self) -> Reply {
        health::answer(&self.sources, self.persistence.trouble(), !self.caught_up)
    }

    /// How things stand.
    pub fn status(&self, now: Timestamp) -> Status {
        Status::of(&Standing {
            now,
            zone: self.config.zone,
            spent: self.engine.spent(),
            budgets: &self.budgets.statuses(self.engine.names(), 1),
            alarms: &self.alarms.statuses(),
            sources: &self.sources,
            durable: self.persistence.trouble().is_none(),
        })
    }

    /// The next commit keeps how things stand, for those who ask while nobody runs.
    pub fn keep_status(&mut self, now: Timestamp) {
        if let Ok(status) = serde_json::to_vec(&self.status(now)) {
            self.persistence.beside(META_STATUS, status);
        }
    }

    /// Does what `peer` wants, and says what came of it. What is money waits until it is kept.
    pub fn order(&mut self, order: Order, peer: &Label, now: Timestamp) -> Done {
        let by = person::named(peer);
        let reply = match order {
            Order::Acknowledge(alarm) => match self.meant(alarm.as_deref()) {
                Ok(meant) => {
                    let seen: usize = meant.iter().map(|one| self.acknowledge(Which::Incident(one), &by, now)).sum();
                    server::json(200, &json!({ "acknowledged": seen, "alarms": meant, "by": by }))
                }
                Err(refused) => refused,
            },
            Order::Snooze(alarm, minutes) => match self.meant(alarm.as_deref()) {
                Ok(meant) => {
                    let sleeps: usize =
                        meant.iter().map(|one| self.snooze(Which::Incident(one), minutes, &by, now)).sum();
                    let until = now.plus_ms(minutes * MINUTE_MS).to_string();
                    server::json(200, &json!({ "snoozed": sleeps, "alarms": meant, "until": until, "by": by }))
                }
                Err(refused) => refused,
            },
            Order::Silence(minutes) => {
                let until = minutes.map(|minutes| now.plus_ms(minutes * MINUTE_MS));
                self.silence(until, &by, now);
                server::json(200, &json!({ "silent": true, "until": until.map(|at| at.to_string()), "by": by }))
            }
            Order::Resume => {
                self.resume(&by, now);
                server::json(200, &json!({ "silent": false, "until": null, "by": by }))
            }
            Order::Adjust(mut adjustment) => {
                adjustment.by = by.clone();
                match self.adjust(*adjustment, now) {
                    Ok((moved, safe)) => {
                        return Done::Once(safe, server::json(200, &json!({ "adjusted": moved, "by": by })));
                    }
                    Err(error) => refusal(409, &error.to_string()),
                }
            }
        };
        Done::Now(reply)
    }

    /// The incidents that are meant; without a name every firing one, of which there may be none.
    fn meant(&self, alarm: Option<&str>) -> Result<Vec<String>, Reply> {
        let all = self.alarms.statuses();
        let firing = alarms::firing(&all);
        let Some(alarm) = alarm else { return Ok(firing) };
        let meant: Vec<String> = alarms::meant(&all, alarm).into_iter().map(|alarm| alarm.incident.clone()).collect();
        if !meant.is_empty() {
            return Ok(meant);
        }
        let known = if firing.is_empty() { "none fires".to_owned() } else { format!("firing: {}", firing.join(", ")) };
        let error = format!("no alarm '{}': {known}", crate::label::clean(alarm));
        Err(server::json(404, &json!({ "error": error, "firing": firing })))
    }
}
