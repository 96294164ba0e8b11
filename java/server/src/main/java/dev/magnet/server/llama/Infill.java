package dev.magnet.server.llama;

import dev.magnet.FimFile;
import dev.magnet.FimOptions;
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
import java.util.ArrayList;
import java.util.List;

/**
 * POST /infill, as editors' plugins for llama-server ask. The gap lies between {@code input_prefix + prompt} and
 * {@code input_suffix}; other files are told to the model by its own tokens, or come in front.
 */
public final class Infill implements Route.Handler {
    private static final int MOST_FILES = 1000;
    private static final int MOST_FIELDS = 100;
    private static final int MOST_INDENT = 1000;

    /** Editors ask for as many as they show, and for 0 to warm a cache, which the next request does as well. */
    private static final int DEFAULT_TOKENS = 128;

    /** Places that an open gap may take, however few tokens it may have: adapters were trained with some. */
    private static final int GAP_ROOM = 64;

    /** For the begin-of-sequence token, and for tokens that are cut otherwise where texts are joined. */
    private static final int SPARE = 16;

    private final ServedModel model;
    private final Files files;

    /** A handler. */
    public Infill(ServedModel model) {
        this.model = model;
        this.files = new Files(model.magnet());
    }

    /** What a request asks for. */
    record Request(
            List<FimFile> files,
            String left,
            String right,
            InfillContext context,
            int maxTokens,
            int maxMillis,
            int indent,
            List<String> stop,
            boolean stream,
            List<String> responseFields,
            Sampling sampling) {
        static Request of(Fields fields) {
            fields.text("model", null);
            List<FimFile> files = new ArrayList<>();
            for (Fields file : fields.objects("input_extra", MOST_FILES)) {
                files.add(new FimFile(file.text("filename", null), file.text("text")));
            }
            return new Request(
                    files,
                    fields.text("input_prefix", "") + fields.text("prompt", ""),
                    fields.text("input_suffix", ""),
                    fields.choice("context", InfillContext.class, InfillContext.DEFAULT),
                    fields.integer("n_predict", -1, Integer.MAX_VALUE, -1),
                    fields.integer("t_max_predict_ms", 0, Integer.MAX_VALUE, 0),
                    fields.integer("n_indent", 0, MOST_INDENT, 0),
                    SamplingFields.stop(fields),
                    fields.flag("stream", false),
                    fields.texts("response_fields", MOST_FIELDS),
                    SamplingFields.read(fields, Sampling.greedy()));
        }
    }

    @Override
    public void answer(Exchange exchange) throws InterruptedException {
        Request request = Request.of(exchange.fields());
        if (request.maxTokens() == 0) {
            exchange.reply(new InfillFormat(model, request.responseFields(), false).nothing());
            return;
        }
        int wanted = request.maxTokens() < 0 ? DEFAULT_TOKENS : request.maxTokens();
        int most = Math.min(wanted, Math.min(model.maxTokens(), model.ctx() / 2));
        Window window = Window.of(request.files(), request.left(), request.right(),
                Math.max(0, model.ctx() - Math.max(most, GAP_ROOM) - SPARE), text -> model.magnet().tokenize(text).length);
        boolean told = files.areTold(request.context()) && !window.files().isEmpty();
        List<Part> parts = List.of(
                Part.text(told ? window.left() : window.joined()), Part.gapUpTo(most), Part.text(window.right()));
        var format = new InfillFormat(model, request.responseFields(), window.truncated());
        InfillOptions options = InfillOptions.defaults()
                .withContext(request.context())
                .withFim(FimOptions.none().withFiles(told ? window.files() : List.of()))
                .withEnds(InfillOptions.defaults().ends().withStop(request.stop()))
                .withSampling(request.sampling())
                .withTimeout(model.timeout());
        Running run = model.start(
                model.magnet().infillStreaming(parts, options), Choice::of, request.indent(),
                request.maxMillis() == 0 ? model.timeout() : Duration.ofMillis(request.maxMillis()));
        Answers.send(exchange, List.of(run), format, request.stream());
    }
}
