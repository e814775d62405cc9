//! The API's answer as an application logged it, at the top of a record or wrapped. One object enters, at most one usage leaves.
//!
//! Whose answer it is, its `usage` alone tells: each provider's counts have names of their own (docs/formats.md). Identity: the
//! answer's `id`, and costtop's own names where the application wrote them beside it. Says [`Origin::Api`](crate::usage::Origin),
//! always final. Prompts and answers are passed over.

use memchr::memmem;

use crate::money::Cost;
use crate::time::Zone;
use crate::usage::{Media, RawText, Rejection, Tokens, Usage};

use super::own::{self, Key};
use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, anthropic, bedrock, finish, gemini, number, openai, responses};

/// Under this key the last chunk of a streamed `InvokeModel` says what the whole of it used.
const INVOCATION: &[u8] = b"amazon-bedrock-invocationMetrics";

/// Where an answer can stand; of several the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Top,
    Response,
    ResponseBody,
    Body,
    ResultMessage,
}

/// Which places hold a provider's own usage, and whose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    usage: Option<Format>,
    metadata: Option<Format>,
    metrics: Option<Format>,
    response: Option<Format>,
    response_body: Option<Format>,
    body: Option<Format>,
    message: Option<Format>,
}

impl Places {
    /// The place that counts, and whose answer stands there.
    #[inline]
    fn first(self) -> Option<(Place, Format)> {
        [
            (Place::Top, self.usage.or(self.metadata).or(self.metrics)),
            (Place::Response, self.response),
            (Place::ResponseBody, self.response_body),
            (Place::Body, self.body),
            (Place::ResultMessage, self.message),
        ]
        .into_iter()
        .find_map(|(place, format)| format.map(|format| (place, format)))
    }

    /// Whose answer counts.
    #[inline]
    pub(super) fn format(self) -> Option<Format> {
        // Most records hold no answer, and nothing needs to be put in order then.
        let Places { usage, metadata, metrics, response, response_body, body, message } = self;
        if [usage, metadata, metrics, response, response_body, body, message].iter().all(Option::is_none) {
            return None;
        }
        self.first().map(|(_, format)| format)
    }

