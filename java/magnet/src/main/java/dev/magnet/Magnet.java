package dev.magnet;

import dev.magnet.internal.Call;
import dev.magnet.internal.Decoder;
import dev.magnet.internal.EmbedBatcher;
import dev.magnet.internal.Embedder;
import dev.magnet.internal.Evaluator;
import dev.magnet.internal.LeakReport;
import dev.magnet.internal.Library;
import dev.magnet.internal.Lists;
import dev.magnet.internal.Parts;
import dev.magnet.internal.Runtime;
import dev.magnet.internal.Tokenizer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/**
 * One loaded model, which embeds, infills, generates, scores and is evaluated.
 *
 * <pre>{@code
 * var options = LoadOptions.defaults().withAdapters(Path.of("smollm2.magnet.gguf"));
 * try (var magnet = Magnet.load(Path.of("smollm2.gguf"), options)) {
 *     float[][] v = magnet.embed("A man is playing a guitar.", "Someone plays music.");
 *     System.out.println(Similarity.cosine(v[0], v[1]));
 *     System.out.println(magnet.infill("Tom lost his keys. ", " At last he could sleep in his own bed."));
 *     magnet.generate("Once upon a time").forEach(token -> System.out.print(token.text()));
 * }
 * }</pre>
 *
 * <p>Safe from any thread. {@link LoadOptions#sessions()} calls compute at the same time, others wait their turn; a call
 * made from inside a callback of another never waits. Load a model once and share it: the weights are shared by all.
 *
 * <p>Any blocking call may be interrupted: it throws {@link MagnetException} with {@link Status#CANCELLED}, and the
 * thread stays interrupted. Texts are Unicode: half a surrogate pair is refused.
 *
 * <p>A failed call leaves the model usable. {@link #close()} frees it; what is used afterwards throws
 * {@link IllegalStateException}.
 */
public final class Magnet implements AutoCloseable {
    private final Runtime runtime;
    private final Embedder embedder;
    private final EmbedBatcher batcher;
    private final Decoder decoder;
    private final Evaluator evaluator;
    private final Tokenizer tokenizer;
    private final LeakReport leakReport;

    private Magnet(Path file, LoadOptions options) {
        runtime = new Runtime(file, options, scaled -> scaled.adapter().handle());
        embedder = new Embedder(runtime);
        batcher = new EmbedBatcher(runtime, embedder, options.sessions());
        decoder = new Decoder(runtime);
        evaluator = new Evaluator(runtime);
        tokenizer = new Tokenizer(runtime);
        leakReport = LeakReport.watch(this, "the model " + file);
    }

    /**
     * Loads a model.
     *
     * @param file GGUF file of a decoder-only model
     * @throws MagnetException {@link Status#IO}, {@link Status#BAD_FILE}, {@link Status#UNSUPPORTED},
     *     {@link Status#OUT_OF_MEMORY}, or {@link Status#LIBRARY} if the native library is not to be had
     */
    public static Magnet load(Path file) {
        return load(file, LoadOptions.defaults());
    }

    /**
     * Loads a model, and adapters.
     *
     * @param file GGUF file of a decoder-only model
     * @param options how
     * @throws MagnetException as {@link #load(Path)}; {@link Status#MISMATCH} for an adapter of another model;
     *     {@link Status#INVALID_ARGUMENT} for an option out of range
     */
    public static Magnet load(Path file, LoadOptions options) {
        Objects.requireNonNull(file, "file");
        return new Magnet(file, Objects.requireNonNull(options, "options"));
    }

    /**
     * Loads a model by its name ({@link Models}), fetched if need be, with the adapter that is known for it, as that of the
     * jar {@code magnet-adapter-smollm2}.
     *
     * @param name e.g. "smollm2-135m-instruct"
     * @throws MagnetException as {@link Models#find(String)} and {@link #load(Path)}
     */
    public static Magnet load(String name) {
        LoadOptions options = LoadOptions.defaults();
        return load(Models.find(name), Models.findAdapter(name).map(options::withAdapters).orElse(options));
    }

