package dev.magnet;

import dev.magnet.internal.Defaults;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a model is loaded and used.
 *
 * @param adapters LoRA adapters (GGUF) of every call that names no others
 * @param sessions calls that may compute at the same time, at least 1; further callers wait their turn, in the order in which
 *     they came. Each takes a session, made when it is first needed, which keeps memory for the longest text that it has read
 * @param ctx most tokens of one text, generated ones counted; 0 = what the model was trained for
 * @param batch most tokens of one pass over several texts on a GPU, in [32, 65536]
 * @param threads threads that one call computes with; -1 = the physical cores that this process may use (CPU affinity and
 *     container limits are heeded), divided between the calls that run at the same time: a call that is alone has them all
 * @param gpuLayers layers held by the GPU, if the library has a GPU backend; -1 = all
 * @param engine what computes
 * @param flashAttention see {@link FlashAttention}
 * @param useMmap map the file instead of reading it. One that is cut short or written to while it is mapped ends the process:
 *     replace it by moving another file over it
 * @param useMlock keep the weights in RAM
 * @param checkTensors look for NaN and infinity in every weight while loading
 * @param weights see {@link Weights}
 * @param cacheType see {@link CacheType}
 * @param reusePrefix spare generation and infilling the tokens that a session has read before. Numbers then depend in their
 *     last bits on the calls before, and now and then a sampled token does; false = the same call with the same seed gives
 *     the same, whatever came before and whatever runs beside it
 * @param progress told how far loading is, in thousandths of the file; null = nobody
 */
@Withers
public record LoadOptions(
        List<Path> adapters,
        int sessions,
        int ctx,
        int batch,
        int threads,
        int gpuLayers,
        Engine engine,
        FlashAttention flashAttention,
        boolean useMmap,
        boolean useMlock,
        boolean checkTensors,
        Weights weights,
        CacheType cacheType,
        boolean reusePrefix,
        @Nullable ProgressListener progress) implements LoadOptionsWithers {
    /** Checks its arguments and makes {@code adapters} immutable. */
    public LoadOptions {
        adapters = List.copyOf(adapters);
        Objects.requireNonNull(engine, "engine");
        Objects.requireNonNull(flashAttention, "flashAttention");
        Objects.requireNonNull(weights, "weights");
        Objects.requireNonNull(cacheType, "cacheType");
        if (sessions < 1) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "sessions is " + sessions + "; at least 1 is needed");
        }
    }

    /** Sixteen sessions, no adapters, CPU; the native library's defaults elsewhere. */
    public static LoadOptions defaults() {
        return Defaults.load();
    }
}
