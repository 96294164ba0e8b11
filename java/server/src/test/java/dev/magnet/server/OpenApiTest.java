package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.server.http.Route;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The description says what the handlers do. What they read is checked beside them. */
class OpenApiTest {
    /** A request of every path that the tiny model can answer. */
    private static final Map<String, String> REQUESTS = Map.of(
            "/v1/embeddings", "{'input': ['a', 'b']}",
            "/v1/completions", "{'prompt': 'Say: ', 'max_tokens': 4, 'logprobs': 2}",
            "/infill", "{'input_prefix': 'a', 'input_suffix': 'b', 'n_predict': 4}",
            "/tokenize", "{'content': 'h\u00e9', 'with_pieces': true}",
            "/detokenize", "{'tokens': [5, 6]}",
            "/magnet/infill", "{'parts': [{'text': 'a'}, {'gap': 3}], 'top': 2, 'temperature': 1, 'candidates': 2}",
            "/magnet/score", "{'items': [{'parts': [{'text': 'a'}, {'filled': 'b'}]}], 'top': 2}",
            "/magnet/embed", "{'input': 'ab', 'tokens': true}",
            "/magnet/mask", "{'parts': [{'text': 'a'}, {'gap': 3}]}");

    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.tiny();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void everyRouteIsDescribedAndNothingElse() {
        Set<String> described = new TreeSet<>();
        OpenApi.document().get("paths").fields().forEachRemaining(path -> path.getValue()
                .fieldNames()
                .forEachRemaining(method -> described.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey())));
        Set<String> routed = new TreeSet<>();
        for (Route route : server.server.routes()) {
            boolean page = route.path().equals("/") || route.path().matches("/[a-z-]+\\.[a-z]+");
            if (!page) {
                routed.add(route.method() + " " + route.path());
            }
        }
        assertEquals(routed, described);
    }

    @Test
    void answersAreAsDescribed() {
        JsonNode paths = OpenApi.document().get("paths");
        for (String path : List.of("/health", "/v1/models", "/props")) {
            valid(paths.at(answer(path, "get")).asText(), server.get(path));
        }
        REQUESTS.forEach((path, json) -> valid(paths.at(answer(path, "post")).asText(), server.post(path, json)));
        valid("#/components/schemas/Error", server.post("/tokenize", "{}"));
    }

    private static String answer(String path, String method) {
        return "/" + path.replace("/", "~1") + "/" + method + "/responses/200/content/application~1json/schema/$ref";
    }

    private static void valid(String reference, TestServer.Answer answer) {
        String name = reference.substring(reference.lastIndexOf('/') + 1);
        var faults = OpenApi.schema(name).validate(answer.json());
        assertTrue(faults.isEmpty(), name + ": " + faults + " in " + answer.text());
    }

    @Test
    void everyDescribedFieldIsReadAndChecked() {
        List<String> unread = new ArrayList<>();
        REQUESTS.forEach((path, json) -> {
            String reference = OpenApi.document().at("/paths/" + path.replace("/", "~1")
                    + "/post/requestBody/content/application~1json/schema/$ref").asText();
            for (String name : OpenApi.properties(reference.substring(reference.lastIndexOf('/') + 1))) {
                ObjectNode body = (ObjectNode) new TestServer.Answer(0, "", json.replace('\'', '"'), null).json();
                body.putArray(name).addArray().add(-0.5); // right for no field
                if (server.post(path, body.toString()).status() != 400) {
                    unread.add(path + " " + name);
                }
            }
        });
        assertEquals(List.of(), unread);
    }

    @Test
    void documentIsServed() {
        assertEquals(OpenApi.document(), server.get("/openapi.json").json());
    }
}
