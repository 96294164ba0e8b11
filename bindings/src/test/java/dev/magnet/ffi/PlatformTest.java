package dev.magnet.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PlatformTest {
    @Test
    void classifierIsThatOfOsMavenPlugin() {
        assertEquals("linux-x86_64", Platform.classifier("Linux", "amd64"));
        assertEquals("linux-aarch_64", Platform.classifier("Linux", "aarch64"));
        assertEquals("osx-aarch_64", Platform.classifier("Mac OS X", "aarch64"));
        assertEquals("windows-x86_64", Platform.classifier("Windows 11", "amd64"));
        assertEquals("freebsd-riscv64", Platform.classifier("FreeBSD", "riscv64"));
    }
}