    /// Notes a top-level key if it can hold an answer; then its value was passed over.
    pub(super) fn note(&mut self, key: &[u8], value: &mut Scanner<'_>) -> Result<bool, Stop> {
        match key {
            b"usage" => self.usage = whose(value)?,
            b"usageMetadata" | b"usage_metadata" => self.metadata = whose_metadata(value)?,
            INVOCATION => self.metrics = whose_metrics(value)?,
            b"response" => self.note_response(value).map(drop)?,
            b"body" => self.body = inside(value)?,
            b"result" => {
                self.message = None;
                value.object(|key, value| {
                    if key == b"message" {
                        self.message = inside(value)?;
                        return Ok(());
                    }
                    value.skip()
                })?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Notes the value of `response`, and returns the service tier in it, which a gateway's record needs.
    pub(super) fn note_response<'a>(&mut self, value: &mut Scanner<'a>) -> Result<RawText<'a>, Stop> {
        let (mut usage, mut metadata, mut metrics, mut tier) = (None, None, None, RawText::NONE);
        self.response_body = None;
        value.object(|key, value| {
            match key {
                b"usage" => usage = whose(value)?,
                b"usageMetadata" | b"usage_metadata" => metadata = whose_metadata(value)?,
                INVOCATION => metrics = whose_metrics(value)?,
                b"body" => self.response_body = inside(value)?,
                b"service_tier" => tier = value.scalar()?.text(),
                _ => value.skip()?,
            }
            Ok(())
        })?;
        self.response = usage.or(metadata).or(metrics);
        Ok(tier)
    }
}

/// Whose answer the object ahead is.
fn inside(value: &mut Scanner<'_>) -> Result<Option<Format>, Stop> {
    let (mut usage, mut metadata, mut metrics) = (None, None, None);
    value.object(|key, value| {
        match key {
            b"usage" => usage = whose(value)?,
            b"usageMetadata" | b"usage_metadata" => metadata = whose_metadata(value)?,
            INVOCATION => metrics = whose_metrics(value)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(usage.or(metadata).or(metrics))
}

/// Whose `usage` the object ahead is, by the names in it.
fn whose(value: &mut Scanner<'_>) -> Result<Option<Format>, Stop> {
    let (mut chat, mut snake, mut camel, mut total, mut includes, mut excludes) =
        (false, false, false, false, false, false);
    value.object(|key, value| {
        match key {
            b"prompt_tokens" | b"completion_tokens" => chat = true,
            b"input_tokens" | b"output_tokens" => snake = true,
            b"inputTokens" | b"outputTokens" => camel = true,
            b"total_tokens" => total = true,
            b"input_tokens_details" | b"input_token_details" => includes = value.peek() == Some(b'{'),
            b"cache_read_input_tokens" | b"cache_creation_input_tokens" | b"cache_creation" => excludes = true,
            _ => {}
        }
        value.skip()
    })?;
    Ok(match () {
        () if chat => Some(Format::OpenAiChat),
        // The same two names for opposite meanings: only what stands beside them tells.
        () if snake && (includes || (total && !excludes)) => Some(Format::OpenAiResponses),
        () if snake => Some(Format::Anthropic),
        () if camel => Some(Format::Bedrock),
        () if total => Some(Format::OpenAiChat),
        () => None,
    })
}

/// Whether the object ahead is Bedrock's account of an invocation.
fn whose_metrics(value: &mut Scanner<'_>) -> Result<Option<Format>, Stop> {
    let mut known = false;
    value.object(|key, value| {
        known |= matches!(key, b"inputTokenCount" | b"outputTokenCount");
        value.skip()
    })?;
    Ok(known.then_some(Format::Bedrock))
}

/// Whether the object ahead is Gemini's.
fn whose_metadata(value: &mut Scanner<'_>) -> Result<Option<Format>, Stop> {
    let mut known = false;
    value.object(|key, value| {
        known |= matches!(
            key,
            b"promptTokenCount"
                | b"candidatesTokenCount"
                | b"totalTokenCount"
                | b"prompt_token_count"
                | b"candidates_token_count"
                | b"total_token_count"
        );
        value.skip()
    })?;
    Ok(known.then_some(Format::Gemini))
}

/// What an answer says of itself, unread. Costtop's own names, which can stand among it at the top of a record, are not taken here.
#[derive(Default)]
struct Body<'a> {
    id: RawText<'a>,
    model: RawText<'a>,
    provider: RawText<'a>,
    created: Scalar<'a>,
    created_at: Scalar<'a>,
    create_time: Scalar<'a>,
    tier: RawText<'a>,
    stop_reason: RawText<'a>,
    max_tokens: Scalar<'a>,
    request: RawText<'a>,
    usage: &'a [u8],
    metadata: &'a [u8],
    metrics: &'a [u8],
    output: &'a [u8],
}

impl<'a> Body<'a> {
    /// Keeps the value ahead if the key is an answer's; `false`: nothing was read.
    fn take(&mut self, key: &[u8], value: &mut Scanner<'a>) -> Result<bool, Stop> {
        match key {
            b"id" | b"responseId" | b"response_id" => self.id = value.text()?,
            b"model" | b"modelVersion" | b"model_version" | b"modelId" => self.model = value.text()?,
            b"provider" => self.provider = value.text()?,
            b"created" => self.created = value.scalar()?,
            b"created_at" => self.created_at = value.scalar()?,
            b"createTime" | b"create_time" => self.create_time = value.scalar()?,
            b"service_tier" => self.tier = value.text()?,
            b"serviceTier" => self.tier = value.member(b"type")?.text(),
            b"stop_reason" | b"stopReason" => self.stop_reason = value.text()?,
            b"choices" | b"candidates" => self.stop_reason = finish_reason(value)?,
            b"max_output_tokens" => self.max_tokens = value.scalar()?,
            b"ResponseMetadata" => self.request = value.member(b"RequestId")?.text(),
            b"usage" => self.usage = value.span()?,
            b"usageMetadata" | b"usage_metadata" => self.metadata = value.span()?,
            INVOCATION => self.metrics = value.span()?,
            b"output" => self.output = value.span()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read(object: &'a [u8]) -> Result<Body<'a>, Stop> {
        let mut body = Body::default();
        Scanner::new(object).object(|key, value| if body.take(key, value)? { Ok(()) } else { value.skip() })?;
        Ok(body)
    }
}

/// Why the last of the alternatives in the array ahead ended.
fn finish_reason<'a>(value: &mut Scanner<'a>) -> Result<RawText<'a>, Stop> {
    let mut last = RawText::NONE;
    value.array(|element| {
        element.object(|key, value| {
            if matches!(key, b"finish_reason" | b"finishReason") {
                last = value.text()?;
                return Ok(());
            }
            value.skip()
        })?;
        Ok(())
    })?;
    Ok(last)
}

/// The member of that name in a checked object; empty if there is none. The last counts.
fn member<'a>(object: &'a [u8], name: &[u8]) -> Result<&'a [u8], Stop> {
    let mut found: &[u8] = b"";
    Scanner::new(object).object(|key, value| {
        let span = value.span()?;
        if key == name {
            found = span;
        }
        Ok(())
    })?;
    Ok(found)
}

/// One record that holds an answer, unread.
struct Logged<'a> {
    own: own::Fields<'a>,
    /// What an answer would say at the top.
    top: Body<'a>,
    response: &'a [u8],
    body: &'a [u8],
    result: &'a [u8],
    /// `custom_id` is there: a line of a batch's results.
    batch_item: bool,
}

/// Reads `record` if it is an answer.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    each: &mut E,
) -> Reading {
    let mut logged = Logged {
        own: own::Fields::new(),
        top: Body::default(),
        response: b"",
        body: b"",
        result: b"",
        batch_item: false,
    };
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|name, value| {
        let key = Key::of(name);
        if key != Key::Other {
            return logged.own.keep(key, value, &mut marks);
        }
        match name {
            b"custom_id" => logged.batch_item = true,
            b"response" => logged.response = value.clone().span()?,
            b"body" => logged.body = value.clone().span()?,
            b"result" => logged.result = value.clone().span()?,
            // Kept and noted.
            b"usage" | b"usageMetadata" | b"usage_metadata" | INVOCATION => {
                let _: bool = logged.top.take(name, &mut value.clone())?;
            }
            _ if logged.top.take(name, value)? => return Ok(()),
            _ => {}
        }
        marks.note(name, value)
    });
    let place = marks.answers.first().map_or(Place::Top, |(place, _)| place);
    let reading = finish(walked.and_then(|_| scanner.end()), marks, Format::is_answer, each, |format| {
        logged.with_body(place, |body, is_batch| logged.usage_of(body, format, is_batch, zone))
    });
    if let Reading::Done(Format::Anthropic) = reading {
        logged.advisors(place, zone, each);
    }
    reading
}

