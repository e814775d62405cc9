"""LiteLLM's proxy server as a process, in front of a model of our own; what its callbacks post goes to costtop, each body twice.

The proxy is the real one; only the paid model behind it is not.
"""

import contextlib
import decimal
import http.client
import http.server
import json
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

CALLS = 40
# Of them every fourth is streamed; beside them so many are refused by the model.
STREAMED = 4
REFUSED = 3
MODEL = "gpt-4o"
# Without a key it refuses to start.
KEY = "sk-" + secrets.token_hex(32)
# Starting takes ten seconds of both cores.
PATIENCE = 180

CONFIG = f"""
model_list:
  - model_name: {MODEL}
    litellm_params: {{model: openai/{MODEL}, api_base: UPSTREAM, api_key: none-needed}}
litellm_settings:
  callbacks: CALLBACKS
  num_retries: 0
router_settings:
  num_retries: 0
  disable_cooldowns: true
"""


def usage(number):
    prompt, cached, completion = 1000 + number, 600, 10 + number
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


class Model(http.server.BaseHTTPRequestHandler):
    """What OpenAI's chat API answers, whole or as a stream; the number of the call is its prompt."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = int(asked["messages"][0]["content"])
        head = {"id": f"chatcmpl-exporter{number:016d}", "created": int(time.time()), "model": MODEL}
        if number >= CALLS:
            return self.answer(400, "application/json", json.dumps({"error": {"message": "refused", "code": "refused"}}))
        if not asked.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
            body = {**head, "object": "chat.completion", "choices": [choice], "usage": usage(number)}
            return self.answer(200, "application/json", json.dumps(body))
        head["object"] = "chat.completion.chunk"
        parts = [
            {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hel"}, "finish_reason": None}]},
            {**head, "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": None}]},
            {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {**head, "choices": [], "usage": usage(number)},
        ]
        lines = [f"data: {json.dumps(part)}\n\n" for part in parts]
        self.answer(200, "text/event-stream", "".join(lines) + "data: [DONE]\n\n")

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def twice(port, events):
    """Sends everything on to costtop two times, as a client does that missed the first answer; counts the events of it in `events`."""

    class Twice(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = {name: self.headers[name] for name in ("Content-Type", "Content-Encoding") if name in self.headers}
            for _ in range(2):
                onward = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                onward.request("POST", self.path, body, kept)
                answer = onward.getresponse()
                said = answer.read()
                onward.close()
                assert answer.status == 200, (answer.status, said)
            if self.path == "/v1/events":
                events.extend(json.loads(body))
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    return Twice


@contextlib.contextmanager
def served(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def proxy(port, callbacks, upstream, collector):
    """LiteLLM's proxy on this port, once it answers; its output is shown where it does not."""
    with tempfile.TemporaryDirectory() as folder:
        config, said = pathlib.Path(folder, "config.yaml"), pathlib.Path(folder, "said")
        config.write_text(CONFIG.replace("UPSTREAM", upstream).replace("CALLBACKS", json.dumps(callbacks)))
        environment = {
            **os.environ,
            "HOME": folder,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MASTER_KEY": KEY,
            "GENERIC_LOGGER_ENDPOINT": collector + "/v1/events",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            "OTEL_BSP_SCHEDULE_DELAY": "500",
        }
        program = pathlib.Path(sys.executable).parent / "litellm"
        command = [program, "--config", config, "--host", "127.0.0.1", "--port", str(port)]
        with open(said, "wb") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            end = time.monotonic() + PATIENCE
            while not alive(port):
                assert process.poll() is None and time.monotonic() < end, said.read_text()[-4000:]
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait(60)


def alive(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def call(port, number):
    asked = {"model": MODEL, "user": f"user-{number % 3}", "messages": [{"role": "user", "content": str(number)}]}
    if number % STREAMED == 0:
        asked.update(stream=True, stream_options={"include_usage": True})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(asked).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as refused:
        refused.read()
        return refused.code


def calls(server, free_port, callbacks):
    """Calls the proxy, whose callbacks post to `server`; waits until the batches have left."""
    events = []
    with served(Model) as model, served(twice(server.port, events)) as collector:
        port = free_port()
        with proxy(port, callbacks, f"http://127.0.0.1:{model}/v1", f"http://127.0.0.1:{collector}"):
            for number in range(CALLS + REFUSED):
                status = call(port, number)
                assert status == (200 if number < CALLS else 400), (number, status)
            # Its queue of events is flushed every five seconds.
            wanted = CALLS + REFUSED if "generic_api" in callbacks else 0
            server.until(lambda totals: totals["requests"] >= CALLS + REFUSED and len(events) >= wanted, 30)


def expected(callbacks):
    """What the calls come to, with the rates of the table in the package. Its spans say nothing of caches."""
    import litellm

    rates = litellm.model_cost[MODEL]
    spent = decimal.Decimal(0)
    for number in range(CALLS):
        said = usage(number)
        cached = said["prompt_tokens_details"]["cached_tokens"]
        for count, rate in [
            (said["prompt_tokens"] - cached, "input_cost_per_token"),
            (cached, "cache_read_input_token_cost"),
            (said["completion_tokens"], "output_cost_per_token"),
        ]:
            spent += count * decimal.Decimal(str(rates[rate]))
    return {
        "requests": CALLS + REFUSED,
        "errors": REFUSED,
        "input_tokens": sum((1000 if callbacks == ["otel"] else 400) + number for number in range(CALLS)),
        "cache_read_tokens": 0 if callbacks == ["otel"] else 600 * CALLS,
        "output_tokens": sum(10 + number for number in range(CALLS)),
        "reported_usd": str(spent.quantize(decimal.Decimal("1e-12"))),
    }
