package dev.magnet.server.magnet;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Attention;
import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import dev.magnet.Pooling;
import dev.magnet.TokenEmbeddings;
import dev.magnet.Truncation;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.Json;
import dev.magnet.server.http.LateReply;
import dev.magnet.server.http.Route;
import dev.magnet.server.model.ServedModel;
import dev.magnet.server.openai.Vectors;
import java.util.List;

/** POST /magnet/embed: vectors of texts, or of their tokens, with all options of the model. */
public final class EmbedRoute implements Route.Handler {
    private static final int MOST_TEXTS = 2048;

    /** A vector a token is much; of this many texts it is some megabytes. */
    private static final int MOST_TEXTS_OF_TOKENS = 16;

    private final ServedModel model;

    /** A handler. */
    public EmbedRoute(ServedModel model) {
        this.model = model;
    }

    /** What a request asks for. */
    record Request(List<String> input, boolean tokens, EmbedOptions options) {
        static Request of(Fields fields) {
            fields.text("model", null);
            boolean tokens = fields.flag("tokens", false);
            EmbedOptions base = EmbedOptions.defaults();
            var request = new Request(
                    fields.texts("input", tokens ? MOST_TEXTS_OF_TOKENS : MOST_TEXTS),
                    tokens,
                    base.withPooling(fields.choice("pooling", Pooling.class, base.pooling()))
                            .withAttention(fields.choice("attention", Attention.class, base.attention()))
                            .withInstruction(fields.text("instruction", base.instruction()))
                            .withTruncate(fields.choice("truncate", Truncation.class, base.truncate()))
                            .withMaxTokens(fields.integer("max_tokens", 0, Integer.MAX_VALUE, base.maxTokens()))
                            .withDimensions(fields.integer("dimensions", 0, Integer.MAX_VALUE, base.dimensions()))
                            .withNormalize(fields.flag("normalize", base.normalize())));
            fields.refuseOthers();
            if (request.input().isEmpty()) {
                throw fields.wrong("input", "a string, or a list of strings that is not empty, is wanted");
            }
            return request;
        }
    }

    @Override
    public void answer(Exchange exchange) throws InterruptedException {
        Request request = Request.of(exchange.fields());
        LateReply reply = exchange.late();
        ObjectNode answer = Json.object();
        ArrayNode data = answer.putArray("data");
        if (request.tokens()) {
            var spans = new Spans(model.magnet());
            for (String text : request.input()) {
                var work = model.submit(() -> model.magnet().embedTokens(text, request.options()));
                add(data.addObject(), reply.await(work, () -> false), spans);
            }
        } else {
            Embeddings embeddings = reply.await(model.embed(request.input(), request.options()), () -> false);
            for (int i = 0; i < embeddings.vectors().length; i++) {
                ObjectNode item = data.addObject().put("tokens_read", embeddings.tokenCounts()[i]);
                item.set("vector", Vectors.numbers(embeddings.vectors()[i]));
            }
        }
        reply.send(answer);
    }

    private static void add(ObjectNode item, TokenEmbeddings embeddings, Spans spans) {
        item.put("tokens_read", embeddings.tokens().length);
        ArrayNode tokens = item.putArray("tokens");
        for (int i = 0; i < embeddings.tokens().length; i++) {
            ObjectNode token = tokens.addObject().put("id", embeddings.tokens()[i]).put("text", spans.text(embeddings.tokens()[i]));
            token.set("vector", Vectors.numbers(embeddings.vectors()[i]));
        }
    }
}
