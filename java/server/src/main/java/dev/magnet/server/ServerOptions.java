package dev.magnet.server;

import dev.magnet.server.http.Limits;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a server listens, whom it answers, and how much it takes on.
 *
 * @param host address to listen at
 * @param port in [0, 65535]; 0 = any that is free
 * @param key what clients must send as a bearer token; null = nothing
 * @param allowedHosts names that the server has, beside localhost and its addresses
 * @param allowedOrigins origins whose pages may ask, beside its own
 * @param parallel calls of the model that compute at the same time, as many as it has sessions
 * @param ctx most tokens of a text, as the model was loaded with; 0 = what it was trained for
 * @param maxTokens most tokens that one request may generate
 * @param limits of requests
 */
public record ServerOptions(
        String host,
        int port,
        @Nullable String key,
        List<String> allowedHosts,
        List<String> allowedOrigins,
        int parallel,
        int ctx,
        int maxTokens,
        Limits limits) {
    /** Makes the lists immutable. */
    public ServerOptions {
        allowedHosts = List.copyOf(allowedHosts);
        allowedOrigins = List.copyOf(allowedOrigins);
    }

    /** Port 8080 of this machine alone, no key, 16 calls at the same time. */
    public static ServerOptions defaults() {
        return new ServerOptions("127.0.0.1", 8080, null, List.of(), List.of(), 16, 0, 2048,
                new Limits(4 << 20, 256, Duration.ofSeconds(300), Duration.ofSeconds(10)));
    }

    /** A copy that listens at this port. */
    public ServerOptions withPort(int other) {
        return new ServerOptions(host, other, key, allowedHosts, allowedOrigins, parallel, ctx, maxTokens, limits);
    }

    /** A copy with this key. */
    public ServerOptions withKey(@Nullable String other) {
        return new ServerOptions(host, port, other, allowedHosts, allowedOrigins, parallel, ctx, maxTokens, limits);
    }

    /** A copy that allows these names and origins. */
    public ServerOptions withAllowed(List<String> hosts, List<String> origins) {
        return new ServerOptions(host, port, key, hosts, origins, parallel, ctx, maxTokens, limits);
    }

    /** A copy with these limits. */
    public ServerOptions withLimits(Limits other) {
        return new ServerOptions(host, port, key, allowedHosts, allowedOrigins, parallel, ctx, maxTokens, other);
    }
}
