package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.Json;
import dev.magnet.server.http.Route;
import dev.magnet.server.model.ServedModel;
import java.util.List;

/** POST /v1/embeddings. Texts of clients that ask at the same time are computed together. */
public final class EmbeddingsRoute implements Route.Handler {
    private static final int MOST_TEXTS = 2048; // as OpenAI has it

    private final ServedModel model;

    /** A handler. */
    public EmbeddingsRoute(ServedModel model) {
        this.model = model;
    }

    enum Encoding {
        FLOAT,
        BASE64
    }

    /** What a request asks for; {@code dimensions} 0 = all. */
    record Request(List<String> input, Encoding encoding, int dimensions) {
        static Request of(Fields fields, int most) {
            fields.text("model", null);
            fields.text("user", null);
            List<String> input = fields.texts("input", MOST_TEXTS);
            if (input.isEmpty()) {
                throw fields.wrong("input", "a string, or a list of strings that is not empty, is wanted");
            }
            return new Request(
                    input,
                    fields.choice("encoding_format", Encoding.class, Encoding.FLOAT),
                    fields.integer("dimensions", 1, most, 0));
        }
    }

    @Override
    public void answer(Exchange exchange) throws InterruptedException {
        Request request = Request.of(exchange.fields(), model.magnet().info().dimensions());
        var options = EmbedOptions.defaults().withDimensions(request.dimensions());
        var reply = exchange.late();
        Embeddings embeddings = reply.await(model.embed(request.input(), options), () -> false);
        reply.send(json(request, embeddings));
    }

    private ObjectNode json(Request request, Embeddings embeddings) {
        ObjectNode answer = Json.object().put("object", "list");
        ArrayNode data = answer.putArray("data");
        for (float[] vector : embeddings.vectors()) {
            ObjectNode item = data.addObject().put("object", "embedding").put("index", data.size() - 1);
            if (request.encoding() == Encoding.BASE64) {
                item.put("embedding", Vectors.base64(vector));
            } else {
                item.set("embedding", Vectors.numbers(vector));
            }
        }
        answer.put("model", model.name());
        answer.putObject("usage").put("prompt_tokens", embeddings.tokens()).put("total_tokens", embeddings.tokens());
        return answer;
    }
}
