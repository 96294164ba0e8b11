package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.magnet.server.http.Json;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;

/** Embeddings as clients want them. */
public final class Vectors {
    private Vectors() {}

    /** A list of numbers. */
    public static ArrayNode numbers(float[] vector) {
        ArrayNode numbers = Json.array();
        for (float x : vector) {
            numbers.add(x);
        }
        return numbers;
    }

    /** Base64 of little-endian floats. */
    static String base64(float[] vector) {
        ByteBuffer bytes = ByteBuffer.allocate(vector.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        return Base64.getEncoder().encodeToString(bytes.array());
    }
}
