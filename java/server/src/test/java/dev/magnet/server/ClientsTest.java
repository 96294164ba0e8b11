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
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that others wrote. */
@Timeout(300)
class ClientsTest {
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
        String output = Programs.openAi("openai_client.py", server.server.address());
        assertTrue(output.endsWith("as expected"), output);
    }

    @Test
    void curl() throws Exception {
        String json = "{\"prompt\": \"Once upon a time\", \"max_tokens\": 8, \"stream\": true}";
        String[] command = {"curl", "-sSN", "--fail-with-body", server.uri("/v1/completions").toString(),
                "-H", "Content-Type: application/json", "-d", json};
        String output;
        try {
            output = Programs.run(command);
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
}
