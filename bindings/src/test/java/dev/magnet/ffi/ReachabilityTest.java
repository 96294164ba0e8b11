package dev.magnet.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.magnet.ffi.c.magnet_h;
import dev.magnet.ffi.c.magnet_log_callback;
import dev.magnet.ffi.c.magnet_progress_callback;
import dev.magnet.ffi.c.magnet_token_callback;
import dev.magnet.ffi.c.magnet_train_callback;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * GraalVM's reachability metadata names every signature that crosses the border. It follows from the binding, so this
 * derives it; when the binding has changed, the failure tells where the new text is to be copied from.
 */
class ReachabilityTest {
    private static final String METADATA =
            "/META-INF/native-image/dev.magnet/magnet-bindings/reachability-metadata.json";

    private static final List<Class<?>> CALLBACKS = List.of(
            magnet_log_callback.class,
            magnet_progress_callback.class,
            magnet_token_callback.class,
            magnet_train_callback.class);

    @Test
    void metadataCoversEveryForeignCall() throws Exception {
        String expected = metadata();
        Path copy = Files.writeString(Path.of("target", "reachability-metadata.json"), expected);
        try (var in = MagnetLibrary.class.getResourceAsStream(METADATA)) {
            String committed = in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(expected, committed, "copy " + copy + " to src/main/resources" + METADATA + " and commit");
        }
    }

    private static String metadata() throws Exception {
        var downcalls = new TreeSet<String>();
        for (Method method : magnet_h.class.getMethods()) {
            if (method.getName().startsWith("magnet_") && method.getName().endsWith("$descriptor")) {
                downcalls.add(signature((FunctionDescriptor) method.invoke(null)));
            }
        }
        List<String> upcalls = new ArrayList<>();
        List<String> reflection = new ArrayList<>();
        for (Class<?> callback : CALLBACKS) {
            String signature = signature((FunctionDescriptor) callback.getMethod("descriptor").invoke(null));
            downcalls.add(signature); // each callback class has a handle to call such a pointer, too
            upcalls.add(signature);
            reflection.add(methodOf(callback));
        }
        return """
                {
                  "reflection": [
                    %s
                  ],
                  "resources": [
                    { "glob": "dev/magnet/native/**" }
                  ],
                  "foreign": {
                    "downcalls": [
                      %s
                    ],
                    "upcalls": [
                      %s
                    ]
                  }
                }
                """
                .formatted(
                        String.join(",\n    ", reflection),
                        String.join(",\n      ", downcalls),
                        String.join(",\n      ", upcalls));
    }

    private static String methodOf(Class<?> callback) {
        Class<?> function = Arrays.stream(callback.getClasses())
                .filter(Class::isInterface)
                .findFirst()
                .orElseThrow();
        Method apply = function.getMethods()[0];
        return "{ \"type\": \"%s\", \"methods\": [{ \"name\": \"%s\", \"parameterTypes\": %s }] }"
                .formatted(
                        function.getName(),
                        apply.getName(),
                        array(Stream.of(apply.getParameterTypes()).map(Type::getTypeName)));
    }

    private static String signature(FunctionDescriptor descriptor) {
        return "{ \"returnType\": \"%s\", \"parameterTypes\": %s }"
                .formatted(
                        descriptor.returnLayout().map(ReachabilityTest::name).orElse("void"),
                        array(descriptor.argumentLayouts().stream().map(ReachabilityTest::name)));
    }

    private static String array(Stream<String> names) {
        return names.map(name -> '"' + name + '"').collect(Collectors.joining(", ", "[", "]"));
    }

    private static String name(MemoryLayout layout) {
        return switch (layout) {
            case AddressLayout pointer -> "void*";
            case ValueLayout.OfBoolean value -> "bool";
            case ValueLayout.OfInt value -> "int";
            case ValueLayout.OfLong value -> "long long";
            case ValueLayout.OfFloat value -> "float";
            case ValueLayout.OfDouble value -> "double";
            case PaddingLayout padding -> "padding(" + padding.byteSize() + ")";
            case GroupLayout struct ->
                struct.memberLayouts().stream().map(ReachabilityTest::name).collect(Collectors.joining(", ", "struct(", ")"));
            default -> throw new AssertionError("magnet.h has no " + layout);
        };
    }
}
