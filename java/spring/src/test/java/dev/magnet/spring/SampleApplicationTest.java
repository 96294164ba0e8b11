package dev.magnet.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.magnet.DefaultModel;
import dev.magnet.EmbedOptions;
import dev.magnet.Magnet;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.embedding.EmbeddingOptions;
import org.springframework.ai.embedding.EmbeddingRequest;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** The sample application as its users meet it: started, called over HTTP by many at once, and measured. */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT, classes = SampleApplication.class)
class SampleApplicationTest {
    private final HttpClient http = HttpClient.newHttpClient();

    @LocalServerPort
    private int port;

    @Autowired
    private Magnet magnet;

    @Autowired
    private EmbeddingModel embedding;

    @Autowired
    private ChatModel chat;

    @DynamicPropertySource
    static void properties(DynamicPropertyRegistry properties) {
        properties.add("magnet.model", () -> DefaultModel.path().toString());
        properties.add("magnet.adapter", () -> DefaultModel.adapter().toString());
        properties.add("magnet.chat.temperature", () -> "0");
        properties.add("magnet.chat.max-tokens", () -> "8");
        properties.add("server.address", () -> "127.0.0.1");
        properties.add("management.endpoints.web.exposure.include", () -> "health,metrics");
        properties.add("management.endpoint.health.show-details", () -> "always");
    }

    private CompletableFuture<String> get(String path) {
        var request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build();
        return http.sendAsync(request, HttpResponse.BodyHandlers.ofString()).thenApply(response -> {
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            return response.body();
        });
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static float[] numbers(String json) {
        String[] numbers = json.replaceAll("[\\[\\]]", "").split(",");
        float[] vector = new float[numbers.length];
        for (int i = 0; i < vector.length; i++) {
            vector[i] = Float.parseFloat(numbers[i]);
        }
        return vector;
    }

    @Test
    void manyRequestsAtOnceGetTheirVectorsAndAreCounted() {
        List<String> texts = IntStream.range(0, 64).mapToObj(i -> "sentence number " + i).toList();
        float[][] expected = magnet.embed(texts);
        var answers = texts.stream().map(text -> get("/embed?text=" + encoded(text))).toList();
        for (int i = 0; i < texts.size(); i++) {
            assertThat(numbers(answers.get(i).join())).containsExactly(expected[i], within(1e-6f));
        }
        String metric = get("/actuator/metrics/gen_ai.client.operation?tag=gen_ai.operation.name:embedding").join();
        double count = Double.parseDouble(metric.replaceAll("(?s).*\"COUNT\"\\s*,\\s*\"value\"\\s*:\\s*([0-9.]+).*", "$1"));
        assertThat(count).isGreaterThanOrEqualTo(64);
        assertThat(metric).contains("magnet");
    }

    @Test
    void chatAnswersAndStreamsTheSame() {
        String question = "Who wrote Romeo and Juliet?";
        String answer = get("/chat?text=" + encoded(question)).join();
        assertThat(answer).contains("Romeo");
        assertThat(get("/stream?text=" + encoded(question)).join().replace("data:", "").replace("\n", "")).contains("Romeo");
        assertThat(String.join("", chat.stream(question).collectList().block())).isEqualTo(answer);
        assertThat(get("/actuator/metrics/gen_ai.client.operation?tag=gen_ai.operation.name:chat").join()).contains("magnet");
    }

    @Test
    void optionsOfAPromptCountBeforeTheProperties() {
        var response = chat.call(new Prompt("Count to twenty.", ChatOptions.builder().maxTokens(3).build()));
        assertThat(response.getMetadata().getUsage().getCompletionTokens()).isEqualTo(3);
        assertThat(response.getResult().getMetadata().getFinishReason()).isEqualTo("LENGTH");
        var vectors = embedding.call(new EmbeddingRequest(List.of("a", "b"), EmbeddingOptions.builder().dimensions(64).build()));
        assertThat(vectors.getResults()).hasSize(2).allSatisfy(one -> assertThat(one.getOutput()).hasSize(64));
        assertThat(vectors.getMetadata().getUsage().getPromptTokens()).isPositive();
        assertThat(embedding.dimensions()).isEqualTo(magnet.info().dimensions());
        assertThat(magnet.embed("a", EmbedOptions.defaults().withDimensions(64)))
                .containsExactly(vectors.getResults().getFirst().getOutput(), within(1e-6f));
    }

    @Test
    void healthSaysWhatIsLoaded() {
        assertThat(get("/actuator/health").join()).contains("\"magnet\"").contains("\"loaded\":true").contains("\"dimensions\":576");
    }

    @Test
    void aStreamThatNobodyReadsAnyMoreStops() {
        var first = chat.stream(new Prompt("Tell me a long story.", ChatOptions.builder().maxTokens(2000).build()))
                .blockFirst();
        assertThat(first.getResult().getOutput().getText()).isNotEmpty();
        assertThat(magnet.embed("still there")).hasSize(576);
    }
}
