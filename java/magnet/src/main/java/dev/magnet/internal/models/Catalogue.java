package dev.magnet.internal.models;

import dev.magnet.KnownModel;
import dev.magnet.MagnetException;
import dev.magnet.Status;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;

/** All models that are known by name. */
public final class Catalogue {
    private static final String FILE = "models.properties";

    private final Map<String, Entry> entries = new TreeMap<>();

    private Catalogue() {}

    /** Reads what the jars of the class path and the cache directory hold; the latter counts where both name a model. */
    public static Catalogue read(Path cache) {
        var catalogue = new Catalogue();
        try {
            for (URL source : sources()) {
                catalogue.add(source);
            }
            Path own = cache.resolve(FILE);
            if (Files.isRegularFile(own)) {
                catalogue.add(own.toUri().toURL());
            }
        } catch (IOException e) {
            throw new MagnetException(Status.IO, "cannot read " + FILE + ": " + e, e);
        }
        return catalogue;
    }

    /** Of this module's class loader, and of that of the application that calls. */
    private static Collection<URL> sources() throws IOException {
        String name = "META-INF/magnet/" + FILE;
        List<URL> found = new ArrayList<>(Collections.list(Catalogue.class.getClassLoader().getResources(name)));
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        if (context != null) {
            found.addAll(Collections.list(context.getResources(name)));
        }
        Map<String, URL> sources = new LinkedHashMap<>(); // URL.equals asks the network
        found.forEach(url -> sources.putIfAbsent(url.toString(), url));
        return sources.values();
    }

    private void add(URL source) throws IOException {
        var properties = new Properties();
        var connection = source.openConnection();
        connection.setUseCaches(false); // a jar that is replaced while the JVM runs
        try (var reader = new InputStreamReader(connection.getInputStream(), StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (IllegalArgumentException e) {
            throw new MagnetException(Status.BAD_FILE, source + ": " + e.getMessage(), e);
        }
        for (String key : properties.stringPropertyNames()) {
            if (key.endsWith(".file")) {
                String name = key.substring(0, key.length() - ".file".length());
                entries.put(name, Entry.read(name, properties, source));
            }
        }
    }

    /** Whether something is called so. */
    public boolean has(String name) {
        return entries.containsKey(name);
    }

    /** What is called so. */
    public Entry get(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new MagnetException(Status.INVALID_ARGUMENT, "no model is called \"" + name + "\"; " + names());
        }
        return entry;
    }

    /** The first adapter of a model. */
    public Optional<Entry> adapterOf(String model) {
        return entries.values().stream().filter(entry -> model.equals(entry.model().adapterOf())).findFirst();
    }

    /** Everything, by name. */
    public List<KnownModel> models() {
        return entries.values().stream().map(Entry::model).toList();
    }

    /** "known are a, b", for messages. */
    public String names() {
        return "known are " + String.join(", ", entries.keySet());
    }
}
