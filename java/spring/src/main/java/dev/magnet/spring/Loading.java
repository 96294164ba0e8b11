package dev.magnet.spring;

import dev.magnet.FindOptions;
import dev.magnet.LoadOptions;
import dev.magnet.Magnet;
import dev.magnet.MagnetException;
import dev.magnet.Models;
import dev.magnet.ProgressListener;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds and loads what the properties name, and tells the log how far it is. */
final class Loading {
    private static final Logger LOG = LoggerFactory.getLogger(Magnet.class);
    private static final String NO_ADAPTER = "none";

    private final MagnetProperties properties;

    Loading(MagnetProperties properties) {
        this.properties = properties;
    }

    Magnet load() {
        FindOptions where = FindOptions.defaults().withProgress(new Quarters("fetching"));
        Path model = saying("magnet.model=" + properties.model(), () -> Models.locate(properties.model(), where));
        Path adapter = saying("magnet.adapter=" + properties.adapter(), () -> adapter(where));
        LoadOptions options = LoadOptions.defaults()
                .withGpuLayers(properties.gpuLayers())
                .withReusePrefix(properties.reusePrefix())
                .withProgress(new Quarters("loading"));
        options = adapter == null ? options : options.withAdapters(adapter);
        options = properties.sessions() == null ? options : options.withSessions(properties.sessions());
        options = properties.threads() == null ? options : options.withThreads(properties.threads());
        options = properties.ctx() == null ? options : options.withCtx(properties.ctx());
        Magnet magnet = Magnet.load(model, options);
        LOG.info("{} is loaded{}", model.getFileName(), adapter == null ? "" : ", with " + adapter.getFileName());
        return magnet;
    }

    private static @Nullable Path saying(String setting, Supplier<@Nullable Path> find) {
        try {
            return find.get();
        } catch (MagnetException e) {
            throw new MagnetException(e.status(), setting + ": " + e.getMessage(), e);
        }
    }

    private @Nullable Path adapter(FindOptions where) {
        if (properties.adapter() == null) {
            return Models.findAdapter(properties.model(), where).orElse(null);
        }
        return properties.adapter().equals(NO_ADAPTER) ? null : Models.locate(properties.adapter(), where);
    }

    /** One line a quarter. */
    private final class Quarters implements ProgressListener {
        private final String what;
        private long told;

        Quarters(String what) {
            this.what = what;
        }

        @Override
        public void onProgress(long done, long total) {
            long quarter = total > 0 ? 4 * done / total : 0;
            if (quarter > told) {
                told = quarter;
                LOG.info("{} {}: {} %", what, properties.model(), 25 * quarter);
            }
        }
    }
}
