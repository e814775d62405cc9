//! The names of costtop's own grammar. A name enters, its [`Key`] leaves; which key mostly follows which is learnt on the way.

use crate::format::scanner::Lead;

/// A key of one of ours. Those whose value is kept as text come first, then counts, amounts, and those kept as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::format) enum Key {
    RequestId,
    ResponseId,
    CallId,
    Session,
    User,
    UserId,
    UserEmail,
    EndUser,
    Team,
    Project,
    Feature,
    TaskType,
    Agent,
    Host,
    Alias,
    Provider,
    Model,
    Kind,
    Tier,
    Region,
    DataResidency,
    VertexLocation,
    InferenceGeo,
    Speed,
    StopReason,
    RetryOf,
    CostSource,
    Billing,
    Input,
    Output,
    Reasoning,
    CacheRead,
    CacheWrite,
    CacheWrite5m,
    CacheWrite1h,
    WebSearches,
    Prompt,
    Completion,
    Cached,
    Status,
    Latency,
    MaxTokens,
    Revision,
    Cost,
    Computed,
    Ts,
    Timestamp,
    Time,
    CreatedAt,
    Created,
    CacheHit,
    Saved,
    AudioInput,
    AudioRead,
    AudioOutput,
    ImageInput,
    ImageRead,
    ImageOutput,
    VideoInput,
    VideoRead,
    VideoOutput,
    Type,
    Other,
}

/// How many keys are kept as text.
pub(super) const TEXTS: usize = Key::Input as usize;
/// How many counts are of tokens; they come first.
pub(super) const TOKENS: usize = Key::Status as usize - TEXTS;
/// The first of those kept as amounts.
pub(super) const AMOUNTS_FROM: usize = Key::Cost as usize;
/// The first of those kept as they stand.
pub(super) const SCALARS_FROM: usize = Key::Ts as usize;
/// The first of those that count media: input, cache read and output of each of [`Medium::ALL`].
pub(super) const MEDIA_FROM: usize = Key::AudioInput as usize;
/// The first of those that are not kept in these ways.
pub(super) const KEPT: usize = Key::Type as usize;
/// How many keys there are.
const KEYS: usize = Key::Other as usize + 1;

/// Every key in its usual spelling. What is not ours has none.
const SPELLED: [(Key, &[u8]); KEYS - 1] = [
    (Key::RequestId, b"request_id"),
    (Key::ResponseId, b"response_id"),
    (Key::CallId, b"call_id"),
    (Key::Session, b"session_id"),
    (Key::User, b"user"),
    (Key::UserId, b"user_id"),
    (Key::UserEmail, b"user_email"),
    (Key::EndUser, b"end_user"),
    (Key::Team, b"team"),
    (Key::Project, b"project"),
    (Key::Feature, b"feature"),
    (Key::TaskType, b"task_type"),
    (Key::Agent, b"agent"),
    (Key::Host, b"host"),
    (Key::Alias, b"key"),
    (Key::Provider, b"provider"),
    (Key::Model, b"model"),
    (Key::Kind, b"kind"),
    (Key::Tier, b"tier"),
    (Key::Region, b"region"),
    (Key::DataResidency, b"data_residency"),
    (Key::VertexLocation, b"vertex_location"),
    (Key::InferenceGeo, b"inference_geo"),
    (Key::Speed, b"speed"),
    (Key::StopReason, b"stop_reason"),
    (Key::RetryOf, b"retry_of"),
    (Key::CostSource, b"cost_source"),
    (Key::Billing, b"billing"),
    (Key::Input, b"input_tokens"),
    (Key::Output, b"output_tokens"),
    (Key::Reasoning, b"reasoning_tokens"),
    (Key::CacheRead, b"cache_read_tokens"),
    (Key::CacheWrite, b"cache_write_tokens"),
    (Key::CacheWrite5m, b"cache_write_5m_tokens"),
    (Key::CacheWrite1h, b"cache_write_1h_tokens"),
    (Key::WebSearches, b"web_searches"),
    (Key::Prompt, b"prompt_tokens"),
    (Key::Completion, b"completion_tokens"),
    (Key::Cached, b"cached_tokens"),
    (Key::Status, b"status"),
    (Key::Latency, b"latency_ms"),
    (Key::MaxTokens, b"max_tokens"),
    (Key::Revision, b"revision"),
    (Key::Cost, b"cost_usd"),
    (Key::Computed, b"computed_usd"),
    (Key::Ts, b"ts"),
    (Key::Timestamp, b"timestamp"),
    (Key::Time, b"time"),
    (Key::CreatedAt, b"created_at"),
    (Key::Created, b"created"),
    (Key::CacheHit, b"cache_hit"),
    (Key::Saved, b"cache_saved_usd"),
    (Key::AudioInput, b"audio_input_tokens"),
    (Key::AudioRead, b"audio_cache_read_tokens"),
    (Key::AudioOutput, b"audio_output_tokens"),
    (Key::ImageInput, b"image_input_tokens"),
    (Key::ImageRead, b"image_cache_read_tokens"),
    (Key::ImageOutput, b"image_output_tokens"),
    (Key::VideoInput, b"video_input_tokens"),
    (Key::VideoRead, b"video_cache_read_tokens"),
    (Key::VideoOutput, b"video_output_tokens"),
    (Key::Type, b"type"),
];

/// What leads to each key's value, for the first member of a line and for the others.
pub(super) static LEADS: [[Lead; KEYS - 1]; 2] = [leads(true), leads(false)];

const fn leads(is_first: bool) -> [Lead; KEYS - 1] {
    let mut leads = [Lead::new(b"", is_first); KEYS - 1];
    let mut place = 0;
    while place < leads.len() {
        leads[SPELLED[place].0 as usize] = Lead::new(SPELLED[place].1, is_first);
        place += 1;
    }
    leads
}

