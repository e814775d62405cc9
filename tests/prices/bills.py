"""Bills made from the billing rules of docs/prices.md by decimals, and nothing else: what tests/fixtures/prices/bills.jsonl holds.

    python3 tests/prices/bills.py model_prices_and_context_window.json SEED COUNT > tests/fixtures/prices/bills.jsonl

Each line has a request as a provider's API answers it, the counts that it means and the dollars that it costs. It shares no code with
costtop, and knows only how the price map is spelled.
"""
import datetime
import json
import random
import re
import sys
from decimal import ROUND_HALF_EVEN, Decimal, getcontext

getcontext().prec = 60
INPUT, OUTPUT = "input_cost_per_token", "output_cost_per_token"
READ, WRITE = "cache_read_input_token_cost", "cache_creation_input_token_cost"
HOUR = WRITE + "_above_1hr"
MEDIA = ("audio", "image", "video")
# What output is that nobody splits.
ANSWERS = {"image_generation": "image", "audio_speech": "audio"}
ABOVE = re.compile(r"_above_(\d+)(k?)_tokens")


def number(value):
    """A price of the map, exact; None where there is none."""
    return None if value is None or isinstance(value, (dict, list, bool)) else Decimal(str(value))


def threshold(entry, prompt, inclusive):
    """The suffix of the rates above the greatest threshold that the prompt passes."""
    passed = {}
    for key in entry:
        found = ABOVE.search(key)
        if key.startswith(INPUT) and found:
            limit = int(found[1]) * (1000 if found[2] else 1)
            if prompt > limit or inclusive and prompt == limit:
                passed[limit] = found[0]
    return passed[max(passed)] if passed else ""


def is_quiet(block, at):
    def within(hours):
        for span in [hours] if isinstance(hours, str) else hours or []:
            start, end = ((int(h), int(m)) for h, m in (clock.split(":") for clock in span.split("-")))
            now = (at.hour, at.minute)
            if start == end or (start <= now < end if start < end else now >= start or now < end):
                return True
        return False

    if within(block.get("hours_utc")):
        return True
    return any(at.isoweekday() in rule["weekdays"] and within(rule["hours_utc"]) for rule in block.get("windows", []))


def rates(entry, provider, tier, prompt, at):
    """What a token costs: uncached, read, 5 m write, 1 h write, output, reasoning."""
    above = threshold(entry, prompt, provider == "xai")
    get = lambda key: number(entry.get(key))
    suffix = "" if tier in (None, "default", "standard", "batch") else "_" + tier

    def rate(base):
        for key in (base + above + suffix, base + suffix if not above else None, base + above, base):
            if key and get(key) is not None:
                return get(key)
        return None

    kinds = [rate(base) for base in (INPUT, READ, WRITE, HOUR, OUTPUT)]
    # A tier that states no rate of its own for reasoning bills it as its output.
    thought = get("output_cost_per_reasoning_token" + suffix)
    ranges = entry.get("tiered_pricing")
    if ranges:
        found = [r for r in ranges if r["range"][0] < prompt <= r["range"][1]]
        held = found[0] if found else (ranges[0] if prompt <= 0 else ranges[-1])
        own = lambda key: number(held.get(key))
        kinds = [own(INPUT), own(READ), own(WRITE), own(HOUR), own(OUTPUT)]
        kinds[4] = kinds[4] if kinds[4] is not None else get(OUTPUT)
        thought = own("output_cost_per_reasoning_token")
    quiet = entry.get("off_peak_pricing")
    if quiet and is_quiet(quiet, at):
        own = lambda key, other: other if quiet.get(key) is None else number(quiet[key])
        kinds = [own(key, kind) for key, kind in zip((INPUT, READ, WRITE, HOUR, OUTPUT), kinds)]
        thought = own("output_cost_per_reasoning_token", thought)
    plain, read, write, hour, out = kinds
    read = (plain / 2 if provider == "fireworks_ai" else plain) if read is None else read
    write = plain if write is None else write
    hour = write if hour is None else hour
    thought = out if thought is None else thought
    kinds = [plain, read, write, hour, out, thought]
    if out is None:
        kinds[4] = kinds[5] = next(number(entry[key]) for medium in ("image", "audio", "video")
                                   if (key := f"output_cost_per_{medium}_token") in entry)
    if tier == "batch":
        halves = [kind / 2 for kind in kinds]
        stated = lambda base: get(base + above + "_batches") if above else get(base + "_batches")
        plain = stated(INPUT)
        if plain is not None:
            halves[0] = plain
        for place, base in ((1, READ), (2, WRITE)):
            if stated(base) is not None:
                halves[place] = stated(base)
            elif get(INPUT + "_batches") is not None and get(base + "_batches") is None:
                halves[place] = halves[0]
        if stated(OUTPUT) is not None:
            own = get("output_cost_per_reasoning_token") is not None
            halves[4] = stated(OUTPUT)
            halves[5] = halves[5] if own else halves[4]
        kinds = halves
    return kinds


