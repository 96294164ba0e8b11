package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.GenerateOptions;
import dev.magnet.InfillOptions;
import dev.magnet.LoadOptions;
import dev.magnet.MagnetException;
import dev.magnet.Part;
import dev.magnet.Sampling;
import dev.magnet.ScoreOptions;
import dev.magnet.Status;
import dev.magnet.ffi.c.magnet_embed_params;
import dev.magnet.ffi.c.magnet_generate_params;
import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_infill_params;
import dev.magnet.ffi.c.magnet_logit_bias;
import dev.magnet.ffi.c.magnet_model_params;
import dev.magnet.ffi.c.magnet_part;
import dev.magnet.ffi.c.magnet_sampling_params;
import dev.magnet.ffi.c.magnet_score_params;
import dev.magnet.ffi.c.magnet_session_params;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;

/** Options and parts as the structs of magnet.h. */
public final class Params {
    private Params() {}

    static MemorySegment model(Arena arena, LoadOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_model_default_params(arena);
        magnet_model_params.n_gpu_layers(params, options.gpuLayers());
        magnet_model_params.use_mmap(params, options.mmap());
        magnet_model_params.use_mlock(params, options.mlock());
        magnet_model_params.check_tensors(params, options.checkTensors());
        magnet_model_params.progress(params, Upcalls.onProgress());
        magnet_model_params.progress_user_data(params, call.userData());
        return params;
    }

    static MemorySegment session(Arena arena, LoadOptions options) {
        MemorySegment params = magnet_h.magnet_session_default_params(arena);
        magnet_session_params.n_ctx(params, options.contextLength());
        magnet_session_params.batch(params, options.batchTokens());
        magnet_session_params.n_threads(params, options.threads());
        magnet_session_params.engine(params, Codes.of(options.engine()));
        magnet_session_params.flash_attention(params, Codes.of(options.flashAttention()));
        return params;
    }

    static MemorySegment embed(Arena arena, EmbedOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_embed_default_params(arena);
        if (options.instruction() != null) {
            magnet_embed_params.instruction(params, Native.cString(arena, options.instruction(), "instruction"));
        }
        magnet_embed_params.pooling(params, Codes.of(options.pooling()));
        magnet_embed_params.attention(params, Codes.of(options.attention()));
        magnet_embed_params.truncate(params, Codes.of(options.truncation()));
        magnet_embed_params.max_tokens(params, options.maxTokens());
        magnet_embed_params.normalize(params, options.normalize());
        magnet_embed_params.append_eos(params, options.appendEos());
        if (options.progress() != null) {
            magnet_embed_params.progress(params, Upcalls.onProgress());
            magnet_embed_params.progress_user_data(params, call.userData());
        }
        return params;
    }

    static MemorySegment generate(Arena arena, GenerateOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_generate_default_params(arena);
        setSampling(magnet_generate_params.sampling(params), arena, options.sampling());
        magnet_generate_params.on_token(params, Upcalls.onToken());
        magnet_generate_params.on_token_user_data(params, call.userData());
        magnet_generate_params.stop(params, strings(arena, options.stop(), "stop"));
        magnet_generate_params.n_stop(params, options.stop().size());
        magnet_generate_params.max_tokens(params, options.maxTokens());
        magnet_generate_params.top(params, options.topLogprobs());
        magnet_generate_params.add_special(params, options.addSpecial());
        magnet_generate_params.parse_special(params, options.parseSpecial());
        magnet_generate_params.ignore_eos(params, options.ignoreEos());
        return params;
    }

    static MemorySegment infill(Arena arena, InfillOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_infill_default_params(arena);
        setSampling(magnet_infill_params.sampling(params), arena, options.sampling());
        magnet_infill_params.on_token(params, Upcalls.onToken());
        magnet_infill_params.on_token_user_data(params, call.userData());
        magnet_infill_params.context(params, Codes.of(options.context()));
        magnet_infill_params.max_tokens(params, options.maxTokens());
        magnet_infill_params.top(params, options.topLogprobs());
        return params;
    }

    static MemorySegment score(Arena arena, ScoreOptions options, Call call) {
        MemorySegment params = magnet_h.magnet_score_default_params(arena);
        magnet_score_params.context(params, Codes.of(options.context()));
        magnet_score_params.top(params, options.topLogprobs());
        if (options.progress() != null) {
            magnet_score_params.progress(params, Upcalls.onProgress());
            magnet_score_params.progress_user_data(params, call.userData());
        }
        return params;
    }

