package dev.magnet.server.llama;

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
    void infillRequest() {
        Fields fields = Fields.of(json("{}"));
        Infill.Request.of(fields);
        assertEquals(OpenApi.properties("InfillRequest"), new TreeSet<>(fields.asked()));
    }

    @Test
    void tokenizeRequest() {
        Fields fields = Fields.of(json("{'content': 'a'}"));
        Tokens.Request.of(fields);
        assertEquals(OpenApi.properties("TokenizeRequest"), new TreeSet<>(fields.asked()));
    }

    @Test
    void templateRequest() {
        Fields fields = Fields.of(json("{'messages': [{'role': 'user', 'content': 'a'}]}"));
        Template.Request.of(fields);
        assertEquals(OpenApi.properties("TemplateRequest"), new TreeSet<>(fields.asked()));
    }

    @Test
    void detokenizeRequest() {
        Fields fields = Fields.of(json("{'tokens': [1]}"));
        Tokens.tokens(fields);
        assertEquals(OpenApi.properties("DetokenizeRequest"), new TreeSet<>(fields.asked()));
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text.replace('\'', '"'));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
