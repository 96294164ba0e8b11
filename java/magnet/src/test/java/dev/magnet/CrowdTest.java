package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many threads on one model: each call ends, and ends as it does alone, or as its disturber wants; nothing is left of them
 * when the model is closed. In a JVM whose memory nothing else moves ({@link SoakTest}). The profile "soak" makes them 2,000
 * calls.
 */
@Timeout(1800)
class CrowdTest {
    /** Of a round: what the JVM and the C library move by themselves. A session that is not freed takes more. */
    private static final long TOLERANCE_KIB = 4096;

    private static final int CONTEXT = 4096;

    @TempDir
    Path directory;

    @Test
    void nothingIsLostNothingHangsNothingGrows() throws Exception {
        assumeTrue(Files.isReadable(Path.of("/proc/self/status")), "memory is read from /proc");
        Path model = TinyGguf.withNumber(TinyModel.LLAMA, "llama.context_length", CONTEXT, directory.resolve("long.gguf"));
        Path adapter = TinyAdapter.write(directory.resolve("adapter.gguf"), "llama", 1);
        Jvm.Result result = Jvm.run(
                SoakTest.NOTHING_KEPT,
                "-Xint", "-Xms256m", "-Xmx256m", "-XX:+AlwaysPreTouch", "--enable-native-access=ALL-UNNAMED",
                "-cp", Jvm.path(Stream.concat(Jvm.CLASSES.stream(), Stream.of(Jvm.TESTS))), Crowd.class.getName(),
                model.toString(), adapter.toString(), System.getProperty("magnet.crowd.calls"));
        assertEquals(0, result.exitCode(), result.output());
        List<String> lines = result.output().lines().toList();
        assertEquals(List.of(), lines.stream().filter(line -> line.startsWith("fault ")).toList());
        assertEquals("over", lines.getLast());
        long[] memory = lines.stream()
                .filter(line -> line.startsWith("memory "))
                .mapToLong(line -> Long.parseLong(line.substring("memory ".length())))
                .toArray();
        long[] grown = IntStream.range(1, memory.length)
                .mapToLong(i -> memory[i] - memory[i - 1])
                .sorted()
                .toArray();
        long median = grown[grown.length / 2];
        assertTrue(median < TOLERANCE_KIB, () -> median + " KiB more in half of the rounds:\n" + result.output());
    }
}
