package dev.magnet.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.DefaultModel;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of README.md compiles, is short, and shows vectors, with a model found by its name. */
class ReadmeTest {
    @Test
    void theProgramOfTheReadmeRuns(@TempDir Path folder) throws Exception {
        Path root = Path.of(System.getProperty("magnet.root"));
        Matcher program = Pattern.compile("```java\\R((?:(?!```)[\\s\\S])*static void main[\\s\\S]*?)```")
                .matcher(Files.readString(root.resolve("java/spark/README.md")));
        assertTrue(program.find());
        String source = program.group(1);
        assertTrue(source.lines().count() <= 15);
        Path file = Files.writeString(folder.resolve("First.java"), source);
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        assertEquals(0, ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "--release", "22", "-proc:none", "-cp", classPath, file.toString()));
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of(System.getProperty("spark.options").strip().split("\\s+")));
        command.addAll(List.of("-Dmagnet.library=" + System.getProperty("magnet.library"), "-Dspark.ui.enabled=false",
                "-Dmagnet.models=" + DefaultModel.path().toAbsolutePath().getParent(), "-Dmagnet.offline=true",
                "-cp", classPath + File.pathSeparator + folder, "First"));
        Process process = new ProcessBuilder(command).redirectError(folder.resolve("log").toFile()).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), () -> output);
        assertTrue(Pattern.compile("Someone plays music\\.\\|\\[-?0\\.\\d+, ").matcher(output).find(), output);
    }
}
