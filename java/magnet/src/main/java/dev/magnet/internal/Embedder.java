package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import dev.magnet.MagnetException;
import dev.magnet.Status;
import dev.magnet.TokenEmbeddings;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_text;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;

/** Embedding, blocking. */
public final class Embedder {
    private final Runtime runtime;
    private final int modelDimensions;

    /** Embeds with the sessions of {@code runtime}. */
    public Embedder(Runtime runtime) {
        this.runtime = runtime;
        this.modelDimensions = runtime.model().info().dimensions();
    }

    /** One vector a text. */
    public Embeddings embed(List<String> texts, EmbedOptions options) {
        return embed(texts, options, Call.tellingProgress(options.progress()));
    }

    /** The same, by a call that somebody may stop. */
    Embeddings embed(List<String> texts, EmbedOptions options, Call call) {
        int dimensions = dimensions(options);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, (long) texts.size() * dimensions);
            int[] tokenCounts = embed(arena, texts, options, call, out);
            return new Embeddings(rows(out, texts.size(), dimensions), tokenCounts);
        }
    }

    /** One vector a text, written to {@code into} at its position, which moves behind them. Returns tokens read. */
    public int[] embed(List<String> texts, EmbedOptions options, FloatBuffer into) {
        if (into.isReadOnly()) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "the buffer is read-only");
        }
        int dimensions = dimensions(options);
        long needed = (long) texts.size() * dimensions;
        if (into.remaining() < needed) {
            throw new MagnetException(
                    Status.BUFFER_TOO_SMALL,
                    "the buffer has room for " + into.remaining() + " floats; " + texts.size() + " texts of " + dimensions
                            + " dimensions need " + needed);
        }
        var call = Call.tellingProgress(options.progress());
        try (Arena arena = Arena.ofConfined()) {
            int[] tokenCounts;
            if (into.isDirect() && into.order() == ByteOrder.nativeOrder()) {
                tokenCounts = embed(arena, texts, options, call, MemorySegment.ofBuffer(into));
                into.position(into.position() + (int) needed);
            } else {
                MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, needed);
                tokenCounts = embed(arena, texts, options, call, out);
                into.put(out.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer());
            }
            return tokenCounts;
        }
    }

    /** One vector for every token of a text. */
    public TokenEmbeddings embedTokens(String text, EmbedOptions options) {
        var call = Call.tellingProgress(options.progress());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment nativeText = Native.text(arena, text, "the text");
            MemorySegment params = Params.embed(arena, options, call);
            MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
            return runtime.with(call, options.adapters(), "", session -> {
                MemorySegment s = session.segment();
                call.run(s, () -> magnet_h.magnet_embed_tokens(
                        s, nativeText, params, MemorySegment.NULL, MemorySegment.NULL, 0, count));
                int tokens = count.get(ValueLayout.JAVA_INT, 0);
                int dimensions = dimensions(options);
                MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, (long) tokens * dimensions);
                MemorySegment ids = arena.allocate(ValueLayout.JAVA_INT, tokens);
                if (tokens > 0) {
                    call.run(s, () -> magnet_h.magnet_embed_tokens(s, nativeText, params, out, ids, tokens, count));
                }
                return new TokenEmbeddings(ids.toArray(ValueLayout.JAVA_INT), rows(out, tokens, dimensions));
            });
        }
    }

    /** One vector for a sequence of tokens. */
    public float[] embedTokenIds(int[] tokens, EmbedOptions options) {
        var call = Call.tellingProgress(options.progress());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ids = arena.allocateFrom(ValueLayout.JAVA_INT, tokens);
            MemorySegment params = Params.embed(arena, options, call);
            int dimensions = dimensions(options);
            MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, dimensions);
            runtime.with(call, options.adapters(), "", session -> {
                call.run(session.segment(), () -> magnet_h.magnet_embed_token_ids(
                        session.segment(), ids, tokens.length, params, out, dimensions));
                return null;
            });
            return out.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    private int[] embed(Arena arena, List<String> texts, EmbedOptions options, Call call, MemorySegment out) {
        if (texts.isEmpty()) {
            runtime.check(options.adapters());
            return new int[0];
        }
        MemorySegment array = magnet_text.allocateArray(texts.size(), arena);
        for (int i = 0; i < texts.size(); i++) {
            Native.setText(magnet_text.asSlice(array, i), arena, texts.get(i), "text " + i);
        }
        MemorySegment params = Params.embed(arena, options, call);
        MemorySegment tokenCounts = arena.allocate(ValueLayout.JAVA_INT, texts.size());
        long capacity = (long) texts.size() * dimensions(options);
        return runtime.with(call, options.adapters(), "", session -> {
            call.run(session.segment(), () -> magnet_h.magnet_embed(
                    session.segment(), array, texts.size(), params, out, capacity, tokenCounts));
            return tokenCounts.toArray(ValueLayout.JAVA_INT);
        });
    }

    /** Numbers of a vector; what is out of range the library will refuse, and needs no memory before. */
    private int dimensions(EmbedOptions options) {
        int asked = options.dimensions();
        return asked > 0 ? Math.min(asked, modelDimensions) : modelDimensions;
    }

    private static float[][] rows(MemorySegment matrix, int count, int dimensions) {
        float[][] rows = new float[count][dimensions];
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(matrix, ValueLayout.JAVA_FLOAT, 4L * i * dimensions, rows[i], 0, dimensions);
        }
        return rows;
    }
}