def media_rates(entry, medium, tier, kinds, above):
    """What a token of a medium costs: uncached, read, output."""
    suffix = {None: "", "default": "", "standard": "", "batch": "_batches"}.get(tier, f"_{tier}")
    plain, read, _, _, out, _ = kinds

    def in_proportion(rate, now, usual):
        return (rate * now / usual).quantize(Decimal("5e-19"), ROUND_HALF_EVEN) if rate is not None and usual else None

    def rate(base, text, now):
        stated, usual = number(entry.get(base + above + suffix)), number(entry.get(base))
        if stated is not None or usual is None:
            return now if stated is None else stated
        for text, now in ((text, now), (INPUT, plain)):
            found = in_proportion(usual, now, number(entry.get(text)))
            if found is not None:
                return found
        return usual

    fresh = rate(f"input_cost_per_{medium}_token", INPUT, plain)
    base = f"cache_read_input_{medium}_token_cost"
    if entry.get(base) is not None:
        cached = rate(base, READ, read)
    else:
        cached = number(entry.get(base + above + suffix))
        cached = in_proportion(fresh, read, plain) if cached is None else cached
    return fresh, read if cached is None else cached, rate(f"output_cost_per_{medium}_token", OUTPUT, out)


def bill(entry, provider, terms, counts, at, media):
    fresh, read, write, hour, out, thought, searches = counts
    prompt = fresh + read + write + hour
    kinds = rates(entry, provider, terms.get("tier"), prompt, at)
    amounts = [fresh, read, write, hour, out - thought, thought]
    total = Decimal(0)
    medium = None if provider in ("gemini", "vertex_ai") else ANSWERS.get(entry.get("mode"))
    if medium and f"output_cost_per_{medium}_token" in entry and not media["split"]:
        media[medium][2] = out - thought
    for medium in MEDIA:
        of_medium = media_rates(entry, medium, terms.get("tier"), kinds, threshold(entry, prompt, provider == "xai"))
        for place, amount, kind in zip((0, 1, 4), media[medium], of_medium):
            amounts[place] -= amount
            total += Decimal(amount) * kind
    total += sum(Decimal(amount) * kind for amount, kind in zip(amounts, kinds))
    special = entry.get("provider_specific_entry") or {}
    if provider == "anthropic":
        total *= number(special.get("us", 1)) if terms.get("inference_geo") == "us" else 1
        total *= number(special.get("fast", 1)) if terms.get("speed") == "fast" else 1
    if terms.get("data_residency"):
        total *= number(entry.get("regional_processing_uplift_multiplier_" + terms["data_residency"], 1))
    if provider == "vertex_ai" and terms.get("vertex_location") not in (None, "global"):
        total *= number(entry.get("regional_endpoint_uplift_multiplier", 1))
    fees = entry.get("search_context_cost_per_query") or {"search_context_size_medium": 0.01}
    return total + searches * number(fees["search_context_size_medium"])


FORMATS = {
    "anthropic": "anthropic", "vertex_ai-anthropic_models": "anthropic", "gemini": "gemini", "vertex_ai-language-models": "gemini",
    "bedrock": "bedrock", "bedrock_converse": "bedrock",
}
CHAT = ("openai azure xai deepseek mistral groq moonshot zai dashscope cerebras together_ai fireworks_ai openrouter minimax volcengine"
        " azure_ai deepinfra").split()
EDGES = [limit + step for limit in (32_000, 100_000, 128_000, 200_000, 256_000, 272_000, 512_000) for step in (-1, 0, 1)]


