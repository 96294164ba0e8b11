package dev.magnet.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.magnet.Magnet;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What applications do wrong, or to each other; the model lives on. */
class HostileTest {
    private static Magnet magnet;

    @BeforeAll
    static void load() {
        magnet = TestModels.tiny();
    }

    @AfterAll
    static void close() {
        magnet.close();
    }

    @Test
    void nothingToDoGivesNothing() {
        var embedding = new MagnetEmbeddingModel(magnet);
        assertThat(embedding.embedAll(List.of()).content()).isEmpty();
        assertThat(embedding.embedAll(null).content()).isEmpty();
        var scoring = new MagnetScoringModel(magnet);
        assertThat(scoring.scoreAll(List.of(), "q").content()).isEmpty();
        assertThat(scoring.scoreAll(null, "q").content()).isEmpty();
        assertThat(new MagnetTokenCountEstimator(magnet).estimateTokenCountInMessages(List.of())).isZero();
        for (List<TextSegment> withNull : List.of(
                Arrays.asList((TextSegment) null), Arrays.asList(TextSegment.from("a"), null, TextSegment.from("b")))) {
            int at = withNull.indexOf(null);
            assertThatThrownBy(() -> embedding.embedAll(withNull))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("segment " + at + " cannot be null");
            assertThatThrownBy(() -> scoring.scoreAll(withNull, "q"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("segment " + at + " cannot be null");
        }
        assertThat(embedding.embed("still there").content().dimension()).isEqualTo(TestModels.TINY_DIMENSIONS);
    }

    @Test
    void closingWhatBorrowsLeavesTheModelOpen() {
        var model = new MagnetLanguageModel(magnet);
        model.close();
        assertThatThrownBy(() -> model.generate("a")).isInstanceOf(IllegalStateException.class);
        assertThat(magnet.embed("a")).hasSize(TestModels.TINY_DIMENSIONS);
    }

    @Test
    void aClosedMagnetIsSaidToBeClosed() {
        Magnet closed = TestModels.tiny();
        var embedding = new MagnetEmbeddingModel(closed);
        var language = new MagnetLanguageModel(closed);
        var scoring = new MagnetScoringModel(closed);
        var infill = new MagnetInfillModel(closed);
        closed.close();
        assertThatThrownBy(() -> embedding.embed("a")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> language.generate("a")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> scoring.score("a", "b")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> infill.infill("a", "b")).isInstanceOf(IllegalStateException.class);
        assertThat(embedding.doEmbedAsync(EmbeddingRequest.builder().input("a").build())).isCompletedExceptionally();
    }

    @Test
    void aModelThatIsNotThereIsNotFound(@TempDir Path folder) throws Exception {
        assertThatThrownBy(() -> MagnetChatModel.builder().model("no-such-model").build())
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("no-such-model")
                .hasMessageContaining("smollm2-135m-instruct");
        Path text = Files.writeString(folder.resolve("text.gguf"), "no model");
        assertThatThrownBy(() -> MagnetEmbeddingModel.builder().modelPath(text).build())
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("text.gguf");
        assertThatThrownBy(() -> MagnetEmbeddingModel.builder().modelPath(TestModels.TINY).adapterPath(text).build())
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("text.gguf");
    }

    @Test
    void valuesOutOfRangeAreInvalidRequests() {
        for (int dimensions : new int[] {-1, 33}) {
            assertThatThrownBy(() -> MagnetEmbeddingModel.builder().modelPath(TestModels.TINY).dimensions(dimensions).build())
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("dimensions");
        }
        var embedding = new MagnetEmbeddingModel(magnet);
        assertThatThrownBy(() -> embedding.embed(EmbeddingRequest.builder().input("a").dimensions(33).build()))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("33");
        assertThatThrownBy(() -> embedding.embed("x".repeat(1000)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("at most 256");
        assertThatThrownBy(() -> embedding.embed("half a surrogate \ud83c")).isInstanceOf(InvalidRequestException.class);
        assertThatThrownBy(() -> MagnetLanguageModel.builder().modelPath(TestModels.TINY).topP(2.0).build().generate("a"))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("topP");
        assertThatThrownBy(() -> new MagnetScoringModel(magnet).score("x".repeat(1000), "q"))
                .isInstanceOf(InvalidRequestException.class);
    }

    @Test
    void aModelWithoutAChatTemplateSaysSo() {
        assertThatThrownBy(() -> new MagnetChatModel(magnet).chat("Hello"))
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("chat template");
        CompletableFuture<Throwable> told = new CompletableFuture<>();
        new MagnetStreamingChatModel(magnet).chat("Hello", new Handler(told));
        assertThat(told.join()).isInstanceOf(UnsupportedFeatureException.class);
    }

    @Test
    void aGrammarBesideAJsonFormatIsRefused() {
        ChatRequest request = ChatRequest.builder()
                .messages(UserMessage.from("a"))
                .parameters(MagnetChatRequestParameters.builder()
                        .grammar("root ::= \"a\"")
                        .responseFormat(ResponseFormat.JSON)
                        .build())
                .build();
        assertThatThrownBy(() -> new MagnetChatModel(magnet).chat(request)).isInstanceOf(InvalidRequestException.class);
    }

    @Test
    void aTimeoutIsATimeout() {
        var slow = MagnetLanguageModel.builder().modelPath(TestModels.TINY).timeout(Duration.ofNanos(1)).build();
        assertThatThrownBy(() -> slow.generate("a")).isInstanceOf(TimeoutException.class);
        slow.close();
        var infill = MagnetInfillModel.builder().modelPath(TestModels.TINY).timeout(Duration.ofNanos(1)).build();
        assertThatThrownBy(() -> infill.infill("a", "b")).isInstanceOf(TimeoutException.class);
        infill.close();
    }

    @Test
    void aTimeoutBelowZeroIsRefusedBeforeAnyRequest() {
        Duration below = Duration.ofMillis(-1);
        for (ThrowingCallable build : List.<ThrowingCallable>of(
                () -> MagnetLanguageModel.builder().modelPath(TestModels.TINY).timeout(below).build(),
                () -> MagnetInfillModel.builder().modelPath(TestModels.TINY).timeout(below).build(),
                () -> MagnetChatModel.builder().modelPath(TestModels.TINY).timeout(below).build(),
                () -> MagnetStreamingChatModel.builder().modelPath(TestModels.TINY).timeout(below).build())) {
            assertThatThrownBy(build).isInstanceOf(InvalidRequestException.class).hasMessageContaining("timeout");
        }
    }

    @Test
    void anInterruptEndsACallAndStays() throws Exception {
        var embedding = new MagnetEmbeddingModel(magnet);
        List<TextSegment> many =
                IntStream.range(0, 200_000).mapToObj(i -> TextSegment.from("text number " + i)).toList();
        var thrown = new AtomicReference<Throwable>();
        var interrupted = new AtomicReference<Boolean>();
        Thread thread = Thread.ofVirtual().start(() -> {
            try {
                embedding.embedAll(many);
            } catch (Throwable e) {
                thrown.set(e);
                interrupted.set(Thread.currentThread().isInterrupted());
            }
        });
        thread.interrupt();
        thread.join();
        assertThat(thrown.get()).isInstanceOf(LangChain4jException.class);
        assertThat(interrupted.get()).isTrue();
        assertThat(embedding.embed("still there").content().dimension()).isEqualTo(TestModels.TINY_DIMENSIONS);
    }

    @Test
    void oneBadTextAmongManyCallersFailsItsOwnRequestAlone() {
        var embedding = new MagnetEmbeddingModel(magnet);
        var all = IntStream.range(0, 64)
                .mapToObj(i -> embedding.doEmbedAsync(EmbeddingRequest.builder()
                        .input(i == 7 ? "x".repeat(1000) : "text " + i)
                        .build()))
                .toList();
        for (int i = 0; i < all.size(); i++) {
            var one = all.get(i);
            if (i == 7) {
                assertThatThrownBy(one::join).hasCauseInstanceOf(InvalidRequestException.class);
            } else {
                assertThat(one.join().embeddings()).hasSize(1);
            }
        }
    }
}
