package dev.magnet.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.magnet.DefaultModel;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.ai.embedding.EmbeddingOptions;
import org.springframework.ai.embedding.EmbeddingRequest;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Switches, properties and failures, with the random-weights model of the native tests. */
class MagnetAutoConfigurationTest {
    private static final Path TINY = Path.of(System.getProperty("magnet.root"), "native", "tests", "golden", "tiny-llama.gguf");

    private final ApplicationContextRunner application = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(MagnetAutoConfiguration.class, MagnetHealthAutoConfiguration.class))
            .withPropertyValues("magnet.model=" + TINY, "magnet.threads=1");

    @Test
    void oneModelServesBoth() {
        application.run(context -> {
            assertThat(context).hasSingleBean(Magnet.class).hasSingleBean(EmbeddingModel.class).hasSingleBean(ChatModel.class);
            assertThat(context.getBean(EmbeddingModel.class).embed("a")).hasSize(32);
        });
    }

    @Test
    void switchesOfSpringAiLeaveModelsOut() {
        application.withPropertyValues("spring.ai.model.embedding=openai", "spring.ai.model.chat=magnet").run(context ->
                assertThat(context).doesNotHaveBean(EmbeddingModel.class).hasSingleBean(ChatModel.class));
        application.withPropertyValues("spring.ai.model.chat=none").run(context ->
                assertThat(context).hasSingleBean(EmbeddingModel.class).doesNotHaveBean(ChatModel.class));
    }

    @Test
    void aLazyModelIsLoadedByTheFirstCall() {
        application.withPropertyValues("magnet.lazy=true").run(context -> {
            HealthIndicator health = context.getBean(HealthIndicator.class);
            assertThat(health.health().getDetails()).containsEntry("loaded", false);
            context.getBean(EmbeddingModel.class).embed("a");
            assertThat(health.health().getDetails()).containsEntry("loaded", true).containsEntry("dimensions", 32);
        });
        application.withPropertyValues("magnet.lazy=true", "magnet.model=nowhere.gguf").run(context ->
                assertThatThrownBy(() -> context.getBean(EmbeddingModel.class).embed("a")).hasStackTraceContaining("nowhere.gguf"));
    }

    @Test
    void aMissingModelFailsTheStart() {
        application.withPropertyValues("magnet.model=nowhere.gguf").run(context ->
                assertThat(context).hasFailed().getFailure().hasRootCauseInstanceOf(MagnetException.class)
                        .hasStackTraceContaining("nowhere.gguf"));
    }

    @Test
    void propertiesOutOfRangeFailTheStartAndAreNamed() {
        Map<String, String> fields = Map.of(
                "magnet.sessions=0", "sessions", "magnet.chat.top-p=1.5", "topP", "magnet.embedding.dimensions=-3", "dimensions",
                "magnet.model=", "model", "magnet.chat.timeout=0s", "timeout");
        fields.forEach((property, field) -> application.withPropertyValues(property).run(context ->
                assertThat(context).hasFailed().getFailure().hasStackTraceContaining(field)));
    }

    @Test
    void numbersThatAreNoneAndEmptyTextsFailTheStart() {
        for (String property : List.of("magnet.chat.stop=a,,b", "magnet.chat.frequency-penalty=NaN", "magnet.chat.temperature=1e300",
                "magnet.chat.presence-penalty=-Infinity", "magnet.adapter= ")) {
            application.withPropertyValues(property).run(context -> assertThat(context).hasFailed());
        }
    }

    @Test
    void nothingIsLoadedWhereNothingWantsIt() {
        application.withPropertyValues("spring.ai.model.embedding=openai", "spring.ai.model.chat=none", "magnet.model=nowhere.gguf")
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(EmbeddingModel.class));
    }

    @Test
    void whatIsWrongIsSaidWithItsProperty() {
        application.withPropertyValues("magnet.adapter=nowhere").run(context -> {
            Throwable failure = assertThat(context).hasFailed().getFailure().actual();
            assertThat(new MagnetFailureAnalyzer().analyze(failure).getDescription())
                    .startsWith("magnet.adapter=nowhere: ").contains("nowhere");
        });
    }

    @Test
    void aLoadThatFailedIsNoHealth() {
        application.withPropertyValues("magnet.lazy=true", "magnet.model=nowhere.gguf").run(context -> {
            HealthIndicator health = context.getBean(HealthIndicator.class);
            assertThat(health.health().getStatus()).isEqualTo(Status.UP);
            assertThatThrownBy(() -> context.getBean(EmbeddingModel.class).embed("a")).hasStackTraceContaining("nowhere.gguf");
            assertThat(health.health().getStatus()).isEqualTo(Status.DOWN);
        });
    }

    @Test
    void aClosedContextLoadsNothing() {
        var loads = new AtomicInteger();
        var models = new AtomicReference<EmbeddingModel>();
        application.withPropertyValues("magnet.lazy=true").withBean("own", Magnet.class, () -> {
            loads.incrementAndGet();
            return Magnet.load(TINY);
        }).run(context -> {
            models.set(context.getBean(EmbeddingModel.class));
            models.get().embed("a");
        });
        assertThatThrownBy(() -> models.get().embed("a")).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
        assertThat(loads).hasValue(1);
        application.withPropertyValues("magnet.lazy=true").run(context -> models.set(context.getBean(EmbeddingModel.class)));
        assertThatThrownBy(() -> models.get().embed("a")).isInstanceOf(IllegalStateException.class).hasMessageContaining("closed");
    }

    @Test
    void aModelOfTheApplicationsOwnHasItsOwnName() {
        application.withBean("own", Magnet.class, () -> Magnet.load(TINY)).withPropertyValues("magnet.model=another.gguf").run(context -> {
            var response = context.getBean(EmbeddingModel.class).call(new EmbeddingRequest(List.of("a"), null));
            String name = context.getBean(Magnet.class).info().name();
            assertThat(response.getMetadata().getModel()).isEqualTo(name.isEmpty() ? "llama" : name);
        });
    }

    @Test
    void aRequestToAnotherModelIsRefused() {
        application.run(context -> {
            var model = context.getBean(EmbeddingModel.class);
            var other = EmbeddingOptions.builder().model("other").build();
            assertThatThrownBy(() -> model.call(new EmbeddingRequest(List.of("a"), other)))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("\"other\" is not loaded");
        });
    }

    @Test
    void moreDimensionsThanTheModelHasFailTheStartOrTheFirstCall() {
        application.withPropertyValues("magnet.embedding.dimensions=33").run(context ->
                assertThat(context).hasFailed().getFailure()
                        .isInstanceOf(InvalidConfigurationPropertyValueException.class)
                        .hasMessageContaining("magnet.embedding.dimensions")
                        .hasMessageContaining("32 numbers"));
        application.withPropertyValues("magnet.embedding.dimensions=33", "magnet.lazy=true").run(context ->
                assertThatThrownBy(() -> context.getBean(EmbeddingModel.class).embed("a"))
                        .isInstanceOf(InvalidConfigurationPropertyValueException.class));
    }

    @Test
    void anApplicationsOwnMagnetIsUsed() {
        try (Magnet own = Magnet.load(TINY)) {
            application.withBean("own", Magnet.class, () -> own).withPropertyValues("magnet.model=nowhere.gguf").run(context ->
                    assertThat(context.getBean(EmbeddingModel.class).dimensions()).isEqualTo(32));
        }
    }

    @Test
    void aRequestAfterTheEndSaysSo() {
        EmbeddingModel[] kept = new EmbeddingModel[1];
        application.run(context -> {
            kept[0] = context.getBean(EmbeddingModel.class);
            kept[0].embed("a");
        });
        assertThatThrownBy(() -> kept[0].embed("a")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aTextThatIsTooLongIsRefusedOrTruncated() {
        application.run(context -> assertThatThrownBy(() -> context.getBean(EmbeddingModel.class).embed("x".repeat(1000)))
                .isInstanceOf(MagnetException.class).hasMessageContaining("tokens"));
        application.withPropertyValues("magnet.embedding.truncate=true", "magnet.embedding.dimensions=8").run(context ->
                assertThat(context.getBean(EmbeddingModel.class).embed("x".repeat(1000))).hasSize(8));
    }

    @Test
    void anInterruptEndsTheCallAndTheModelLivesOn() {
        application.run(context -> {
            EmbeddingModel embedding = context.getBean(EmbeddingModel.class);
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> embedding.embed("a")).isInstanceOf(MagnetException.class).hasMessageContaining("interrupted");
            assertThat(Thread.interrupted()).isTrue();
            assertThat(embedding.embed("a")).hasSize(32);
        });
    }

    @Test
    void anAnswerThatTakesLongerThanTheTimeoutFails() {
        application
                .withPropertyValues("magnet.model=" + DefaultModel.path(), "magnet.chat.timeout=500ms", "magnet.chat.max-tokens=5000")
                .run(context -> {
                    ChatModel chat = context.getBean(ChatModel.class);
                    assertThatThrownBy(() -> chat.call("Tell a very long story."))
                            .isInstanceOfSatisfying(MagnetException.class, e -> assertThat(e.status()).isEqualTo(dev.magnet.Status.TIMEOUT));
                    assertThatThrownBy(() -> chat.stream("Tell a very long story.").collectList().block())
                            .isInstanceOfSatisfying(MagnetException.class, e -> assertThat(e.status()).isEqualTo(dev.magnet.Status.TIMEOUT));
                });
    }

    @Test
    void nothingGivesNothingAndNullIsRefused() {
        application.run(context -> {
            EmbeddingModel embedding = context.getBean(EmbeddingModel.class);
            assertThat(embedding.embed(List.of())).isEmpty();
            assertThatThrownBy(() -> embedding.embed((List<String>) null)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> embedding.embed(Arrays.asList("a", null))).isInstanceOf(RuntimeException.class);
            assertThat(embedding.embed("still there")).hasSize(32);
        });
    }
}
