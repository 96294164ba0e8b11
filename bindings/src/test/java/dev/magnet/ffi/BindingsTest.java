package dev.magnet.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.magnet.ffi.c.magnet_embed_params;
import dev.magnet.ffi.c.magnet_eval_figure;
import dev.magnet.ffi.c.magnet_eval_params;
import dev.magnet.ffi.c.magnet_eval_perplexity;
import dev.magnet.ffi.c.magnet_eval_result;
import dev.magnet.ffi.c.magnet_eval_series;
import dev.magnet.ffi.c.magnet_generate_params;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_infill_params;
import dev.magnet.ffi.c.magnet_log_callback;
import dev.magnet.ffi.c.magnet_message;
import dev.magnet.ffi.c.magnet_model_info;
import dev.magnet.ffi.c.magnet_part;
import dev.magnet.ffi.c.magnet_result;
import dev.magnet.ffi.c.magnet_score_item;
import dev.magnet.ffi.c.magnet_slot;
import dev.magnet.ffi.c.magnet_span;
import dev.magnet.ffi.c.magnet_text;
import dev.magnet.ffi.c.magnet_token_callback;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calls every function of magnet.h once, in the header's order, through the raw binding. */
class BindingsTest {
    private static final String MODEL = "native/tests/golden/tiny-qwen2.gguf";

    private final Arena arena = Arena.ofConfined();
    private MemorySegment model;
    private MemorySegment session;

    @BeforeEach
    void load() {
        MagnetLibrary.load();
        Path header = Path.of(System.getProperty("magnet.header"));
        Path root = header.getParent().getParent().getParent();
        MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
        check(magnet_h.magnet_model_load(
                arena.allocateFrom(root.resolve(MODEL).toString()), magnet_h.magnet_model_default_params(arena), out));
        model = out.get(ValueLayout.ADDRESS, 0);
        MemorySegment outSession = arena.allocate(ValueLayout.ADDRESS);
        check(magnet_h.magnet_session_create(model, magnet_h.magnet_session_default_params(arena), outSession));
        session = outSession.get(ValueLayout.ADDRESS, 0);
    }

    @AfterEach
    void free() {
        magnet_h.magnet_session_free(session);
        magnet_h.magnet_model_free(model);
        arena.close();
    }

    private static void check(int status) {
        assertEquals(magnet_h.MAGNET_STATUS_OK(), status, () -> magnet_h.magnet_last_error().getString(0));
    }

    private MemorySegment text(String text) {
        MemorySegment struct = magnet_text.allocate(arena);
        magnet_text.data(struct, arena.allocateFrom(text));
        magnet_text.size(struct, -1);
        return struct;
    }

    private MemorySegment parts(boolean filled) {
        MemorySegment parts = magnet_part.allocateArray(3, arena);
        for (int i : new int[] {0, 2}) {
            MemorySegment part = magnet_part.asSlice(parts, i);
            magnet_part.type(part, magnet_h.MAGNET_PART_TEXT());
            magnet_part.text(part, text("text"));
        }
        MemorySegment gap = magnet_part.asSlice(parts, 1);
        magnet_part.type(gap, magnet_h.MAGNET_PART_GAP());
        magnet_part.length(gap, 4);
        if (filled) {
            magnet_part.text(gap, text("gap"));
        }
        return parts;
    }

    @Test
    void libraryTellsItsVersionAndNamesItsStatuses() {
        assertEquals(magnet_h.MAGNET_ABI_VERSION(), magnet_h.magnet_abi_version());
        assertTrue(magnet_h.magnet_version().getString(0).contains("llama.cpp"));
        assertEquals("TOO_LONG", magnet_h.magnet_status_name(magnet_h.MAGNET_STATUS_TOO_LONG()).getString(0));
    }

