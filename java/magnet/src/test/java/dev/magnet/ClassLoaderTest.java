package dev.magnet;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ClassLoaderTest {
    @Test
    void twoClassLoadersUseTheLibraryInOneJvm() throws Exception {
        try (URLClassLoader one = loader();
                URLClassLoader two = loader()) {
            Class<?> first = one.loadClass(Magnet.class.getName());
            Class<?> second = two.loadClass(Magnet.class.getName());
            assertNotSame(first, second);
            Object a = load(first);
            Object b = load(second);
            float[] expected = embed(first, a);
            assertArrayEquals(expected, embed(second, b), 1e-6f);
            first.getMethod("close").invoke(a);
            assertArrayEquals(expected, embed(second, b), 1e-6f);
            second.getMethod("close").invoke(b);
        }
    }

    private static URLClassLoader loader() throws Exception {
        URL[] urls = new URL[Jvm.CLASSES.size()];
        for (int i = 0; i < urls.length; i++) {
            urls[i] = Jvm.CLASSES.get(i).toUri().toURL();
        }
        return new URLClassLoader(urls, null); // the platform's loader would find the modules of this JVM
    }

    private static Object load(Class<?> magnet) throws Exception {
        return magnet.getMethod("load", Path.class).invoke(null, TinyModel.LLAMA);
    }

    private static float[] embed(Class<?> type, Object magnet) throws Exception {
        return (float[]) type.getMethod("embed", String.class).invoke(magnet, "text");
    }
}
