package dev.magnet.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.server.http.Json;
import dev.magnet.server.model.ServedModel;
import java.time.Instant;
import java.util.UUID;

/** What all objects of one answer begin with. */
record Header(String id, long created, String model) {
    /** A new one. */
    static Header of(String prefix, ServedModel model) {
        return new Header(prefix + UUID.randomUUID().toString().replace("-", ""), Instant.now().getEpochSecond(), model.name());
    }

    /** An object of this kind. */
    ObjectNode object(String kind) {
        return Json.object().put("id", id).put("object", kind).put("created", created).put("model", model);
    }
}
