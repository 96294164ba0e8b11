package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Gathers the texts of many callers into few native calls: while one batch is computed, the next one collects. A lone
 * caller never waits; under load, the gatherer waits for as many texts as it saw the last time, but no longer than
 * {@link #PATIENCE_NANOS}. Many texts of one caller are several batches, which others share; a long text is computed beside
 * them, on a session of its own.
 */
public final class EmbedBatcher {
    /** Enough for callers that were just answered to come back with their next text. */
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** Long texts at the same time: each takes memory for itself, and processors from all others. */
    private static final int MOST_ASIDE = 2;

    private final Runtime runtime;
    private final Embedder embedder;
    private final int mostAside;
    private final LinkedBlockingQueue<EmbedRequest> queue = new LinkedBlockingQueue<>();
    private final AtomicInteger aside = new AtomicInteger();
    private boolean started; // guarded by this, like closed
    private boolean closed;

    /**
     * A batcher whose thread starts with the first request.
     *
     * @param sessions calls that compute at the same time; one is left to short texts
     */
    public EmbedBatcher(Runtime runtime, Embedder embedder, int sessions) {
        this.runtime = runtime;
        this.embedder = embedder;
        this.mostAside = Math.clamp(sessions - 1, 1, MOST_ASIDE);
    }

    /** Embeds some time soon. Cancelling the future keeps texts from being computed. */
    public CompletableFuture<Embeddings> submit(List<String> texts, EmbedOptions options) {
        var request = new EmbedRequest(texts, options);
        synchronized (this) {
            if (closed) {
                runtime.ensureOpen();
                throw new IllegalStateException("this Magnet is being closed");
            }
            if (texts.isEmpty()) {
                answer(request);
                return request.future();
            }
            queue.add(request);
            if (!started) {
                started = true;
                runtime.workers().execute(this::loop);
            }
        }
        return request.future();
    }

    /** Lets no further request in; those that wait fail. */
    public synchronized void close() {
        closed = true;
        wake();
    }

    private void wake() {
        queue.add(new EmbedRequest(List.of(), EmbedOptions.defaults()));
    }

    private void loop() {
        Deque<EmbedRequest> waiting = new ArrayDeque<>();
        int expectedTexts = 1;
        while (true) {
            try {
                gather(waiting, expectedTexts);
                if (isClosed()) {
                    break;
                }
                EmbedBatch batch = EmbedBatch.take(waiting, aside.get() < mostAside);
                if (batch == null) {
                    waiting.add(queue.take());
                } else {
                    expectedTexts = batch.size();
                    compute(batch);
                }
            } catch (InterruptedException e) {
                continue; // nobody else has this thread, and closing does not interrupt it
            }
        }
        queue.drainTo(waiting);
        waiting.forEach(request -> request.future().completeExceptionally(new IllegalStateException("this Magnet is closed")));
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    private void gather(Deque<EmbedRequest> waiting, int expectedTexts) throws InterruptedException {
        queue.drainTo(waiting);
        int texts = waiting.stream().mapToInt(EmbedRequest::left).sum();
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (texts > 0 && texts < expectedTexts) {
            EmbedRequest next = queue.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (next == null) {
                return;
            }
            waiting.add(next);
            texts += next.left();
        }
    }

    private void compute(EmbedBatch batch) {
        if (!batch.isLong()) {
            embed(batch);
            return;
        }
        aside.incrementAndGet();
        Runnable embedding = () -> {
            try {
                embed(batch);
            } finally {
                aside.decrementAndGet();
                wake();
            }
        };
        try {
            runtime.workers().execute(embedding);
        } catch (IllegalStateException e) { // closed meanwhile, which it will say
            embedding.run();
        }
    }

    private void embed(EmbedBatch batch) {
        Embeddings all;
        try {
            var call = Call.tellingProgress(batch.options().progress());
            batch.whenUnwanted(() -> call.cancel(Call.Cause.CALLER));
            all = embedder.embed(batch.texts(), batch.options(), call);
        } catch (Throwable e) {
            fail(batch, e);
            return;
        }
        batch.tell(all);
    }

    /** One bad text fails its caller alone. */
    private void fail(EmbedBatch batch, Throwable e) {
        List<EmbedRequest> requests = batch.requests();
        if (requests.size() > 1) {
            requests.forEach(request -> embed(batch.of(request)));
        } else if (!requests.isEmpty() && requests.getFirst().texts().size() > batch.size()) {
            answer(requests.getFirst()); // which fails too, and counts from its own first text
        } else {
            requests.forEach(request -> request.future().completeExceptionally(e));
        }
    }

    private void answer(EmbedRequest request) {
        try {
            request.future().complete(embedder.embed(request.texts(), request.options()));
        } catch (Throwable e) {
            request.future().completeExceptionally(e);
        }
    }
}
