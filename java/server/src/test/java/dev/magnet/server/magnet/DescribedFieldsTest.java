package dev.magnet.server.magnet;

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
    void magnetInfillRequest() {
        Fields fields = Fields.of(json("{'parts': [{'gap': 1}]}"));
        InfillRoute.Request.of(fields);
        assertEquals(OpenApi.properties("MagnetInfillRequest"), new TreeSet<>(fields.asked()));
    }

    @Test
    void magnetScoreRequest() {
        Fields fields = Fields.of(json("{'items': [{'parts': [{'filled': 'a'}]}]}"));
        ScoreRoute.Request.of(fields);
        assertEquals(OpenApi.properties("MagnetScoreRequest"), new TreeSet<>(fields.asked()));
    }

    @Test
    void magnetEmbedRequest() {
        Fields fields = Fields.of(json("{'input': 'a'}"));
        EmbedRoute.Request.of(fields);
        assertEquals(OpenApi.properties("MagnetEmbedRequest"), new TreeSet<>(fields.asked()));
    }

    @Test
    void magnetMaskRequest() {
        Fields fields = Fields.of(json("{'parts': [{'gap': 1}]}"));
        MaskRoute.Request.of(fields);
        assertEquals(OpenApi.properties("MagnetMaskRequest"), new TreeSet<>(fields.asked()));
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text.replace('\'', '"'));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
