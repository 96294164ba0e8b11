package dev.magnet;

import java.util.List;
import java.util.Objects;

/**
 * How the text of open gaps ends, beside the tokens that end it. Gaps of exact length have their length.
 *
 * @param stop strings that end the text, which does not contain them, or names of control tokens; none may be empty
 * @param until with what it ends at the latest
 * @param cutRepeat whether the beginning of the text right of the gap is cut off where a filling repeats it at its end, as
 *     models do that do not know where to end
 */
@Withers
public record InfillEnds(List<String> stop, Until until, boolean cutRepeat) implements InfillEndsWithers {
    /** Checks its arguments and makes {@code stop} immutable. */
    public InfillEnds {
        stop = List.copyOf(stop);
        Objects.requireNonNull(until, "until");
    }
}
