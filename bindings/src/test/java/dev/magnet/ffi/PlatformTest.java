package dev.magnet.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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

    /** Lines of Alpine Linux 3.20 and of Debian 12. */
    @Test
    void muslIsItsOwnDynamicLinker() {
        String code = "7f3a8c000000-7f3a8c057000 r-xp 00014000 fe:00 3942      /lib/";
        assertTrue(Platform.musl(code + "libz.so.1.3.1\n" + code + "ld-musl-x86_64.so.1\n"));
        assertFalse(Platform.musl(code + "x86_64-linux-gnu/ld-linux-x86-64.so.2\n" + code + "x86_64-linux-gnu/libc.so.6\n"));
    }

    @Test
    void librariesAreExtractedWhereTheSystemKeepsCaches() {
        Map<String, String> properties = new HashMap<>(Map.of(
                "os.name", "Linux", "user.home", "/home/a", "user.name", "a b", "java.io.tmpdir", "/tmp"));
        Map<String, String> environment = new HashMap<>();
        assertEquals(
                List.of(Path.of("/home/a/.cache/magnet/natives"), Path.of("/tmp/magnet-natives-a_b")),
                NativesCache.directories(properties::get, environment::get));
        environment.put("XDG_CACHE_HOME", "/var/cache/a");
        assertEquals(Path.of("/var/cache/a/magnet/natives"), first(properties, environment));
        properties.put("os.name", "Mac OS X");
        assertEquals(Path.of("/home/a/Library/Caches/magnet/natives"), first(properties, environment));
        properties.put("os.name", "Windows 11");
        assertEquals(Path.of("/home/a/AppData/Local/magnet/natives"), first(properties, environment));
        environment.put("LOCALAPPDATA", "/local");
        assertEquals(Path.of("/local/magnet/natives"), first(properties, environment));
        properties.put("magnet.cache", "/mine");
        assertEquals(List.of(Path.of("/mine")), NativesCache.directories(properties::get, environment::get));
    }

    private static Path first(Map<String, String> properties, Map<String, String> environment) {
        return NativesCache.directories(properties::get, environment::get).get(0);
    }
}
