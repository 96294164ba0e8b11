package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.GenerateOptions;
import dev.magnet.InfillOptions;
import dev.magnet.LoadOptions;
import dev.magnet.ScoreOptions;
import dev.magnet.TrainOptions;
import dev.magnet.ffi.c.magnet_embed_params;
import dev.magnet.ffi.c.magnet_generate_params;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_infill_params;
import dev.magnet.ffi.c.magnet_model_params;
import dev.magnet.ffi.c.magnet_score_params;
import dev.magnet.ffi.c.magnet_session_params;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The default options, read from the native library: the one place that has them. */
public final class Defaults {
    /** One call that computes and one more beside it; each uses all cores. */
    private static final int SESSIONS = 2;

    /** Read once; a class of its own, so that a library that cannot be loaded is met by Library.load() first. */
    private static final class Read {
        static final LoadOptions LOAD;
        static final EmbedOptions EMBED;
        static final GenerateOptions GENERATE;
        static final InfillOptions INFILL;
        static final ScoreOptions SCORE;
        static final TrainOptions TRAIN;

        static {
            try (Arena arena = Arena.ofConfined()) {
                LOAD = loadOptions(
                        magnet_h.magnet_model_default_params(arena), magnet_h.magnet_session_default_params(arena));
                EMBED = embedOptions(magnet_h.magnet_embed_default_params(arena));
                GENERATE = generateOptions(magnet_h.magnet_generate_default_params(arena));
                INFILL = infillOptions(magnet_h.magnet_infill_default_params(arena));
                SCORE = scoreOptions(magnet_h.magnet_score_default_params(arena));
                TRAIN = TrainParams.read(magnet_h.magnet_train_default_params(arena));
            }
        }
    }

    private Defaults() {}

    /** Of loading. */
    public static LoadOptions load() {
        Library.load();
        return Read.LOAD;
    }

    /** Of embedding. */
    public static EmbedOptions embed() {
        Library.load();
        return Read.EMBED;
    }

    /** Of generating. */
    public static GenerateOptions generate() {
        Library.load();
        return Read.GENERATE;
    }

    /** Of infilling. */
    public static InfillOptions infill() {
        Library.load();
        return Read.INFILL;
    }

    /** Of scoring. */
    public static ScoreOptions score() {
        Library.load();
        return Read.SCORE;
    }

    /** Of training. */
    public static TrainOptions train() {
        Library.load();
        return Read.TRAIN;
    }

    private static LoadOptions loadOptions(MemorySegment model, MemorySegment session) {
        return new LoadOptions(
                List.of(),
                SESSIONS,
                magnet_session_params.n_ctx(session),
                magnet_session_params.batch(session),
                magnet_session_params.n_threads(session),
                magnet_model_params.n_gpu_layers(model),
                Codes.engine(magnet_session_params.engine(session)),
                Codes.flashAttention(magnet_session_params.flash_attention(session)),
                magnet_model_params.use_mmap(model),
                magnet_model_params.use_mlock(model),
                magnet_model_params.check_tensors(model),
                null);
    }

    private static EmbedOptions embedOptions(MemorySegment params) {
        return new EmbedOptions(
                Codes.pooling(magnet_embed_params.pooling(params)),
                Codes.attention(magnet_embed_params.attention(params)),
                null,
                Codes.truncation(magnet_embed_params.truncate(params)),
                magnet_embed_params.max_tokens(params),
                magnet_embed_params.normalize(params),
                magnet_embed_params.append_eos(params),
                null,
                null);
    }

    private static GenerateOptions generateOptions(MemorySegment params) {
        return new GenerateOptions(
                Params.sampling(magnet_generate_params.sampling(params)),
                magnet_generate_params.max_tokens(params),
                List.of(),
                magnet_generate_params.top(params),
                magnet_generate_params.add_special(params),
                magnet_generate_params.parse_special(params),
                magnet_generate_params.ignore_eos(params),
                null,
                null);
    }

    private static InfillOptions infillOptions(MemorySegment params) {
        return new InfillOptions(
                Codes.context(magnet_infill_params.context(params)),
                Params.sampling(magnet_infill_params.sampling(params)),
                magnet_infill_params.max_tokens(params),
                magnet_infill_params.top(params),
                null,
                null);
    }

    private static ScoreOptions scoreOptions(MemorySegment params) {
        return new ScoreOptions(
                Codes.context(magnet_score_params.context(params)), magnet_score_params.top(params), null, null);
    }
}
