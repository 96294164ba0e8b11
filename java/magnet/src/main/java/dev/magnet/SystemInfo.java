package dev.magnet;

import java.util.List;

/**
 * What the native library found when it looked at the machine: which kernels run, how many threads, and why.
 *
 * @param platform what the library was built for, as natives jars are named, e.g. "linux-x86_64"
 * @param processor what the processor calls itself; "" if it does not
 * @param instructionSets which of the instruction sets that kernels ask for it has, and the system lets programs use
 * @param kernels those of {@link Engine#FUSED}: the first of {@code usableKernels}
 * @param usableKernels all that library and processor have in common, best first
 * @param llamaKernels those of llama.cpp's CPU backend: the variant that was chosen at run time, or what all of it was
 *     compiled for: "x86-64-v3", or "native", the processor that built it
 * @param threads what a session takes unless told otherwise
 * @param threadsReason why it is that many, e.g. "2 cores of 4 processors"
 * @param processors how many this process may use, two for a core with two hardware threads
 */
public record SystemInfo(
        String platform,
        String processor,
        List<String> instructionSets,
        String kernels,
        List<String> usableKernels,
        String llamaKernels,
        int threads,
        String threadsReason,
        int processors) {
    /** Copies the lists. */
    public SystemInfo {
        instructionSets = List.copyOf(instructionSets);
        usableKernels = List.copyOf(usableKernels);
    }
}
