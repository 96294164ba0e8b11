package dev.magnet;

/**
 * What a model's file says about it.
 *
 * @param architecture e.g. "llama"
 * @param description architecture, size and quantisation in words
 * @param name {@code general.name} of the file, else ""
 * @param parameters number of weights
 * @param bytes size of all weights
 * @param vocabulary number of tokens that it knows
 * @param dimensions floats of one embedding
 * @param layers number of layers
 * @param heads query heads of a layer
 * @param keyValueHeads key and value heads of a layer
 * @param trainedContext tokens that it was trained to read
 * @param bosToken begin-of-sequence token; -1 = the vocabulary has none, here and below
 * @param eosToken end-of-sequence token
 * @param eotToken end-of-turn token
 * @param context how the text around gaps is read where neither a call nor an adapter says; never {@code DEFAULT}
 * @param hasChatTemplate whether {@link Magnet#chat(java.util.List)} works
 * @param canEmbedBidirectionally false for recurrent and hybrid models
 * @param canInfill whether {@link Magnet#infill(java.util.List)} works
 * @param hasFimTokens whether {@link InfillContext#FIM} works
 * @param fusedEngine whether {@link Engine#FUSED} covers it
 * @param bytesCopied memory that its weights take with {@link Weights#COPIED}; 0 = {@link Engine#FUSED} does not cover it
 * @param bytesStored the same with {@link Weights#STORED}
 * @param bytesAvailable memory that this process could still take when the model was loaded
 * @param cacheBytesPerToken memory of a token that a session keeps in its cache; 0 = the model has no such cache
 */
public record ModelInfo(
        String architecture,
        String description,
        String name,
        long parameters,
        long bytes,
        int vocabulary,
        int dimensions,
        int layers,
        int heads,
        int keyValueHeads,
        int trainedContext,
        int bosToken,
        int eosToken,
        int eotToken,
        InfillContext context,
        boolean hasChatTemplate,
        boolean canEmbedBidirectionally,
        boolean canInfill,
        boolean hasFimTokens,
        boolean fusedEngine,
        long bytesCopied,
        long bytesStored,
        long bytesAvailable,
        long cacheBytesPerToken) {}
