package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Candidate;
import dev.magnet.Magnet;
import dev.magnet.Token;
import dev.magnet.server.http.Json;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Probabilities of tokens, in the form of either of OpenAI's APIs. */
final class Logprobs {
    private final Magnet magnet;

    Logprobs(Magnet magnet) {
        this.magnet = magnet;
    }

    /** As chats have them. */
    ObjectNode chat(List<Token> tokens) {
        ObjectNode logprobs = Json.object();
        ArrayNode content = logprobs.putArray("content");
        for (Token token : tokens) {
            ObjectNode entry = content.addObject();
            describe(entry, token.id(), token.logprob());
            ArrayNode top = entry.putArray("top_logprobs");
            for (Candidate candidate : token.top()) {
                describe(top.addObject(), candidate.token(), candidate.logprob());
            }
        }
        return logprobs;
    }

    /** As completions have them. */
    ObjectNode completion(List<Token> tokens) {
        ObjectNode logprobs = Json.object();
        ArrayNode texts = logprobs.putArray("tokens");
        ArrayNode values = logprobs.putArray("token_logprobs");
        ArrayNode tops = logprobs.putArray("top_logprobs");
        ArrayNode offsets = logprobs.putArray("text_offset");
        int offset = 0;
        for (Token token : tokens) {
            texts.add(text(token.id()));
            if (Float.isFinite(token.logprob())) {
                values.add(token.logprob());
            } else {
                values.addNull();
            }
            ObjectNode top = tops.addObject();
            for (Candidate candidate : token.top()) {
                Json.put(top, text(candidate.token()), candidate.logprob());
            }
            offsets.add(offset);
            offset += token.text().length();
        }
        return logprobs;
    }

    private void describe(ObjectNode entry, int token, float logprob) {
        entry.put("token", text(token));
        Json.put(entry, "logprob", logprob);
        ArrayNode bytes = entry.putArray("bytes");
        for (byte b : magnet.tokenBytes(token)) {
            bytes.add(b & 0xff);
        }
    }

    private String text(int token) {
        return new String(magnet.tokenBytes(token), StandardCharsets.UTF_8);
    }
}
