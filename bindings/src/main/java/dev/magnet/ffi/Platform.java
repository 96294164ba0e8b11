package dev.magnet.ffi;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Names this machine the way the natives jars are classified, e.g. {@code linux-x86_64}. */
final class Platform {
    private Platform() {}

    /** Classifier of this machine: operating system and processor in the words of os-maven-plugin. */
    static String classifier() {
        return classifier(System.getProperty("os.name"), System.getProperty("os.arch"));
    }

    static String classifier(String osName, String osArch) {
        String arch = osArch.toLowerCase(Locale.ROOT);
        String archPart =
                switch (arch) {
                    case "amd64", "x86_64", "x64" -> "x86_64";
                    case "aarch64", "arm64" -> "aarch_64";
                    default -> arch.replaceAll("[^a-z0-9]", "");
                };
        return system(osName) + "-" + archPart;
    }

    /** {@code linux}, {@code windows}, {@code osx}, or what else the system calls itself. */
    static String system(String osName) {
        String os = osName.toLowerCase(Locale.ROOT);
        return os.startsWith("windows") ? "windows" : os.startsWith("mac") ? "osx" : os.replaceAll("[^a-z0-9]", "");
    }

    /** Whether this JVM runs on musl, the C library of Alpine Linux, and not on glibc. */
    static boolean musl() {
        Path maps = Path.of("/proc/self/maps");
        try {
            return Files.isReadable(maps) && musl(Files.readString(maps, java.nio.charset.StandardCharsets.ISO_8859_1));
        } catch (IOException e) {
            return false;
        }
    }

    /** @param maps what is mapped into a process, as {@code /proc/self/maps} lists it: musl is its own dynamic linker */
    static boolean musl(String maps) {
        return maps.lines().anyMatch(line -> line.substring(line.lastIndexOf('/') + 1).startsWith("ld-musl-"));
    }
}
