package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The jar, as a user runs it. */
@Timeout(120)
class MainIT {
    private static final String JAVA = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    private static final String JAR = Path.of("target", "magnet-server.jar").toString();

    private static Process start(Map<String, String> environment, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(JAVA, "-jar", JAR));
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("MAGNET_MODEL");
        builder.environment().remove("MAGNET_API_KEY");
        builder.environment().putAll(environment);
        return builder.start();
    }

    @Test
    void servesUntilItIsToldToStop() throws Exception {
        Process process = start(Map.of("MAGNET_API_KEY", "s3cret"), TestServer.TINY.toString(), "--port", "0", "--alias", "small");
        try (var output = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
                var client = HttpClient.newHttpClient()) {
            String line = output.readLine();
            assertTrue(line.startsWith("MAGNET ") && line.contains(" at http://127.0.0.1:"), line + " without a warning before it");
            URI models = URI.create(line.substring(line.indexOf("http")) + "/v1/models");
            assertEquals(401, client.send(HttpRequest.newBuilder(models).build(), HttpResponse.BodyHandlers.ofString()).statusCode());
            String answer = client.send(HttpRequest.newBuilder(models).header("Authorization", "Bearer s3cret").build(),
                    HttpResponse.BodyHandlers.ofString()).body();
            assertTrue(answer.contains("\"id\":\"small\""), answer);
            process.destroy(); // SIGTERM
            assertTrue(process.waitFor(60, TimeUnit.SECONDS));
            assertEquals(128 + 15, process.exitValue());
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void wrongUsageEndsWithItsStatus() throws Exception {
        Process process = start(Map.of());
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(2, process.waitFor(), output);
        assertTrue(output.contains("MAGNET_MODEL"), output);
    }
}
