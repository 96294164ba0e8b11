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
import dev.magnet.ffi.c.magnet_eval_choice;
import dev.magnet.ffi.c.magnet_eval_infill;
import dev.magnet.ffi.c.magnet_eval_params;
import dev.magnet.ffi.c.magnet_eval_perplexity;
import dev.magnet.ffi.c.magnet_eval_probe;
import dev.magnet.ffi.c.magnet_eval_repetition;
import dev.magnet.ffi.c.magnet_eval_retrieval;
import dev.magnet.ffi.c.magnet_eval_sts;
import dev.magnet.ffi.c.magnet_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/** {@link Evaluation} as {@code struct magnet_eval_params}, and the protocols with the defaults of that struct. */
public final class EvalParams {
    private EvalParams() {}

    /** Similarity. */
    public static StsEvaluation sts(Path file) {
        return withDefaults(p ->
                new StsEvaluation(file, List.of(), List.of(), null, magnet_eval_params.limit(p)));
    }

    /** Infilling of sentences. */
    public static InfillEvaluation infill(Path file) {
        return withDefaults(p -> new InfillEvaluation(
                file, List.of(), new InfillEvaluation.Gaps.Sentences(magnet_eval_infill.n_gaps(magnet_eval_params.infill(p))),
                magnet_eval_infill.room(magnet_eval_params.infill(p)), magnet_eval_infill.seed(magnet_eval_params.infill(p)), magnet_eval_params.limit(p)));
    }

    /** Tokens that are read of a paragraph with spans. */
    public static int defaultWindow() {
        return withDefaults(p -> magnet_eval_infill.window(magnet_eval_params.infill(p)));
    }

    /** Perplexity. */
    public static PerplexityEvaluation perplexity(Path file) {
        return withDefaults(p ->
                new PerplexityEvaluation(file, magnet_eval_perplexity.window(magnet_eval_params.perplexity(p)), magnet_eval_params.limit(p)));
    }

    /** Repetition. */
    public static RepetitionEvaluation repetition(Path file) {
        return withDefaults(p -> new RepetitionEvaluation(
                file, magnet_eval_repetition.prefix_words(magnet_eval_params.repetition(p)), magnet_eval_repetition.max_tokens(magnet_eval_params.repetition(p)),
                Params.sampling(magnet_eval_repetition.sampling(magnet_eval_params.repetition(p))), magnet_eval_repetition.seed(magnet_eval_params.repetition(p)),
                magnet_eval_params.limit(p)));
    }

    /** Probing. */
    public static ProbeEvaluation probe(Path trainFile, Path file) {
        return withDefaults(p -> new ProbeEvaluation(
                trainFile, file, List.of(), List.of(), Codes.word(magnet_eval_probe.word(magnet_eval_params.probe(p))), List.of(), null,
                magnet_eval_probe.train_limit(magnet_eval_params.probe(p)), magnet_eval_params.limit(p)));
    }

    /** Multiple choice. */
    public static ChoiceEvaluation choice(Path file) {
        return withDefaults(p -> new ChoiceEvaluation(file, null, magnet_eval_params.limit(p)));
    }

    /** Retrieval. */
    public static RetrievalEvaluation retrieval(Path queries, Path documents, Path relevance) {
        return new RetrievalEvaluation(queries, documents, relevance, List.of(), List.of(), List.of(), null, null);
    }

    private static <R> R withDefaults(Function<MemorySegment, R> make) {
        Library.load();
        try (Arena arena = Arena.ofConfined()) {
            return make.apply(magnet_h.magnet_eval_default_params(arena));
        }
    }

    static MemorySegment write(Arena arena, Evaluation evaluation, EvaluateOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_eval_default_params(arena);
        magnet_eval_params.state(params, Native.path(arena, options.state(), "state"));
        magnet_eval_params.progress(params, Upcalls.onProgress());
        magnet_eval_params.progress_user_data(params, call.userData());
        switch (evaluation) {
            case StsEvaluation sts -> set(params, arena, sts);
            case InfillEvaluation infill -> set(params, arena, infill);
            case PerplexityEvaluation perplexity -> set(params, arena, perplexity);
            case RepetitionEvaluation repetition -> set(params, arena, repetition);
            case ProbeEvaluation probe -> set(params, arena, probe);
            case ChoiceEvaluation choice -> set(params, arena, choice);
            case RetrievalEvaluation retrieval -> set(params, arena, retrieval);
        }
        return params;
    }

