/**
 * MAGNET behind the interfaces of LangChain4j: embedding, chat, completion, scoring and counting tokens, and infilling in
 * the same style. All of it runs in this process, on one loaded model.
 *
 * <p>Models are made by builders, which load a model by name or path and share it: what is built with the same settings
 * uses one model in memory, which is freed when the last one is closed. Constructors instead borrow a
 * {@link dev.magnet.Magnet} and never close it. Everything is safe from any thread.
 */
@NullMarked
package dev.magnet.langchain4j;

import org.jspecify.annotations.NullMarked;
