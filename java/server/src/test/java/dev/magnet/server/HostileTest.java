package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests that no client should send: each gets a 4xx with a reason, and the server lives. */
@Timeout(300)
class HostileTest {
    private static final List<String> PATHS = List.of(
            "/v1/embeddings", "/v1/completions", "/v1/chat/completions", "/infill", "/tokenize", "/detokenize",
            "/magnet/infill", "/magnet/score", "/magnet/embed", "/magnet/mask", "/apply-template");

    /** Bodies that are wrong wherever they are sent. */
    private static List<String> badBodies() {
        List<String> bodies = new ArrayList<>(List.of(
                "", " ", "{", "}", "{\"a\"", "{\"a\":}", "{\"a\":1,}", "[1", "nul", "NaN", "{\"a\": 01}",
                "{\"a\": 1} {\"b\": 2}", "{\"a\": 1, \"a\": 2}", "[]", "\"text\"", "1e999", "{\"a\": \"\u0001\"}"));
        bodies.add("[".repeat(100_000));
        bodies.add("{\"a\":".repeat(50_000));
        bodies.add("{\"a\": " + "9".repeat(5000) + "}");
        return bodies;
    }

    /** Fields that are wrong: by path, then what is sent. */
    private static Map<String, List<String>> badFields() {
        Map<String, List<String>> bad = new LinkedHashMap<>();
        bad.put("/v1/embeddings", List.of(
                "{}", "{'input': null}", "{'input': []}", "{'input': 1}", "{'input': [1, 2]}", "{'input': ['a', 1]}",
                "{'input': {'a': 1}}", "{'input': 'a', 'encoding_format': 'hex'}", "{'input': 'a', 'dimensions': 0}",
                "{'input': 'a', 'dimensions': -1}", "{'input': 'a', 'dimensions': 1e99}", "{'input': 'a', 'dimensions': 1.5}",
                "{'input': 'a', 'dimensions': '8'}", "{'input': 'a', 'dimensions': 123456789012345678901234567890}",
                "{'input': '\\ud800'}", "{'input': 'a', 'model': 7}", "{'input': '" + "a".repeat(500) + "'}"));
        bad.put("/v1/completions", List.of(
                "{}", "{'prompt': 1}", "{'prompt': ['a', 'b']}", "{'prompt': 'a', 'max_tokens': 0}",
                "{'prompt': 'a', 'max_tokens': -5}", "{'prompt': 'a', 'max_tokens': 1e300}",
                "{'prompt': 'a', 'max_tokens': true}", "{'prompt': 'a', 'temperature': -1}",
                "{'prompt': 'a', 'temperature': 'hot'}", "{'prompt': 'a', 'temperature': 1e999}",
                "{'prompt': 'a', 'top_p': 0}", "{'prompt': 'a', 'top_p': 2}", "{'prompt': 'a', 'top_k': -1}",
                "{'prompt': 'a', 'n': 0}", "{'prompt': 'a', 'n': 1000000}", "{'prompt': 'a', 'best_of': 5}", "{'prompt': 'a', 'n': 2, 'best_of': 1}",
                "{'prompt': 'a', 'stream': 'yes'}", "{'prompt': 'a', 'stop': 5}", "{'prompt': 'a', 'stop': ['']}",
                "{'prompt': 'a', 'stop': [['a']]}", "{'prompt': 'a', 'logit_bias': {'x': 1}}",
                "{'prompt': 'a', 'logit_bias': {'1': 'much'}}", "{'prompt': 'a', 'logit_bias': {'999999999': 1}}",
                "{'prompt': 'a', 'logit_bias': [1]}", "{'prompt': 'a', 'logprobs': 1000}", "{'prompt': 'a', 'seed': 'x'}",
                "{'prompt': 'a', 'seed': 1e40}", "{'prompt': 'a', 'grammar': '::='}", "{'prompt': 'a', 'grammar': 5}",
                "{'prompt': 'a', 'stream_options': 1}", "{'prompt': 'a', 'suffix': 1}",
                "{'prompt': 'a', 'suffix': 'b', 'context': 'sideways'}", "{'prompt': '\\udc00'}",
                "{'prompt': 'a', 'suffix': '" + "b".repeat(400) + "'}", "{'prompt': 'a', 'frequency_penalty': 99}"));
        bad.put("/v1/chat/completions", List.of(
                "{}", "{'messages': 'hi'}", "{'messages': []}", "{'messages': [1]}", "{'messages': [{}]}",
                "{'messages': [{'role': 'user'}]}", "{'messages': [{'content': 'a'}]}",
                "{'messages': [{'role': 1, 'content': 'a'}]}", "{'messages': [{'role': 'user', 'content': 1}]}",
                "{'messages': [{'role': 'user', 'content': [{'type': 'image_url'}]}]}",
                "{'messages': [{'role': 'user', 'content': [1]}]}"));
        bad.put("/infill", List.of(
                "{'input_prefix': 1}", "{'input_suffix': []}", "{'input_extra': {}}", "{'input_extra': ['a']}",
                "{'input_extra': [{'filename': 'a'}]}", "{'n_predict': -2}", "{'n_predict': 'all'}", "{'stop': {}}",
                "{'response_fields': {}}", "{'t_max_predict_ms': -1}", "{'n_indent': -1}", "{'n_indent': 1e9}"));
        bad.put("/tokenize", List.of("{}", "{'content': 1}", "{'content': ['a']}", "{'content': 'a', 'with_pieces': 1}",
                "{'content': '\\ud800'}"));
        bad.put("/detokenize", List.of("{}", "{'tokens': 'a'}", "{'tokens': [-1]}", "{'tokens': [99999999]}",
                "{'tokens': [1.5]}", "{'tokens': [9999999999999]}", "{'tokens': [[1]]}"));
        bad.put("/magnet/infill", List.of(
                "{}", "{'parts': []}", "{'parts': 'a'}", "{'parts': ['a']}", "{'parts': [{}]}", "{'parts': [{'text': 'a'}]}",
                "{'parts': [{'text': 'a', 'gap': 1}]}", "{'parts': [{'gap': -1}]}", "{'parts': [{'gap': 2147483647}]}",
                "{'parts': [{'gap': 99999999999}]}", "{'parts': [{'filled': 'a'}]}", "{'parts': [{'gap': 0}], 'candidates': 2}",
                "{'parts': [{'gap': 0}], 'candidates': 99, 'temperature': 1}", "{'parts': [{'gap': 0}], 'unknown': 1}",
                "{'parts': [{'gap': 0, 'unknown': 1}]}", "{'parts': [{'gap': 0}], 'top': 101}",
                "{'parts': [{'gap': 0}], 'max_tokens': 0}", "{'parts': [{'gap': 0}], 'until': 'dawn'}",
                "{'parts': [{'gap': 0}], 'stop': ['']}"));
        bad.put("/magnet/score", List.of("{}", "{'items': []}", "{'items': [{}]}", "{'items': [{'parts': [{'gap': 1}]}]}",
                "{'items': [{'parts': [{'text': 'a'}]}], 'top': -1}", "{'items': [{'parts': [{'filled': 'a'}], 'b': 1}]}"));
        bad.put("/magnet/embed", List.of("{}", "{'input': 'a', 'pooling': 'max'}", "{'input': 'a', 'attention': 1}",
                "{'input': 'a', 'max_tokens': -1}", "{'input': 'a', 'normalise': true}",
                "{'input': 'a', 'dimensions': -1}", "{'input': 'a', 'dimensions': 33}"));
        bad.put("/magnet/mask", List.of("{}", "{'parts': [{'text': 'a'}, {'gap': 100000}]}", "{'parts': [{'gap': 'x'}]}"));
        return bad;
    }

