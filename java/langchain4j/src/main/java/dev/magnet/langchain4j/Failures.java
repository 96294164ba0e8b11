package dev.magnet.langchain4j;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.magnet.MagnetException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Flow;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What LangChain4j's callers expect to be thrown. An {@link IllegalStateException}, of what is closed, stays one. */
final class Failures {
    private Failures() {}

    /** Of a call. */
    static RuntimeException of(Throwable thrown) {
        Throwable cause = thrown instanceof CompletionException && thrown.getCause() != null ? thrown.getCause() : thrown;
        if (cause instanceof MagnetException e) {
            return switch (e.status()) {
                case INVALID_ARGUMENT, TOO_LONG, MISMATCH -> new InvalidRequestException(e.getMessage(), e);
                case UNSUPPORTED -> unsupported(e);
                case TIMEOUT -> new TimeoutException(e.getMessage(), e);
                default -> new LangChain4jException(e.status() + ": " + e.getMessage(), e);
            };
        }
        if (cause instanceof Error error) {
            throw error;
        }
        return cause instanceof RuntimeException e ? e : new LangChain4jException(cause);
    }

    /** What {@code computed} comes to, its failures in these words. Cancelling it cancels {@code computed}. */
    static <T, R> CompletableFuture<R> then(CompletableFuture<T> computed, Function<T, R> make) {
        CompletableFuture<R> made = computed.handle((result, thrown) -> {
            if (thrown != null) {
                throw of(thrown);
            }
            return make.apply(result);
        });
        made.whenComplete((result, thrown) -> computed.cancel(true)); // nothing, once it is computed
        return made;
    }

    /** A subscriber that is told of failures in these words. */
    static <T> Flow.Subscriber<T> told(Flow.Subscriber<? super T> subscriber) {
        Objects.requireNonNull(subscriber, "subscriber");
        return new Flow.Subscriber<>() {
            @Override
            public void onSubscribe(Flow.Subscription subscription) {
                subscriber.onSubscribe(subscription);
            }

            @Override
            public void onNext(T item) {
                subscriber.onNext(item);
            }

            @Override
            public void onError(Throwable thrown) {
                subscriber.onError(thrown instanceof Error ? thrown : of(thrown));
            }

            @Override
            public void onComplete() {
                subscriber.onComplete();
            }
        };
    }

    /** Of loading: a file that cannot be had, or is none. */
    static RuntimeException whileLoading(MagnetException e) {
        return switch (e.status()) {
            case IO, BAD_FILE -> new ModelNotFoundException(e.getMessage(), e);
            default -> of(e);
        };
    }

    /**
     * Refuses a list that has a null, as LangChain4j refuses nulls elsewhere.
     *
     * @param what one element, in the message
     */
    static void refuseNulls(@Nullable List<?> list, String what) {
        int none = list == null ? -1 : new ArrayList<>(list).indexOf(null); // some lists do not let one look for null
        if (none >= 0) {
            throw new IllegalArgumentException(what + " " + none + " cannot be null");
        }
    }

    /** The same of a value alone. */
    static void refuseNull(@Nullable Object value, String what) {
        if (value == null) {
            throw new IllegalArgumentException(what + " cannot be null");
        }
    }

    private static RuntimeException unsupported(MagnetException e) {
        var unsupported = new UnsupportedFeatureException(e.getMessage());
        unsupported.initCause(e);
        return unsupported;
    }
}