    /** Version of the native library and of the llama.cpp inside, e.g. "0.1.0 (llama.cpp v0.5.0)". */
    public static String version() {
        return Library.version();
    }

    /**
     * The platform, the kernels that run on it, the threads, and why.
     *
     * @throws MagnetException {@link Status#LIBRARY} if the native library is not to be had
     */
    public static SystemInfo system() {
        return Library.system();
    }

    /** What the model's file says; the length of embeddings is {@link ModelInfo#dimensions()}. */
    public ModelInfo info() {
        return runtime.call(() -> runtime.model().info());
    }

    /** All metadata of the model's file, in its order. */
    public Map<String, String> metadata() {
        return runtime.call(() -> runtime.model().metadata());
    }

    /**
     * Asks whether {@link Trainer} can train an adapter for this model, and returns if so. {@link Engine#GRAPH}
     * differentiates the model's graph to find out, in a second or so.
     *
     * @param engine which is to train it; {@link Engine#AUTO} asks whether any can
     * @throws MagnetException {@link Status#UNSUPPORTED}, and the message says what stands against it
     */
    public void checkTraining(Engine engine) {
        Objects.requireNonNull(engine, "engine");
        runtime.call(() -> {
            runtime.model().checkTraining(engine);
            return null;
        });
    }

    /**
     * Loads a LoRA adapter, to be named in the options of calls. It is closed with this model at the latest.
     *
     * @param file GGUF file of an adapter
     * @throws MagnetException {@link Status#IO}, {@link Status#BAD_FILE}, or {@link Status#MISMATCH} if it belongs to
     *     another model
     */
    public Adapter loadAdapter(Path file) {
        return new Adapter(runtime, runtime.loadAdapter(Objects.requireNonNull(file, "file")));
    }

    /** The embedding of a text, of length 1: [dimensions]. */
    public float[] embed(String text) {
        return embed(text, EmbedOptions.defaults());
    }

    /**
     * The embedding of a text: [dimensions]. A text without a token gives that of instruction and end-of-sequence token.
     *
     * @throws MagnetException {@link Status#TOO_LONG} unless the options truncate
     */
    public float[] embed(String text, EmbedOptions options) {
        return embed(List.of(Objects.requireNonNull(text, "text")), options)[0];
    }

    /** The embeddings of texts, computed together: [texts][dimensions]. */
    public float[][] embed(String... texts) {
        return embed(Arrays.asList(texts));
    }

    /** The embeddings of texts, computed together: [texts][dimensions]. */
    public float[][] embed(Collection<String> texts) {
        return embed(texts, EmbedOptions.defaults());
    }

    /** The embeddings of texts, computed together: [texts][dimensions]. All of them fit in memory at once. */
    public float[][] embed(Collection<String> texts, EmbedOptions options) {
        return embedAll(texts, options).vectors();
    }

    /** The embeddings of texts, computed together, and how many tokens were read. */
    public Embeddings embedAll(Collection<String> texts, EmbedOptions options) {
        return embedder.embed(Lists.copyOf(texts, "text"), Objects.requireNonNull(options, "options"));
    }

    /**
     * Writes the embeddings of texts, one behind the other, into a buffer from its position on, and moves the position
     * behind them. A direct buffer in native byte order is written without a copy.
     *
     * @return tokens read for each text
     * @throws MagnetException {@link Status#BUFFER_TOO_SMALL} if fewer than texts x dimensions floats remain
     */
    public int[] embed(Collection<String> texts, EmbedOptions options, FloatBuffer into) {
        Objects.requireNonNull(into, "into");
        return embedder.embed(Lists.copyOf(texts, "text"), Objects.requireNonNull(options, "options"), into);
    }

    /** {@link #embedAsync(String, EmbedOptions)} with the defaults. */
    public CompletableFuture<float[]> embedAsync(String text) {
        return embedAsync(text, EmbedOptions.defaults());
    }

