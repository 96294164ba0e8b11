package dev.magnet.internal;

import dev.magnet.ChoiceEvaluation;
import dev.magnet.EvaluateOptions;
import dev.magnet.Evaluation;
import dev.magnet.InfillEvaluation;
import dev.magnet.PerplexityEvaluation;
import dev.magnet.ProbeEvaluation;
import dev.magnet.RepetitionEvaluation;
import dev.magnet.RetrievalEvaluation;
import dev.magnet.StsEvaluation;
import dev.magnet.ffi.c.magnet_eval_infill;
import dev.magnet.ffi.c.magnet_eval_params;
import dev.magnet.ffi.c.magnet_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** {@link Evaluation} as {@code struct magnet_eval_params}, and the protocols with the defaults of that struct. */
public final class EvalParams {
    /** A protocol, its code, and its components in the struct of its own or in that of all. */
    record Protocol<E extends Record>(Class<E> type, int code, String struct, Mapping<E> mapping) {
        void write(Arena arena, Evaluation evaluation, MemorySegment params) {
            magnet_eval_params.protocol(params, code);
            mapping.write(arena, type.cast(evaluation), params);
        }
    }

    /** A class of its own, so that a library that cannot be loaded is met by Library.load() first. */
    static final class Known {
        static final Mapping<EvaluateOptions> OPTIONS = Mapping.of(EvaluateOptions.class, magnet_eval_params.layout());
        static final List<Protocol<?>> PROTOCOLS = List.of(
                protocol(StsEvaluation.class, magnet_h.MAGNET_EVAL_STS(), "sts"),
                protocol(InfillEvaluation.class, magnet_h.MAGNET_EVAL_INFILL(), "infill"),
                protocol(PerplexityEvaluation.class, magnet_h.MAGNET_EVAL_PERPLEXITY(), "perplexity"),
                protocol(RepetitionEvaluation.class, magnet_h.MAGNET_EVAL_REPETITION(), "repetition"),
                protocol(ProbeEvaluation.class, magnet_h.MAGNET_EVAL_PROBE(), "probe"),
                protocol(ChoiceEvaluation.class, magnet_h.MAGNET_EVAL_CHOICE(), "choice"),
                protocol(RetrievalEvaluation.class, magnet_h.MAGNET_EVAL_RETRIEVAL(), "retrieval"));
    }

    private EvalParams() {}

    private static <E extends Record> Protocol<E> protocol(Class<E> type, int code, String struct) {
        return new Protocol<>(type, code, struct, Mapping.of(type, magnet_eval_params.layout(), struct));
    }

    private static Protocol<?> of(Class<?> type) {
        return Known.PROTOCOLS.stream().filter(each -> each.type == type).findFirst().orElseThrow();
    }

    /**
     * A protocol with the library's defaults.
     *
     * @param given its components that have none, by name
     */
    public static <E extends Record & Evaluation> E defaults(Class<E> type, Map<String, ?> given) {
        return fromDefaults(params -> {
            Mapping<?> mapping = of(type).mapping;
            Map<String, Object> values = mapping.values(params);
            values.putAll(given);
            return type.cast(mapping.make(values));
        });
    }

    /** So many sentences of a row as are left out by default. */
    public static InfillEvaluation.Gaps defaultGaps() {
        return new InfillEvaluation.Gaps.Sentences(
                fromDefaults(params -> magnet_eval_infill.n_gaps(magnet_eval_params.infill(params))));
    }

    /** Resamples of the bootstrap. */
    public static int defaultResamples() {
        return fromDefaults(magnet_eval_params::resamples);
    }

    /** Tokens that are read of a paragraph with spans. */
    public static int defaultWindow() {
        return fromDefaults(params -> magnet_eval_infill.window(magnet_eval_params.infill(params)));
    }

    private static <T> T fromDefaults(Function<MemorySegment, T> read) {
        Library.load();
        try (Arena arena = Arena.ofConfined()) {
            return read.apply(magnet_h.magnet_eval_default_params(arena));
        }
    }

    static MemorySegment write(Arena arena, Evaluation evaluation, EvaluateOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_eval_default_params(arena);
        Known.OPTIONS.write(arena, options, params);
        magnet_eval_params.progress(params, Upcalls.onProgress());
        magnet_eval_params.progress_user_data(params, call.userData());
        of(evaluation.getClass()).write(arena, evaluation, params);
        if (evaluation instanceof InfillEvaluation infill) {
            writeGaps(infill.gaps(), magnet_eval_params.infill(params));
        }
        return params;
    }

    private static void writeGaps(InfillEvaluation.Gaps gaps, MemorySegment infill) {
        switch (gaps) {
            case InfillEvaluation.Gaps.Sentences(int count) -> {
                magnet_eval_infill.gaps(infill, magnet_h.MAGNET_EVAL_GAPS_SENTENCES());
                magnet_eval_infill.n_gaps(infill, count);
            }
            case InfillEvaluation.Gaps.Given() -> {
                magnet_eval_infill.gaps(infill, magnet_h.MAGNET_EVAL_GAPS_GIVEN());
                magnet_eval_infill.n_gaps(infill, 1);
            }
            case InfillEvaluation.Gaps.Spans(int count, int min, int max, int window) -> {
                magnet_eval_infill.gaps(infill, magnet_h.MAGNET_EVAL_GAPS_SPANS());
                magnet_eval_infill.n_gaps(infill, count);
                magnet_eval_infill.span_min(infill, min);
                magnet_eval_infill.span_max(infill, max);
                magnet_eval_infill.window(infill, window);
            }
        }
    }
}
