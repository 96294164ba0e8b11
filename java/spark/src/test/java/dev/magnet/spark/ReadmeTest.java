package dev.magnet.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.ReadmeProgram;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of README.md compiles, is short, and shows vectors, with a model found by its name. */
class ReadmeTest {
    @Test
    void theProgramOfTheReadmeRuns(@TempDir Path folder) throws Exception {
        List<String> options = new ArrayList<>(List.of(System.getProperty("spark.options").strip().split("\\s+")));
        options.add("-Dspark.ui.enabled=false");
        Process process = ReadmeProgram.compile("java/spark", folder)
                .process(options)
                .redirectError(folder.resolve("log").toFile())
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), () -> output);
        assertTrue(Pattern.compile("Someone plays music\\.\\|\\[-?0\\.\\d+, ").matcher(output).find(), output);
    }
}
