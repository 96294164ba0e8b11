package dev.magnet.internal;

import dev.magnet.ContrastOptions;
import dev.magnet.LoraOptions;
import dev.magnet.OptimizerOptions;
import dev.magnet.RowOptions;
import dev.magnet.TrainData;
import dev.magnet.TrainFiles;
import dev.magnet.TrainOptions;
import dev.magnet.TrainStage;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_train_params;
import dev.magnet.ffi.c.magnet_train_stage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@link TrainOptions} as {@code struct magnet_train_params}, and back. */
final class TrainParams {
    private TrainParams() {}

    /** Options that say the same as {@code params}, which name no files. */
    static TrainOptions read(MemorySegment params) {
        return new TrainOptions(
                new TrainData(
                        List.of(),
                        Codes.textUnit(magnet_train_params.text_unit(params)),
                        List.of(),
                        List.of(),
                        List.of(),
                        magnet_train_params.heldout_rows(params)),
                stages(params),
                rows(params),
                contrast(params),
                lora(params),
                optimizer(params),
                new TrainFiles(
                        null,
                        magnet_train_params.checkpoint_every(params),
                        null,
                        null,
                        magnet_train_params.overwrite(params)),
                magnet_train_params.mask_token(params).getString(0),
                Codes.context(magnet_train_params.context(params)),
                magnet_train_params.eval_every(params),
                magnet_train_params.seed(params),
                magnet_train_params.n_threads(params),
                Codes.engine(magnet_train_params.engine(params)),
                magnet_train_params.n_gpu_layers(params),
                magnet_train_params.exact(params),
                magnet_train_params.recompute(params));
    }

    private static List<TrainStage> stages(MemorySegment params) {
        List<TrainStage> stages = new ArrayList<>();
        for (int i = 0; i < magnet_train_params.n_stages(params); i++) {
            MemorySegment stage = magnet_train_stage.asSlice(magnet_train_params.stages(params), i);
            stages.add(new TrainStage(
                    magnet_train_stage.steps(stage),
                    magnet_train_stage.mntp(stage),
                    magnet_train_stage.sscl(stage),
                    magnet_train_stage.msg(stage)));
        }
        return stages;
    }

    private static RowOptions rows(MemorySegment params) {
        return new RowOptions(
                magnet_train_params.rows(params),
                magnet_train_params.row_length(params),
                magnet_train_params.share_hybrid(params),
                magnet_train_params.share_ordered(params),
                magnet_train_params.share_causal(params),
                magnet_train_params.mask_rate(params),
                magnet_train_params.max_spans(params),
                magnet_train_params.span_min(params),
                magnet_train_params.span_max(params),
                magnet_train_params.sentence_share(params),
                magnet_train_params.open_room(params));
    }

    private static ContrastOptions contrast(MemorySegment params) {
        return new ContrastOptions(
                magnet_train_params.pairs_per_batch(params),
                magnet_train_params.pair_length(params),
                Codes.pooling(magnet_train_params.pooling(params)),
                Codes.attention(magnet_train_params.attention(params)),
                magnet_train_params.instruction(params).getString(0),
                magnet_train_params.temperature(params),
                magnet_train_params.symmetric(params),
                magnet_train_params.text_pair_share(params),
                magnet_train_params.projection(params));
    }

    private static LoraOptions lora(MemorySegment params) {
        List<String> targets = new ArrayList<>();
        for (int i = 0; i < magnet_train_params.n_targets(params); i++) {
            targets.add(magnet_train_params.targets(params)
                    .getAtIndex(magnet_h.C_POINTER, i)
                    .getString(0));
        }
        return new LoraOptions(
                magnet_train_params.rank(params),
                magnet_train_params.alpha(params),
                magnet_train_params.dropout(params),
                targets,
                null,
                magnet_train_params.half(params));
    }

    private static OptimizerOptions optimizer(MemorySegment params) {
        return new OptimizerOptions(
                magnet_train_params.learning_rate(params),
                magnet_train_params.learning_rate_end(params),
                Codes.decay(magnet_train_params.decay(params)),
                magnet_train_params.warmup(params),
                magnet_train_params.weight_decay(params),
                magnet_train_params.clip(params),
                magnet_train_params.accumulate(params));
    }

    /**
     * The struct for a run.
     *
     * @param output where the adapter goes; null for a run that writes nothing
     */
    static MemorySegment write(Arena arena, Path model, @Nullable Path output, TrainOptions options) {
        MemorySegment params = magnet_h.magnet_train_default_params(arena);
        magnet_train_params.model(params, Native.path(arena, model, "model"));
        magnet_train_params.output(params, Native.path(arena, output, "output"));
        setFiles(params, arena, options.files());
        setData(params, arena, options.data());
        setStages(params, arena, options.stages());
        setRows(params, options.rows());
        setContrast(params, arena, options.contrast());
        setLora(params, arena, options.lora());
        setOptimizer(params, options.optimizer());
        magnet_train_params.mask_token(params, Native.cString(arena, options.maskToken(), "maskToken"));
        magnet_train_params.context(params, Codes.of(options.context()));
        magnet_train_params.eval_every(params, options.evalEvery());
        magnet_train_params.seed(params, options.seed());
        magnet_train_params.n_threads(params, options.threads());
        magnet_train_params.engine(params, Codes.of(options.engine()));
        magnet_train_params.n_gpu_layers(params, options.gpuLayers());
        magnet_train_params.exact(params, options.exact());
        magnet_train_params.recompute(params, options.recompute());
        return params;
    }

