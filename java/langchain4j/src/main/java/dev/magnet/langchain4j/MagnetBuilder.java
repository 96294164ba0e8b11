package dev.magnet.langchain4j;

import dev.magnet.LoadOptions;
import dev.magnet.MagnetException;
import dev.magnet.Models;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What all builders ask for: which model, and how it is loaded. Fields are called as their setters, so that frameworks which
 * fill builders from configuration find them. A null leaves the default.
 *
 * @param <B> the builder itself
 */
public abstract class MagnetBuilder<B extends MagnetBuilder<B>> {
    /** The model where none is named. */
    public static final String DEFAULT_MODEL = "smollm2-135m-instruct";

    /** The value of {@link #adapter(String)} for the bare model. */
    public static final String NO_ADAPTER = "none";

    private @Nullable String model;
    private @Nullable Path modelPath;
    private @Nullable String adapter;
    private @Nullable Path adapterPath;
    private @Nullable Integer sessions;
    private @Nullable Integer threads;
    private @Nullable Integer ctx;
    private @Nullable Integer gpuLayers;
    private @Nullable Boolean reusePrefix;

    private final boolean takesKnownAdapter;

    /**
     * For the builders of this package.
     *
     * @param takesKnownAdapter whether the adapter that is known for a model is used where none is named
     */
    protected MagnetBuilder(boolean takesKnownAdapter) {
        this.takesKnownAdapter = takesKnownAdapter;
    }

    /** The builder itself. */
    protected abstract B self();

    /** A name that {@link Models} knows, or the path of a GGUF file. Default: {@value #DEFAULT_MODEL}. */
    public B model(@Nullable String model) {
        this.model = model;
        return self();
    }

    /** The path of a GGUF file, in place of {@link #model(String)}. */
    public B modelPath(@Nullable Path modelPath) {
        this.modelPath = modelPath;
        return self();
    }

    /**
     * A name that {@link Models} knows, the path of a GGUF file, or {@value #NO_ADAPTER}. Default: for embedding and infilling
     * the one that is known for a model that is named, as that of the jar {@code magnet-adapter-smollm2}; for all else none.
     */
    public B adapter(@Nullable String adapter) {
        this.adapter = adapter;
        return self();
    }

    /** The path of an adapter, in place of {@link #adapter(String)}. */
    public B adapterPath(@Nullable Path adapterPath) {
        this.adapterPath = adapterPath;
        return self();
    }

    /** {@link LoadOptions#sessions()}: calls that compute at the same time; others wait. Default: 16. */
    public B sessions(@Nullable Integer sessions) {
        this.sessions = sessions;
        return self();
    }

    /** {@link LoadOptions#threads()} of one call. Default: the physical cores, divided between the calls that run. */
    public B threads(@Nullable Integer threads) {
        this.threads = threads;
        return self();
    }

    /** {@link LoadOptions#ctx()}: most tokens of one text. Default: what the model was trained for. */
    public B ctx(@Nullable Integer ctx) {
        this.ctx = ctx;
        return self();
    }

    /** {@link LoadOptions#gpuLayers()}: layers held by the GPU, if the library has a GPU backend. Default: none. */
    public B gpuLayers(@Nullable Integer gpuLayers) {
        this.gpuLayers = gpuLayers;
        return self();
    }

    /** {@link LoadOptions#reusePrefix()}; false = the same call with the same seed always gives the same. Default: true. */
    public B reusePrefix(@Nullable Boolean reusePrefix) {
        this.reusePrefix = reusePrefix;
        return self();
    }

    /** What {@code make} makes of the loaded model, which is given back if it fails. */
    <T> T open(Function<Lease, T> make) {
        Lease lease = open();
        try {
            return make.apply(lease);
        } catch (RuntimeException e) {
            lease.close();
            throw Failures.of(e);
        }
    }

    private Lease open() {
        try {
            LoadOptions options = LoadOptions.defaults();
            options = sessions == null ? options : options.withSessions(sessions);
            options = threads == null ? options : options.withThreads(threads);
            options = ctx == null ? options : options.withCtx(ctx);
            options = gpuLayers == null ? options : options.withGpuLayers(gpuLayers);
            options = reusePrefix == null ? options : options.withReusePrefix(reusePrefix);
            return Lease.shared(modelFile(), options, modelName(), adapterFile());
        } catch (MagnetException e) {
            throw Failures.whileLoading(e);
        }
    }

    private Path modelFile() {
        if (modelPath != null) {
            return modelPath;
        }
        return Models.locate(model == null ? DEFAULT_MODEL : model);
    }

    private @Nullable Path adapterFile() {
        if (adapterPath != null) {
            return adapterPath;
        }
        if (adapter != null) {
            return adapter.equals(NO_ADAPTER) ? null : Models.locate(adapter);
        }
        return modelPath != null || !takesKnownAdapter ? null : Models.findAdapter(model == null ? DEFAULT_MODEL : model).orElse(null);
    }

    private @Nullable String modelName() {
        return modelPath != null ? null : model == null ? DEFAULT_MODEL : model;
    }
}
