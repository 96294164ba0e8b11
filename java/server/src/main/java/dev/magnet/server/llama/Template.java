package dev.magnet.server.llama;

import dev.magnet.Magnet;
import dev.magnet.Message;
import dev.magnet.Tool;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.Json;
import dev.magnet.server.http.Route;
import dev.magnet.server.openai.Messages;
import dev.magnet.server.openai.ToolFields;
import java.util.List;

/** POST /apply-template: the prompt that a conversation makes, which editors count the tokens of. */
public final class Template implements Route.Handler {
    private final Magnet magnet;

    /** A handler. */
    public Template(Magnet magnet) {
        this.magnet = magnet;
    }

    /** What a request asks for. */
    record Request(List<Message> messages, List<Tool> tools) {
        static Request of(Fields fields) {
            fields.text("model", null);
            return new Request(Messages.read(fields), ToolFields.of(fields).offered());
        }
    }

    @Override
    public void answer(Exchange exchange) {
        Request request = Request.of(exchange.fields());
        exchange.reply(Json.object().put("prompt", magnet.chatPrompt(request.messages(), request.tools(), true)));
    }
}
