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
    int32_t              source    = 0;     // of corpus::sources
    int32_t              candidates = -1;   // of corpus::candidates: what a negative may be mined from; -1 = nothing
    bool                 documents = false; // positive and negative are documents, the anchor is a query
};

// Pairs that make up a batch by themselves.
struct pair_source {
    std::string name;      // for messages
    float       share = 1; // of the batches, relative to that of the others
};

struct corpus {
    std::vector<text_document> documents;
    std::vector<text_pair>     pairs;
    std::vector<pair_source>   sources; // empty: all pairs are of one
    std::vector<std::vector<std::vector<int32_t>>> candidates; // sets of texts

    int64_t n_tokens() const; // of the documents
};

// Adds the documents of a file: *.jsonl (or .ndjson) holds {"text": "..."} a line, anything else is plain text.
// unit: enum magnet_text_unit. Throws IO, and BAD_FILE naming file and line: no UTF-8, no JSON, no "text".
void read_texts(const std::string & path, int32_t unit, const train_vocab & vocab, corpus & out);

struct pair_reading {
    bool query_begins    = false; // no instruction will stand before anchors ...
    bool document_begins = false; // ... nor before the others
    bool documents       = false; // text_pair::documents
    std::string mine     = {};    // file of candidates: plain text, one a line, or .jsonl as of read_texts; "" = none
};

// Adds the pairs of a file: *.jsonl (or .ndjson) holds {"anchor": "...", "positive": "...", "negative": "..."} a line
// (the negative is optional), anything else is TSV of two or three columns. Blank lines are skipped. The pairs are of the last source that there is. Throws as read_texts.
void read_pairs(const std::string & path, const train_vocab & vocab, const pair_reading & how, corpus & out);

// Tokens of a text, sentence by sentence.
text_document tokenize_document(const std::string & text, const train_vocab & vocab);

} // namespace magnet::train