def models(table):
    """Text models by provider."""
    by_provider = {}
    for name, entry in table.items():
        maker = entry.get("litellm_provider")
        shape = FORMATS.get(maker) or ("openai" if maker in CHAT else None)
        outputs = [OUTPUT, *(f"output_cost_per_{medium}_token" for medium in MEDIA)]
        priced = number(entry.get(INPUT)) and any(number(entry.get(key)) is not None for key in outputs)
        modes = ("chat", "responses", "realtime", "image_generation", "audio_speech", "audio_transcription")
        if not shape or not (priced or entry.get("tiered_pricing")) or entry.get("mode") not in modes or name.startswith("together-ai-"):
            continue
        provider = re.sub("_converse$|-(anthropic|language)[-_]models$", "", maker)
        # Which of two entries a name means is not this file's subject, nor are fees of another kind.
        if f"{provider}/{name}" in table or "input_cost_per_request" in entry or "code_interpreter" in name:
            continue
        by_provider.setdefault(provider, []).append((name, shape, entry))
    return by_provider


def count(r, most):
    return r.choice([0, 1, r.randint(0, 100), r.randint(0, 5_000), r.randint(0, most)])


def parts(r, total, pieces):
    cuts = [0, *sorted(r.randint(0, total) for _ in range(pieces - 1)), total]
    return [end - start for start, end in zip(cuts, cuts[1:])]


def split(r, prompt, read, out, is_spoken):
    """Media of a prompt, of what was read of it (None: nobody says) and of an output; what is left is text."""
    media = {medium: [0, 0, 0] for medium in MEDIA}
    if r.random() < 0.6:
        return media, dict.fromkeys(MEDIA, 0), None
    *some, _ = parts(r, prompt, 4)
    of_prompt = dict(zip(MEDIA, (part * r.randint(0, 1) for part in some)))
    text, of_read = prompt - sum(of_prompt.values()), None
    if r.random() < 0.5:
        of_read, left = {}, read
        for medium in MEDIA:
            # What the cache held of media is at least what does not fit into the rest.
            others = text + sum(of_prompt[other] for other in MEDIA if other not in of_read and other != medium)
            of_read[medium] = r.randint(max(0, left - others), min(left, of_prompt[medium]))
            left -= of_read[medium]
    held = of_read
    if held is None:
        held, beyond = {}, max(0, read - text)
        for medium in reversed(MEDIA):
            held[medium] = min(beyond, of_prompt[medium])
            beyond -= held[medium]
    answer = parts(r, out, 3) if is_spoken else [0, 0, out]
    for medium, part in zip(MEDIA, (answer[0], answer[1], 0)):
        media[medium] = [of_prompt[medium] - held[medium], held[medium], part]
    media["split"] = is_spoken and out > 0
    return media, of_prompt, of_read


