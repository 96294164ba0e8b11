package dev.magnet.server.http;

import java.io.IOException;

/** The client closed its connection: nobody is left to answer. */
public final class ClientGone extends RuntimeException {
    private static final long serialVersionUID = 1;

    ClientGone(IOException cause) {
        super("the client has gone", cause, false, false);
    }
}
