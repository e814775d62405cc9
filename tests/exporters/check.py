"""Real exporters post to `costtop serve`; what it counts must be what was sent.

Run by `.ci/long exporters`: check.py COSTTOP NODE_FOLDER [WORD]... (only the exporters in whose names all words are). Needs the
OpenTelemetry SDK for Python and LiteLLM with its proxy in the interpreter that runs it, and node with the SDK for Node in NODE_FOLDER.
Prints one line for each exporter; exit code 1 when one differs.
"""

import decimal
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import proxy

HERE = pathlib.Path(__file__).parent
MODEL = "claude-haiku-4-5"
CALLS = 40


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


class Server:
    """`costtop serve` with a state of its own, and the port that it listens on."""

    def __init__(self, costtop):
        self.folder = tempfile.TemporaryDirectory()
        home = self.folder.name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": home}
        command = [costtop, "serve", "--listen", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        until(lambda: self.totals() is not None, "the server does not answer")

    def totals(self):
        try:
            return get(self.url + "/v1/snapshot")["totals"]
        except OSError:
            return None

    def until(self, holds, seconds):
        until(lambda: holds(self.totals()), f"not all arrives: {self.totals()}", seconds)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()


def until(holds, what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.05)
    raise TimeoutError(what)


def span_attributes(number):
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": MODEL,
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": f"msg_exporter{number:016d}",
        "gen_ai.usage.input_tokens": 1000 + number,
        "gen_ai.usage.cache_read.input_tokens": 600,
        "gen_ai.usage.output_tokens": 10 + number,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.prompt": "never kept",
        "user.id": f"user-{number % 3}",
    }


# What the spans of one exporter come to.
SPANS = {
    "requests": CALLS,
    "input_tokens": sum(400 + number for number in range(CALLS)),
    "cache_read_tokens": 600 * CALLS,
    "output_tokens": sum(10 + number for number in range(CALLS)),
}
# What the events do, which say themselves what they cost.
EVENTS = {
    "requests": CALLS,
    "input_tokens": 12 * CALLS,
    "cache_read_tokens": 48211 * CALLS,
    "output_tokens": 345 * CALLS,
    "reported_usd": str((decimal.Decimal("0.03843425") * CALLS).quantize(decimal.Decimal("1e-12"))),
}


def python_traces(exporter, twice):
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

    class Collected(SpanExporter):
        spans = []

        def export(self, spans):
            self.spans.extend(spans)

        def shutdown(self):
            pass

    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    collected = Collected()
    provider.add_span_processor(SimpleSpanProcessor(collected))
    tracer = provider.get_tracer("check")
    with tracer.start_as_current_span("invoke_agent", attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 10**6}):
        for number in range(CALLS):
            with tracer.start_as_current_span("chat", attributes=span_attributes(number)):
                pass
    for _ in range(2 if twice else 1):
        result = exporter.export(collected.spans)
        assert result.name == "SUCCESS", result
    exporter.shutdown()


def python_logs(endpoint):
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    provider = LoggerProvider(resource=Resource.create({"service.name": "claude-code", "team.id": "platform"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(endpoint=endpoint + "/v1/logs")))
    logger = provider.get_logger("com.anthropic.claude_code.events")
    for _ in range(2):
        for number in range(CALLS):
            attributes = {
                "event.name": "api_request",
                "session.id": "session-1",
                "event.sequence": number + 1,
                "model": "claude-opus-4-6",
                "input_tokens": "12",
                "output_tokens": 345,
                "cache_read_tokens": 48211,
                "cache_creation_tokens": 903,
                "cost_usd": 0.03843425,
                "user.email": "ada@example.com",
            }
            logger.emit(
                LogRecord(
                    timestamp=time.time_ns(),
                    severity_number=SeverityNumber.INFO,
                    body="claude_code.api_request",
                    attributes=attributes,
                )
            )
    provider.shutdown()


def python_metrics(endpoint, temporality):
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
    from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource

    kind = AggregationTemporality[temporality]
    exporter = OTLPMetricExporter(endpoint=endpoint + "/v1/metrics", preferred_temporality={Counter: kind, Histogram: kind})
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], resource=Resource.create({"service.name": "claude-code"}))
    meter = provider.get_meter("com.anthropic.claude_code")
    cost, tokens = meter.create_counter("claude_code.cost.usage", "USD"), meter.create_counter("claude_code.token.usage", "tokens")
    who = {"session.id": f"metrics-{temporality}", "model": "claude-opus-4-6"}
    for _ in range(3):
        for number in range(CALLS):
            # Amounts that binary fractions hold, so that the exporter's own sums are exact.
            cost.add(0.03125, who)
            for name, count in [("input", 12), ("output", 345), ("cacheRead", 48211), ("cacheCreation", 903)]:
                tokens.add(count, {**who, "type": name})
        assert provider.force_flush()
    provider.shutdown()


