package dev.magnet.internal;

import dev.magnet.Candidate;
import dev.magnet.Filling;
import dev.magnet.Span;
import dev.magnet.StopReason;
import dev.magnet.Token;
import dev.magnet.Usage;
import dev.magnet.ffi.c.magnet_candidate;
import dev.magnet.ffi.c.magnet_filling;
import dev.magnet.ffi.c.magnet_result;
import dev.magnet.ffi.c.magnet_span;
import dev.magnet.ffi.c.magnet_token;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Copies of a {@code magnet_result}, which the caller frees. */
final class Results {
    private Results() {}

    static Usage usage(MemorySegment result) {
        return new Usage(
                magnet_result.n_prompt_tokens(result),
                magnet_result.n_reused_tokens(result),
                magnet_result.n_generated_tokens(result),
                seconds(magnet_result.prompt_seconds(result)),
                seconds(magnet_result.generate_seconds(result)));
    }

    /** All spans, in order; of infilling those of the best filling. */
    static List<Span> spans(MemorySegment result, Call call) {
        return spans(magnet_result.spans(result), magnet_result.n_spans(result), call);
    }

    /** The fillings, the best first. */
    static List<Filling> fillings(MemorySegment result, Call call) {
        List<Filling> copy = new ArrayList<>();
        for (int i = 0; i < magnet_result.n_fillings(result); i++) {
            MemorySegment filling = magnet_filling.asSlice(magnet_result.fillings(result), i);
            copy.add(new Filling(
                    spans(magnet_filling.spans(filling), magnet_filling.n_spans(filling), call),
                    magnet_filling.count(filling),
                    magnet_filling.seed(filling),
                    magnet_filling.score(filling),
                    magnet_filling.gap_logprob(filling),
                    magnet_filling.n_gap_tokens(filling),
                    magnet_filling.right_logprob(filling),
                    magnet_filling.n_right_tokens(filling)));
        }
        return copy;
    }

    private static List<Span> spans(MemorySegment spans, int count, Call call) {
        List<Span> copy = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            copy.add(span(magnet_span.asSlice(spans, i), call));
        }
        return copy;
    }

    /** For every item that was scored, its spans. */
    static List<List<Span>> spansByItem(MemorySegment result, int items, Call call) {
        List<List<Span>> byItem = new ArrayList<>(items);
        for (int i = 0; i < items; i++) {
            byItem.add(new ArrayList<>());
        }
        int count = magnet_result.n_spans(result);
        MemorySegment spans = magnet_result.spans(result);
        for (int i = 0; i < count; i++) {
            MemorySegment span = magnet_span.asSlice(spans, i);
            byItem.get(magnet_span.item(span)).add(span(span, call));
        }
        return byItem;
    }

    private static Span span(MemorySegment span, Call call) {
        byte[] utf8 = Native.bytes(magnet_span.text(span), magnet_span.text_size(span));
        StopReason stop = Codes.value(StopReason.class, magnet_span.stop(span));
        return new Span(
                new String(utf8, StandardCharsets.UTF_8),
                tokens(span, utf8),
                magnet_span.logprob(span),
                magnet_span.stop_logprob(span),
                magnet_span.part(span),
                stop == StopReason.CANCELLED && call.cause() == Call.Cause.TIMEOUT ? StopReason.TIMEOUT : stop);
    }

    private static List<Token> tokens(MemorySegment span, byte[] utf8) {
        int count = magnet_span.n_tokens(span);
        int part = magnet_span.part(span);
        MemorySegment tokens = magnet_span.tokens(span);
        List<Token> copy = new ArrayList<>(count);
        int begin = 0;
        for (int i = 0; i < count; i++) {
            MemorySegment token = magnet_token.asSlice(tokens, i);
            int end = i + 1 < count
                    ? characterBoundary(utf8, magnet_token.text_offset(magnet_token.asSlice(tokens, i + 1)))
                    : utf8.length;
            end = Math.max(begin, end);
            copy.add(new Token(
                    magnet_token.id(token),
                    new String(utf8, begin, end - begin, StandardCharsets.UTF_8),
                    magnet_token.logprob(token),
                    part,
                    i,
                    candidates(magnet_token.top(token), magnet_token.n_top(token))));
            begin = end;
        }
        return copy;
    }

    /** Start of the character that the byte at {@code offset} belongs to: a cut character goes to the later token. */
    private static int characterBoundary(byte[] utf8, int offset) {
        int boundary = Math.clamp(offset, 0, utf8.length);
        while (boundary > 0 && boundary < utf8.length && (utf8[boundary] & 0xC0) == 0x80) {
            boundary--;
        }
        return boundary;
    }

    private static List<Candidate> candidates(MemorySegment top, int count) {
        List<Candidate> copy = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            MemorySegment candidate = magnet_candidate.asSlice(top, i);
            copy.add(new Candidate(magnet_candidate.token(candidate), magnet_candidate.logprob(candidate)));
        }
        return copy;
    }

    static Duration seconds(double seconds) {
        return Duration.ofNanos(Math.round(seconds * 1e9));
    }
}
