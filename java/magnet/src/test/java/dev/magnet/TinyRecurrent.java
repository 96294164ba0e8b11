package dev.magnet;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Writes a recurrent model with random weights: one layer of Mamba, a token for each character from '!' to 'F'. */
final class TinyRecurrent {
    private static final int UINT32 = 4;
    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int STRING = 8;
    private static final int ARRAY = 9;
    private static final int ALIGNMENT = 32;

    private static final int VOCABULARY = 40;
    private static final int WIDTH = 16;
    private static final int INNER = 2 * WIDTH;
    private static final int STATE = 8;
    private static final int KERNEL = 4;
    private static final int RANK = 2;

    private final ByteBuffer out = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    private final Map<String, int[]> tensors = new LinkedHashMap<>();
    private int keys;

    private TinyRecurrent() {}

    static Path write(Path file) throws IOException {
        var writer = new TinyRecurrent();
        writer.tensors();
        writer.out.put("GGUF".getBytes(StandardCharsets.US_ASCII)).putInt(3).putLong(writer.tensors.size()).putLong(0);
        writer.metadata();
        writer.out.putLong(16, writer.keys);
        writer.weights();
        return Files.write(file, Arrays.copyOf(writer.out.array(), writer.out.position()));
    }

    private void metadata() {
        key("general.architecture", STRING);
        string("mamba");
        String[] names = {
            "context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count",
            "ssm.conv_kernel", "ssm.inner_size", "ssm.state_size", "ssm.time_step_rank"
        };
        int[] values = {64, WIDTH, 1, 0, 0, KERNEL, INNER, STATE, RANK};
        for (int i = 0; i < names.length; i++) {
            key("mamba." + names[i], UINT32).putInt(values[i]);
        }
        key("mamba.attention.layer_norm_rms_epsilon", FLOAT32).putFloat(1e-5f);
        key("tokenizer.ggml.model", STRING);
        string("gpt2");
        key("tokenizer.ggml.pre", STRING);
        string("gpt-2");
        key("tokenizer.ggml.tokens", ARRAY).putInt(STRING).putLong(VOCABULARY);
        string("<|end|>");
        string("\u0120"); // GPT-2 writes a space so
        for (int i = 2; i < VOCABULARY; i++) {
            string(String.valueOf((char) ('!' + i - 2)));
        }
        key("tokenizer.ggml.token_type", ARRAY).putInt(INT32).putLong(VOCABULARY);
        for (int i = 0; i < VOCABULARY; i++) {
            out.putInt(i == 0 ? 3 : 1); // control, normal
        }
        key("tokenizer.ggml.merges", ARRAY).putInt(STRING).putLong(1);
        string("~ ~"); // the list must be there
        key("tokenizer.ggml.bos_token_id", UINT32).putInt(0);
        key("tokenizer.ggml.eos_token_id", UINT32).putInt(0);
    }

    private void tensors() {
        tensors.put("token_embd.weight", new int[] {WIDTH, VOCABULARY});
        tensors.put("output_norm.weight", new int[] {WIDTH});
        tensors.put("blk.0.attn_norm.weight", new int[] {WIDTH});
        tensors.put("blk.0.ssm_in.weight", new int[] {WIDTH, 2 * INNER});
        tensors.put("blk.0.ssm_conv1d.weight", new int[] {KERNEL, INNER});
        tensors.put("blk.0.ssm_conv1d.bias", new int[] {INNER});
        tensors.put("blk.0.ssm_x.weight", new int[] {INNER, RANK + 2 * STATE});
        tensors.put("blk.0.ssm_dt.weight", new int[] {RANK, INNER});
        tensors.put("blk.0.ssm_dt.bias", new int[] {INNER});
        tensors.put("blk.0.ssm_a", new int[] {STATE, INNER});
        tensors.put("blk.0.ssm_d", new int[] {INNER});
        tensors.put("blk.0.ssm_out.weight", new int[] {INNER, WIDTH});
    }

    private void weights() {
        long offset = 0;
        for (var tensor : tensors.entrySet()) {
            string(tensor.getKey());
            out.putInt(tensor.getValue().length);
            for (int size : tensor.getValue()) {
                out.putLong(size);
            }
            out.putInt(0).putLong(offset); // F32
            offset = aligned(offset + (long) Float.BYTES * count(tensor.getValue()));
        }
        var random = new Random(7);
        for (var tensor : tensors.entrySet()) {
            out.position((int) aligned(out.position()));
            int count = count(tensor.getValue());
            for (int i = 0; i < count; i++) {
                out.putFloat(value(tensor.getKey(), tensor.getValue()[0], random));
            }
        }
        out.position((int) aligned(out.position()));
    }

    /** The state decays slowly, so that what was read long ago shows. */
    private static float value(String name, int columns, Random random) {
        double normal = random.nextGaussian();
        if (name.endsWith("norm.weight") || name.endsWith("ssm_d")) {
            return (float) (1 + 0.1 * normal);
        }
        if (name.endsWith("ssm_a")) {
            return (float) (-0.3 + 0.05 * normal);
        }
        return (float) (name.startsWith("token") ? normal : 1.5 * normal / Math.sqrt(columns));
    }

    private static int count(int[] shape) {
        return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    private static long aligned(long position) {
        return (position + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    private ByteBuffer key(String key, int type) {
        keys++;
        string(key);
        return out.putInt(type);
    }

    private void string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.putLong(bytes.length).put(bytes);
    }
}
