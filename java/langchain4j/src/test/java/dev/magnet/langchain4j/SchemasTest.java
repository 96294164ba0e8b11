package dev.magnet.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonReferenceSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.magnet.GenerateOptions;
import dev.magnet.Magnet;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a model of random weights, which has no idea of JSON, writes by a schema of LangChain4j is JSON of that schema. */
class SchemasTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = TestModels.tiny();
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    /** Texts that are complete; most seeds write strings beyond the limit. */
    private static List<JsonNode> written(String schema) throws Exception {
        List<JsonNode> values = new java.util.ArrayList<>();
        for (int seed = 0; seed < 60; seed++) {
            var generated = magnet.generate("a", GenerateOptions.defaults().withSeed(seed).withTemperature(1.5).withMaxTokens(200)
                    .withSchema(schema)).result();
            if (generated.stop() == dev.magnet.StopReason.GRAMMAR || generated.stop() == dev.magnet.StopReason.END) {
                values.add(JSON.readTree(generated.text()));
            }
        }
        assertThat(values).isNotEmpty();
        return values;
    }

    @Test
    void everyPropertyIsThereInOrderAndOfItsType() throws Exception {
        JsonSchemaElement schema = JsonObjectSchema.builder()
                .addIntegerProperty("count")
                .addNumberProperty("price \"net\"")
                .addBooleanProperty("paid")
                .addEnumProperty("state", List.of("new", "\"odd\"\n"))
                .build();
        for (JsonNode value : written(Schemas.ofAnswer(schema))) {
            assertThat(value.fieldNames()).toIterable().containsExactly("count", "price \"net\"", "paid", "state");
            assertThat(value.get("count").isIntegralNumber()).isTrue();
            assertThat(value.get("price \"net\"").isNumber()).isTrue();
            assertThat(value.get("paid").isBoolean()).isTrue();
            assertThat(value.get("state").asText()).isIn("new", "\"odd\"\n");
        }
    }

    @Test
    void arraysAnyOfAndReferencesHold() throws Exception {
        JsonSchemaElement node = JsonObjectSchema.builder()
                .addIntegerProperty("id")
                .addProperty("children", JsonArraySchema.builder().items(JsonReferenceSchema.builder().reference("node").build()).build())
                .required("id")
                .build();
        JsonSchemaElement tree = JsonObjectSchema.builder()
                .addProperty("root", JsonReferenceSchema.builder().reference("node").build())
                .definitions(java.util.Map.of("node", node))
                .required("root")
                .build();
        for (JsonNode value : written(Schemas.ofAnswer(tree))) {
            assertThat(value.at("/root/id").isIntegralNumber()).isTrue();
        }
        String raw = """
                {"$schema": "x", "type": "object", "required": ["a"], "additionalProperties": false, "properties": {
                  "a": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "minItems": 2, "maxItems": 3},
                  "b": {"type": ["boolean", "null"]}, "c": {"const": {"x": 1}}}}""";
        for (JsonNode value : written(Schemas.ofAnswer(JsonRawSchema.from(raw)))) {
            assertThat(value.get("a").size()).isBetween(2, 3);
            value.get("a").forEach(one -> assertThat(one.isInt() || one.isNull() || one.isIntegralNumber()).isTrue());
            assertThat(value.get("b").isBoolean() || value.get("b").isNull()).isTrue();
            assertThat(value.get("c")).isEqualTo(JSON.readTree("{\"x\": 1}"));
        }
    }

    @Test
    void aPropertyThatRefersMayBeLeftOut() {
        JsonSchemaElement node = JsonObjectSchema.builder()
                .addIntegerProperty("id")
                .addProperty("next", JsonReferenceSchema.builder().reference("node").build())
                .build();
        JsonSchemaElement list = JsonObjectSchema.builder()
                .addProperty("first", JsonReferenceSchema.builder().reference("node").build())
                .addStringProperty("required")
                .definitions(java.util.Map.of("node", node))
                .build();
        assertThat(Schemas.ofAnswer(list)).isEqualTo("""
                {"type":"object","properties":{"first":{"$ref":"#/$defs/node"},"required":{"type":"string"}},\
                "$defs":{"node":{"type":"object","properties":{"id":{"type":"integer"},"next":{"$ref":"#/$defs/node"}},\
                "required":["id"]}},"required":["required"]}""");
    }

    @Test
    void valuesAreNoSchemas() {
        String raw = """
                {"const":{"properties":{"a":{}},"type":"object"}}""";
        assertThat(Schemas.ofAnswer(JsonRawSchema.from(raw))).isEqualTo(raw);
    }
}
