package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class ConcurrencyTest {
    private static final int THREADS = 64;

    @Test
    void sixtyFourPlatformThreadsAtOnce() throws Exception {
        try (var threads = Executors.newFixedThreadPool(THREADS)) {
            everyThreadGetsItsOwnResults(threads);
        }
    }

    @Test
    void sixtyFourVirtualThreadsAtOnce() throws Exception {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            everyThreadGetsItsOwnResults(threads);
        }
    }

    /** Each waits in the middle of its text until all are there. */
    @Test
    void sixteenCallersAreServedAtOnceByDefault() throws Exception {
        int callers = 16;
        var together = new CyclicBarrier(callers);
        try (Magnet magnet = Magnet.load(TinyModel.LLAMA);
                var threads = Executors.newFixedThreadPool(callers)) {
            GenerateOptions few = GenerateOptions.defaults().withMaxTokens(3).withIgnoreEos(true);
            List<Future<Generated>> futures = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                futures.add(threads.submit(() -> magnet.generate("Once", few).forEach(token -> {
                    if (token.index() == 0) {
                        await(together);
                    }
                })));
            }
            for (Future<Generated> future : futures) {
                assertEquals(StopReason.LENGTH, future.get().stop());
            }
        }
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException e) {
            throw new AssertionError(e);
        }
    }

    private static void everyThreadGetsItsOwnResults(ExecutorService threads) throws Exception {
        try (Magnet magnet = TinyModel.load()) {
            var together = new CyclicBarrier(THREADS);
            List<Future<Void>> futures = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                String own = "thread " + i;
                Callable<Void> task = () -> {
                    together.await();
                    for (int round = 0; round < 5; round++) {
                        check(magnet, own + " " + round);
                    }
                    return null;
                };
                futures.add(threads.submit(task));
            }
            for (Future<Void> future : futures) {
                future.get();
            }
        }
    }

    /** One call of every kind, each of which would show another thread's text. */
    private static void check(Magnet magnet, String own) throws Exception {
        GenerateOptions writing =
                GenerateOptions.defaults().withMaxTokens(50).withGrammar("root ::= \"" + own + "\"");
        assertEquals(own, magnet.generate("Say: ", writing).text());
        float[][] v = magnet.embed(own, own + "!");
        assertEquals(1, Similarity.cosine(v[0], magnet.embedAsync(own).get()), 1e-4);
        assertEquals(own, magnet.score("Say: ", own).getFirst().spans().getFirst().text());
        List<Part> parts = List.of(Part.text(own), Part.gap(2), Part.text("end"));
        assertEquals(own, ((Part.Text) magnet.infill(parts).parts().getFirst()).text());
        assertEquals(own, magnet.detokenize(magnet.tokenize(own)).strip());
        try (var stream = magnet.generate("Say: ", writing).stream()) {
            assertEquals(own, stream.map(Token::text).reduce("", String::concat));
        }
    }
}
