package dev.magnet;

import dev.magnet.internal.models.Catalogue;
import dev.magnet.internal.models.Finder;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Models by name: found in the cache, else fetched once, checked against their SHA-256 and kept.
 *
 * <pre>{@code
 * try (var magnet = Magnet.load("smollm2-135m-instruct")) { ... }
 * }</pre>
 *
 * <p>What is known: the entries {@code META-INF/magnet/models.properties} of every jar on the class path, and
 * {@code models.properties} in the cache, which {@code docs/models.md} describes. A fetch that was broken off goes on where it
 * stopped. Processes and threads that want the same model at once fetch it once.
 *
 * <p>Safe from any thread. An interrupt ends a fetch with {@link Status#CANCELLED} and keeps what there is.
 */
public final class Models {
    private Models() {}

    /** {@link #find(String, FindOptions)} with the defaults. */
    public static Path find(String name) {
        return find(name, FindOptions.defaults());
    }

    /**
     * The file of a model or an adapter.
     *
     * @param name one of {@link #known()}
     * @throws MagnetException {@link Status#INVALID_ARGUMENT} for a name that is not known, {@link Status#IO} if it is not to
     *     be had, or has another hash than it should, with all that was tried
     */
    public static Path find(String name, FindOptions options) {
        Objects.requireNonNull(name, "name");
        return new Finder(options).find(Catalogue.read(options.cache()).get(name));
    }

    /**
     * The file of a model or an adapter that is named, or whose path is given: what settings of programs allow.
     *
     * @param nameOrFile one of {@link #known()}, else the path of a file
     * @throws MagnetException as {@link #find(String, FindOptions)}; {@link Status#IO} if it is neither,
     *     {@link Status#INVALID_ARGUMENT} if it is empty
     */
    public static Path locate(String nameOrFile, FindOptions options) {
        Objects.requireNonNull(nameOrFile, "nameOrFile");
        if (nameOrFile.isBlank()) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "a model, or an adapter, is named by an empty text");
        }
        var catalogue = Catalogue.read(options.cache());
        if (catalogue.has(nameOrFile)) {
            return new Finder(options).find(catalogue.get(nameOrFile));
        }
        Path file;
        try {
            file = Path.of(nameOrFile);
        } catch (InvalidPathException e) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "no model and no file can be called so: " + e.getReason());
        }
        if (!Files.exists(file)) {
            throw new MagnetException(
                    Status.IO, "there is no file \"" + file.toAbsolutePath() + "\", and no model of that name; " + catalogue.names());
        }
        if (Files.isDirectory(file)) {
            throw new MagnetException(Status.IO, file.toAbsolutePath() + " is a directory; a file is needed");
        }
        return file;
    }

    /** {@link #locate(String, FindOptions)} with the defaults. */
    public static Path locate(String nameOrFile) {
        return locate(nameOrFile, FindOptions.defaults());
    }

    /** {@link #findAdapter(String, FindOptions)} with the defaults. */
    public static Optional<Path> findAdapter(String model) {
        return findAdapter(model, FindOptions.defaults());
    }

    /**
     * The first adapter that is known for a model, e.g. that of the jar {@code magnet-adapter-smollm2}.
     *
     * @param model name of a model; an adapter of a name that is not known is not known either
     * @throws MagnetException as {@link #find(String, FindOptions)}
     */
    public static Optional<Path> findAdapter(String model, FindOptions options) {
        Objects.requireNonNull(model, "model");
        return Catalogue.read(options.cache()).adapterOf(model).map(new Finder(options)::find);
    }

    /** All that is known, by name. */
    public static List<KnownModel> known() {
        return Catalogue.read(FindOptions.defaults().cache()).models();
    }
}