def case(r, by_provider, place):
    provider = r.choice(sorted(by_provider))
    name, shape, entry = r.choice(by_provider[provider])
    if r.random() < 0.25:
        has_media = lambda entry: any("_audio_token" in key or "_image_token" in key for key in entry)
        heard = [(provider, *model) for provider, all_of_it in by_provider.items() for model in all_of_it if has_media(model[2])]
        provider, name, shape, entry = r.choice(heard)
    prompt, out = r.choice([r.choice(EDGES), count(r, 400_000), count(r, 20_000)]), count(r, 20_000)
    at = datetime.datetime(2026, 11, r.randint(16, 22), r.randint(0, 23), r.choice([0, 30, 59]), tzinfo=datetime.timezone.utc)
    terms, searches, thought = {}, 0, 0
    media = {medium: [0, 0, 0] for medium in MEDIA}
    is_spoken = r.random() < 0.5
    if provider in ("openai", "azure", "gemini"):
        terms["tier"] = r.choice([None, None, "flex", "priority", "batch"])
    elif provider == "anthropic":
        terms["tier"] = r.choice([None, None, "batch"])
    elif provider == "bedrock":
        terms["tier"] = r.choice([None, None, "flex", "priority"])
    fresh, read, write, hour = parts(r, prompt, 4) if r.random() < 0.7 else [prompt, 0, 0, 0]
    if shape == "anthropic":
        usage = {"input_tokens": fresh, "cache_creation_input_tokens": write + hour, "cache_read_input_tokens": read,
                 "output_tokens": out, "service_tier": "batch" if terms.get("tier") == "batch" else "standard"}
        if hour or r.random() < 0.8:
            usage["cache_creation"] = {"ephemeral_5m_input_tokens": write, "ephemeral_1h_input_tokens": hour}
        if provider == "anthropic":
            for key, said in (("inference_geo", ["us", "global", "not_available"]), ("speed", ["fast", "standard"])):
                if r.random() < 0.2:
                    usage[key] = terms[key] = r.choice(said)
            if r.random() < 0.15:
                searches = r.randint(0, 4)
                usage["server_tool_use"] = {"web_search_requests": searches, "web_fetch_requests": r.randint(0, 4)}
    elif shape == "gemini":
        read, write, hour = read + write + hour, 0, 0
        thought = count(r, 5_000)
        media, of_prompt, of_read = split(r, prompt, read, out, is_spoken)
        listed = lambda of, whole: [{"modality": "TEXT", "tokenCount": whole - sum(of.values())},
                                    *({"modality": medium.upper(), "tokenCount": of[medium]} for medium in MEDIA if of[medium])]
        usage = {"promptTokenCount": prompt, "candidatesTokenCount": out, "totalTokenCount": prompt + out + thought,
                 "promptTokensDetails": listed(of_prompt, prompt)}
        usage.update({"cacheTokensDetails": listed(of_read, read)} if of_read and read else {})
        if media.get("split"):
            usage["candidatesTokensDetails"] = listed({medium: media[medium][2] for medium in MEDIA}, out)
        usage.update({"thoughtsTokenCount": thought} if thought else {})
        usage.update({"cachedContentTokenCount": read} if read else {})
        out += thought
    elif shape == "bedrock":
        if r.random() < 0.6:
            write, hour = write + hour, 0
        usage = {"inputTokens": fresh, "outputTokens": out, "totalTokens": prompt + out, "cacheReadInputTokens": read,
                 "cacheWriteInputTokens": write + hour}
        if hour:
            usage["cacheDetails"] = [{"ttl": "1h", "inputTokens": hour}, {"ttl": "5m", "inputTokens": write}]
    else:
        fresh, hour, thought = fresh + hour, 0, r.randint(0, out)
        if r.random() < 0.6:
            fresh, write = fresh + write, 0
        inside = {"cached_tokens": read, **({"cache_write_tokens": write} if write else {})}
        of_answer = {}
        if not write and provider in ("openai", "azure"):
            media, of_prompt, of_read = split(r, prompt, read, out - thought, is_spoken)
            counted = lambda of: {f"{medium}_tokens": of[medium] for medium in MEDIA}
            inside.update(counted(of_prompt))
            inside.update({"cached_tokens_details": counted(of_read)} if of_read else {})
            if media.get("split"):
                of_answer = counted({medium: media[medium][2] for medium in MEDIA})
                of_answer["text_tokens"] = out - thought - sum(of_answer.values())
        if provider == "openai" and r.random() < 0.3:
            s = "s" if r.random() < 0.7 else ""
            usage = {"input_tokens": prompt, f"input_token{s}_details": inside, "output_tokens": out,
                     f"output_token{s}_details": {"reasoning_tokens": thought, **of_answer}, "total_tokens": prompt + out}
        elif provider == "xai" and thought and r.random() < 0.5:
            usage = {"prompt_tokens": prompt, "completion_tokens": out, "total_tokens": prompt + out + thought,
                     "prompt_tokens_details": {**inside, "text_tokens": prompt},
                     "completion_tokens_details": {"reasoning_tokens": thought}}
            out += thought
        else:
            usage = {"prompt_tokens": prompt, "completion_tokens": out, "total_tokens": prompt + out,
                     "prompt_tokens_details": {"audio_tokens": 0, **inside},
                     "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": 0, **of_answer}}
        if provider == "openai" and terms["tier"] is None and r.random() < 0.2:
            terms["data_residency"] = r.choice(["eu", "us"])
    if provider == "vertex_ai":
        terms["vertex_location"] = r.choice(["us-east5", "europe-west1", "global", None])
    counts = [fresh, read, write, hour, out, thought, searches]
    stated = {"service_tier": terms.get("tier"), "data_residency": terms.get("data_residency"),
              "vertex_location": terms.get("vertex_location")}
    line = {"provider": provider, "model": name, "ts": at.isoformat(), "request_id": f"bill-{place:08}",
            **{key: value for key, value in stated.items() if value}}
    line["usageMetadata" if shape == "gemini" else "usage"] = usage
    media.setdefault("split", False)
    cost = bill(entry, provider, terms, counts, at, media)
    return {"line": line, "tokens": counts, "cost": f"{cost:.18f}"}


def main():
    path, seed, most = sys.argv[1:4]
    with open(path, encoding="utf-8") as file:
        by_provider = models(json.load(file))
    r = random.Random(int(seed))
    for place in range(int(most)):
        print(json.dumps(case(r, by_provider, place), separators=(",", ":")))


if __name__ == "__main__":
    main()
