package dev.magnet.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a JSON object, read by name and type; null is the same as absent. What is wrong is an {@link HttpError}
 * that names the field, what stands there and what is wanted.
 */
public final class Fields {
    private static final int MOST_SHOWN = 60;

    private final ObjectNode object;
    private final String path;
    private final Set<String> asked = new LinkedHashSet<>();

    private Fields(ObjectNode object, String path) {
        this.object = object;
        this.path = path;
    }

    /** The fields of a request's body. */
    public static Fields of(JsonNode body) {
        if (body instanceof ObjectNode object) {
            return new Fields(object, "");
        }
        throw HttpError.bad("the body is " + shown(body) + "; a JSON object is wanted");
    }

    /** Whether the field is there. */
    public boolean has(String name) {
        return find(name) != null;
    }

    /** A text that must be there. */
    public String text(String name) {
        String text = text(name, null);
        if (text == null) {
            throw missing(name, "a string");
        }
        return text;
    }

    /** A text. */
    public @Nullable String text(String name, @Nullable String fallback) {
        JsonNode value = find(name);
        if (value == null) {
            return fallback;
        }
        if (!value.isTextual()) {
            throw wrong(name, value, "a string is wanted");
        }
        return value.textValue();
    }

    /** A whole number within bounds, both included. */
    public int integer(String name, int least, int most, int fallback) {
        return (int) whole(name, least, most, fallback);
    }

    /** A whole number within bounds, both included. */
    public long whole(String name, long least, long most, long fallback) {
        JsonNode value = find(name);
        if (value == null) {
            return fallback;
        }
        // 16.0 is a whole number, too
        if (!value.isNumber() || !value.canConvertToExactIntegral() || !value.canConvertToLong()
                || value.longValue() < least || value.longValue() > most) {
            throw wrong(name, value, "a whole number in [" + least + ", " + most + "] is wanted");
        }
        return value.longValue();
    }

    /** A number within bounds, both included. */
    public double number(String name, double least, double most, double fallback) {
        JsonNode value = find(name);
        if (value == null) {
            return fallback;
        }
        if (!value.isNumber() || !(value.doubleValue() >= least && value.doubleValue() <= most)) {
            throw wrong(name, value, "a number in [" + least + ", " + most + "] is wanted");
        }
        return value.doubleValue();
    }

    /** True or false. */
    public boolean flag(String name, boolean fallback) {
        JsonNode value = find(name);
        if (value == null) {
            return fallback;
        }
        if (!value.isBoolean()) {
            throw wrong(name, value, "true or false is wanted");
        }
        return value.booleanValue();
    }

    /** One of an enum's constants, in lower case. */
    public <E extends Enum<E>> E choice(String name, Class<E> type, E fallback) {
        String word = text(name, null);
        if (word == null) {
            return fallback;
        }
        for (E constant : type.getEnumConstants()) {
            if (constant.name().toLowerCase(Locale.ROOT).equals(word)) {
                return constant;
            }
        }
        String all = Stream.of(type.getEnumConstants())
                .map(constant -> constant.name().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(", "));
        throw wrong(name, object.get(name), "one of these is wanted: " + all);
    }

    /** A text, or a list of texts; empty if absent. */
    public List<String> texts(String name, int most) {
        JsonNode value = find(name);
        if (value == null) {
            return List.of();
        }
        if (value.isTextual()) {
            return List.of(value.textValue());
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode element : list(name, value, most)) {
            if (element.isNumber() || element.isArray()) {
                throw wrong(name + "[" + texts.size() + "]", element,
                        "a string is wanted: token ids belong to one vocabulary, so texts are read here, not tokens");
            }
            if (!element.isTextual()) {
                throw wrong(name + "[" + texts.size() + "]", element, "a string is wanted");
            }
            texts.add(element.textValue());
        }
        return texts;
    }

    /** A list of whole numbers in [0, 2^31). */
    public int[] integers(String name, int most) {
        JsonNode value = find(name);
        if (value == null) {
            throw missing(name, "a list of whole numbers");
        }
        int[] numbers = new int[list(name, value, most).size()];
        for (int i = 0; i < numbers.length; i++) {
            JsonNode element = value.get(i);
            if (!element.isIntegralNumber() || !element.canConvertToInt() || element.intValue() < 0) {
                throw wrong(name + "[" + i + "]", element, "a whole number from 0 on is wanted");
            }
            numbers[i] = element.intValue();
        }
        return numbers;
    }

    /** A list of objects; empty if absent. */
    public List<Fields> objects(String name, int most) {
        JsonNode value = find(name);
        if (value == null) {
            return List.of();
        }
        List<Fields> objects = new ArrayList<>();
        for (JsonNode element : list(name, value, most)) {
            objects.add(inner(name + "[" + objects.size() + "]", element));
        }
        return objects;
    }

    /** An object, or null. */
    public @Nullable Fields object(String name) {
        JsonNode value = find(name);
        return value == null ? null : inner(name, value);
    }

    /** Any value, or null. */
    public @Nullable JsonNode any(String name) {
        return find(name);
    }

    /** The names of this object's fields, to be asked for one by one. */
    public Set<String> names() {
        Set<String> names = new LinkedHashSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    /** The names that were asked for so far: what a handler knows. */
    public Set<String> asked() {
        return asked;
    }

    /**
     * Refuses names that nobody asked for.
     *
     * @throws HttpError naming the first of them, and all that are known
     */
    public void refuseOthers() {
        for (String name : names()) {
            if (!asked.contains(name)) {
                throw HttpError.field(path + name, "field \"" + path + name + "\" is not known; these are: "
                        + String.join(", ", new TreeSet<>(asked)));
            }
        }
    }

    /** The error of a field whose value is not what is wanted. */
    public HttpError wrong(String name, String wanted) {
        JsonNode value = object.get(name);
        return wrong(name, value == null ? object.nullNode() : value, wanted);
    }

    private @Nullable JsonNode find(String name) {
        asked.add(name);
        JsonNode value = object.get(name);
        return value == null || value.isNull() ? null : value;
    }

    private JsonNode list(String name, JsonNode value, int most) {
        if (!value.isArray()) {
            throw wrong(name, value, "a list is wanted");
        }
        if (value.size() > most) {
            throw HttpError.field(path + name, "field \"" + path + name + "\" has " + value.size()
                    + " elements; at most " + most + " are taken in one request");
        }
        return value;
    }

    private Fields inner(String name, JsonNode value) {
        if (value instanceof ObjectNode fields) {
            return new Fields(fields, path + name + ".");
        }
        throw wrong(name, value, "an object is wanted");
    }

    private HttpError wrong(String name, JsonNode value, String wanted) {
        return HttpError.field(path + name, "field \"" + path + name + "\" is " + shown(value) + "; " + wanted);
    }

    private HttpError missing(String name, String what) {
        return HttpError.field(path + name, "field \"" + path + name + "\" is missing; " + what + " is wanted");
    }

    private static String shown(JsonNode value) {
        if (value.isMissingNode()) {
            return "empty";
        }
        String text = value.toString();
        return text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN) + "...";
    }
}