impl<'a> Logged<'a> {
    /// Hands the answer at `place` to `read`, and whether it is an item of a batch.
    fn with_body<T>(&self, place: Place, read: impl FnOnce(&Body<'a>, bool) -> Result<T, Skip>) -> Result<T, Skip> {
        // Everything was checked with the record.
        let broken = |_: Stop| Skip::Rejected(Rejection::Json);
        let object = match place {
            Place::Top => return read(&self.top, false),
            Place::Response => self.response,
            Place::ResponseBody => member(self.response, b"body").map_err(broken)?,
            Place::Body => self.body,
            Place::ResultMessage => member(self.result, b"message").map_err(broken)?,
        };
        let mut body = Body::read(object).map_err(broken)?;
        if place == Place::ResponseBody {
            let request = Scanner::new(self.response).member(b"request_id").map_err(broken)?;
            body.request = body.request.or(request.text());
        }
        read(&body, self.batch_item && matches!(place, Place::ResponseBody | Place::ResultMessage))
    }

    /// The other models that an answer of Anthropic's asked for advice.
    fn advisors<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(&self, place: Place, zone: Zone, each: &mut E) {
        let read = |body: &Body<'a>, is_batch| {
            let asked = self.usage_of(body, Format::Anthropic, is_batch, zone)?;
            if let Ok(Some(counts)) = anthropic::usage(&mut Scanner::new(body.usage)) {
                counts.advisors(&asked, each);
            }
            Ok(())
        };
        // What refuses the answer was told with it.
        let _: Result<(), Skip> = self.with_body(place, read);
    }

