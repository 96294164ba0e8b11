// What training reads: documents and sentence pairs, as tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace magnet::train {

// What the trainer must know of the model's vocabulary.
struct train_vocab {
    // Tokens of a piece of text: no BOS, no EOS, control tokens read as plain text. begins: nothing stands before it;
    // some vocabularies put a space there. The same cut as inference makes of the parts of a template.
    std::function<std::vector<int32_t>(const std::string & text, bool begins)> tokenize;

    int32_t bos        = -1;    // -1 = none
    bool    bos_always = false; // the vocabulary puts it before every row; else it stands before a gap at the start
    int32_t eos        = -1;    // ends a text to embed
    int32_t mask       = -1;    // stands for a masked token (MNTP)
    int32_t end        = -1;    // ends an open gap (MSG); -1 = not trained
    std::vector<int32_t> plain; // ids of ordinary text tokens: what a random token is drawn from
};

struct text_document {
    std::vector<int32_t> tokens;
    std::vector<int32_t> sentences;     // index of the first token of each sentence, ascending, the first 0
    bool                 begins = true; // false: a part, whose text has something before it
    bool                 ends   = true;
};

struct text_pair {
    std::vector<int32_t> anchor, positive;
    std::vector<int32_t> negative; // empty = none
};

struct corpus {
    std::vector<text_document> documents;
    std::vector<text_pair>     pairs;

    int64_t n_tokens() const; // of the documents
};

// Adds the documents of a file: *.jsonl (or .ndjson) holds {"text": "..."} a line, anything else is plain text.
// unit: enum magnet_text_unit. Throws IO, and BAD_FILE naming file and line: no UTF-8, no JSON, no "text".
void read_texts(const std::string & path, int32_t unit, const train_vocab & vocab, corpus & out);

// Adds the pairs of a file: *.jsonl (or .ndjson) holds {"anchor": "...", "positive": "...", "negative": "..."} a line
// (the negative is optional), anything else is TSV of two or three columns. Blank lines are skipped. begins: no
// instruction will stand before the texts. Throws as read_texts.
void read_pairs(const std::string & path, const train_vocab & vocab, bool begins, corpus & out);

// Tokens of a text, sentence by sentence.
text_document tokenize_document(const std::string & text, const train_vocab & vocab);

} // namespace magnet::train
