package dev.magnet;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** As much of the GGUF format as it takes to damage a tensor of floats, or to change a number. */
public final class TinyGguf {
    private static final int ALIGNMENT = 32; // unless general.alignment says otherwise, which the tiny models do not

    private final ByteBuffer file;

    private TinyGguf(byte[] bytes) {
        file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Writes a copy of {@code model} whose F32 tensor {@code name} begins with {@code value}. */
    static Path damaged(Path model, String name, float value, Path copy) throws IOException {
        byte[] bytes = Files.readAllBytes(model);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(new TinyGguf(bytes).find(name), value);
        return Files.write(copy, bytes);
    }

    /** Writes a copy of {@code model} whose metadata {@code key}, of 32 bits, is {@code value}. */
    static Path withNumber(Path model, String key, int value, Path copy) throws IOException {
        byte[] bytes = Files.readAllBytes(model);
        var gguf = new TinyGguf(bytes);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(gguf.skipKeys(key), value);
        return Files.write(copy, bytes);
    }

    /** Writes a copy of {@code model} whose vocabulary has other names for its first tokens. */
    public static Path renamed(Path model, List<String> tokens, Path copy) throws IOException {
        byte[] bytes = Files.readAllBytes(model);
        var gguf = new TinyGguf(bytes);
        gguf.file.position(gguf.skipKeys("tokenizer.ggml.tokens") + Integer.BYTES + Long.BYTES);
        int begin = gguf.file.position();
        tokens.forEach(token -> gguf.text());
        int end = gguf.file.position();
        gguf.skipKeys("");
        gguf.skipTensors();
        int header = gguf.file.position();
        var out = new ByteArrayOutputStream();
        out.write(bytes, 0, begin);
        for (String token : tokens) {
            write(out, token);
        }
        out.write(bytes, end, header - end);
        out.writeBytes(new byte[aligned(out.size()) - out.size()]);
        out.write(bytes, aligned(header), bytes.length - aligned(header));
        return Files.write(copy, out.toByteArray());
    }

    /** Writes a copy of {@code model} with one more text in its metadata. */
    public static Path withText(Path model, String key, String value, Path copy) throws IOException {
        var bytes = new ByteArrayOutputStream();
        write(bytes, value);
        return with(model, key, 8, bytes.toByteArray(), copy);
    }

    /** Writes a copy of {@code model} with one more number, of 32 bits without a sign, in its metadata. */
    static Path withNewNumber(Path model, String key, int value, Path copy) throws IOException {
        return with(model, key, 4, number(value), copy);
    }

    private static Path with(Path model, String key, int type, byte[] value, Path copy) throws IOException {
        byte[] bytes = Files.readAllBytes(model);
        var gguf = new TinyGguf(bytes);
        gguf.skipKeys("");
        int keysEnd = gguf.file.position();
        gguf.skipTensors();
        int header = gguf.file.position();
        var out = new ByteArrayOutputStream();
        out.write(bytes, 0, keysEnd);
        write(out, key);
        out.writeBytes(number(type));
        out.writeBytes(value);
        out.write(bytes, keysEnd, header - keysEnd);
        out.writeBytes(new byte[aligned(out.size()) - out.size()]);
        out.write(bytes, aligned(header), bytes.length - aligned(header));
        byte[] changed = out.toByteArray();
        ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putLong(16, gguf.file.getLong(16) + 1);
        return Files.write(copy, changed);
    }

    private static byte[] number(int value) {
        return ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
    }

    private static void write(ByteArrayOutputStream out, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.writeBytes(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(utf8.length).array());
        out.writeBytes(utf8);
    }

    private void skipTensors() {
        for (long tensors = file.getLong(8); tensors > 0; tensors--) {
            text();
            int dimensions = file.getInt();
            file.position(file.position() + dimensions * Long.BYTES + Integer.BYTES + Long.BYTES);
        }
    }

    private static int aligned(int offset) {
        return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Goes to the tensors; returns where the value of the key {@code wanted} begins. */
    private int skipKeys(String wanted) {
        file.position(16);
        int found = -1;
        for (long keys = file.getLong(); keys > 0; keys--) {
            String key = text();
            int type = file.getInt();
            if (key.equals(wanted)) {
                found = file.position();
            }
            skip(type);
        }
        return found;
    }

    private int find(String wanted) {
        long tensors = file.getLong(8);
        skipKeys("");
        long found = -1;
        for (long i = 0; i < tensors; i++) {
            String name = text();
            int dimensions = file.getInt();
            file.position(file.position() + dimensions * Long.BYTES);
            int type = file.getInt();
            long offset = file.getLong();
            if (name.equals(wanted)) {
                if (type != 0) {
                    throw new IllegalArgumentException(wanted + " is not of F32");
                }
                found = offset;
            }
        }
        if (found < 0) {
            throw new IllegalArgumentException("there is no tensor " + wanted);
        }
        return aligned(file.position()) + Math.toIntExact(found);
    }

    private String text() {
        byte[] bytes = new byte[Math.toIntExact(file.getLong())];
        file.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private void skip(int type) {
        switch (type) {
            case 0, 1, 7 -> file.get();
            case 2, 3 -> file.getShort();
            case 4, 5, 6 -> file.getInt();
            case 8 -> text();
            case 9 -> {
                int element = file.getInt();
                long count = file.getLong();
                for (long i = 0; i < count; i++) {
                    skip(element);
                }
            }
            default -> file.getLong();
        }
    }
}
