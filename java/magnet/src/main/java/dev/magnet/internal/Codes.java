package dev.magnet.internal;

import static dev.magnet.ffi.c.magnet_h.*;

import dev.magnet.Attention;
import dev.magnet.CacheType;
import dev.magnet.Engine;
import dev.magnet.FlashAttention;
import dev.magnet.InfillContext;
import dev.magnet.LearningRateDecay;
import dev.magnet.MergeType;
import dev.magnet.Pooling;
import dev.magnet.Precision;
import dev.magnet.ProbeEvaluation;
import dev.magnet.Role;
import dev.magnet.Status;
import dev.magnet.StopReason;
import dev.magnet.TextUnit;
import dev.magnet.Truncation;
import dev.magnet.Until;
import dev.magnet.Weights;

/**
 * Enums of the API and their codes in magnet.h. Kept out of the enums, so that naming one never needs the native
 * library.
 */
public final class Codes {
    private Codes() {}

    static int of(Pooling pooling) {
        return switch (pooling) {
            case DEFAULT -> MAGNET_POOLING_DEFAULT();
            case LAST -> MAGNET_POOLING_LAST();
            case MEAN -> MAGNET_POOLING_MEAN();
            case WEIGHTED_MEAN -> MAGNET_POOLING_WEIGHTED_MEAN();
        };
    }

    static int of(Attention attention) {
        return switch (attention) {
            case DEFAULT -> MAGNET_ATTENTION_DEFAULT();
            case BIDIRECTIONAL -> MAGNET_ATTENTION_BIDIRECTIONAL();
            case CAUSAL -> MAGNET_ATTENTION_CAUSAL();
        };
    }

    static int of(Precision precision) {
        return switch (precision) {
            case INT8 -> MAGNET_PRECISION_INT8();
            case BINARY -> MAGNET_PRECISION_BINARY();
        };
    }

    static int of(InfillContext context) {
        return switch (context) {
            case DEFAULT -> MAGNET_CONTEXT_DEFAULT();
            case HYBRID -> MAGNET_CONTEXT_HYBRID();
            case ORDERED -> MAGNET_CONTEXT_ORDERED();
            case LEFT -> MAGNET_CONTEXT_LEFT();
            case FIM -> MAGNET_CONTEXT_FIM();
        };
    }

    static int of(Until until) {
        return switch (until) {
            case NONE -> MAGNET_UNTIL_NONE();
            case LINE -> MAGNET_UNTIL_LINE();
            case SENTENCE -> MAGNET_UNTIL_SENTENCE();
            case PARAGRAPH -> MAGNET_UNTIL_PARAGRAPH();
        };
    }

    static int of(Truncation truncation) {
        return switch (truncation) {
            case ERROR -> MAGNET_TRUNCATE_ERROR();
            case HEAD -> MAGNET_TRUNCATE_HEAD();
            case TAIL -> MAGNET_TRUNCATE_TAIL();
        };
    }

    static int of(Engine engine) {
        return switch (engine) {
            case AUTO -> MAGNET_ENGINE_AUTO();
            case FUSED -> MAGNET_ENGINE_FUSED();
            case GRAPH -> MAGNET_ENGINE_GRAPH();
        };
    }

    static int of(Weights weights) {
        return switch (weights) {
            case AUTO -> MAGNET_WEIGHTS_AUTO();
            case COPIED -> MAGNET_WEIGHTS_COPIED();
            case STORED -> MAGNET_WEIGHTS_STORED();
        };
    }

    static int of(CacheType cacheType) {
        return switch (cacheType) {
            case F16 -> MAGNET_CACHE_F16();
            case Q8_0 -> MAGNET_CACHE_Q8_0();
        };
    }

    static int of(FlashAttention flashAttention) {
        return switch (flashAttention) {
            case AUTO -> MAGNET_FLASH_ATTENTION_AUTO();
            case OFF -> MAGNET_FLASH_ATTENTION_OFF();
            case ON -> MAGNET_FLASH_ATTENTION_ON();
        };
    }

    /** Code of a role. */
    public static int of(Role role) {
        return switch (role) {
            case SPAN -> MAGNET_ROLE_SPAN();
            case CONTEXT -> MAGNET_ROLE_CONTEXT();
            case ORDERED -> MAGNET_ROLE_ORDERED();
        };
    }

    static int of(TextUnit unit) {
        return switch (unit) {
            case PARAGRAPHS -> MAGNET_TEXT_PARAGRAPHS();
            case LINES -> MAGNET_TEXT_LINES();
            case FILES -> MAGNET_TEXT_FILES();
        };
    }

