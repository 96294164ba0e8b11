package dev.magnet.server.model;

import dev.magnet.Token;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One generation on a thread of the model, watched by the thread of a connection. Tokens are kept for it, so that a client who
 * reads slowly makes nobody wait. Closing it stops it.
 */
public final class Running implements AutoCloseable {
    private static final Token END = new Token(-1, "", 0, 0, 0, List.of());

    private final LinkedBlockingQueue<Token> tokens = new LinkedBlockingQueue<>();
    private final Runnable cancel;
    private final BlockText text;
    private final long mostNanos;
    private long firstAt;
    private boolean lines;
    private volatile boolean begun;
    private int told; // tokens; for the thread that generates them, like firstAt
    private @Nullable FutureTask<Choice> task;

    /** @param most how long it goes on behind its first token, if it has ended a line by then */
    Running(Runnable cancel, BlockText text, Duration most) {
        this.cancel = cancel;
        this.text = text;
        this.mostNanos = most.toNanos();
    }

    /** Generates on a thread of {@code executor}. */
    void begin(Executor executor, Function<Consumer<Token>, Choice> generate) {
        task = new FutureTask<>(() -> finish(generate.apply(this::accept))) {
            @Override
            protected void done() {
                tokens.add(END);
            }
        };
        executor.execute(task);
    }

    private void accept(Token token) {
        if (!begun) {
            firstAt = System.nanoTime();
            begun = true;
        }
        if (text.ended()) {
            return;
        }
        tokens.add(withText(token, text.accept(token.text())));
        told = token.index() + 1;
        lines |= token.text().indexOf('\n') >= 0;
        if (text.ended() || lines && System.nanoTime() - firstAt > mostNanos) {
            cancel.run(); // the result is what there is
        }
    }

    private Choice finish(Choice choice) {
        String cut = text.cutText();
        if (cut != null) {
            return choice.cut(cut, told);
        }
        String rest = text.rest();
        if (!rest.isEmpty()) {
            tokens.add(withText(choice.span().tokens().getLast(), rest));
        }
        return choice;
    }

    private static Token withText(Token token, String text) {
        return new Token(token.id(), text, token.logprob(), token.part(), token.index(), token.top());
    }

    /** Its result, to wait for. */
    public FutureTask<Choice> result() {
        return task;
    }

    /** Whether there is a first token: from here on it ends with a result. */
    public boolean begun() {
        return begun;
    }

    /**
     * The next token, which may be the last one again, with text that was held back.
     *
     * @param patience how long to wait for one
     * @return null if none came, or none will
     */
    public @Nullable Token next(Duration patience) throws InterruptedException {
        Token token = tokens.poll(patience.toNanos(), TimeUnit.NANOSECONDS);
        if (token == END) {
            tokens.add(END);
            return null;
        }
        return token;
    }

    /** Whether all tokens were given. */
    public boolean ended() {
        return tokens.peek() == END;
    }

    /** Stops it, also while it waits. */
    @Override
    public void close() {
        cancel.run();
        task.cancel(false);
    }
}
