package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.DefaultModel;
import dev.magnet.LoadOptions;
import dev.magnet.server.http.Limits;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a server does not take on, and how it stops. */
@Timeout(300)
class LimitsTest {
    private static final String LONG = "{'prompt': 'Once upon a time', 'max_tokens': 1500, 'temperature': 1, 'stream': %s,"
            + " 'logit_bias': {'0': -100, '2': -100}}";

    private static TestServer start(Limits limits) {
        return TestServer.start(DefaultModel.path(), LoadOptions.defaults().withReusePrefix(false),
                ServerOptions.defaults().withLimits(limits));
    }

    @Test
    void largeBodiesAreRefused() {
        try (TestServer server = TestServer.tiny(ServerOptions.defaults()
                .withLimits(new Limits(1000, 4, Duration.ofSeconds(10), Duration.ofSeconds(1))))) {
            TestServer.Answer answer = server.post("/tokenize", "{'content': '" + "x".repeat(1000) + "'}");
            assertEquals(413, answer.status());
            assertTrue(answer.message().contains("1000 bytes"), answer.message());
            assertEquals(200, server.post("/tokenize", "{'content': '" + "x".repeat(980) + "'}").status());
        }
    }

    @Test
    void tooManyAreToldToComeBack() throws Exception {
        try (TestServer server = start(new Limits(1 << 20, 1, Duration.ofSeconds(60), Duration.ofSeconds(1)));
                Socket reader = begin(server, LONG.formatted("true"))) {
            TestServer.Answer second = server.post("/v1/embeddings", "{'input': 'a'}");
            assertEquals(429, second.status());
            assertEquals("1", second.response().headers().firstValue("Retry-After").orElseThrow());
            assertEquals(200, server.get("/health").status(), "what is no work is answered");
            reader.close();
            await(() -> server.metric("magnet_requests_in_flight") == 0);
            assertEquals(200, server.post("/v1/embeddings", "{'input': 'a'}").status());
        }
    }

    @Test
    void timeIsLimited() {
        try (TestServer server = start(new Limits(1 << 20, 8, Duration.ofMillis(700), Duration.ofSeconds(1)))) {
            TestServer.Answer answer = server.post("/v1/completions", LONG.formatted("false"));
            if (answer.status() == 503) { // not even a first token came
                assertEquals("timeout", answer.json().at("/error/code").asText());
            } else {
                assertEquals("length", answer.json().at("/choices/0/finish_reason").asText());
                assertTrue(answer.json().at("/usage/completion_tokens").asInt() < 1500);
            }
        }
    }

    @Test
    void whoGoesStopsTheModel() throws Exception {
        try (TestServer server = start(ServerOptions.defaults().limits())) {
            for (String stream : new String[] {"true", "false"}) {
                double before = server.metric("magnet_generated_tokens_total");
                Socket socket = Raw.connect(server);
                send(socket, LONG.formatted(stream));
                await(() -> server.metric("magnet_calls_running") == 1);
                socket.close();
                await(() -> server.metric("magnet_calls_running") == 0);
                assertTrue(server.metric("magnet_generated_tokens_total") - before < 1400, "it went on to its end");
            }
        }
    }

    @Test
    void slowReadersMakeNobodyWait() throws Exception {
        ServerOptions one = ServerOptions.defaults();
        try (TestServer server = TestServer.start(DefaultModel.path(), LoadOptions.defaults(), new ServerOptions(
                        one.host(), 0, null, List.of(), List.of(), 1, 0, 64, one.limits()));
                Socket slow = new Socket()) {
            slow.setReceiveBufferSize(4096);
            slow.connect(new InetSocketAddress(server.uri("/").getHost(), server.uri("/").getPort()));
            String texts = "'a', ".repeat(1500) + "'b'"; // some 10 MB of numbers, which no buffer on the way holds
            send(slow, "/v1/embeddings", "{'input': [" + texts + "]}");
            await(() -> server.metric("magnet_prompt_tokens_total") >= 1500);
            assertEquals(200, server.post("/v1/completions", "{'prompt': 'Once', 'max_tokens': 5}").status());
            assertEquals(200, server.post("/v1/embeddings", "{'input': 'a'}").status());
            assertEquals(1, server.metric("magnet_requests_in_flight"), "it still reads");
        }
    }

    @Test
    void stoppingLetsRequestsEnd() throws Exception {
        TestServer server = start(new Limits(1 << 20, 8, Duration.ofSeconds(60), Duration.ofSeconds(30)));
        var answer = CompletableFuture.supplyAsync(
                () -> server.post("/v1/completions", "{'prompt': 'Once upon a time', 'max_tokens': 60}"));
        await(() -> server.metric("magnet_calls_running") == 1);
        server.server.close();
        assertEquals(200, answer.get().status());
        server.close();
    }

    /** A stream whose first event has come. */
    private static Socket begin(TestServer server, String json) throws Exception {
        Socket socket = Raw.connect(server);
        send(socket, json);
        var reader = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        while (!reader.readLine().startsWith("data: ")) {
            continue;
        }
        return socket;
    }

    private static void send(Socket socket, String json) throws Exception {
        send(socket, "/v1/completions", json);
    }

    private static void send(Socket socket, String path, String json) throws Exception {
        byte[] body = json.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        String head = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
                + body.length + "\r\n\r\n";
        socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
        socket.getOutputStream().write(body);
    }

    private static void await(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(20);
        }
    }
}
