package dev.magnet.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.magnet.EmbedOptions;
import dev.magnet.LoadOptions;
import dev.magnet.MagnetException;
import dev.magnet.Status;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_text;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CallTest {
    private static final Path MODEL =
            Path.of(System.getProperty("magnet.root"), "native", "tests", "golden", "tiny-llama.gguf");
    private static final int TEXTS = 20_000;

    /** The library knows a call that is to be stopped only once it runs; this one is stopped a moment before. */
    @Test
    void callThatIsStoppedJustBeforeTheLibraryKnowsItIsStoppedAllTheSame() {
        try (var runtime = new Runtime(MODEL, LoadOptions.defaults().withThreads(1), scaled -> null);
                Arena arena = Arena.ofConfined()) {
            var call = Call.tellingProgress(null);
            MemorySegment texts = magnet_text.allocateArray(TEXTS, arena);
            for (int i = 0; i < TEXTS; i++) {
                Native.setText(magnet_text.asSlice(texts, i), arena, "a text that is one of very many", "text");
            }
            MemorySegment params = Params.embed(arena, EmbedOptions.defaults(), call);
            long floats = (long) TEXTS * runtime.model().info().dimensions();
            MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, floats);
            MagnetException e = assertThrows(MagnetException.class, () -> runtime.with(call, null, "", session -> {
                call.run(session.segment(), () -> {
                    call.cancel(Call.Cause.CALLER);
                    return magnet_h.magnet_embed(
                            session.segment(), texts, TEXTS, params, out, floats, MemorySegment.NULL);
                });
                return null;
            }));
            assertEquals(Status.CANCELLED, e.status());
        }
    }
}
