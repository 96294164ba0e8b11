package dev.magnet.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Sampling;
import dev.magnet.Status;
import dev.magnet.StopReason;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a random model writes by a schema is valid, says a validator that knows nothing of grammars. */
class SchemaTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SEEDS = 30;
    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = Tiny.load();
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    static List<String> schemas() {
        return List.of(
                "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}, \"b\": {\"type\": \"boolean\"}}, \"required\": [\"b\"]}",
                "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"null\"}, \"b\": {\"enum\": [1, \"x\\n\\\"\", null, [2]]}},"
                        + " \"additionalProperties\": true, \"required\": [\"c\"]}",
                "{\"type\": \"integer\", \"minimum\": -12, \"maximum\": 345}",
                "{\"type\": \"integer\", \"exclusiveMinimum\": 99}",
                "{\"type\": \"integer\", \"exclusiveMaximum\": -7}",
                "{\"type\": [\"integer\", \"null\"], \"minimum\": 10}",
                "{\"type\": \"number\"}",
                "{\"type\": \"string\", \"minLength\": 1, \"maxLength\": 5}",
                "{\"type\": \"string\", \"pattern\": \"^[^a-z]{2}(-|\\\\.)\\\\d+$\"}",
                "{\"type\": \"string\", \"pattern\": \"x|^\\\"\\\\\\\\$\"}",
                "{\"type\": \"string\", \"format\": \"date\"}",
                "{\"type\": \"string\", \"format\": \"date-time\"}",
                "{\"type\": \"string\", \"format\": \"time\"}",
                "{\"type\": \"string\", \"format\": \"uuid\"}",
                "{\"type\": \"string\", \"format\": \"email\"}",
                "{\"type\": \"string\", \"format\": \"ipv4\"}",
                "{\"type\": \"array\", \"items\": {\"type\": \"boolean\"}, \"minItems\": 2, \"maxItems\": 4}",
                "{\"type\": \"array\", \"prefixItems\": [{\"const\": 1}, {\"type\": \"boolean\"}], \"items\": false}",
                "{\"anyOf\": [{\"type\": \"boolean\"}, {\"type\": \"string\", \"maxLength\": 2}]}",
                "{\"oneOf\": [{\"type\": \"object\", \"properties\": {\"kind\": {\"const\": \"a\"}, \"x\": {\"type\": \"boolean\"}}, \"required\":"
                        + " [\"kind\", \"x\"]}, {\"type\": \"object\", \"properties\": {\"kind\": {\"const\": \"b\"}}, \"required\": [\"kind\"]}]}",
                "{\"allOf\": [{\"$ref\": \"#/$defs/named\"}, {\"type\": \"object\", \"properties\": {\"n\": {\"const\": 7}}, \"required\":"
                        + " [\"n\"]}], \"$defs\": {\"named\": {\"type\": \"object\", \"properties\": {\"name\": {\"enum\": [\"A\", \"B\"]}},"
                        + " \"required\": [\"name\"]}}}",
                "{\"type\": \"object\", \"properties\": {\"next\": {\"anyOf\": [{\"$ref\": \"#\"}, {\"type\": \"null\"}]}}, \"required\": [\"next\"]}",
                "{\"type\": \"object\", \"additionalProperties\": {\"type\": \"boolean\"}}");
    }

    private static JsonSchema validator(String schema) {
        var config = SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build();
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(schema, config);
    }

    @ParameterizedTest
    @MethodSource("schemas")
    void whatIsWrittenIsValid(String schema) throws Exception {
        JsonSchema validator = validator(schema);
        Sampling random = Sampling.greedy().withTemperature(1.5f);
        int complete = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            Generated generated = magnet.generate("a", GenerateOptions.defaults()
                            .withSampling(random.withSeed(seed)).withMaxTokens(220).withSchema(schema)).result();
            boolean cut = generated.text().contains("\uFFFD"); // bytes of this model that are no character
            if (generated.stop() == StopReason.GRAMMAR && !cut) {
                complete++;
                JsonNode value = JSON.readTree(generated.text());
                assertEquals("[]", validator.validate(value).toString(), generated.text());
            }
        }
        assertTrue(complete >= SEEDS / 6, complete + " of " + SEEDS + " were written to their end");
    }

    @Test
    void theValidatorCanSayNo() throws Exception {
        assertTrue(!validator(schemas().get(2)).validate(JSON.readTree("346")).isEmpty());
        assertTrue(!validator(schemas().get(10)).validate(JSON.readTree("\"2024-02-31\"")).isEmpty());
    }

    @Test
    void aSchemaThatIsNoneIsRefused() {
        for (String[] one : new String[][] {
            {"{\"type\":\n nothing}", "line 2"}, {"{\"type\": \"array\", \"uniqueItems\": true}", "\"uniqueItems\" is not supported"}
        }) {
            var generation = magnet.generate("a", GenerateOptions.defaults().withSchema(one[0]));
            MagnetException e = assertThrows(MagnetException.class, generation::result);
            assertEquals(Status.INVALID_ARGUMENT, e.status());
            assertTrue(e.getMessage().contains(one[1]), e.getMessage());
        }
    }
}
