package dev.magnet.server.llama;

import dev.magnet.FimFile;
import dev.magnet.FimOptions;
import dev.magnet.InfillContext;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Part;
import dev.magnet.ScoreOptions;
import dev.magnet.Status;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Whether a model is told of other files by tokens of its own. That hangs on its vocabulary, on the context, and on what an
 * adapter makes of that, so it is tried once, with two tokens.
 */
final class Files {
    private static final List<Part> PARTS = List.of(Part.text("a"), Part.filled("b"));

    private final Map<InfillContext, Boolean> told = new EnumMap<>(InfillContext.class);

    Files(Magnet magnet) {
        for (InfillContext context : List.of(InfillContext.DEFAULT, InfillContext.FIM)) {
            told.put(context, magnet.info().hasFimTokens() && isTold(magnet, context));
        }
    }

    /** Whether a request for this context may name files. */
    boolean areTold(InfillContext context) {
        return told.getOrDefault(context, false);
    }

    private static boolean isTold(Magnet magnet, InfillContext context) {
        FimOptions files = FimOptions.none().withFiles(new FimFile("a", "b"));
        try {
            magnet.score(List.of(PARTS), ScoreOptions.defaults().withContext(context).withFim(files));
            return true;
        } catch (MagnetException e) {
            if (e.status() != Status.UNSUPPORTED && e.status() != Status.INVALID_ARGUMENT) {
                throw e;
            }
            return false;
        }
    }
}
