package dev.magnet.server.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.magnet.Token;
import dev.magnet.server.http.EventStream;
import dev.magnet.server.http.Exchange;
import dev.magnet.server.http.HttpError;
import dev.magnet.server.http.LateReply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** Answers with what is being generated. */
public final class Answers {
    private static final Duration BEAT = Duration.ofMillis(500);

    private Answers() {}

    /** Answers whole or in pieces. Whatever still runs at the end is stopped: the client has gone, or something failed. */
    public static void send(Exchange exchange, List<Running> runs, Format format, boolean stream) throws InterruptedException {
        try {
            if (stream) {
                stream(exchange, runs, format);
            } else {
                whole(exchange, runs, format);
            }
        } finally {
            runs.forEach(Running::close);
        }
    }

    private static void whole(Exchange exchange, List<Running> runs, Format format) throws InterruptedException {
        LateReply reply = exchange.late();
        try {
            List<Choice> choices = new ArrayList<>();
            for (Running run : runs) {
                choices.add(reply.await(run.result(), run::begun));
            }
            reply.send(format.whole(choices));
        } catch (HttpError e) {
            if (!reply.fail(e)) {
                throw e;
            }
        }
    }

    /** Nothing is sent before the first token, so that what fails until then gets its own status. */
    private static void stream(Exchange exchange, List<Running> runs, Format format) throws InterruptedException {
        Token first = awaitFirst(exchange, runs.getFirst());
        try (EventStream events = exchange.events()) {
            try {
                List<Choice> choices = new ArrayList<>();
                for (int i = 0; i < runs.size(); i++) {
                    send(events, format.opening(i));
                    pieces(events, i, i == 0 ? first : null, runs.get(i), format);
                    choices.add(resultOf(runs.get(i)));
                    send(events, format.closing(i, choices.getLast()));
                }
                send(events, format.summary(choices));
                if (format.end() != null) {
                    events.send(format.end());
                }
            } catch (HttpError e) {
                events.fail(e);
            }
        }
    }

    private static @Nullable Token awaitFirst(Exchange exchange, Running run) throws InterruptedException {
        long deadline = System.nanoTime() + exchange.limits().timeout().toNanos();
        while (true) {
            Token token = run.next(BEAT);
            if (token != null) {
                return token;
            }
            if (run.ended()) {
                resultOf(run); // throws what it failed with
                return null;
            }
            if (System.nanoTime() - deadline > 0) {
                throw HttpError.unavailable("timeout", "no token within " + exchange.limits().timeout().toSeconds()
                        + " s; ask for less, come back later, or raise --timeout");
            }
        }
    }

    private static void pieces(EventStream events, int index, @Nullable Token first, Running run, Format format)
            throws InterruptedException {
        Token token = first;
        int last = -1;
        while (true) {
            if (token != null) {
                send(events, format.piece(index, token, token.index() == last));
                last = token.index();
            } else if (run.ended()) {
                return;
            } else {
                events.beat();
            }
            token = run.next(BEAT);
        }
    }

    private static Choice resultOf(Running run) throws InterruptedException {
        try {
            return run.result().get();
        } catch (ExecutionException e) {
            throw HttpError.of(e.getCause());
        } catch (CancellationException e) {
            throw HttpError.unavailable("stopped", "the work was stopped");
        }
    }

    private static void send(EventStream events, @Nullable ObjectNode data) {
        if (data != null) {
            events.send(data);
        } else {
            events.beat();
        }
    }
}
