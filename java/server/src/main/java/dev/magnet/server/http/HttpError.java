package dev.magnet.server.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.MagnetException;
import org.jspecify.annotations.Nullable;

/** A request that gets an error in OpenAI's form instead of an answer. */
public final class HttpError extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** What a client that is told to come back waits, in seconds. */
    static final int RETRY_AFTER = 1;

    private final int status;
    private final String type;
    private final @Nullable String code;
    private final @Nullable String param;

    private HttpError(int status, String type, @Nullable String code, @Nullable String param, String message) {
        super(message, null, false, false);
        this.status = status;
        this.type = type;
        this.code = code;
        this.param = param;
    }

    /** 400: what was sent cannot be answered. */
    public static HttpError bad(String message) {
        return new HttpError(400, "invalid_request_error", null, null, message);
    }

    /** 400 for one field. */
    public static HttpError field(String name, String message) {
        return new HttpError(400, "invalid_request_error", null, name, message);
    }

    /** 400 for a field that OpenAI's API has and this server does not know. */
    public static HttpError unsupported(String name, String message) {
        return new HttpError(400, "invalid_request_error", "unsupported", name, message);
    }

    /** Another 4xx. */
    public static HttpError of(int status, String code, String message) {
        String type = status == 401 ? "authentication_error" : status == 403 ? "permission_error"
                : status == 404 ? "not_found_error" : status == 429 ? "rate_limit_error" : "invalid_request_error";
        return new HttpError(status, type, code, null, message);
    }

    /** 429: too much is asked at the same time. */
    public static HttpError busy(String message) {
        return of(429, "busy", message);
    }

    /** 503: this server cannot answer now. */
    public static HttpError unavailable(String code, String message) {
        return new HttpError(503, "server_error", code, null, message);
    }

    /** What a failure means to a client. */
    public static HttpError of(Throwable failure) {
        return switch (failure) {
            case HttpError error -> error;
            case MagnetException e -> switch (e.status()) {
                case INVALID_ARGUMENT, UNSUPPORTED, MISMATCH -> bad(e.getMessage());
                case TOO_LONG ->
                    new HttpError(400, "invalid_request_error", "context_length_exceeded", null, e.getMessage());
                case TIMEOUT -> unavailable("timeout", e.getMessage() + "; ask for less, or raise --timeout");
                case OUT_OF_MEMORY -> unavailable("out_of_memory", e.getMessage());
                case CANCELLED, BUSY -> unavailable("stopped", e.getMessage());
                default -> new HttpError(500, "server_error", e.status().name().toLowerCase(), null, e.getMessage());
            };
            case IllegalStateException e -> unavailable("stopping", "the server is stopping: " + e.getMessage());
            default -> new HttpError(500, "server_error", "internal", null, failure.toString());
        };
    }

    /** The status of the answer. */
    public int status() {
        return status;
    }

    /** Whether the same request may be answered later. */
    boolean retry() {
        return status == 429 || status == 503;
    }

    /** The body of the answer. */
    public ObjectNode json() {
        ObjectNode body = Json.object();
        body.putObject("error")
                .put("message", getMessage())
                .put("type", type)
                .put("param", param)
                .put("code", code);
        return body;
    }
}
