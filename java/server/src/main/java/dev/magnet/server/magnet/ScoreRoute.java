package dev.magnet.server.magnet;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.InfillContext;
import dev.magnet.Part;
import dev.magnet.ScoreOptions;
import dev.magnet.Scored;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.Json;
import dev.magnet.server.http.Route;
import dev.magnet.server.model.ServedModel;
import java.util.List;

/** POST /magnet/score: how likely what fills the gaps of templates is, token by token. */
public final class ScoreRoute implements Route.Handler {
    private static final int MOST_ITEMS = 256;
    private static final int MOST_TOP = 100;

    private final ServedModel model;

    /** A handler. */
    public ScoreRoute(ServedModel model) {
        this.model = model;
    }

    /** What a request asks for. */
    record Request(List<List<Part>> items, boolean tokens, ScoreOptions options) {
        static Request of(Fields fields) {
            fields.text("model", null);
            List<List<Part>> items = fields.objects("items", MOST_ITEMS).stream().map(Request::item).toList();
            var request = new Request(
                    items,
                    fields.flag("tokens", true),
                    ScoreOptions.defaults()
                            .withContext(fields.choice("context", InfillContext.class, InfillContext.DEFAULT))
                            .withTop(fields.integer("top", 0, MOST_TOP, 0)));
            fields.refuseOthers();
            if (items.isEmpty()) {
                throw fields.wrong("items", "a list of templates is wanted, e.g. [{\"parts\": [{\"filled\": \"A text.\"}]}]");
            }
            return request;
        }

        private static List<Part> item(Fields item) {
            List<Part> parts = PartFields.read(item);
            item.refuseOthers();
            return parts;
        }
    }

    @Override
    public void answer(Exchange exchange) throws InterruptedException {
        Request request = Request.of(exchange.fields());
        var reply = exchange.late();
        var work = model.submit(() -> model.magnet().score(request.items(), request.options()));
        List<Scored> scored = reply.await(work, () -> false);
        var spans = new Spans(model.magnet());
        ObjectNode answer = Json.object();
        ArrayNode items = answer.putArray("items");
        for (Scored one : scored) {
            ObjectNode item = items.addObject();
            Json.put(item, "logprob", one.logprob());
            Json.put(item, "perplexity", one.perplexity());
            item.set("gaps", spans.json(one.spans(), request.tokens() || request.options().top() > 0));
        }
        reply.send(answer);
    }
}
