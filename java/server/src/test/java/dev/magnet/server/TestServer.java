package dev.magnet.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A server of a model on a free port, and a client of it that knows nothing of its code. */
final class TestServer implements AutoCloseable {
    /** Random weights, context 256; every byte is a token. Without a chat template. */
    static final Path TINY = Path.of(System.getProperty("magnet.root"), "native", "tests", "golden", "tiny-llama.gguf");

    static final ObjectMapper JSON = new ObjectMapper();

    final Magnet magnet;
    final MagnetServer server;
    final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** An answer. */
    record Answer(int status, String type, String text, HttpResponse<String> response) {
        JsonNode json() {
            try {
                return JSON.readTree(text);
            } catch (IOException e) {
                throw new UncheckedIOException("no JSON: " + text, e);
            }
        }

        String message() {
            return json().at("/error/message").asText();
        }

        /** The data of server-sent events. */
        List<String> events() {
            List<String> events = new ArrayList<>();
            for (String event : text.split("\n\n")) {
                if (event.startsWith("data: ")) {
                    events.add(event.substring(6));
                }
            }
            return events;
        }
    }

    private TestServer(Magnet magnet, MagnetServer server) {
        this.magnet = magnet;
        this.server = server;
    }

    /** A server of the tiny model. */
    static TestServer tiny() {
        return tiny(ServerOptions.defaults());
    }

    /** A server of the tiny model. */
    static TestServer tiny(ServerOptions options) {
        return start(TINY, LoadOptions.defaults().withThreads(1), options);
    }

    /** A server of any model. */
    static TestServer start(Path model, LoadOptions load, ServerOptions options) {
        ServerOptions anyPort = options.withPort(0);
        Magnet magnet = Magnet.load(model, load.withSessions(options.parallel()));
        return new TestServer(magnet, MagnetServer.start(magnet, model.getFileName().toString().replace(".gguf", ""), anyPort));
    }

    URI uri(String path) {
        return URI.create(server.address() + path);
    }

    Answer get(String path, String... headers) {
        return send(HttpRequest.newBuilder(uri(path)), headers);
    }

    /** Posts JSON, in which ' stands for ". */
    Answer post(String path, String json, String... headers) {
        return send(HttpRequest.newBuilder(uri(path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json.replace('\'', '"'))), headers);
    }

    Answer send(HttpRequest.Builder request, String... headers) {
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        try {
            HttpResponse<String> response =
                    client.send(request.build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
            String type = response.headers().firstValue("Content-Type").orElse("");
            return new Answer(response.statusCode(), type, response.body(), response);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A value of /metrics. */
    double metric(String line) {
        return get("/metrics").text().lines()
                .filter(each -> each.startsWith(line + " "))
                .mapToDouble(each -> Double.parseDouble(each.substring(line.length() + 1)))
                .findFirst()
                .orElse(0);
    }

    @Override
    public void close() {
        server.close();
        client.close();
    }
}
