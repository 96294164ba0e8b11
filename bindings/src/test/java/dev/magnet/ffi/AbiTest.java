package dev.magnet.ffi;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The generated layouts against those of the compiler that built the library. */
class AbiTest {
    @Test
    void everyStructIsLaidOutAsInC() throws Exception {
        assertEquals(lines(layoutsOfC()), lines(layoutsOfJava()));
    }

    private static String lines(Map<String, String> table) {
        return table.entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue())
                .collect(Collectors.joining("\n"));
    }

    /** What the program prints that native/cmake/abi.cmake writes from magnet.h. */
    private static Map<String, String> layoutsOfC() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(System.getProperty("magnet.abi"))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Map<String, String> table = new TreeMap<>();
        try (var lines = process.inputReader()) {
            lines.lines().forEach(line -> {
                int space = line.indexOf(' ');
                table.put(line.substring(0, space), line.substring(space + 1));
            });
        }
        assertEquals(0, process.waitFor());
        return table;
    }

    private static Map<String, String> layoutsOfJava() throws Exception {
        Map<String, String> table = new TreeMap<>();
        Path classes = Path.of(MagnetLibrary.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        String packageName = MagnetLibrary.class.getPackageName() + ".c";
        try (var files = Files.list(classes.resolve(packageName.replace('.', File.separatorChar)))) {
            for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
                String name = file.getFileName().toString().replace(".class", "");
                Class<?> type = Class.forName(packageName + "." + name);
                try {
                    describe(table, name, (GroupLayout) type.getMethod("layout").invoke(null));
                } catch (NoSuchMethodException e) {
                    // a callback or the class of functions, not a struct
                }
            }
        }
        return table;
    }

    private static void describe(Map<String, String> table, String name, GroupLayout layout) {
        table.put(name, "" + layout.byteSize());
        for (MemoryLayout member : layout.memberLayouts()) {
            if (!(member instanceof PaddingLayout)) {
                String field = member.name().orElseThrow();
                table.put(name + "." + field, layout.byteOffset(groupElement(field)) + " " + member.byteSize());
            }
        }
    }
}
