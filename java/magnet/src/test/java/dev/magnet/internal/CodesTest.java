package dev.magnet.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.magnet.Attention;
import dev.magnet.CacheType;
import dev.magnet.Engine;
import dev.magnet.FlashAttention;
import dev.magnet.InfillContext;
import dev.magnet.LearningRateDecay;
import dev.magnet.MergeType;
import dev.magnet.Pooling;
import dev.magnet.ProbeEvaluation;
import dev.magnet.Role;
import dev.magnet.Status;
import dev.magnet.StopReason;
import dev.magnet.TextUnit;
import dev.magnet.Truncation;
import dev.magnet.Weights;
import dev.magnet.ffi.c.magnet_h;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every constant of every enum of magnet.h has its namesake in Java. */
class CodesTest {
    private static final Map<String, Class<? extends Enum<?>>> ENUMS = Map.ofEntries(
            Map.entry("MAGNET_STATUS_", Status.class),
            Map.entry("MAGNET_POOLING_", Pooling.class),
            Map.entry("MAGNET_ATTENTION_", Attention.class),
            Map.entry("MAGNET_CONTEXT_", InfillContext.class),
            Map.entry("MAGNET_TRUNCATE_", Truncation.class),
            Map.entry("MAGNET_ENGINE_", Engine.class),
            Map.entry("MAGNET_FLASH_ATTENTION_", FlashAttention.class),
            Map.entry("MAGNET_WEIGHTS_", Weights.class),
            Map.entry("MAGNET_CACHE_", CacheType.class),
            Map.entry("MAGNET_ROLE_", Role.class),
            Map.entry("MAGNET_STOP_", StopReason.class),
            Map.entry("MAGNET_EVAL_TASK_", ProbeEvaluation.Task.class),
            Map.entry("MAGNET_EVAL_WORD_", ProbeEvaluation.Word.class),
            Map.entry("MAGNET_TEXT_", TextUnit.class),
            Map.entry("MAGNET_LR_", LearningRateDecay.class),
            Map.entry("MAGNET_MERGE_", MergeType.class));

    @TestFactory
    Stream<DynamicTest> everyConstantHasItsNamesake() {
        List<Method> constants = Stream.of(magnet_h.class.getMethods())
                .filter(method -> method.getName().matches("MAGNET_[A-Z0-9_]+") && !method.getName().equals("MAGNET_STATUS_OK"))
                .toList();
        return ENUMS.entrySet().stream().flatMap(e -> constants.stream()
                .filter(constant -> constant.getName().startsWith(e.getKey()))
                .map(constant -> DynamicTest.dynamicTest(constant.getName(), () -> assertEquals(
                        constant.getName().substring(e.getKey().length()),
                        Codes.value(e.getValue(), (int) constant.invoke(null)).name()))));
    }

    @Test
    void unknownCodeIsAnError() {
        assertThrows(IllegalStateException.class, () -> Codes.value(StopReason.class, 4711));
    }
}
