package dev.magnet.internal.models;

import dev.magnet.FindOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What system properties and the environment say about models. */
public final class Settings {
    private Settings() {}

    /** {@link FindOptions#defaults()}. */
    public static FindOptions findOptions() {
        String locations = property("magnet.locations", environment("MAGNET_LOCATIONS")).strip();
        String offline = property("magnet.offline", environment("MAGNET_OFFLINE")).strip();
        return new FindOptions(
                cache(),
                locations.isEmpty() ? List.of("pip") : List.of(locations.split("\\s+")),
                Set.of("true", "1", "yes", "on").contains(offline.toLowerCase(Locale.ROOT)),
                null);
    }

    private static Path cache() {
        String named = property("magnet.models", "");
        if (!named.isEmpty()) {
            return Path.of(named);
        }
        String cache = environment("MAGNET_CACHE");
        if (!cache.isEmpty()) {
            return Path.of(cache, "models");
        }
        String home = environment("XDG_CACHE_HOME");
        Path parent = home.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(home);
        return parent.resolve("magnet").resolve("models");
    }

    private static String property(String name, String otherwise) {
        return System.getProperty(name, otherwise);
    }

    private static String environment(String name) {
        return System.getenv().getOrDefault(name, "");
    }
}
