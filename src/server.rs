//! What a running costtop answers over HTTP: a question or an order enters as it came, typed or refused it leaves; values of the engine
//! become replies. Nothing here listens, waits or changes anything: the engine's thread does, as `run` has it.

pub mod alarms;
pub mod health;
pub mod metrics;
pub mod order;
pub mod status;
pub mod view;

use serde::Serialize;

use crate::engine::report::GroupBy;
use crate::label::clean;
use crate::source::{Ask, Method, Reply};
use crate::usage::Dimension;
use order::Order;
use view::ViewQuestion;

/// Groups that are told one by one; the others are told together, so that no reader is asked for a million series.
pub const MOST_GROUPS: usize = 1000;
/// Groupings at once.
const MOST_BY: usize = 4;

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of Prometheus' text exposition.
pub const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// `GET /v1/snapshot`: the report of everything, grouped by these.
    Snapshot(Vec<Dimension>),
    /// `GET /v1/alarms`.
    Alarms,
    /// `GET /v1/status`: how things stand, in a few figures.
    Status,
    /// `GET /metrics`, grouped by these.
    Metrics(Vec<Dimension>),
    /// `GET /healthz`.
    Health,
    /// `POST /v1/view`: what a screen elsewhere shows.
    View(Box<ViewQuestion>),
    /// A `POST` that changes something.
    Order(Order),
}

/// Every path with what it is asked by.
const PATHS: [(&str, Method); 10] = [
    ("/v1/snapshot", Method::Get),
    ("/v1/alarms", Method::Get),
    ("/v1/status", Method::Get),
    ("/metrics", Method::Get),
    ("/healthz", Method::Get),
    ("/v1/view", Method::Post),
    ("/v1/alarms/ack", Method::Post),
    ("/v1/alarms/snooze", Method::Post),
    ("/v1/bell", Method::Post),
    ("/v1/adjust", Method::Post),
];

impl Question {
    /// Reads a request; `known` are the dimensions that there are.
    ///
    /// # Errors
    /// The refusal, to be sent.
    pub fn read(ask: &Ask, known: &[Dimension]) -> Result<Question, Reply> {
        let path = ask.path.as_str();
        let Some((_, method)) = PATHS.iter().find(|(known, _)| *known == path) else {
            let paths = PATHS.map(|(path, _)| path).join(", ");
            return Err(refusal(404, &format!("nothing is at '{}': there are {paths}", clean(path))));
        };
        if *method != ask.method {
            let word = if *method == Method::Get { "GET" } else { "POST" };
            return Err(refusal(405, &format!("'{path}' is asked by {word}")));
        }
        match path {
            "/v1/snapshot" => Ok(Question::Snapshot(grouping(&ask.query, known)?.unwrap_or_default())),
            "/metrics" => Ok(Question::Metrics(grouping(&ask.query, known)?.unwrap_or(vec![Dimension::Model]))),
            "/v1/alarms" => Ok(Question::Alarms),
            "/v1/status" => Ok(Question::Status),
            "/healthz" => Ok(Question::Health),
            "/v1/view" => ViewQuestion::read(&ask.body).map(|view| Question::View(Box::new(view))),
            _ => Order::read(path, &ask.body, known).map(Question::Order),
        }
        .map_err(|error: String| refusal(400, &error))
    }
}

/// `by=model,user`: the only thing that is asked behind a `?`.
fn grouping(query: &str, known: &[Dimension]) -> Result<Option<Vec<Dimension>>, Reply> {
    let mut by = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some(("by", value)) = pair.split_once('=') else {
            return Err(refusal(400, &format!("unknown parameter '{}': use by=model,user", clean(pair))));
        };
        let mut dimensions = Vec::new();
        for name in value.split([',']).flat_map(|part| part.split("%2C")).filter(|name| !name.is_empty()) {
            let found = known.iter().copied().find(|dimension| dimension.name() == name).ok_or_else(|| {
                let known = known.iter().map(|dimension| dimension.name()).collect::<Vec<_>>().join(", ");
                refusal(400, &format!("unknown grouping '{}': use {known}", clean(name)))
            })?;
            if !dimensions.contains(&found) {
                dimensions.push(found);
            }
        }
        if dimensions.len() > MOST_BY {
            return Err(refusal(400, &format!("more than {MOST_BY} groupings: name fewer")));
        }
        by = Some(dimensions);
    }
    Ok(by)
}

/// The groupings of a report.
#[must_use]
pub fn by(dimensions: &[Dimension]) -> Vec<GroupBy> {
    dimensions.iter().copied().map(GroupBy::Dimension).collect()
}

/// A value as JSON.
#[must_use]
pub fn json(status: u16, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            Reply { status, content_type: JSON, body }
        }
        // Only a value that cannot be JSON fails, and ours all can.
        Err(error) => refusal(500, &format!("the answer cannot be written ({error}): this is a defect of costtop")),
    }
}

/// Why not: what, and what to do.
#[must_use]
pub fn refusal(status: u16, why: &str) -> Reply {
    let mut body = serde_json::json!({ "error": why }).to_string().into_bytes();
    body.push(b'\n');
    Reply { status, content_type: JSON, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Label;

    fn ask(method: Method, path: &str, query: &str, body: &str) -> Ask {
        let (reply, _) = tokio::sync::oneshot::channel();
        let (path, query) = (path.to_owned(), query.to_owned());
        Ask { method, path, query, body: body.as_bytes().to_vec(), peer: Label::new("mara"), reply }
    }

    fn read(method: Method, path: &str, query: &str, body: &str) -> Result<Question, (u16, String)> {
        Question::read(&ask(method, path, query, body), &Dimension::ALL).map_err(|reply| {
            assert_eq!(reply.content_type, JSON);
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            (reply.status, body["error"].as_str().unwrap().to_owned())
        })
    }

    #[test]
    fn every_path_is_told_from_the_others() {
        use Method::{Get, Post};
        assert_eq!(read(Get, "/v1/snapshot", "", ""), Ok(Question::Snapshot(Vec::new())));
        let by = vec![Dimension::Model, Dimension::User];
        assert_eq!(read(Get, "/v1/snapshot", "by=model%2Cuser,model", ""), Ok(Question::Snapshot(by)));
        assert_eq!(read(Get, "/metrics", "", ""), Ok(Question::Metrics(vec![Dimension::Model])));
        assert_eq!(read(Get, "/metrics", "by=", ""), Ok(Question::Metrics(Vec::new())));
        assert_eq!(read(Get, "/healthz", "", ""), Ok(Question::Health));
        let order = Order::Acknowledge(None);
        assert_eq!(read(Post, "/v1/alarms/ack", "", "{\"all\":true}"), Ok(Question::Order(order)));
    }

    #[test]
    fn refusals_say_what_to_do() {
        let refused = |method, path, query, body| read(method, path, query, body).unwrap_err();
        let (status, text) = refused(Method::Get, "/v1/\u{1b}[2J", "", "");
        assert!(status == 404 && text.contains("/v1/snapshot") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(refused(Method::Post, "/v1/snapshot", "", "").0, 405);
        assert_eq!(refused(Method::Get, "/v1/alarms/ack", "", ""), (405, "'/v1/alarms/ack' is asked by POST".into()));
        let (status, text) = refused(Method::Get, "/metrics", "by=modle", "");
        assert!(status == 400 && text.contains("'modle': use user, team"), "{text}");
        assert_eq!(refused(Method::Get, "/metrics", "since=7d", "").0, 400);
        assert_eq!(refused(Method::Get, "/metrics", "by=user,team,model,agent,host", "").0, 400);
    }
}
