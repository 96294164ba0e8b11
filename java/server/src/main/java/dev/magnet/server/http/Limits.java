package dev.magnet.server.http;

import java.time.Duration;

/**
 * What one server takes on.
 *
 * @param bodyBytes most bytes of a request's body
 * @param requests most requests that are worked on or wait for it; more are told to come back
 * @param timeout how long a request may wait for the model, and then how long the model may work on it
 * @param stopWithin how long requests may go on when the server is told to stop
 */
public record Limits(int bodyBytes, int requests, Duration timeout, Duration stopWithin) {}
