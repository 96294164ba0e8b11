package dev.magnet;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An answer of a model that was offered tools.
 *
 * @param generated all of it, as it was generated
 * @param content what it says beside its calls
 * @param toolCalls what it calls; answer them with {@link Message#assistant(String, List)} and a {@link Message#tool} each
 */
public record Answer(Generated generated, String content, List<ToolCall> toolCalls) {
    /** Makes its list immutable. */
    public Answer {
        toolCalls = List.copyOf(toolCalls);
    }

    /** What it says, and calls that cannot be read as they were written: all that is not a call to be made. */
    public String text() {
        return Stream.concat(Stream.of(content), toolCalls.stream().filter(call -> !call.isReadable()).map(ToolCall::text))
                .filter(text -> !text.isEmpty())
                .collect(Collectors.joining("\n"));
    }
}