    static int of(LearningRateDecay decay) {
        return switch (decay) {
            case CONSTANT -> MAGNET_LR_CONSTANT();
            case LINEAR -> MAGNET_LR_LINEAR();
            case COSINE -> MAGNET_LR_COSINE();
        };
    }

    static int of(MergeType type) {
        return switch (type) {
            case BASE -> MAGNET_MERGE_BASE();
            case F32 -> MAGNET_MERGE_F32();
            case F16 -> MAGNET_MERGE_F16();
            case BF16 -> MAGNET_MERGE_BF16();
        };
    }

    static int of(ProbeEvaluation.Task task) {
        return switch (task) {
            case POS -> MAGNET_EVAL_TASK_POS();
            case CHUNK -> MAGNET_EVAL_TASK_CHUNK();
            case NER -> MAGNET_EVAL_TASK_NER();
        };
    }

    static int of(ProbeEvaluation.Word word) {
        return switch (word) {
            case MEAN -> MAGNET_EVAL_WORD_MEAN();
            case FIRST -> MAGNET_EVAL_WORD_FIRST();
            case LAST -> MAGNET_EVAL_WORD_LAST();
            case PREVIOUS -> MAGNET_EVAL_WORD_PREVIOUS();
        };
    }

    /** {@link StopReason#TIMEOUT} is a cancellation as far as the library knows. */
    private static int of(StopReason stop) {
        return switch (stop) {
            case LENGTH -> MAGNET_STOP_LENGTH();
            case END -> MAGNET_STOP_END();
            case STRING -> MAGNET_STOP_STRING();
            case CANCELLED, TIMEOUT -> MAGNET_STOP_CANCELLED();
            case CONTEXT -> MAGNET_STOP_CONTEXT();
            case GRAMMAR -> MAGNET_STOP_GRAMMAR();
            case NONE -> MAGNET_STOP_NONE();
            case UNTIL -> MAGNET_STOP_UNTIL();
            case REPEAT -> MAGNET_STOP_REPEAT();
        };
    }

    /** {@link Status#LIBRARY} and {@link Status#TIMEOUT} are Java's alone and share no code of the library. */
    private static int of(Status status) {
        return switch (status) {
            case INVALID_ARGUMENT -> MAGNET_STATUS_INVALID_ARGUMENT();
            case IO -> MAGNET_STATUS_IO();
            case BAD_FILE -> MAGNET_STATUS_BAD_FILE();
            case UNSUPPORTED -> MAGNET_STATUS_UNSUPPORTED();
            case MISMATCH -> MAGNET_STATUS_MISMATCH();
            case TOO_LONG -> MAGNET_STATUS_TOO_LONG();
            case OUT_OF_MEMORY -> MAGNET_STATUS_OUT_OF_MEMORY();
            case CANCELLED -> MAGNET_STATUS_CANCELLED();
            case BUSY -> MAGNET_STATUS_BUSY();
            case BUFFER_TOO_SMALL -> MAGNET_STATUS_BUFFER_TOO_SMALL();
            case INTERNAL -> MAGNET_STATUS_INTERNAL();
            case DIVERGED -> MAGNET_STATUS_DIVERGED();
            case LIBRARY, TIMEOUT -> MAGNET_STATUS_OK();
        };
    }

    /** The constant of an enum that has this code. */
    static <E> E value(Class<E> type, int code) {
        for (E value : type.getEnumConstants()) {
            if (code(value) == code) {
                return value;
            }
        }
        throw new IllegalStateException("the library speaks of " + type.getSimpleName() + " " + code
                + ", which this version does not know");
    }

    /** The code of a constant of any enum above. */
    static int code(Object value) {
        return switch (value) {
            case Pooling e -> of(e);
            case Attention e -> of(e);
            case InfillContext e -> of(e);
            case Until e -> of(e);
            case Truncation e -> of(e);
            case Engine e -> of(e);
            case FlashAttention e -> of(e);
            case Weights e -> of(e);
            case CacheType e -> of(e);
            case Role e -> of(e);
            case TextUnit e -> of(e);
            case LearningRateDecay e -> of(e);
            case MergeType e -> of(e);
            case ProbeEvaluation.Task e -> of(e);
            case ProbeEvaluation.Word e -> of(e);
            case StopReason e -> of(e);
            case Status e -> of(e);
            default -> throw new IllegalArgumentException(value.getClass() + " has no codes");
        };
    }
}
