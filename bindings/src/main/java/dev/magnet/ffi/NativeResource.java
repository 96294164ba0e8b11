package dev.magnet.ffi;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The library as a natives jar carries it: {@code dev/magnet/native/<classifier>/<file>}, and beside it
 * {@code <file>.sha256}, the hash of the content in hexadecimal, and {@code <file>.cpu} ({@link CpuFeatures}).
 *
 * @param loader class loader that sees the jar
 * @param name path of the library inside the jar
 * @param sha256 what its content must hash to
 * @param cpu what it asks of the CPU; empty if the jar does not say
 */
record NativeResource(ClassLoader loader, String name, String sha256, String cpu) {
    /** The resource for this machine, or null if no natives jar for it is visible to {@code loader}. */
    static NativeResource find(ClassLoader loader, String classifier, String fileName) throws IOException {
        String name = "dev/magnet/native/" + classifier + "/" + fileName;
        String sha256 = text(loader, name + ".sha256");
        return sha256.isEmpty() ? null : new NativeResource(loader, name, sha256, text(loader, name + CpuFeatures.SUFFIX));
    }

    private static String text(ClassLoader loader, String name) throws IOException {
        try (InputStream in = loader.getResourceAsStream(name)) {
            return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip();
        }
    }

    /**
     * Puts the library at {@code <directory>/<start of its hash>/<file>} unless it is there already with the right
     * content. Written under another name and moved into place in one step, so that a process starting at the same
     * moment sees the whole file or none.
     */
    Path extractTo(Path directory) throws IOException {
        Path target = directory.resolve(sha256.substring(0, 16)).resolve(name.substring(name.lastIndexOf('/') + 1));
        if (isWhole(target)) {
            return target;
        }
        Files.createDirectories(target.getParent());
        Path staged = Files.createTempFile(target.getParent(), "extracting", ".part");
        try {
            try (InputStream content = loader.getResourceAsStream(name)) {
                if (content == null) {
                    throw new FileNotFoundException(name + " is missing beside its .sha256");
                }
                Files.copy(content, staged, StandardCopyOption.REPLACE_EXISTING);
            }
            String written = sha256Of(Files.newInputStream(staged));
            if (!written.equals(sha256)) {
                throw new IOException(name + " is damaged: SHA-256 " + written + ", expected " + sha256);
            }
            move(staged, target);
        } finally {
            Files.deleteIfExists(staged);
        }
        return target;
    }

    /** Windows replaces no library that is in use: then another process was faster, and its file will do. */
    private void move(Path staged, Path target) throws IOException {
        try {
            Files.move(staged, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            if (!isWhole(target)) {
                throw e;
            }
        }
    }

    private boolean isWhole(Path target) throws IOException {
        return Files.isRegularFile(target) && sha256.equals(sha256Of(Files.newInputStream(target)));
    }

    private static String sha256Of(InputStream content) throws IOException {
        try (var in = new DigestInputStream(content, MessageDigest.getInstance("SHA-256"))) {
            in.transferTo(java.io.OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(in.getMessageDigest().digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
