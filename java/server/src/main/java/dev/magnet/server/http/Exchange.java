package dev.magnet.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** One request and its answer. For the thread that handles it. */
public final class Exchange {
    private static final String JSON = "application/json";

    private final HttpExchange http;
    private final Limits limits;
    private long written;
    private int status;

    Exchange(HttpExchange http, Limits limits) {
        this.http = http;
        this.limits = limits;
    }

    /** What the server takes on. */
    public Limits limits() {
        return limits;
    }

    /** The status that was answered; 0 = none yet. */
    int status() {
        return status;
    }

    /** Bytes of the answer's body so far. */
    long written() {
        return written;
    }

    /** Headers of the answer, until it begins. */
    Headers headers() {
        return http.getResponseHeaders();
    }

    /**
     * Reads the body.
     *
     * @throws HttpError 4xx if it is too large or no JSON object
     */
    public Fields fields() {
        String type = http.getRequestHeaders().getFirst("Content-Type");
        if (type == null || !type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT).equals(JSON)) {
            throw HttpError.of(415, "content_type", "the body's Content-Type is " + (type == null ? "missing" : type) + "; send "
                    + JSON);
        }
        return Fields.of(Json.read(body()));
    }

    private byte[] body() {
        String length = http.getRequestHeaders().getFirst("Content-Length");
        if (length != null && length.length() > 9 || length != null && Long.parseLong(length) > limits.bodyBytes()) {
            throw tooLarge();
        }
        try {
            byte[] body = http.getRequestBody().readNBytes(limits.bodyBytes() + 1);
            if (body.length > limits.bodyBytes()) {
                throw tooLarge();
            }
            return body;
        } catch (IOException | IndexOutOfBoundsException e) { // the latter is what the JDK makes of a chunk of negative length
            headers().set("Connection", "close");
            throw HttpError.bad("the body cannot be read; is its Content-Length right, or each chunk's? " + e.getMessage());
        }
    }

    private HttpError tooLarge() {
        headers().set("Connection", "close"); // the rest of the body is not read
        return HttpError.of(413, "body_too_large", "the body has more than " + limits.bodyBytes()
                + " bytes; send less at a time, or start the server with a larger --max-body");
    }

    /** Answers with JSON. */
    public void reply(JsonNode body) {
        reply(200, JSON, Json.write(body));
    }

    /** Answers with an error. */
    void reply(HttpError error) {
        if (error.retry()) {
            headers().set("Retry-After", String.valueOf(HttpError.RETRY_AFTER));
        }
        reply(error.status(), JSON, Json.write(error.json()));
    }

    /** Answers with bytes. */
    public void reply(int code, String type, byte[] body) {
        boolean head = http.getRequestMethod().equals("HEAD");
        try (OutputStream out = begin(code, type, head || body.length == 0 ? -1 : body.length)) {
            if (!head) {
                out.write(body);
                written += body.length;
            }
        } catch (IOException e) {
            throw new ClientGone(e);
        }
    }

    /** An answer that begins with a space or two while the client waits. */
    public LateReply late() {
        return new LateReply(this);
    }

    /** Begins an answer of server-sent events. */
    public EventStream events() {
        headers().set("Cache-Control", "no-store");
        return new EventStream(open("text/event-stream"));
    }

    /** Begins an answer of unknown length. */
    Chunks open(String type) {
        try {
            return new Chunks(begin(200, type, 0));
        } catch (IOException e) {
            throw new ClientGone(e);
        }
    }

    /** An answer of JSON of unknown length. */
    Chunks openJson() {
        return open(JSON);
    }

    private OutputStream begin(int code, @Nullable String type, long length) throws IOException {
        if (type != null) {
            headers().set("Content-Type", type.startsWith("text/") ? type + "; charset=utf-8" : type);
        }
        status = code;
        http.sendResponseHeaders(code, length);
        return http.getResponseBody();
    }

    /** The pieces of an answer, each of which reaches the client at once. */
    final class Chunks implements AutoCloseable {
        private final OutputStream out;

        private Chunks(OutputStream out) {
            this.out = out;
        }

        void write(byte[] bytes) {
            try {
                out.write(bytes);
                out.flush();
                written += bytes.length;
            } catch (IOException e) {
                throw new ClientGone(e);
            }
        }

        @Override
        public void close() {
            try {
                out.close();
            } catch (IOException e) {
                throw new ClientGone(e);
            }
        }
    }
}
