package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.ModelInfo;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Json;
import dev.magnet.server.http.Route;
import dev.magnet.server.model.ServedModel;
import java.time.Instant;

/** GET /v1/models: the one model that is served. */
public final class Models implements Route.Handler {
    private final ServedModel model;
    private final long created = Instant.now().getEpochSecond();

    /** A handler. */
    public Models(ServedModel model) {
        this.model = model;
    }

    @Override
    public void answer(Exchange exchange) {
        ModelInfo info = model.magnet().info();
        ObjectNode answer = Json.object().put("object", "list");
        ObjectNode one = answer.putArray("data").addObject();
        one.put("id", model.name()).put("object", "model").put("created", created).put("owned_by", "magnet");
        one.putObject("meta") // as llama-server has it
                .put("n_vocab", info.vocabulary())
                .put("n_ctx_train", info.trainedContext())
                .put("n_embd", info.dimensions())
                .put("n_params", info.parameters())
                .put("size", info.bytes());
        exchange.reply(answer);
    }
}
