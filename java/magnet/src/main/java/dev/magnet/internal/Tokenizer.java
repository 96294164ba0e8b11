package dev.magnet.internal;

import dev.magnet.Answer;
import dev.magnet.Generated;
import dev.magnet.InfillContext;
import dev.magnet.Message;
import dev.magnet.Part;
import dev.magnet.Role;
import dev.magnet.Slot;
import dev.magnet.Tool;
import dev.magnet.ToolCall;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_message;
import dev.magnet.ffi.c.magnet_slot;
import dev.magnet.ffi.c.magnet_tool_call;
import dev.magnet.ffi.c.magnet_tool_calls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What needs the vocabulary alone: tokens, chat prompts, layouts. */
public final class Tokenizer {
    private final Runtime runtime;

    /** Uses the vocabulary of {@code runtime}'s model. */
    public Tokenizer(Runtime runtime) {
        this.runtime = runtime;
    }

    private MemorySegment model() {
        return runtime.model().segment();
    }

    /** Tokens of a text. */
    public int[] tokenize(String text, boolean addSpecial, boolean parseSpecial) {
        return runtime.call(() -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment nativeText = Native.text(arena, text, "the text");
                return Native.elements(arena, 4, (buffer, capacity, count) -> magnet_h.magnet_tokenize(
                                model(), nativeText, addSpecial, parseSpecial, buffer, capacity, count))
                        .toArray(ValueLayout.JAVA_INT);
            }
        });
    }

    /** Text of tokens. */
    public String detokenize(int[] tokens, boolean special) {
        return runtime.call(() -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment ids = arena.allocateFrom(ValueLayout.JAVA_INT, tokens);
                return Native.string(arena, 1024, (buffer, capacity, size) ->
                        magnet_h.magnet_detokenize(model(), ids, tokens.length, special, buffer, capacity, size));
            }
        });
    }

    /** Bytes of one token. */
    public byte[] tokenBytes(int token) {
        return runtime.call(() -> {
            try (Arena arena = Arena.ofConfined()) {
                return Native.elements(arena, 1, (buffer, capacity, size) ->
                                magnet_h.magnet_token_bytes(model(), token, buffer, capacity, size))
                        .toArray(ValueLayout.JAVA_BYTE);
            }
        });
    }

    /** The prompt of a conversation. */
    public String chatPrompt(List<Message> messages, List<Tool> tools, boolean addAssistant) {
        return runtime.call(() -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment array = messages(arena, messages);
                MemorySegment offered = tools(arena, tools);
                return Native.string(arena, 4096, (buffer, capacity, size) -> magnet_h.magnet_chat_prompt(
                        model(), array, messages.size(), offered, addAssistant, buffer, capacity, size));
            }
        });
    }

    /** Its tokens. */
    public int[] chatTokens(
            List<Message> messages, List<Tool> tools, boolean addAssistant, boolean parseSpecial) {
        return runtime.call(() -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment array = messages(arena, messages);
                MemorySegment offered = tools(arena, tools);
                return Native.elements(arena, 4, (buffer, capacity, count) -> magnet_h.magnet_chat_tokens(
                                model(), array, messages.size(), offered, addAssistant, parseSpecial, buffer, capacity,
                                count))
                        .toArray(ValueLayout.JAVA_INT);
            }
        });
    }

    private static MemorySegment messages(Arena arena, List<Message> messages) {
        MemorySegment array = magnet_message.allocateArray(Math.max(1, messages.size()), arena);
        for (int i = 0; i < messages.size(); i++) {
            MemorySegment message = magnet_message.asSlice(array, i);
            String what = "message " + i;
            magnet_message.role(message, Native.cString(arena, messages.get(i).role(), "role of " + what));
            Native.setText(magnet_message.content(message), arena, messages.get(i).content(), what);
            if (!messages.get(i).toolCalls().isEmpty()) {
                String calls = JsonText.calls(messages.get(i).toolCalls());
                magnet_message.tool_calls(message, Native.cString(arena, calls, "calls of " + what));
            }
            String id = messages.get(i).toolCallId();
            if (id != null) {
                magnet_message.tool_call_id(message, Native.cString(arena, id, "id of the call of " + what));
            }
        }
        return array;
    }

    private static MemorySegment tools(Arena arena, List<Tool> tools) {
        return tools.isEmpty() ? MemorySegment.NULL : Native.cString(arena, JsonText.tools(tools), "the tools");
    }

    /**
     * A grammar of a call.
     *
     * @param name of the tool to call; null = any
     */
    public String toolGrammar(List<Tool> tools, @Nullable String name) {
        return runtime.call(() -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment offered = tools(arena, tools);
                MemorySegment wanted =
                        name == null ? MemorySegment.NULL : Native.cString(arena, name, "the name of the tool");
                return Native.string(arena, 16384, (buffer, capacity, size) ->
                        magnet_h.magnet_tool_grammar(model(), offered, wanted, buffer, capacity, size));
            }
        });
    }

    /** An answer, what it calls of the tools taken apart. */
    public Answer answer(Generated generated, List<Tool> tools) {
        return runtime.call(() -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment text = Native.text(arena, generated.text(), "the answer");
                MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
                Native.check(magnet_h.magnet_tool_calls_read(model(), tools(arena, tools), text, out));
                MemorySegment read = out.get(magnet_h.C_POINTER, 0).reinterpret(magnet_tool_calls.sizeof());
                try {
                    List<ToolCall> calls = new ArrayList<>();
                    for (int i = 0; i < magnet_tool_calls.n_calls(read); i++) {
                        MemorySegment call = magnet_tool_call.asSlice(magnet_tool_calls.calls(read), i);
                        calls.add(new ToolCall(
                                null,
                                optional(magnet_tool_call.name(call)),
                                optional(magnet_tool_call.arguments(call)),
                                magnet_tool_call.text(call).getString(0)));
                    }
                    return new Answer(generated, magnet_tool_calls.content(read).getString(0), calls);
                } finally {
                    magnet_h.magnet_tool_calls_free(read);
                }
            }
        });
    }

    private static @Nullable String optional(MemorySegment text) {
        return text.equals(MemorySegment.NULL) ? null : text.getString(0);
    }

    /** How infilling lays out a template. */
    public List<Slot> layout(List<Part> parts, InfillContext context) {
        return runtime.call(() -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment array = Parts.write(arena, parts);
                MemorySegment slots = Native.elements(arena, magnet_slot.sizeof(), (buffer, capacity, count) ->
                        magnet_h.magnet_layout(
                                model(), array, parts.size(), Codes.of(context), buffer, capacity, count));
                List<Slot> copy = new ArrayList<>();
                for (long i = 0; i < slots.byteSize() / magnet_slot.sizeof(); i++) {
                    MemorySegment slot = magnet_slot.asSlice(slots, i);
                    copy.add(new Slot(
                            magnet_slot.token(slot),
                            magnet_slot.pos(slot),
                            Codes.value(Role.class, magnet_slot.role(slot)),
                            magnet_slot.part(slot)));
                }
                return List.copyOf(copy);
            }
        });
    }
}
