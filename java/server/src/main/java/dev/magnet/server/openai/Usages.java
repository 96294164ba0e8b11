package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.server.http.Json;
import dev.magnet.server.model.Choice;
import java.util.List;

/** OpenAI's count of tokens. */
final class Usages {
    private Usages() {}

    /** Of several texts to one prompt, which counts once. */
    static ObjectNode of(List<Choice> choices) {
        int prompt = choices.getFirst().usage().promptTokens();
        int generated = choices.stream().mapToInt(choice -> choice.usage().generatedTokens()).sum();
        ObjectNode usage = Json.object();
        usage.put("prompt_tokens", prompt).put("completion_tokens", generated).put("total_tokens", prompt + generated);
        usage.putObject("prompt_tokens_details").put("cached_tokens", choices.getFirst().usage().reusedTokens());
        return usage;
    }
}
