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
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.boot.SpringApplication;

/** 10,000 texts in a call of Spring AI's, by 64 threads of the application, and by 64 clients of the sample application. */
class ThroughputBench {
    private static final int CALLERS = 64;

    public static void main(String[] args) throws Exception {
        List<String> texts = Throughput.sentences(10_000);
        List<String> some = texts.subList(0, 2_000);
        try (var context = SpringApplication.run(SampleApplication.class, "--magnet.model=" + DefaultModel.path(),
                "--magnet.adapter=" + DefaultModel.adapter(), "--server.port=0", "--server.address=127.0.0.1")) {
            Magnet magnet = context.getBean(Magnet.class);
            EmbeddingModel model = context.getBean(EmbeddingModel.class);
            String port = context.getEnvironment().getProperty("local.server.port");
            Throughput.compare("Spring AI embed", texts, magnet::embed, model::embed);
            Throughput.compare("Spring AI, 64 threads, a text a call", some, magnet::embed,
                    part -> byCallers(part, model::embed));
            var http = HttpClient.newHttpClient();
            Throughput.compare("Spring, 64 clients over HTTP, a text a request", some, magnet::embed,
                    part -> byCallers(part, text -> get(http, port, text)));
        }
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
