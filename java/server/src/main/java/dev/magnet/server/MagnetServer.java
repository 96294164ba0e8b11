package dev.magnet.server;

import com.sun.net.httpserver.HttpServer;
import dev.magnet.Magnet;
import dev.magnet.server.http.Guard;
import dev.magnet.server.http.Limits;
import dev.magnet.server.http.Metrics;
import dev.magnet.server.http.Route;
import dev.magnet.server.http.Router;
import dev.magnet.server.model.ServedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.Executors;

/** A running server. */
public final class MagnetServer implements AutoCloseable {
    static {
        // The JDK's server reads these once, when its first instance is made.
        property("sun.net.httpserver.nodelay", "true"); // a token is sent when it comes, not with the next one
        property("sun.net.httpserver.maxReqTime", "30"); // seconds for a request to arrive, so that slow ones end
        property("sun.net.httpserver.maxRspTime", "3600"); // seconds for an answer to be taken
        property("jdk.httpserver.maxConnections", "1024");
        property("sun.net.httpserver.maxReqHeaders", "16384"); // their bytes are the limit, beyond which Guard says why
    }

    private final HttpServer http;
    private final ServedModel model;
    private final Limits limits;
    private final List<Route> routes;

    private MagnetServer(HttpServer http, ServedModel model, Limits limits, List<Route> routes) {
        this.http = http;
        this.model = model;
        this.limits = limits;
        this.routes = routes;
    }

    /**
     * Serves a model until it is closed.
     *
     * @param magnet closed with the server, and when this fails
     * @param name what clients see
     * @param options where, for whom, and how much
     * @throws UncheckedIOException if it cannot listen there
     */
    public static MagnetServer start(Magnet magnet, String name, ServerOptions options) {
        var metrics = new Metrics();
        var model = new ServedModel(
                magnet, name, options.parallel(), options.ctx(), options.maxTokens(), options.limits().timeout(), metrics);
        try {
            var guard = new Guard(options.allowedHosts(), options.allowedOrigins(), options.key());
            var router = new Router(Routes.of(model), options.limits(), guard, metrics);
            HttpServer http = HttpServer.create(new InetSocketAddress(options.host(), options.port()), 0);
            http.createContext("/", router);
            http.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
            http.start();
            return new MagnetServer(http, model, options.limits(), router.routes());
        } catch (IOException e) {
            model.close();
            throw new UncheckedIOException(
                    "cannot listen at " + options.host() + ":" + options.port() + ": " + e.getMessage(), e);
        } catch (Throwable e) {
            model.close();
            throw e;
        }
    }

    /** Where it listens, e.g. "http://127.0.0.1:8080". */
    public String address() {
        InetSocketAddress at = http.getAddress();
        String host = at.getAddress().getHostAddress();
        return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + at.getPort();
    }

    /** All that can be asked. */
    public List<Route> routes() {
        return routes;
    }

    /** Lets no new request in, gives those that run some time, stops what still runs then, and frees the model. */
    @Override
    public void close() {
        http.stop((int) limits.stopWithin().toSeconds());
        model.close();
    }

    private static void property(String name, String value) {
        if (System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }
}
