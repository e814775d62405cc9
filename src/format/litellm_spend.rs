//! Rows of `LiteLLM`'s table of spend (`LiteLLM_SpendLogs`), as an export or `/spend/logs` gives them. One row enters, at most one usage leaves.
//!
//! The same requests as `litellm.rs` reads, in other columns: `request_id` is the response (a call's id where there is none),
//! `litellm_call_id` the call, `spend` the cost; the user, the key and the usage in detail stand in `metadata`, an object or the
//! text of one. The database keeps UTC and does not say so: a time without a zone is none of the operator's. Says [`Origin::Gateway`](crate::usage::Origin).

use crate::time::Zone;
use crate::usage::{RawText, Usage};

use super::litellm::{Fields, metadata};
use super::scanner::{Scanner, Stop};
use super::{Format, Marks, Reading, Skip, finish, number, own};

/// Reads `record` if it has this format. `room` holds the metadata while it is read.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    mut marks: Marks,
    room: &mut Vec<u8>,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let (mut user, mut key, mut team) = (RawText::NONE, RawText::NONE, RawText::NONE);
    let (mut inside, mut text): (&[u8], _) = (b"", RawText::NONE);
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|name, value| {
        marks.own |= own::speaks(name);
        match name {
            b"spend" => {
                marks.spend = true;
                fields.cost = value.scalar()?;
            }
            b"model" => fields.model = value.text()?,
            b"request_id" => fields.id = value.text()?,
            b"litellm_call_id" => fields.call = value.text()?,
            b"api_key" => key = value.text()?,
            b"user" => user = value.text()?,
            b"team_id" => team = value.text()?,
            b"session_id" => fields.session = value.text()?,
            b"end_user" => fields.end_user = value.text()?,
            b"cache_hit" => fields.cache_hit = value.scalar()?,
            b"status" => fields.status = value.text()?,
            b"custom_llm_provider" => fields.provider = value.text()?,
            b"endTime" => fields.end_time = value.scalar()?,
            b"request_duration_ms" => fields.latency = number::lenient(value.scalar()?),
            b"prompt_tokens" => fields.prompt = value.scalar()?,
            b"completion_tokens" => fields.completion = value.scalar()?,
            b"total_tokens" => fields.total = value.scalar()?,
            b"metadata" => {
                (inside, text) = (b"", RawText::NONE);
                if value.peek() == Some(b'"') {
                    text = value.text()?;
                } else {
                    inside = value.span()?;
                }
            }
            _ => marks.note(name, value)?,
        }
        Ok(())
    });
    room.clear();
    text.append_to(room);
    let inside = if text.is_empty() { inside } else { room };
    finish(
        walked.and_then(|_| scanner.end()),
        marks,
        |format| format == Format::LiteLlmSpend,
        each,
        |_| {
            let mut fields = Fields { ..fields };
            if !inside.is_empty() {
                fields.metadata =
                    whole(inside).map_err(|stop| stop.rejection().map_or(Skip::NotUsage, Skip::Rejected))?;
            }
            let said = &mut fields.metadata;
            (said.user, said.key_hash, said.team_id) =
                (user.or(said.user), key.or(said.key_hash), team.or(said.team_id));
            said.usage.outside(fields.prompt, fields.completion, fields.total);
            fields.breakdown = std::mem::take(&mut said.breakdown);
            fields.error_code = said.error_code;
            fields.usage(Zone::UTC)
        },
    )
}

/// The metadata, walked to its end.
fn whole(object: &[u8]) -> Result<super::litellm::Metadata<'_>, Stop> {
    let mut scanner = Scanner::new(object);
    let read = metadata(&mut scanner)?;
    scanner.end()?;
    Ok(read)
}
