package dev.magnet.server.http;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.IntSupplier;

/** What a server counts, for Prometheus. Safe from any thread. */
public final class Metrics {
    /** Of the exposition format. */
    static final String CONTENT_TYPE = PrometheusTextFormatWriter.CONTENT_TYPE;

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final Counter requests = Counter.builder()
            .name("magnet_requests")
            .help("requests answered; status 0: the client had gone")
            .labelNames("path", "status")
            .register(registry);
    private final Histogram seconds = Histogram.builder()
            .name("magnet_request_seconds")
            .help("from a request's arrival to the end of its answer")
            .labelNames("path")
            .classicOnly()
            .classicUpperBounds(0.005, 0.02, 0.1, 0.5, 2, 10, 60)
            .register(registry);
    private final Counter promptTokens = Counter.builder()
            .name("magnet_prompt_tokens")
            .help("tokens of prompts, contexts and texts to embed, those found in a cache counted")
            .register(registry);
    private final Counter generatedTokens = Counter.builder()
            .name("magnet_generated_tokens")
            .help("tokens generated")
            .register(registry);

    /** Watches something that goes up and down. */
    public void watch(String name, String help, IntSupplier value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .callback(callback -> callback.call(value.getAsInt()))
                .register(registry);
    }

    /** Counts what a call of the model read and wrote. */
    public void tokens(long prompt, long generated) {
        promptTokens.inc(prompt);
        generatedTokens.inc(generated);
    }

    void request(String path, int status, double took) {
        requests.labelValues(path, String.valueOf(status)).inc();
        seconds.labelValues(path).observe(took);
    }

    byte[] text() {
        var out = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.builder().build().write(out, registry.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }
}
