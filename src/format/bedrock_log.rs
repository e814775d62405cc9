//! Bedrock's model invocation log, as it lies in S3 or comes out of `CloudWatch`: one object per request. At most one usage leaves.
//!
//! Identity: `requestId`, and the id that the model's own answer carries. Dimensions: the user is whoever the caller's `requestMetadata`
//! names, else the session of the role or the IAM user of `identity.arn`; the role is the key. The input excludes the cache; how long
//! its writes live stands in the answer only. Says [`Origin::Api`], always final. Prompts and answers are passed over.

use memchr::memrchr;

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Terms, Tokens, Usage};

use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, anthropic, bedrock, finish, number};

/// The values of one record, unread.
#[derive(Default)]
struct Fields<'a> {
    timestamp: Scalar<'a>,
    arn: RawText<'a>,
    region: RawText<'a>,
    inference_region: RawText<'a>,
    request: RawText<'a>,
    model: RawText<'a>,
    error: RawText<'a>,
    metadata: Metadata<'a>,
    input: Input<'a>,
    output: Scalar<'a>,
    answer: Answer<'a>,
}

/// `requestMetadata`: what the caller says of the request.
#[derive(Default)]
struct Metadata<'a> {
    user: RawText<'a>,
    team: RawText<'a>,
    project: RawText<'a>,
    feature: RawText<'a>,
    session: RawText<'a>,
}

/// `input`.
#[derive(Default)]
struct Input<'a> {
    count: Scalar<'a>,
    cache_read: Scalar<'a>,
    cache_write: Scalar<'a>,
}

/// `output.outputBodyJson`: the model's answer, or the array of a stream's events.
#[derive(Default)]
struct Answer<'a> {
    id: RawText<'a>,
    stop_reason: RawText<'a>,
    tier: RawText<'a>,
    latency: Scalar<'a>,
    /// `usage` where an answer is a whole one, or where its stream begins: there stands how long what was written lives.
    usage: &'a [u8],
    /// `usage` where a stream ends: the output so far, which is all of it.
    last_usage: &'a [u8],
}

/// Reads `record` if it has this format.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"timestamp" => fields.timestamp = value.scalar()?,
            b"identity" => fields.arn = value.member(b"arn")?.text(),
            b"region" => fields.region = value.text()?,
            b"inferenceRegion" => fields.inference_region = value.text()?,
            b"requestId" => fields.request = value.text()?,
            b"modelId" => fields.model = value.text()?,
            b"errorCode" => fields.error = value.text()?,
            b"requestMetadata" => fields.metadata = metadata(value)?,
            b"input" => fields.input = input(value)?,
            b"output" => (fields.output, fields.answer) = output(value)?,
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    finish(
        walked.and_then(|_| scanner.end()),
        marks,
        |format| format == Format::BedrockLog,
        each,
        |_| fields.usage(zone),
    )
}

