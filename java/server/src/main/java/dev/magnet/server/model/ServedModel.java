package dev.magnet.server.model;

import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import dev.magnet.Generated;
import dev.magnet.Generation;
import dev.magnet.Magnet;
import dev.magnet.Usage;
import dev.magnet.server.http.Metrics;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * The model, and the threads that call it. Native code holds on to the thread that it runs on, so it gets threads of its own,
 * one a session; those of the connections are virtual and wait. Safe from any thread.
 */
public final class ServedModel implements AutoCloseable {
    private final Magnet magnet;
    private final String name;
    private final int sessions;
    private final int ctx;
    private final int maxTokens;
    private final Duration timeout;
    private final Metrics metrics;
    private final ThreadPoolExecutor threads;

    /**
     * A model to serve.
     *
     * @param magnet closed with this
     * @param name what clients see
     * @param sessions calls that compute at the same time, as in the options that it was loaded with
     * @param ctx most tokens of a text; 0 = what the model was trained for
     * @param maxTokens most tokens that one request may generate
     * @param timeout how long the model may work on one call
     */
    public ServedModel(Magnet magnet, String name, int sessions, int ctx, int maxTokens, Duration timeout, Metrics metrics) {
        this.magnet = magnet;
        this.name = name;
        this.sessions = sessions;
        this.ctx = ctx > 0 ? ctx : magnet.info().trainedContext();
        this.maxTokens = maxTokens;
        this.timeout = timeout;
        this.metrics = metrics;
        var number = new AtomicInteger();
        threads = new ThreadPoolExecutor(
                sessions, sessions, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                    var thread = new Thread(task, "magnet-model-" + number.incrementAndGet());
                    thread.setDaemon(true);
                    return thread;
                });
        metrics.watch("magnet_calls_waiting", "calls of the model that wait for a session", () -> threads.getQueue().size());
        metrics.watch("magnet_calls_running", "calls of the model that compute", threads::getActiveCount);
    }

    /** The model itself, for what takes no time. */
    public Magnet magnet() {
        return magnet;
    }

    /** What clients see. */
    public String name() {
        return name;
    }

    /** Calls that compute at the same time. */
    public int sessions() {
        return sessions;
    }

    /** Most tokens of a text, generated ones counted. */
    public int ctx() {
        return ctx;
    }

    /** Most tokens that one request may generate. */
    public int maxTokens() {
        return maxTokens;
    }

    /** How long the model may work on one call. */
    public Duration timeout() {
        return timeout;
    }

    /** Runs a call of the model. Cancelling it with an interrupt stops the model. */
    public <T> Future<T> submit(Callable<T> call) {
        return threads.submit(call);
    }

    /**
     * Starts a generation.
     *
     * @param choiceOf what a client is told of the result
     * @param indent columns of the block that its text ends with; 0 = it is no block
     * @param most how long it goes on behind its first token, if it has ended a line by then
     */
    public <R> Running start(Generation<R> generation, Function<R, Choice> choiceOf, int indent, Duration most) {
        var running = new Running(generation::cancel, new BlockText(indent), most);
        running.begin(threads, listener -> {
            Choice choice = choiceOf.apply(generation.forEach(listener));
            count(choice.usage());
            return choice;
        });
        return running;
    }

    /** Starts the generation of a text. */
    public Running start(Generation<Generated> generation) {
        return start(generation, Choice::of, 0, timeout);
    }

    /** Embeds, together with the texts of others that ask at the same time. */
    public CompletableFuture<Embeddings> embed(List<String> texts, EmbedOptions options) {
        return magnet.embedAllAsync(texts, options).thenApply(embeddings -> {
            metrics.tokens(embeddings.tokens(), 0);
            return embeddings;
        });
    }

    /** Counts what a call cost. */
    public void count(Usage usage) {
        metrics.tokens(usage.promptTokens(), usage.generatedTokens());
    }

    /** Stops running calls and frees the model. */
    @Override
    public void close() {
        threads.shutdown();
        magnet.close();
    }
}
