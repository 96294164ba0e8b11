package dev.magnet.langchain4j;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.json.JsonAnyOfSchema;
import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonBooleanSchema;
import dev.langchain4j.model.chat.request.json.JsonEnumSchema;
import dev.langchain4j.model.chat.request.json.JsonIntegerSchema;
import dev.langchain4j.model.chat.request.json.JsonNullSchema;
import dev.langchain4j.model.chat.request.json.JsonNumberSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonReferenceSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.request.json.JsonStringSchema;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Schemas of LangChain4j as JSON schemas. */
final class Schemas {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Keywords that hold values, not schemas. */
    private static final Set<String> LITERAL = Set.of("const", "enum", "default", "examples", "required");

    private Schemas() {}

    /** What {@code element} says; null, of a tool without parameters, is an object without properties. */
    static Map<String, Object> of(@Nullable JsonSchemaElement element) {
        Map<String, Object> schema = new LinkedHashMap<>();
        if (element == null) {
            schema.put("type", "object");
            schema.put("properties", Map.of());
        } else if (element instanceof JsonRawSchema raw) {
            return parsed(raw.schema());
        } else if (element instanceof JsonReferenceSchema reference) {
            schema.put("$ref", "#/$defs/" + reference.reference());
        } else if (element instanceof JsonObjectSchema object) {
            addObject(schema, object);
        } else if (element instanceof JsonArraySchema array) {
            schema.put("type", "array");
            if (array.items() != null) {
                schema.put("items", of(array.items()));
            }
        } else if (element instanceof JsonAnyOfSchema anyOf) {
            schema.put("anyOf", anyOf.anyOf().stream().map(Schemas::of).toList());
        } else if (element instanceof JsonEnumSchema choice) {
            schema.put("type", "string");
            schema.put("enum", choice.enumValues());
        } else {
            schema.put("type", primitive(element));
        }
        if (element != null && element.description() != null) {
            schema.put("description", element.description());
        }
        return schema;
    }

    private static void addObject(Map<String, Object> schema, JsonObjectSchema object) {
        schema.put("type", "object");
        Map<String, Object> properties = new LinkedHashMap<>();
        object.properties().forEach((name, element) -> properties.put(name, of(element)));
        schema.put("properties", properties);
        if (object.required() != null && !object.required().isEmpty()) {
            schema.put("required", List.copyOf(object.required()));
        }
        if (object.definitions() != null && !object.definitions().isEmpty()) {
            Map<String, Object> definitions = new LinkedHashMap<>();
            object.definitions().forEach((name, element) -> definitions.put(name, of(element)));
            schema.put("$defs", definitions);
        }
    }

    private static String primitive(JsonSchemaElement element) {
        if (element instanceof JsonStringSchema) {
            return "string";
        } else if (element instanceof JsonIntegerSchema) {
            return "integer";
        } else if (element instanceof JsonNumberSchema) {
            return "number";
        } else if (element instanceof JsonBooleanSchema) {
            return "boolean";
        } else if (element instanceof JsonNullSchema) {
            return "null";
        }
        throw new UnsupportedFeatureException(element.getClass().getSimpleName() + " is not supported");
    }

    /**
     * Of an answer. Properties are required, said to be so or not, since a small model leaves out what it may; only those that
     * refer to a definition, and could go on for ever, stay as they are.
     */
    static String ofAnswer(JsonSchemaElement element) {
        return json(complete(of(element)));
    }

    private static Object complete(Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(Schemas::complete).toList();
        }
        if (!(value instanceof Map<?, ?> map)) {
            return value;
        }
        Map<Object, Object> copy = new LinkedHashMap<>();
        map.forEach((key, of) -> copy.put(key, LITERAL.contains(key) ? of : complete(of)));
        if (map.get("properties") instanceof Map<?, ?> properties) {
            Set<Object> required = new LinkedHashSet<>(map.get("required") instanceof List<?> names ? names : List.of());
            properties.forEach((name, of) -> {
                if (!refers(of)) {
                    required.add(name);
                }
            });
            if (!required.isEmpty()) {
                copy.put("required", List.copyOf(required));
            }
        }
        return copy;
    }

    private static boolean refers(@Nullable Object schema) {
        return switch (schema) {
            case List<?> list -> list.stream().anyMatch(Schemas::refers);
            case Map<?, ?> map -> map.containsKey("$ref") || map.values().stream().anyMatch(Schemas::refers);
            case null, default -> false;
        };
    }

    static String json(Object schema) {
        try {
            return JSON.writeValueAsString(schema);
        } catch (JsonProcessingException e) {
            throw new InvalidRequestException("the JSON schema cannot be written: " + e.getOriginalMessage(), e);
        }
    }

    private static Map<String, Object> parsed(String schema) {
        try {
            return JSON.readValue(schema, new TypeReference<LinkedHashMap<String, Object>>() {});
        } catch (JsonProcessingException e) {
            throw new InvalidRequestException("the JSON schema is none: " + e.getOriginalMessage(), e);
        }
    }
}
