package dev.magnet.internal.models;

import dev.magnet.MagnetException;
import dev.magnet.ProgressListener;
import dev.magnet.Status;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Where models may be fetched from. */
sealed interface Location permits Plain, MavenRepository, PackageIndex, PipProgram {
    /** Whether it needs a network. */
    boolean isRemote();

    /**
     * Writes the model to {@code part}, going on with what is there.
     *
     * @throws IOException if it is not there, or does not come; what came is kept
     */
    void fetch(Entry entry, Path part, @Nullable ProgressListener progress) throws IOException;

    /** Reads what users write: {@code pip}, {@code pip+URL}, {@code maven+URL}, a URL or a directory. */
    static Location of(String written) {
        if (written.equals("pip")) {
            return new PipProgram();
        }
        if (written.startsWith("pip+")) {
            return new PackageIndex(folder(written.substring("pip+".length()), written));
        }
        if (written.startsWith("maven+")) {
            return new MavenRepository(folder(written.substring("maven+".length()), written));
        }
        return new Plain(folder(written, written));
    }

    private static URI folder(String address, String written) {
        String withSlash = address.endsWith("/") ? address : address + "/";
        if (withSlash.matches("(?i)(https?|file):.*")) {
            try {
                return URI.create(withSlash);
            } catch (IllegalArgumentException e) {
                throw new MagnetException(Status.INVALID_ARGUMENT, "location \"" + written + "\": " + e.getMessage(), e);
            }
        }
        if (withSlash.matches("[A-Za-z][A-Za-z0-9+.-]+:.*")) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "location \"" + written + "\" is none; it is a directory, a URL"
                    + " (https, http, file), maven+URL, pip+URL or pip");
        }
        String directory = Path.of(address).toAbsolutePath().toUri().toString(); // ends with a slash where it exists
        return URI.create(directory.endsWith("/") ? directory : directory + "/");
    }

    /** Whether a URL leads out of this machine's file systems. */
    static boolean isRemote(URI uri) {
        return !"file".equalsIgnoreCase(uri.getScheme());
    }
}
