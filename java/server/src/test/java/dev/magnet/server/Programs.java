package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Programs of this machine, as clients. */
final class Programs {
    private static final String OPENAI = "openai==3.57.0";

    private Programs() {}

    /** Runs a script of src/test/python with OpenAI's client. */
    static synchronized String openAi(String script, String... arguments) throws Exception {
        Path path = Path.of(System.getProperty("magnet.root"), "java/server/src/test/python", script);
        String[] command = new String[arguments.length + 2];
        command[0] = python().toString();
        command[1] = path.toString();
        System.arraycopy(arguments, 0, command, 2, arguments.length);
        return run(command);
    }

    /** A Python that has the client: made once, kept beside the models. */
    private static Path python() throws Exception {
        String cache = System.getenv().getOrDefault("XDG_CACHE_HOME", System.getProperty("user.home") + "/.cache");
        Path folder = Path.of(cache, "magnet", "python-" + OPENAI.replace("==", "-"));
        Path python = folder.resolve("bin/python");
        if (!Files.exists(folder.resolve("complete"))) {
            try {
                run("python3", "-m", "venv", "--clear", folder.toString());
                run(python.toString(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", OPENAI);
                Files.createFile(folder.resolve("complete"));
            } catch (IOException | AssertionError e) {
                System.err.println("SKIPPED: " + OPENAI + " cannot be installed into " + folder + ": " + e.getMessage());
                return abort("no Python client");
            }
        }
        return python;
    }

    /** Runs a program, which must succeed; what it says. */
    static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
