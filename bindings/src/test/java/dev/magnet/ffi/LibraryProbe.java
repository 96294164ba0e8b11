package dev.magnet.ffi;

import dev.magnet.ffi.c.magnet_h;

/** A program that opens the library and says how it went; {@link MagnetLibraryTest} runs it in a JVM of its own. */
final class LibraryProbe {
    private LibraryProbe() {}

    public static void main(String[] args) {
        for (int i = 0; i < 2; i++) { // a failure must be met again, in the same words
            try {
                MagnetLibrary.load();
                System.out.println("opened " + magnet_h.magnet_version().getString(0));
            } catch (UnsatisfiedLinkError e) {
                System.out.println("failed " + e.getMessage());
            }
        }
    }
}
