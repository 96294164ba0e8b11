package dev.magnet.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.DefaultModel;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of README.md runs, and is short. */
class ReadmeTest {
    @TempDir
    Path directory;

    @Test
    void theProgramOfTheReadmeAnswersWithARecord() throws Exception {
        Path model = DefaultModel.path();
        String readme = Files.readString(Path.of(System.getProperty("magnet.root"), "java", "json", "README.md"));
        Matcher program = Pattern.compile("```java\\R((?:(?!```)[\\s\\S])*static void main[\\s\\S]*?)```").matcher(readme);
        assertTrue(program.find());
        String source = program.group(1);
        assertTrue(source.lines().count() <= 15, source);
        source = source.replace("Magnet.load(\"smollm2-135m-instruct\")", "Magnet.load(java.nio.file.Path.of(args[0]))");
        Path file = Files.writeString(directory.resolve("Recipes.java"), source);
        String classPath = System.getProperty("java.class.path");
        assertEquals(0, ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "--release", "22", "-cp", classPath, file.toString()));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--enable-native-access=ALL-UNNAMED",
                        "-Dmagnet.library=" + System.getProperty("magnet.library"),
                        "-cp", classPath + File.pathSeparator + directory, "Recipes", model.toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.matches("(?s).* minutes: Recipe\\[title=.*, meal=(BREAKFAST|LUNCH|DINNER), minutes=-?\\d+, vegetarian=.*"), output);
    }
}
