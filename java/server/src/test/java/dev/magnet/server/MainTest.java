package dev.magnet.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** What the program says without serving anything. */
class MainTest {
    @Test
    void wrongUsageIsSaid() {
        assertTrue(ends(2, "model.gguf", "--port", "70000").contains("[0, 65535]"));
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
        var program = new CommandLine(new Main()).setOut(new PrintWriter(output)).setErr(new PrintWriter(output));
        assertEquals(status, program.execute(arguments), output.toString());
        return output.toString();
    }
}
