package dev.magnet.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class CpuFeaturesTest {
    private static final String X86 = """
            processor\t: 0
            model name\t: A CPU
            flags\t\t: fpu pni avx avx2 fma
            vmx flags\t: avx512f

            processor\t: 1
            flags\t\t: fpu pni avx avx2 fma
            """;

    private static final String ARM = "processor\t: 0\nFeatures\t: fp asimd asimddp\n";

    @Test
    void whatIsThereIsNotMissing() {
        assertEquals(List.of(), CpuFeatures.missing("avx\navx2\nfma\n", X86));
        assertEquals(List.of(), CpuFeatures.missing("asimddp\n", ARM));
        assertEquals(List.of(), CpuFeatures.missing("", X86));
    }

    @Test
    void namesAreWholeAndOfTheProcessorItself() {
        assertEquals(List.of("avx512f", "av"), CpuFeatures.missing("avx512f\navx\nav\n", X86));
        assertEquals(List.of("sve"), CpuFeatures.missing("asimddp\nsve\n", ARM));
    }

    @Test
    void systemThatDoesNotSayRefusesNothing() {
        assertEquals(List.of(), CpuFeatures.missing("avx512f", ""));
        assertEquals(List.of(), CpuFeatures.missing("avx512f", "processor\t: 0\n"));
    }

    @Test
    void refusalSaysWhatToDo() {
        String text = CpuFeatures.refusal(List.of("avx512f", "avx512bw"));
        assertTrue(text.contains("avx512f, avx512bw") && text.contains("portable"), text);
    }
}
