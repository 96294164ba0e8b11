package dev.magnet.server.magnet;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Infilled;
import dev.magnet.InfillContext;
import dev.magnet.InfillOptions;
import dev.magnet.Part;
import dev.magnet.Sampling;
import dev.magnet.Span;
import dev.magnet.Token;
import dev.magnet.Until;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.Json;
import dev.magnet.server.http.Route;
import dev.magnet.server.model.Answers;
import dev.magnet.server.model.Choice;
import dev.magnet.server.model.Format;
import dev.magnet.server.model.Running;
import dev.magnet.server.model.SamplingFields;
import dev.magnet.server.model.ServedModel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** POST /magnet/infill: fills the gaps of a template, in several ways if wanted. */
public final class InfillRoute implements Route.Handler {
    private static final int MOST_CANDIDATES = 16;
    private static final int MOST_TOP = 100;

    private final ServedModel model;

    /** A handler. */
    public InfillRoute(ServedModel model) {
        this.model = model;
    }

    /** What a request asks for. */
    record Request(List<Part> parts, int candidates, boolean tokens, boolean stream, InfillOptions options) {
        static Request of(Fields fields) {
            fields.text("model", null);
            var request = new Request(
                    PartFields.read(fields),
                    fields.integer("candidates", 1, MOST_CANDIDATES, 1),
                    fields.flag("tokens", false),
                    fields.flag("stream", false),
                    InfillOptions.defaults()
                            .withContext(fields.choice("context", InfillContext.class, InfillContext.DEFAULT))
                            .withMaxTokens(fields.integer("max_tokens", 1, Integer.MAX_VALUE, InfillOptions.defaults().maxTokens()))
                            .withTop(fields.integer("top", 0, MOST_TOP, 0))
                            .withUntil(fields.choice("until", Until.class, InfillOptions.defaults().ends().until()))
                            .withStop(SamplingFields.stop(fields).toArray(String[]::new))
                            .withSampling(SamplingFields.read(fields, Sampling.greedy())));
            fields.refuseOthers();
            if (request.candidates() > 1 && request.options().sampling().temperature() == 0) {
                throw fields.wrong("candidates", "several are all the same at temperature 0; name a higher \"temperature\"");
            }
            return request;
        }
    }

    @Override
    public void answer(Exchange exchange) throws InterruptedException {
        Request request = Request.of(exchange.fields());
        int most = Math.min(request.options().maxTokens(), model.maxTokens());
        List<Running> runs = new ArrayList<>();
        for (int i = 0; i < request.candidates(); i++) {
            InfillOptions options = request.options()
                    .withMaxTokens(most)
                    .withSampling(SamplingFields.another(request.options().sampling(), i))
                    .withTimeout(model.timeout());
            runs.add(model.start(
                    model.magnet().infillStreaming(request.parts(), options), Choice::of, 0, model.timeout()));
        }
        Answers.send(exchange, runs, new Words(request, new Spans(model.magnet())), request.stream());
    }

    /** How the answer is worded. Tokens are not told one by one, candidates are. */
    private record Words(Request request, Spans spans) implements Format {
        @Override
        public ObjectNode whole(List<Choice> choices) {
            Map<List<String>, Choice> distinct = new LinkedHashMap<>();
            for (Choice choice : choices) {
                distinct.putIfAbsent(choice.spans().stream().map(Span::text).toList(), choice);
            }
            ObjectNode answer = Json.object();
            var list = answer.putArray("candidates");
            distinct.values().stream()
                    .sorted(Comparator.comparingDouble(Words::meanLogprob).reversed())
                    .forEach(choice -> list.add(candidate(choice)));
            answer.set("usage", usage(choices));
            return answer;
        }

        @Override
        public @Nullable ObjectNode piece(int index, Token token, boolean again) {
            return null;
        }

        @Override
        public ObjectNode closing(int index, Choice choice) {
            ObjectNode event = Json.object();
            event.set("candidate", candidate(choice));
            return event;
        }

        @Override
        public ObjectNode summary(List<Choice> choices) {
            ObjectNode event = Json.object();
            event.set("usage", usage(choices));
            return event;
        }

        private ObjectNode candidate(Choice choice) {
            ObjectNode candidate = Json.object();
            candidate.put("text", new Infilled(request.parts(), choice.spans(), choice.usage()).text());
            candidate.set("gaps", spans.json(choice.spans(), request.tokens() || request.options().top() > 0));
            Json.put(candidate, "mean_logprob", meanLogprob(choice));
            return candidate;
        }

        private static double meanLogprob(Choice choice) {
            long tokens = choice.spans().stream().mapToLong(span -> span.tokens().size()).sum();
            return tokens == 0 ? 0 : choice.spans().stream().mapToDouble(Span::logprob).sum() / tokens;
        }

        private static ObjectNode usage(List<Choice> choices) {
            return Spans.json(choices.stream().map(Choice::usage).toList());
        }
    }
}
