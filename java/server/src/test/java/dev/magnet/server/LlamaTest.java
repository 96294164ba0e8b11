package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.InfillOptions;
import dev.magnet.Part;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What editors' plugins for llama-server ask. */
class LlamaTest {
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.tiny();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String expected(String left, int most, String right) {
        return server.magnet
                .infill(List.of(Part.text(left), Part.gapUpTo(most), Part.text(right)), InfillOptions.defaults())
                .fillings()
                .getFirst();
    }

    @Test
    void gapIsBehindPrefixAndPrompt() {
        JsonNode answer = server.post("/infill", "{'input_prefix': 'int a;\\n', 'prompt': '  a =', 'input_suffix': ';\\n}',"
                + " 'n_predict': 8, 'id_slot': 0, 'samplers': ['top_k'], 'cache_prompt': true}").json();
        assertEquals(expected("int a;\n  a =", 8, ";\n}"), answer.get("content").asText());
        assertTrue(answer.get("stop").asBoolean());
        assertEquals(answer.get("tokens_predicted").asInt(), answer.at("/timings/predicted_n").asInt());
        assertTrue(answer.at("/timings/predicted_ms").asDouble() > 0);
        assertEquals(256, answer.at("/generation_settings/n_ctx").asInt());
    }

    @Test
    void textEndsWithTheBlockOfItsLine() throws Exception {
        String request = "{'input_prefix': '', 'prompt': '    return ', 'n_predict': 40, 'n_indent': %d,"
                + " 'grammar': 'root ::= \\\"a\\\\n\\\\ndef b\\\"'";
        assertEquals("a\n\ndef b", server.post("/infill", request.formatted(0) + "}").json().get("content").asText());
        JsonNode answer = server.post("/infill", request.formatted(4) + "}").json();
        assertEquals("a", answer.get("content").asText());
        assertEquals("word", answer.get("stop_type").asText());
        var text = new StringBuilder();
        for (String event : server.post("/infill", request.formatted(4) + ", 'stream': true}").events()) {
            text.append(TestServer.JSON.readTree(event).get("content").asText());
        }
        assertEquals("a", text.toString());
    }

    @Test
    void otherFilesComeInFront() {
        JsonNode answer = server.post("/infill", "{'input_extra': [{'filename': 'a.c', 'text': 'int b;'}],"
                + " 'input_prefix': 'b =', 'input_suffix': ';', 'n_predict': 6}").json();
        assertEquals(expected("int b;\nb =", 6, ";"), answer.get("content").asText());
    }

    @Test
    void moreThanTheModelReadsIsCut() {
        JsonNode answer = server.post("/infill", "{'input_extra': [{'text': '" + "c".repeat(300) + "'}], 'input_prefix': '"
                + "a".repeat(300) + "', 'input_suffix': '" + "b".repeat(300) + "', 'n_predict': 4}").json();
        assertTrue(answer.get("truncated").asBoolean(), answer.toString());
        assertTrue(answer.get("tokens_evaluated").asInt() < 256);
    }

    @Test
    void onlyWantedFieldsAreSent() {
        String text = server.post("/infill", "{'input_prefix': 'a', 'input_suffix': 'b', 'n_predict': 4,"
                + " 'response_fields': ['content', 'timings/prompt_n', 'nothing']}").text();
        assertTrue(text.matches("\\{\"content\":\".*\",\"timings/prompt_n\":\\d+}"), text);
        assertEquals("{}", server.post("/infill", "{'n_predict': 0, 'response_fields': ['']}").text());
    }

    @Test
    void stopStringEndsTheFillingAndIsNotInIt() {
        String whole = expected("Say: ", 30, " End.");
        String stop = whole.substring(whole.length() / 2, whole.length() / 2 + 2);
        String wanted = whole.substring(0, whole.indexOf(stop));
        String request = "'input_prefix': 'Say: ', 'input_suffix': ' End.', 'n_predict': 30, 'stop': ["
                + TestServer.JSON.valueToTree(stop) + "]";
        JsonNode answer = server.post("/infill", "{" + request + "}").json();
        assertEquals(wanted, answer.get("content").asText());
        assertEquals("word", answer.get("stop_type").asText());
        List<String> events = server.post("/infill", "{" + request + ", 'stream': true}").events();
        var text = new StringBuilder();
        for (String event : events) {
            text.append(new TestServer.Answer(200, "", event, null).json().get("content").asText());
        }
        assertEquals(wanted, text.toString());
        assertTrue(new TestServer.Answer(200, "", events.getLast(), null).json().get("stop").asBoolean());
    }

    @Test
    void tokensGoThereAndBack() {
        JsonNode tokens = server.post("/tokenize", "{'content': 'a h\u00e9'}").json().get("tokens");
        assertEquals("a h\u00e9", server.post("/detokenize", "{'tokens': " + tokens + "}").json().get("content").asText().strip());
        JsonNode pieces = server.post("/tokenize", "{'content': '\u00e9', 'with_pieces': true}").json().get("tokens");
        boolean bytes = false;
        for (JsonNode piece : pieces) {
            bytes |= piece.get("piece").isArray();
        }
        assertTrue(bytes, "every byte is a token of this vocabulary: " + pieces);
    }

    @Test
    void propsSayWhatPluginsAsk() {
        JsonNode props = server.get("/props").json();
        assertEquals(256, props.at("/default_generation_settings/n_ctx").asInt());
        assertEquals(ServerOptions.defaults().parallel(), props.get("total_slots").asInt());
    }
}
