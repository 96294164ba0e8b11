package dev.magnet.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.magnet.DefaultModel;
import java.io.BufferedReader;
import java.io.File;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of README.md compiles, is short, starts, and embeds, with a model found by its name. */
class ReadmeTest {
    private static final Pattern STARTED = Pattern.compile("Tomcat started on port (\\d+)");

    @Test
    void theProgramOfTheReadmeRuns(@TempDir Path folder) throws Exception {
        Path root = Path.of(System.getProperty("magnet.root"));
        Matcher program = Pattern.compile("```java\\R((?:(?!```)[\\s\\S])*static void main[\\s\\S]*?)```")
                .matcher(Files.readString(root.resolve("java/spring/README.md")));
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
                        "-Dmagnet.models=" + DefaultModel.path().toAbsolutePath().getParent(), "-Dmagnet.offline=true",
                        "-cp", classPath + File.pathSeparator + folder,
                        "First", "--server.port=0", "--server.address=127.0.0.1"))
                .redirectErrorStream(true)
                .start();
        try (BufferedReader log = process.inputReader(StandardCharsets.UTF_8)) {
            var told = new StringBuilder();
            Matcher started = STARTED.matcher("");
            for (String line = log.readLine(); line != null && !started.reset(line).find(); line = log.readLine()) {
                told.append(line).append('\n');
            }
            assertThat(started.reset().find()).as(told.toString()).isTrue();
            URI uri = URI.create("http://127.0.0.1:" + started.group(1) + "/embed?text=A+man+is+playing+a+guitar.");
            String vector = HttpClient.newHttpClient().send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body();
            assertThat(vector.split(",")).as(vector).hasSize(576);
        } finally {
            process.destroy();
            process.waitFor();
        }
    }
}
