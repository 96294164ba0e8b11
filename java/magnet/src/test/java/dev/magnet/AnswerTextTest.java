package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is shown of an answer while it comes, in pieces of any length, is what it says in the end. */
class AnswerTextTest {
    private static final String CALL = "{\"name\": \"a\", \"arguments\": {\"x\": 1}}";
    private static final ToolCall READABLE = new ToolCall(null, "a", "{\"x\": 1}", CALL);
    private static final Generated NOTHING = new Generated(
            List.of(new Span("", List.of(), 0, 0, 0, StopReason.END)), new Usage(0, 0, 0, Duration.ZERO, Duration.ZERO));

    private static void shows(String expected, String beforeTheEnd, String text, String content, ToolCall... calls) {
        var random = new Random(1);
        for (int round = 0; round < 50; round++) {
            var answer = new AnswerText();
            var shown = new StringBuilder();
            for (int from = 0; from < text.length(); ) {
                int to = Math.min(text.length(), from + 1 + random.nextInt(round % 5 + 1));
                shown.append(answer.next(text.substring(from, to)));
                from = to;
            }
            assertEquals(beforeTheEnd, shown.toString(), text);
            shown.append(answer.rest(new Answer(NOTHING, content, List.of(calls))));
            assertEquals(expected, shown.toString(), text);
        }
    }

    @Test
    void textIsShownAndCallsAreNot() {
        for (String mark : AnswerText.CALL_MARKS) {
            shows("I < you [as] ever.", "I < you [as] ever.", " I < you [as] ever.\n" + mark + "\n" + CALL, "I < you [as] ever.", READABLE);
        }
    }

    @Test
    void aCallWithoutItsMarkIsKeptBack() {
        for (String text : List.of(CALL, "\n" + CALL + "\n", "```json\n" + CALL + "\n```", "[" + CALL + "]")) {
            shows("", "", text, "", READABLE);
        }
    }

    @Test
    void whatWasNoCallIsShownAtTheEnd() {
        shows("a <tool", "a", "a <tool", "a <tool");
        shows("[1, 2]", "", " [1, 2]\n", "[1, 2]");
        shows("I look.\n{", "I look.", "I look. <tool_call>{\n", "I look.", new ToolCall(null, null, null, "{"));
    }

    @Test
    void textBehindACallIsShownAtTheEnd() {
        shows("I look. Wait.", "I look.", "I look. <tool_call>" + CALL + "</tool_call> Wait.", "I look. Wait.", READABLE);
    }
}
