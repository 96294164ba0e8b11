package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
import dev.magnet.InfillOptions;
import dev.magnet.Part;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What OpenAI's endpoints say is what the Java API says. */
class OpenAiTest {
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
    void modelsNamesTheModel() {
        JsonNode model = server.get("/v1/models").json().at("/data/0");
        assertEquals("tiny-llama", model.get("id").asText());
        assertEquals(32, model.at("/meta/n_embd").asInt());
    }

    @Test
    void embeddingsAreThoseOfTheModel() {
        JsonNode answer = server.post("/v1/embeddings", "{'input': ['a cat', 'a dog'], 'model': 'any'}").json();
        float[][] expected = server.magnet.embed("a cat", "a dog");
        for (int i = 0; i < 2; i++) {
            assertEquals(i, answer.at("/data/" + i + "/index").asInt());
            assertArrayEquals(expected[i], floats(answer.at("/data/" + i + "/embedding")), 1e-5f);
        }
        assertTrue(answer.at("/usage/prompt_tokens").asInt() >= 10);
    }

    @Test
    void base64HoldsTheSameNumbers() {
        JsonNode answer = server.post("/v1/embeddings", "{'input': 'a cat', 'encoding_format': 'base64'}").json();
        FloatBuffer buffer = ByteBuffer.wrap(Base64.getDecoder().decode(answer.at("/data/0/embedding").asText()))
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
        float[] vector = new float[buffer.remaining()];
        buffer.get(vector);
        assertArrayEquals(server.magnet.embed("a cat"), vector, 1e-5f);
    }

    @Test
    void fewerDimensionsHaveLengthOneAgain() {
        float[] whole = server.magnet.embed("a cat");
        float[] part = floats(server.post("/v1/embeddings", "{'input': 'a cat', 'dimensions': 8}").json().at("/data/0/embedding"));
        assertEquals(8, part.length);
        double norm = 0;
        for (float x : part) {
            norm += x * x;
        }
        assertEquals(1, norm, 1e-5);
        assertEquals(whole[1] / whole[0], part[1] / part[0], 1e-3);
        assertEquals(400, server.post("/v1/embeddings", "{'input': 'a cat', 'dimensions': 33}").status());
    }

    @Test
    void tokenIdsAreRefusedWithAReason() {
        assertTrue(server.post("/v1/embeddings", "{'input': [[1, 2]]}").message().contains("token ids"));
    }

    @Test
    void completionsContinueAsTheModelDoes() {
        GenerateOptions options = GenerateOptions.defaults().withTemperature(0).withMaxTokens(20);
        Generated expected = server.magnet.generate("Say: ", options).result();
        JsonNode answer = server.post("/v1/completions", "{'prompt': 'Say: ', 'temperature': 0, 'max_tokens': 20}").json();
        assertEquals(expected.text(), answer.at("/choices/0/text").asText());
        assertEquals(expected.usage().promptTokens(), answer.at("/usage/prompt_tokens").asInt());
        assertEquals(20, answer.at("/usage/completion_tokens").asInt());
        assertEquals("length", answer.at("/choices/0/finish_reason").asText());
    }

    @Test
    void sameSeedSameTextOtherSeedOtherText() {
        String request = "{'prompt': 'Say: ', 'temperature': 1, 'max_tokens': 30, 'seed': %d}";
        String one = server.post("/v1/completions", request.formatted(7)).json().at("/choices/0/text").asText();
        assertEquals(one, server.post("/v1/completions", request.formatted(7)).json().at("/choices/0/text").asText());
        assertNotEquals(one, server.post("/v1/completions", request.formatted(8)).json().at("/choices/0/text").asText());
    }

