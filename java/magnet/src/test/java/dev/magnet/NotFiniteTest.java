package dev.magnet;

import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a damaged weight, or an adapter that is too strong, makes NaN or infinite is an error, and never a result. */
class NotFiniteTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @EnumSource(Engine.class)
    void adapterThatIsTooStrongFailsEveryVerb(Engine engine) throws IOException {
        Path file = TinyAdapter.write(directory.resolve("adapter.gguf"), "llama", "attn_output", 1);
        try (Magnet magnet = Magnet.load(TinyModel.LLAMA, TinyModel.options().withEngine(engine));
                Adapter adapter = magnet.loadAdapter(file)) {
            everyVerbFails(magnet, adapter.scaled(3e38));
            assertEquals(TinyModel.DIMENSIONS, magnet.embed("the bare model goes on").length);
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void damagedNormFailsEveryVerb(float value) throws IOException {
        for (String tensor : List.of("blk.1.ffn_norm.weight", "output_norm.weight")) {
            Path damaged = TinyGguf.damaged(TinyModel.LLAMA, tensor, value, directory.resolve("damaged.gguf"));
            for (Engine engine : Engine.values()) {
                try (Magnet magnet = Magnet.load(damaged, TinyModel.options().withEngine(engine))) {
                    everyVerbFails(magnet);
                }
            }
        }
    }

    @Test
    void checkTensorsFindsADamagedWeightWhileLoading() throws IOException {
        Path damaged = TinyGguf.damaged(TinyModel.LLAMA, "output_norm.weight", Float.NaN, directory.resolve("nan.gguf"));
        assertThrows(MagnetException.class, () ->
                Magnet.load(damaged, TinyModel.options().withCheckTensors(true)));
    }

    private void everyVerbFails(Magnet magnet, ScaledAdapter... adapters) throws IOException {
        Path pairs = Files.writeString(directory.resolve("pairs.tsv"), "1\ta\tb\n2\tc\td\n3\te\tf\n");
        Path text = TinyTraining.writeText(directory.resolve("text.txt"));
        Path words = Files.writeString(directory.resolve("words.txt"), "a A B-NP O\nb B I-NP O\n\n".repeat(20));
        List<ScaledAdapter> on = List.of(adapters);
        EmbedOptions embed = EmbedOptions.defaults().withAdapters(on);
        EmbedOptions raw = embed.withNormalize(false);
        EvaluateOptions evaluate = EvaluateOptions.defaults().withAdapters(on);
        GenerateOptions generate = GenerateOptions.defaults().withMaxTokens(3).withAdapters(on);
        Map<String, Executable> calls = Map.ofEntries(
                entry("embed", () -> magnet.embed("text", embed)),
                entry("embed, not normalised", () -> magnet.embed("text", raw)),
                entry("embedAll", () -> magnet.embedAll(List.of("one", "two"), embed)),
                entry("embed into", () -> magnet.embed(List.of("a"), embed, FloatBuffer.allocate(TinyModel.DIMENSIONS))),
                entry("embedAsync", () -> unwrapped(() -> magnet.embedAsync("text", embed).join())),
                entry("embedAllAsync", () -> unwrapped(() -> magnet.embedAllAsync(List.of("a", "b"), raw).join())),
                entry("embedTokens", () -> magnet.embedTokens("text", embed)),
                entry("embedTokens, not normalised", () -> magnet.embedTokens("text", raw)),
                entry("embedTokenIds", () -> magnet.embedTokenIds(new int[] {5, 6}, embed)),
                entry("evaluate sts", () -> magnet.evaluate(Evaluation.sts(pairs), evaluate)),
                entry("evaluate probe", () -> magnet.evaluate(Evaluation.probe(words, words), evaluate)),
                entry("evaluate perplexity", () -> magnet.evaluate(Evaluation.perplexity(text).withWindow(16).withLimit(2), evaluate)),
                entry("generate", () -> magnet.generate("Once", generate).result()),
                entry("infill", () -> magnet.infill(
                        List.of(Part.text("Once"), Part.gap(2), Part.text("time")), InfillOptions.defaults().withAdapters(on))),
                entry("score", () -> magnet.score(
                        List.of(List.of(Part.text("Once"), Part.filled(" upon"))), ScoreOptions.defaults().withAdapters(on))));
        calls.forEach((name, call) -> {
            MagnetException e = assertThrows(MagnetException.class, call, name);
            assertEquals(Status.BAD_FILE, e.status(), () -> name + ": " + e.getMessage());
            assertTrue(e.getMessage().contains("not a number"), () -> name + ": " + e.getMessage());
        });
    }

    private static void unwrapped(Runnable call) throws Throwable {
        try {
            call.run();
        } catch (CompletionException e) {
            throw e.getCause();
        }
    }
}
