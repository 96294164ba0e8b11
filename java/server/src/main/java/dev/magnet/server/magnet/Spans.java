package dev.magnet.server.magnet;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Candidate;
import dev.magnet.Magnet;
import dev.magnet.Span;
import dev.magnet.Token;
import dev.magnet.Usage;
import dev.magnet.server.http.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/** Results in MAGNET's own words: those of the Java API. */
record Spans(Magnet magnet) {
    /** What fills the gaps of one template; tokens only on request. */
    ArrayNode json(List<Span> spans, boolean withTokens) {
        ArrayNode list = Json.array();
        for (Span span : spans) {
            ObjectNode entry = list.addObject().put("part", span.part()).put("text", span.text());
            Json.put(entry, "logprob", span.logprob());
            entry.put("stop", span.stop().name().toLowerCase(Locale.ROOT));
            if (withTokens) {
                ArrayNode tokens = entry.putArray("tokens");
                span.tokens().forEach(token -> tokens.add(json(token)));
            }
        }
        return list;
    }

    private ObjectNode json(Token token) {
        ObjectNode entry = Json.object().put("id", token.id()).put("text", token.text());
        Json.put(entry, "logprob", token.logprob());
        if (!token.top().isEmpty()) {
            ArrayNode top = entry.putArray("top");
            for (Candidate candidate : token.top()) {
                ObjectNode one = top.addObject().put("id", candidate.token()).put("text", text(candidate.token()));
                Json.put(one, "logprob", candidate.logprob());
            }
        }
        return entry;
    }

    /** The text of one token, U+FFFD where it is a piece of a character. */
    String text(int token) {
        return new String(magnet.tokenBytes(token), StandardCharsets.UTF_8);
    }

    /** What a call cost. */
    static ObjectNode json(List<Usage> usages) {
        return Json.object()
                .put("prompt_tokens", usages.stream().mapToInt(Usage::promptTokens).sum())
                .put("reused_tokens", usages.stream().mapToInt(Usage::reusedTokens).sum())
                .put("generated_tokens", usages.stream().mapToInt(Usage::generatedTokens).sum());
    }
}
