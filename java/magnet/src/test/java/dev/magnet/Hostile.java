package dev.magnet;

import java.lang.reflect.Constructor;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** Values of any type of the API that nobody should pass. */
final class Hostile {
    /** The same values in every run, so that a change breaks the tests and chance does not; "" tries others. */
    static final String SEED = "20260817";

    private Hostile() {}

    /** Values of a parameter of this type, null among them unless it is primitive. */
    static Arbitrary<Object> of(Type type) {
        Arbitrary<?> values = values(type);
        boolean primitive = type instanceof Class<?> c && c.isPrimitive();
        return (primitive ? values : values.injectNull(0.05)).map(value -> (Object) value);
    }

    private static Arbitrary<?> values(Type type) {
        if (type instanceof ParameterizedType generic) {
            Type argument = generic.getActualTypeArguments()[0];
            if (generic.getRawType() == Map.class) {
                return Arbitraries.maps(ints(), floats()).ofMaxSize(3);
            }
            if (generic.getRawType() == Consumer.class) {
                return listeners();
            }
            return of(argument).list().ofMaxSize(5);
        }
        Class<?> c = (Class<?>) type;
        if (c == String.class) {
            return strings();
        } else if (c == int.class || c == Integer.class) {
            return ints();
        } else if (c == long.class) {
            return Arbitraries.longs();
        } else if (c == float.class || c == Float.class) {
            return floats();
        } else if (c == double.class || c == Double.class) {
            return floats().map(Float::doubleValue);
        } else if (c == boolean.class) {
            return Arbitraries.of(true, false);
        } else if (c == int[].class) {
            return ints().array(int[].class).ofMaxSize(300);
        } else if (c == byte[].class) {
            return Arbitraries.bytes().array(byte[].class).ofMaxSize(300);
        } else if (c.isArray()) {
            return of(c.componentType()).array(c).ofMaxSize(5);
        } else if (c == Path.class) {
            return Arbitraries.of("", "/", "/dev/null", "no\nsuch file", "/proc/self/mem", TinyModel.LLAMA.toString())
                    .map(Path::of);
        } else if (c == Duration.class) {
            return Arbitraries.of(Duration.ZERO, Duration.ofNanos(1), Duration.ofSeconds(Long.MIN_VALUE),
                    Duration.ofSeconds(Long.MAX_VALUE), Duration.ofMillis(3));
        } else if (c == FloatBuffer.class) {
            return Arbitraries.of(FloatBuffer.allocate(0), FloatBuffer.allocate(1000),
                    ByteBuffer.allocateDirect(4000).asFloatBuffer(), FloatBuffer.allocate(99).asReadOnlyBuffer());
        } else if (c == ProgressListener.class) {
            return Arbitraries.of((ProgressListener) (done, total) -> {}, (done, total) -> {
                throw new IllegalCallerException("a listener's own");
            });
        } else if (c == Object.class) {
            return strings();
        } else if (c == EvaluateOptions.class) { // a state that could be written would be
            Arbitrary<Path> states = Arbitraries.of("", "/", "/dev/null", "/proc/self/mem", "/no such folder/state")
                    .map(Path::of)
                    .injectNull(0.5);
            return Combinators.combine(states, of(ProgressListener.class)).as((state, listener) ->
                    EvaluateOptions.defaults().withState(state).withProgress((ProgressListener) listener));
        } else if (c.isSealed()) {
            return Arbitraries.of(c.getPermittedSubclasses()).flatMap(Hostile::record);
        } else if (c == double[].class) {
            return floats().map(Float::doubleValue).array(double[].class).ofMaxSize(5);
        } else if (c == ScaledAdapter.class) {
            return Arbitraries.just((Object) null);
        } else if (c.isEnum()) {
            return Arbitraries.of(c.getEnumConstants());
        } else if (c.isRecord()) {
            return record(c);
        }
        throw new AssertionError("the API takes a " + type + ": say here what is hostile about it");
    }

    static Arbitrary<Integer> ints() {
        return Arbitraries.frequencyOf(
                Tuple.of(3, Arbitraries.integers().between(-2, 300)),
                Tuple.of(1, Arbitraries.of(Integer.MIN_VALUE, Integer.MAX_VALUE, 1 << 30, -1, 0)));
    }

    private static Arbitrary<Float> floats() {
        return Arbitraries.frequencyOf(
                Tuple.of(3, Arbitraries.floats().between(0, 2)),
                Tuple.of(1, Arbitraries.of(Float.NaN, Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY,
                        -1f, Float.MAX_VALUE, Float.MIN_VALUE)));
    }

    static Arbitrary<String> strings() {
        return Arbitraries.oneOf(
                Arbitraries.strings().ofMaxLength(40), // any UTF-16 code units, also halves of pairs
                Arbitraries.strings().ascii().ofMaxLength(400),
                Arbitraries.of("", "\0", "a\0b", "</s>", "<s>", "<|im_end|>", "<unk>", "\uD83C", "\uDFB8\uD83C",
                        "x".repeat(20_000), "\u0301".repeat(100), "root ::= \"a\"", "root ::= root", "{{gap}}", "%s%n"));
    }

    private static Arbitrary<Object> listeners() {
        return Arbitraries.of((Consumer<Object>) token -> {}, (Consumer<Object>) token -> {
            throw new IllegalCallerException("a listener's own");
        });
    }

    /** Records of this type with hostile components; its defaults where its constructor refuses them. */
    private static Arbitrary<Object> record(Class<?> type) {
        RecordComponent[] components = type.getRecordComponents();
        List<Arbitrary<Object>> arbitraries =
                Stream.of(components).map(component -> of(component.getGenericType())).toList();
        return Combinators.combine(arbitraries).as(values -> construct(type, components, values));
    }

    private static Object construct(Class<?> type, RecordComponent[] components, List<Object> values) {
        Class<?>[] types = Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        try {
            Constructor<?> constructor = type.getDeclaredConstructor(types);
            return constructor.newInstance(values.toArray());
        } catch (ReflectiveOperationException e) {
            return null; // refused at once, which is as good as by the call
        }
    }

    /** Whether a failure is one that the API announces. */
    static boolean isAnnounced(Throwable failure) {
        return failure instanceof MagnetException
                || failure instanceof NullPointerException
                || failure instanceof IllegalStateException
                || failure instanceof IllegalArgumentException && failure.getMessage().startsWith("vectors of ")
                || failure instanceof IllegalCallerException && "a listener's own".equals(failure.getMessage());
    }
}
