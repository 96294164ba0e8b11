package dev.magnet.internal;

import dev.magnet.EvaluateOptions;
import dev.magnet.Evaluated;
import dev.magnet.Evaluation;
import dev.magnet.ffi.c.magnet_eval_figure;
import dev.magnet.ffi.c.magnet_eval_result;
import dev.magnet.ffi.c.magnet_eval_series;
import dev.magnet.ffi.c.magnet_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Evaluating, blocking. */
public final class Evaluator {
    private final Runtime runtime;

    /** Evaluates with the sessions of {@code runtime}. */
    public Evaluator(Runtime runtime) {
        this.runtime = runtime;
    }

    /** Runs a protocol. */
    public Evaluated evaluate(Evaluation evaluation, EvaluateOptions options, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = EvalParams.write(arena, evaluation, options, call);
            MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
            return runtime.with(call, options.adapters(), "", session -> {
                session.remember(""); // a protocol decodes texts of its own
                try {
                    call.run(session.segment(), () -> magnet_h.magnet_eval(session.segment(), params, out));
                    return copy(out.get(magnet_h.C_POINTER, 0));
                } finally {
                    magnet_h.magnet_eval_result_free(out.get(ValueLayout.ADDRESS, 0));
                }
            });
        }
    }

    private static Evaluated copy(MemorySegment result) {
        return new Evaluated(
                figures(result), series(result), Results.seconds(magnet_eval_result.seconds(result)));
    }

    private static List<Evaluated.Figure> figures(MemorySegment result) {
        int count = magnet_eval_result.n_figures(result);
        List<Evaluated.Figure> copy = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            MemorySegment figure = magnet_eval_figure.asSlice(magnet_eval_result.figures(result), i);
            copy.add(new Evaluated.Figure(
                    magnet_eval_figure.name(figure).getString(0),
                    magnet_eval_figure.value(figure),
                    magnet_eval_figure.count(figure),
                    magnet_eval_figure.low(figure),
                    magnet_eval_figure.high(figure)));
        }
        return copy;
    }

    private static List<Evaluated.Series> series(MemorySegment result) {
        int count = magnet_eval_result.n_series(result);
        List<Evaluated.Series> copy = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            MemorySegment series = magnet_eval_series.asSlice(magnet_eval_result.series(result), i);
            copy.add(new Evaluated.Series(
                    magnet_eval_series.name(series).getString(0),
                    magnet_eval_series.values(series)
                            .asSlice(0, Double.BYTES * (long) magnet_eval_series.n_values(series))
                            .toArray(ValueLayout.JAVA_DOUBLE)));
        }
        return copy;
    }
}
