package dev.magnet.server.openai;

import java.util.concurrent.ThreadLocalRandom;

/** Names of calls of tools: nine letters and digits, which some chat templates insist on. */
final class Ids {
    private static final String LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

    private Ids() {}

    static String ofCall() {
        var id = new StringBuilder();
        ThreadLocalRandom.current().ints(9, 0, LETTERS.length()).forEach(i -> id.append(LETTERS.charAt(i)));
        return id.toString();
    }
}
