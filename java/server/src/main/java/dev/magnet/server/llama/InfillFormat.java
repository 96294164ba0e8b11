package dev.magnet.server.llama;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Token;
import dev.magnet.Usage;
import dev.magnet.server.http.Json;
import dev.magnet.server.model.Choice;
import dev.magnet.server.model.Format;
import dev.magnet.server.model.ServedModel;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * llama-server's words.
 *
 * @param model that answers
 * @param fields which fields a client wants, "timings/prompt_n" being one of an inner object; empty = all
 * @param truncated whether not all that was sent was read
 */
record InfillFormat(ServedModel model, List<String> fields, boolean truncated) implements Format {
    @Override
    public ObjectNode whole(List<Choice> choices) {
        return chosen(last(choices.getFirst(), choices.getFirst().span().text()));
    }

    @Override
    public @Nullable ObjectNode piece(int index, Token token, boolean again) {
        return token.text().isEmpty()
                ? null
                : Json.object().put("index", index).put("content", token.text()).put("stop", false);
    }

    @Override
    public ObjectNode closing(int index, Choice choice) {
        return last(choice, "");
    }

    @Override
    public @Nullable String end() {
        return null;
    }

    /** The answer to who wants no token. */
    ObjectNode nothing() {
        ObjectNode answer = Json.object()
                .put("index", 0)
                .put("content", "")
                .put("stop", true)
                .put("model", model.name())
                .put("tokens_predicted", 0);
        return chosen(answer);
    }

    private ObjectNode last(Choice choice, String content) {
        Usage usage = choice.usage();
        ObjectNode answer = Json.object()
                .put("index", 0)
                .put("content", content)
                .put("stop", true)
                .put("model", model.name())
                .put("tokens_predicted", usage.generatedTokens())
                .put("tokens_evaluated", usage.promptTokens())
                .put("tokens_cached", usage.reusedTokens())
                .put("truncated", truncated)
                .put("stop_type", switch (choice.span().stop()) {
                    case STRING, UNTIL -> "word";
                    case END, GRAMMAR, REPEAT -> "eos";
                    default -> "limit";
                });
        answer.putObject("generation_settings").put("n_ctx", model.ctx()); // llama.vscode shows it, and fails without
        ObjectNode timings = answer.putObject("timings");
        timings.put("cache_n", usage.reusedTokens());
        times(timings, "prompt", usage.promptTokens() - usage.reusedTokens(), usage.promptTime());
        times(timings, "predicted", usage.generatedTokens(), usage.generateTime());
        return answer;
    }

    private static void times(ObjectNode timings, String what, int tokens, Duration time) {
        double millis = time.toNanos() / 1e6;
        timings.put(what + "_n", tokens);
        timings.put(what + "_ms", millis);
        timings.put(what + "_per_token_ms", tokens == 0 ? 0 : millis / tokens);
        timings.put(what + "_per_second", millis == 0 ? 0 : tokens * 1000 / millis);
    }

    private ObjectNode chosen(ObjectNode answer) {
        if (fields.isEmpty()) {
            return answer;
        }
        ObjectNode chosen = Json.object();
        for (String field : fields) {
            JsonNode value = answer;
            for (String name : field.split("/")) {
                value = value.path(name);
            }
            if (!field.isEmpty() && !value.isMissingNode()) {
                chosen.set(field, value);
            }
        }
        return chosen;
    }
}
