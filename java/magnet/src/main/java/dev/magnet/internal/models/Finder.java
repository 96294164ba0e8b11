package dev.magnet.internal.models;

import dev.magnet.FindOptions;
import dev.magnet.KnownModel;
import dev.magnet.MagnetException;
import dev.magnet.Status;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Brings a model into the cache, if it is not there. */
public final class Finder {
    private static final System.Logger LOG = System.getLogger("dev.magnet");

    private final FindOptions options;

    /** Finds where {@code options} say. */
    public Finder(FindOptions options) {
        this.options = options;
    }

    /** The file of a model. */
    public Path find(Entry entry) {
        Path file = target(entry);
        try {
            if (Checked.check(file, entry.model())) {
                return file;
            }
            Files.createDirectories(file.getParent());
            try (var lock = FetchLock.of(file)) {
                if (!Checked.check(file, entry.model())) { // another process may have brought it meanwhile
                    fetch(entry, file);
                }
                return file;
            }
        } catch (IOException e) {
            throw new MagnetException(Status.IO, "cannot keep " + entry.model().name() + " in " + file.getParent() + ": " + e
                    + "; name another directory with -Dmagnet.models=DIR", e);
        }
    }

    /** What a jar brings may have another version tomorrow, and stands beside it. */
    private Path target(Entry entry) {
        KnownModel model = entry.model();
        Path cache = options.cache().toAbsolutePath();
        return (entry.resource() == null ? cache : cache.resolve(model.sha256().substring(0, 16))).resolve(model.file());
    }

    private void fetch(Entry entry, Path file) throws IOException {
        KnownModel model = entry.model();
        Path part = file.resolveSibling(model.file() + ".part");
        if (entry.resource() != null) {
            try (InputStream in = entry.resource().openStream()) {
                Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
            }
            keep(part, file, model, "the jar");
            return;
        }
        List<String> tried = new ArrayList<>();
        for (String location : options.locations()) {
            Location from = Location.of(location);
            if (options.offline() && from.isRemote()) {
                tried.add(location + ": not asked, as magnet.offline is set");
                continue;
            }
            try {
                LOG.log(System.Logger.Level.INFO, "fetching {0} ({1} MB) from {2}", model.name(), model.bytes() / 1_000_000, location);
                boolean begun = Files.exists(part);
                from.fetch(entry, part, options.progress());
                if (begun && !Checked.sha256(part).equals(model.sha256())) { // what was there before may be to blame
                    Files.delete(part);
                    from.fetch(entry, part, options.progress());
                }
                keep(part, file, model, location);
                return;
            } catch (IOException e) {
                tried.add(location + ": " + (e.getMessage() == null ? e : e.getMessage()));
            }
        }
        String there = Files.exists(file)
                ? "what is called " + file + " has another size or SHA-256 than " + model.name()
                : model.name() + " is not in " + file.getParent();
        throw new MagnetException(Status.IO, there + ", and cannot be fetched: "
                + (tried.isEmpty() ? "no location is named" : String.join("; ", tried))
                + ". Put " + model.file() + " (SHA-256 " + model.sha256() + ") there, or name a location with"
                + " -Dmagnet.locations=URL (docs/models.md)");
    }

    private static void keep(Path part, Path file, KnownModel model, String from) throws IOException {
        String found = Checked.sha256(part);
        if (!found.equals(model.sha256())) {
            long size = Files.size(part);
            Files.delete(part);
            throw new IOException("what it gave for " + model.file() + " has " + size + " bytes and SHA-256 " + found
                    + "; expected are " + model.bytes() + " and " + model.sha256());
        }
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Checked.remember(file, model);
    }
}
