package dev.magnet.ffi;

import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;

/** Where the library of a natives jar is extracted to: places to try, best first. */
final class NativesCache {
    private NativesCache() {}

    /** For this process. */
    static List<Path> directories() {
        return directories(System::getProperty, System::getenv);
    }

    /**
     * {@code magnet.cache} alone if it is set, else the user's cache as the system has it, then the temporary directory.
     *
     * @param property value of a system property, or null
     * @param environment value of a variable of the environment, or null
     */
    static List<Path> directories(UnaryOperator<String> property, UnaryOperator<String> environment) {
        String named = property.apply(MagnetLibrary.CACHE_PROPERTY);
        if (named != null) {
            return List.of(Path.of(named));
        }
        Path home = Path.of(property.apply("user.home"));
        String user = property.apply("user.name").replaceAll("[^A-Za-z0-9]", "_");
        Path cache =
                switch (Platform.system(property.apply("os.name"))) {
                    case "windows" -> named(environment.apply("LOCALAPPDATA"), home.resolve("AppData").resolve("Local"));
                    case "osx" -> home.resolve("Library").resolve("Caches");
                    default -> named(environment.apply("XDG_CACHE_HOME"), home.resolve(".cache"));
                };
        return List.of(
                cache.resolve("magnet").resolve("natives"),
                Path.of(property.apply("java.io.tmpdir"), "magnet-natives-" + user));
    }

    private static Path named(String path, Path otherwise) {
        return path != null && !path.isEmpty() ? Path.of(path) : otherwise;
    }
}
