package dev.magnet.server.openai;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.magnet.server.OpenApi;
import dev.magnet.server.http.Fields;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What is read is what the OpenAPI description names. */
class DescribedFieldsTest {
    @Test
    void embeddingsRequest() {
        Fields fields = Fields.of(json("{'input': 'a'}"));
        EmbeddingsRoute.Request.of(fields, 10);
        assertEquals(OpenApi.properties("EmbeddingsRequest"), new TreeSet<>(fields.asked()));
    }

    @Test
    void completionRequest() {
        Fields fields = Fields.of(json("{'prompt': 'a'}"));
        Completions.Request.of(fields);
        assertEquals(OpenApi.properties("CompletionRequest"), new TreeSet<>(fields.asked()));
    }

    @Test
    void chatRequest() {
        Fields fields = Fields.of(json("{'messages': [{'role': 'user', 'content': 'a'}]}"));
        ChatCompletions.Request.of(fields);
        assertEquals(OpenApi.properties("ChatRequest"), new TreeSet<>(fields.asked()));
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text.replace('\'', '"'));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