    private static void set(MemorySegment params, Arena arena, StsEvaluation sts) {
        magnet_eval_params.protocol(params, magnet_h.MAGNET_EVAL_STS());
        magnet_eval_params.file(params, Native.path(arena, sts.file(), "file"));
        magnet_eval_sts.poolings(magnet_eval_params.sts(params), codes(arena, sts.poolings(), Codes::of));
        magnet_eval_sts.n_poolings(magnet_eval_params.sts(params), sts.poolings().size());
        magnet_eval_sts.attentions(magnet_eval_params.sts(params), codes(arena, sts.attentions(), Codes::of));
        magnet_eval_sts.n_attentions(magnet_eval_params.sts(params), sts.attentions().size());
        magnet_eval_sts.instruction(magnet_eval_params.sts(params), optional(arena, sts.instruction(), "instruction"));
        magnet_eval_params.limit(params, sts.limit());
    }

    private static void set(MemorySegment params, Arena arena, InfillEvaluation infill) {
        magnet_eval_params.protocol(params, magnet_h.MAGNET_EVAL_INFILL());
        magnet_eval_params.file(params, Native.path(arena, infill.file(), "file"));
        magnet_eval_infill.contexts(magnet_eval_params.infill(params), codes(arena, infill.contexts(), Codes::of));
        magnet_eval_infill.n_contexts(magnet_eval_params.infill(params), infill.contexts().size());
        switch (infill.gaps()) {
            case InfillEvaluation.Gaps.Sentences(int count) -> {
                magnet_eval_infill.gaps(magnet_eval_params.infill(params), magnet_h.MAGNET_EVAL_GAPS_SENTENCES());
                magnet_eval_infill.n_gaps(magnet_eval_params.infill(params), count);
            }
            case InfillEvaluation.Gaps.Spans(int count, int min, int max, int window) -> {
                magnet_eval_infill.gaps(magnet_eval_params.infill(params), magnet_h.MAGNET_EVAL_GAPS_SPANS());
                magnet_eval_infill.n_gaps(magnet_eval_params.infill(params), count);
                magnet_eval_infill.span_min(magnet_eval_params.infill(params), min);
                magnet_eval_infill.span_max(magnet_eval_params.infill(params), max);
                magnet_eval_infill.window(magnet_eval_params.infill(params), window);
            }
        }
        magnet_eval_infill.room(magnet_eval_params.infill(params), infill.room());
        magnet_eval_infill.seed(magnet_eval_params.infill(params), infill.seed());
        magnet_eval_params.limit(params, infill.limit());
    }

    private static void set(MemorySegment params, Arena arena, PerplexityEvaluation perplexity) {
        magnet_eval_params.protocol(params, magnet_h.MAGNET_EVAL_PERPLEXITY());
        magnet_eval_params.file(params, Native.path(arena, perplexity.file(), "file"));
        magnet_eval_perplexity.window(magnet_eval_params.perplexity(params), perplexity.window());
        magnet_eval_params.limit(params, perplexity.limit());
    }

    private static void set(MemorySegment params, Arena arena, RepetitionEvaluation repetition) {
        magnet_eval_params.protocol(params, magnet_h.MAGNET_EVAL_REPETITION());
        magnet_eval_params.file(params, Native.path(arena, repetition.file(), "file"));
        magnet_eval_repetition.prefix_words(magnet_eval_params.repetition(params), repetition.prefixWords());
        magnet_eval_repetition.max_tokens(magnet_eval_params.repetition(params), repetition.maxTokens());
        Params.setSampling(magnet_eval_repetition.sampling(magnet_eval_params.repetition(params)), arena, repetition.sampling());
        magnet_eval_repetition.seed(magnet_eval_params.repetition(params), repetition.seed());
        magnet_eval_params.limit(params, repetition.limit());
    }

