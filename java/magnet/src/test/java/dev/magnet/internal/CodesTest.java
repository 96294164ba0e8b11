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
    private static final Map<String, IntFunction<Enum<?>>> ENUMS = Map.of(
            "MAGNET_STATUS_", Codes::status,
            "MAGNET_POOLING_", Codes::pooling,
            "MAGNET_ATTENTION_", Codes::attention,
            "MAGNET_CONTEXT_", Codes::context,
            "MAGNET_TRUNCATE_", Codes::truncation,
            "MAGNET_ENGINE_", Codes::engine,
            "MAGNET_FLASH_ATTENTION_", Codes::flashAttention,
            "MAGNET_ROLE_", Codes::role,
            "MAGNET_STOP_", Codes::stop);

    @TestFactory
    Stream<DynamicTest> everyConstantHasItsNamesake() {
        List<Method> constants = Stream.of(magnet_h.class.getMethods())
                .filter(method -> method.getName().matches("MAGNET_[A-Z_]+") && !method.getName().equals("MAGNET_STATUS_OK"))
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
