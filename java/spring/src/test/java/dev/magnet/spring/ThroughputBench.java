package dev.magnet.spring;

import dev.magnet.DefaultModel;
import dev.magnet.Magnet;
import dev.magnet.Throughput;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * 10,000 texts in a call of Spring AI's; the same by 64 threads of the application, and by 64 clients of the sample application. No
 * test: run by {@code -Dtest=ThroughputBench}.
 */
class ThroughputBench {
    private static final int CALLERS = 64;

    /** Of one word, before those that count: so many until the JVM has compiled Tomcat and Spring, which takes processors. */
    private static final int REQUESTS_BEFORE = 20_000;

    private static ConfigurableApplicationContext context;
    private static List<String> texts;

    @BeforeAll
    static void start() throws Exception {
        texts = Throughput.sentences();
        context = SpringApplication.run(SampleApplication.class, "--magnet.model=" + DefaultModel.path(),
                "--magnet.adapter=" + DefaultModel.adapter(), "--server.port=0", "--server.address=127.0.0.1");
    }

    @AfterAll
    static void stop() {
        context.close();
    }

    private static void compare(String name, Consumer<List<String>> framework) {
        Throughput.compare(name, texts, context.getBean(Magnet.class)::embed, framework);
    }

    @Test
    void aCallOfManyTexts() {
        compare("Spring AI embed", context.getBean(EmbeddingModel.class)::embed);
    }

    @Test
    void manyCallsAtOnce() {
        EmbeddingModel model = context.getBean(EmbeddingModel.class);
        compare("Spring AI, 64 threads, a text a call", part -> byCallers(part, model::embed));
    }

    @Test
    void manyRequestsAtOnce() {
        String port = context.getEnvironment().getProperty("local.server.port");
        var http = HttpClient.newHttpClient();
        byCallers(Collections.nCopies(REQUESTS_BEFORE, "a"), text -> get(http, port, text));
        compare("Spring, 64 clients over HTTP, a text a request", part -> byCallers(part, text -> get(http, port, text)));
    }

    private interface Call {
        Object of(String text) throws Exception;
    }

    private static void byCallers(List<String> texts, Call call) {
        var next = new AtomicInteger();
        try (var threads = Executors.newFixedThreadPool(CALLERS)) {
            IntStream.range(0, CALLERS).forEach(caller -> threads.submit(() -> {
                for (int i = next.getAndIncrement(); i < texts.size(); i = next.getAndIncrement()) {
                    call.of(texts.get(i));
                }
                return null;
            }));
        }
        if (next.get() < texts.size() + CALLERS) {
            throw new IllegalStateException("a caller failed");
        }
    }

    private static String get(HttpClient http, String port, String text) throws Exception {
        String query = URLEncoder.encode(text, StandardCharsets.UTF_8);
        return http.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/embed?text=" + query)).build(),
                BodyHandlers.ofString()).body();
    }
}
