package dev.magnet.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.magnet.ffi.c.magnet_h;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every constant of every enum of magnet.h has its namesake in Java. */
class CodesTest {
    private static final Map<String, IntFunction<Enum<?>>> ENUMS = Map.ofEntries(
            Map.entry("MAGNET_STATUS_", Codes::status),
            Map.entry("MAGNET_POOLING_", Codes::pooling),
            Map.entry("MAGNET_ATTENTION_", Codes::attention),
            Map.entry("MAGNET_CONTEXT_", Codes::context),
            Map.entry("MAGNET_TRUNCATE_", Codes::truncation),
            Map.entry("MAGNET_ENGINE_", Codes::engine),
            Map.entry("MAGNET_FLASH_ATTENTION_", Codes::flashAttention),
            Map.entry("MAGNET_ROLE_", Codes::role),
            Map.entry("MAGNET_STOP_", Codes::stop),
            Map.entry("MAGNET_EVAL_TASK_", Codes::task),
            Map.entry("MAGNET_EVAL_WORD_", Codes::word),
            Map.entry("MAGNET_TEXT_", Codes::textUnit),
            Map.entry("MAGNET_LR_", Codes::decay),
            Map.entry("MAGNET_MERGE_", Codes::mergeType));

    @TestFactory
    Stream<DynamicTest> everyConstantHasItsNamesake() {
        List<Method> constants = Stream.of(magnet_h.class.getMethods())
                .filter(method -> method.getName().matches("MAGNET_[A-Z0-9_]+") && !method.getName().equals("MAGNET_STATUS_OK"))
                .toList();
        return ENUMS.entrySet().stream().flatMap(e -> constants.stream()
                .filter(constant -> constant.getName().startsWith(e.getKey()))
                .map(constant -> DynamicTest.dynamicTest(constant.getName(), () -> assertEquals(
                        constant.getName().substring(e.getKey().length()),
                        e.getValue().apply((int) constant.invoke(null)).name()))));
    }

    @Test
    void unknownCodeIsAnError() {
        assertThrows(IllegalStateException.class, () -> Codes.stop(4711));
    }
}
