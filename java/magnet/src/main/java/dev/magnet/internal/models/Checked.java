package dev.magnet.internal.models;

import dev.magnet.KnownModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.UUID;

/** Which files of the cache hold what they should. A hash takes a while for large ones, so that it is remembered beside them. */
final class Checked {
    private Checked() {}

    /** Whether the file was found right before, and has not been touched since. */
    private static boolean isKnown(Path file, KnownModel model) throws IOException {
        Path note = note(file);
        try {
            return Files.isRegularFile(file)
                    && Files.isRegularFile(note)
                    && Files.readString(note).equals(text(file, model));
        } catch (AccessDeniedException e) {
            return false; // another user's, who keeps it to himself
        }
    }

    /** Whether the file is right; remembers it if so. */
    static boolean check(Path file, KnownModel model) throws IOException {
        if (isKnown(file, model)) {
            return true;
        }
        boolean right = Files.isRegularFile(file)
                && Files.size(file) == model.bytes()
                && sha256(file).equals(model.sha256());
        if (right) {
            remember(file, model);
        }
        return right;
    }

    static void remember(Path file, KnownModel model) {
        try {
            // not a temporary file, which only its owner could read
            Path staged = file.resolveSibling(file.getFileName() + ".checked." + UUID.randomUUID() + ".part");
            Files.writeString(staged, text(file, model));
            Files.move(staged, note(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            // a cache that may only be read: it is hashed again next time
        }
    }

    private static String text(Path file, KnownModel model) throws IOException {
        return model.sha256() + " " + Files.size(file) + " " + Files.getLastModifiedTime(file).toMillis() + "\n";
    }

    private static Path note(Path file) {
        return file.resolveSibling(file.getFileName() + ".checked");
    }

    static String sha256(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file);
                var digest = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"))) {
            digest.transferTo(OutputStream.nullOutputStream());
            return HexFormat.of().formatHex(digest.getMessageDigest().digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
