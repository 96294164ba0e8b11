package dev.magnet.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One JSON answer that takes a while. Once the work can no longer be refused, a space is sent every half second, which JSON
 * allows in front: it finds out whether the client is still there, and nothing else in the JDK's server does.
 */
public final class LateReply {
    private static final long BEAT_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    private static final byte[] SPACE = {' '};

    private final Exchange exchange;
    private Exchange.@Nullable Chunks chunks;

    LateReply(Exchange exchange) {
        this.exchange = exchange;
    }

    /**
     * Waits for a part of the answer.
     *
     * @param begun whether the work can no longer be refused. What does not begin in time is cancelled
     * @throws HttpError what the work failed with, or 503 if it did not begin in time
     * @throws ClientGone if nobody waits for it any more
     */
    public <T> T await(Future<T> work, BooleanSupplier begun) throws InterruptedException {
        long deadline = System.nanoTime() + exchange.limits().timeout().toNanos();
        while (true) {
            try {
                return work.get(BEAT_NANOS, TimeUnit.NANOSECONDS);
            } catch (ExecutionException e) {
                throw HttpError.of(e.getCause());
            } catch (CancellationException e) {
                throw HttpError.unavailable("stopped", "the work was stopped");
            } catch (TimeoutException e) {
                if (begun.getAsBoolean()) {
                    beat();
                } else if (System.nanoTime() - deadline > 0) {
                    work.cancel(true);
                    throw HttpError.unavailable("timeout", "no answer within " + exchange.limits().timeout().toSeconds()
                            + " s; ask for less, come back later, or raise --timeout");
                }
            }
        }
    }

    private void beat() {
        if (chunks == null) {
            chunks = exchange.openJson();
        }
        chunks.write(SPACE);
    }

    /** Sends the answer. */
    public void send(JsonNode body) {
        if (chunks == null) {
            exchange.reply(body);
        } else {
            try (Exchange.Chunks rest = chunks) {
                rest.write(Json.write(body));
            }
        }
    }

    /** Tells a failure, if the answer has begun: it is too late for a status. Returns whether it was told. */
    public boolean fail(HttpError error) {
        if (chunks == null) {
            return false;
        }
        send(error.json());
        return true;
    }
}
