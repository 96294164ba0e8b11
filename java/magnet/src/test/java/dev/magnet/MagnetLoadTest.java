package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MagnetLoadTest {
    @TempDir
    Path directory;

    @Test
    void infoDescribesTheModel() {
        try (Magnet magnet = TinyModel.load()) {
            ModelInfo info = magnet.info();
            assertEquals("llama", info.architecture());
            assertEquals(TinyModel.DIMENSIONS, info.dimensions());
            assertEquals(TinyModel.CONTEXT, info.trainedContext());
            assertEquals(2, info.layers());
            assertEquals(4, info.heads());
            assertEquals(2, info.keyValueHeads());
            assertTrue(info.canInfill());
        }
    }

    @Test
    void metadataHoldsTheKeysOfTheFile() {
        try (Magnet magnet = TinyModel.load()) {
            assertEquals("llama", magnet.metadata().get("general.architecture"));
        }
    }

    @Test
    void aSecondArchitectureLoads() {
        try (Magnet magnet = Magnet.load(TinyModel.QWEN2, TinyModel.options())) {
            assertEquals("qwen2", magnet.info().architecture());
        }
    }

    @Test
    void everyEngineTrainsALlama() {
        try (Magnet magnet = TinyModel.load()) {
            for (Engine engine : Engine.values()) {
                magnet.checkTraining(engine);
            }
        }
    }

    @Test
    void versionNamesLlamaCpp() {
        assertTrue(Magnet.version().contains("llama.cpp"), Magnet.version());
    }

    @Test
    void missingFileIsNamed() {
        Path missing = directory.resolve("no such model.gguf");
        assertTrue(Failures.messageOf(Status.IO, () -> Magnet.load(missing)).contains("no such model.gguf"));
    }

    @Test
    void otherFileIsRefused() throws IOException {
        Path text = Files.writeString(directory.resolve("text.gguf"), "once upon a time");
        Failures.messageOf(Status.BAD_FILE, () -> Magnet.load(text));
    }

    @Test
    void truncatedFileIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(TinyModel.LLAMA);
        Path cut = Files.write(directory.resolve("cut.gguf"), java.util.Arrays.copyOf(whole, whole.length / 2));
        Failures.messageOf(Status.BAD_FILE, () -> Magnet.load(cut));
    }

    @Test
    void pathWithSpacesAndForeignLettersLoads() throws IOException {
        Path odd = Files.createDirectories(directory.resolve("mön dossier 模型"));
        Path copy = Files.copy(TinyModel.LLAMA, odd.resolve("tiny ünïcödé.gguf"));
        try (Magnet magnet = Magnet.load(copy, TinyModel.options())) {
            assertEquals(TinyModel.DIMENSIONS, magnet.embed("text").length);
        }
    }

    @Test
    void progressGrowsToItsTotal() {
        List<Long> done = new ArrayList<>();
        List<Long> totals = new ArrayList<>();
        Magnet.load(TinyModel.LLAMA, TinyModel.options().withProgress((d, total) -> {
                    done.add(d);
                    totals.add(total);
                }))
                .close();
        assertFalse(done.isEmpty());
        assertEquals(done.stream().sorted().toList(), done);
        assertEquals(totals.getLast(), done.getLast());
    }

    @Test
    void exceptionOfTheProgressListenerEndsLoading() {
        var mine = new IllegalCallerException("mine");
        assertSame(mine, assertThrows(IllegalCallerException.class, () ->
                Magnet.load(TinyModel.LLAMA, TinyModel.options().withProgress((done, total) -> {
                    throw mine;
                }))));
    }

    @Test
    void interruptedThreadDoesNotLoad() {
        Thread.currentThread().interrupt();
        Failures.messageOf(Status.CANCELLED, () -> Magnet.load(TinyModel.LLAMA));
        assertTrue(Thread.interrupted(), "the thread stays interrupted");
    }

    @Test
    void optionsOutOfRangeAreNamed() {
        assertTrue(Failures.messageOf(Status.INVALID_ARGUMENT, () -> LoadOptions.defaults().withSessions(0))
                .contains("sessions"));
        Map<LoadOptions, String> bad = Map.of(
                LoadOptions.defaults().withThreads(0), "threads is 0",
                LoadOptions.defaults().withCtx(7), "ctx is 7",
                LoadOptions.defaults().withBatch(1), "batch is 1");
        bad.forEach((options, says) -> assertTrue(
                Failures.messageOf(Status.INVALID_ARGUMENT, () -> Magnet.load(TinyModel.LLAMA, options)).startsWith(says)));
    }

    @Test
    void nullsAreRefused() {
        assertThrows(NullPointerException.class, () -> Magnet.load((Path) null));
        assertThrows(NullPointerException.class, () -> Magnet.load(TinyModel.LLAMA, null));
    }
}
