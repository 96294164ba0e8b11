package dev.magnet;

import dev.magnet.internal.Call;
import dev.magnet.internal.TokenFeed;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Text that is about to be generated. Nothing runs until one of the methods that deliver it is called, and one
 * generation delivers once, in the way that suits:
 *
 * <ul>
 *   <li>{@link #text()} and {@link #result()} wait for all of it;
 *   <li>{@link #forEach} waits too, and hands over every token as it comes;
 *   <li>{@link #stream()} is a pull: tokens are generated ahead on a thread of its own;
 *   <li>{@link #publisher()} and {@link #async()} return at once.
 * </ul>
 *
 * <p>Interrupting the thread that waits stops it: the method throws {@link MagnetException} with
 * {@link Status#CANCELLED}, and the thread stays interrupted. {@link #cancel()} and the timeout of the options stop it
 * too, but leave a result, whose {@link Span#stop()} says so;
 * a stream and a publisher, which have none, end with the timeout's failure. All three act within one pass through the model, also while
 * the call waits for others or reads its prompt; then there is no result yet, and it fails with {@link Status#CANCELLED} or
 * {@link Status#TIMEOUT}.
 *
 * @param <R> what is known when it is complete
 */
public final class Generation<R> implements AutoCloseable {
    /** Runs it on the calling thread. */
    @FunctionalInterface
    interface Body<R> {
        R run(Call call);
    }

    private final Body<R> body;
    private final Function<R, String> textOf;
    private final Executor workers;
    private final AtomicReference<State> state = new AtomicReference<>(new State(null, false));

    /** The call, once there is one, and whether it is unwanted. */
    private record State(@Nullable Call call, boolean cancelled) {}

    Generation(Body<R> body, Function<R, String> textOf, Executor workers) {
        this.body = body;
        this.textOf = textOf;
        this.workers = workers;
    }

    /** All that was generated, as text: the continuation, or what fills the gaps. Waits for it. */
    public String text() {
        return textOf.apply(result());
    }

    /** The complete result. Waits for it. */
    public R result() {
        return body.run(start(null));
    }

    /**
     * Hands over every token as it comes, on the calling thread.
     *
     * @param listener told every token. An exception that it throws stops the generation and comes out of this method.
     *     It may call the model
     * @return the complete result
     */
    public R forEach(Consumer<? super Token> listener) {
        Objects.requireNonNull(listener, "listener");
        return body.run(start(listener));
    }

    /**
     * The tokens, as they come. Close the stream, or this generation, to stop early: it goes on being generated
     * otherwise. A failure comes out of the stream's terminal operation, behind the tokens before it; so does the timeout,
     * and the end of the model.
     */
    public Stream<Token> stream() {
        var feed = new TokenFeed(this::cancel);
        Call call = start(feed);
        workers.execute(() -> feed.end(failureOf(call)));
        return feed.stream();
    }

    /**
     * The tokens, for a subscriber that asks for them. Subscribing starts the generation; cancelling the subscription
     * stops it. Tokens that are not yet asked for are kept; there are never more of them than the context is long.
     * A second subscriber gets an {@link IllegalStateException}. After the timeout, or when the model is closed meanwhile, the
     * last it is told is a {@link MagnetException}: what came before is not complete.
     */
    public Flow.Publisher<Token> publisher() {
        return subscriber -> TokenFeed.publish(subscriber, workers, this::cancel, feed -> failureOf(start(feed)));
    }

    /** Generates on a thread of its own. Cancelling the future stops it. */
    public CompletableFuture<R> async() {
        Call call = start(null);
        return call.async(workers, () -> body.run(call));
    }

    /**
     * Stops it, from any thread. One that has not begun never begins: what delivers it throws {@link MagnetException} with
     * {@link Status#CANCELLED}. After its end nothing happens.
     */
    public void cancel() {
        State former = state.getAndUpdate(now -> new State(now.call(), true));
        if (former.call() != null) {
            former.call().cancel(Call.Cause.CALLER);
        }
    }

    /** The same as {@link #cancel()}. */
    @Override
    public void close() {
        cancel();
    }

    private Call start(@Nullable Consumer<? super Token> listener) {
        var call = Call.tellingTokens(listener);
        State former = state.getAndUpdate(now -> now.call() == null ? new State(call, now.cancelled()) : now);
        if (former.call() != null) {
            throw new IllegalStateException("this generation has been delivered; make another one");
        }
        if (former.cancelled()) {
            call.cancel(Call.Cause.CALLER);
        }
        return call;
    }

    private @Nullable Throwable failureOf(Call call) {
        try {
            body.run(call);
            Call.Cause cut = call.cause();
            return cut == null || cut == Call.Cause.CALLER ? null : call.cancelled();
        } catch (Throwable e) {
            return e;
        }
    }
}
