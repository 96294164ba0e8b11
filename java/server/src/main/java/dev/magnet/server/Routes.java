package dev.magnet.server;

import dev.magnet.server.http.Json;
import dev.magnet.server.http.Route;
import dev.magnet.server.http.StaticFiles;
import dev.magnet.server.llama.Infill;
import dev.magnet.server.llama.Props;
import dev.magnet.server.llama.Template;
import dev.magnet.server.llama.Tokens;
import dev.magnet.server.magnet.EmbedRoute;
import dev.magnet.server.magnet.InfillRoute;
import dev.magnet.server.magnet.MaskRoute;
import dev.magnet.server.magnet.ScoreRoute;
import dev.magnet.server.model.ServedModel;
import dev.magnet.server.openai.ChatCompletions;
import dev.magnet.server.openai.Completions;
import dev.magnet.server.openai.EmbeddingsRoute;
import dev.magnet.server.openai.Models;
import java.util.ArrayList;
import java.util.List;

/** All that a server can be asked. */
final class Routes {
    /** All files of the page. */
    private static final List<String> PAGE = List.of(
            "index.html", "style.css", "icon.svg", "app.js", "api.js", "fill.js", "mask.js", "paragraphs.js", "search.js",
            "sheet.js", "store.js", "tint.js");

    private Routes() {}

    static List<Route> of(ServedModel model) {
        List<Route> routes = new ArrayList<>();
        routes.add(Route.open("/health", exchange -> exchange.reply(Json.object().put("status", "ok"))));
        routes.add(Route.get("/v1/models", new Models(model)));
        routes.add(Route.post("/v1/embeddings", new EmbeddingsRoute(model)));
        routes.add(Route.post("/v1/completions", new Completions(model)));
        routes.add(Route.post("/v1/chat/completions", new ChatCompletions(model)));

        var tokens = new Tokens(model.magnet());
        routes.add(Route.post("/infill", new Infill(model)));
        routes.add(Route.post("/tokenize", tokens::tokenize));
        routes.add(Route.post("/detokenize", tokens::detokenize));
        routes.add(Route.post("/apply-template", new Template(model.magnet())));
        routes.add(Route.get("/props", new Props(model)));

        routes.add(Route.post("/magnet/infill", new InfillRoute(model)));
        routes.add(Route.post("/magnet/score", new ScoreRoute(model)));
        routes.add(Route.post("/magnet/embed", new EmbedRoute(model)));
        routes.add(Route.post("/magnet/mask", new MaskRoute(model.magnet())));

        routes.add(Route.open("/openapi.json", StaticFiles.file(Routes.class, "openapi.json")));
        routes.addAll(StaticFiles.routes(Routes.class, "page", PAGE));
        return routes;
    }
}
