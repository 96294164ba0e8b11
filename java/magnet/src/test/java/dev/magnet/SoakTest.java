package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Tens of thousands of calls of every kind, failing ones and cancelled ones among them, leave native memory as it was.
 *
 * <p>In a JVM where nothing else moves it: the compiler is off, whose memory rises and falls by tens of megabytes, and
 * the C library gives memory back at once, of which it otherwise keeps as much. {@code -Dmagnet.soak.calls=200000} soaks
 * longer, {@code -Dmagnet.soak.kind=4} with calls of one kind alone ({@link Soak}), to find the one that leaks.
 *
 * <p>A leak grows in most windows of the calls, and whenever it is looked for; what the JVM itself takes, up to a megabyte, comes at
 * once and stays, and in a second run at other times.
 */
@Timeout(1800)
class SoakTest {
    /** Half of what leaking every fifteenth result would add to a fifth of the calls. */
    private static final long TOLERANCE_KIB = 140;

    /** Of the C library: what is freed goes back at once. */
    static final Map<String, String> NOTHING_KEPT = Map.of(
            "MALLOC_ARENA_MAX", "2", "MALLOC_MMAP_THRESHOLD_", "131072", "MALLOC_TRIM_THRESHOLD_", "131072");

    @TempDir
    Path directory;

    @Test
    void nativeMemoryStaysFlat() throws Exception {
        assumeTrue(Files.isReadable(Path.of("/proc/self/status")), "memory is read from /proc");
        Path adapter = TinyAdapter.write(directory.resolve("adapter.gguf"), "llama", 1);
        String first = growth(adapter);
        if (first != null) {
            String second = growth(adapter);
            assertTrue(second == null, () -> first + second);
        }
    }

    /** Runs the calls: null, or how much memory grew in half of the windows or more. */
    private static @Nullable String growth(Path adapter) throws Exception {
        Jvm.Result result = Jvm.run(
                NOTHING_KEPT,
                "-Xint", "-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch", "--enable-native-access=ALL-UNNAMED",
                "-cp", Jvm.path(Stream.concat(Jvm.CLASSES.stream(), Stream.of(Jvm.TESTS))), Soak.class.getName(),
                adapter.toString(), System.getProperty("magnet.soak.calls", "40000"),
                System.getProperty("magnet.soak.kind", "-1"));
        assertEquals(0, result.exitCode(), result.output());
        long[] memory = result.output()
                .lines()
                .filter(line -> line.startsWith("memory "))
                .mapToLong(line -> Long.parseLong(line.substring("memory ".length())))
                .toArray();
        long[] grown = IntStream.range(1, memory.length)
                .mapToLong(i -> memory[i] - memory[i - 1])
                .sorted()
                .toArray();
        long median = grown[grown.length / 2];
        return median < TOLERANCE_KIB ? null : median + " KiB more in half of the windows:\n" + result.output();
    }
}
