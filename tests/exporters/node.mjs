// The OpenTelemetry SDK for Node exports spans: node.mjs URL json|proto|gzip ATTRIBUTES. Packages are those of NODE_FOLDER.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.NODE_FOLDER, "package.json"));
const [url, how, attributes] = process.argv.slice(2);
const { BasicTracerProvider, SimpleSpanProcessor, InMemorySpanExporter } = require("@opentelemetry/sdk-trace-base");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${how === "json" ? "http" : "proto"}`);

const kept = new InMemorySpanExporter();
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "shop" }),
  spanProcessors: [new SimpleSpanProcessor(kept)],
});
const tracer = provider.getTracer("check");
for (const said of JSON.parse(attributes)) tracer.startSpan("chat", { attributes: said }).end();
await provider.forceFlush();

const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces`, compression: how === "gzip" ? "gzip" : "none" });
const spans = kept.getFinishedSpans();
for (let time = 0; time < 2; time++) {
  await new Promise((done, failed) =>
    exporter.export(spans, (result) => (result.code === 0 ? done() : failed(result.error ?? new Error("refused")))),
  );
}
await exporter.shutdown();
