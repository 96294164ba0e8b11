package dev.magnet.ffi;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a library asks of the CPU, and whether this one has it. A library that is tuned to the CPU that built it stands
 * beside a file of the same name and {@link #SUFFIX}, which names what it uses in the words of {@code /proc/cpuinfo}
 * ({@code native/cmake/cpu-features.cmake} writes it).
 */
final class CpuFeatures {
    static final String SUFFIX = ".cpu";

    private CpuFeatures() {}

    /** What the library uses and this CPU lacks, in the library's order; empty if the system does not say what it has. */
    static List<String> missing(String needed) throws IOException {
        Path cpuinfo = Path.of("/proc/cpuinfo");
        return Files.isReadable(cpuinfo) ? missing(needed, Files.readString(cpuinfo)) : List.of();
    }

    static List<String> missing(String needed, String cpuinfo) {
        Set<String> present = cpuinfo.lines()
                .filter(line -> line.startsWith("flags") || line.startsWith("Features")) // x86, Arm
                .limit(1)
                .flatMap(line -> words(line.substring(line.indexOf(':') + 1)))
                .collect(Collectors.toSet());
        return present.isEmpty() ? List.of() : words(needed).filter(name -> !present.contains(name)).toList();
    }

    /** Why a library with this list cannot run here, and what to do. */
    static String refusal(List<String> missing) {
        return "compiled for a CPU with " + String.join(", ", missing)
                + ", which this one lacks: opening it would kill the process. Build it on this machine, or build the"
                + " one for any x86-64-v3 CPU: mvn -Dnative.preset=portable -DskipTests install";
    }

    private static Stream<String> words(String text) {
        return Arrays.stream(text.strip().split("\\s+")).filter(word -> !word.isEmpty());
    }
}