    private static void setFiles(MemorySegment params, Arena arena, TrainFiles files) {
        magnet_train_params.checkpoint(params, Native.path(arena, files.checkpoint(), "checkpoint"));
        magnet_train_params.checkpoint_every(params, files.checkpointEvery());
        magnet_train_params.metrics(params, Native.path(arena, files.metrics(), "metrics"));
        magnet_train_params.report(params, Native.path(arena, files.report(), "report"));
        magnet_train_params.overwrite(params, files.overwrite());
    }

    private static void setData(MemorySegment params, Arena arena, TrainData data) {
        magnet_train_params.text_unit(params, Codes.of(data.textUnit()));
        magnet_train_params.heldout_rows(params, data.heldoutRows());
        magnet_train_params.texts(params, paths(arena, data.texts(), "texts"));
        magnet_train_params.n_texts(params, data.texts().size());
        magnet_train_params.pairs(params, paths(arena, data.pairs(), "pairs"));
        magnet_train_params.n_pairs(params, data.pairs().size());
        magnet_train_params.heldout_texts(params, paths(arena, data.heldoutTexts(), "heldoutTexts"));
        magnet_train_params.n_heldout_texts(params, data.heldoutTexts().size());
        magnet_train_params.heldout_pairs(params, paths(arena, data.heldoutPairs(), "heldoutPairs"));
        magnet_train_params.n_heldout_pairs(params, data.heldoutPairs().size());
    }

    private static void setStages(MemorySegment params, Arena arena, List<TrainStage> stages) {
        MemorySegment array = magnet_train_stage.allocateArray(Math.max(1, stages.size()), arena);
        for (int i = 0; i < stages.size(); i++) {
            MemorySegment stage = magnet_train_stage.asSlice(array, i);
            magnet_train_stage.steps(stage, stages.get(i).steps());
            magnet_train_stage.mntp(stage, stages.get(i).mntp());
            magnet_train_stage.sscl(stage, stages.get(i).sscl());
            magnet_train_stage.msg(stage, stages.get(i).msg());
        }
        magnet_train_params.stages(params, array);
        magnet_train_params.n_stages(params, stages.size());
    }

    private static void setRows(MemorySegment params, RowOptions rows) {
        magnet_train_params.rows(params, rows.batch());
        magnet_train_params.row_length(params, rows.length());
        magnet_train_params.share_hybrid(params, rows.shareHybrid());
        magnet_train_params.share_ordered(params, rows.shareOrdered());
        magnet_train_params.share_causal(params, rows.shareCausal());
        magnet_train_params.mask_rate(params, rows.maskRate());
        magnet_train_params.max_spans(params, rows.maxSpans());
        magnet_train_params.span_min(params, rows.spanMin());
        magnet_train_params.span_max(params, rows.spanMax());
        magnet_train_params.sentence_share(params, rows.sentenceShare());
        magnet_train_params.open_room(params, rows.openRoom());
    }

    private static void setContrast(MemorySegment params, Arena arena, ContrastOptions contrast) {
        magnet_train_params.pairs_per_batch(params, contrast.batch());
        magnet_train_params.pair_length(params, contrast.length());
        magnet_train_params.pooling(params, Codes.of(contrast.pooling()));
        magnet_train_params.attention(params, Codes.of(contrast.attention()));
        magnet_train_params.instruction(params, Native.cString(arena, contrast.instruction(), "instruction"));
        magnet_train_params.temperature(params, contrast.temperature());
        magnet_train_params.symmetric(params, contrast.symmetric());
        magnet_train_params.text_pair_share(params, contrast.textShare());
        magnet_train_params.projection(params, contrast.projection());
    }

    private static void setLora(MemorySegment params, Arena arena, LoraOptions lora) {
        magnet_train_params.rank(params, lora.rank());
        magnet_train_params.alpha(params, lora.alpha());
        magnet_train_params.dropout(params, lora.dropout());
        magnet_train_params.targets(params, Params.strings(arena, lora.targets(), "targets"));
        magnet_train_params.n_targets(params, lora.targets().size());
        magnet_train_params.init_adapter(params, Native.path(arena, lora.from(), "from"));
        magnet_train_params.half(params, lora.half());
    }

    private static void setOptimizer(MemorySegment params, OptimizerOptions optimizer) {
        magnet_train_params.learning_rate(params, optimizer.learningRate());
        magnet_train_params.learning_rate_end(params, optimizer.learningRateEnd());
        magnet_train_params.decay(params, Codes.of(optimizer.decay()));
        magnet_train_params.warmup(params, optimizer.warmup());
        magnet_train_params.weight_decay(params, optimizer.weightDecay());
        magnet_train_params.clip(params, optimizer.clip());
        magnet_train_params.accumulate(params, optimizer.accumulate());
    }

    private static MemorySegment paths(Arena arena, List<Path> paths, String what) {
        return Params.strings(arena, paths.stream().map(path -> path.toAbsolutePath().toString()).toList(), what);
    }
}
