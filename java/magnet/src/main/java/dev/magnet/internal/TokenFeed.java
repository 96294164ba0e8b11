package dev.magnet.internal;

import dev.magnet.MagnetException;
import dev.magnet.Status;
import dev.magnet.Token;
import java.util.Objects;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SubmissionPublisher;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * Carries tokens from the thread that generates them to the one that wants them. It never makes the former wait: a
 * session held for a slow reader could be the one that the reader's next call waits for, and a context bounds how many
 * tokens there can be.
 */
public final class TokenFeed implements Consumer<Token> {
    /** Behind the last token: why there are no more. */
    private record End(@Nullable Throwable failure) {}

    private final LinkedBlockingQueue<Object> queue = new LinkedBlockingQueue<>();
    private final Runnable cancel;

    /** @param cancel stops the generation */
    public TokenFeed(Runnable cancel) {
        this.cancel = cancel;
    }

    @Override
    public void accept(Token token) {
        queue.add(token);
    }

    /** Called behind the last token, with what failed or null. */
    public void end(@Nullable Throwable failure) {
        queue.add(new End(failure));
    }

    /** The tokens, to be read once. */
    public Stream<Token> stream() {
        var tokens = new Spliterators.AbstractSpliterator<Token>(
                Long.MAX_VALUE, Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.IMMUTABLE) {
            private boolean ended;

            @Override
            public boolean tryAdvance(Consumer<? super Token> action) {
                if (ended) {
                    return false;
                }
                switch (take()) {
                    case Token token -> {
                        action.accept(token);
                        return true;
                    }
                    case End(Throwable failure) -> {
                        ended = true;
                        if (failure != null) {
                            throw unchecked(failure);
                        }
                        return false;
                    }
                    default -> throw new AssertionError("only tokens and their end are queued");
                }
            }
        };
        return StreamSupport.stream(tokens, false).onClose(cancel);
    }

    private Object take() {
        try {
            return queue.take();
        } catch (InterruptedException e) {
            cancel.run();
            Thread.currentThread().interrupt();
            throw new MagnetException(Status.CANCELLED, "the thread was interrupted", e);
        }
    }

    private static RuntimeException unchecked(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        return (RuntimeException) failure;
    }

    /**
     * Generates for a subscriber.
     *
     * @param generate generates into the consumer and returns what failed or null; may throw if it cannot even start
     */
    public static void publish(
            Flow.Subscriber<? super Token> subscriber,
            Executor executor,
            Runnable cancel,
            Function<Consumer<Token>, @Nullable Throwable> generate) {
        Objects.requireNonNull(subscriber, "subscriber");
        var publisher = new SubmissionPublisher<Token>(executor, Integer.MAX_VALUE);
        publisher.subscribe(new Cancelling(subscriber, cancel));
        executor.execute(() -> {
            Throwable failure;
            try {
                failure = generate.apply(publisher::submit);
            } catch (Throwable e) {
                failure = e;
            }
            if (failure == null) {
                publisher.close();
            } else {
                publisher.closeExceptionally(failure);
            }
        });
    }

    /** A subscriber whose cancellation reaches the generation at once, not with its next token. */
    private record Cancelling(Flow.Subscriber<? super Token> subscriber, Runnable cancel)
            implements Flow.Subscriber<Token> {
        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscriber.onSubscribe(new Flow.Subscription() {
                @Override
                public void request(long n) {
                    subscription.request(n);
                }

                @Override
                public void cancel() {
                    subscription.cancel();
                    cancel.run();
                }
            });
        }

        @Override
        public void onNext(Token token) {
            subscriber.onNext(token);
        }

        @Override
        public void onError(Throwable failure) {
            subscriber.onError(failure);
        }

        @Override
        public void onComplete() {
            subscriber.onComplete();
        }
    }
}
