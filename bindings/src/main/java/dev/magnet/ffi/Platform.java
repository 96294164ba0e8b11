package dev.magnet.ffi;

import java.util.Locale;

/** Names this machine the way the natives jars are classified, e.g. {@code linux-x86_64}. */
final class Platform {
    private Platform() {}

    /** Classifier of this machine: operating system and processor in the words of os-maven-plugin. */
    static String classifier() {
        return classifier(System.getProperty("os.name"), System.getProperty("os.arch"));
    }

    static String classifier(String osName, String osArch) {
        String os = osName.toLowerCase(Locale.ROOT);
        String arch = osArch.toLowerCase(Locale.ROOT);
        String osPart = os.startsWith("windows") ? "windows" : os.startsWith("mac") ? "osx" : os.replaceAll("[^a-z0-9]", "");
        String archPart =
                switch (arch) {
                    case "amd64", "x86_64", "x64" -> "x86_64";
                    case "aarch64", "arm64" -> "aarch_64";
                    default -> arch.replaceAll("[^a-z0-9]", "");
                };
        return osPart + "-" + archPart;
    }
}
