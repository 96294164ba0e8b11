package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

/** What the program says without serving anything. */
class MainTest {
    @Test
    void wrongUsageIsSaid() {
        String message = ends(2, "model.gguf", "--port", "70000");
        assertTrue(message.startsWith("magnet-server: --port is 70000") && message.contains("[0, 65535]"), message);
        assertEquals(1, message.lines().count(), "not hidden among all options");
        assertTrue(ends(2, "model.gguf", "--port", "80x").startsWith("magnet-server: "));
        assertTrue(ends(2, "model.gguf", "--parallel", "0").contains("--parallel"));
        assertTrue(ends(2, "model.gguf", "--prot", "1").contains("--prot"));
        assertTrue(ends(2, "model.gguf", "--host", "no.such.host.invalid").contains("no address"));
        assertTrue(ends(2, "model.gguf", "--api-key-file", "nowhere").contains("nowhere"));
    }

    @Test
    void modelThatCannotBeLoadedIsSaid() {
        assertTrue(ends(1, "nowhere.gguf").contains("nowhere.gguf"));
    }

    @Test
    void helpAndVersion() {
        assertTrue(ends(0, "--help").contains("--allow-origin"));
        assertTrue(ends(0, "--version").contains("llama.cpp"));
    }

    private static String ends(int status, String... arguments) {
        var output = new StringWriter();
        var program = Main.program().setOut(new PrintWriter(output)).setErr(new PrintWriter(output));
        assertEquals(status, program.execute(arguments), output.toString());
        return output.toString();
    }
}