    /**
     * The embedding of a text, soon. Texts of many callers that ask at about the same time are computed together, which
     * is several times faster than one by one; a single caller does not wait for others, nor for all of another's many texts or
     * a long one. A bad text fails its own future alone. Cancelling the future keeps its texts from being computed. Texts that
     * still wait when the model is closed fail with {@link IllegalStateException}.
     */
    public CompletableFuture<float[]> embedAsync(String text, EmbedOptions options) {
        CompletableFuture<Embeddings> computed = embedAllAsync(List.of(Objects.requireNonNull(text, "text")), options);
        CompletableFuture<float[]> vector = computed.thenApply(embeddings -> embeddings.vectors()[0]);
        vector.whenComplete((done, thrown) -> computed.cancel(true)); // nothing, once it is computed
        return vector;
    }

    /** {@link #embedAsync(String, EmbedOptions)} for several texts at once. */
    public CompletableFuture<Embeddings> embedAllAsync(Collection<String> texts, EmbedOptions options) {
        return batcher.submit(
                Lists.copyOf(texts, "text"), Objects.requireNonNull(options, "options").withProgress(null));
    }

    /**
     * The vectors of a text's own tokens, without instruction and end-of-sequence token. The pooling of the options
     * does not count; normalisation is per token.
     */
    public TokenEmbeddings embedTokens(String text, EmbedOptions options) {
        Objects.requireNonNull(text, "text");
        return embedder.embedTokens(text, Objects.requireNonNull(options, "options"));
    }

    /** The embedding of tokens that the caller chose: [dimensions]. Neither instruction nor end-of-sequence is added. */
    public float[] embedTokenIds(int[] tokens, EmbedOptions options) {
        return embedder.embedTokenIds(tokens.clone(), Objects.requireNonNull(options, "options"));
    }

    /**
     * What stands between two texts: {@link #infill(List)} with one open gap. {@code left + infill(left, right) + right}
     * is the whole text, whether {@code left} ends with a space or not ({@link Part}).
     */
    public String infill(String left, String right) {
        return infill(List.of(Part.text(left), Part.gap(), Part.text(right))).fillings().getFirst();
    }

    /** Fills the gaps of a template, greedily. */
    public Infilled infill(List<Part> parts) {
        return infill(parts, InfillOptions.defaults());
    }

    /**
     * Fills the gaps of a template, in order; each sees all given text, left and right of it, and what filled the gaps
     * before it.
     *
     * @param parts at least one {@link Part.Gap}; {@link Part.Filled} is for scoring only
     * @throws MagnetException {@link Status#INVALID_ARGUMENT} without a gap, {@link Status#TOO_LONG} if all of it does
     *     not fit in the context, {@link Status#UNSUPPORTED} for a gap at the very start if the vocabulary has no
     *     begin-of-sequence token
     */
    public Infilled infill(List<Part> parts, InfillOptions options) {
        return infillStreaming(parts, options).result();
    }

    /** The same as {@link #infill(List, InfillOptions)}, delivered as its caller wants. */
    public Generation<Infilled> infillStreaming(List<Part> parts, InfillOptions options) {
        Objects.requireNonNull(options, "options");
        List<Part> copy = Parts.without(Part.Filled.class, parts, "give it as a Text, or score it");
        runtime.ensureOpen();
        return new Generation<>(
                call -> decoder.infill(copy, options, call),
                infilled -> String.join("", infilled.fillings()),
                runtime.workers());
    }

    /** {@link #generate(String, GenerateOptions)} with the defaults. */
    public Generation<Generated> generate(String prompt) {
        return generate(prompt, GenerateOptions.defaults());
    }

    /**
     * A continuation of a prompt, generated when it is asked for. Of what the prompt shares with an earlier call,
     * nothing is read again.
     *
     * @throws MagnetException from what delivers it: {@link Status#TOO_LONG} if the prompt does not fit in the context,
     *     {@link Status#UNSUPPORTED} for an empty prompt if the vocabulary has no begin-of-sequence token
     */
    public Generation<Generated> generate(String prompt, GenerateOptions options) {
        Objects.requireNonNull(prompt, "prompt");
        Objects.requireNonNull(options, "options");
        runtime.ensureOpen();
        return new Generation<>(
                call -> decoder.generate(prompt, options, call), Generated::text, runtime.workers());
    }

