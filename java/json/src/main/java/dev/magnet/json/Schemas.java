package dev.magnet.json;

import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The JSON schema of a type, as Jackson reads it. */
final class Schemas {
    private static final Map<Class<?>, long[]> RANGES = Map.of(
            byte.class, range(Byte.MIN_VALUE, Byte.MAX_VALUE), Byte.class, range(Byte.MIN_VALUE, Byte.MAX_VALUE),
            short.class, range(Short.MIN_VALUE, Short.MAX_VALUE), Short.class, range(Short.MIN_VALUE, Short.MAX_VALUE),
            int.class, range(Integer.MIN_VALUE, Integer.MAX_VALUE), Integer.class, range(Integer.MIN_VALUE, Integer.MAX_VALUE),
            OptionalInt.class, range(Integer.MIN_VALUE, Integer.MAX_VALUE));
    private static final Set<Class<?>> INTEGERS = Set.of(long.class, Long.class, BigInteger.class, OptionalLong.class);
    private static final Set<Class<?>> NUMBERS = Set.of(
            double.class, Double.class, float.class, Float.class, BigDecimal.class, Number.class, OptionalDouble.class);
    private static final Map<Class<?>, String> FORMATS = Map.of(
            UUID.class, "uuid", LocalDate.class, "date", Instant.class, "date-time", OffsetDateTime.class, "date-time",
            ZonedDateTime.class, "date-time");

    private final ObjectMapper mapper;
    private final Map<JavaType, String> names = new LinkedHashMap<>(); // of records, which may hold themselves
    private final ObjectNode definitions;

    Schemas(ObjectMapper mapper) {
        this.mapper = mapper;
        this.definitions = mapper.createObjectNode();
    }

    ObjectNode of(Class<?> type) {
        JavaType root = mapper.constructType(type);
        ObjectNode schema = of(root, type.getSimpleName());
        if (names.size() == 1 && definitions.size() == 1 && !definitions.toString().contains("$ref")) {
            return (ObjectNode) definitions.iterator().next(); // a record of plain components
        }
        if (!definitions.isEmpty()) {
            schema.set("$defs", definitions);
        }
        return schema;
    }

    private static long[] range(long least, long most) {
        return new long[] {least, most};
    }

    private ObjectNode typed(String type) {
        return mapper.createObjectNode().put("type", type);
    }

    private ObjectNode of(JavaType type, String path) {
        Class<?> raw = type.getRawClass();
        ObjectNode simple = simple(raw);
        if (simple != null) {
            return simple;
        }
        if (raw == Optional.class) {
            return of(type.getReferencedType() != null ? type.getReferencedType() : type.containedType(0), path);
        }
        if (type.isEnumType()) {
            ArrayNode values = mapper.createObjectNode().putArray("enum");
            for (Object constant : raw.getEnumConstants()) {
                values.add(mapper.convertValue(constant, String.class));
            }
            ObjectNode schema = mapper.createObjectNode();
            schema.set("enum", values);
            return schema;
        }
        if (type.isCollectionLikeType() || type.isArrayType()) {
            ObjectNode schema = typed("array");
            schema.set("items", of(type.getContentType(), path + "[]"));
            return schema;
        }
        if (type.isMapLikeType() && type.getKeyType().hasRawClass(String.class)) {
            ObjectNode schema = typed("object");
            schema.set("additionalProperties", of(type.getContentType(), path + "{}"));
            return schema;
        }
        if (raw.isRecord()) {
            return record(type, path);
        }
        throw new IllegalArgumentException(path + " is of " + type.toCanonical() + ", which has no schema; a text, number, boolean, "
                + "enum, UUID, date, list, map or record has one");
    }

    private @Nullable ObjectNode simple(Class<?> raw) {
        long[] range = RANGES.get(raw);
        if (range != null) {
            return typed("integer").put("minimum", range[0]).put("maximum", range[1]);
        }
        if (INTEGERS.contains(raw)) {
            return typed("integer");
        }
        if (NUMBERS.contains(raw)) {
            return typed("number");
        }
        if (raw == boolean.class || raw == Boolean.class) {
            return typed("boolean");
        }
        if (raw == char.class || raw == Character.class) {
            return typed("string").put("pattern", "^[\\x20-\\uD7FF]$"); // one of Java's
        }
        if (FORMATS.containsKey(raw)) {
            return typed("string").put("format", FORMATS.get(raw));
        }
        return raw == String.class || raw == CharSequence.class ? typed("string") : null;
    }

    private ObjectNode record(JavaType type, String path) {
        String name = names.get(type);
        if (name == null) {
            name = type.getRawClass().getSimpleName() + (names.isEmpty() ? "" : "-" + names.size());
            names.put(type, name);
            ObjectNode properties = mapper.createObjectNode();
            ArrayNode required = mapper.createArrayNode();
            for (BeanPropertyDefinition property : mapper.getSerializationConfig().introspect(type).findProperties()) {
                JavaType component = property.getPrimaryType();
                ObjectNode schema = of(component, path + "." + property.getName());
                String description = property.getMetadata().getDescription();
                if (description != null && !schema.has("$ref")) {
                    schema.put("description", description);
                }
                properties.set(property.getName(), schema);
                if (!component.getRawClass().getSimpleName().startsWith("Optional")) {
                    required.add(property.getName());
                }
            }
            ObjectNode schema = typed("object");
            schema.set("properties", properties);
            schema.set("required", required);
            schema.put("additionalProperties", false);
            definitions.set(name, schema);
        }
        return mapper.createObjectNode().put("$ref", "#/$defs/" + name);
    }
}
