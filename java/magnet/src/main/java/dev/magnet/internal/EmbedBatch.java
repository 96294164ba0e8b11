package dev.magnet.internal;

import dev.magnet.EmbedOptions;
import dev.magnet.Embeddings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Texts of one or many requests, with the same options, that one native call computes. */
final class EmbedBatch {
    /** Enough to pack texts well, few enough that others get their turn soon. */
    private static final int MAX_TEXTS = 128;

    private static final int MAX_CHARACTERS = 16_384;

    /** One text: which, and whose. */
    private record Piece(EmbedRequest request, int place) {
        String text() {
            return request.texts().get(place);
        }
    }

    private final EmbedOptions options;
    private final boolean isLong;
    private final List<Piece> pieces = new ArrayList<>();
    private int characters;

    private EmbedBatch(EmbedOptions options, boolean isLong) {
        this.options = options;
        this.isLong = isLong;
    }

    /**
     * Takes texts: of all that wait with the same options as the first of them, one of each in turn, so that one caller with
     * thousands does not hold up the others. Who had some and has more goes behind the others.
     *
     * @param longToo whether long texts may be taken, which come alone
     * @return null if there is nothing to take
     */
    static @Nullable EmbedBatch take(Deque<EmbedRequest> waiting, boolean longToo) {
        waiting.removeIf(request -> request.left() == 0);
        EmbedRequest first =
                waiting.stream().filter(request -> longToo || !request.isNextLong()).findFirst().orElse(null);
        if (first == null) {
            return null;
        }
        var batch = new EmbedBatch(first.options(), first.isNextLong());
        Set<EmbedRequest> served = Collections.newSetFromMap(new IdentityHashMap<>());
        if (batch.isLong) {
            do {
                batch.add(first);
            } while (first.options().progress() != null && first.left() > 0);
            served.add(first);
        } else {
            List<EmbedRequest> alike =
                    waiting.stream().filter(request -> request.options().equals(batch.options)).toList();
            for (boolean more = true; more; ) {
                more = false;
                for (EmbedRequest request : alike) {
                    if (!batch.isFull() && request.left() > 0 && !request.isNextLong()) {
                        batch.add(request);
                        served.add(request);
                        more = true;
                    }
                }
            }
        }
        waiting.removeIf(served::contains);
        served.stream().filter(request -> request.left() > 0).forEach(waiting::addLast);
        return batch;
    }

    private void add(EmbedRequest request) {
        var piece = new Piece(request, request.take());
        pieces.add(piece);
        characters += piece.text().length();
    }

    private boolean isFull() {
        return pieces.size() >= MAX_TEXTS || characters >= MAX_CHARACTERS;
    }

    /** Whether it takes so long that others should not wait for it. */
    boolean isLong() {
        return isLong;
    }

    int size() {
        return pieces.size();
    }

    EmbedOptions options() {
        return options;
    }

    List<String> texts() {
        return pieces.stream().map(Piece::text).toList();
    }

    /** Those who still want to know. */
    List<EmbedRequest> requests() {
        return pieces.stream().map(Piece::request).distinct().filter(request -> !request.future().isDone()).toList();
    }

    /** What of it one of them asked for. */
    EmbedBatch of(EmbedRequest request) {
        var part = new EmbedBatch(options, isLong);
        pieces.stream().filter(piece -> piece.request() == request).forEach(part.pieces::add);
        return part;
    }

    /** Does this when the last one who waits for it does not want it any more. */
    void whenUnwanted(Runnable then) {
        List<EmbedRequest> requests = requests();
        var wanted = new AtomicInteger(requests.size());
        requests.forEach(request -> request.future().whenComplete((embeddings, thrown) -> {
            if (request.future().isCancelled() && wanted.decrementAndGet() == 0) {
                then.run();
            }
        }));
    }

    /** Hands out what was computed. */
    void tell(Embeddings all) {
        for (int i = 0; i < pieces.size(); i++) {
            pieces.get(i).request().tell(pieces.get(i).place(), all.vectors()[i], all.tokenCounts()[i]);
        }
    }
}
