package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Rules that every public type keeps. */
class ApiTest {
    static List<Class<?>> publicTypes() throws IOException {
        Path folder = Path.of("target", "classes", "dev", "magnet");
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".class") && !name.equals("package-info.class"))
                    .map(name -> {
                        try {
                            return Class.forName("dev.magnet." + name.substring(0, name.length() - 6));
                        } catch (ClassNotFoundException e) {
                            throw new AssertionError(e);
                        }
                    })
                    .filter(type -> Modifier.isPublic(type.getModifiers()))
                    .collect(Collectors.toList());
        }
    }

    @Test
    void moduleExportsThePublicPackageAlone() {
        ModuleDescriptor descriptor = Magnet.class.getModule().getDescriptor();
        assumeTrue(descriptor != null, "on the class path there are no modules");
        assertEquals(
                Set.of("dev.magnet"),
                descriptor.exports().stream().map(ModuleDescriptor.Exports::source).collect(Collectors.toSet()));
    }

    @TestFactory
    Stream<DynamicTest> signaturesAreFreeOfForeignMemory() throws IOException {
        return publicTypes().stream().map(type -> DynamicTest.dynamicTest(type.getSimpleName(), () -> {
            for (Method method : type.getMethods()) {
                assertTrue(!method.toGenericString().contains("java.lang.foreign"), method::toGenericString);
                if (method.getDeclaringClass() == type) {
                    assertTrue(!method.toGenericString().contains("dev.magnet.internal"), method::toGenericString);
                }
            }
        }));
    }

    /** What a user prints says something; an array's own text is its address. */
    @TestFactory
    Stream<DynamicTest> recordsWithArraysSayWhatTheyHold() throws IOException {
        return publicTypes().stream()
                .flatMap(type -> Stream.concat(Stream.of(type), Stream.of(type.getClasses())))
                .filter(type -> type.isRecord()
                        && Stream.of(type.getRecordComponents()).anyMatch(component -> component.getType().isArray()))
                .distinct()
                .map(type -> DynamicTest.dynamicTest(type.getSimpleName(), () ->
                        assertEquals(type, type.getMethod("toString").getDeclaringClass())
                ));
    }

    @Test
    void vectorsPrintTheirNumberAndLength() {
        assertEquals("Embeddings[2 x 3, tokens=9]", new Embeddings(new float[2][3], new int[] {4, 5}).toString());
        assertEquals("Embeddings[0 x 0, tokens=0]", new Embeddings(new float[0][], new int[0]).toString());
        assertEquals(
                "TokenEmbeddings[2 x 3, tokens=[7, 8]]", new TokenEmbeddings(new int[] {7, 8}, new float[2][3]).toString());
        assertEquals("Series[sts, 2 values]", new Evaluated.Series("sts", new double[] {1, 2}).toString());
    }

    /** A copy with one component changed, and every other the same. */
    @TestFactory
    Stream<DynamicTest> everyWithChangesItsComponentOnly() throws IOException {
        Path file = Path.of("file");
        List<Object> defaults = List.of(
                LoadOptions.defaults(), EmbedOptions.defaults(), GenerateOptions.defaults(), InfillOptions.defaults(),
                ScoreOptions.defaults(), Sampling.defaults(), TrainOptions.defaults(), HeldoutOptions.defaults(),
                TrainFiles.defaults(), TrainStage.of(5), RowOptions.defaults(), ContrastOptions.defaults(),
                LoraOptions.defaults(), OptimizerOptions.defaults(), EvaluateOptions.defaults(),
                Evaluation.sts(file), Evaluation.infill(file), Evaluation.perplexity(file), Evaluation.repetition(file),
                Evaluation.probe(file, file), Evaluation.choice(file), Evaluation.retrieval(file, file, file));
        return defaults.stream().flatMap(options -> Stream.of(options.getClass().getRecordComponents())
                .map(component -> DynamicTest.dynamicTest(
                        options.getClass().getSimpleName() + "." + component.getName(),
                        () -> changesOnly(options, component))));
    }

    private static void changesOnly(Object options, RecordComponent component) throws Exception {
        String name = "with" + Character.toUpperCase(component.getName().charAt(0)) + component.getName().substring(1);
        List<Method> withers = Stream.of(options.getClass().getMethods())
                .filter(method -> method.getName().equals(name))
                .filter(method -> !(component.getType().isRecord() && method.getParameterTypes()[0].isPrimitive()))
                .toList();
        assertEquals(component.getType() == List.class ? 2 : 1, withers.size(), name); // a list also as its elements
        for (Method with : withers) {
            Class<?> type = with.getParameterTypes()[0];
            Object value = type == boolean.class ? !(boolean) component.getAccessor().invoke(options)
                    : type == List.class ? list(component) : another(type);
            Object copy = with.invoke(options, value);
            int changed = 0;
            for (RecordComponent each : options.getClass().getRecordComponents()) {
                Object before = each.getAccessor().invoke(options);
                Object after = each.getAccessor().invoke(copy);
                changed += Objects.equals(before, after) ? 0 : 1;
            }
            assertEquals(1, changed, with.toString());
            if (!with.isVarArgs()) {
                assertEquals(
                        component.getAnnotatedType().isAnnotationPresent(Nullable.class),
                        with.getAnnotatedParameterTypes()[0].isAnnotationPresent(Nullable.class),
                        () -> with + " takes null where its component may be null");
            }
        }
    }

    /** One element, of what the list's type says. */
    private static List<?> list(RecordComponent component) {
        Type element = ((ParameterizedType) component.getGenericType()).getActualTypeArguments()[0];
        return element == ScaledAdapter.class ? List.of() : List.of(another((Class<?>) element));
    }

    /** A value that is no default of any option. */
    private static Object another(Class<?> type) {
        return switch (type.getSimpleName()) {
            case "int", "Integer" -> 77;
            case "long" -> 77L;
            case "double", "Double" -> 0.77;
            case "String" -> "another";
            case "TrainStage" -> TrainStage.of(77);
            case "FimOptions" -> new FimOptions("another", null, List.of());
            case "InfillEnds" -> new InfillEnds(List.of("another"), Until.values()[1], true);
            case "InfillCandidates" -> new InfillCandidates(77, 77);
            case "PairFile" -> PairFile.of(Path.of("another"));
            case "PairFile[]" -> new PairFile[] {PairFile.of(Path.of("another"))};
            case "FimFile" -> new FimFile(null, "another");
            case "FimFile[]" -> new FimFile[] {new FimFile(null, "another")};
            case "String[]" -> new String[] {"another"};
            case "Path" -> Path.of("another");
            case "int[]" -> new int[] {77};
            case "double[]" -> new double[] {0.77};
            case "Gaps" -> InfillEvaluation.Gaps.spans(7, 7, 7);
            case "Path[]" -> new Path[] {Path.of("another")};
            case "ScaledAdapter[]" -> new ScaledAdapter[0];
            case "Map" -> Map.of(7, 7f);
            case "Duration" -> Duration.ofDays(77);
            case "ProgressListener" -> (ProgressListener) (done, total) -> {};
            case "Sampling" -> Sampling.defaults().withTopK(77);
            case "HeldoutOptions" -> HeldoutOptions.defaults().withRows(77);
            case "TrainStage[]" -> new TrainStage[] {TrainStage.of(77)};
            case "TrainFiles" -> TrainFiles.defaults().withReport(Path.of("another"));
            case "RowOptions" -> RowOptions.defaults().withLength(77);
            case "ContrastOptions" -> ContrastOptions.defaults().withLength(77);
            case "LoraOptions" -> LoraOptions.defaults().withRank(77);
            case "LearningRateDecay" -> LearningRateDecay.LINEAR;
            case "OptimizerOptions" -> OptimizerOptions.defaults().withWarmup(77);
            default -> type.isArray()
                    ? type.componentType().getEnumConstants()
                    : type.getEnumConstants()[type.getEnumConstants().length - 1];
        };
    }
}
