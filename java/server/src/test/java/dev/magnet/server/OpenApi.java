package dev.magnet.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.io.InputStream;
import java.util.Set;
import java.util.TreeSet;

/** The description that the server hands out. */
public final class OpenApi {
    private OpenApi() {}

    static JsonNode document() {
        try (InputStream in = OpenApi.class.getResourceAsStream("openapi.json")) {
            return TestServer.JSON.readTree(in);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The names that a schema has. */
    public static Set<String> properties(String schema) {
        Set<String> names = new TreeSet<>();
        document().at("/components/schemas/" + schema + "/properties").fieldNames().forEachRemaining(names::add);
        return names;
    }

    /** A schema of the document, to validate with. */
    static JsonSchema schema(String name) {
        ObjectNode root = TestServer.JSON.createObjectNode();
        root.set("components", document().get("components"));
        root.put("$ref", "#/components/schemas/" + name);
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(root);
    }
}
