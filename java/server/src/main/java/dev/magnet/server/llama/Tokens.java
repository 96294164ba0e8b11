package dev.magnet.server.llama;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Magnet;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.Json;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** POST /tokenize and /detokenize. */
public final class Tokens {
    private static final int MOST_TOKENS = 1 << 20;

    private final Magnet magnet;

    /** Handlers. */
    public Tokens(Magnet magnet) {
        this.magnet = magnet;
    }

    /** What /tokenize is asked. */
    record Request(String content, boolean addSpecial, boolean parseSpecial, boolean withPieces) {
        static Request of(Fields fields) {
            return new Request(
                    fields.text("content"),
                    fields.flag("add_special", false),
                    fields.flag("parse_special", true), // as llama-server has it
                    fields.flag("with_pieces", false));
        }
    }

    /** The tokens of a text. */
    public void tokenize(Exchange exchange) {
        Request request = Request.of(exchange.fields());
        ObjectNode answer = Json.object();
        ArrayNode list = answer.putArray("tokens");
        for (int token : magnet.tokenize(request.content(), request.addSpecial(), request.parseSpecial())) {
            if (request.withPieces()) {
                piece(list.addObject().put("id", token), magnet.tokenBytes(token));
            } else {
                list.add(token);
            }
        }
        exchange.reply(answer);
    }

    /** The text of tokens. */
    public void detokenize(Exchange exchange) {
        exchange.reply(Json.object().put("content", magnet.detokenize(tokens(exchange.fields()))));
    }

    static int[] tokens(Fields fields) {
        return fields.integers("tokens", MOST_TOKENS);
    }

    /** A text, or the bytes of a piece of a character. */
    private static void piece(ObjectNode entry, byte[] bytes) {
        try {
            entry.put("piece", StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
        } catch (CharacterCodingException e) {
            ArrayNode list = entry.putArray("piece");
            for (byte b : bytes) {
                list.add(b & 0xff);
            }
        }
    }
}
