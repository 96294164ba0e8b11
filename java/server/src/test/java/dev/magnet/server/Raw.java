package dev.magnet.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;

/** Bytes to a server and back, for what no client would send. */
final class Raw {
    private Raw() {}

    /** A connection. */
    static Socket connect(TestServer server) throws IOException {
        var socket = new Socket();
        socket.connect(new InetSocketAddress(server.uri("/").getHost(), server.uri("/").getPort()), 60_000);
        socket.setSoTimeout(60_000);
        return socket;
    }

    /** Sends a text of bytes, says that it was all, and reads what comes. */
    static String exchange(TestServer server, String bytes) throws IOException {
        return exchange(server, bytes.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Sends bytes, says that it was all, and reads what comes. */
    static String exchange(TestServer server, byte[] bytes) throws IOException {
        try (Socket socket = connect(server)) {
            var answer = new StringBuilder();
            try {
                socket.getOutputStream().write(bytes);
                socket.getOutputStream().flush();
                socket.shutdownOutput();
            } catch (IOException e) {
                // it has answered already, and reads no further
            }
            byte[] buffer = new byte[8192];
            try {
                for (int n = socket.getInputStream().read(buffer); n >= 0; n = socket.getInputStream().read(buffer)) {
                    answer.append(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
                }
            } catch (SocketTimeoutException e) {
                answer.append("(no end)");
            } catch (IOException e) {
                // closed without more
            }
            return answer.toString();
        }
    }
}
