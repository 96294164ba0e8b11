package dev.magnet.server.http;

/**
 * One thing that can be asked.
 *
 * @param method of HTTP
 * @param path exactly
 * @param access who may ask, and how much at a time
 * @param handler answers
 */
public record Route(String method, String path, Access access, Handler handler) {
    /** Who may ask, and whether it counts as work. */
    public enum Access {
        /** Everybody who reaches the server, also without the key. */
        OPEN,
        /** Those who know the key. */
        KEY,
        /** Those who know the key; so many at a time, since the model works for it. */
        WORK
    }

    /** Answers one request. What it throws becomes an error in OpenAI's form. */
    @FunctionalInterface
    public interface Handler {
        /** Answers by one of the methods of {@code exchange}. */
        void answer(Exchange exchange) throws Exception;
    }

    /** A question that anybody may ask. */
    public static Route open(String path, Handler handler) {
        return new Route("GET", path, Access.OPEN, handler);
    }

    /** A question that needs the key. */
    public static Route get(String path, Handler handler) {
        return new Route("GET", path, Access.KEY, handler);
    }

    /** Work for the model. */
    public static Route post(String path, Handler handler) {
        return new Route("POST", path, Access.WORK, handler);
    }
}
