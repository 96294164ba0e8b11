package dev.magnet.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.magnet.ReadmeProgram;
import java.io.BufferedReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program of README.md compiles, is short, starts, and embeds, with a model found by its name. */
class ReadmeTest {
    private static final Pattern STARTED = Pattern.compile("Tomcat started on port (\\d+)");

    @Test
    void theProgramOfTheReadmeRuns(@TempDir Path folder) throws Exception {
        Process process = ReadmeProgram.compile("java/spring", folder)
                .process(List.of("--enable-native-access=ALL-UNNAMED"), "--server.port=0", "--server.address=127.0.0.1")
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
