package dev.magnet.internal.models;

import dev.magnet.ProgressListener;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A directory or a URL whose files have the models' names. */
record Plain(URI folder) implements Location {
    @Override
    public boolean isRemote() {
        return Location.isRemote(folder);
    }

    @Override
    public void fetch(Entry entry, Path part, @Nullable ProgressListener progress) throws IOException {
        Download.of(folder.resolve(entry.model().file()), part, entry.model().bytes(), progress);
    }
}