    private static List<String> badRequests() {
        String host = "Host: localhost\r\n";
        String json = "Content-Type: application/json\r\n";
        List<String> bad = new ArrayList<>();
        for (String path : List.of("/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/page/../openapi.json", "/%00", "/index.html/",
                "//", "/./", "/app.js%00.html", "/dev/magnet/server/Main.class", "/%2e%2e/%2e%2e/secret", "/\\..\\..\\x")) {
            bad.add("GET " + path + " HTTP/1.1\r\n" + host + "\r\n");
        }
        bad.addAll(List.of(
                "GET / HTTP/1.1\r\n\r\n", // no Host
                "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
                "GARBAGE\r\n\r\n",
                "GET\r\n\r\n",
                "GET /\r\n\r\n",
                "GET http://[ HTTP/1.1\r\n" + host + "\r\n",
                "GET /% HTTP/1.1\r\n" + host + "\r\n",
                "GET /health HTTP/1.1\r\n" + host + "no colon\r\n\r\n",
                "GET /health HTTP/1.1\r\n" + host + ": no name\r\n\r\n",
                "GET /health HTTP/1.1\r\n" + host + "A\u0000B: c\r\n\r\n",
                "GET /health HTTP/1.1\r\n" + host + "A: " + "x".repeat(100_000) + "\r\n\r\n",
                "GET /health HTTP/1.1\r\n" + host + "A: b\r\n".repeat(3000) + "\r\n",
                "GET /health HTTP/1.1\r\n" + host + headers(3000) + "\r\n",
                "DELETE /v1/models HTTP/1.1\r\n" + host + "\r\n",
                "PUT /tokenize HTTP/1.1\r\n" + host + json + "Content-Length: 2\r\n\r\n{}",
                "GET /tokenize HTTP/1.1\r\n" + host + "\r\n",
                "POST /health HTTP/1.1\r\n" + host + json + "Content-Length: 2\r\n\r\n{}",
                "BREW /health HTTP/1.1\r\n" + host + "\r\n",
                "POST /tokenize HTTP/1.1\r\n" + host + "Content-Length: 17\r\n\r\n{\"content\": \"abc\"}",
                "POST /tokenize HTTP/1.1\r\n" + host + "Content-Type: text/plain\r\nContent-Length: 18\r\n\r\n{\"content\": \"abc\"}",
                "POST /tokenize HTTP/1.1\r\n" + host + json + json + "Content-Length: 18\r\n\r\n{\"content\": \"abc\"}",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{\"a\"}x",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Content-Length: -1\r\n\r\n{}",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Content-Length: two\r\n\r\n{}",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Content-Length: 99999999999999\r\n\r\n{}",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Content-Length: 900000000\r\n\r\n{}",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Content-Length: 100\r\n\r\n{\"content\": \"abc\"", // and no more
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n{}\r\n0\r\n\r\n",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                "POST /tokenize HTTP/1.1\r\n" + host + "Origin: http://evil.example\r\nContent-Type: text/plain\r\n"
                        + "Content-Length: 18\r\n\r\n{\"content\": \"abc\"}",
                "POST /tokenize HTTP/1.1\r\n" + host + json + "Origin: http://evil.example\r\nContent-Length: 18\r\n\r\n"
                        + "{\"content\": \"abc\"}",
                "OPTIONS /tokenize HTTP/1.1\r\n" + host + "Origin: http://evil.example\r\n"
                        + "Access-Control-Request-Method: POST\r\n\r\n"));
        return bad;
    }

    private static String headers(int count) {
        return IntStream.range(0, count).mapToObj(i -> "H" + i + ": a\r\n").collect(Collectors.joining());
    }

    @Test
    void everyMalformedRequestGetsAReason() throws Exception {
        List<String> wrong = new ArrayList<>();
        int sent = 0;
        try (TestServer server = TestServer.tiny()) {
            for (String path : PATHS) {
                for (String body : badBodies()) {
                    judge(server.post(path, body), path + " " + head(body), wrong);
                    sent++;
                }
                byte[] invalid = {'{', '"', (byte) 0xff, (byte) 0xc0, '"', ':', '1', '}'};
                String answer = Raw.exchange(server, concat(("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n"
                        + "Content-Type: application/json\r\nContent-Length: " + invalid.length + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII), invalid));
                judge(answer, path + " invalid UTF-8", wrong);
                sent++;
            }
            for (var entry : badFields().entrySet()) {
                for (String body : entry.getValue()) {
                    judge(server.post(entry.getKey(), body), entry.getKey() + " " + head(body), wrong);
                    sent++;
                }
            }
            for (String request : badRequests()) {
                judge(Raw.exchange(server, request), head(request), wrong);
                sent++;
            }
            assertEquals(List.of(), wrong);
            assertTrue(sent >= 200, sent + " requests");
            assertEquals(200, server.get("/health").status());
            assertEquals(server.magnet.tokenize("abc").length,
                    server.post("/tokenize", "{'content': 'abc'}").json().get("tokens").size());
            for (int i = 0; i < 500 && server.metric("magnet_requests_in_flight") != 0; i++) {
                Thread.sleep(10); // a request is counted until its answer is written, which its client may have read before
            }
            assertEquals(0, server.metric("magnet_requests_in_flight"));
        }
    }

    private static void judge(TestServer.Answer answer, String what, List<String> wrong) {
        boolean named = answer.text().startsWith("{\"error\"") && !answer.message().isBlank();
        if (answer.status() < 400 || answer.status() >= 500 || !named) {
            wrong.add(what + " -> " + answer.status() + " " + head(answer.text()));
        }
    }

    private static void judge(String answer, String what, List<String> wrong) {
        String body = answer.substring(Math.min(answer.length(), answer.indexOf("\r\n\r\n") + 4));
        if (!answer.startsWith("HTTP/1.1 4") || body.isBlank()) {
            wrong.add(what + " -> " + head(answer));
        }
    }

    private static String head(String text) {
        return text.length() <= 150 ? text : text.substring(0, 150) + "...";
    }

    private static byte[] concat(byte[] a, byte[] b) {
        byte[] both = java.util.Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    @Test
    void unknownTransferCodingIsNotImplemented() throws Exception { // as RFC 9112, 6.1 has it
        try (TestServer server = TestServer.tiny()) {
            String answer = Raw.exchange(server, "POST /tokenize HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Type: application/json\r\nTransfer-Encoding: gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
            assertTrue(answer.startsWith("HTTP/1.1 501"), answer);
        }
    }

    @Test
    void errorsTellNothingOfTheMachine() {
        try (TestServer server = TestServer.tiny()) {
            String text = server.get("/nowhere").text() + server.post("/tokenize", "{").text();
            assertFalse(text.contains(".java") || text.contains("Exception"), text);
        }
    }
}
