package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.magnet.DefaultModel;
import dev.magnet.LoadOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that others wrote. */
@Timeout(300)
class ClientsTest {
    private static final String OPENAI = "openai==3.57.0";
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.start(DefaultModel.path(), LoadOptions.defaults().withAdapters(DefaultModel.adapter()),
                ServerOptions.defaults());
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void openAisPythonClient() throws Exception {
        Path script = Path.of(System.getProperty("magnet.root"), "java/server/src/test/python/openai_client.py");
        String output = run(python().toString(), script.toString(), server.server.address());
        assertTrue(output.endsWith("as expected"), output);
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

    @Test
    void curl() throws Exception {
        String json = "{\"prompt\": \"Once upon a time\", \"max_tokens\": 8, \"stream\": true}";
        String[] command = {"curl", "-sSN", "--fail-with-body", server.uri("/v1/completions").toString(),
                "-H", "Content-Type: application/json", "-d", json};
        String output;
        try {
            output = run(command);
        } catch (IOException e) {
            System.err.println("SKIPPED: there is no curl");
            output = abort("no curl");
        }
        assertTrue(output.startsWith("data: {") && output.endsWith("data: [DONE]"), output);
    }

    @Test
    void langChain4jsClient() throws Exception {
        String url = server.server.address() + "/v1";
        var embedding = OpenAiEmbeddingModel.builder().baseUrl(url).apiKey("none").modelName("any").build();
        assertEquals(576, embedding.embed("a cat").content().vector().length);
        assertEquals(2, embedding.embedAll(List.of(TextSegment.from("a"), TextSegment.from("b"))).content().size());

        var chat = OpenAiChatModel.builder().baseUrl(url).apiKey("none").modelName("any").temperature(0.0).maxTokens(8).build();
        String whole = chat.chat("Name a colour.");
        assertFalse(whole.isBlank());

        var streaming = OpenAiStreamingChatModel.builder()
                .baseUrl(url).apiKey("none").modelName("any").temperature(0.0).maxTokens(8).build();
        var pieces = new StringBuilder();
        var done = new CompletableFuture<ChatResponse>();
        streaming.chat("Name a colour.", new StreamingChatResponseHandler() {
            @Override
            public void onPartialResponse(String piece) {
                pieces.append(piece);
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                done.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                done.completeExceptionally(error);
            }
        });
        assertEquals(whole, done.get().aiMessage().text());
        assertEquals(whole, pieces.toString());
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
