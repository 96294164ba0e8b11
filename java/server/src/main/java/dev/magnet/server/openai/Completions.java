package dev.magnet.server.openai;

import dev.magnet.GenerateOptions;
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
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** POST /v1/completions: continues a prompt, or, where a suffix is named, fills in what stands between the two. */
public final class Completions implements Route.Handler {
    private final ServedModel model;

    /** A handler. */
    public Completions(ServedModel model) {
        this.model = model;
    }

    /** What a request asks for; {@code top} -1 = no probabilities. */
    record Request(
            String prompt,
            @Nullable String suffix,
            InfillContext context,
            int maxTokens,
            int n,
            List<String> stop,
            int top,
            boolean echo,
            Common common,
            Sampling sampling) {
        static Request of(Fields fields) {
            List<String> prompts = fields.texts("prompt", 1);
            if (prompts.isEmpty()) {
                throw fields.wrong("prompt", "a string is wanted, or a list of one");
            }
            String suffix = fields.text("suffix", null);
            int n = fields.integer("n", 1, Common.MOST_CHOICES, 1);
            if (fields.integer("best_of", 1, Integer.MAX_VALUE, n) != n) {
                throw fields.wrong("best_of", "all texts that are made are given, so nothing but the value of \"n\" (" + n + ") is taken");
            }
            return new Request(
                    prompts.getFirst(),
                    suffix,
                    fields.choice("context", InfillContext.class, InfillContext.DEFAULT),
                    fields.integer("max_tokens", 1, Integer.MAX_VALUE, 16),
                    n,
                    SamplingFields.stop(fields),
                    fields.integer("logprobs", 0, 20, -1),
                    fields.flag("echo", false),
                    Common.of(fields),
                    SamplingFields.read(fields, suffix == null ? Sampling.defaults() : Sampling.greedy()));
        }
    }

    @Override
    public void answer(Exchange exchange) throws InterruptedException {
        Request request = Request.of(exchange.fields());
        List<Running> runs = new ArrayList<>();
        for (int i = 0; i < request.n(); i++) {
            Sampling sampling = SamplingFields.another(request.sampling(), i);
            runs.add(request.suffix() == null ? continued(request, sampling) : filled(request, sampling));
        }
        var format = new CompletionFormat(
                Header.of("cmpl-", model),
                request.echo() ? request.prompt() : "",
                request.top() < 0 ? null : new Logprobs(model.magnet()),
                request.common().summarise());
        Answers.send(exchange, runs, format, request.common().stream());
    }

    private Running continued(Request request, Sampling sampling) {
        return model.start(model.magnet().generate(request.prompt(), GenerateOptions.defaults()
                .withSampling(sampling)
                .withMaxTokens(Math.min(request.maxTokens(), model.maxTokens()))
                .withStop(request.stop())
                .withTop(Math.max(0, request.top()))
                .withTimeout(model.timeout())));
    }

    private Running filled(Request request, Sampling sampling) {
        List<Part> parts = List.of(
                Part.text(request.prompt()),
                Part.gapUpTo(Math.min(request.maxTokens(), model.maxTokens())),
                Part.text(request.suffix()));
        InfillOptions options = InfillOptions.defaults()
                .withContext(request.context())
                .withSampling(sampling)
                .withEnds(InfillOptions.defaults().ends().withStop(request.stop()))
                .withTop(Math.max(0, request.top()))
                .withTimeout(model.timeout());
        return model.start(model.magnet().infillStreaming(parts, options), Choice::of, 0, model.timeout());
    }
}
