package dev.magnet.internal;

import dev.magnet.Engine;
import dev.magnet.LoadOptions;
import dev.magnet.InfillContext;
import dev.magnet.ModelInfo;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_model_info;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** A native model. Whoever uses it holds the gate of its Magnet, so that it is not freed meanwhile. */
public final class ModelHandle {
    private final MemorySegment model;
    private final ModelInfo info;

    private ModelHandle(MemorySegment model) {
        this.model = model;
        this.info = readInfo(model);
    }

    /** Loads a GGUF file. */
    public static ModelHandle load(Path file, LoadOptions options) {
        Library.load();
        var call = Call.tellingProgress(options.progress());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment path = Native.cString(arena, file.toAbsolutePath().toString(), "path");
            MemorySegment params = Params.model(arena, options, call);
            MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
            call.run(null, () -> magnet_h.magnet_model_load(path, params, out));
            return new ModelHandle(out.get(ValueLayout.ADDRESS, 0));
        }
    }

    MemorySegment segment() {
        return model;
    }

    /** What its file says. */
    public ModelInfo info() {
        return info;
    }

    /** Refuses, and says why, where an engine cannot train an adapter for it. */
    public void checkTraining(Engine engine) {
        Native.check(magnet_h.magnet_model_check_training(model, Codes.of(engine)));
    }

    /** All metadata of its file, in its order. */
    public Map<String, String> metadata() {
        Map<String, String> metadata = new LinkedHashMap<>();
        int count = magnet_h.magnet_model_meta_count(model);
        for (int i = 0; i < count; i++) {
            int index = i;
            try (Arena arena = Arena.ofConfined()) {
                metadata.put(
                        Native.string(arena, 128, (buffer, capacity, size) ->
                                magnet_h.magnet_model_meta_key(model, index, buffer, capacity, size)),
                        Native.string(arena, 1024, (buffer, capacity, size) ->
                                magnet_h.magnet_model_meta_value(model, index, buffer, capacity, size)));
            }
        }
        return metadata;
    }

    /** Frees it; to be called once. */
    public void free() {
        magnet_h.magnet_model_free(model);
    }

    private static ModelInfo readInfo(MemorySegment model) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment info = magnet_model_info.allocate(arena);
            Native.check(magnet_h.magnet_model_get_info(model, info));
            return new ModelInfo(
                    magnet_model_info.architecture(info).getString(0),
                    magnet_model_info.description(info).getString(0),
                    magnet_model_info.name(info).getString(0),
                    magnet_model_info.n_params(info),
                    magnet_model_info.n_bytes(info),
                    magnet_model_info.n_vocab(info),
                    magnet_model_info.n_embd(info),
                    magnet_model_info.n_layer(info),
                    magnet_model_info.n_head(info),
                    magnet_model_info.n_head_kv(info),
                    magnet_model_info.n_ctx_train(info),
                    magnet_model_info.token_bos(info),
                    magnet_model_info.token_eos(info),
                    magnet_model_info.token_eot(info),
                    Codes.value(InfillContext.class, magnet_model_info.context(info)),
                    magnet_model_info.has_chat_template(info),
                    magnet_model_info.can_embed_bidirectional(info),
                    magnet_model_info.can_infill(info),
                    magnet_model_info.has_fim_tokens(info),
                    magnet_model_info.fused_engine(info),
                    magnet_model_info.bytes_copied(info),
                    magnet_model_info.bytes_stored(info),
                    magnet_model_info.bytes_available(info),
                    magnet_model_info.cache_bytes_per_token(info));
        }
    }
}
