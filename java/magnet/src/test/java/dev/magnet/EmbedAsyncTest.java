package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EmbedAsyncTest {
    @Test
    void givesTheVectorOfTheBlockingCall() throws Exception {
        try (Magnet magnet = TinyModel.load()) {
            assertArrayEquals(magnet.embed("guitar"), magnet.embedAsync("guitar").get(), 1e-5f);
        }
    }

    @Test
    void manyCallersGetTheirOwnVectors() throws Exception {
        try (Magnet magnet = TinyModel.load();
                var threads = Executors.newFixedThreadPool(64)) {
            List<Future<Double>> cosines = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                String text = "text number " + i;
                cosines.add(threads.submit(
                        () -> Similarity.cosine(magnet.embedAsync(text).get(), magnet.embed(text))));
            }
            for (Future<Double> cosine : cosines) {
                assertEquals(1, cosine.get(), 1e-4);
            }
        }
    }

    @Test
    void differentOptionsAreNotMixedUp() throws Exception {
        try (Magnet magnet = TinyModel.load()) {
            EmbedOptions last = EmbedOptions.defaults().withPooling(Pooling.LAST);
            EmbedOptions mean = EmbedOptions.defaults().withPooling(Pooling.MEAN).withInstruction("abc");
            List<CompletableFuture<float[]>> lasts = new ArrayList<>();
            List<CompletableFuture<float[]>> means = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                lasts.add(magnet.embedAsync("text", last));
                means.add(magnet.embedAsync("text", mean));
            }
            for (int i = 0; i < 50; i++) {
                assertEquals(1, Similarity.cosine(magnet.embed("text", last), lasts.get(i).get()), 1e-4);
                assertEquals(1, Similarity.cosine(magnet.embed("text", mean), means.get(i).get()), 1e-4);
            }
        }
    }

    @Test
    void badTextFailsItsCallerAlone() throws Exception {
        try (Magnet magnet = TinyModel.load()) {
            List<CompletableFuture<float[]>> good = new ArrayList<>();
            List<CompletableFuture<float[]>> bad = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                good.add(magnet.embedAsync("fine " + i));
                bad.add(magnet.embedAsync(i % 2 == 0 ? "\uD83C" : "x ".repeat(2 * TinyModel.CONTEXT)));
            }
            for (var future : good) {
                assertEquals(TinyModel.DIMENSIONS, future.get().length);
            }
            for (var future : bad) {
                Throwable cause = assertThrows(ExecutionException.class, future::get).getCause();
                assertInstanceOf(MagnetException.class, cause);
            }
        }
    }

    @Test
    void severalTextsStayTogether() throws Exception {
        try (Magnet magnet = TinyModel.load()) {
            Embeddings several = magnet.embedAllAsync(List.of("a", "bb", "ccc"), EmbedOptions.defaults()).get();
            assertEquals(3, several.vectors().length);
            assertEquals(3, several.tokenCounts().length);
            assertEquals(1, Similarity.cosine(magnet.embed("bb"), several.vectors()[1]), 1e-4);
            assertEquals(0, magnet.embedAllAsync(List.of(), EmbedOptions.defaults()).get().vectors().length);
        }
    }

    @Test
    void closingEndsEveryFuture() {
        List<CompletableFuture<float[]>> futures = new ArrayList<>();
        try (Magnet magnet = TinyModel.load()) {
            for (int i = 0; i < 5000; i++) {
                futures.add(magnet.embedAsync("text number " + i));
            }
        }
        for (var future : futures) {
            try {
                assertEquals(TinyModel.DIMENSIONS, future.get(10, TimeUnit.SECONDS).length);
            } catch (ExecutionException e) {
                assertTrue(
                        e.getCause() instanceof IllegalStateException
                                || e.getCause() instanceof MagnetException m && m.status() == Status.CANCELLED,
                        e.getCause()::toString);
            } catch (Exception e) {
                throw new AssertionError("a future never ended", e);
            }
        }
    }

    @Test
    void cancelledFutureDoesNotDisturbOthers() throws Exception {
        try (Magnet magnet = TinyModel.load()) {
            List<CompletableFuture<float[]>> futures = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                futures.add(magnet.embedAsync("text " + i));
            }
            for (int i = 0; i < 100; i += 2) {
                futures.get(i).cancel(true);
            }
            for (int i = 1; i < 100; i += 2) {
                assertEquals(TinyModel.DIMENSIONS, futures.get(i).get().length);
            }
        }
    }

    @Test
    void manyTextsOfOneCallerDoNotHoldUpAnother() throws Exception {
        try (Magnet magnet = TinyModel.load()) {
            List<String> many = IntStream.range(0, 3000).mapToObj(i -> "text number " + i).toList();
            CompletableFuture<Embeddings> all = magnet.embedAllAsync(many, EmbedOptions.defaults());
            boolean first = magnet.embedAsync("another").thenApply(vector -> !all.isDone()).get();
            assertTrue(first, "the other caller's text came behind all 3000");
            float[][] vectors = all.get().vectors();
            assertEquals(3000, vectors.length);
            for (int i : new int[] {0, 127, 128, 1500, 2999}) {
                assertEquals(1, Similarity.cosine(magnet.embed(many.get(i)), vectors[i]), 1e-4);
            }
        }
    }

    @Test
    void longTextsAreComputedAmongShortOnes() throws Exception {
        try (Magnet magnet = TinyModel.load()) {
            EmbedOptions head = EmbedOptions.defaults().withTruncate(Truncation.HEAD);
            List<String> texts = IntStream.range(0, 40)
                    .mapToObj(i -> i % 4 == 0 ? ("long " + i + " ").repeat(2000) : "short " + i)
                    .toList();
            Embeddings all = magnet.embedAllAsync(texts, head).get();
            List<CompletableFuture<float[]>> alone = texts.stream().map(text -> magnet.embedAsync(text, head)).toList();
            for (int i = 0; i < texts.size(); i++) {
                float[] expected = magnet.embed(texts.get(i), head);
                assertEquals(1, Similarity.cosine(expected, all.vectors()[i]), 1e-4);
                assertEquals(1, Similarity.cosine(expected, alone.get(i).get()), 1e-4);
            }
        }
    }

    @Test
    void aBadTextAmongManyIsNamedByItsPlace() {
        try (Magnet magnet = TinyModel.load()) {
            List<String> many = new ArrayList<>(IntStream.range(0, 300).mapToObj(i -> "text number " + i).toList());
            many.set(200, "x ".repeat(2 * TinyModel.CONTEXT));
            CompletableFuture<Embeddings> all = magnet.embedAllAsync(many, EmbedOptions.defaults());
            Throwable cause = assertThrows(ExecutionException.class, all::get).getCause();
            assertTrue(cause.getMessage().contains("text 200"), cause::getMessage);
        }
    }
}