    fn usage_of(&self, body: &Body<'a>, format: Format, is_batch: bool, zone: Zone) -> Result<Usage<'a>, Skip> {
        let (own, top) = (&self.own, &self.top);
        let counted = Counted::of(body, format).map_err(Skip::Rejected)?;
        let mut model = body.model.or(own.text(Key::Model)).or(top.model);
        if model.is(b"<synthetic>") {
            return Err(Skip::NotUsage);
        }
        if model.is_empty() {
            return Err(Skip::Rejected(Rejection::Model));
        }
        if format == Format::Gemini {
            model = without_path(model);
        }
        let (reported, restated) = own.amounts().map_err(Skip::Rejected)?;
        let mut usage = own.frame(zone, counted.tokens, model, (reported.or(counted.cost), restated));
        usage.media = counted.media;
        usage.time = usage.time.or_else(|| {
            [body.created, body.created_at, body.create_time].into_iter().find_map(|value| number::time(value, zone))
        });
        usage.ids.response = usage.ids.response.or(body.id);
        if usage.ids.request.is_empty() {
            (usage.ids.request, usage.ids.own_request) = (body.request, false);
        }
        usage.provider = usage.provider.or(body.provider).or(provider(format, model, &counted));
        let terms = &mut usage.terms;
        // How a request was sent is not what was served: an item of a batch is one, whatever tier its answer names.
        terms.tier = if is_batch || terms.tier.bytes().eq_ignore_ascii_case(b"batch") {
            RawText::plain(b"batch")
        } else {
            counted.tier.or(body.tier).or(terms.tier)
        };
        terms.inference_geo = counted.geo.or(terms.inference_geo);
        terms.speed = counted.speed.or(terms.speed);
        usage.stop_reason = usage.stop_reason.or(body.stop_reason);
        if usage.max_tokens == 0 {
            usage.max_tokens = number::lenient(body.max_tokens);
        }
        Ok(usage)
    }
}

/// What a provider's usage object says.
#[derive(Default)]
struct Counted<'a> {
    tokens: Tokens,
    media: Media,
    cost: Option<Cost>,
    tier: RawText<'a>,
    geo: RawText<'a>,
    speed: RawText<'a>,
    /// Gemini's `trafficType`, which only Vertex states.
    is_vertex: bool,
}

impl<'a> Counted<'a> {
    fn of(body: &Body<'a>, format: Format) -> Result<Counted<'a>, Rejection> {
        let broken = |_: Stop| Rejection::Json;
        let mut usage = Scanner::new(if format == Format::Gemini { body.metadata } else { body.usage });
        Ok(match format {
            Format::OpenAiChat => {
                let counts = openai::usage(&mut usage).map_err(broken)?;
                let (tokens, cost) = (counts.tokens()?, counts.cost()?);
                let (media, tier) = (counts.media(&tokens)?, counts.tier);
                Counted { tokens, media, cost, tier, geo: counts.geo, speed: counts.speed, is_vertex: false }
            }
            Format::OpenAiResponses => {
                let counts = responses::usage(&mut usage).map_err(broken)?;
                let tokens = counts.tokens(responses::web_searches(body.output))?;
                Counted { tokens, media: counts.media(&tokens)?, tier: counts.tier, ..Counted::default() }
            }
            Format::Gemini => {
                let counts = gemini::usage(&mut usage).map_err(broken)?;
                let (tokens, is_vertex) = (counts.tokens()?, !counts.traffic.is_empty());
                Counted { tokens, media: counts.media(&tokens)?, tier: counts.traffic, is_vertex, ..Counted::default() }
            }
            Format::Bedrock => {
                if whose(&mut usage.clone()) != Ok(Some(Format::Bedrock)) {
                    usage = Scanner::new(body.metrics);
                }
                let counts = bedrock::usage(&mut usage).map_err(broken)?;
                Counted { tokens: counts.tokens()?, ..Counted::default() }
            }
            _ => {
                let counts = anthropic::usage(&mut usage).map_err(broken)?.unwrap_or_default();
                let tokens = counts.with_compactions()?;
                Counted { tokens, tier: counts.tier, geo: counts.geo, speed: counts.speed, ..Counted::default() }
            }
        })
    }
}

/// Who answered, where nobody says so. Chat completions are spoken by too many to tell.
fn provider(format: Format, model: RawText<'_>, counted: &Counted<'_>) -> RawText<'static> {
    match format {
        Format::Anthropic if model.bytes().starts_with(b"claude") => RawText::plain(b"anthropic"),
        Format::Gemini if counted.is_vertex => RawText::plain(b"vertex_ai"),
        Format::Gemini => RawText::plain(b"gemini"),
        Format::Bedrock => RawText::plain(b"bedrock"),
        _ => RawText::NONE,
    }
}

/// Gemini's model without the path that its API puts before it (`models/`, `publishers/google/models/`).
fn without_path(model: RawText<'_>) -> RawText<'_> {
    const LAST: &[u8] = b"models/";
    match memmem::rfind(model.as_written(), LAST) {
        Some(at) if at + LAST.len() < model.as_written().len() && model == RawText::plain(model.as_written()) => {
            RawText::plain(&model.as_written()[at + LAST.len()..])
        }
        _ => model,
    }
}
