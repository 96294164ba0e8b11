package dev.magnet;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the prompt of {@link InfillContext#FIM} says beside the text around a gap. Models whose vocabulary has no tokens for it
 * refuse it ({@link Status#UNSUPPORTED}), other contexts too ({@link Status#INVALID_ARGUMENT}).
 *
 * @param repository its name; null = not told
 * @param path name of the file with the gaps; null = not told
 * @param files other files of the repository, the nearest last
 */
@Withers
public record FimOptions(@Nullable String repository, @Nullable String path, List<FimFile> files)
        implements FimOptionsWithers {
    /** Makes {@code files} immutable. */
    public FimOptions {
        files = List.copyOf(files);
    }

    /** Nothing but the text around the gap. */
    public static FimOptions none() {
        return new FimOptions(null, null, List.of());
    }
}
