package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Gathers the texts of many callers into few native calls: while one batch is computed, the next one collects. A lone
 * caller never waits; under load, the gatherer waits for as many texts as it saw the last time, but no longer than
 * {@link #PATIENCE_NANOS}.
 */
public final class EmbedBatcher {
    /** Enough for callers that were just answered to come back with their next text. */
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** A batch costs memory and delays its first caller; past this size packing gains nothing more. */
    private static final int MAX_TEXTS = 512;

    private final Runtime runtime;
    private final Embedder embedder;
    private final LinkedBlockingQueue<Request> queue = new LinkedBlockingQueue<>();
    private boolean started; // guarded by this, like closed
    private boolean closed;

    private record Request(List<String> texts, EmbedOptions options, CompletableFuture<Embeddings> future) {}

    /** A batcher whose thread starts with the first request. */
    public EmbedBatcher(Runtime runtime, Embedder embedder) {
        this.runtime = runtime;
        this.embedder = embedder;
    }

    /** Embeds some time soon. Cancelling the future keeps texts that wait from being computed. */
    public CompletableFuture<Embeddings> submit(List<String> texts, EmbedOptions options) {
        var request = new Request(texts, options, new CompletableFuture<>());
        synchronized (this) {
            if (closed) {
                runtime.ensureOpen();
                throw new IllegalStateException("this Magnet is being closed");
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
        queue.add(new Request(List.of(), EmbedOptions.defaults(), new CompletableFuture<>()));
    }

    private void loop() {
        int lastTexts = 1;
        while (true) {
            List<Request> batch;
            try {
                batch = gather(lastTexts);
            } catch (InterruptedException e) {
                continue; // nobody else has this thread, and closing does not interrupt it
            }
            synchronized (this) {
                if (closed) {
                    queue.drainTo(batch);
                    batch.forEach(request ->
                            request.future().completeExceptionally(new IllegalStateException("this Magnet is closed")));
                    return;
                }
            }
            lastTexts = batch.stream().mapToInt(request -> request.texts().size()).sum();
            Map<EmbedOptions, List<Request>> alike = new LinkedHashMap<>();
            for (Request request : batch) {
                if (!request.future().isDone()) {
                    alike.computeIfAbsent(request.options(), options -> new ArrayList<>()).add(request);
                }
            }
            alike.forEach(this::embed);
        }
    }

    private List<Request> gather(int expectedTexts) throws InterruptedException {
        List<Request> batch = new ArrayList<>();
        int texts = 0;
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        @Nullable Request next = queue.take();
        while (next != null) {
            batch.add(next);
            texts += next.texts().size();
            if (texts >= MAX_TEXTS) {
                break;
            }
            next = queue.poll();
            if (next == null && texts < expectedTexts) {
                next = queue.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            }
        }
        return batch;
    }

    private void embed(EmbedOptions options, List<Request> requests) {
        Embeddings all;
        try {
            all = embedder.embed(
                    requests.stream().flatMap(request -> request.texts().stream()).toList(), options);
        } catch (Throwable e) {
            if (requests.size() == 1) {
                requests.getFirst().future().completeExceptionally(e);
            } else {
                requests.forEach(request -> embed(options, List.of(request))); // one bad text fails its caller alone
            }
            return;
        }
        int from = 0;
        for (Request request : requests) {
            int to = from + request.texts().size();
            request.future().complete(new Embeddings(
                    Arrays.copyOfRange(all.vectors(), from, to), Arrays.copyOfRange(all.tokenCounts(), from, to)));
            from = to;
        }
    }
}
