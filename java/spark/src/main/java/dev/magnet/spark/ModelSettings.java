package dev.magnet.spark;

import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Models;
import dev.magnet.Status;
import java.io.Serializable;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;
import org.jspecify.annotations.Nullable;

/**
 * Which model tasks use. Executors load it once a JVM and share it between their tasks.
 *
 * @param modelPath the path, or {@code file:} URI, of a GGUF file that every machine has, the name of one that
 *     {@code SparkContext.addFile} has distributed, or a name that {@link Models} knows
 * @param adapterPath the same of an adapter; "" = the one that is known for a model by name, else none; "none" = none
 * @param threads threads of one call; 0 = {@code spark.executor.cores} where it is set, else the physical cores
 */
public record ModelSettings(String modelPath, String adapterPath, int threads) implements Serializable {
    /** What {@code adapterPath} says for the bare model. */
    public static final String NONE = "none";

    /** Most that a call can have. */
    static final int MOST_THREADS = 512;

    /** Checks its arguments. */
    public ModelSettings {
        Objects.requireNonNull(modelPath, "modelPath");
        Objects.requireNonNull(adapterPath, "adapterPath");
        if (threads < 0 || threads > MOST_THREADS) {
            throw new IllegalArgumentException("threads is " + threads + "; it must be in [0, " + MOST_THREADS + "]");
        }
    }

    /** A model with the adapter that is known for it. */
    public static ModelSettings of(String modelPath) {
        return new ModelSettings(modelPath, "", 0);
    }

    /**
     * Looks for the files, here and now: on the driver, before a job begins.
     *
     * @throws MagnetException {@link Status#IO} with the path of what is not there
     */
    public void check() {
        located(modelPath);
        adapter();
    }

    /** A row's result must not depend on those before it: a task that is repeated has others. */
    Magnet load() {
        LoadOptions options = LoadOptions.defaults().withReusePrefix(false);
        int cores = threads > 0 ? threads : executorCores();
        options = cores > 0 ? options.withThreads(cores) : options;
        return Magnet.load(located(modelPath), adapter().map(options::withAdapters).orElse(options));
    }

    private Optional<Path> adapter() {
        return switch (adapterPath) {
            case "" -> Models.findAdapter(modelPath);
            case NONE -> Optional.empty();
            default -> Optional.of(located(adapterPath));
        };
    }

    private static Path located(String file) {
        Path distributed = distributed(file);
        if (distributed != null) {
            return distributed;
        }
        return Models.locate(file.startsWith("file:") ? Path.of(URI.create(file)).toString() : file);
    }

    private static @Nullable Path distributed(String file) {
        if (SparkEnv.get() == null || file.isEmpty() || file.contains("/")) {
            return null;
        }
        Path path = Path.of(SparkFiles.get(file));
        return Files.isRegularFile(path) ? path : null;
    }

    private static int executorCores() {
        return SparkEnv.get() == null ? 0 : SparkEnv.get().conf().getInt("spark.executor.cores", 0);
    }
}