    @Test
    void failureLeavesAMessage() {
        MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
        assertEquals(
                magnet_h.MAGNET_STATUS_IO(),
                magnet_h.magnet_model_load(arena.allocateFrom("/no/such/file"), MemorySegment.NULL, out));
        assertTrue(magnet_h.magnet_last_error().getString(0).contains("/no/such/file"));
        assertEquals(
                magnet_h.MAGNET_STATUS_IO(),
                magnet_h.magnet_adapter_load(model, arena.allocateFrom("/no/such/file"), out));
        magnet_h.magnet_adapter_free(MemorySegment.NULL);
        assertNotEquals(
                magnet_h.MAGNET_STATUS_OK(), magnet_h.magnet_adapter_get_info(MemorySegment.NULL, MemorySegment.NULL));
    }

    @Test
    void logReachesItsCallback() {
        StringBuffer log = new StringBuffer();
        magnet_h.magnet_log_set(
                magnet_log_callback.allocate((level, message, data) -> log.append(message.getString(0)), arena),
                MemorySegment.NULL);
        try {
            magnet_h.magnet_model_load(arena.allocateFrom("/no/such/file"), MemorySegment.NULL,
                    arena.allocate(ValueLayout.ADDRESS));
            magnet_h.magnet_model_free(MemorySegment.NULL);
        } finally {
            magnet_h.magnet_log_set(MemorySegment.NULL, MemorySegment.NULL);
        }
    }

    @Test
    void modelDescribesItself() {
        MemorySegment info = magnet_model_info.allocate(arena);
        check(magnet_h.magnet_model_get_info(model, info));
        assertEquals("qwen2", magnet_model_info.architecture(info).getString(0));
        assertTrue(magnet_h.magnet_model_meta_count(model) > 0);
        MemorySegment buffer = arena.allocate(1000);
        MemorySegment size = arena.allocate(ValueLayout.JAVA_INT);
        check(magnet_h.magnet_model_meta_key(model, 0, buffer, 1000, size));
        check(magnet_h.magnet_model_meta_value(model, 0, buffer, 1000, size));
    }

    @Test
    void tokensGoThereAndBack() {
        MemorySegment tokens = arena.allocate(ValueLayout.JAVA_INT, 100);
        MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
        check(magnet_h.magnet_tokenize(model, text("Hello"), false, false, tokens, 100, count));
        MemorySegment buffer = arena.allocate(100);
        MemorySegment size = arena.allocate(ValueLayout.JAVA_INT);
        check(magnet_h.magnet_detokenize(
                model, tokens, count.get(ValueLayout.JAVA_INT, 0), false, buffer, 100, size));
        assertEquals("Hello", buffer.getString(0));
        check(magnet_h.magnet_token_bytes(
                model, tokens.get(ValueLayout.JAVA_INT, 0), buffer, 100, size));
        assertTrue(size.get(ValueLayout.JAVA_INT, 0) > 0);
    }

    @Test
    void chatPromptSaysWhetherThereIsATemplate() {
        MemorySegment message = magnet_message.allocate(arena);
        magnet_message.role(message, arena.allocateFrom("user"));
        magnet_message.content(message, text("Hello"));
        MemorySegment buffer = arena.allocate(1000);
        MemorySegment size = arena.allocate(ValueLayout.JAVA_INT);
        int status = magnet_h.magnet_chat_prompt(model, message, 1, MemorySegment.NULL, true, buffer, 1000, size);
        assertTrue(status == magnet_h.MAGNET_STATUS_OK() || status == magnet_h.MAGNET_STATUS_UNSUPPORTED());
    }

