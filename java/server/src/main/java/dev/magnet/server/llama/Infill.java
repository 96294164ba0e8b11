package dev.magnet.server.llama;

import dev.magnet.InfillContext;
import dev.magnet.InfillOptions;
import dev.magnet.Part;
import dev.magnet.Sampling;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.Route;
import dev.magnet.server.model.Answers;
import dev.magnet.server.model.Choice;
import dev.magnet.server.model.Running;
import dev.magnet.server.model.SamplingFields;
import dev.magnet.server.model.ServedModel;
import java.time.Duration;
import java.util.List;

/**
 * POST /infill, as editors' plugins for llama-server ask. The gap lies between {@code input_prefix + prompt} and
 * {@code input_suffix}; other files come in front.
 */
public final class Infill implements Route.Handler {
    private static final int MOST_FILES = 1000;
    private static final int MOST_FIELDS = 100;

    /** Editors ask for as many as they show, and for 0 to warm a cache, which the next request does as well. */
    private static final int DEFAULT_TOKENS = 128;

    private final ServedModel model;

    /** A handler. */
    public Infill(ServedModel model) {
        this.model = model;
    }

    /** What a request asks for. */
    record Request(
            String left,
            String right,
            InfillContext context,
            int maxTokens,
            int maxMillis,
            List<String> stop,
            boolean stream,
            List<String> responseFields,
            Sampling sampling) {
        static Request of(Fields fields) {
            fields.text("model", null);
            var left = new StringBuilder();
            for (Fields file : fields.objects("input_extra", MOST_FILES)) {
                file.text("filename", null);
                left.append(file.text("text")).append('\n');
            }
            left.append(fields.text("input_prefix", "")).append(fields.text("prompt", ""));
            return new Request(
                    left.toString(),
                    fields.text("input_suffix", ""),
                    fields.choice("context", InfillContext.class, InfillContext.DEFAULT),
                    fields.integer("n_predict", -1, Integer.MAX_VALUE, -1),
                    fields.integer("t_max_predict_ms", 0, Integer.MAX_VALUE, 0),
                    SamplingFields.stop(fields),
                    fields.flag("stream", false),
                    fields.texts("response_fields", MOST_FIELDS),
                    SamplingFields.read(fields, Sampling.greedy()));
        }
    }

    @Override
    public void answer(Exchange exchange) throws InterruptedException {
        Request request = Request.of(exchange.fields());
        var format = new InfillFormat(model, request.responseFields());
        if (request.maxTokens() == 0) {
            exchange.reply(format.nothing());
            return;
        }
        int most = request.maxTokens() < 0 ? DEFAULT_TOKENS : request.maxTokens();
        List<Part> parts = List.of(
                Part.text(request.left()), Part.gapUpTo(Math.min(most, model.maxTokens())), Part.text(request.right()));
        InfillOptions options = InfillOptions.defaults()
                .withContext(request.context())
                .withSampling(request.sampling())
                .withTimeout(model.timeout());
        Running run = model.start(
                model.magnet().infillStreaming(parts, options), Choice::of, request.stop(),
                request.maxMillis() == 0 ? model.timeout() : Duration.ofMillis(request.maxMillis()));
        Answers.send(exchange, List.of(run), format, request.stream());
    }
}
