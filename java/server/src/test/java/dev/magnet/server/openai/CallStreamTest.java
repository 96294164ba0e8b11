package dev.magnet.server.openai;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Answers with calls, cut into pieces of every size; what is told, put together by the rules of OpenAI's clients. */
class CallStreamTest {
    /** What a client has at the end: content, then a line a call, then what is left to who reads the whole. */
    private static String told(String answer, int size) {
        var stream = new CallStream();
        var content = new StringBuilder();
        List<StringBuilder> calls = new ArrayList<>();
        for (int at = 0; at < answer.length(); at += size) {
            JsonNode delta = stream.accept(answer.substring(at, Math.min(answer.length(), at + size)));
            if (delta == null) {
                continue;
            }
            content.append(delta.path("content").asText());
            for (JsonNode call : delta.path("tool_calls")) {
                if (call.has("id")) {
                    assertEquals(calls.size(), call.get("index").asInt());
                    assertEquals("function", call.get("type").asText());
                    calls.add(new StringBuilder(call.at("/function/name").asText()).append(' '));
                }
                calls.get(call.get("index").asInt()).append(call.at("/function/arguments").asText());
            }
        }
        assertEquals(calls.size(), stream.calls());
        return content + "|" + String.join("|", calls) + "|" + stream.rest();
    }

    private static void check(String wanted, String answer) {
        for (int size = 1; size <= answer.length(); size++) {
            assertEquals(wanted, told(answer, size), "pieces of " + size);
        }
    }

    @Test
    void callsOfEveryForm() {
        check("|s {\"a\": {\"b\": \"}\\\"é\"}}|", "<tool_call>\n{\"name\": \"s\", \"arguments\": {\"a\": {\"b\": \"}\\\"é\"}}}\n</tool_call>");
        check("|s {\"a\": 1}|t {}|", "[TOOL_CALLS][{\"name\": \"s\", \"arguments\": {\"a\": 1}}, {\"name\": \"t\", \"arguments\": {}}]");
        check("|s {\"a\": [1, {}]}|t {}|", "{\"name\": \"s\", \"parameters\": {\"a\": [1, {}]}}; {\"name\": \"t\", \"parameters\": {}}");
        check("|s {}|", "<|python_tag|>{\"name\": \"s\"}");
        check("|s {\"a\": 1}|", "{\"arguments\": {\"a\": 1}, \"name\": \"s\"}");
        check("|s {\"a\": 1}|", "{\"name\": \"s\", \"arguments\": \"{\\\"a\\\": 1}\"}");
    }

    @Test
    void callsOfXmlAreForWhoReadsTheWhole() {
        String call = "<function=s>\n<parameter=a>\n{\"b\": 1}\n</parameter>\n</function>\n</tool_call>";
        check("I look.||\n<tool_call>\n" + call, "I look.\n<tool_call>\n" + call);
        check("I look.||\n" + call, "I look.\n" + call);
    }

    @Test
    void whatIsSaidBesideCalls() {
        check("I look. <b>|s {}|t {}|", "I look. <b>\n\n<tool_call>\n{\"name\": \"s\", \"arguments\": {}}\n</tool_call>\n<tool_call>"
                + "{\"name\": \"t\", \"arguments\": {}}</tool_call>\n");
        check("a [1] {b} < c||", "a [1] {b} < c");
    }

    @Test
    void whatMayBeNoCallIsLeft() {
        check("|||{\"city\": \"Rome\"}".replace("|||", "||"), "{\"city\": \"Rome\"}");
        check("||[1, 2]", "[1, 2]");
        check("||<tool_call>\nnothing", "<tool_call>\nnothing");
        check("a||\n<tool_call>{\"name\": \"s\", \"argum", "a\n<tool_call>{\"name\": \"s\", \"argum");
        check("||{\"name\": \"s\", \"arguments\": [1]}", "{\"name\": \"s\", \"arguments\": [1]}");
    }

    @Test
    void argumentsAreToldAsTheyCome() {
        var stream = new CallStream();
        assertEquals(null, stream.accept("<tool_call>{\"name\": \"s\", \"arguments\": "));
        assertEquals("{\"a", stream.accept("{\"a").at("/tool_calls/0/function/arguments").asText());
        assertEquals("\": \"long", stream.accept("\": \"long").at("/tool_calls/0/function/arguments").asText());
        assertTrue(stream.rest().isEmpty());
    }
}
