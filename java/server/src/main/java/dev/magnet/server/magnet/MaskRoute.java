package dev.magnet.server.magnet;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.InfillContext;
import dev.magnet.Magnet;
import dev.magnet.Part;
import dev.magnet.Slot;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.HttpError;
import dev.magnet.server.http.Json;
import dev.magnet.server.http.Route;
import java.util.List;
import java.util.Locale;

/** POST /magnet/mask: which token of a template sees which. */
public final class MaskRoute implements Route.Handler {
    /** The answer grows with the square of them. */
    private static final int MOST_SLOTS = 512;

    private final Magnet magnet;

    /** A handler. */
    public MaskRoute(Magnet magnet) {
        this.magnet = magnet;
    }

    /** What a request asks for. */
    record Request(List<Part> parts, InfillContext context) {
        static Request of(Fields fields) {
            fields.text("model", null);
            var request = new Request(
                    PartFields.read(fields), fields.choice("context", InfillContext.class, InfillContext.DEFAULT));
            fields.refuseOthers();
            return request;
        }
    }

    @Override
    public void answer(Exchange exchange) {
        Request request = Request.of(exchange.fields());
        List<Slot> slots = magnet.layout(request.parts(), request.context());
        if (slots.size() > MOST_SLOTS) {
            throw HttpError.field("parts", "the template has " + slots.size() + " tokens; a mask of at most " + MOST_SLOTS
                    + " is given, so send a part of it");
        }
        var spans = new Spans(magnet);
        ObjectNode answer = Json.object();
        ArrayNode list = answer.putArray("slots");
        ArrayNode sees = answer.putArray("sees");
        for (Slot query : slots) {
            ObjectNode slot = list.addObject();
            slot.put("token", query.token() < 0 ? null : query.token())
                    .put("text", query.token() < 0 ? "" : spans.text(query.token()))
                    .put("position", query.position())
                    .put("role", query.role().name().toLowerCase(Locale.ROOT))
                    .put("part", query.part());
            var row = new StringBuilder();
            for (Slot key : slots) {
                row.append(query.role().sees(query.position(), key.role(), key.position()) ? '1' : '0');
            }
            sees.add(row.toString());
        }
        exchange.reply(answer);
    }
}
