package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterTest {
    @TempDir
    Path directory;

    private Path file;
    private Magnet magnet;

    @BeforeEach
    void load() throws IOException {
        file = TinyAdapter.write(directory.resolve("adapter one.gguf"), "llama", 1);
        magnet = TinyModel.load();
    }

    @AfterEach
    void close() {
        magnet.close();
    }

    @Test
    void infoDescribesTheAdapter() {
        try (Adapter adapter = magnet.loadAdapter(file)) {
            assertEquals("llama", adapter.info().architecture());
            assertEquals(2, adapter.info().rank());
            assertEquals(4, adapter.info().alpha());
            assertEquals(1, adapter.info().matrices());
            assertEquals(0, adapter.info().recipeVersion());
        }
    }

    @Test
    void callsUseWhatTheyName() {
        try (Adapter adapter = magnet.loadAdapter(file)) {
            float[] bare = magnet.embed("guitar");
            EmbedOptions on = EmbedOptions.defaults().withAdapters(adapter.scaled(1));
            float[] adapted = magnet.embed("guitar", on);
            assertTrue(Similarity.cosine(bare, adapted) < 0.9999);
            assertArrayEquals(bare, magnet.embed("guitar"), 1e-6f, "the next call is not touched");
            assertArrayEquals(adapted, magnet.embed("guitar", on), 1e-6f);
        }
    }

    @Test
    void scaleZeroIsTheBareModel() {
        try (Adapter adapter = magnet.loadAdapter(file)) {
            assertArrayEquals(
                    magnet.embed("guitar"),
                    magnet.embed("guitar", EmbedOptions.defaults().withAdapters(adapter.scaled(0))),
                    1e-5f);
        }
    }

    @Test
    void halfAndHalfIsTheWhole() {
        try (Adapter adapter = magnet.loadAdapter(file);
                Adapter again = magnet.loadAdapter(file)) {
            EmbedOptions whole = EmbedOptions.defaults().withAdapters(adapter.scaled(1));
            EmbedOptions halves = EmbedOptions.defaults().withAdapters(adapter.scaled(0.5), again.scaled(0.5));
            assertArrayEquals(magnet.embed("guitar", whole), magnet.embed("guitar", halves), 1e-3f);
        }
    }

    @Test
    void everyVerbTakesAdapters() {
        try (Adapter adapter = magnet.loadAdapter(file)) {
            var on = adapter.scaled(3);
            List<Part> item = List.of(Part.text("Once"), Part.filled(" upon"));
            double bare = magnet.score(List.of(item), ScoreOptions.defaults()).getFirst().logprob();
            double adapted = magnet.score(List.of(item), ScoreOptions.defaults().withAdapters(on)).getFirst().logprob();
            assertTrue(Math.abs(bare - adapted) > 1e-5);
            GenerateOptions generate = GenerateOptions.defaults().withTemperature(0).withMaxTokens(1).withIgnoreEos(true);
            assertTrue(Math.abs(magnet.generate("Once", generate).result().span().logprob()
                            - magnet.generate("Once", generate.withAdapters(on)).result().span().logprob())
                    > 1e-6);
            List<Part> gap = List.of(Part.text("Once"), Part.gap(1), Part.text("time"));
            assertTrue(Math.abs(magnet.infill(gap).spans().getFirst().logprob()
                            - magnet.infill(gap, InfillOptions.defaults().withAdapters(on)).spans().getFirst().logprob())
                    > 1e-6);
        }
    }

    @Test
    void adapterOfTheLoadOptionsIsOnUnlessACallSaysOtherwise() {
        float[] bare = magnet.embed("guitar");
        float[] adapted;
        try (Adapter adapter = magnet.loadAdapter(file)) {
            adapted = magnet.embed("guitar", EmbedOptions.defaults().withAdapters(adapter.scaled(1)));
        }
        try (Magnet with = Magnet.load(TinyModel.LLAMA, TinyModel.options().withAdapters(file))) {
            assertArrayEquals(adapted, with.embed("guitar"), 1e-5f);
            assertArrayEquals(bare, with.embed("guitar", EmbedOptions.defaults().withAdapters()), 1e-5f);
        }
    }

    @Test
    void adapterOfAnotherArchitectureIsRefused() throws IOException {
        Path other = TinyAdapter.write(directory.resolve("other.gguf"), "qwen2", 1);
        Failures.messageOf(Status.MISMATCH, () -> magnet.loadAdapter(other));
        Failures.messageOf(Status.MISMATCH, () ->
                Magnet.load(TinyModel.LLAMA, TinyModel.options().withAdapters(other)));
    }

    @Test
    void adapterOfAnotherMagnetIsRefused() {
        try (Magnet other = TinyModel.load();
                Adapter adapter = other.loadAdapter(file)) {
            Failures.messageOf(Status.MISMATCH, () ->
                    magnet.embed("text", EmbedOptions.defaults().withAdapters(adapter.scaled(1))));
        }
    }

    @Test
    void fileThatIsNoAdapterIsRefused() {
        Failures.messageOf(Status.IO, () -> magnet.loadAdapter(directory.resolve("missing.gguf")));
        assertThrows(MagnetException.class, () -> magnet.loadAdapter(TinyModel.LLAMA));
    }

    @Test
    void scaleThatIsNoNumberIsRefused() {
        try (Adapter adapter = magnet.loadAdapter(file)) {
            Failures.messageOf(Status.INVALID_ARGUMENT, () ->
                    magnet.embed("text", EmbedOptions.defaults().withAdapters(adapter.scaled(Double.NaN))));
        }
    }

    @Test
    void closedAdapterIsRefusedAndClosingAgainDoesNothing() {
        Adapter adapter = magnet.loadAdapter(file);
        adapter.close();
        adapter.close();
        assertThrows(IllegalStateException.class, () ->
                magnet.embed("text", EmbedOptions.defaults().withAdapters(adapter.scaled(1))));
        assertEquals(2, adapter.info().rank());
    }

    @Test
    void closingTheModelClosesItsAdapters() {
        Adapter adapter = magnet.loadAdapter(file);
        magnet.embed("text", EmbedOptions.defaults().withAdapters(adapter.scaled(1)));
        magnet.close();
        adapter.close();
    }
}
