/**
 * MAGNET for Java: one decoder-only language model that embeds, infills and generates, in this process.
 *
 * <p>{@link dev.magnet.Magnet} is where to start, {@link dev.magnet.Trainer} makes adapters for it. Native access is
 * needed by module {@code dev.magnet.ffi}: pass {@code --enable-native-access=dev.magnet.ffi}, or {@code =ALL-UNNAMED} on
 * the class path.
 */
module dev.magnet {
    requires dev.magnet.ffi;
    requires static org.jspecify;

    exports dev.magnet;
}
