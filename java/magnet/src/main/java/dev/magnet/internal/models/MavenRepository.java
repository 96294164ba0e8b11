package dev.magnet.internal.models;

import dev.magnet.ProgressListener;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A repository in Maven's layout, whose models are artifacts of type gguf. */
record MavenRepository(URI root) implements Location {
    @Override
    public boolean isRemote() {
        return Location.isRemote(root);
    }

    @Override
    public void fetch(Entry entry, Path part, @Nullable ProgressListener progress) throws IOException {
        if (entry.maven() == null) {
            throw new IOException(entry.model().name() + " has no Maven coordinates");
        }
        String[] coordinates = entry.maven().split(":");
        String path = coordinates[0].replace('.', '/') + "/" + coordinates[1] + "/" + coordinates[2] + "/" + coordinates[1]
                + "-" + coordinates[2] + ".gguf";
        Download.of(root.resolve(path), part, entry.model().bytes(), progress);
    }
}
