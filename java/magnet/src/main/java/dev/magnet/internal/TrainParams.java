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
import dev.magnet.ffi.c.magnet_train_contrast;
import dev.magnet.ffi.c.magnet_train_files;
import dev.magnet.ffi.c.magnet_train_heldout;
import dev.magnet.ffi.c.magnet_train_lora;
import dev.magnet.ffi.c.magnet_train_optimizer;
import dev.magnet.ffi.c.magnet_train_rows;
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
                        Codes.textUnit(magnet_train_files.text_unit(magnet_train_params.files(params))),
                        List.of(),
                        List.of(),
                        List.of(),
                        magnet_train_heldout.rows(magnet_train_params.heldout(params))),
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
                        magnet_train_files.overwrite(magnet_train_params.files(params))),
                magnet_train_params.mask_token(params).getString(0),
                Codes.context(magnet_train_params.context(params)),
                magnet_train_heldout.every(magnet_train_params.heldout(params)),
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
                magnet_train_rows.batch(magnet_train_params.rows(params)),
                magnet_train_rows.length(magnet_train_params.rows(params)),
                magnet_train_rows.share_hybrid(magnet_train_params.rows(params)),
                magnet_train_rows.share_ordered(magnet_train_params.rows(params)),
                magnet_train_rows.share_causal(magnet_train_params.rows(params)),
                magnet_train_rows.mask_rate(magnet_train_params.rows(params)),
                magnet_train_rows.max_spans(magnet_train_params.rows(params)),
                magnet_train_rows.span_min(magnet_train_params.rows(params)),
                magnet_train_rows.span_max(magnet_train_params.rows(params)),
                magnet_train_rows.sentence_share(magnet_train_params.rows(params)),
                magnet_train_rows.open_room(magnet_train_params.rows(params)));
    }

    private static ContrastOptions contrast(MemorySegment params) {
        return new ContrastOptions(
                magnet_train_contrast.batch(magnet_train_params.contrast(params)),
                magnet_train_contrast.length(magnet_train_params.contrast(params)),
                Codes.pooling(magnet_train_contrast.pooling(magnet_train_params.contrast(params))),
                Codes.attention(magnet_train_contrast.attention(magnet_train_params.contrast(params))),
                magnet_train_contrast.instruction(magnet_train_params.contrast(params)).getString(0),
                magnet_train_contrast.temperature(magnet_train_params.contrast(params)),
                magnet_train_contrast.symmetric(magnet_train_params.contrast(params)),
                magnet_train_contrast.text_share(magnet_train_params.contrast(params)),
                magnet_train_contrast.projection(magnet_train_params.contrast(params)));
    }

    private static LoraOptions lora(MemorySegment params) {
        List<String> targets = new ArrayList<>();
        for (int i = 0; i < magnet_train_lora.n_targets(magnet_train_params.lora(params)); i++) {
            targets.add(magnet_train_lora.targets(magnet_train_params.lora(params))
                    .getAtIndex(magnet_h.C_POINTER, i)
                    .getString(0));
        }
        return new LoraOptions(
                magnet_train_lora.rank(magnet_train_params.lora(params)),
                magnet_train_lora.alpha(magnet_train_params.lora(params)),
                magnet_train_lora.dropout(magnet_train_params.lora(params)),
                targets,
                null,
                magnet_train_files.half(magnet_train_params.files(params)));
    }

    private static OptimizerOptions optimizer(MemorySegment params) {
        return new OptimizerOptions(
                magnet_train_optimizer.learning_rate(magnet_train_params.optimizer(params)),
                magnet_train_optimizer.learning_rate_end(magnet_train_params.optimizer(params)),
                Codes.decay(magnet_train_optimizer.decay(magnet_train_params.optimizer(params))),
                magnet_train_optimizer.warmup(magnet_train_params.optimizer(params)),
                magnet_train_optimizer.weight_decay(magnet_train_params.optimizer(params)),
                magnet_train_optimizer.clip(magnet_train_params.optimizer(params)),
                magnet_train_optimizer.accumulate(magnet_train_params.optimizer(params)));
    }

    /**
     * The struct for a run.
     *
     * @param output where the adapter goes; null for a run that writes nothing
     */
    static MemorySegment write(Arena arena, Path model, @Nullable Path output, TrainOptions options) {
        MemorySegment params = magnet_h.magnet_train_default_params(arena);
        magnet_train_files.model(magnet_train_params.files(params), Native.path(arena, model, "model"));
        magnet_train_files.output(magnet_train_params.files(params), Native.path(arena, output, "output"));
        setFiles(params, arena, options.files());
        setData(params, arena, options.data());
        setStages(params, arena, options.stages());
        setRows(params, options.rows());
        setContrast(params, arena, options.contrast());
        setLora(params, arena, options.lora());
        setOptimizer(params, options.optimizer());
        magnet_train_params.mask_token(params, Native.cString(arena, options.maskToken(), "maskToken"));
        magnet_train_params.context(params, Codes.of(options.context()));
        magnet_train_heldout.every(magnet_train_params.heldout(params), options.evalEvery());
        magnet_train_params.seed(params, options.seed());
        magnet_train_params.n_threads(params, options.threads());
        magnet_train_params.engine(params, Codes.of(options.engine()));
        magnet_train_params.n_gpu_layers(params, options.gpuLayers());
        magnet_train_params.exact(params, options.exact());
        magnet_train_params.recompute(params, options.recompute());
        return params;
    }

    private static void setFiles(MemorySegment params, Arena arena, TrainFiles files) {
        magnet_train_files.checkpoint(magnet_train_params.files(params), Native.path(arena, files.checkpoint(), "checkpoint"));
        magnet_train_params.checkpoint_every(params, files.checkpointEvery());
        magnet_train_files.metrics(magnet_train_params.files(params), Native.path(arena, files.metrics(), "metrics"));
        magnet_train_files.report(magnet_train_params.files(params), Native.path(arena, files.report(), "report"));
        magnet_train_files.overwrite(magnet_train_params.files(params), files.overwrite());
    }

    private static void setData(MemorySegment params, Arena arena, TrainData data) {
        magnet_train_files.text_unit(magnet_train_params.files(params), Codes.of(data.textUnit()));
        magnet_train_heldout.rows(magnet_train_params.heldout(params), data.heldoutRows());
        magnet_train_files.texts(magnet_train_params.files(params), paths(arena, data.texts(), "texts"));
        magnet_train_files.n_texts(magnet_train_params.files(params), data.texts().size());
        magnet_train_files.pairs(magnet_train_params.files(params), paths(arena, data.pairs(), "pairs"));
        magnet_train_files.n_pairs(magnet_train_params.files(params), data.pairs().size());
        magnet_train_files.heldout_texts(magnet_train_params.files(params), paths(arena, data.heldoutTexts(), "heldoutTexts"));
        magnet_train_files.n_heldout_texts(magnet_train_params.files(params), data.heldoutTexts().size());
        magnet_train_files.heldout_pairs(magnet_train_params.files(params), paths(arena, data.heldoutPairs(), "heldoutPairs"));
        magnet_train_files.n_heldout_pairs(magnet_train_params.files(params), data.heldoutPairs().size());
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
        magnet_train_rows.batch(magnet_train_params.rows(params), rows.batch());
        magnet_train_rows.length(magnet_train_params.rows(params), rows.length());
        magnet_train_rows.share_hybrid(magnet_train_params.rows(params), rows.shareHybrid());
        magnet_train_rows.share_ordered(magnet_train_params.rows(params), rows.shareOrdered());
        magnet_train_rows.share_causal(magnet_train_params.rows(params), rows.shareCausal());
        magnet_train_rows.mask_rate(magnet_train_params.rows(params), rows.maskRate());
        magnet_train_rows.max_spans(magnet_train_params.rows(params), rows.maxSpans());
        magnet_train_rows.span_min(magnet_train_params.rows(params), rows.spanMin());
        magnet_train_rows.span_max(magnet_train_params.rows(params), rows.spanMax());
        magnet_train_rows.sentence_share(magnet_train_params.rows(params), rows.sentenceShare());
        magnet_train_rows.open_room(magnet_train_params.rows(params), rows.openRoom());
    }

    private static void setContrast(MemorySegment params, Arena arena, ContrastOptions contrast) {
        magnet_train_contrast.batch(magnet_train_params.contrast(params), contrast.batch());
        magnet_train_contrast.length(magnet_train_params.contrast(params), contrast.length());
        magnet_train_contrast.pooling(magnet_train_params.contrast(params), Codes.of(contrast.pooling()));
        magnet_train_contrast.attention(magnet_train_params.contrast(params), Codes.of(contrast.attention()));
        magnet_train_contrast.instruction(magnet_train_params.contrast(params), Native.cString(arena, contrast.instruction(), "instruction"));
        magnet_train_contrast.temperature(magnet_train_params.contrast(params), contrast.temperature());
        magnet_train_contrast.symmetric(magnet_train_params.contrast(params), contrast.symmetric());
        magnet_train_contrast.text_share(magnet_train_params.contrast(params), contrast.textShare());
        magnet_train_contrast.projection(magnet_train_params.contrast(params), contrast.projection());
    }

    private static void setLora(MemorySegment params, Arena arena, LoraOptions lora) {
        magnet_train_lora.rank(magnet_train_params.lora(params), lora.rank());
        magnet_train_lora.alpha(magnet_train_params.lora(params), lora.alpha());
        magnet_train_lora.dropout(magnet_train_params.lora(params), lora.dropout());
        magnet_train_lora.targets(magnet_train_params.lora(params), Params.strings(arena, lora.targets(), "targets"));
        magnet_train_lora.n_targets(magnet_train_params.lora(params), lora.targets().size());
        magnet_train_files.init_adapter(magnet_train_params.files(params), Native.path(arena, lora.from(), "from"));
        magnet_train_files.half(magnet_train_params.files(params), lora.half());
    }

    private static void setOptimizer(MemorySegment params, OptimizerOptions optimizer) {
        magnet_train_optimizer.learning_rate(magnet_train_params.optimizer(params), optimizer.learningRate());
        magnet_train_optimizer.learning_rate_end(magnet_train_params.optimizer(params), optimizer.learningRateEnd());
        magnet_train_optimizer.decay(magnet_train_params.optimizer(params), Codes.of(optimizer.decay()));
        magnet_train_optimizer.warmup(magnet_train_params.optimizer(params), optimizer.warmup());
        magnet_train_optimizer.weight_decay(magnet_train_params.optimizer(params), optimizer.weightDecay());
        magnet_train_optimizer.clip(magnet_train_params.optimizer(params), optimizer.clip());
        magnet_train_optimizer.accumulate(magnet_train_params.optimizer(params), optimizer.accumulate());
    }

    private static MemorySegment paths(Arena arena, List<Path> paths, String what) {
        return Params.strings(arena, paths.stream().map(path -> path.toAbsolutePath().toString()).toList(), what);
    }
}
