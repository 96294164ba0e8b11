package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever a call waits for, it can be stopped there: for a session, or in a pass that others share. */
@Timeout(120)
class WaitingTest {
    private static final GenerateOptions ENDLESS =
            GenerateOptions.defaults().withMaxTokens(-1).withIgnoreEos(true).withTemperature(0);

    private final CountDownLatch release = new CountDownLatch(1);
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private Magnet magnet;
    private CompletableFuture<Generated> holder;

    /** One session, and a call that holds it until it is let go. */
    @BeforeEach
    void holdTheOnlySession() throws Exception {
        magnet = Magnet.load(TinyModel.LLAMA, TinyModel.options().withSessions(1));
        var begun = new CountDownLatch(1);
        holder = CompletableFuture.supplyAsync(() -> magnet.generate("Once", ENDLESS.withMaxTokens(3)).forEach(token -> {
            begun.countDown();
            try {
                release.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }), threads);
        begun.await();
    }

    @AfterEach
    void close() throws Exception {
        release.countDown();
        assertEquals(StopReason.LENGTH, holder.get().stop(), "the one that holds the session is not touched");
        assertEquals(TinyModel.DIMENSIONS, magnet.embed("the session is free again").length);
        magnet.close();
        threads.close();
    }

    @Test
    void timeoutGoesOnWhileACallWaitsForASession() {
        Duration soon = Duration.ofMillis(30);
        List<Part> gap = List.of(Part.text("Once"), Part.gap(1), Part.text("time"));
        Failures.messageOf(Status.TIMEOUT, () -> magnet.generate("Once", ENDLESS.withTimeout(soon)).result());
        Failures.messageOf(Status.TIMEOUT, () -> magnet.infill(gap, InfillOptions.defaults().withTimeout(soon)));
        var future = magnet.generate("Once", ENDLESS.withTimeout(soon)).async();
        assertEquals(Status.TIMEOUT, statusOf(assertThrows(ExecutionException.class, future::get)));
        Failures.messageOf(Status.TIMEOUT, () ->
                magnet.generate("Once", ENDLESS.withTimeout(soon)).stream().toList());
        Failures.messageOf(Status.TIMEOUT, () -> magnet.generate("Once", ENDLESS.withTimeout(Duration.ZERO)).result());
    }

    private static Status statusOf(Throwable failed) {
        return ((MagnetException) failed.getCause()).status();
    }

    @Test
    void cancelReachesACallThatWaitsForASession() throws Exception {
        Generation<Generated> generation = magnet.generate("Once", ENDLESS);
        var outcome = CompletableFuture.supplyAsync(() -> {
            try {
                return generation.text();
            } catch (MagnetException e) {
                return e.status().toString();
            }
        }, threads);
        Thread.sleep(30);
        generation.cancel();
        assertEquals("CANCELLED", outcome.get());
        var future = magnet.generate("Once", ENDLESS).async();
        Thread.sleep(30);
        future.cancel(true);
        assertThrows(CancellationException.class, future::get);
    }

    @Test
    void interruptReachesACallOfAnyKindThatWaitsForASession() throws Exception {
        List<Runnable> calls = List.of(
                () -> magnet.embed("text"),
                () -> magnet.embedTokens("text", EmbedOptions.defaults()),
                () -> magnet.generate("Once").text(),
                () -> magnet.infill("Once", "time"),
                () -> magnet.score("Once", " upon"),
                () -> magnet.evaluate(Evaluation.perplexity(TinyModel.LLAMA)));
        for (Runnable call : calls) {
            var outcome = new CompletableFuture<String>();
            Thread thread = Thread.ofVirtual().start(() -> {
                try {
                    call.run();
                    outcome.complete("came to its end");
                } catch (MagnetException e) {
                    outcome.complete(e.status() + " " + Thread.currentThread().isInterrupted());
                }
            });
            Thread.sleep(20);
            thread.interrupt();
            assertEquals("CANCELLED true", outcome.get());
        }
    }

    @Test
    void othersKeepTheirTurnWhenOneThatWaitsIsStopped() throws Exception {
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            int number = i;
            Thread thread = new Thread(() -> {
                try {
                    magnet.generate("Once", ENDLESS.withMaxTokens(1)).forEach(token -> order.add(number));
                } catch (MagnetException e) {
                    assertEquals(Status.CANCELLED, e.status());
                }
            });
            thread.start();
            threads.add(thread);
            while (thread.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
        }
        threads.get(0).interrupt();
        threads.get(3).interrupt();
        threads.get(0).join();
        threads.get(3).join();
        release.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(1, 2, 4, 5), order);
    }

    /** Sixteen callers whose tokens are computed in passes that they share, and some of whom lose interest. */
    @Test
    void interruptReachesACallThatSharesItsPassesAndNoOther() throws Exception {
        LoadOptions shared = TinyModel.options().withEngine(Engine.FUSED).withSessions(16).withReusePrefix(false);
        try (Magnet many = Magnet.load(TinyModel.LLAMA, shared)) {
            int alone = many.generate("Once", ENDLESS).result().span().tokens().size();
            List<Future<Generated>> futures = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                boolean loses = i % 4 == 0;
                futures.add(threads.submit(() -> many.generate("Once", ENDLESS).forEach(token -> {
                    if (loses && token.index() == 20) {
                        Thread.currentThread().interrupt();
                    }
                })));
            }
            for (int i = 0; i < 16; i++) {
                if (i % 4 == 0) {
                    Future<Generated> future = futures.get(i);
                    assertEquals(Status.CANCELLED, statusOf(assertThrows(ExecutionException.class, future::get)));
                } else {
                    assertEquals(alone, futures.get(i).get().span().tokens().size());
                }
            }
        }
    }

    @Test
    void closeEndsWhatWaitsAndWhatRuns() throws Exception {
        Magnet other = Magnet.load(TinyModel.LLAMA, TinyModel.options().withSessions(1));
        List<CompletableFuture<Generated>> calls = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            calls.add(other.generate("Once", ENDLESS).async());
        }
        other.close();
        for (var call : calls) {
            assertTrue(call.handle((generated, e) -> e == null
                            ? generated.stop() != StopReason.LENGTH
                            : e instanceof IllegalStateException || e instanceof MagnetException)
                    .get());
        }
    }
}
