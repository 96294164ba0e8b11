package dev.magnet.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** Server-sent events. Every method throws {@link ClientGone} where nobody listens any more. */
public final class EventStream implements AutoCloseable {
    private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(400);

    private final Exchange.Chunks chunks;
    private long sentAt = System.nanoTime();

    EventStream(Exchange.Chunks chunks) {
        this.chunks = chunks;
    }

    /** Sends an event. */
    public void send(JsonNode data) {
        send(new String(Json.write(data), StandardCharsets.UTF_8));
    }

    /** Sends an event of one line. */
    public void send(String line) {
        write("data: " + line + "\n\n");
    }

    /** Sends what clients skip, unless something was sent just now: it fails where nobody is left. */
    public void beat() {
        if (System.nanoTime() - sentAt > QUIET_NANOS) {
            write(": \n\n");
        }
    }

    private void write(String text) {
        chunks.write(text.getBytes(StandardCharsets.UTF_8));
        sentAt = System.nanoTime();
    }

    /** Tells a failure of an answer that has begun. */
    public void fail(Throwable failure) {
        send(HttpError.of(failure).json());
    }

    @Override
    public void close() {
        chunks.close();
    }
}
