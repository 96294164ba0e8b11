package dev.magnet;

import org.jspecify.annotations.Nullable;

/**
 * A model or an adapter that {@link Models} knows by name.
 *
 * @param name what it is asked for by, e.g. "smollm2-135m-instruct"
 * @param file name of its file
 * @param bytes size of the file
 * @param sha256 what the file hashes to, in hexadecimal
 * @param licence licence of the weights
 * @param adapterOf name of the model that it is an adapter of; null = it is a model
 */
public record KnownModel(String name, String file, long bytes, String sha256, String licence, @Nullable String adapterOf) {}
