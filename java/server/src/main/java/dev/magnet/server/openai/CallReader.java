package dev.magnet.server.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.async.ByteArrayFeeder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** One call of a tool, a JSON object, read while it comes. */
final class CallReader {
    private static final JsonFactory JSON = new JsonFactory();

    private final JsonParser parser;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private int depth;
    private @Nullable String field; // of the call itself
    private @Nullable String name;
    private @Nullable String written; // arguments that are a string
    private int begin = -1; // of the arguments, in bytes
    private int end = -1;
    private int told;
    private int callEnd = -1;
    private boolean wrong;

    CallReader() {
        try {
            parser = JSON.createNonBlockingByteArrayParser();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Takes a piece of the call; false = this is no call. */
    boolean accept(String piece) {
        byte[] more = piece.getBytes(StandardCharsets.UTF_8);
        bytes.writeBytes(more);
        try {
            ((ByteArrayFeeder) parser.getNonBlockingInputFeeder()).feedInput(more, 0, more.length);
            for (JsonToken token = parser.nextToken(); token != JsonToken.NOT_AVAILABLE; token = parser.nextToken()) {
                read(token);
                if (callEnd >= 0 || wrong) {
                    break;
                }
            }
        } catch (IOException e) {
            wrong = true;
        }
        return !wrong;
    }

    private void read(JsonToken token) throws IOException {
        boolean arguments = depth == 1 && ("arguments".equals(field) || "parameters".equals(field)) && begin < 0 && written == null;
        int at = (int) parser.currentLocation().getByteOffset();
        if (token == JsonToken.FIELD_NAME) {
            field = depth == 1 ? parser.currentName() : field;
        } else if (token.isStructStart()) {
            depth++;
            begin = arguments ? at - 1 : begin;
            wrong = arguments && token != JsonToken.START_OBJECT;
        } else if (token.isStructEnd()) {
            depth--;
            end = depth == 1 && begin >= 0 && end < 0 ? at : end;
            callEnd = depth == 0 ? at : callEnd;
            wrong = depth == 0 && name == null;
        } else if (depth == 1 && "name".equals(field)) {
            name = token == JsonToken.VALUE_STRING ? parser.getText() : null;
        } else if (arguments) {
            wrong = token != JsonToken.VALUE_STRING;
            written = parser.getText();
        }
    }

    /** What is called, once that and the beginning of its arguments are known, else null. */
    @Nullable String name() {
        return begin >= 0 || written != null || callEnd >= 0 ? name : null;
    }

    /** What has come of the arguments since the last time, a piece of JSON. */
    String arguments() {
        if (written != null || begin < 0) {
            String all = told > 0 || callEnd < 0 ? "" : written == null ? "{}" : written;
            told = callEnd < 0 ? told : 1;
            return all;
        }
        int from = Math.max(told, begin);
        told = end < 0 ? bytes.size() : end;
        return text(from, told);
    }

    /** What stands behind the call; null = it goes on. */
    @Nullable String rest() {
        return callEnd < 0 ? null : text(callEnd, bytes.size());
    }

    private String text(int from, int to) {
        return new String(bytes.toByteArray(), from, to - from, StandardCharsets.UTF_8);
    }
}