    /** {@link #chat(List, GenerateOptions)} with the defaults. */
    public Generation<Generated> chat(List<Message> messages) {
        return chat(messages, GenerateOptions.defaults());
    }

    /**
     * The model's next turn in a conversation, generated when it is asked for. Control tokens are those of the model's
     * chat template; what a message says is text, unless {@link GenerateOptions#parseSpecial()}.
     *
     * @throws MagnetException {@link Status#UNSUPPORTED} if the model's file has no chat template,
     *     {@link Status#INVALID_ARGUMENT} with the template's words if it refuses the conversation
     */
    public Generation<Generated> chat(List<Message> messages, GenerateOptions options) {
        Objects.requireNonNull(options, "options");
        String prompt = chatPrompt(messages, true);
        int[] tokens = tokenizer.chatTokens(List.copyOf(messages), List.of(), true, options.parseSpecial());
        return new Generation<>(
                call -> decoder.generate(tokens, prompt, options, call), Generated::text, runtime.workers());
    }

    /**
     * The model's next turn in a conversation, in which it may call tools. It is told of them by its own chat template, and
     * its calls are read in that template's form; where {@code choice} forces one, a grammar leaves nothing else. Messages
     * with a call's result have the role {@code tool}: {@link Message#tool}.
     *
     * @throws MagnetException as {@link #chat(List, GenerateOptions)}; also {@link Status#UNSUPPORTED} if the template does not
     *     speak of tools, {@link Status#INVALID_ARGUMENT} for a tool whose parameters are no schema, or none that a grammar can
     *     force, and where a grammar or schema stands beside a choice that forces a call
     */
    public Generation<Answer> chat(
            List<Message> messages, List<Tool> tools, ToolChoice choice, GenerateOptions options) {
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(choice, "choice");
        List<Tool> offered = choice instanceof ToolChoice.None ? List.of() : Lists.copyOf(tools, "tool");
        List<Message> turns = Lists.copyOf(messages, "message");
        String prompt = tokenizer.chatPrompt(turns, offered, true);
        int[] tokens = tokenizer.chatTokens(turns, offered, true, options.parseSpecial());
        GenerateOptions all = forced(options, offered, choice);
        return new Generation<>(
                call -> {
                    Generated generated = decoder.generate(tokens, prompt, all, call);
                    return offered.isEmpty()
                            ? new Answer(generated, generated.text(), List.of())
                            : tokenizer.answer(generated, offered);
                },
                answer -> answer.generated().text(),
                runtime.workers());
    }

    /**
     * What an answer calls, read in the form that the model's chat template shows calls in.
     *
     * @param tools those that the model was told of: where calls are written as text, their schemas say which arguments are.
     *     An empty list = not known, and JSON is taken as such
     * @throws MagnetException {@link Status#UNSUPPORTED} if the model has no template, or none that speaks of tools
     */
    public Answer readCalls(Generated generated, List<Tool> tools) {
        return tokenizer.answer(generated, Lists.copyOf(tools, "tool"));
    }

    private GenerateOptions forced(GenerateOptions options, List<Tool> tools, ToolChoice choice) {
        String name = choice instanceof ToolChoice.Named named ? named.name() : null;
        if (tools.isEmpty() || (name == null && !(choice instanceof ToolChoice.Required))) {
            return options;
        }
        if (options.sampling().grammar() != null || options.sampling().schema() != null) {
            throw new MagnetException(
                    Status.INVALID_ARGUMENT, "a call is forced, and a grammar or a schema given: an answer follows one of them");
        }
        return options.withGrammar(tokenizer.toolGrammar(tools, name));
    }

    /**
     * The prompt that the chat template in the model's file makes of a conversation, as Hugging Face renders it.
     *
     * @param addAssistant whether it ends with the opening of the model's turn
     */
    public String chatPrompt(List<Message> messages, boolean addAssistant) {
        return chatPrompt(messages, List.of(), addAssistant);
    }

    /** The same with tools that the model may call. */
    public String chatPrompt(List<Message> messages, List<Tool> tools, boolean addAssistant) {
        return tokenizer.chatPrompt(Lists.copyOf(messages, "message"), Lists.copyOf(tools, "tool"), addAssistant);
    }

