package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** The same for {@link Trainer} as {@link HostileArgumentsTest} for {@link Magnet}. */
class HostileTrainingTest {
    private static Path directory;
    private static TrainOptions sound;
    private static Magnet magnet;
    private static float[] expected;

    @BeforeContainer
    static void prepare() throws Exception {
        directory = Files.createTempDirectory("hostile");
        sound = TinyTraining.options(TinyTraining.writeText(directory.resolve("text.txt")));
        magnet = TinyModel.load();
        expected = magnet.embed("still the same");
    }

    @AfterContainer
    static void remove() throws Exception {
        magnet.close();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(directory);
    }

    /** Sound options with one or two components that are not, whose records accept them. */
    @Provide
    Arbitrary<TrainOptions> options() {
        Arbitrary<TrainOptions> once = changed(sound).map(options -> (TrainOptions) options);
        return Arbitraries.oneOf(once, once.flatMap(options -> changed(options).map(twice -> (TrainOptions) twice)))
                .filter(options -> options.threads() <= 8 || options.threads() > 4096); // allowed, and takes minutes
    }

    /** The record with another value for a component of its, or of a record in it. */
    private static Arbitrary<Object> changed(Object options) {
        RecordComponent[] components = options.getClass().getRecordComponents();
        return Arbitraries.of(components).flatMap(component -> {
            Object value = get(options, component);
            Arbitrary<?> other = value instanceof Record inner ? changed(inner) : hostile(component);
            return other.map(changed -> with(options, component, changed));
        });
    }

    private static Arbitrary<?> hostile(RecordComponent component) {
        return component.getType() == Path.class ? outputs() : Hostile.of(component.getGenericType());
    }

    /** Places where nothing can be written; a file that can would be. */
    private static Arbitrary<Path> outputs() {
        return Arbitraries.of(Path.of(""), Path.of("/"), Path.of("/dev/null"), Path.of("/proc/self/mem"),
                directory.resolve("no such folder").resolve("file"));
    }

    private static Object get(Object options, RecordComponent component) {
        try {
            return component.getAccessor().invoke(options);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private static Object with(Object options, RecordComponent component, Object value) {
        RecordComponent[] components = options.getClass().getRecordComponents();
        try {
            return options.getClass()
                    .getDeclaredConstructor(
                            Stream.of(components).map(RecordComponent::getType).toArray(Class<?>[]::new))
                    .newInstance(Stream.of(components)
                            .map(each -> each.getName().equals(component.getName()) ? value : get(options, each))
                            .toArray());
        } catch (ReflectiveOperationException e) {
            return options; // refused at once, which is as good as by the call
        }
    }

    @Property(tries = 200, seed = Hostile.SEED, shrinking = ShrinkingMode.OFF)
    void trainingWithAnyOptionsIsDoneOrRefused(@ForAll("options") TrainOptions options) throws Throwable {
        Trainer trainer = Trainer.of(TinyModel.LLAMA, directory.resolve("adapter.gguf"), options.withOverwrite(true));
        servedOrRefused(() -> trainer.train(step -> {
            if (step.step() == 2) {
                trainer.cancel();
            }
        }));
    }

    @Property(tries = 100, seed = Hostile.SEED, shrinking = ShrinkingMode.OFF)
    void anyEstimateIsMadeOrRefused(@ForAll("options") TrainOptions options) throws Throwable {
        servedOrRefused(() -> Trainer.estimate(TinyModel.LLAMA, options));
    }

    @Provide
    Arbitrary<Path> inputs() {
        return Hostile.of(Path.class).map(path -> (Path) path);
    }

    @Provide("outputs")
    Arbitrary<Path> refusedOutputs() {
        return outputs().injectNull(0.05);
    }

    @Property(tries = 100, seed = Hostile.SEED, shrinking = ShrinkingMode.OFF)
    void anyFilesAreServedOrRefused(
            @ForAll("inputs") Path one, @ForAll("inputs") Path two, @ForAll("outputs") Path output,
            @ForAll float scale, @ForAll MergeType type) throws Throwable {
        servedOrRefused(() -> Trainer.merge(one, two, output, scale, type));
        servedOrRefused(() -> Trainer.of(one, output, sound).train());
        servedOrRefused(() -> Trainer.resume(two).train());
    }

    private static void servedOrRefused(Runnable call) throws Throwable {
        try {
            call.run();
        } catch (Throwable e) {
            if (!Hostile.isAnnounced(e)) {
                throw e;
            }
            if (e instanceof MagnetException) {
                assertFalse(e.getMessage().isBlank(), e::toString);
                MessagesTest.assertSpeaksJava(e.getMessage());
            }
        }
        assertArrayEquals(expected, magnet.embed("still the same"), 1e-4f);
    }
}
