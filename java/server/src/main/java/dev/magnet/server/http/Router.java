package dev.magnet.server.http;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Finds the handler of a request, after everything that may be said against it, and answers whatever goes wrong. */
public final class Router implements HttpHandler {
    private static final System.Logger ACCESS = System.getLogger("dev.magnet.server.access");
    private static final System.Logger ERRORS = System.getLogger("dev.magnet.server");

    private final Map<String, Map<String, Route>> routes = new LinkedHashMap<>(); // by path, then by method
    private final Limits limits;
    private final Guard guard;
    private final Admission admission;
    private final Metrics metrics;

    /** A router for these routes, and for /metrics. */
    public Router(List<Route> routes, Limits limits, Guard guard, Metrics metrics) {
        this.limits = limits;
        this.guard = guard;
        this.metrics = metrics;
        this.admission = new Admission(limits.requests());
        metrics.watch("magnet_requests_in_flight", "requests that the model works on, or that wait for it", admission::inside);
        var all = new ArrayList<>(routes);
        all.add(Route.get("/metrics", exchange -> exchange.reply(200, Metrics.CONTENT_TYPE, metrics.text())));
        for (Route route : all) {
            this.routes.computeIfAbsent(route.path(), path -> new LinkedHashMap<>()).put(route.method(), route);
        }
    }

    /** All that can be asked. */
    public List<Route> routes() {
        return routes.values().stream().flatMap(byMethod -> byMethod.values().stream()).toList();
    }

    @Override
    public void handle(HttpExchange http) {
        long began = System.nanoTime();
        var exchange = new Exchange(http, limits);
        String path = http.getRequestURI().getPath();
        boolean known = path != null && routes.containsKey(path);
        boolean gone = false;
        try (http) {
            try {
                answer(http, exchange, path);
            } catch (Throwable e) {
                fail(exchange, e);
            }
        } catch (ClientGone e) {
            gone = true;
        } finally {
            int status = gone ? 0 : exchange.status();
            double took = (System.nanoTime() - began) / 1e9;
            metrics.request(known ? path : "other", status, took);
            ACCESS.log(System.Logger.Level.INFO, () -> "%s \"%s %s\" %d %d %.3f s".formatted(
                    http.getRemoteAddress().getAddress().getHostAddress(), http.getRequestMethod(),
                    printable(http.getRequestURI().toString()), status, exchange.written(), took));
        }
    }

    private void answer(HttpExchange http, Exchange exchange, @Nullable String path) throws Exception {
        Headers headers = http.getRequestHeaders();
        secure(exchange.headers());
        Map<String, Route> byMethod = path == null ? null : routes.get(path);
        String method = http.getRequestMethod().equals("HEAD") ? "GET" : http.getRequestMethod();
        Route route = byMethod == null ? null : byMethod.get(method);
        guard.checkOrigin(headers, http.getRequestURI().getRawAuthority(), route != null && route.access() == Route.Access.OPEN && method.equals("GET"));
        String origin = headers.getFirst("Origin");
        if (guard.mayRead(origin)) {
            exchange.headers().set("Access-Control-Allow-Origin", origin);
            exchange.headers().set("Vary", "Origin");
        }
        if (byMethod == null) {
            throw HttpError.of(404, "not_found", "there is nothing at this path; GET /openapi.json lists what there is");
        }
        if (method.equals("OPTIONS")) {
            preflight(exchange, byMethod);
            return;
        }
        if (route == null) {
            exchange.headers().set("Allow", String.join(", ", new TreeSet<>(byMethod.keySet())));
            throw HttpError.of(405, "method", "method " + printable(method) + " does not go with this path; use "
                    + String.join(" or ", new TreeSet<>(byMethod.keySet())));
        }
        if (route.access() != Route.Access.OPEN) {
            guard.checkKey(headers);
        }
        if (route.access() != Route.Access.WORK) {
            route.handler().answer(exchange);
            return;
        }
        admission.enter();
        try {
            route.handler().answer(exchange);
        } finally {
            admission.leave();
        }
    }

    /** A browser asks on behalf of a page of another origin what that page may do. */
    private static void preflight(Exchange exchange, Map<String, Route> byMethod) {
        exchange.headers().set("Access-Control-Allow-Methods", String.join(", ", byMethod.keySet()));
        exchange.headers().set("Access-Control-Allow-Headers", "Authorization, Content-Type");
        exchange.reply(204, "text/plain", new byte[0]);
    }

    private static void secure(Headers headers) {
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        headers.set("Referrer-Policy", "no-referrer");
        headers.set("Cross-Origin-Resource-Policy", "same-origin");
    }

    private static void fail(Exchange exchange, Throwable failure) {
        if (failure instanceof ClientGone gone) {
            throw gone;
        }
        if (failure instanceof InterruptedException) {
            Thread.currentThread().interrupt();
        }
        HttpError error = HttpError.of(failure);
        if (error.status() == 500) {
            ERRORS.log(System.Logger.Level.ERROR, "a request failed", failure);
        }
        if (exchange.status() == 0) { // else the answer has begun, and its end is missing
            exchange.reply(error);
        }
    }

    /** No stranger's control characters in the log. */
    private static String printable(String text) {
        String clean = text.replaceAll("[^\\x20-\\x7e]", "?");
        return clean.length() <= 200 ? clean : clean.substring(0, 200) + "...";
    }
}
