package dev.magnet.ffi;

import dev.magnet.ffi.c.magnet_h;
import java.io.File;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the native library, opens it once and checks that it speaks the binding's ABI.
 *
 * <p>Tried in this order:
 *
 * <ol>
 *   <li>the file named by system property {@code magnet.library}; nothing else is tried if it is set;
 *   <li>the natives jar of this platform on the class path, extracted to a directory named by the hash of its content
 *       under {@code magnet.cache} if that property is set, else under the user's cache directory or, where that cannot
 *       be used, {@code java.io.tmpdir}; left out if property {@code magnet.natives.skip} is {@code true};
 *   <li>the directories of {@code java.library.path}, then the system's own search.
 * </ol>
 *
 * <p>A library that was compiled for another CPU is refused, where it says so ({@link CpuFeatures}).
 *
 * <p>The library is opened by path, not through a class loader: any number of class loaders in one process may do so
 * and share it. It is never closed, since threads of its own may still be running.
 */
public final class MagnetLibrary {
    /** System property: path of the library file to use. */
    public static final String LIBRARY_PROPERTY = "magnet.library";

    /** System property: directory to extract the library of a natives jar to. */
    public static final String CACHE_PROPERTY = "magnet.cache";

    /** System property: {@code true} leaves natives jars alone, for a library that is installed. */
    public static final String SKIP_PROPERTY = "magnet.natives.skip";

    private static SymbolLookup opened;

    private MagnetLibrary() {}

    /**
     * Opens the library unless it is open. Every caller of the generated classes comes through here first, so that a
     * failure is this method's message and can be met again, not an {@link ExceptionInInitializerError}.
     *
     * @throws UnsatisfiedLinkError with everything that was tried, why it failed and what to do
     */
    public static synchronized void load() {
        if (opened != null) {
            return;
        }
        SymbolLookup found;
        try {
            found = new Search().run();
        } catch (IllegalCallerException e) {
            throw error("Java denies native access to MAGNET. Start the JVM with " + accessFlag(), e);
        }
        int abi = abiVersion(found);
        if (abi != magnet_h.MAGNET_ABI_VERSION()) {
            throw error(
                    "the MAGNET library that was found has ABI version " + abi + ", these classes need "
                            + magnet_h.MAGNET_ABI_VERSION() + ": use library and jars of one release",
                    null);
        }
        opened = found;
    }

    /** Symbols of the library, which is opened by the first look-up. For the generated classes. */
    public static SymbolLookup symbols() {
        return name -> {
            load();
            return opened.find(name);
        };
    }

    /** The flag that grants native access to this binding, for messages and documentation. */
    static String accessFlag() {
        Module module = MagnetLibrary.class.getModule();
        return "--enable-native-access=" + (module.isNamed() ? module.getName() : "ALL-UNNAMED");
    }

    private static int abiVersion(SymbolLookup library) {
        var symbol = library.find("magnet_abi_version")
                .orElseThrow(() -> error("the file that was opened is not the MAGNET library (no magnet_abi_version)", null));
        try {
            // not through the generated method, whose look-up comes back to load()
            return (int) Linker.nativeLinker()
                    .downcallHandle(symbol, FunctionDescriptor.of(ValueLayout.JAVA_INT))
                    .invokeExact();
        } catch (Throwable e) {
            throw new AssertionError("magnet_abi_version takes nothing and throws nothing", e);
        }
    }

    private static UnsatisfiedLinkError error(String message, Throwable cause) {
        var error = new UnsatisfiedLinkError(message);
        error.initCause(cause);
        return error;
    }

    /** One walk through the places, remembering why each did not do. */
    private static final class Search {
        private final String fileName = System.mapLibraryName("magnet");
        private final List<String> tried = new ArrayList<>();

        SymbolLookup run() {
            String file = System.getProperty(LIBRARY_PROPERTY);
            if (file != null) {
                SymbolLookup named = open(Path.of(file));
                if (named == null) {
                    throw failure("-D" + LIBRARY_PROPERTY + " names a library that cannot be used");
                }
                return named;
            }
            SymbolLookup found = fromNativesJar();
            if (found == null) {
                found = fromLibraryPath();
            }
            if (found == null) {
                throw failure("no MAGNET library for " + Platform.classifier() + " (" + System.getProperty("os.name") + " "
                        + System.getProperty("os.arch") + ")");
            }
            return found;
        }

