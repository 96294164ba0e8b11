package dev.magnet;

import static java.util.Map.entry;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
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
    void closedAdapterIsRefusedByEveryCallThatNamesItAlsoWhereASessionStillHasIt() throws IOException {
        Path pairs = Files.writeString(directory.resolve("pairs.tsv"), "1\ta\tb\n2\tc\td\n3\te\tf\n");
        try (Magnet one = Magnet.load(TinyModel.LLAMA, TinyModel.options().withSessions(1))) {
            Adapter adapter = one.loadAdapter(file);
            ScaledAdapter on = adapter.scaled(1);
            EmbedOptions embed = EmbedOptions.defaults().withAdapters(on);
            GenerateOptions generate = GenerateOptions.defaults().withMaxTokens(2).withAdapters(on);
            List<Part> gap = List.of(Part.text("Once"), Part.gap(1), Part.text("time"));
            Map<String, Executable> calls = Map.ofEntries(
                    entry("embed", () -> one.embed("text", embed)),
                    entry("embed nothing", () -> one.embedAll(List.of(), embed)),
                    entry("embed asynchronously", () -> unwrapped(one.embedAsync("text", embed))),
                    entry("embed tokens", () -> one.embedTokens("text", embed)),
                    entry("embed token ids", () -> one.embedTokenIds(new int[] {5, 6}, embed)),
                    entry("generate", () -> one.generate("Once", generate).result()),
                    entry("generate a stream", () -> one.generate("Once", generate).stream().toList()),
                    entry("generate asynchronously", () -> unwrapped(one.generate("Once", generate).async())),
                    entry("infill", () -> one.infill(gap, InfillOptions.defaults().withAdapters(on))),
                    entry("score", () -> one.score(
                            List.of(List.of(Part.text("Once"), Part.filled(" upon"))),
                            ScoreOptions.defaults().withAdapters(on))),
                    entry("evaluate", () ->
                            one.evaluate(Evaluation.sts(pairs), EvaluateOptions.defaults().withAdapters(on))),
                    entry("evaluate asynchronously", () -> unwrapped(
                            one.evaluateAsync(Evaluation.sts(pairs), EvaluateOptions.defaults().withAdapters(on)))));
            calls.forEach((name, call) -> assertDoesNotThrow(call, name));
            adapter.close();
            adapter.close();
            calls.forEach((name, call) -> {
                String message = assertThrows(IllegalStateException.class, call, name).getMessage();
                assertTrue(message.contains("adapter one.gguf") && message.contains("closed"), name + ": " + message);
            });
            assertEquals(2, adapter.info().rank());
            one.embed("the bare model goes on");
        }
    }

    @Test
    void callThatRunsGoesOnWhenItsAdapterIsClosedAndOneThatWaitsFails() {
        try (Magnet one = Magnet.load(TinyModel.LLAMA, TinyModel.options().withSessions(1))) {
            Adapter adapter = one.loadAdapter(file);
            GenerateOptions generate = GenerateOptions.defaults()
                    .withMaxTokens(8)
                    .withIgnoreEos(true)
                    .withAdapters(adapter.scaled(1));
            AtomicReference<CompletableFuture<float[]>> waiting = new AtomicReference<>();
            Generated generated = one.generate("Once", generate).forEach(token -> {
                if (waiting.get() == null) {
                    waiting.set(one.embedAsync("text", EmbedOptions.defaults().withAdapters(adapter.scaled(1))));
                    adapter.close();
                }
            });
            assertEquals(8, generated.span().tokens().size());
            assertThrows(IllegalStateException.class, () -> unwrapped(waiting.get()));
        }
    }

    @Test
    void adapterThatIsClosedWhileManyUseItFailsLaterCallsAlone() throws Exception {
        float[] bare = magnet.embed("guitar");
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int round = 0; round < 6; round++) {
                closeWhileManyUseIt(bare, threads);
            }
        }
    }

    private void closeWhileManyUseIt(float[] bare, Executor threads) throws Exception {
        Adapter adapter = magnet.loadAdapter(file);
        EmbedOptions on = EmbedOptions.defaults().withAdapters(adapter.scaled(1));
        float[] adapted = magnet.embed("guitar", on);
        var closing = new CountDownLatch(8);
        List<CompletableFuture<Void>> users = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            users.add(CompletableFuture.runAsync(() -> {
                for (int call = 0; ; call++) {
                    if (call == 2) {
                        closing.countDown();
                    }
                    try {
                        assertArrayEquals(adapted, magnet.embed("guitar", on), 1e-6f);
                        assertArrayEquals(bare, magnet.embed("guitar"), 1e-6f);
                    } catch (IllegalStateException e) {
                        assertTrue(e.getMessage().contains("closed"), e.getMessage());
                        return;
                    }
                }
            }, threads));
        }
        closing.await();
        adapter.close();
        CompletableFuture.allOf(users.toArray(CompletableFuture[]::new)).get(60, TimeUnit.SECONDS);
    }

    @Test
    void adapterFileMayBeReplacedOnceItIsLoaded() throws IOException {
        Path other = TinyAdapter.write(directory.resolve("other.gguf"), "llama", 2);
        try (Magnet standard = Magnet.load(TinyModel.LLAMA, TinyModel.options().withAdapters(file));
                Adapter adapter = magnet.loadAdapter(file)) {
            Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
            float[] now = magnet.embed("guitar", EmbedOptions.defaults().withAdapters(adapter.scaled(1)));
            assertArrayEquals(now, standard.embed("guitar"), 1e-5f);
            Files.delete(file);
            assertArrayEquals(now, standard.embed("guitar"), 1e-5f);
            GenerateOptions greedy = GenerateOptions.defaults().withTemperature(0).withMaxTokens(3).withIgnoreEos(true);
            assertEquals(
                    magnet.generate("Once", greedy.withAdapters(adapter.scaled(1))).text(),
                    standard.generate("Once", greedy).text());
            Path again = TinyAdapter.write(file, "llama", 2);
            try (Adapter second = magnet.loadAdapter(again)) {
                assertTrue(Similarity.cosine(now, magnet.embed("guitar", EmbedOptions.defaults().withAdapters(second.scaled(1))))
                        < 0.9999);
            }
        }
    }

    @Test
    void adaptersOfTheLoadOptionsAreRefusedWhileLoading() throws IOException {
        Path missing = directory.resolve("missing.gguf");
        assertTrue(Failures.messageOf(Status.IO, () ->
                        Magnet.load(TinyModel.LLAMA, TinyModel.options().withAdapters(file, missing)))
                .contains("missing.gguf"));
        assertThrows(MagnetException.class, () ->
                Magnet.load(TinyModel.LLAMA, TinyModel.options().withAdapters(TinyModel.QWEN2)));
        try (Magnet twice = Magnet.load(TinyModel.LLAMA, TinyModel.options().withAdapters(file, file));
                Adapter adapter = magnet.loadAdapter(file)) {
            assertArrayEquals(
                    magnet.embed("guitar", EmbedOptions.defaults().withAdapters(adapter.scaled(2))), twice.embed("guitar"), 1e-3f);
        }
    }

    @Test
    void adapterFileMayGoOnceItIsLoaded() throws IOException {
        try (Adapter adapter = magnet.loadAdapter(file)) {
            Files.delete(file);
            assertTrue(Similarity.cosine(
                            magnet.embed("guitar"),
                            magnet.embed("guitar", EmbedOptions.defaults().withAdapters(adapter.scaled(1))))
                    < 0.9999);
        }
    }

    private static <T> T unwrapped(CompletableFuture<T> future) throws Throwable {
        try {
            return future.join();
        } catch (CompletionException e) {
            throw e.getCause();
        }
    }

    @Test
    void closingTheModelClosesItsAdapters() {
        Adapter adapter = magnet.loadAdapter(file);
        magnet.embed("text", EmbedOptions.defaults().withAdapters(adapter.scaled(1)));
        magnet.close();
        adapter.close();
    }
}
