package dev.magnet.server.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The files of the page, which lie beside a class: a fixed list, so that no path leads elsewhere. */
public final class StaticFiles {
    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html", "css", "text/css", "js", "text/javascript", "svg", "image/svg+xml", "json", "application/json");

    private StaticFiles() {}

    /** Routes of files; index.html is also at the root. */
    public static List<Route> routes(Class<?> beside, String folder, List<String> names) {
        List<Route> routes = new ArrayList<>();
        for (String name : names) {
            Route.Handler handler = file(beside, folder + "/" + name);
            if (name.equals("index.html")) {
                routes.add(Route.open("/", handler));
            }
            routes.add(Route.open("/" + name, handler));
        }
        return routes;
    }

    /** Answers with one file, which is read at once. */
    public static Route.Handler file(Class<?> beside, String name) {
        byte[] content;
        try (InputStream in = beside.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("resource " + name + " is missing from this jar");
            }
            content = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String type = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
        return exchange -> {
            exchange.headers().set("Cache-Control", "no-cache");
            exchange.reply(200, type, content);
        };
    }
}
