package dev.magnet;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Flow;

/** A subscriber that keeps what it gets. */
final class Collecting implements Flow.Subscriber<Token> {
    private final long firstRequest;
    private final List<Token> tokens = new ArrayList<>();
    private Flow.Subscription subscription;
    private Throwable failure;
    private boolean ended;

    Collecting(long firstRequest) {
        this.firstRequest = firstRequest;
    }

    @Override
    public synchronized void onSubscribe(Flow.Subscription subscription) {
        this.subscription = subscription;
        if (firstRequest > 0) {
            subscription.request(firstRequest);
        }
        notifyAll();
    }

    @Override
    public synchronized void onNext(Token token) {
        tokens.add(token);
        notifyAll();
    }

    @Override
    public synchronized void onError(Throwable e) {
        failure = e;
        ended = true;
        notifyAll();
    }

    @Override
    public synchronized void onComplete() {
        ended = true;
        notifyAll();
    }

    synchronized void request(long n) throws InterruptedException {
        while (subscription == null) {
            wait();
        }
        subscription.request(n);
    }

    synchronized void cancel() {
        subscription.cancel();
    }

    synchronized List<Token> tokens() {
        return List.copyOf(tokens);
    }

    synchronized boolean hasEnded() {
        return ended;
    }

    synchronized void awaitTokens(int count) throws InterruptedException {
        while (tokens.size() < count) {
            wait();
        }
    }

    /** All tokens, once there are no more; throws what failed. */
    synchronized List<Token> awaitEnd() throws Exception {
        while (!ended) {
            wait();
        }
        if (failure instanceof Exception e) {
            throw e;
        }
        return tokens();
    }
}