    /** {@code magnet_part[parts.size()]}. */
    static MemorySegment parts(Arena arena, List<Part> parts) {
        MemorySegment array = magnet_part.allocateArray(Math.max(1, parts.size()), arena);
        for (int i = 0; i < parts.size(); i++) {
            MemorySegment part = magnet_part.asSlice(array, i);
            switch (parts.get(i)) {
                case Part.Text(String text, boolean keepSpace) -> {
                    magnet_part.type(part, magnet_h.MAGNET_PART_TEXT());
                    magnet_part.keep_space(part, keepSpace);
                    Native.setText(magnet_part.text(part), arena, text, "part " + i);
                }
                case Part.Gap(int length, int maxLength) -> {
                    magnet_part.type(part, magnet_h.MAGNET_PART_GAP());
                    magnet_part.length(part, length);
                    magnet_part.max_length(part, maxLength);
                }
                case Part.Filled(String text, int length, int maxLength) -> {
                    magnet_part.type(part, magnet_h.MAGNET_PART_GAP());
                    Native.setText(magnet_part.text(part), arena, text, "part " + i);
                    magnet_part.length(part, length);
                    magnet_part.max_length(part, maxLength);
                }
            }
        }
        return array;
    }

    /**
     * Parts whose gaps are all of one kind.
     *
     * @param unwanted the kind that the call has no use for
     * @param hint what to use instead
     */
    public static List<Part> without(Class<? extends Part> unwanted, List<Part> parts, String hint) {
        List<Part> copy = List.copyOf(parts);
        for (int i = 0; i < copy.size(); i++) {
            if (unwanted.isInstance(copy.get(i))) {
                throw new MagnetException(
                        Status.INVALID_ARGUMENT,
                        "part " + i + " is a " + unwanted.getSimpleName() + "; " + hint);
            }
        }
        return copy;
    }

    /** Says the same as {@code params}, which have neither grammar nor bias. */
    static Sampling sampling(MemorySegment params) {
        return new Sampling(
                magnet_sampling_params.temperature(params),
                magnet_sampling_params.top_k(params),
                magnet_sampling_params.top_p(params),
                magnet_sampling_params.min_p(params),
                magnet_sampling_params.repeat_penalty(params),
                magnet_sampling_params.frequency_penalty(params),
                magnet_sampling_params.presence_penalty(params),
                magnet_sampling_params.penalty_last_n(params),
                magnet_sampling_params.seed(params),
                null,
                Map.of());
    }

    static void setSampling(MemorySegment params, Arena arena, Sampling sampling) {
        magnet_sampling_params.temperature(params, sampling.temperature());
        magnet_sampling_params.top_k(params, sampling.topK());
        magnet_sampling_params.top_p(params, sampling.topP());
        magnet_sampling_params.min_p(params, sampling.minP());
        magnet_sampling_params.repeat_penalty(params, sampling.repeatPenalty());
        magnet_sampling_params.frequency_penalty(params, sampling.frequencyPenalty());
        magnet_sampling_params.presence_penalty(params, sampling.presencePenalty());
        magnet_sampling_params.penalty_last_n(params, sampling.penaltyWindow());
        magnet_sampling_params.seed(params, sampling.seed());
        if (sampling.grammar() != null) {
            magnet_sampling_params.grammar(params, Native.cString(arena, sampling.grammar(), "grammar"));
        }
        Map<Integer, Float> bias = sampling.logitBias();
        if (!bias.isEmpty()) {
            MemorySegment array = magnet_logit_bias.allocateArray(bias.size(), arena);
            int i = 0;
            for (var entry : bias.entrySet()) {
                MemorySegment element = magnet_logit_bias.asSlice(array, i++);
                magnet_logit_bias.token(element, entry.getKey());
                magnet_logit_bias.bias(element, entry.getValue());
            }
            magnet_sampling_params.logit_bias(params, array);
            magnet_sampling_params.n_logit_bias(params, bias.size());
        }
    }

    /** {@code const char * [strings.size()]}, or NULL if there are none. */
    static MemorySegment strings(Arena arena, List<String> strings, String what) {
        if (strings.isEmpty()) {
            return MemorySegment.NULL;
        }
        MemorySegment array = arena.allocate(ValueLayout.ADDRESS, strings.size());
        for (int i = 0; i < strings.size(); i++) {
            array.setAtIndex(ValueLayout.ADDRESS, i, Native.cString(arena, strings.get(i), what + "[" + i + "]"));
        }
        return array;
    }
}