        private SymbolLookup fromNativesJar() {
            String classifier = Platform.classifier();
            if (Boolean.getBoolean(SKIP_PROPERTY)) {
                tried.add("natives jar: left out, as -D" + SKIP_PROPERTY + "=true says");
                return null;
            }
            if (Platform.musl()) {
                tried.add("natives jar: made for glibc, and this system has musl (Alpine Linux): use an image with glibc, or"
                        + " build the library there and name it with -D" + LIBRARY_PROPERTY + "=FILE");
                return null;
            }
            try {
                NativeResource resource =
                        NativeResource.find(MagnetLibrary.class.getClassLoader(), classifier, fileName);
                if (resource == null) {
                    boolean named = MagnetLibrary.class.getModule().isNamed();
                    tried.add("class path: no natives jar with classifier " + classifier
                            + (named ? "; on the module path it is found with --add-modules dev.magnet.natives" : ""));
                    return null;
                }
                List<String> missing = CpuFeatures.missing(resource.cpu());
                if (!missing.isEmpty()) {
                    tried.add("natives jar: " + CpuFeatures.refusal(missing));
                    return null;
                }
                for (Path directory : NativesCache.directories()) {
                    try {
                        SymbolLookup found = open(resource.extractTo(directory));
                        if (found != null) {
                            return found;
                        }
                    } catch (IOException e) {
                        tried.add(directory + ": cannot extract the library there: " + e);
                    }
                }
                tried.add("hint: name a writable directory on a file system that is not mounted noexec with -D"
                        + CACHE_PROPERTY + "=DIR, or a library file with -D" + LIBRARY_PROPERTY + "=FILE");
            } catch (IOException e) {
                tried.add("class path: cannot read the natives jar: " + e);
            }
            return null;
        }

        private SymbolLookup fromLibraryPath() {
            for (String directory : System.getProperty("java.library.path", "").split(File.pathSeparator)) {
                Path file = Path.of(directory, fileName);
                if (!directory.isEmpty() && Files.isRegularFile(file)) {
                    SymbolLookup found = open(file);
                    if (found != null) {
                        return found;
                    }
                }
            }
            try {
                return SymbolLookup.libraryLookup(fileName, Arena.global());
            } catch (IllegalArgumentException e) {
                tried.add("java.library.path and the system's search: no usable " + fileName);
                return null;
            }
        }

        /** Null, with the reason noted, if the file cannot be opened. */
        private SymbolLookup open(Path file) {
            if (!Files.isRegularFile(file)) {
                tried.add(file + ": no such file");
                return null;
            }
            try {
                long size = Files.size(file);
                long needed = ElfFile.sizeNeeded(file);
                if (size < needed) { // opening it would kill the process
                    tried.add("%s: cut off, it has %d of at least %d bytes; copy or build it again"
                            .formatted(file, size, needed));
                    return null;
                }
                Path cpu = file.resolveSibling(fileName + CpuFeatures.SUFFIX);
                List<String> missing = Files.isReadable(cpu) ? CpuFeatures.missing(Files.readString(cpu)) : List.of();
                if (!missing.isEmpty()) {
                    tried.add(file + ": " + CpuFeatures.refusal(missing));
                    return null;
                }
                return SymbolLookup.libraryLookup(file.toAbsolutePath(), Arena.global());
            } catch (IllegalArgumentException e) {
                tried.add(file + ": " + reasonOf(file, e));
            } catch (IOException e) {
                tried.add(file + ": cannot be read: " + e);
            }
            return null;
        }

        /** The platform's message names the file only; the linker's own words are to be had through System.load. */
        private static String reasonOf(Path file, IllegalArgumentException e) {
            try {
                System.load(file.toAbsolutePath().toString());
            } catch (UnsatisfiedLinkError reason) {
                return reason.getMessage().replace(file.toAbsolutePath() + ": ", "");
            }
            return String.valueOf(e.getMessage());
        }

        private UnsatisfiedLinkError failure(String summary) {
            return error(summary + ":\n  - " + String.join("\n  - ", tried), null);
        }
    }
}
