package dev.magnet;

import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * The text of an answer that may call tools, while it comes: {@link #next} gives what can be shown of it, and keeps back what is
 * the beginning of a call, or may become one; {@link #rest} gives what of that was text after all. For one answer, and one thread
 * at a time.
 *
 * <pre>{@code
 * var text = new AnswerText();
 * Answer answer = magnet.chat(messages, tools, ToolChoice.auto(), options).forEach(token -> show(text.next(token.text())));
 * show(text.rest(answer));
 * }</pre>
 */
public final class AnswerText {
    /** What templates put before calls. */
    public static final List<String> CALL_MARKS = List.of("<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<function=");

    /** What an answer may begin with that is a call without a mark. */
    private static final List<String> BARE_CALLS = List.of("{", "[", "```");

    private final StringBuilder kept = new StringBuilder();
    private final StringBuilder shown = new StringBuilder();
    private boolean inCall;

    /** Nothing has come yet. */
    public AnswerText() {}

    /** What can be shown, now that this has come too; may be empty. */
    public String next(String piece) {
        kept.append(Objects.requireNonNull(piece, "piece"));
        if (inCall || mayBeABareCall()) {
            return "";
        }
        int call = CALL_MARKS.stream().mapToInt(kept::indexOf).filter(at -> at >= 0).min().orElse(-1);
        inCall = call >= 0;
        int end = inCall ? call : kept.length() - beginningOfAMark();
        while (end > 0 && Character.isWhitespace(kept.charAt(end - 1))) {
            end--; // what stands between text and call, or behind all of it, is no text
        }
        return show(shown.isEmpty() ? kept.substring(0, end).stripLeading() : kept.substring(0, end), end);
    }

    /** What was kept back and is text: behind the last piece, with what all of them came to. */
    public String rest(Answer answer) {
        String text = answer.text();
        return text.startsWith(shown.toString()) ? show(text.substring(shown.length()), kept.length()) : "";
    }

    private String show(String text, int taken) {
        kept.delete(0, taken);
        shown.append(text);
        return text;
    }

    /** Whether all that came could be a call: nothing of such an answer is shown before its end. */
    private boolean mayBeABareCall() {
        String begin = kept.toString().stripLeading();
        return shown.isEmpty()
                && BARE_CALLS.stream().anyMatch(call -> begin.startsWith(call) || call.startsWith(begin));
    }

    /** Length of the longest end of the text that a mark may begin with. */
    private int beginningOfAMark() {
        String text = kept.toString();
        return CALL_MARKS.stream()
                .flatMapToInt(mark -> IntStream.range(1, mark.length()).filter(n -> text.endsWith(mark.substring(0, n))))
                .max()
                .orElse(0);
    }
}
