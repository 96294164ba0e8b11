package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.http.HttpRequest;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who may ask. */
class GuardTest {
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.tiny(ServerOptions.defaults()
                .withKey("s3cret")
                .withAllowed(List.of("model.example"), List.of("https://editor.example")));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static final String KEY = "Bearer s3cret";
    private static final String TOKENS = "{'content': 'abc'}";

    @Test
    void onlyTheKeyOpens() {
        assertEquals(401, server.post("/tokenize", TOKENS).status());
        assertEquals(401, server.post("/tokenize", TOKENS, "Authorization", "Bearer s3cre").status());
        assertEquals(401, server.post("/tokenize", TOKENS, "Authorization", "s3cret").status());
        assertEquals(401, server.get("/v1/models").status());
        assertEquals(401, server.get("/metrics").status());
        assertEquals(200, server.post("/tokenize", TOKENS, "Authorization", KEY).status());
        assertEquals(200, server.post("/tokenize", TOKENS, "Authorization", "bearer s3cret").status());
        assertEquals(200, server.get("/health").status());
    }

    @Test
    void pagesOfOtherOriginsAreKeptOut() {
        for (String origin : List.of("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost")) {
            TestServer.Answer answer = server.post("/tokenize", TOKENS, "Authorization", KEY, "Origin", origin);
            assertEquals(403, answer.status(), origin);
            assertTrue(answer.message().contains(origin), answer.message());
        }
        assertEquals(403, server.get("/health", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors").status());
        assertEquals(403, server.get("/health", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors").status());
    }

    @Test
    void ownAndAllowedOriginsMayAsk() {
        String own = server.server.address();
        assertEquals(200, server.post("/tokenize", TOKENS, "Authorization", KEY, "Origin", own).status());
        TestServer.Answer allowed =
                server.post("/tokenize", TOKENS, "Authorization", KEY, "Origin", "https://editor.example");
        assertEquals(200, allowed.status());
        assertEquals("https://editor.example",
                allowed.response().headers().firstValue("Access-Control-Allow-Origin").orElseThrow());
        HttpRequest.Builder preflight =
                HttpRequest.newBuilder(server.uri("/tokenize")).method("OPTIONS", HttpRequest.BodyPublishers.noBody());
        TestServer.Answer asked = server.send(preflight, "Origin", "https://editor.example");
        assertEquals(204, asked.status());
        assertTrue(asked.response().headers().firstValue("Access-Control-Allow-Headers").orElseThrow().contains("Authorization"));
        assertEquals(200, server.get("/health", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate").status());
    }

    @Test
    void onlyItsOwnNamesAreAnswered() throws Exception {
        for (String host : List.of("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example")) {
            String answer = Raw.exchange(server, "GET /health HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
            assertTrue(answer.startsWith("HTTP/1.1 421"), answer);
        }
        for (String host : List.of("localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "model.example")) {
            String answer = Raw.exchange(server, "GET /health HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
            assertTrue(answer.startsWith("HTTP/1.1 200"), answer);
        }
        String absolute = Raw.exchange(server, "GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assertTrue(absolute.startsWith("HTTP/1.1 421"), absolute);
    }
}
