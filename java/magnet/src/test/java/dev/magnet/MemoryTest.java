package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What there is no memory for is refused, with what it takes and what fits; the model works on. */
class MemoryTest {
    private static final int LONGEST = 1 << 30;
    private static final long BYTES_PER_TOKEN = 128; // in two layers of two heads of eight values

    @TempDir
    Path directory;

    @BeforeAll
    static void thereIsLessMemoryThanIsAskedFor() throws IOException {
        Path memory = Path.of("/proc/meminfo"); // "MemTotal:  24605020 kB" comes first
        assumeTrue(Files.isReadable(memory));
        String total = Files.readAllLines(memory).getFirst().replaceAll("\\D", "");
        assumeTrue(Long.parseLong(total) * 1024 < LONGEST * BYTES_PER_TOKEN);
    }

    @Test
    void cacheThatDoesNotFitIsRefused() throws IOException {
        Path model = TinyGguf.withNumber(
                TinyModel.LLAMA, "llama.context_length", LONGEST, directory.resolve("long.gguf"));
        LoadOptions options = TinyModel.options().withEngine(Engine.GRAPH);
        GenerateOptions few = GenerateOptions.defaults().withMaxTokens(8).withTemperature(0);
        try (Magnet magnet = Magnet.load(model, options)) {
            String text = magnet.generate("Once upon", few).text();
            GenerateOptions many = few.withMaxTokens(LONGEST - 100);
            String message = Failures.messageOf(
                    Status.OUT_OF_MEMORY, () -> magnet.generate("Once upon", many).text());
            assertTrue(message.matches("the keys and values of \\d{10} tokens take \\d+ MiB \\(\\d+ bytes a token\\),"
                    + " and \\d+ MiB are to be had, which is enough for \\d+ tokens\\. .*"), message);
            MessagesTest.assertSpeaksJava(message);
            assertEquals(text, magnet.generate("Once upon", few).text());
        }
    }
}