/// Which key came behind which in the lines so far: the guess for the next line. It decides nothing but how fast a key is found.
#[derive(Clone, Debug)]
pub(in crate::format) struct Order {
    pub(super) first: Key,
    pub(super) after: [Key; KEYS],
}

impl Default for Order {
    fn default() -> Order {
        Order { first: Key::Other, after: [Key::Other; KEYS] }
    }
}

impl Key {
    /// By length first: within one length two or three words are compared, not the whole list.
    #[inline]
    pub(in crate::format) fn of(key: &[u8]) -> Key {
        match key.len() {
            2 if key == b"ts" => Key::Ts,
            3 if key == b"key" => Key::Alias,
            4 => match key {
                b"user" => Key::User,
                b"team" => Key::Team,
                b"type" => Key::Type,
                b"cost" => Key::Cost,
                b"time" => Key::Time,
                b"tier" => Key::Tier,
                b"host" => Key::Host,
                b"kind" => Key::Kind,
                _ => Key::Other,
            },
            5 => match key {
                b"model" => Key::Model,
                b"agent" => Key::Agent,
                b"speed" => Key::Speed,
                _ => Key::Other,
            },
            6 => match key {
                b"status" => Key::Status,
                b"region" => Key::Region,
                _ => Key::Other,
            },
            7 => match key {
                b"feature" => Key::Feature,
                b"created" => Key::Created,
                b"project" => Key::Project,
                b"user_id" => Key::UserId,
                b"call_id" => Key::CallId,
                b"billing" => Key::Billing,
                _ => Key::Other,
            },
            8 => match key {
                b"cost_usd" => Key::Cost,
                b"provider" => Key::Provider,
                b"end_user" => Key::EndUser,
                b"retry_of" => Key::RetryOf,
                b"revision" => Key::Revision,
                _ => Key::Other,
            },
            9 => match key {
                b"timestamp" => Key::Timestamp,
                b"task_type" => Key::TaskType,
                b"cache_hit" => Key::CacheHit,
                _ => Key::Other,
            },
            10 => match key {
                b"request_id" => Key::RequestId,
                b"session_id" => Key::Session,
                b"latency_ms" => Key::Latency,
                b"created_at" => Key::CreatedAt,
                b"max_tokens" => Key::MaxTokens,
                b"user_email" => Key::UserEmail,
                _ => Key::Other,
            },
            11 => match key {
                b"stop_reason" => Key::StopReason,
                b"cost_source" => Key::CostSource,
                b"response_id" => Key::ResponseId,
                b"inputTokens" => Key::Input,
                _ => Key::Other,
            },
            12 => match key {
                b"input_tokens" => Key::Input,
                b"web_searches" => Key::WebSearches,
                b"service_tier" => Key::Tier,
                b"computed_usd" => Key::Computed,
                b"outputTokens" => Key::Output,
                _ => Key::Other,
            },
            13 => match key {
                b"output_tokens" => Key::Output,
                b"prompt_tokens" => Key::Prompt,
                b"cached_tokens" => Key::Cached,
                b"inference_geo" => Key::InferenceGeo,
                _ => Key::Other,
            },
            14 if key == b"data_residency" => Key::DataResidency,
            15 => match key {
                b"vertex_location" => Key::VertexLocation,
                b"cache_saved_usd" => Key::Saved,
                _ => Key::Other,
            },
            16 if key == b"reasoning_tokens" => Key::Reasoning,
            17 => match key {
                b"cache_read_tokens" => Key::CacheRead,
                b"completion_tokens" => Key::Completion,
                _ => Key::Other,
            },
            18 => match key {
                b"cache_write_tokens" => Key::CacheWrite,
                b"audio_input_tokens" => Key::AudioInput,
                b"image_input_tokens" => Key::ImageInput,
                b"video_input_tokens" => Key::VideoInput,
                _ => Key::Other,
            },
            19 => match key {
                b"audio_output_tokens" => Key::AudioOutput,
                b"image_output_tokens" => Key::ImageOutput,
                b"video_output_tokens" => Key::VideoOutput,
                _ => Key::Other,
            },
            21 => match key {
                b"cache_write_5m_tokens" => Key::CacheWrite5m,
                b"cache_write_1h_tokens" => Key::CacheWrite1h,
                _ => Key::Other,
            },
            23 => match key {
                b"audio_cache_read_tokens" => Key::AudioRead,
                b"image_cache_read_tokens" => Key::ImageRead,
                b"video_cache_read_tokens" => Key::VideoRead,
                _ => Key::Other,
            },
            _ => Key::Other,
        }
    }

    /// Whether it makes a record one of ours.
    pub(in crate::format) const fn speaks(self) -> bool {
        matches!(
            self,
            Key::Model
                | Key::Input
                | Key::Output
                | Key::CacheRead
                | Key::CacheWrite
                | Key::CacheWrite5m
                | Key::CacheWrite1h
                | Key::Prompt
                | Key::Completion
                | Key::Cost
        )
    }
}

/// Whether a key makes a record one of ours.
pub(in crate::format) fn speaks(key: &[u8]) -> bool {
    Key::of(key).speaks()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::scanner::Scanner;

    #[test]
    fn every_key_has_one_lead_and_is_known_by_it() {
        for (place, (key, spelling)) in SPELLED.into_iter().enumerate() {
            assert_eq!(key as usize, place, "in the order of the keys");
            assert_eq!(Key::of(spelling), key);
            let member = [b",\"", spelling, b"\":1"].concat();
            for (other, lead) in LEADS[1].iter().enumerate() {
                let mut scanner = Scanner::new(&member);
                assert_eq!(scanner.pass(lead), other == place, "{key:?} by lead {other}");
            }
        }
    }
}
