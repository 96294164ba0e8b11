package dev.magnet.server.openai;

import dev.magnet.server.http.Fields;

/**
 * What both APIs for texts have.
 *
 * @param stream whether the answer comes in pieces
 * @param summarise whether a stream ends with a count of tokens
 */
record Common(boolean stream, boolean summarise) {
    /** Most texts of one request. */
    static final int MOST_CHOICES = 16;

    static Common of(Fields fields) {
        fields.text("model", null); // there is one, whatever it is called
        fields.text("user", null);
        Fields options = fields.object("stream_options");
        return new Common(
                fields.flag("stream", false), options != null && options.flag("include_usage", false));
    }
}
