package dev.magnet.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.spi.model.embedding.EmbeddingModelFactory;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Builders as frameworks fill them from configuration: found and called by reflection, as langchain4j-cdi does. */
class BuilderTest {
    /** Types that configuration has. */
    private static final Set<Class<?>> CONFIGURED =
            Set.of(String.class, Path.class, Integer.class, Double.class, Boolean.class, Duration.class, List.class);

    /** What an application gives in code. */
    private static final Set<String> OF_CODE = Set.of("defaultRequestParameters", "takesKnownAdapter");

    private static List<Field> fields(Class<?> type) {
        List<Field> fields = new ArrayList<>();
        for (Class<?> at = type; at != Object.class; at = at.getSuperclass()) {
            fields.addAll(List.of(at.getDeclaredFields()));
        }
        return fields;
    }

    private static Class<?> builderOf(Class<?> model) {
        return Arrays.stream(model.getDeclaredClasses())
                .filter(nested -> nested.getName().endsWith("Builder"))
                .findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(classes = {
        MagnetEmbeddingModel.class, MagnetChatModel.class, MagnetStreamingChatModel.class, MagnetLanguageModel.class,
        MagnetScoringModel.class, MagnetTokenCountEstimator.class, MagnetInfillModel.class
    })
    void everyFieldHasASetterOfItsNameAndAConfiguredType(Class<?> model) throws Exception {
        Object builder = model.getMethod("builder").invoke(null);
        Class<?> type = builderOf(model);
        assertThat(builder).isInstanceOf(type);
        for (Field field : fields(type)) {
            if (!Modifier.isStatic(field.getModifiers()) && !OF_CODE.contains(field.getName())) {
                assertThat(CONFIGURED).contains(field.getType());
                type.getMethod(field.getName(), field.getType()).invoke(builder, (Object) null);
            }
        }
        type.getMethod("modelPath", Path.class).invoke(builder, TestModels.TINY);
        try (var built = (AutoCloseable) type.getMethod("build").invoke(builder)) {
            assertThat(built).isInstanceOf(model);
        }
    }

    @Test
    void valuesOfConfigurationArriveInTheModel() throws Exception {
        Map<String, Object> configuration = Map.of("modelPath", TestModels.TINY, "dimensions", 8, "threads", 1, "truncate", true);
        Object builder = MagnetEmbeddingModel.builder();
        for (var setting : configuration.entrySet()) {
            Field field = fields(builder.getClass()).stream()
                    .filter(one -> one.getName().equals(setting.getKey()))
                    .findFirst()
                    .orElseThrow();
            assertThat(field.getGenericType()).isNotInstanceOf(ParameterizedType.class);
            Class<?> given = setting.getValue() instanceof Path ? Path.class : setting.getValue().getClass();
            assertThat(given).isEqualTo(field.getType());
            builder.getClass().getMethod(setting.getKey(), field.getType()).invoke(builder, setting.getValue());
        }
        try (var model = (MagnetEmbeddingModel) builder.getClass().getMethod("build").invoke(builder)) {
            assertThat(model.dimension()).isEqualTo(8);
            assertThat(model.embed("x".repeat(1000)).content().dimension()).isEqualTo(8);
        }
    }

    @Test
    void theServiceLoaderFindsTheEmbeddingModel() {
        System.setProperty("magnet.model", TestModels.TINY.toString());
        try {
            EmbeddingModel model = ServiceLoader.load(EmbeddingModelFactory.class).findFirst().orElseThrow().create();
            assertThat(model.dimension()).isEqualTo(TestModels.TINY_DIMENSIONS);
            ((MagnetEmbeddingModel) model).close();
        } finally {
            System.clearProperty("magnet.model");
        }
    }

    @Test
    void modelsBuiltAlikeShareOneInMemory() throws Exception {
        var first = MagnetEmbeddingModel.builder().modelPath(TestModels.TINY).build();
        var second = MagnetTokenCountEstimator.builder().modelPath(TestModels.TINY).build();
        Field lease = MagnetEmbeddingModel.class.getDeclaredField("lease");
        Field other = MagnetTokenCountEstimator.class.getDeclaredField("lease");
        lease.setAccessible(true);
        other.setAccessible(true);
        assertThat(((Lease) lease.get(first)).magnet()).isSameAs(((Lease) other.get(second)).magnet());
        first.close();
        first.close();
        assertThat(second.estimateTokenCountInText("still there")).isPositive();
        second.close();
    }
}
