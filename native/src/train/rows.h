// From text to training rows: who is context and who is a gap, at which positions, and what each output must predict.
//
// Next-token convention: the output at index `at` predicts `target`, the token one further. So a gap's first token is
// predicted by the token left of it, a masked token by the one before it.
#pragma once

#include "corpus.h"
#include "engine/engine.h"
#include "pair-order.h"
#include "rng.h"
#include "train-options.h"
#include "windows.h"

namespace magnet::train {

struct row_label {
    int32_t at;     // index into the row
    int32_t target; // token id
};

enum class row_mode { hybrid, ordered, causal };

struct train_row {
    row_mode               mode = row_mode::causal;
    std::vector<int32_t>   tokens; // [T]
    std::vector<int32_t>   pos;    // [T]
    std::vector<int8_t>    roles;  // [T]
    std::vector<row_label> mntp;   // ascending by `at`; so msg
    std::vector<row_label> msg;
    bool                   keeps_base = false; // every output learns what the base predicts there; then msg is empty
    int32_t                pool_begin = 0; // a row to embed: its text's own tokens, [pool_begin, pool_end)
    int32_t                pool_end   = 0;

    int32_t    n_tokens() const { return int32_t(tokens.size()); }
    engine_row view() const { return {tokens.data(), pos.data(), roles.data(), n_tokens()}; }
};

// Tokens [begin, end) of the source text that are left out and to be filled in.
struct token_span {
    int32_t begin;
    int32_t end;
};

// Mode of the i-th text row. The additive recurrence (golden ratio) keeps the shares in every short run of rows.
row_mode mode_of_row(const row_options & options, int64_t i);

// Is it a causal row that learns the base's predictions? So are options.keep_base of these, evenly among them.
bool keeps_base(const row_options & options, int64_t i);

// Where the gaps of a window are, as offsets from its begin: ascending, at least one token of context between two. A
// gap begins the window only where a text begins and BOS can stand before it, and ends it only where a text ends. Never
// empty; together at most half of the window, or one sentence.
std::vector<token_span> draw_spans(const text_document & d, const text_window & w, const row_options & options,
                                   const train_vocab & vocab, rng & r);

// Lays out a window with its gaps in place.
//   hybrid   roles CONTEXT / SPAN
//   ordered  roles ORDERED / SPAN; the last token left of a gap is SPAN
//   causal   all SPAN, spans are not looked at; every token is predicted
// A gap's last token predicts END. Half of the gaps are open: text behind them begins options.open_room positions after
// their start, or as many as their tokens take. Without END none is: its length could not be told.
// mask_rate > 0 picks context tokens of a hybrid row for MNTP (80 % mask, 10 % random, 10 % unchanged; arXiv
// 1810.04805).
train_row make_text_row(const text_document & d, const text_window & w, const std::vector<token_span> & spans,
                        row_mode mode, double mask_rate, const row_options & options, const train_vocab & vocab,
                        rng & r);

// instruction + text + EOS, all CONTEXT (bidirectional) or all SPAN (causal). Text beyond options.length is cut.
train_row make_embed_row(const std::vector<int32_t> & instruction, const std::vector<int32_t> & text,
                         const pair_options & options, const train_vocab & vocab);

// One of the two views of a passage that count as a pair: a random stretch of it, some tokens left out.
std::vector<int32_t> draw_crop(const int32_t * tokens, int32_t n, const pair_options & options, rng & r);

} // namespace magnet::train