    /**
     * How likely each continuation of a text is.
     *
     * @return in the order of the continuations
     */
    public List<Scored> score(String given, String... continuations) {
        Part start = Part.text(given);
        return score(
                Stream.of(continuations).map(text -> List.of(start, Part.filled(text))).toList(), ScoreOptions.defaults());
    }

    /**
     * How likely what fills the gaps of each template is, token by token: the very numbers that infilling would have
     * reported, had it chosen these tokens.
     *
     * @param items templates, whose gaps are {@link Part.Filled}; a continuation is one at the end
     * @return in the order of the items
     */
    public List<Scored> score(List<List<Part>> items, ScoreOptions options) {
        Objects.requireNonNull(options, "options");
        return decoder.score(
                items.stream()
                        .map(parts -> Parts.without(Part.Gap.class, parts, "fill it to score it"))
                        .toList(),
                options);
    }

    /** {@link #evaluate(Evaluation, EvaluateOptions)} with the defaults. */
    public Evaluated evaluate(Evaluation evaluation) {
        return evaluate(evaluation, EvaluateOptions.defaults());
    }

    /**
     * Measures what the model does, which may take hours: it holds one of the sessions meanwhile. Stopped by an
     * interrupt or by an exception of the progress listener, it has kept what it finished in the state of the options,
     * if there is one, and the same call goes on from there.
     *
     * @throws MagnetException {@link Status#IO}, {@link Status#BAD_FILE} naming file and line, {@link Status#TOO_LONG}
     *     naming the line that does not fit in the context, {@link Status#MISMATCH} if the state is of another
     *     evaluation, {@link Status#CANCELLED}
     */
    public Evaluated evaluate(Evaluation evaluation, EvaluateOptions options) {
        Objects.requireNonNull(evaluation, "evaluation");
        return evaluator.evaluate(evaluation, options, Call.tellingProgress(options.progress()));
    }

    /** {@link #evaluate(Evaluation, EvaluateOptions)} on a thread of its own. Cancelling the future stops it. */
    public CompletableFuture<Evaluated> evaluateAsync(Evaluation evaluation, EvaluateOptions options) {
        Objects.requireNonNull(evaluation, "evaluation");
        var call = Call.tellingProgress(options.progress());
        runtime.ensureOpen();
        return call.async(runtime.workers(), () -> evaluator.evaluate(evaluation, options, call));
    }

    /** The tokens of a text alone: no token is added, and names of control tokens are plain text. */
    public int[] tokenize(String text) {
        return tokenize(text, false, false);
    }

    /**
     * The tokens of a text.
     *
     * @param addSpecial put begin- and end-of-sequence tokens where the vocabulary asks for them
     * @param parseSpecial read names of control tokens as such
     */
    public int[] tokenize(String text, boolean addSpecial, boolean parseSpecial) {
        return tokenizer.tokenize(Objects.requireNonNull(text, "text"), addSpecial, parseSpecial);
    }

    /** The text of tokens, control tokens left out. Bytes that are no UTF-8 become U+FFFD. */
    public String detokenize(int... tokens) {
        return tokenizer.detokenize(tokens.clone(), false);
    }

    /** The bytes of one token, which may be part of a character. */
    public byte[] tokenBytes(int token) {
        return tokenizer.tokenBytes(token);
    }

    /** How infilling lays out a template: its tokens, where they stand, and what they see ({@link Role}). */
    public List<Slot> layout(List<Part> parts, InfillContext context) {
        Objects.requireNonNull(context, "context");
        return tokenizer.layout(Lists.copyOf(parts, "part"), context);
    }

    /**
     * Frees the model. Running calls are asked to stop, and this waits until they have: generations and infillings end
     * with what they have ({@link StopReason#CANCELLED}), others with {@link Status#CANCELLED}. Calling it again does
     * nothing but wait for the same.
     *
     * @throws IllegalStateException from inside a callback of a running call, which would wait for itself
     */
    @Override
    public void close() {
        runtime.close();
        batcher.close();
        leakReport.closed();
    }
}
