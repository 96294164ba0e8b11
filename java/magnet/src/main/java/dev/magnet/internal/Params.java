package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.GenerateOptions;
import dev.magnet.InfillOptions;
import dev.magnet.LoadOptions;
import dev.magnet.ProgressListener;
import dev.magnet.ScoreOptions;
import dev.magnet.TrainOptions;
import dev.magnet.TrainResult;
import dev.magnet.ffi.c.magnet_embed_params;
import dev.magnet.ffi.c.magnet_generate_params;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_infill_params;
import dev.magnet.ffi.c.magnet_model_params;
import dev.magnet.ffi.c.magnet_score_params;
import dev.magnet.ffi.c.magnet_session_params;
import dev.magnet.ffi.c.magnet_train_files;
import dev.magnet.ffi.c.magnet_train_params;
import dev.magnet.ffi.c.magnet_train_result;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Which options are which struct of magnet.h, and what these have that is no option: callbacks, and a call's arguments. */
final class Params {
    static final Mapping<LoadOptions> MODEL = Mapping.of(LoadOptions.class, magnet_model_params.layout());
    static final Mapping<LoadOptions> SESSION = Mapping.of(LoadOptions.class, magnet_session_params.layout());
    static final Mapping<EmbedOptions> EMBED = Mapping.of(EmbedOptions.class, magnet_embed_params.layout());
    static final Mapping<GenerateOptions> GENERATE = Mapping.of(GenerateOptions.class, magnet_generate_params.layout());
    static final Mapping<InfillOptions> INFILL = Mapping.of(InfillOptions.class, magnet_infill_params.layout());
    static final Mapping<ScoreOptions> SCORE = Mapping.of(ScoreOptions.class, magnet_score_params.layout());
    static final Mapping<TrainOptions> TRAIN = Mapping.of(TrainOptions.class, magnet_train_params.layout());

    static final Mapping<TrainResult> TRAINED = Mapping.of(TrainResult.class, magnet_train_result.layout());

    private Params() {}

    static MemorySegment model(Arena arena, LoadOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_model_default_params(arena);
        MODEL.write(arena, options, params);
        magnet_model_params.progress(params, Upcalls.onProgress());
        magnet_model_params.progress_user_data(params, call.userData());
        return params;
    }

    static MemorySegment session(Arena arena, LoadOptions options) {
        MemorySegment params = magnet_h.magnet_session_default_params(arena);
        SESSION.write(arena, options, params);
        return params;
    }

    static MemorySegment embed(Arena arena, EmbedOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_embed_default_params(arena);
        EMBED.write(arena, options, params);
        magnet_embed_params.progress(params, onProgress(options.progress()));
        magnet_embed_params.progress_user_data(params, call.userData());
        return params;
    }

    static MemorySegment generate(Arena arena, GenerateOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_generate_default_params(arena);
        GENERATE.write(arena, options, params);
        magnet_generate_params.on_token(params, Upcalls.onToken());
        magnet_generate_params.on_token_user_data(params, call.userData());
        return params;
    }

    static MemorySegment infill(Arena arena, InfillOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_infill_default_params(arena);
        INFILL.write(arena, options, params);
        magnet_infill_params.on_token(params, Upcalls.onToken());
        magnet_infill_params.on_token_user_data(params, call.userData());
        return params;
    }

    static MemorySegment score(Arena arena, ScoreOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_score_default_params(arena);
        SCORE.write(arena, options, params);
        magnet_score_params.progress(params, onProgress(options.progress()));
        magnet_score_params.progress_user_data(params, call.userData());
        return params;
    }

    /**
     * For a training.
     *
     * @param output where the adapter goes; null for a run that writes nothing
     */
    static MemorySegment train(Arena arena, Path model, @Nullable Path output, TrainOptions options) {
        MemorySegment params = magnet_h.magnet_train_default_params(arena);
        TRAIN.write(arena, options, params);
        MemorySegment files = magnet_train_params.files(params);
        magnet_train_files.model(files, Native.path(arena, model, "model"));
        if (output != null) {
            magnet_train_files.output(files, Native.path(arena, output, "output"));
            Path checkpoint = Training.checkpoint(output, options.files());
            magnet_train_files.checkpoint(files, Native.path(arena, checkpoint, "checkpoint"));
        }
        return params;
    }

    private static MemorySegment onProgress(@Nullable ProgressListener listener) {
        return listener == null ? MemorySegment.NULL : Upcalls.onProgress();
    }
}
