package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.jspecify.annotations.Nullable;

/** Whatever is passed to whatever method, the JVM lives, the failure is one that is announced, and the model works on. */
class HostileArgumentsTest {
    private static Magnet magnet;
    private static Adapter adapter;
    private static float[] expected;

    @BeforeContainer
    static void load() throws IOException {
        magnet = TinyModel.load();
        Path file = Files.createTempFile("hostile", ".gguf");
        adapter = magnet.loadAdapter(TinyAdapter.write(file, "llama", 1));
        Files.delete(file);
        expected = magnet.embed("still the same");
    }

    @AfterContainer
    static void close() {
        magnet.close();
    }

    /** A public method, what to call it on, and what to pass it. */
    record Invocation(Method method, @Nullable Object receiver, List<Object> arguments) {
        @Override
        public String toString() {
            return method.getName() + arguments.stream()
                    .map(argument -> argument instanceof Object[] array ? Arrays.toString(array) : "" + argument)
                    .map(text -> text.substring(0, Math.min(300, text.length())))
                    .toList();
        }

        Object run() throws Throwable {
            try {
                return method.invoke(receiver, arguments.toArray());
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }
    }

    @Provide
    Arbitrary<Invocation> invocations() {
        return invocationsOf(List.of(Magnet.class));
    }

    /** Training and closing have tests of their own; {@code valueOf} and its like are Java's. */
    @Provide
    Arbitrary<Invocation> invocationsOfOtherTypes() throws IOException {
        return invocationsOf(ApiTest.publicTypes().stream()
                .filter(type -> type != Magnet.class && type != Trainer.class && !Throwable.class.isAssignableFrom(type))
                .toList());
    }

    private static Arbitrary<Invocation> invocationsOf(List<Class<?>> types) {
        List<Method> methods = types.stream()
                .flatMap(type -> Stream.of(type.getMethods())
                        .filter(method -> method.getDeclaringClass() == type || isWither(method)))
                .filter(method -> Modifier.isPublic(method.getModifiers())
                        && !method.isSynthetic()
                        && !Set.of("close", "valueOf", "values", "equals", "hashCode").contains(method.getName()))
                .sorted(Comparator.comparing(Method::toGenericString))
                .toList();
        return Arbitraries.of(methods).flatMap(method -> Combinators.combine(
                        receivers(method),
                        Combinators.combine(Stream.of(method.getGenericParameterTypes()).map(Hostile::of).toList())
                                .as(arguments -> arguments))
                .as((receiver, arguments) -> new Invocation(method, receiver, arguments)));
    }

    /** A copy of a record with one component changed, written by the compiler beside the record. */
    private static boolean isWither(Method method) {
        return method.getDeclaringClass().getSimpleName().endsWith("Withers");
    }

    private static Arbitrary<@Nullable Object> receivers(Method method) {
        Class<?> type = isWither(method) ? method.getReturnType() : method.getDeclaringClass();
        if (Modifier.isStatic(method.getModifiers())) {
            return Arbitraries.just(null);
        } else if (type == Magnet.class) {
            return Arbitraries.just(magnet);
        } else if (type == Adapter.class) {
            return Arbitraries.just(adapter);
        } else if (type == Generation.class) {
            return Arbitraries.create(() -> magnet.generate("Once", GenerateOptions.defaults().withMaxTokens(3)));
        } else if (type == AnswerText.class) {
            return Arbitraries.create(AnswerText::new);
        } else if (type == ProgressListener.class) {
            return Arbitraries.just((ProgressListener) (done, total) -> {});
        }
        return Hostile.of(type).map(value -> value != null ? value : defaults(type));
    }

    /** What the type's {@code defaults()} returns, or null, on which nothing can be called. */
    private static @Nullable Object defaults(Class<?> type) {
        try {
            return type.getMethod("defaults").invoke(null);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    @Property(tries = 2000, seed = Hostile.SEED, shrinking = ShrinkingMode.OFF)
    void anyArgumentsOfAnyOtherTypeAreServedOrRefused(@ForAll("invocationsOfOtherTypes") Invocation invocation)
            throws Throwable {
        anyArgumentsOfAnyMethodAreServedOrRefused(invocation);
    }

    @Property(tries = 2000, seed = Hostile.SEED, shrinking = ShrinkingMode.OFF)
    void anyArgumentsOfAnyMethodAreServedOrRefused(@ForAll("invocations") Invocation invocation) throws Throwable {
        try {
            finish(invocation.run());
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

    /** Waits for what was begun, and closes what was opened. */
    private static void finish(Object result) throws Throwable {
        switch (result) {
            case Generation<?> generation -> generation.result();
            case CompletableFuture<?> future -> {
                try {
                    future.get();
                } catch (ExecutionException e) {
                    throw e.getCause();
                }
            }
            case Stream<?> stream -> stream.count();
            case Flow.Publisher<?> publisher -> publisher.subscribe(null);
            case AutoCloseable opened -> opened.close();
            case null, default -> {}
        }
    }
}
