package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.GenerateOptions;
import dev.magnet.InfillOptions;
import dev.magnet.LoadOptions;
import dev.magnet.ScoreOptions;
import dev.magnet.TrainOptions;
import dev.magnet.ffi.c.magnet_h;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;

/** The default options, read from the native library: the one place that has them. */
public final class Defaults {
    /** As many as share a pass of the fused engine without a change of a bit; each is made when it is first needed. */
    private static final int SESSIONS = 16;

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
                Map<String, Object> load = Params.MODEL.values(magnet_h.magnet_model_default_params(arena));
                load.putAll(Params.SESSION.values(magnet_h.magnet_session_default_params(arena)));
                load.put("sessions", SESSIONS);
                load.put("adapters", List.of());
                LOAD = Params.MODEL.make(load);
                EMBED = Params.EMBED.read(magnet_h.magnet_embed_default_params(arena));
                GENERATE = Params.GENERATE.read(magnet_h.magnet_generate_default_params(arena));
                INFILL = Params.INFILL.read(magnet_h.magnet_infill_default_params(arena));
                SCORE = Params.SCORE.read(magnet_h.magnet_score_default_params(arena));
                TRAIN = Params.TRAIN.read(magnet_h.magnet_train_default_params(arena));
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
}
