package dev.magnet.langchain4j;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.UnsupportedFeatureException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A JSON schema as a GBNF grammar, so that nothing else can be generated.
 *
 * <p>Objects have their properties in the schema's order, all of them, required or not: a small model leaves out what it
 * may. Only one that leads back to a definition, and could go on for ever, is left out where the schema allows. Between
 * tokens stands what {@code json.dumps} puts there. Keywords that the grammar would not enforce are refused, by name.
 */
final class JsonGrammar {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Say nothing about what may be generated. */
    private static final Set<String> NOTES = Set.of("$schema", "$id", "title", "description", "default", "examples",
            "$comment", "deprecated", "readOnly", "writeOnly", "$defs", "definitions");

    private static final Map<String, String> PRIMITIVES = primitives();

    private final Map<String, Object> root;
    private final Map<String, String> rules = new LinkedHashMap<>();
    private final Map<String, String> definitions = new LinkedHashMap<>(); // by name, their rules

    private JsonGrammar(Map<String, Object> root) {
        this.root = root;
    }

    private static Map<String, String> primitives() {
        Map<String, String> rules = new LinkedHashMap<>();
        rules.put("string", "\"\\\"\" char* \"\\\"\"");
        rules.put("char", "[^\"\\\\\\x00-\\x1f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F])");
        rules.put("integer", "\"-\"? (\"0\" | [1-9] [0-9]{0,17})");
        rules.put("number", "integer (\".\" [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?");
        rules.put("boolean", "\"true\" | \"false\"");
        rules.put("null", "\"null\"");
        rules.put("value", "object | array | string | number | boolean | null");
        rules.put("object", "\"{\" (string \": \" value (\", \" string \": \" value)*)? \"}\"");
        rules.put("array", "\"[\" (value (\", \" value)*)? \"]\"");
        return rules;
    }

    /** Of any JSON object. */
    static String ofAnyObject() {
        return of(Map.of("type", "object"));
    }

    /** Of what {@code schema} allows. */
    static String of(Map<String, Object> schema) {
        return around("", schema, "");
    }

    /** Of what {@code schema} allows, between fixed texts. */
    static String around(String before, Map<String, Object> schema, String behind) {
        return anyOf(List.of(new Framed(before, schema, behind)));
    }

    /** A schema between fixed texts. */
    record Framed(String before, Map<String, Object> schema, String behind) {}

    /** Of one of several. */
    static String anyOf(List<Framed> choices) {
        Map<String, String> rules = new LinkedHashMap<>();
        List<String> roots = new ArrayList<>();
        for (int i = 0; i < choices.size(); i++) {
            Framed choice = choices.get(i);
            var grammar = new JsonGrammar(choice.schema());
            String rule = grammar.value(choice.schema(), "s" + i);
            rules.putAll(grammar.rules);
            roots.add(literal(choice.before()) + " " + rule + " " + literal(choice.behind()));
        }
        rules.putAll(PRIMITIVES);
        return "root ::= " + String.join(" | ", roots) + "\n"
                + rules.entrySet().stream().map(rule -> rule.getKey() + " ::= " + rule.getValue() + "\n").collect(Collectors.joining());
    }

    /** Name of a rule for {@code schema}, made if need be; {@code path} names what it is of, in letters, digits and dashes. */
    private String value(Map<String, Object> schema, String path) {
        if (schema.get("$ref") instanceof String reference) {
            return reference(reference, path);
        }
        refuseUnknown(schema);
        if (schema.containsKey("const")) {
            return add(path, literal(json(schema.get("const"))));
        }
        if (schema.get("enum") instanceof List<?> values) {
            return add(path, values.stream().map(value -> literal(json(value))).collect(Collectors.joining(" | ")));
        }
        for (String choice : List.of("anyOf", "oneOf")) {
            if (schema.get(choice) instanceof List<?> schemas) {
                List<String> names = new ArrayList<>();
                for (Object one : schemas) {
                    names.add(value(object(one, choice), path + "-" + names.size()));
                }
                return add(path, String.join(" | ", names));
            }
        }
        if (schema.get("type") instanceof List<?> types) {
            List<String> names = new ArrayList<>();
            for (Object type : types) {
                Map<String, Object> one = new LinkedHashMap<>(schema);
                one.put("type", type);
                names.add(value(one, path + "-" + names.size()));
            }
            return add(path, String.join(" | ", names));
        }
        Object type = schema.getOrDefault("type", schema.containsKey("properties") ? "object" : "value");
        return switch (String.valueOf(type)) {
            case "object" -> schema.containsKey("properties") ? add(path, properties(schema, path)) : empty(schema) ? add(path, "\"{}\"") : "object";
            case "array" -> array(schema, path);
            case "string", "integer", "number", "boolean", "null", "value" -> (String) type;
            default -> throw unsupported("type \"" + type + "\"");
        };
    }

