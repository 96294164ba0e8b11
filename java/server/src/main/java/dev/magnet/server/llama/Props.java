package dev.magnet.server.llama;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.InfillContext;
import dev.magnet.Magnet;
import dev.magnet.Sampling;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Json;
import dev.magnet.server.http.Route;
import dev.magnet.server.model.ServedModel;
import java.util.Locale;

/** GET /props: what plugins ask before they begin. */
public final class Props implements Route.Handler {
    private final ObjectNode answer;

    /** A handler. */
    public Props(ServedModel model) {
        answer = Json.object();
        Sampling sampling = Sampling.defaults();
        ObjectNode defaults = answer.putObject("default_generation_settings").put("n_ctx", model.ctx());
        defaults.putObject("params")
                .put("n_predict", model.maxTokens())
                .put("temperature", sampling.temperature())
                .put("top_k", sampling.topK())
                .put("top_p", sampling.topP())
                .put("min_p", sampling.minP());
        answer.put("total_slots", model.sessions())
                .put("model_alias", model.name())
                .put("chat_template", model.magnet().metadata().getOrDefault("tokenizer.chat_template", ""))
                .put("build_info", "magnet " + Magnet.version());
        ArrayNode contexts = answer.putArray("contexts"); // of MAGNET's own, for the page
        for (InfillContext context : InfillContext.values()) {
            if (context != InfillContext.FIM || model.magnet().info().hasFimTokens()) {
                contexts.add(context.name().toLowerCase(Locale.ROOT));
            }
        }
        answer.putObject("modalities").put("vision", false).put("audio", false);
    }

    @Override
    public void answer(Exchange exchange) {
        exchange.reply(answer);
    }
}
