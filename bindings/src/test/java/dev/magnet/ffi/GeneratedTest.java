package dev.magnet.ffi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.magnet.ffi.c.magnet_h;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class GeneratedTest {
    @Test
    void generatedFromTheHeaderAsItIs() throws Exception {
        var provenance = new Properties();
        try (var in = magnet_h.class.getResourceAsStream("GENERATED.properties")) {
            assertNotNull(in, "GENERATED.properties is part of the jar");
            provenance.load(in);
        }
        byte[] header = Files.readAllBytes(Path.of(System.getProperty("magnet.header")));
        assertEquals(
                provenance.getProperty("header.sha256"),
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(header)),
                "magnet.h changed: run bindings/generate.sh and commit");
    }
}
