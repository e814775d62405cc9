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
from decimal import Decimal, getcontext

getcontext().prec = 60
INPUT, OUTPUT = "input_cost_per_token", "output_cost_per_token"
READ, WRITE = "cache_read_input_token_cost", "cache_creation_input_token_cost"
HOUR = WRITE + "_above_1hr"
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


def bill(entry, provider, terms, counts, at):
    fresh, read, write, hour, out, thought, searches = counts
    kinds = rates(entry, provider, terms.get("tier"), fresh + read + write + hour, at)
    amounts = (fresh, read, write, hour, out - thought, thought)
    total = sum(Decimal(amount) * kind for amount, kind in zip(amounts, kinds))
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
        priced = number(entry.get(INPUT)) and number(entry.get(OUTPUT)) is not None or entry.get("tiered_pricing")
        if not shape or not priced or entry.get("mode") not in ("chat", "responses") or name.startswith("together-ai-"):
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


def case(r, by_provider, place):
    provider = r.choice(sorted(by_provider))
    name, shape, entry = r.choice(by_provider[provider])
    prompt, out = r.choice([r.choice(EDGES), count(r, 400_000), count(r, 20_000)]), count(r, 20_000)
    at = datetime.datetime(2026, 11, r.randint(16, 22), r.randint(0, 23), r.choice([0, 30, 59]), tzinfo=datetime.timezone.utc)
    terms, searches, thought = {}, 0, 0
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
        usage = {"promptTokenCount": prompt, "candidatesTokenCount": out, "totalTokenCount": prompt + out + thought,
                 "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]}
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
        if provider == "openai" and r.random() < 0.3:
            usage = {"input_tokens": prompt, "input_tokens_details": inside, "output_tokens": out,
                     "output_tokens_details": {"reasoning_tokens": thought}, "total_tokens": prompt + out}
        elif provider == "xai" and thought and r.random() < 0.5:
            usage = {"prompt_tokens": prompt, "completion_tokens": out, "total_tokens": prompt + out + thought,
                     "prompt_tokens_details": {**inside, "text_tokens": prompt},
                     "completion_tokens_details": {"reasoning_tokens": thought}}
            out += thought
        else:
            usage = {"prompt_tokens": prompt, "completion_tokens": out, "total_tokens": prompt + out,
                     "prompt_tokens_details": {**inside, "audio_tokens": 0},
                     "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": 0}}
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
    cost = bill(entry, provider, terms, counts, at)
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
