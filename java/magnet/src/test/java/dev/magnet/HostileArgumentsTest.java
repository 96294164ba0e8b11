package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
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

/** Whatever is passed to whatever method, the JVM lives, the failure is one that is announced, and the model works on. */
class HostileArgumentsTest {
    private static Magnet magnet;
    private static float[] expected;

    @BeforeContainer
    static void load() {
        magnet = TinyModel.load();
        expected = magnet.embed("still the same");
    }

    @AfterContainer
    static void close() {
        magnet.close();
    }

    /** A public method of {@link Magnet}, and what to pass it. */
    record Invocation(Method method, List<Object> arguments) {
        @Override
        public String toString() {
            return method.getName() + arguments.stream()
                    .map(argument -> argument instanceof Object[] array ? Arrays.toString(array) : "" + argument)
                    .map(text -> text.substring(0, Math.min(300, text.length())))
                    .toList();
        }

        Object run() throws Throwable {
            try {
                return method.invoke(Modifier.isStatic(method.getModifiers()) ? null : magnet, arguments.toArray());
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }
    }

    @Provide
    Arbitrary<Invocation> invocations() {
        List<Method> methods = Stream.of(Magnet.class.getDeclaredMethods())
                .filter(method -> Modifier.isPublic(method.getModifiers()) && !method.getName().equals("close"))
                .sorted(Comparator.comparing(Method::toGenericString))
                .toList();
        return Arbitraries.of(methods).flatMap(method -> Combinators.combine(
                        Stream.of(method.getGenericParameterTypes()).map(Hostile::of).toList())
                .as(arguments -> new Invocation(method, arguments)));
    }

    @Property(tries = 2000, shrinking = ShrinkingMode.OFF)
    void anyArgumentsOfAnyMethodAreServedOrRefused(@ForAll("invocations") Invocation invocation) throws Throwable {
        try {
            finish(invocation.run());
        } catch (Throwable e) {
            if (!Hostile.isAnnounced(e)) {
                throw e;
            }
            assertTrue(!(e instanceof MagnetException m) || !m.getMessage().isBlank(), () -> "no message: " + e);
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
            case AutoCloseable opened -> opened.close();
            case null, default -> {}
        }
    }
}