    @Test
    void embedFillsTheCallersBuffer() {
        MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, 32);
        MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
        MemorySegment params = magnet_h.magnet_embed_default_params(arena);
        magnet_embed_params.pooling(params, magnet_h.MAGNET_POOLING_MEAN());
        check(magnet_h.magnet_session_set_adapters(session, MemorySegment.NULL, MemorySegment.NULL, 0));
        check(magnet_h.magnet_embed(session, text("Hello"), 1, params, out, 32, count));
        float square = 0;
        for (float x : out.toArray(ValueLayout.JAVA_FLOAT)) {
            square += x * x;
        }
        assertEquals(1, square, 1e-5);
        check(magnet_h.magnet_embed_tokens(
                session, text("x"), params, MemorySegment.NULL, MemorySegment.NULL, 0, count));
        MemorySegment ids = arena.allocateFrom(ValueLayout.JAVA_INT, 5, 6);
        check(magnet_h.magnet_embed_token_ids(
                session, ids, 2, params, arena.allocate(ValueLayout.JAVA_FLOAT, 64), 64));
    }

    @Test
    void infillReturnsASpanForItsGap() {
        MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
        MemorySegment params = magnet_h.magnet_infill_default_params(arena);
        magnet_infill_params.context(params, magnet_h.MAGNET_CONTEXT_HYBRID());
        check(magnet_h.magnet_infill(session, parts(false), 3, params, out));
        MemorySegment result = out.get(magnet_h.C_POINTER, 0);
        assertEquals(1, magnet_result.n_spans(result));
        assertEquals(4, magnet_span.n_tokens(magnet_result.spans(result)));
        magnet_h.magnet_result_free(result);
    }

    @Test
    void scoreReturnsASpanForItsGap() {
        MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
        MemorySegment item = magnet_score_item.allocate(arena);
        magnet_score_item.parts(item, parts(true));
        magnet_score_item.n_parts(item, 3);
        check(magnet_h.magnet_score(session, item, 1, magnet_h.magnet_score_default_params(arena), out));
        MemorySegment result = out.get(magnet_h.C_POINTER, 0);
        assertEquals("gap", magnet_span.text(magnet_result.spans(result)).getString(0));
        magnet_h.magnet_result_free(result);
    }

    @Test
    void layoutAndRuleSayWhoSeesWhom() {
        MemorySegment slots = magnet_slot.allocateArray(100, arena);
        MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
        check(magnet_h.magnet_layout(model, parts(false), 3, magnet_h.MAGNET_CONTEXT_HYBRID(), slots, 100, count));
        assertTrue(count.get(ValueLayout.JAVA_INT, 0) > 4);
        assertTrue(magnet_h.magnet_sees(magnet_h.MAGNET_ROLE_SPAN(), 0, magnet_h.MAGNET_ROLE_CONTEXT(), 9));
    }

    @Test
    void generateCallsBackAndCanBeStopped() {
        MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
        MemorySegment params = magnet_h.magnet_generate_default_params(arena);
        int[] calls = {0};
        magnet_generate_params.on_token(
                params, magnet_token_callback.allocate((event, data) -> ++calls[0] < 3, arena));
        magnet_generate_params.ignore_eos(params, true);
        magnet_h.magnet_session_cancel(session);
        check(magnet_h.magnet_session_reset(session));
        check(magnet_h.magnet_generate(session, text("Once"), params, out));
        MemorySegment result = out.get(magnet_h.C_POINTER, 0);
        assertEquals(3, calls[0]);
        assertEquals(magnet_h.MAGNET_STOP_CANCELLED(), magnet_span.stop(magnet_result.spans(result)));
        magnet_h.magnet_result_free(result);
    }

    @Test
    void evalReturnsItsFigures(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("text.txt"), "Tom lost his keys. ".repeat(20));
        MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
        MemorySegment params = magnet_h.magnet_eval_default_params(arena);
        magnet_eval_params.protocol(params, magnet_h.MAGNET_EVAL_PERPLEXITY());
        magnet_eval_params.file(params, arena.allocateFrom(file.toString()));
        magnet_eval_perplexity.window(magnet_eval_params.perplexity(params), 16);
        magnet_eval_params.limit(params, 2);
        check(magnet_h.magnet_eval(session, params, out));
        MemorySegment result = out.get(magnet_h.C_POINTER, 0);
        assertEquals(1, magnet_eval_result.n_figures(result));
        MemorySegment figure = magnet_eval_result.figures(result);
        assertEquals("perplexity", magnet_eval_figure.name(figure).getString(0));
        assertEquals(30, magnet_eval_figure.count(figure));
        assertTrue(magnet_eval_figure.value(figure) > 1);
        assertEquals(2, magnet_eval_series.n_values(magnet_eval_result.series(result)));
        magnet_h.magnet_eval_result_free(result);
    }
}
