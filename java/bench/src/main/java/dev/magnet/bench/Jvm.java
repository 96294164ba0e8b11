package dev.magnet.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another JVM of this kind, for the same work. */
final class Jvm {
    private Jvm() {}

    /** Arguments that make it find the library and the model, and use as many threads. */
    static List<String> arguments() {
        return List.of(
                "--enable-native-access=ALL-UNNAMED",
                "-Dmagnet.library=" + System.getProperty("magnet.library"),
                "-Dmagnet.model=" + Work.model(),
                "-Dbench.threads=" + Work.THREADS);
    }

    /** Starts one with a main class, whose output can be read; what it logs is dropped. */
    static Process start(Class<?> main, String argument) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(arguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName(), argument));
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    }
}
