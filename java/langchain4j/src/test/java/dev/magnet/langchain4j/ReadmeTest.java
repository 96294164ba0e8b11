package dev.magnet.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.magnet.ReadmeProgram;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of README.md compiles, is short, and says what it should, with a model found by its name. */
class ReadmeTest {
    @Test
    void theProgramOfTheReadmeRuns(@TempDir Path folder) throws Exception {
        Process process = ReadmeProgram.compile("java/langchain4j", folder)
                .process(List.of("--enable-native-access=ALL-UNNAMED"))
                .redirectError(folder.resolve("log").toFile())
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(Files.readString(folder.resolve("log"))).isZero();
        List<String> lines = output.lines().toList();
        assertThat(Double.parseDouble(lines.getFirst())).isBetween(0.3, 0.9);
        assertThat(output).contains("Romeo");
    }
}
