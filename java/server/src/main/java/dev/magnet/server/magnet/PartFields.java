package dev.magnet.server.magnet;

import com.fasterxml.jackson.databind.JsonNode;
import dev.magnet.Part;
import dev.magnet.server.http.Fields;
import dev.magnet.server.http.HttpError;
import java.util.ArrayList;
import java.util.List;

/** Reads a template. */
final class PartFields {
    /** Most pieces of a template. */
    private static final int MOST = 10_000;

    private PartFields() {}

    /**
     * Field "parts": texts, each with "text"; gaps, each with "gap", which is the number of tokens or 0 for an open one, and
     * perhaps "max"; and gaps that hold text, each with "filled".
     */
    static List<Part> read(Fields fields) {
        List<Part> parts = new ArrayList<>();
        for (Fields part : fields.objects("parts", MOST)) {
            parts.add(part(part));
        }
        if (parts.isEmpty()) {
            throw fields.wrong("parts", "a list of texts and gaps is wanted, e.g. [{\"text\": \"A \"}, {\"gap\": 0}]");
        }
        return parts;
    }

    private static Part part(Fields part) {
        JsonNode text = part.any("text");
        JsonNode gap = part.any("gap");
        JsonNode filled = part.any("filled");
        int max = part.integer("max", 0, Integer.MAX_VALUE, 0);
        boolean keepSpace = part.flag("keep_space", false);
        part.refuseOthers();
        int kinds = (text == null ? 0 : 1) + (gap == null ? 0 : 1) + (filled == null ? 0 : 1);
        if (kinds != 1) {
            throw HttpError.field("parts", "each of \"parts\" has one of \"text\", \"gap\" and \"filled\"; one has " + kinds);
        }
        if (text != null) {
            return new Part.Text(part.text("text"), keepSpace);
        }
        int length = part.integer("gap", 0, Integer.MAX_VALUE, 0);
        return gap != null ? new Part.Gap(length, max) : new Part.Filled(part.text("filled"), 0, max);
    }
}
