package dev.magnet;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The default model with its real weights: from system property or environment, else fetched once and cached. */
public final class DefaultModel {
    private static Path path;

    private DefaultModel() {}

    /** Path of the file; the test is skipped, loudly, where it cannot be had. */
    public static synchronized Path path() {
        if (path == null) {
            path = find();
        }
        return path;
    }

    /** The adapter of this repository for it. */
    public static Path adapter() {
        return Path.of(System.getProperty("magnet.root"), "adapters", "SmolLM2-135M-Instruct.magnet.gguf");
    }

    private static Path find() {
        String named = System.getProperty("magnet.model", System.getenv().getOrDefault("MAGNET_MODEL", ""));
        if (!named.isEmpty()) {
            return Path.of(named);
        }
        Path script = Path.of(System.getProperty("magnet.root"), "scripts", "fetch-model.sh");
        try {
            Process process = new ProcessBuilder("bash", script.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            Path file = Path.of(output.substring(output.lastIndexOf('\n') + 1));
            if (process.waitFor() == 0 && Files.isRegularFile(file)) {
                return file;
            }
        } catch (IOException e) {
            System.err.println(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        System.err.println("SKIPPED: the default model cannot be fetched by " + script + "; name it with MAGNET_MODEL");
        return abort("no default model");
    }
}