fn metadata<'a>(value: &mut Scanner<'a>) -> Result<Metadata<'a>, Stop> {
    let mut metadata = Metadata::default();
    let (mut user, mut user_id) = (RawText::NONE, RawText::NONE);
    value.object(|key, value| {
        match key {
            b"user" => user = value.text()?,
            b"user_id" | b"userId" => user_id = value.text()?,
            b"team" => metadata.team = value.text()?,
            b"project" => metadata.project = value.text()?,
            b"feature" => metadata.feature = value.text()?,
            b"session_id" | b"sessionId" => metadata.session = value.text()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    metadata.user = user.or(user_id);
    Ok(metadata)
}

fn input<'a>(value: &mut Scanner<'a>) -> Result<Input<'a>, Stop> {
    let mut input = Input::default();
    value.object(|key, value| {
        match key {
            b"inputTokenCount" => input.count = value.scalar()?,
            b"cacheReadInputTokenCount" => input.cache_read = value.scalar()?,
            b"cacheWriteInputTokenCount" => input.cache_write = value.scalar()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(input)
}

fn output<'a>(value: &mut Scanner<'a>) -> Result<(Scalar<'a>, Answer<'a>), Stop> {
    let (mut count, mut answer) = (Scalar::Null, Answer::default());
    value.object(|key, value| {
        match key {
            b"outputTokenCount" => count = value.scalar()?,
            b"outputBodyJson" => {
                answer = Answer::default();
                if value.peek() == Some(b'[') {
                    value.array(|event| answer.event(event))?;
                } else {
                    answer.take(value)?;
                }
            }
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok((count, answer))
}

impl<'a> Answer<'a> {
    /// A whole answer of a model, in its own words or in Converse's.
    fn take(&mut self, value: &mut Scanner<'a>) -> Result<(), Stop> {
        value.object(|key, value| {
            match key {
                b"id" => self.id = value.text()?,
                b"stop_reason" | b"stopReason" => self.stop_reason = value.text()?,
                b"usage" => self.usage = value.span()?,
                b"serviceTier" => self.tier = value.member(b"type")?.text(),
                b"metrics" => self.latency = value.member(b"latencyMs")?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(())
    }

    /// One event of a stream: `message_start` holds the answer so far, `message_delta` its end, Converse's last event its usage.
    fn event(&mut self, value: &mut Scanner<'a>) -> Result<(), Stop> {
        value.object(|key, value| {
            match key {
                b"message" | b"metadata" => self.take(value)?,
                b"usage" if self.usage.is_empty() => self.usage = value.span()?,
                b"usage" => self.last_usage = value.span()?,
                b"delta" => self.stop_reason = value.member(b"stop_reason")?.text().or(self.stop_reason),
                b"messageStop" => self.stop_reason = value.member(b"stopReason")?.text().or(self.stop_reason),
                b"amazon-bedrock-invocationMetrics" => self.latency = value.member(b"invocationLatency")?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(())
    }

    /// What the answer says was used.
    fn tokens(&self) -> Result<Tokens, Rejection> {
        let mut all = tokens_of(self.usage)?;
        let last = tokens_of(self.last_usage)?;
        all.output = all.output.max(last.output);
        all.reasoning = all.reasoning.max(last.reasoning).min(all.output);
        Ok(all)
    }
}

/// A `usage` in Anthropic's words or in Converse's.
fn tokens_of(usage: &[u8]) -> Result<Tokens, Rejection> {
    let broken = |_: Stop| Rejection::Json;
    if usage.is_empty() {
        return Ok(Tokens::default());
    }
    let spoken = anthropic::usage(&mut Scanner::new(usage)).map_err(broken)?.unwrap_or_default().tokens()?;
    if spoken.is_empty() { bedrock::usage(&mut Scanner::new(usage)).map_err(broken)?.tokens() } else { Ok(spoken) }
}

impl<'a> Fields<'a> {
    fn usage(&self, zone: Zone) -> Result<Usage<'a>, Skip> {
        let tokens = self.tokens().map_err(Skip::Rejected)?;
        if self.model.is_empty() {
            return Err(if tokens.is_empty() { Skip::NotUsage } else { Skip::Rejected(Rejection::Model) });
        }
        let (user, key) = caller(self.arn);
        let said = &self.metadata;
        Ok(Usage {
            origin: Origin::Api,
            is_final: true,
            ids: Ids { response: self.answer.id, request: self.request, ..Ids::default() },
            time: number::time(self.timestamp, zone),
            tokens,
            model: self.model,
            provider: RawText::plain(b"bedrock"),
            dimensions: Dimensions {
                end_user: said.user,
                user,
                key_alias: key,
                team: said.team,
                project: said.project,
                feature: said.feature,
                session: said.session,
                ..Dimensions::default()
            },
            terms: Terms {
                tier: self.answer.tier,
                // What is forwarded to another region is billed in the one that was asked.
                region: self.region.or(self.inference_region),
                ..Terms::default()
            },
            status: if self.error.is_empty() { 200 } else { status(&self.error.bytes()) },
            latency_ms: number::lenient(self.answer.latency),
            stop_reason: self.answer.stop_reason,
            ..Usage::default()
        })
    }

    /// The log's own counts; the answer tells what they leave open.
    fn tokens(&self) -> Result<Tokens, Rejection> {
        let answer = self.answer.tokens()?;
        let or = |count: Scalar<'_>, other: u32| {
            if count.is_null() { Ok(other) } else { number::tokens(count) }
        };
        let written = or(self.input.cache_write, answer.cache_write_5m.saturating_add(answer.cache_write_1h))?;
        let cache_write_1h = answer.cache_write_1h.min(written);
        let output = or(self.output, answer.output)?;
        Ok(Tokens {
            input: or(self.input.count, answer.input)?,
            cache_read: or(self.input.cache_read, answer.cache_read)?,
            cache_write_5m: written - cache_write_1h,
            cache_write_1h,
            output,
            reasoning: answer.reasoning.min(output),
            web_searches: answer.web_searches,
        })
    }
}

/// Who called, and with what: the session and the role of `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, the user of
/// `arn:aws:iam::ACCOUNT:user/PATH/NAME`, else what stands behind the last colon.
fn caller(arn: RawText<'_>) -> (RawText<'_>, RawText<'_>) {
    let written = arn.as_written();
    let spelled = |part| if arn.is_escaped() { RawText::escaped(part) } else { RawText::plain(part) };
    let resource = &written[memrchr(b':', written).map_or(0, |at| at + 1)..];
    let Some(slash) = memrchr(b'/', resource) else { return (spelled(resource), RawText::NONE) };
    // Some writers escape a slash.
    let unescaped = |part: &'_ [u8]| part.len() - usize::from(part.ends_with(b"\\"));
    let before = &resource[..unescaped(&resource[..slash])];
    let role = [&b"assumed-role/"[..], br"assumed-role\/"].into_iter().find_map(|kind| before.strip_prefix(kind));
    (spelled(&resource[slash + 1..]), role.map_or(RawText::NONE, spelled))
}

/// The HTTP status of an error that the log only names.
fn status(error: &[u8]) -> u16 {
    match error {
        b"ThrottlingException" | b"ServiceQuotaExceededException" | b"ModelNotReadyException" => 429,
        b"ValidationException" => 400,
        b"AccessDeniedException" => 403,
        b"ResourceNotFoundException" => 404,
        b"ModelTimeoutException" => 408,
        b"ModelErrorException" => 424,
        b"ServiceUnavailableException" => 503,
        _ => 500,
    }
}
