package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the native library says of the machine, against what Java and the system say of it. */
class SystemInfoTest {
    private final SystemInfo system = Magnet.system();

    @Test
    void platformIsThatOfTheJvm() {
        String os = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("linux") ? "linux" : "";
        assertTrue(system.platform().startsWith(os), system.platform());
        assertEquals(System.getProperty("os.arch").equals("amd64"), system.platform().endsWith("-x86_64"));
    }

    @Test
    void processorsAreAsManyAsJavaCounts() {
        assertEquals(Runtime.getRuntime().availableProcessors(), system.processors()); // heeds affinity and cgroups too
        assertTrue(system.threads() >= 1 && system.threads() <= system.processors(), system.toString());
        assertTrue(system.threadsReason().contains("core"), system.threadsReason());
    }

    @Test
    void kernelsAreTheBestOfThoseThatRun() throws IOException {
        assertEquals(system.usableKernels().getFirst(), system.kernels());
        assertEquals("generic", system.usableKernels().getLast());
        Path cpuinfo = Path.of("/proc/cpuinfo");
        if (system.platform().equals("linux-x86_64") && Files.isReadable(cpuinfo)) {
            Set<String> flags = new HashSet<>(List.of(Files.readAllLines(cpuinfo).stream()
                    .filter(line -> line.startsWith("flags"))
                    .findFirst()
                    .orElse("")
                    .split("\\s+")));
            assertEquals(flags.contains("avx2"), system.usableKernels().contains("avx2"));
            assertEquals(flags.contains("avx512bw"), system.usableKernels().contains("avx512"));
            assertEquals(flags.contains("avx512_bf16"), system.instructionSets().contains("avx512_bf16"));
        }
    }
}