    private static void set(MemorySegment params, Arena arena, ProbeEvaluation probe) {
        magnet_eval_params.protocol(params, magnet_h.MAGNET_EVAL_PROBE());
        magnet_eval_probe.train_file(magnet_eval_params.probe(params), Native.path(arena, probe.trainFile(), "trainFile"));
        magnet_eval_params.file(params, Native.path(arena, probe.file(), "file"));
        magnet_eval_probe.tasks(magnet_eval_params.probe(params), codes(arena, probe.tasks(), Codes::of));
        magnet_eval_probe.n_tasks(magnet_eval_params.probe(params), probe.tasks().size());
        magnet_eval_probe.attentions(magnet_eval_params.probe(params), codes(arena, probe.attentions(), Codes::of));
        magnet_eval_probe.n_attentions(magnet_eval_params.probe(params), probe.attentions().size());
        magnet_eval_probe.word(magnet_eval_params.probe(params), Codes.of(probe.word()));
        MemorySegment l2 = arena.allocate(ValueLayout.JAVA_FLOAT, Math.max(1, probe.l2().size()));
        for (int i = 0; i < probe.l2().size(); i++) {
            l2.setAtIndex(ValueLayout.JAVA_FLOAT, i, probe.l2().get(i).floatValue());
        }
        magnet_eval_probe.l2(magnet_eval_params.probe(params), l2);
        magnet_eval_probe.n_l2(magnet_eval_params.probe(params), probe.l2().size());
        magnet_eval_probe.instruction(magnet_eval_params.probe(params), optional(arena, probe.instruction(), "instruction"));
        magnet_eval_probe.train_limit(magnet_eval_params.probe(params), probe.trainLimit());
        magnet_eval_params.limit(params, probe.limit());
    }

    private static void set(MemorySegment params, Arena arena, ChoiceEvaluation choice) {
        magnet_eval_params.protocol(params, magnet_h.MAGNET_EVAL_CHOICE());
        magnet_eval_params.file(params, Native.path(arena, choice.file(), "file"));
        if (choice.prompt() != null) {
            magnet_eval_choice.prompt(magnet_eval_params.choice(params), Native.cString(arena, choice.prompt(), "prompt"));
        }
        magnet_eval_params.limit(params, choice.limit());
    }

    private static void set(MemorySegment params, Arena arena, RetrievalEvaluation retrieval) {
        magnet_eval_params.protocol(params, magnet_h.MAGNET_EVAL_RETRIEVAL());
        magnet_eval_params.file(params, Native.path(arena, retrieval.queries(), "queries"));
        magnet_eval_retrieval.documents(magnet_eval_params.retrieval(params), Native.path(arena, retrieval.documents(), "documents"));
        magnet_eval_retrieval.relevance(magnet_eval_params.retrieval(params), Native.path(arena, retrieval.relevance(), "relevance"));
        magnet_eval_retrieval.cutoffs(magnet_eval_params.retrieval(params), codes(arena, retrieval.cutoffs(), Integer::intValue));
        magnet_eval_retrieval.n_cutoffs(magnet_eval_params.retrieval(params), retrieval.cutoffs().size());
        magnet_eval_retrieval.poolings(magnet_eval_params.retrieval(params), codes(arena, retrieval.poolings(), Codes::of));
        magnet_eval_retrieval.n_poolings(magnet_eval_params.retrieval(params), retrieval.poolings().size());
        magnet_eval_retrieval.attentions(magnet_eval_params.retrieval(params), codes(arena, retrieval.attentions(), Codes::of));
        magnet_eval_retrieval.n_attentions(magnet_eval_params.retrieval(params), retrieval.attentions().size());
        magnet_eval_retrieval.instruction(magnet_eval_params.retrieval(params), optional(arena, retrieval.instruction(), "instruction"));
        if (retrieval.documentInstruction() != null) {
            magnet_eval_retrieval.document_instruction(
                    magnet_eval_params.retrieval(params), Native.cString(arena, retrieval.documentInstruction(), "documentInstruction"));
        }
    }

    private static MemorySegment optional(Arena arena, @Nullable String text, String what) {
        return text == null ? MemorySegment.NULL : Native.cString(arena, text, what);
    }

    /** {@code int32_t [values.size()]}. */
    private static <T> MemorySegment codes(Arena arena, List<T> values, ToIntFunction<T> code) {
        return values.isEmpty()
                ? MemorySegment.NULL
                : arena.allocateFrom(ValueLayout.JAVA_INT, values.stream().mapToInt(code).toArray());
    }
}
