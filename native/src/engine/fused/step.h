// Passes of one token a sequence: decoding. Weights are read as the file stores them (stored-weights.h).
//
// A layer has five phases: queries, keys and values; attention; its output; gate and up; down. Two more where outputs are
// normalised, or scaled, before they are added. Threads take pieces of them
// as they get to them (class phases), so that one that is late, or loses its processor to somebody else, holds up nobody.
// What every piece of a phase needs, the tokens' normalised and rounded inputs, each thread computes for itself if they are
// few, which saves a meeting, and else takes its share of it.
#pragma once

#include "block.h"
#include "stored-weights.h"

#include <memory>
#include <vector>

namespace magnet::fused {

template <class T>
class step_runner {
public:
    step_runner(const weights<T> & base, const stored_weights & stored, const adapters<T> & lora,
                const kernel_table<T> & kernels)
        : base(base), stored(stored), lora(lora), kernels(kernels) {}

    // Memory for n tokens and so many threads.
    void reserve(int32_t n, int32_t n_threads);

    // Before threads go through what follows. places [rows]: where each row, one token, stands; NULL = logits alone. Throws
    // magnet::error (OUT_OF_MEMORY).
    void begin(const cache_place<T> * places, int32_t n_rows);

    // Called by as many threads as are there, under their own ranks: hidden states before the final norm, in x.
    void forward(int32_t rank, const prepared_group & g);

    // The same, behind forward or alone: final norm and output head of some rows of `in` (NULL = x); logits[i] [V] are
    // those of rows[i].
    void logits(int32_t rank, matrix_buffer<float> * in, const int32_t * rows, int32_t n, float * const * logits);

private:
    // So many rows a thread prepares for itself.
    static constexpr int32_t rows_alone = 4;

    struct inputs { // of the matrices of a phase
        buffer<uint8_t>  stored; // [n] as stored_matrix::prepare makes it
        matrix_buffer<T> unit;   // [n, widest] for adapters
        matrix_buffer<T> low[3]; // [n, rank] A' x of the matrices

        void reserve(int32_t n, int64_t widest_input, int32_t widest, int32_t rank);
    };
    struct workspace { // of a thread
        inputs               own;
        matrix_buffer<float> wide; // [widest]
        matrix_buffer<T>     qkv;  // one kv head's queries, key and value
        buffer<float>        tile, tile_up; // [n, panel_width]
    };
    // The keys of one kv head that one row attends to are cut into parts, so that threads share those of a long context. Where
    // they are cut depends on nothing else, and so no number does on how many threads there are.
    static constexpr int32_t blocks_of_part = 16;
    struct attention_piece {
        int32_t          row;
        int32_t          kv;
        int32_t          begin; // block of keys
        int32_t          end;
        attention_sums * out;   // [heads that share the kv head]
    };
    struct place { // in the work
        int32_t rank;
        int32_t layer;
        int32_t n;
        int32_t phase;
    };
    int32_t phases_of_layer() const { return base.adds_plainly() ? 5 : 7; }

    void embed(const prepared_group & g);
    void attention_in(const place & p);
    void attend(const place & p, const prepared_group & g);
    void apply_norm_of_all(int32_t layer, const float * row, int32_t kv, float * in) const;
    void attend_part(const place & p, const prepared_group & g, const attention_piece & piece);
    void add_parts(int32_t row, float * out) const;
    template <class Input>
    void add_output(const place & p, matrix m, Input && input);
    void add_row(const place & p, matrix m);
    void gate_up(const place & p);

    template <class Make, class Multiply>
    void run_product(int32_t phase, int32_t rank, int32_t n_rows, int32_t n, Make && make, Multiply && multiply);
    void normalise(inputs & to, const place & p, matrix first, matrix last, int32_t row);
    void take_input(inputs & to, const place & p, matrix m, const float * in, int32_t row);
    void low_rank(inputs & to, const place & p, matrix m, int32_t slot, int32_t row);
    void multiply(inputs & in, const place & p, matrix m, int32_t slot, int32_t panel, float * tile);

    const weights<T> &      base;
    const stored_weights &  stored;
    const adapters<T> &     lora;
    const kernel_table<T> & kernels;

    std::vector<std::unique_ptr<workspace>> spaces; // [threads]
    inputs                                  common; // of many rows
    phases                                  steps;
    matrix_buffer<float>                    x;         // [n, D] residual stream
    matrix_buffer<float>                    added;     // [n, D] what is to be added to it, unless that is plainly a sum
    matrix_buffer<float>                    projected; // [n, kv head, its queries, key and value]
    const cache_place<T> *                  places = nullptr; // [n]
    std::vector<attention_piece>            pieces;
    std::vector<attention_sums>             parts; // [n, kv head, parts of its keys, heads that share it]
    std::vector<int32_t>                    offsets; // [n + 1] of the parts of a row
    buffer<float>                           part_sums; // what parts point to
    matrix_buffer<float>                    h;         // [n, F]
};

extern template class step_runner<bf16>;
extern template class step_runner<float>;

} // namespace magnet::fused