    @Test
    void severalChoicesEchoAndLogprobs() {
        JsonNode answer = server.post("/v1/completions",
                "{'prompt': 'Say: ', 'n': 3, 'seed': 1, 'max_tokens': 5, 'echo': true, 'logprobs': 2}").json();
        assertEquals(3, answer.get("choices").size());
        for (JsonNode choice : answer.get("choices")) {
            assertTrue(choice.get("text").asText().startsWith("Say: "));
            assertEquals(5, choice.at("/logprobs/token_logprobs").size());
            assertEquals(5, choice.at("/logprobs/top_logprobs").size());
            assertTrue(choice.at("/logprobs/token_logprobs/0").asDouble() < 0);
        }
        assertEquals(15, answer.at("/usage/completion_tokens").asInt());
    }

    @Test
    void grammarAndStopEndTheText() {
        JsonNode answer = server.post("/v1/completions",
                "{'prompt': 'Say: ', 'grammar': 'root ::= \\\"one two three\\\"', 'stop': [' three'], 'max_tokens': 50}").json();
        assertEquals("one two", answer.at("/choices/0/text").asText());
        assertEquals("stop", answer.at("/choices/0/finish_reason").asText());
    }

    @Test
    void streamedPiecesAreTheWholeText() throws Exception {
        String request = "'prompt': 'Say: ', 'temperature': 0, 'max_tokens': 30";
        String whole = server.post("/v1/completions", "{" + request + "}").json().at("/choices/0/text").asText();
        TestServer.Answer streamed = server.post("/v1/completions",
                "{" + request + ", 'stream': true, 'stream_options': {'include_usage': true}}");
        assertEquals("text/event-stream; charset=utf-8", streamed.type());
        List<String> events = streamed.events();
        assertEquals("[DONE]", events.getLast());
        var text = new StringBuilder();
        for (String event : events.subList(0, events.size() - 1)) {
            text.append(TestServer.JSON.readTree(event).at("/choices/0/text").asText());
        }
        assertEquals(whole, text.toString());
        assertEquals(30, TestServer.JSON.readTree(events.get(events.size() - 2)).at("/usage/completion_tokens").asInt());
        assertEquals("length",
                TestServer.JSON.readTree(events.get(events.size() - 3)).at("/choices/0/finish_reason").asText());
    }

    @Test
    void suffixIsFilledInAsTheModelDoes() {
        List<Part> parts = List.of(Part.text("Tom lost "), Part.gapUpTo(8), Part.text(" at home."));
        String expected = server.magnet.infill(parts, InfillOptions.defaults()).fillings().getFirst();
        String request = "'prompt': 'Tom lost ', 'suffix': ' at home.', 'max_tokens': 8";
        assertEquals(expected, server.post("/v1/completions", "{" + request + "}").json().at("/choices/0/text").asText());
        var text = new StringBuilder();
        for (String event : server.post("/v1/completions", "{" + request + ", 'stream': true}").events()) {
            text.append(event.equals("[DONE]") ? "" : read(event).at("/choices/0/text").asText());
        }
        assertEquals(expected, text.toString());
    }

    @Test
    void whatTheModelRefusesIsTheClientsError() {
        assertTrue(server.post("/v1/chat/completions", "{'messages': [{'role': 'user', 'content': 'Hi'}]}").message()
                .contains("chat template"));
        TestServer.Answer tooLong = server.post("/v1/completions", "{'prompt': '" + "x".repeat(400) + "'}");
        assertEquals(400, tooLong.status());
        assertEquals("context_length_exceeded", tooLong.json().at("/error/code").asText());
        TestServer.Answer streamed = server.post("/v1/completions", "{'stream': true, 'prompt': '" + "x".repeat(400) + "'}");
        assertEquals(400, streamed.status(), "nothing is sent before the first token");
        assertTrue(server.post("/v1/completions", "{'prompt': 'a', 'grammar': 'root ::= ('}").message().contains("grammar"));
    }

    private static JsonNode read(String json) {
        return new TestServer.Answer(200, "", json, null).json();
    }

    private static float[] floats(JsonNode list) {
        float[] floats = new float[list.size()];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = list.get(i).floatValue();
        }
        return floats;
    }
}
