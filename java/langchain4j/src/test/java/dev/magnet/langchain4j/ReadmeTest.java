package dev.magnet.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.magnet.DefaultModel;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of README.md compiles, is short, and says what it should, with a model found by its name. */
class ReadmeTest {
    @Test
    void theProgramOfTheReadmeRuns(@TempDir Path folder) throws Exception {
        Path root = Path.of(System.getProperty("magnet.root"));
        Matcher program = Pattern.compile("```java\\R((?:(?!```)[\\s\\S])*static void main[\\s\\S]*?)```")
                .matcher(Files.readString(root.resolve("java/langchain4j/README.md")));
        assertThat(program.find()).isTrue();
        String source = program.group(1);
        assertThat(source.lines()).hasSizeLessThanOrEqualTo(15);
        Path file = Files.writeString(folder.resolve("First.java"), source);
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        assertThat(ToolProvider.getSystemJavaCompiler()
                        .run(null, null, null, "--release", "22", "-proc:none", "-cp", classPath, file.toString()))
                .isZero();
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED", "-Dmagnet.library=" + System.getProperty("magnet.library"),
                        "-Dmagnet.models=" + DefaultModel.path().toAbsolutePath().getParent(),
                        "-Dmagnet.offline=true", "-cp", classPath + File.pathSeparator + folder, "First"))
                .redirectError(folder.resolve("log").toFile())
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(Files.readString(folder.resolve("log"))).isZero();
        List<String> lines = output.lines().toList();
        assertThat(Double.parseDouble(lines.getFirst())).isBetween(0.3, 0.9);
        assertThat(output).contains("Romeo");
    }
}