    private static boolean empty(Map<String, Object> schema) {
        return Boolean.FALSE.equals(schema.get("additionalProperties"));
    }

    private String properties(Map<String, Object> schema, String path) {
        Map<String, Object> properties = object(schema.get("properties"), "properties");
        List<?> required = schema.get("required") instanceof List<?> names ? names : List.of();
        List<String> always = new ArrayList<>();
        List<String> perhaps = new ArrayList<>();
        for (Map.Entry<String, Object> property : properties.entrySet()) {
            Map<String, Object> of = object(property.getValue(), property.getKey());
            boolean optional = !required.contains(property.getKey()) && leadsBack(of, new HashSet<>());
            String pair = literal(json(property.getKey()) + ": ") + " " + value(of, path + "-p" + (always.size() + perhaps.size()));
            (optional ? perhaps : always).add(pair);
        }
        String pairs = String.join(" \", \" ", always);
        for (String pair : perhaps) { // behind the others, so that each has its comma in front
            pairs += always.isEmpty() ? " (" + pair + ")?" : " (\", \" " + pair + ")?";
            if (always.isEmpty() && perhaps.size() > 1) {
                throw unsupported("an object with nothing but optional properties that refer to definitions");
            }
        }
        return "\"{\" " + pairs + " \"}\"";
    }

    private String array(Map<String, Object> schema, String path) {
        Map<String, Object> items = schema.get("items") == null ? Map.of() : object(schema.get("items"), "items");
        String item = value(items, path + "-i");
        long least = schema.get("minItems") instanceof Number n ? n.longValue() : 0;
        @Nullable Number most = schema.get("maxItems") instanceof Number n ? n : null;
        if (most != null && most.longValue() == 0) {
            return add(path, "\"[]\"");
        }
        String more = "(\", \" " + item + "){" + Math.max(0, least - 1) + "," + (most == null ? "" : most.longValue() - 1) + "}";
        String list = item + " " + more;
        return add(path, "\"[\" " + (least > 0 ? list : "(" + list + ")?") + " \"]\"");
    }

    private String reference(String reference, String path) {
        String known = definitions.get(reference);
        if (known != null) {
            return known;
        }
        String rule = path + "-d" + definitions.size();
        definitions.put(reference, rule); // before it is made, which may need itself
        rules.put(rule, value(definition(reference), rule + "-v"));
        return rule;
    }

    private Map<String, Object> definition(String reference) {
        if (reference.equals("#")) {
            return root;
        }
        for (String holder : List.of("$defs", "definitions")) {
            String prefix = "#/" + holder + "/";
            if (reference.startsWith(prefix) && root.get(holder) instanceof Map<?, ?> all
                    && all.containsKey(reference.substring(prefix.length()))) {
                return object(all.get(reference.substring(prefix.length())), reference);
            }
        }
        throw unsupported("reference \"" + reference + "\", which leads nowhere in it");
    }

    /** Whether a value of {@code schema} can hold a value of a definition that is being written. */
    private boolean leadsBack(Object schema, Set<String> seen) {
        if (schema instanceof List<?> list) {
            return list.stream().anyMatch(one -> leadsBack(one, seen));
        }
        if (!(schema instanceof Map<?, ?> map)) {
            return false;
        }
        if (map.get("$ref") instanceof String reference) {
            return !seen.add(reference) || definitions.containsKey(reference) || leadsBack(definition(reference), seen);
        }
        return map.values().stream().anyMatch(one -> leadsBack(one, seen));
    }

    private static void refuseUnknown(Map<String, Object> schema) {
        Set<String> enforced = Set.of("type", "properties", "required", "additionalProperties", "items", "minItems",
                "maxItems", "enum", "const", "anyOf", "oneOf");
        for (String keyword : schema.keySet()) {
            if (!enforced.contains(keyword) && !NOTES.contains(keyword)) {
                throw unsupported("keyword \"" + keyword + "\"");
            }
        }
    }

    private String add(String name, String rule) {
        rules.put(name, rule);
        return name;
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(@Nullable Object value, String what) {
        if (value instanceof Map<?, ?> map) {
            return (Map<String, Object>) map;
        }
        throw unsupported("\"" + what + "\" that is no object");
    }

    private static String json(@Nullable Object value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static String literal(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }

    private static UnsupportedFeatureException unsupported(String what) {
        return new UnsupportedFeatureException("a JSON schema with " + what + " is not supported");
    }
}
