package dev.magnet.server.http;

import com.sun.net.httpserver.Headers;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Keeps out those who must not ask. A web page elsewhere could make a browser of this machine send requests here: its
 * Origin is another one, or, once its name has been bound to this address, the Host that it names is.
 */
public final class Guard {
    /** An address is no name, and cannot be bound to another address. */
    private static final Pattern ADDRESS = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-f:.]+\\]");

    private static final List<String> ONCE = List.of("Host", "Origin", "Authorization", "Content-Type", "Content-Length");

    /** Less than what the JDK's server takes, which closes the connection without a word. */
    private static final int MOST_HEADER_BYTES = 32 << 10;

    private final Set<String> hosts;
    private final Set<String> origins;
    private final byte @Nullable [] key;

    /**
     * A guard.
     *
     * @param hosts names that this server has, beside localhost and addresses
     * @param origins pages of other origins that may ask, e.g. "https://editor.example"
     * @param key what clients must know; null = nothing
     */
    public Guard(List<String> hosts, List<String> origins, @Nullable String key) {
        this.hosts = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        this.hosts.addAll(hosts);
        this.hosts.add("localhost");
        this.origins = Set.copyOf(origins);
        this.key = key == null ? null : digest(key);
    }

    /**
     * Checks everything but the key.
     *
     * @param authority that the request's line names, as RFC 9112 lets it; null = none. It outranks header Host
     * @param toPage whether the page itself is asked for, to which other pages may link
     * @throws HttpError 4xx
     */
    void checkOrigin(Headers headers, @Nullable String authority, boolean toPage) {
        if (size(headers) > MOST_HEADER_BYTES) {
            throw HttpError.of(431, "headers_too_large", "the headers have more than " + MOST_HEADER_BYTES
                    + " bytes, 32 for each counted");
        }
        for (String name : ONCE) {
            List<String> values = headers.get(name);
            if (values != null && values.size() > 1) {
                throw HttpError.bad("header " + name + " is there " + values.size() + " times");
            }
        }
        String host = headers.getFirst("Host");
        if (host == null) {
            throw HttpError.bad("header Host is missing");
        }
        checkHost(host);
        if (authority != null) {
            checkHost(authority);
        }
        String origin = headers.getFirst("Origin");
        if (origin != null && !isSame(origin, host) && !origins.contains(origin)) {
            throw HttpError.of(403, "origin", "pages of " + origin + " may not ask this server; if they are to, start it with"
                    + " --allow-origin");
        }
        String site = headers.getFirst("Sec-Fetch-Site");
        boolean linked = toPage && "navigate".equals(headers.getFirst("Sec-Fetch-Mode"));
        if (origin == null && !linked && ("cross-site".equals(site) || "same-site".equals(site))) {
            throw HttpError.of(403, "origin", "pages of other origins may not ask this server");
        }
    }

    private void checkHost(String host) {
        String name = host.replaceFirst(":\\d*$", "").toLowerCase(Locale.ROOT);
        if (!ADDRESS.matcher(name).matches() && !hosts.contains(name)) {
            throw HttpError.of(421, "host", "this server is not called \"" + name + "\"; if it is, start it with --allow-host");
        }
    }

    /** @throws HttpError 401 without the key, or with another one */
    void checkKey(Headers headers) {
        if (key == null) {
            return;
        }
        String given = headers.getFirst("Authorization");
        boolean bearer = given != null && given.regionMatches(true, 0, "Bearer ", 0, 7);
        if (!bearer || !MessageDigest.isEqual(key, digest(given.substring(7).strip()))) {
            throw HttpError.of(401, "invalid_api_key", given == null
                    ? "this server wants a key: send \"Authorization: Bearer KEY\""
                    : "the key of header Authorization is not this server's");
        }
    }

    /** Whether a page of this origin may read answers though it is not ours. */
    boolean mayRead(@Nullable String origin) {
        return origin != null && origins.contains(origin);
    }

    private static boolean isSame(String origin, String host) {
        try {
            URI uri = URI.create(origin);
            return ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                    && host.equalsIgnoreCase(uri.getRawAuthority());
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static long size(Headers headers) {
        return headers.entrySet().stream()
                .mapToLong(header -> header.getValue().stream()
                        .mapToLong(value -> 32 + header.getKey().length() + (value == null ? 0 : value.length())) // as HTTP/2 counts
                        .sum())
                .sum();
    }

    /** Digests have one length, so that comparing them tells nothing about that of the key. */
    private static byte[] digest(String key) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
