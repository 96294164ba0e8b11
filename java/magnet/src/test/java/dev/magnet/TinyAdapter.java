package dev.magnet;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Writes a LoRA adapter for {@link TinyModel#LLAMA}: random matrices of rank 2 for a projection of layer 0. */
final class TinyAdapter {
    private static final int STRING = 8;
    private static final int FLOAT = 6;
    private static final int RANK = 2;
    private static final int ALIGNMENT = 32;

    private TinyAdapter() {}

    /** For the query projection. */
    static Path write(Path file, String architecture, long seed) throws IOException {
        return write(file, architecture, "attn_q", seed);
    }

    /** For a projection that is as wide as the model on both sides. */
    static Path write(Path file, String architecture, String projection, long seed) throws IOException {
        ByteBuffer out = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
        out.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3).putLong(2).putLong(4);
        string(out, "general.type", "adapter");
        string(out, "general.architecture", architecture);
        string(out, "adapter.type", "lora");
        key(out, "adapter.lora.alpha").putInt(FLOAT).putFloat(2 * RANK);
        int size = TinyModel.DIMENSIONS * RANK * Float.BYTES;
        tensor(out, "blk.0." + projection + ".weight.lora_a", TinyModel.DIMENSIONS, RANK, 0);
        tensor(out, "blk.0." + projection + ".weight.lora_b", RANK, TinyModel.DIMENSIONS, size);
        out.position((out.position() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        var random = new Random(seed);
        for (int i = 0; i < 2 * TinyModel.DIMENSIONS * RANK; i++) {
            out.putFloat((float) random.nextGaussian());
        }
        return Files.write(file, java.util.Arrays.copyOf(out.array(), out.position()));
    }

    private static ByteBuffer key(ByteBuffer out, String key) {
        byte[] bytes = key.getBytes(StandardCharsets.UTF_8);
        return out.putLong(bytes.length).put(bytes);
    }

    private static void string(ByteBuffer out, String key, String value) {
        key(out, key).putInt(STRING);
        key(out, value);
    }

    private static void tensor(ByteBuffer out, String name, int columns, int rows, long offset) {
        key(out, name).putInt(2).putLong(columns).putLong(rows).putInt(0).putLong(offset);
    }
}