def metrics_sent():
    return {
        "input_tokens": 3 * 12 * CALLS,
        "cache_read_tokens": 3 * 48211 * CALLS,
        "cache_write_5m_tokens": 3 * 903 * CALLS,
        "output_tokens": 3 * 345 * CALLS,
        "reported_usd": str((decimal.Decimal("0.03125") * 3 * CALLS).quantize(decimal.Decimal("1e-12"))),
    }


def node(server, folder, how):
    subprocess.run(["node", str(HERE / "node.mjs"), server.url, how, json.dumps([span_attributes(n) for n in range(CALLS)])],
                   check=True, env={**os.environ, "NODE_FOLDER": os.path.abspath(folder)}, timeout=60)


def litellm_callback(server):
    """LiteLLM's own callback, which its proxy uses, posts what its calls come to."""
    import asyncio

    os.environ["GENERIC_LOGGER_ENDPOINT"] = server.url + "/v1/events"
    import litellm
    from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger

    async def calls():
        logger = GenericAPILogger()
        litellm.callbacks = [logger]
        for _ in range(CALLS):
            await litellm.acompletion(model="openai/gpt-4o", messages=[{"role": "user", "content": "hi"}], mock_response="hello")
        await asyncio.sleep(1)
        await logger.async_send_batch()
        await asyncio.sleep(0.5)

    asyncio.run(calls())


def same(server, expected):
    """Waits until the totals are there, and a moment longer, so that what comes too often is seen."""
    seen = {}

    def holds():
        seen.update(server.totals() or {})
        return all(seen.get(key) == value for key, value in expected.items())

    try:
        until(holds, "", 10)
        time.sleep(0.5)
    except TimeoutError:
        pass
    if holds():
        return None
    return {key: (seen.get(key), value) for key, value in expected.items() if seen.get(key) != value}


def main(costtop, node_folder, *words):
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    def over_grpc(server, **more):
        return Grpc(endpoint=server.url, insecure=True, **more)

    def http(server, **more):
        return Http(endpoint=server.url + "/v1/traces", **more)

    cases = {
        "python, spans, protobuf": (lambda s: python_traces(http(s), False), SPANS),
        "python, spans, protobuf, twice": (lambda s: python_traces(http(s), True), SPANS),
        "python, spans, gzip": (lambda s: python_traces(http(s, compression=Compression.Gzip), True), SPANS),
        "python, spans, gRPC, twice": (lambda s: python_traces(over_grpc(s), True), SPANS),
        "python, spans, gRPC, gzip": (lambda s: python_traces(over_grpc(s, compression=grpc.Compression.Gzip), True), SPANS),
        "python, events, twice": (lambda s: python_logs(s.url), EVENTS),
        "python, metrics, delta": (lambda s: python_metrics(s.url, "DELTA"), {"requests": 3, **metrics_sent()}),
        "python, metrics, cumulative": (lambda s: python_metrics(s.url, "CUMULATIVE"), {"requests": 1, **metrics_sent()}),
        "node, spans, JSON": (lambda s: node(s, node_folder, "json"), SPANS),
        "node, spans, protobuf": (lambda s: node(s, node_folder, "proto"), SPANS),
        "node, spans, gzip": (lambda s: node(s, node_folder, "gzip"), SPANS),
    }
    # LiteLLM's table of prices is in the package.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    cases["litellm, generic_api"] = (litellm_callback, {"requests": CALLS})
    for name, callbacks in [("generic_api", ["generic_api"]), ("otel", ["otel"]), ("both", ["generic_api", "otel"])]:
        send = lambda server, callbacks=callbacks: proxy.calls(server, free_port, callbacks)
        cases[f"litellm's proxy, {name}, twice"] = (send, proxy.expected(callbacks))
    cases = {name: case for name, case in cases.items() if all(word in name for word in words)}
    failed = 0
    for name, (send, expected) in cases.items():
        server = Server(costtop)
        try:
            send(server)
            difference = same(server, expected)
        except Exception as error:  # what an exporter says is a result
            difference = f"{type(error).__name__}: {error}"
        finally:
            server.stop()
        failed += difference is not None
        print(f"{'ok  ' if difference is None else 'FAIL'} {name}: {difference or expected}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
