/**
 * The raw binding of the MAGNET library. An implementation detail of module {@code dev.magnet}, which is what programs use.
 *
 * <p>All restricted calls of {@link java.lang.foreign} are made here, so this is the one module that
 * {@code --enable-native-access} has to name.
 */
@SuppressWarnings("module") // dev.magnet is built after this module and reads it
module dev.magnet.ffi {
    exports dev.magnet.ffi to dev.magnet;
    exports dev.magnet.ffi.c to dev.magnet;
}
