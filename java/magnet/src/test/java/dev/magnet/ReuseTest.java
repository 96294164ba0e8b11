package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a call answers does not depend on the calls before it. */
@Timeout(300)
class ReuseTest {
    private static final GenerateOptions GREEDY = GenerateOptions.defaults()
            .withSampling(Sampling.greedy())
            .withMaxTokens(12)
            .withIgnoreEos(true);

    @Test
    void recurrentModelAnswersTheSameFromEverySession(@TempDir Path directory) throws Exception {
        Path model = TinyRecurrent.write(directory.resolve("mamba.gguf"));
        List<String> prompts = List.of("'('(')*+", "'('(')", "+*)'('+", "'('(')*+,+*");
        List<String> alone = new ArrayList<>();
        for (String prompt : prompts) {
            try (Magnet fresh = Magnet.load(model, TinyModel.options())) {
                alone.add(fresh.generate(prompt, GREEDY).text());
            }
        }
        assertNotEquals(alone.get(0), alone.get(2), "the state must make a difference");
        try (Magnet magnet = Magnet.load(model, TinyModel.options());
                var threads = Executors.newFixedThreadPool(8)) {
            for (int round = 0; round < 3; round++) {
                List<Future<String>> answers = new ArrayList<>();
                for (int i = 0; i < 16; i++) {
                    String prompt = prompts.get(i % prompts.size());
                    answers.add(threads.submit(() -> magnet.generate(prompt, GREEDY).text()));
                }
                for (int i = 0; i < 16; i++) {
                    assertEquals(alone.get(i % prompts.size()), answers.get(i).get());
                }
            }
        }
    }

    @Test
    void withoutReuseTheSameCallGivesTheSameBits() {
        LoadOptions options = TinyModel.options().withReusePrefix(false).withSessions(1);
        List<Part> parts = List.of(Part.text("Tom lost "), Part.gap(4), Part.text(" keys"));
        try (Magnet magnet = Magnet.load(TinyModel.LLAMA, options)) {
            Generated first = magnet.generate("Once upon a time", GREEDY).result();
            Infilled filled = magnet.infill(parts);
            magnet.generate("Once upon a time there was", GREEDY).result();
            Generated again = magnet.generate("Once upon a time", GREEDY).result();
            assertEquals(0, again.usage().reusedTokens());
            assertEquals(first.span(), again.span());
            assertEquals(filled.spans(), magnet.infill(parts).spans());
        }
        try (Magnet magnet = Magnet.load(TinyModel.LLAMA, TinyModel.options().withSessions(1))) {
            magnet.generate("Once upon a time", GREEDY).result();
            assertTrue(magnet.generate("Once upon a time", GREEDY).result().usage().reusedTokens() > 0);
        }
    }
}
