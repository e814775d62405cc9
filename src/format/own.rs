//! costtop's own NDJSON: what `costtop events` prints and applications write. One object enters, at most one usage leaves.
//!
//! Identity: `request_id` (good at any length), `response_id`, `call_id`. Dimensions: each under its own name; `user_id` is the user,
//! `task_type` the feature, `key` the key's alias. `input_tokens` is uncached input only. Says [`Origin::Api`], always final.

mod key;

use crate::money::Cost;
use crate::time::{Timestamp, Zone};
use crate::usage::{ByMedium, Dimensions, Ids, Media, Origin, RawText, Rejection, Restated, Terms, Tokens, Usage};

use super::scanner::{Amount, Count, Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, finish, number};

use key::{AMOUNTS_FROM, KEPT, LEADS, MEDIA_FROM, SCALARS_FROM, TEXTS, TOKENS};
pub(super) use key::{Key, Order, speaks};

/// What a record reports, and what costtop said of it before.
type Amounts = (Option<Cost>, Option<Restated>);

/// The values of one record, unread.
pub(super) struct Fields<'a> {
    kind_of_record: Scalar<'a>,
    texts: [RawText<'a>; TEXTS],
    counts: [Count<'a>; AMOUNTS_FROM - TEXTS],
    amounts: [Amount<'a>; SCALARS_FROM - AMOUNTS_FROM],
    scalars: [Scalar<'a>; MEDIA_FROM - SCALARS_FROM],
    media: Media,
    /// Some count of a medium is none.
    broken_medium: bool,
}

/// Reads `record` if it has this format.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    order: &mut Order,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::new();
    let walked = fields.walk(record, &mut marks, order);
    finish(walked, marks, |format| format == Format::Own, each, |_| fields.usage(zone))
}

/// When a record that is beside usage says it happened.
pub(super) fn time(record: &[u8], zone: Zone) -> Option<Timestamp> {
    let of = |key: &[u8]| Scanner::new(record).member(key).unwrap_or(Scalar::Null);
    number::time(of(b"ts").or(of(b"timestamp")), zone)
}

impl<'a> Fields<'a> {
    /// Nothing read yet.
    pub(super) const fn new() -> Fields<'a> {
        Fields {
            kind_of_record: Scalar::Null,
            texts: [RawText::NONE; TEXTS],
            counts: [Count::Other(Scalar::Null); AMOUNTS_FROM - TEXTS],
            amounts: [Amount::Other(Scalar::Null); SCALARS_FROM - AMOUNTS_FROM],
            scalars: [Scalar::Null; MEDIA_FROM - SCALARS_FROM],
            media: Media { input: [0; 3], cache_read: [0; 3], output: [0; 3], is_split: false },
            broken_medium: false,
        }
    }

    fn walk(&mut self, record: &'a [u8], marks: &mut Marks, order: &mut Order) -> Result<(), Stop> {
        let mut scanner = Scanner::new(record);
        if scanner.open_object()? {
            let Order { first, after } = order;
            let (mut leads, mut guess, mut is_first) = (&LEADS[0], first, true);
            loop {
                if leads.get(*guess as usize).is_some_and(|lead| scanner.pass(lead)) {
                    self.keep(*guess, &mut scanner, marks)?;
                } else {
                    let name = if is_first { scanner.first_key()? } else { scanner.next_key()? };
                    let Some(name) = name else { break };
                    let name = name.bytes();
                    *guess = Key::of(&name);
                    if *guess == Key::Other {
                        marks.note(&name, &mut scanner)?;
                    } else {
                        self.keep_unguessed(*guess, &mut scanner, marks)?;
                    }
                }
                (leads, guess, is_first) = (&LEADS[1], &mut after[*guess as usize], false);
            }
        }
        scanner.end()
    }

    /// [`Fields::keep`] once more, where it need not be quick.
    #[inline(never)]
    fn keep_unguessed(&mut self, key: Key, scanner: &mut Scanner<'a>, marks: &mut Marks) -> Result<(), Stop> {
        self.keep(key, scanner, marks)
    }

    /// Keeps the value ahead, which is that of a key of ours.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the loop over a record's keys, which is most of what reading one costs")]
    pub(super) fn keep(&mut self, key: Key, scanner: &mut Scanner<'a>, marks: &mut Marks) -> Result<(), Stop> {
        marks.own |= key.speaks();
        // Few places read every value: a copy of the scanner for each key would not fit the processor's first cache.
        match key as usize {
            place @ ..TEXTS => self.texts[place] = scanner.text()?,
            place @ TEXTS..AMOUNTS_FROM => self.counts[place - TEXTS] = scanner.count()?,
            place @ AMOUNTS_FROM..SCALARS_FROM => self.amounts[place - AMOUNTS_FROM] = scanner.amount()?,
            place @ SCALARS_FROM..MEDIA_FROM => self.scalars[place - SCALARS_FROM] = scanner.scalar()?,
            place @ MEDIA_FROM..KEPT => self.keep_medium(place - MEDIA_FROM, scanner)?,
            _ => self.kind_of_record = marks.note_type(scanner)?,
        }
        Ok(())
    }

    #[inline(never)]
    fn keep_medium(&mut self, place: usize, scanner: &mut Scanner<'a>) -> Result<(), Stop> {
        let count = number::tokens(scanner.scalar()?);
        self.broken_medium |= count.is_err();
        let Media { input, cache_read, output, is_split } = &mut self.media;
        let part = [input, cache_read, output].into_iter().nth(place % 3);
        if let Some(part) = part.and_then(|part| part.get_mut(place / 3)) {
            *part = count.unwrap_or(0);
        }
        *is_split = *output != ByMedium::default();
        Ok(())
    }

    /// What a key of the first part says.
    #[inline]
    pub(super) const fn text(&self, key: Key) -> RawText<'a> {
        self.texts[key as usize]
    }

    /// What a key of the second part says.
    #[inline]
    const fn count(&self, key: Key) -> Count<'a> {
        self.counts[key as usize - TEXTS]
    }

    /// What a key of the third part says.
    #[inline]
    const fn amount(&self, key: Key) -> Amount<'a> {
        self.amounts[key as usize - AMOUNTS_FROM]
    }

    /// What a key of the fourth part says.
    #[inline]
    const fn value(&self, key: Key) -> Scalar<'a> {
        self.scalars[key as usize - SCALARS_FROM]
    }

    fn usage(&self, zone: Zone) -> Result<Usage<'a>, Skip> {
        let mut model = self.text(Key::Model);
        if let Scalar::Text(kind) = self.kind_of_record {
            match kind.bytes().as_ref() {
                b"adjustment" | b"transfer" | b"outcome" => return Err(Skip::Beside),
                b"charge" => model = model.or(self.text(Key::Kind)),
                _ => {}
            }
        }
        let states_tokens = self.counts[..TOKENS].iter().any(|count| !count.is_null());
        let amounts = self.amounts().map_err(Skip::Rejected)?;
        if !states_tokens && amounts == (None, None) {
            return Err(Skip::NotUsage);
        }
        let tokens = self.tokens().map_err(Skip::Rejected)?;
        // A part that its whole does not hold would be billed by halves.
        if self.broken_medium || (!self.media.is_text() && self.media.within(&tokens) != self.media) {
            return Err(Skip::Rejected(Rejection::Number));
        }
        if model.is(b"<synthetic>") {
            return Err(Skip::NotUsage);
        }
        // Money needs no model: it is known. Tokens do, or nobody can price them.
        if model.is_empty() && matches!(amounts, (None, None | Some(Restated::Unpriced))) {
            return Err(Skip::Rejected(Rejection::Model));
        }
        Ok(self.frame(zone, tokens, model, amounts))
    }

    /// Everything that stands around tokens and model.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a usage is large: it is built where it is needed")]
    pub(super) fn frame(&self, zone: Zone, tokens: Tokens, model: RawText<'a>, amounts: Amounts) -> Usage<'a> {
        let (reported, restated) = amounts;
        Usage {
            origin: Origin::Api,
            is_final: true,
            revision: number::lenient_count(self.count(Key::Revision)),
            cache_hit: self.value(Key::CacheHit).is_true(),
            ids: Ids {
                response: self.text(Key::ResponseId),
                request: self.text(Key::RequestId),
                call: self.text(Key::CallId),
                own_request: true,
                ..Ids::default()
            },
            time: self.time(zone),
            tokens,
            media: self.media,
            model,
            provider: self.text(Key::Provider),
            dimensions: Dimensions {
                user: self.text(Key::User).or(self.text(Key::UserId)),
                end_user: self.text(Key::EndUser),
                user_email: self.text(Key::UserEmail),
                key_alias: self.text(Key::Alias),
                team: self.text(Key::Team),
                project: self.text(Key::Project),
                feature: self.text(Key::Feature).or(self.text(Key::TaskType)),
                agent: self.text(Key::Agent),
                host: self.text(Key::Host),
                session: self.text(Key::Session),
                ..Dimensions::default()
            },
            terms: Terms {
                tier: self.text(Key::Tier),
                region: self.text(Key::Region),
                data_residency: self.text(Key::DataResidency),
                vertex_location: self.text(Key::VertexLocation),
                inference_geo: self.text(Key::InferenceGeo),
                speed: self.text(Key::Speed),
            },
            status: u16::try_from(number::lenient_count(self.count(Key::Status))).unwrap_or(0),
            latency_ms: number::lenient_count(self.count(Key::Latency)),
            stop_reason: self.text(Key::StopReason),
            max_tokens: number::lenient_count(self.count(Key::MaxTokens)),
            retry_of: self.text(Key::RetryOf),
            reported,
            restated,
            saved_pico: number::signed_pico(self.value(Key::Saved)),
            subscription: self.text(Key::Billing).is(b"subscription"),
            ..Usage::default()
        }
    }

    /// When it happened. Names that others use for a duration, too, are believed from 2000 on.
    #[inline]
    fn time(&self, zone: Zone) -> Option<Timestamp> {
        const YEAR_2000: Timestamp = Timestamp::from_ms(946_684_800_000);
        number::time(self.value(Key::Ts).or(self.value(Key::Timestamp)), zone).or_else(|| {
            let others = [Key::Time, Key::CreatedAt, Key::Created].map(|key| number::time(self.value(key), zone));
            others.into_iter().flatten().find(|time| *time >= YEAR_2000)
        })
    }

    /// `prompt_tokens` is `OpenAI`'s name, and includes the cache as it does there.
    fn tokens(&self) -> Result<Tokens, Rejection> {
        let output = number::count(self.count(Key::Output).or(self.count(Key::Completion)))?;
        let cache_read = number::count(self.count(Key::CacheRead).or(self.count(Key::Cached)))?;
        let cache_write_5m = number::count(self.count(Key::CacheWrite5m).or(self.count(Key::CacheWrite)))?;
        let cache_write_1h = number::count(self.count(Key::CacheWrite1h))?;
        let mut input = number::count(self.count(Key::Input))?;
        if self.count(Key::Input).is_null() {
            let prompt = number::count(self.count(Key::Prompt))?;
            input = prompt.saturating_sub(cache_read).saturating_sub(cache_write_5m).saturating_sub(cache_write_1h);
        }
        Ok(Tokens {
            input,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            output,
            reasoning: number::count(self.count(Key::Reasoning))?.min(output),
            web_searches: number::count(self.count(Key::WebSearches))?,
        })
    }

    /// What the record reports, and what costtop said before. `cost_source` tells which of the two `cost_usd` is.
    pub(super) fn amounts(&self) -> Result<Amounts, Rejection> {
        let cost = number::amount(self.amount(Key::Cost))?;
        let computed = number::amount(self.amount(Key::Computed))?.map(Restated::Computed);
        let source = self.text(Key::CostSource);
        Ok(if source.is_empty() {
            (cost, computed)
        } else if source.is(b"computed") {
            (None, cost.map(Restated::Computed).or(computed))
        } else if source.is(b"unpriced") {
            (None, Some(Restated::Unpriced))
        } else if source.is(b"reported") && cost.is_some() {
            // Printed beside every reported cost that has one: where there is none, no table had a price.
            (cost, computed.or(Some(Restated::Unpriced)))
        } else {
            (cost, computed)
        })
    }
}
