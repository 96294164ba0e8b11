package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.Similarity;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * 64 clients that ask everything at the same time, and a tenth of whom go before they are answered. A grammar makes each text
 * its client's own, so that one that is mixed up with another's shows.
 */
@Timeout(600)
class LoadTest {
    private static final int CLIENTS = 64;
    private static final int REQUESTS = Integer.getInteger("load.requests", 2000);

    /** More than this much memory more at the end than in the middle is a leak. */
    private static final long MOST_GROWTH = 16 << 20;

    @Test
    void noRequestIsLostOrMixedUp() throws Exception {
        try (TestServer server = TestServer.tiny(); var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var next = new AtomicInteger();
            List<Long> nanos = Collections.synchronizedList(new ArrayList<>());
            run(server, threads, next, REQUESTS / 2, nanos);
            long before = usedMemory();
            run(server, threads, next, REQUESTS, nanos);
            long grown = usedMemory() - before;

            while (server.metric("magnet_requests_in_flight") > 0) {
                Thread.sleep(10); // those whose client has gone
            }
            assertEquals(0, server.metric("magnet_calls_running"));
            assertEquals(0, server.metric("magnet_calls_waiting"));
            assertTrue(server.get("/metrics").text().lines().noneMatch(line -> line.contains("status=\"5")));
            assertTrue(grown < MOST_GROWTH, "memory has grown by " + grown + " bytes");
            Collections.sort(nanos);
            System.out.printf("%d requests of %d clients: median %.0f ms, p99 %.0f ms, memory %+.1f MB%n", REQUESTS, CLIENTS,
                    nanos.get(nanos.size() / 2) / 1e6, nanos.get(nanos.size() * 99 / 100) / 1e6, grown / 1e6);
        }
    }

    private static void run(
            TestServer server, java.util.concurrent.ExecutorService threads, AtomicInteger next, int end, List<Long> nanos)
            throws Exception {
        Callable<Void> client = () -> {
            for (int i = next.getAndIncrement(); i < end; i = next.getAndIncrement()) {
                long began = System.nanoTime();
                if (i % 10 == 9) {
                    abort(server, i);
                } else {
                    ask(server, i);
                    nanos.add(System.nanoTime() - began);
                }
            }
            return null;
        };
        for (Future<Void> done : threads.invokeAll(Collections.nCopies(CLIENTS, client))) {
            done.get();
        }
        next.set(end);
    }

    private static void ask(TestServer server, int i) throws Exception {
        String own = "request " + i;
        String writing = "'max_tokens': 40, 'grammar': 'root ::= \\\"" + own + "\\\"'";
        switch (i % 5) {
            case 0 -> assertEquals(own, ok(server.post("/v1/completions", "{'prompt': 'Say: ', " + writing + "}"))
                    .json().at("/choices/0/text").asText());
            case 1 -> {
                var text = new StringBuilder();
                for (String event : ok(server.post("/v1/completions", "{'prompt': 'Say: ', 'stream': true, " + writing + "}"))
                        .events()) {
                    text.append(event.equals("[DONE]") ? "" : TestServer.JSON.readTree(event).at("/choices/0/text").asText());
                }
                assertEquals(own, text.toString());
            }
            case 2 -> {
                JsonNode list = ok(server.post("/v1/embeddings", "{'input': '" + own + "'}")).json().at("/data/0/embedding");
                float[] vector = new float[list.size()];
                for (int k = 0; k < vector.length; k++) {
                    vector[k] = list.get(k).floatValue();
                }
                assertEquals(1, Similarity.cosine(server.magnet.embed(own), vector), 1e-4);
            }
            case 3 -> {
                String text = ok(server.post("/magnet/infill", "{'parts': [{'text': '" + own + "'}, {'gap': 4}, {'text': '.'}]}"))
                        .json().at("/candidates/0/text").asText();
                assertTrue(text.startsWith(own) && text.endsWith("."), text);
            }
            default -> {
                JsonNode item = ok(server.post("/magnet/score", "{'items': [{'parts': [{'text': 'a'}, {'filled': '" + own + "'}]}]}"))
                        .json().at("/items/0/gaps/0");
                assertEquals(own, item.get("text").asText());
            }
        }
    }

    /** Sends a request and goes, at once or after the first bytes of the answer. */
    private static void abort(TestServer server, int i) throws Exception {
        try (Socket socket = Raw.connect(server)) {
            byte[] body = ("{\"prompt\": \"Say: \", \"max_tokens\": 200, \"stream\": " + (i % 20 == 9) + "}")
                    .getBytes(StandardCharsets.UTF_8);
            String head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                    + body.length + "\r\n\r\n";
            socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().write(body);
            if (i % 30 == 9) {
                socket.getInputStream().read();
            }
        }
    }

    private static TestServer.Answer ok(TestServer.Answer answer) {
        assertEquals(200, answer.status(), answer.text());
        return answer;
    }

    private static long usedMemory() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(50);
            least = Math.min(least, Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return least;
    }
}
