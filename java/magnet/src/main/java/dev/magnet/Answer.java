package dev.magnet;

import java.util.List;

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
}
