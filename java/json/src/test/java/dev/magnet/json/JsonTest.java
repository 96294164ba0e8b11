package dev.magnet.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.magnet.GenerateOptions;
import dev.magnet.Magnet;
import dev.magnet.Sampling;
import dev.magnet.StopReason;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Records as schemas, and what a model writes by them as records. */
class JsonTest {
    enum Meal { BREAKFAST, @JsonProperty("the lunch") LUNCH }

    record Small(boolean yes, Meal meal, byte number, UUID id, LocalDate day, char sign) {}

    record Inner(@JsonProperty("the name") String name, Optional<Boolean> maybe) {}

    record Tree(boolean leaf, List<Tree> children) {}

    record All(
            @JsonPropertyDescription("what it is called") String title, long count, double share, Inner inner, Inner other,
            Set<String> words, int[] numbers, Map<String, Boolean> flags, Tree tree) {}

    record Box(Optional<Inner> lid, List<Inner> inside) {}

    record Shelves(Map<String, Inner> shelves) {}

    record Broken(Inner inner, Thread thread) {}

    @Test
    void aRecordOfPlainComponentsIsOneObject() {
        assertEquals("{\"type\":\"object\",\"properties\":{\"yes\":{\"type\":\"boolean\"},\"meal\":{\"enum\":[\"BREAKFAST\",\"the lunch\"]},"
                        + "\"number\":{\"type\":\"integer\",\"minimum\":-128,\"maximum\":127},\"id\":{\"type\":\"string\",\"format\":\"uuid\"},"
                        + "\"day\":{\"type\":\"string\",\"format\":\"date\"},\"sign\":{\"type\":\"string\",\"pattern\":\"^[\\\\x20-\\\\uD7FF]$\"}},"
                        + "\"required\":[\"yes\",\"meal\",\"number\",\"id\",\"day\",\"sign\"],\"additionalProperties\":false}",
                Json.schema(Small.class));
    }

    @Test
    void argumentsThatAreNoneAreRefusedWithWhatIsMissing() {
        assertEquals(new Inner("n", Optional.empty()), Json.read("{\"the name\": \"n\", \"more\": 1}", Inner.class));
        assertEquals(
                new Tree(false, List.of(new Tree(true, List.of()))),
                Json.read("{\"leaf\": false, \"children\": [{\"leaf\": true, \"children\": []}]}", Tree.class));
        assertEquals(new Box(Optional.empty(), List.of()), Json.read("{\"lid\": null, \"inside\": []}", Box.class));
        assertEquals(new Box(Optional.empty(), List.of()), Json.read("{\"inside\": []}", Box.class));
        var deep = assertThrows(IllegalArgumentException.class, () -> Json.read("{\"inside\": [{}]}", Box.class));
        assertTrue(deep.getMessage().contains("inside[0].the name is missing"), deep.getMessage());
        var mapped = assertThrows(IllegalArgumentException.class, () -> Json.read("{\"shelves\": {\"top\": {}}}", Shelves.class));
        assertTrue(mapped.getMessage().contains("shelves.top.the name is missing"), mapped.getMessage());
        for (Map.Entry<String, String> bad : Map.of(
                "{}", "the name is missing", "null", "a value is missing", "{\"the name\": null}", "the name is missing",
                "{\"the name\": \"n\"} x", "Unrecognized", "{\"the name\": \"n\", \"the name\": \"m\"}", "Duplicate").entrySet()) {
            var refused = assertThrows(IllegalArgumentException.class, () -> Json.read(bad.getKey(), Inner.class), bad.getKey());
            assertTrue(refused.getMessage().contains(bad.getValue()), refused.getMessage());
        }
        for (String bad : List.of(
                "{\"children\": []}", "{\"leaf\": true}", "{\"leaf\": false, \"children\": [{\"leaf\": true}]}", "{\"leaf\": 1.5, \"children\": []}")) {
            assertThrows(IllegalArgumentException.class, () -> Json.read(bad, Tree.class), bad);
        }
    }

    @Test
    void recordsInRecordsAreDefinitions() throws Exception {
        var mapper = new ObjectMapper();
        var schema = mapper.readTree(Json.schema(All.class));
        assertEquals("#/$defs/All", schema.path("$ref").asText());
        var all = schema.path("$defs").path("All").path("properties");
        assertEquals(all.path("inner"), all.path("other"));
        assertEquals("what it is called", all.path("title").path("description").asText());
        assertTrue(schema.path("$defs").toString().contains("\"the name\""));
        var validator = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(schema);
        String value = "{\"title\": \"t\", \"count\": 1, \"share\": 0.5, \"inner\": {\"the name\": \"n\"}, \"other\": {\"the name\": \"n\","
                + " \"maybe\": true}, \"words\": [\"w\"], \"numbers\": [1], \"flags\": {\"f\": true}, \"tree\": {\"leaf\": false, \"children\":"
                + " [{\"leaf\": true, \"children\": []}]}}";
        assertEquals("[]", validator.validate(mapper.readTree(value)).toString());
        assertTrue(!validator.validate(mapper.readTree(value.replace("\"leaf\": true", "\"leaf\": 1"))).isEmpty());
        All read = Json.read(value, All.class);
        assertEquals(Optional.empty(), read.inner().maybe());
        assertEquals(List.of(new Tree(true, List.of())), read.tree().children());
    }

    @Test
    void whatHasNoSchemaIsNamed() {
        var e = assertThrows(IllegalArgumentException.class, () -> Json.schema(Broken.class));
        assertTrue(e.getMessage().startsWith("Broken.thread is of java.lang.Thread"), e.getMessage());
    }

    @Test
    void aSchemaOfTheCallersOwnIsRefused() {
        try (Magnet magnet = Tiny.load()) {
            var options = GenerateOptions.defaults().withSchema("{}");
            assertThrows(IllegalArgumentException.class, () -> Json.answer(magnet, "a", Inner.class, options));
        }
    }

    @Test
    void whatIsWrittenByTheSchemaIsTheRecord() {
        int read = 0;
        try (Magnet magnet = Tiny.load()) {
            for (int seed = 0; seed < 12; seed++) {
                var generated = magnet.generate("a", GenerateOptions.defaults()
                        .withSampling(Sampling.greedy().withTemperature(1.5f).withSeed(seed))
                        .withMaxTokens(240).withSchema(Json.schema(Small.class))).result();
                if (generated.stop() == StopReason.GRAMMAR) {
                    read++;
                    Small small = Json.read(generated.text(), Small.class);
                    assertTrue(small.day() != null && small.id() != null && small.meal() != null, small.toString());
                }
            }
        }
        assertTrue(read >= 2, read + " were written to their end");
    }
}
