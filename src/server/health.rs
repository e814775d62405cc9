//! `GET /healthz`: whether what comes in is counted and kept. 200 and `ok`, or 503 and why not.

use serde_json::json;

use super::json;
use crate::source::{Reply, SourceState, SourceStatus};
use crate::time::Timestamp;

/// Ok while the state is durable and no source is lost. That a backlog is still being read is no failure: it is told beside.
#[must_use]
pub fn answer(sources: &[SourceStatus], trouble: Option<(Timestamp, &str)>, loading: bool) -> Reply {
    let lost = sources.iter().filter_map(|source| match &source.state {
        SourceState::Lost(why) => Some(format!("source '{}': {why}", source.name)),
        _ => None,
    });
    let trouble = trouble.map(|(since, error)| format!("state is not durable since {since}: {error}"));
    let reasons: Vec<String> = trouble.into_iter().chain(lost).collect();
    let (status, word) = if reasons.is_empty() { (200, "ok") } else { (503, "failing") };
    json(status, &json!({ "status": word, "loading": loading, "reasons": reasons }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Label;

    #[test]
    fn what_is_lost_or_not_kept_is_a_failure() {
        let source = |state| SourceStatus {
            source: 0,
            name: Label::new("a.jsonl"),
            state,
            files: 1,
            total_bytes: 0,
            read_bytes: 0,
            dropped: 0,
        };
        assert_eq!(answer(&[source(SourceState::Live), source(SourceState::Waiting)], None, true).status, 200);
        let lost = answer(&[source(SourceState::Lost("no right to read it".to_owned()))], None, false);
        assert_eq!(lost.status, 503);
        assert!(String::from_utf8(lost.body).unwrap().contains("source 'a.jsonl': no right to read it"));
        let full = answer(&[], Some((Timestamp::from_ms(0), "disk full")), false);
        assert_eq!(full.status, 503);
        let body = String::from_utf8(full.body).unwrap();
        assert!(body.contains("not durable since 1970-01-01T00:00:00"), "{body}");
    }
}
