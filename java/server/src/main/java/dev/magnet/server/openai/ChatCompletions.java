package dev.magnet.server.openai;

import dev.magnet.GenerateOptions;
import dev.magnet.Message;
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

/** POST /v1/chat/completions: the next turn of a conversation. */
public final class ChatCompletions implements Route.Handler {
    private final ServedModel model;

    /** A handler. */
    public ChatCompletions(ServedModel model) {
        this.model = model;
    }

    /** What a request asks for; {@code top} -1 = no probabilities. */
    record Request(
            List<Message> messages,
            ToolFields tools,
            int maxTokens,
            int n,
            List<String> stop,
            int top,
            Common common,
            Sampling sampling) {
        static Request of(Fields fields) {
            ToolFields tools = ToolFields.of(fields);
            String schema = ResponseFormat.schema(fields);
            Sampling sampling = SamplingFields.read(fields, Sampling.defaults());
            if (schema != null && (sampling.grammar() != null || tools.isForced())) {
                throw fields.wrong("response_format", "an answer follows a schema, a grammar or a forced call, one of them");
            }
            int most = fields.integer("max_tokens", 1, Integer.MAX_VALUE, predicted(fields));
            boolean logprobs = fields.flag("logprobs", false);
            int top = fields.integer("top_logprobs", 0, 20, 0);
            return new Request(
                    Messages.read(fields),
                    tools,
                    fields.integer("max_completion_tokens", 1, Integer.MAX_VALUE, most),
                    fields.integer("n", 1, Common.MOST_CHOICES, 1),
                    SamplingFields.stop(fields),
                    logprobs ? top : -1,
                    Common.of(fields),
                    schema == null ? sampling : sampling.withSchema(schema));
        }

        /** llama-server's name for it: -1 = no limit. Editors ask for 0 to warm a cache, which one token does. */
        private static int predicted(Fields fields) {
            int most = fields.integer("n_predict", -1, Integer.MAX_VALUE, -1);
            return most < 0 ? Integer.MAX_VALUE : Math.max(1, most);
        }
    }

    @Override
    public void answer(Exchange exchange) throws InterruptedException {
        Request request = Request.of(exchange.fields());
        List<Running> runs = new ArrayList<>();
        for (int i = 0; i < request.n(); i++) {
            GenerateOptions options = GenerateOptions.defaults()
                    .withSampling(SamplingFields.another(request.sampling(), i))
                    .withMaxTokens(Math.min(request.maxTokens(), model.maxTokens()))
                    .withStop(request.stop())
                    .withTop(Math.max(0, request.top()))
                    .withTimeout(model.timeout());
            ToolFields tools = request.tools();
            runs.add(tools.offered().isEmpty()
                    ? model.start(model.magnet().chat(request.messages(), options))
                    : model.start(
                            model.magnet().chat(request.messages(), tools.offered(), tools.choice(), options),
                            answer -> Choice.of(answer.generated()), 0, model.timeout()));
        }
        var format = new ChatFormat(
                Header.of("chatcmpl-", model),
                request.top() < 0 ? null : new Logprobs(model.magnet()),
                request.common().summarise(),
                model.magnet(),
                request.tools().offered());
        Answers.send(exchange, runs, format, request.common().stream());
    }
}
