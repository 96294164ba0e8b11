package dev.magnet.internal.models;

import dev.magnet.KnownModel;
import dev.magnet.MagnetException;
import dev.magnet.Status;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.util.Locale;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * One model of a {@code models.properties}, and where it may lie.
 *
 * @param model what people are told of it
 * @param resource the file itself, beside the properties in a jar; null = not there
 * @param maven {@code group:artifact:version} of an artifact of type gguf; null = none
 * @param pip {@code package==version} of a wheel that holds it; null = none
 * @param member its path in the wheel
 */
public record Entry(
        KnownModel model,
        @Nullable URL resource,
        @Nullable String maven,
        @Nullable String pip,
        @Nullable String member) {

    /** Reads the fields {@code name.*}. {@code source} is where the properties lie, for messages and for the resource. */
    static Entry read(String name, Properties properties, URL source) {
        String file = required(properties, name, "file", source);
        if (!file.matches("[A-Za-z0-9][A-Za-z0-9._+-]*")) {
            throw bad(name + ".file is \"" + file + "\"; a plain file name is needed", source);
        }
        String sha256 = required(properties, name, "sha256", source).toLowerCase(Locale.ROOT);
        if (!sha256.matches("[0-9a-f]{64}")) {
            throw bad(name + ".sha256 is \"" + sha256 + "\"; 64 hexadecimal digits are needed", source);
        }
        String bytes = required(properties, name, "bytes", source);
        if (!bytes.matches("[0-9]{1,15}")) {
            throw bad(name + ".bytes is \"" + bytes + "\"; the file's size is needed", source);
        }
        var model = new KnownModel(name, file, Long.parseLong(bytes), sha256,
                required(properties, name, "licence", source), optional(properties, name, "adapter-of"));
        String pip = optional(properties, name, "pip");
        String member = optional(properties, name, "member");
        if (pip != null && (member == null || !pip.matches("[A-Za-z0-9._-]+==[A-Za-z0-9.+!-]+"))) {
            throw bad(name + ".pip is \"" + pip + "\"; package==version, and " + name + ".member, are needed", source);
        }
        String maven = optional(properties, name, "maven");
        if (maven != null && !maven.matches("[^:/\\s]+:[^:/\\s]+:[^:/\\s]+")) {
            throw bad(name + ".maven is \"" + maven + "\"; group:artifact:version is needed", source);
        }
        return new Entry(model, resource(optional(properties, name, "resource"), source), maven, pip, member);
    }

    private static @Nullable URL resource(@Nullable String name, URL source) {
        if (name == null) {
            return null;
        }
        try {
            String beside = source.toString();
            return URI.create(beside.substring(0, beside.lastIndexOf('/') + 1) + name).toURL();
        } catch (MalformedURLException | IllegalArgumentException e) {
            throw bad("resource \"" + name + "\" is no name", source);
        }
    }

    private static @Nullable String optional(Properties properties, String name, String field) {
        String value = properties.getProperty(name + "." + field);
        return value == null ? null : value.strip();
    }

    private static String required(Properties properties, String name, String field, URL source) {
        String value = properties.getProperty(name + "." + field, "").strip();
        if (value.isEmpty()) {
            throw bad(name + "." + field + " is missing", source);
        }
        return value;
    }

    private static MagnetException bad(String what, URL source) {
        return new MagnetException(Status.BAD_FILE, source + ": " + what);
    }
}
