package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.AnswerText;
import dev.magnet.server.http.Json;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An answer that may call tools, told in pieces while the model writes it: what it says, and of a call first the name, then
 * the arguments as they come. It tells of a call as soon as its text can be nothing else; what is still open at the end is kept
 * for who reads the whole.
 */
final class CallStream {
    /** Behind the last one is no JSON, so it is for who reads the whole. */
    private static final List<String> MARKS = AnswerText.CALL_MARKS;
    private static final String CLOSE = "</tool_call>";
    private static final List<String> TAGS = Stream.concat(MARKS.stream(), Stream.of(CLOSE)).toList();

    /** What stands between calls. */
    private static final String BETWEEN = " \t\r\n[],;";

    private final StringBuilder held = new StringBuilder(); // of the text, what is not looked at
    private final StringBuilder open = new StringBuilder(); // what was looked at and may be no call
    private @Nullable CallReader call;
    private boolean callTold;
    private boolean inCalls;
    private boolean unreadable; // from here on it is for who reads the whole
    private boolean said;
    private int calls;

    /** Takes a piece of the answer, and gives what can be told of it, as OpenAI's "delta"; null = nothing. */
    @Nullable ObjectNode accept(String piece) {
        ObjectNode delta = Json.object();
        held.append(piece);
        while (step(delta)) {
            continue;
        }
        return delta.isEmpty() ? null : delta;
    }

    /** How many calls were told. */
    int calls() {
        return calls;
    }

    /** Whether content was told. */
    boolean said() {
        return said;
    }

    /** What is left at the end: the text that nothing was told of. */
    String rest() {
        String rest = open.toString() + held;
        return calls > 0 && rest.replace(CLOSE, "").chars().allMatch(c -> BETWEEN.indexOf(c) >= 0) ? "" : rest;
    }

    /** Looks at some of what is held; false if more must come first. */
    private boolean step(ObjectNode delta) {
        if (held.isEmpty() || unreadable) {
            return false;
        }
        return call != null ? readCall(delta) : inCalls ? findCall() : say(delta);
    }

    private boolean say(ObjectNode delta) {
        for (String mark : MARKS) {
            int at = held.indexOf(mark);
            if (at >= 0) {
                int end = held.substring(0, at).stripTrailing().length();
                content(delta, held.substring(0, end));
                goOver(end, at + mark.length());
                return true;
            }
        }
        String text = held.toString().strip();
        if (!said && calls == 0 && (text.startsWith("{") || text.startsWith("["))) { // templates need not mark calls
            if (MARKS.stream().anyMatch(mark -> mark.startsWith(text))) {
                return false;
            }
            goOver(0, 0);
            return true;
        }
        int sure = held.toString().stripTrailing().length();
        while (sure > 0 && mayBeginMark(held.substring(0, sure))) {
            sure--;
        }
        sure = held.substring(0, sure).stripTrailing().length();
        content(delta, held.substring(0, sure));
        held.delete(0, sure);
        return false;
    }

    private static boolean mayBeginMark(String text) {
        return MARKS.stream().anyMatch(mark -> IntStream.range(1, mark.length()).anyMatch(n -> text.endsWith(mark.substring(0, n))));
    }

    /** Goes over to calls; what stands in [from, to) may still turn out to be said. */
    private void goOver(int from, int to) {
        open.append(held, from, to);
        held.delete(0, to);
        inCalls = true;
    }

    private boolean findCall() {
        char first = held.charAt(0);
        if (first == '{') {
            call = new CallReader();
            callTold = false;
            return true;
        }
        if (BETWEEN.indexOf(first) >= 0) {
            goOver(0, 1);
            return true;
        }
        for (String tag : TAGS) {
            if (held.indexOf(tag) == 0) {
                goOver(0, tag.length());
                inCalls = !tag.equals(CLOSE);
                return true;
            }
        }
        unreadable = TAGS.stream().noneMatch(tag -> tag.startsWith(held.toString()));
        return false;
    }

    private boolean readCall(ObjectNode delta) {
        String piece = held.toString();
        held.setLength(0);
        unreadable = !call.accept(piece);
        if (!callTold && (unreadable || call.name() == null)) {
            open.append(piece);
            return false;
        }
        tell(delta, call.arguments());
        if (call.rest() == null) {
            return false;
        }
        held.append(call.rest());
        call = null;
        return true;
    }

    private void tell(ObjectNode delta, String arguments) {
        if (callTold && arguments.isEmpty()) {
            return;
        }
        ObjectNode entry = delta.withArray("tool_calls").addObject();
        if (!callTold) {
            entry.put("index", calls++).put("id", Ids.ofCall()).put("type", "function");
            entry.putObject("function").put("name", call.name()).put("arguments", arguments);
            callTold = true;
            open.setLength(0);
        } else {
            entry.put("index", calls - 1).putObject("function").put("arguments", arguments);
        }
    }

    private void content(ObjectNode delta, String text) {
        if (!text.isEmpty()) {
            delta.put("content", delta.path("content").asText() + text);
            said = true;
        }
    }
}
