package dev.magnet.internal;

import dev.magnet.GenerateOptions;
import dev.magnet.Generated;
import dev.magnet.InfillOptions;
import dev.magnet.Infilled;
import dev.magnet.Part;
import dev.magnet.ScoreOptions;
import dev.magnet.Scored;
import dev.magnet.Span;
import dev.magnet.StopReason;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_score_item;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Function;

/** Generating, infilling and scoring, blocking. */
public final class Decoder {
    private final Runtime runtime;

    /** Decodes with the sessions of {@code runtime}. */
    public Decoder(Runtime runtime) {
        this.runtime = runtime;
    }

    /** Continues a prompt. */
    public Generated generate(String prompt, GenerateOptions options, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = Native.text(arena, prompt, "the prompt");
            return generate(arena, prompt, options, call, (session, params, out) ->
                    magnet_h.magnet_generate(session, text, params, out));
        }
    }

    /** Continues tokens, which {@code prompt} is the text of. */
    public Generated generate(int[] tokens, String prompt, GenerateOptions options, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ids = arena.allocateFrom(ValueLayout.JAVA_INT, tokens);
            return generate(arena, prompt, options, call, (session, params, out) ->
                    magnet_h.magnet_generate_token_ids(session, ids, tokens.length, params, out));
        }
    }

    @FunctionalInterface
    private interface Generator {
        int generate(MemorySegment session, MemorySegment params, MemorySegment out);
    }

    private Generated generate(Arena arena, String prompt, GenerateOptions options, Call call, Generator generator) {
        MemorySegment params = Params.generate(arena, options, call);
        return call.within(options.timeout(), () -> runtime.with(call, options.adapters(), prompt, session -> {
            Generated generated = result(
                    arena, session, call,
                    out -> generator.generate(session.segment(), params, out),
                    result -> new Generated(Results.spans(result, call), Results.usage(result)));
            session.remember(prompt + generated.text());
            throwIfInterrupted(call, generated.spans());
            return generated;
        }));
    }

    /** Fills gaps. */
    public Infilled infill(List<Part> parts, InfillOptions options, Call call) {
        String start = !parts.isEmpty() && parts.getFirst() instanceof Part.Text text ? text.text() : "";
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment array = Parts.write(arena, parts);
            MemorySegment params = Params.infill(arena, options, call);
            return call.within(options.timeout(), () -> runtime.with(call, options.adapters(), start, session -> {
                Infilled infilled = result(
                        arena, session, call,
                        out -> magnet_h.magnet_infill(session.segment(), array, parts.size(), params, out),
                        result -> new Infilled(
                                parts, Results.spans(result, call), Results.usage(result), Results.fillings(result, call)));
                session.remember(start);
                throwIfInterrupted(call, infilled.spans());
                return infilled;
            }));
        }
    }

    /** Scores what fills the gaps of each item. */
    public List<Scored> score(List<List<Part>> items, ScoreOptions options) {
        var call = Call.tellingProgress(options.progress());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment array = magnet_score_item.allocateArray(Math.max(1, items.size()), arena);
            for (int i = 0; i < items.size(); i++) {
                MemorySegment item = magnet_score_item.asSlice(array, i);
                magnet_score_item.parts(item, Parts.write(arena, items.get(i)));
                magnet_score_item.n_parts(item, items.get(i).size());
            }
            MemorySegment params = Params.score(arena, options, call);
            List<List<Span>> spans = runtime.with(call, options.adapters(), "", session -> result(
                    arena, session, call,
                    out -> magnet_h.magnet_score(session.segment(), array, items.size(), params, out),
                    result -> Results.spansByItem(result, items.size(), call)));
            return spans.stream().map(Scored::new).toList();
        }
    }

    /** A native call whose last parameter receives a result, here copied and freed. */
    @FunctionalInterface
    private interface ResultCall {
        int to(MemorySegment out);
    }

    private static <R> R result(
            Arena arena, Session session, Call call, ResultCall nativeCall, Function<MemorySegment, R> copy) {
        MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
        try {
            call.run(session.segment(), () -> nativeCall.to(out));
            return copy.apply(out.get(magnet_h.C_POINTER, 0));
        } finally {
            magnet_h.magnet_result_free(out.get(ValueLayout.ADDRESS, 0));
        }
    }

    /** Interruption is not a result: whoever interrupts a thread wants it to come out of what it does. */
    private static void throwIfInterrupted(Call call, List<Span> spans) {
        boolean cut = spans.stream().anyMatch(span -> span.stop() == StopReason.CANCELLED);
        if (cut && call.cause() == Call.Cause.INTERRUPT) {
            throw call.cancelled();
        }
    }
}
