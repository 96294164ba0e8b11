package dev.magnet.internal.models;

import dev.magnet.ProgressListener;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/** Fetches a URL into a file, going on where an earlier fetch was broken off. Proxies are those of the JVM. */
final class Download {
    private static final int CONNECT_MILLIS = 20_000;
    private static final int READ_MILLIS = 60_000;
    private static final int RANGE_NOT_SATISFIABLE = 416;

    private Download() {}

    /**
     * Fetches all of {@code from} into {@code part}.
     *
     * @param bytes its size; 0 = not known. A file of another size is not read to its end
     */
    static void of(URI from, Path part, long bytes, @Nullable ProgressListener progress) throws IOException {
        if (!Location.isRemote(from)) {
            requireSize(from, Files.size(existing(from)), bytes);
            requireRoom(part, bytes);
            try (InputStream in = Files.newInputStream(Path.of(from))) {
                copy(in, part, 0, bytes, progress);
            }
            return;
        }
        long have = Files.exists(part) ? Files.size(part) : 0;
        if (bytes > 0 && have >= bytes) {
            have = 0; // whole, and yet it was not kept: it was wrong
        }
        requireRoom(part, bytes - have);
        HttpURLConnection http = open(from, have);
        int status = http.getResponseCode();
        if (status == RANGE_NOT_SATISFIABLE && have > 0) {
            have = 0;
            http = open(from, 0);
            status = http.getResponseCode();
        }
        requireOk(from, status);
        if (status != HttpURLConnection.HTTP_PARTIAL || !resumesAt(http, have)) {
            have = 0; // the server sends all of it
        }
        long rest = http.getContentLengthLong();
        if (rest >= 0) {
            requireSize(from, have + rest, bytes);
        }
        try (InputStream in = http.getInputStream()) {
            copy(in, part, have, bytes > 0 || rest < 0 ? bytes : have + rest, progress);
        }
    }

    /** A page, of at most {@code most} bytes. */
    static String text(URI from, int most) throws IOException {
        if (!Location.isRemote(from)) {
            return Files.readString(existing(from));
        }
        HttpURLConnection http = open(from, 0);
        requireOk(from, http.getResponseCode());
        try (InputStream in = http.getInputStream()) {
            return new String(in.readNBytes(most), StandardCharsets.UTF_8);
        }
    }

    private static HttpURLConnection open(URI from, long have) throws IOException {
        HttpURLConnection http = (HttpURLConnection) from.toURL().openConnection();
        http.setConnectTimeout(CONNECT_MILLIS);
        http.setReadTimeout(READ_MILLIS);
        http.setRequestProperty("Accept-Encoding", "identity");
        if (have > 0) {
            http.setRequestProperty("Range", "bytes=" + have + "-");
        }
        return http;
    }

    private static Path existing(URI file) throws IOException {
        Path path = Path.of(file);
        if (!Files.isRegularFile(path)) {
            throw new IOException("there is no file " + path);
        }
        return path;
    }

    private static void requireSize(URI from, long size, long expected) throws IOException {
        if (expected > 0 && size != expected) {
            throw new IOException(from + " has " + size + " bytes; expected are " + expected);
        }
    }

    private static void requireOk(URI from, int status) throws IOException {
        if (status != HttpURLConnection.HTTP_OK && status != HttpURLConnection.HTTP_PARTIAL) {
            throw new IOException("HTTP status " + status + " for " + from);
        }
    }

    private static boolean resumesAt(HttpURLConnection http, long have) {
        String range = http.getHeaderField("Content-Range");
        return range != null && range.startsWith("bytes " + have + "-");
    }

    private static void requireRoom(Path part, long bytes) throws IOException {
        long room = Files.getFileStore(part.getParent()).getUsableSpace();
        if (bytes > room) {
            throw new IOException(bytes + " bytes do not fit into " + part.getParent() + ", which has room for " + room);
        }
    }

    private static void copy(InputStream in, Path part, long have, long total, @Nullable ProgressListener progress)
            throws IOException {
        StandardOpenOption how = have > 0 ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING;
        long done = have;
        try (OutputStream out = Files.newOutputStream(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE, how)) {
            byte[] buffer = new byte[1 << 16];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                out.write(buffer, 0, n);
                done += n;
                if (total > 0 && done > total) {
                    throw new IOException("more than " + total + " bytes come");
                }
                if (Thread.currentThread().isInterrupted()) {
                    throw FetchLock.cancelled(part, new InterruptedException());
                }
                if (progress != null) {
                    progress.onProgress(done, total);
                }
            }
        }
        if (total > 0 && done < total) {
            throw new IOException("the connection ended after " + done + " of " + total + " bytes; ask again to go on");
        }
    }
}
