package dev.magnet;

/**
 * What an adapter's file says about it.
 *
 * @param architecture architecture of the models it belongs to, e.g. "llama"
 * @param recipeVersion version of MAGNET's recipe in its metadata; 0 = none, and the values below are the defaults
 * @param instruction prefix of every text to embed; "" = none
 * @param documentInstruction prefix of a document that queries are to find; mostly the same
 * @param pooling pooling it was trained with
 * @param attention attention of texts to embed that it was trained with
 * @param context infill context it was trained with
 * @param rank largest rank of its matrices
 * @param alpha scale: its contribution is multiplied by alpha / rank
 * @param matrices number of weight matrices that it changes
 * @param maskToken token that stands for a masked one in training; -1 = none
 * @param endToken token that ends an open gap; -1 = the vocabulary's end-of-sequence token
 * @param openRoom positions that open gaps had in training, and have at least; 0 = unknown
 */
public record AdapterInfo(
        String architecture,
        int recipeVersion,
        String instruction,
        String documentInstruction,
        Pooling pooling,
        Attention attention,
        InfillContext context,
        int rank,
        float alpha,
        int matrices,
        int maskToken,
        int endToken,
        int openRoom) {}
