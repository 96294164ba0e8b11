// The engine's arithmetic by instruction set: one table of functions for each, chosen at run time.
//
// A table exists for two types T of stored values: bf16 (weights and saved activations are rounded to bfloat16, products
// are summed in float) and float (exact, for tests). Everything here works on caller-owned memory; what needs scratch memory of
// its own throws magnet::error (OUT_OF_MEMORY), nothing else throws.
//
// Packed matrices. The right-hand side B [K, N] of a product is stored in panels of `panel_width` columns. A panel holds
// ceil(K / k_multiple) * k_multiple rows; of bf16, two rows are interleaved, so that a 32-bit lane holds a pair along K
// (the layout of AMX and AVX512_BF16). Both kinds of padding are zero.
//
// Left-hand sides A [M, K] are plain row-major. Kernels may read A up to the next multiple of k_multiple columns and up
// to `row_slack` rows further; what lies there must be readable and finite.
#pragma once

#include "bf16.h"
#include "engine/share.h"

#include <cstdint>

namespace magnet::fused {

constexpr int32_t panel_width = 32;
constexpr int32_t k_multiple  = 32;
constexpr int32_t row_slack   = 32;

// Inlined always: this header is compiled with several instruction sets, and a copy made for one must not serve another.
#define MAGNET_ALWAYS_INLINE __attribute__((always_inline)) inline

MAGNET_ALWAYS_INLINE constexpr int64_t round_up(int64_t n, int64_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

// Elements of one panel, and of a whole packed matrix.
MAGNET_ALWAYS_INLINE constexpr int64_t panel_size(int64_t k) { return round_up(k, k_multiple) * panel_width; }
MAGNET_ALWAYS_INLINE constexpr int64_t packed_size(int64_t k, int64_t n) {
    return round_up(n, panel_width) / panel_width * panel_size(k);
}

// Quantised rows times vectors of 8-bit integers (quantised-matrix.h packs them). Rows come in panels of 32, which are two
// strips of 16, and a strip in blocks of 32 columns; a lane of a vector is a row.
//
// A block's integers are unsigned. 8 bits: 8 x 16 x 4 bytes, four columns of each row after the other. Fewer: 4 x 16 x 4
// bytes with column c in the low and column c + 16 in the high half, then what a value has above four bits.
enum class quantised_format : uint8_t { q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k };

// What stands beside the integers of a block, each for 16 rows: w = scale * q + minimum, or scale * (q - offset). Where it
// is bytes, every eight blocks have half floats that these are multiplied by.
enum class quantised_scales : uint8_t {
    f16,
    f16_and_minima,
    u8_and_minima,
    s8_of_halves, // one for columns 0 to 15, one for 16 to 31
};

MAGNET_ALWAYS_INLINE constexpr int64_t quantised_scale_bytes(quantised_scales s) {
    return s == quantised_scales::f16_and_minima ? 64 : 32;
}
MAGNET_ALWAYS_INLINE constexpr int64_t quantised_super_bytes(quantised_scales s) {
    return s == quantised_scales::u8_and_minima ? 64 : s == quantised_scales::s8_of_halves ? 32 : 0;
}

struct quantised_strip {
    const uint8_t * quants   = nullptr; // [n_blocks, 64 * bits]
    const uint8_t * scales   = nullptr; // [n_blocks, quantised_scale_bytes]
    const uint8_t * super    = nullptr; // [n_blocks / 8, quantised_super_bytes]
    int32_t         n_blocks = 0;
};

struct quantised_panel {
    quantised_format format;
    quantised_strip  strips[2];
};

// A whole matrix of them, as quantised_matrix keeps it.
struct quantised_source {
    quantised_format format       = quantised_format::q4_0;
    const uint8_t *  data         = nullptr; // [strips, strip_bytes]; NULL = no matrix
    int64_t          strip_bytes  = 0;
    int64_t          quant_bytes  = 0; // of a strip
    int64_t          scale_bytes  = 0;
    int32_t          n_blocks     = 0;
    const float *    column_scale = nullptr; // [columns] what each column is multiplied by, or NULL

    MAGNET_ALWAYS_INLINE int32_t n_in() const { return n_blocks * 32; }
    MAGNET_ALWAYS_INLINE quantised_strip strip(int64_t i) const {
        const uint8_t * p = data + i * strip_bytes;
        return { p, p + quant_bytes, p + quant_bytes + scale_bytes, n_blocks };
    }
    MAGNET_ALWAYS_INLINE quantised_panel panel(int64_t j) const { return { format, { strip(2 * j), strip(2 * j + 1) } }; }
    MAGNET_ALWAYS_INLINE quantised_source from_panel(int64_t j) const {
        quantised_source rest = *this;
        rest.data += 2 * j * strip_bytes;
        return rest;
    }
};

struct quantised_scale { // of 32 values of a vector
    float scale    = 0;
    float sum      = 0; // scale * sum of the values
    float sum_low  = 0; // the same of the first 16, and of the others
    float sum_high = 0;
};

struct quantised_rows {
    int32_t                 n         = 0;
    const int8_t *          values    = nullptr; // [n, columns], from -127 to 127
    int64_t                 ld        = 0;
    const quantised_scale * scales    = nullptr; // [n, columns / 32]
    int64_t                 ld_scales = 0;
};

// Inverted dropout of a [rows, channels] matrix: entry (r, c) is dropped if hash(keys[r], c) < threshold, else scaled.
struct dropout_mask {
    const uint32_t * keys      = nullptr; // [rows]
    uint32_t         threshold = 0;
    float            scale     = 1.0f;
};

// One term of a sum of products A B.
template <class T>
struct product {
    const T *            a        = nullptr; // [m, k]
    int64_t              lda      = 0;
    const T *            b        = nullptr; // packed [k, n]
    int64_t              b_stride = 0;       // elements from one panel to the next
    int32_t              k        = 0;
    const dropout_mask * dropped  = nullptr; // applied to this term's [m, n] before it is added
    quantised_source     quantised;          // B, if data is not NULL, instead of b: each panel is unpacked when it is read
    quantised_rows       rounded;            // A, if values are not NULL, instead of a: B must be quantised
    int32_t              parts    = 1;       // vectors of `rounded` that add up to a row of A

    // The same from column n on, a multiple of panel_width.
    MAGNET_ALWAYS_INLINE product from_column(int32_t n) const {
        product rest = *this;
        rest.b += b != nullptr ? n / panel_width * b_stride : 0;
        if (quantised.data != nullptr) {
            rest.quantised = quantised.from_panel(n / panel_width);
        }
        return rest;
    }
};

constexpr int32_t max_terms = 6;

// C [m, n] = sum of terms + bias.
template <class T>
struct gemm_args {
    int32_t       m       = 0;
    int32_t       n       = 0;
    int32_t       n_terms = 0;
    product<T>    terms[max_terms];
    const float * bias = nullptr; // [n rounded up to panel_width] or NULL
    share         part;

    MAGNET_ALWAYS_INLINE void add(const product<T> & term) { terms[n_terms++] = term; }
};

enum class activation { silu, gelu_tanh };

// The gated feed-forward: h = act(gate) * up, gate and up each a sum of products of the same m and n.
template <class T>
struct gated_args {
    gemm_args<T> gate;
    gemm_args<T> up;
    activation   act    = activation::silu;
    T *          h      = nullptr; // [m, n]
    int64_t      ldh    = 0;
    T *          kept   = nullptr; // gate and up for the backward pass, kept_size(m, n) values; NULL = not kept
};

// Gate and up of m tokens are kept in the order in which both passes go through them, [panels of n, m, 2, panel_width]:
// they come back from memory as one stream.
MAGNET_ALWAYS_INLINE constexpr int64_t kept_size(int64_t m, int64_t n) { return 2 * m * round_up(n, panel_width); }

// Its backward: dh is the sum of products; gate and up come from the forward pass.
template <class T>
struct gated_backward_args {
    gemm_args<T> dh;
    activation   act    = activation::silu;
    const T *    kept   = nullptr; // gate and up
    T *          d_gate = nullptr; // [m, n]
    T *          d_up   = nullptr;
    int64_t      ld_d   = 0;
    T *          h      = nullptr; // [m, n] act(gate) * up once more, for the gradient of the next matrix
    int64_t      ldh    = 0;
};

// How one token of a row turns its projections into queries, keys and values.
struct head_layout {
    int32_t n_head    = 0;
    int32_t n_head_kv = 0;
    int32_t head_dim  = 0; // even
    int32_t n_rot     = 0; // even, <= head_dim; rotary pairs are (i, i + n_rot / 2); 0 = none
    float   scale     = 0; // of the scores
    float   cap       = 0; // scores become cap * tanh(score / cap); 0 = they stay
    float   eps       = 0; // of the norms below
    const float * q_norm = nullptr; // [head_dim] RMSNorm of each query / key head before the rotation, or NULL
    const float * k_norm = nullptr;
    bool          norm_all = false; // of all query heads as one, and of all key heads: [q_size], [k_size]

    MAGNET_ALWAYS_INLINE int32_t q_size() const { return n_head * head_dim; }
    MAGNET_ALWAYS_INLINE int32_t k_size() const { return n_head_kv * head_dim; }
    MAGNET_ALWAYS_INLINE int32_t size() const { return q_size() + 2 * k_size(); }
};

template <class T>
struct qkv_args {
    const head_layout * heads = nullptr;
    int32_t             n     = 0;       // tokens
    const float *       cos   = nullptr; // [n, n_rot / 2]
    const float *       sin   = nullptr;
    float *             in    = nullptr; // forward: projections [n, size]; backward: gradients of what follows
    int64_t             ld_in = 0;
    T *                 out   = nullptr; // [n, size]
    int64_t             ld_out = 0;
    T *                 normed = nullptr; // [n, q_size + k_size] at unit norm, kept for backward; NULL without norms
    int64_t             ld_normed = 0;
    float *             rstd = nullptr;   // [n, n_head + n_head_kv], the first two of a row used if norm_all
    int64_t             ld_rstd = 0;
};

// What attention or feed-forward adds to the residual stream: x += scale * w * unit-norm y, or x += scale * y without w.
template <class T>
struct residual_args {
    int32_t       n     = 0;       // tokens
    int32_t       d     = 0;
    const float * w     = nullptr; // [d] RMSNorm of y, or NULL
    float         eps   = 0;
    float         scale = 1;
    const float * y     = nullptr; // [n, d]
    int64_t       ld_y  = 0;
    float *       x     = nullptr; // [n, d] residual stream; backward: its gradient
    int64_t       ld_x  = 0;
    T *           unit  = nullptr; // [n, d] unit-norm y, kept for backward; NULL without w, or if it is not kept
    int64_t       ld_unit = 0;
    float *       rstd  = nullptr; // [n]
    T *           dy    = nullptr; // [n, d] backward: gradient of y
    int64_t       ld_dy = 0;
};

// What the tokens of one row see, in a form that kernels test with one comparison. Query q sees key k if and only if
//
//   key_threshold(q)[k] <= position[q]          (one query against a vector of keys)
//   key_position[k] <= query_threshold(k)[q]    (one key against a vector of queries)
//
// and, in a layer with a window, position[q] - position[k] < window, whatever their roles.
//
// Arrays are padded to whole blocks of tokens; as the vector operand, padding is seen by nobody and sees nobody. Bounds
// of each block tell which blocks need no work and which need no mask. Filled by row_visibility (visibility.h).
struct visibility {
    static constexpr int32_t block = panel_width;

    int32_t n_blocks = 0;
    int32_t window   = 0; // 0 = none

    const int32_t * position          = nullptr; // of tokens
    const int8_t *  is_span           = nullptr; // role of a token: SPAN or not
    const int32_t * key_span          = nullptr; // least position of a SPAN query that sees the key
    const int32_t * key_other         = nullptr; // the same for CONTEXT and ORDERED queries
    const int32_t * key_position      = nullptr; // below every position for CONTEXT keys
    const int32_t * query_for_span    = nullptr; // greatest position of a SPAN key that the query sees
    const int32_t * query_for_ordered = nullptr; // the same for ORDERED and CONTEXT keys

    struct bounds { // of one block; 64 bits, so that "none" lies beyond every position
        int64_t key_span_min, key_span_max, key_other_min, key_other_max;
        int64_t query_span_min, query_span_max, query_other_min, query_other_max;
        int64_t position_min, position_max;
    };
    const bounds * blocks = nullptr; // [n_blocks]

    MAGNET_ALWAYS_INLINE const int32_t * key_threshold(int32_t q) const { return is_span[q] ? key_span : key_other; }
    MAGNET_ALWAYS_INLINE const int32_t * query_threshold(int32_t k) const {
        return is_span[k] ? query_for_span : query_for_ordered;
    }
    // Does any query of block q see any key of block k? May say yes where none does.
    MAGNET_ALWAYS_INLINE bool any(int32_t q, int32_t k) const {
        return (blocks[k].key_span_min <= blocks[q].query_span_max ||
                blocks[k].key_other_min <= blocks[q].query_other_max) &&
               (window == 0 || blocks[q].position_min - blocks[k].position_max < window);
    }
    // Does every query of block q see every key of block k? May say no where all do.
    MAGNET_ALWAYS_INLINE bool all(int32_t q, int32_t k) const {
        return blocks[k].key_span_max <= blocks[q].query_span_min && blocks[k].key_other_max <= blocks[q].query_other_min &&
               (window == 0 || blocks[q].position_max - blocks[k].position_min < window);
    }
    // Within the window lie keys whose position is beyond last_out_of_window(q), and queries before end_of_window(k).
    MAGNET_ALWAYS_INLINE int32_t last_out_of_window(int32_t q) const { return position[q] - window; }
    MAGNET_ALWAYS_INLINE int32_t end_of_window(int32_t k) const {
        return position[k] > INT32_MAX - window ? INT32_MAX : position[k] + window;
    }
};

// Attention of one row. q, k, v are columns of one [n, size] matrix laid out as head_layout says.
template <class T>
struct attention_args {
    const head_layout * heads = nullptr;
    const visibility *  sees  = nullptr;
    int32_t             n     = 0; // tokens of the row
    const T *           qkv   = nullptr;
    int64_t             ld    = 0;
    T *                 out   = nullptr; // [n, q_size]
    int64_t             ld_out = 0;
    float *             lse   = nullptr; // [n_head, n] log of the sum of exponentials, for backward; may be NULL
};

// Keys and values of one kv head as a cache keeps them (kv-cache.h), in blocks of 32 cells. A block of keys is a panel
// [head_dim, 32 cells]; one of values has a panel [32 cells, 32 channels] for each 32 channels. In 8 bits a block has the same
// values as integers, in the same order, and behind them its scales [head_dim / 32, 32 cells], as floats: each stands for 32
// values of a cell, as in ggml's Q8_0.
template <class T>
struct cached_cells {
    const T *       keys        = nullptr; // NULL: they are in 8 bits
    const T *       values      = nullptr;
    const uint8_t * keys_8bit   = nullptr;
    const uint8_t * values_8bit = nullptr;
};

// Bytes of such a block of keys, or of values.
MAGNET_ALWAYS_INLINE constexpr int64_t quants_of_block(int64_t head_dim) { return round_up(head_dim, 32) * panel_width; }
MAGNET_ALWAYS_INLINE constexpr int64_t bytes_of_8bit_block(int64_t head_dim) {
    return quants_of_block(head_dim) + round_up(head_dim, 32) / 32 * panel_width * int64_t(sizeof(float));
}

// Attention of tokens that have just been added to a cache, or that stand in it already. Token i of the call is cell
// first + i of the cache.
template <class T>
struct cached_attention_args {
    const head_layout * heads = nullptr;
    const visibility *  sees  = nullptr; // of all cells
    int32_t             first = 0;
    const T *           q     = nullptr; // [n, size], queries in the columns that head_layout says
    int64_t             ld    = 0;
    cached_cells<T>     cells;            // of one kv head
    T *                 out    = nullptr; // [n, q_size]
    int64_t             ld_out = 0;
};

// What some of the keys contribute to one head of one token.
struct attention_sums {
    float   max   = 0;       // of their scores
    float   total = 0;       // of exp(score - max)
    float * sums  = nullptr; // [head_dim] values weighted by exp(score - max)
};

template <class T>
struct attention_backward_args {
    attention_args<T> forward;           // with out and lse as the forward pass left them
    const T *         d_out    = nullptr; // [n, q_size]
    int64_t           ld_d_out = 0;
    float *           d_qkv    = nullptr; // [n, size], overwritten in the columns of this kv head and its query heads
    int64_t           ld_d_qkv = 0;
};

// The softmax of a row of the output head whose parts come one after the other, and the gradient's sums.
struct softmax_state {
    float max   = -3e38f; // of the scores so far
    float total = 0;      // of exp(score - max)
    float score = 0;      // of the target, once it has come
};

// Where row k, column c of a packed matrix stands in its panel c / panel_width: rows of bf16 are interleaved in pairs.
template <class T>
MAGNET_ALWAYS_INLINE constexpr int64_t panel_index(int64_t k, int64_t c) {
    return sizeof(T) == sizeof(float) ? k * panel_width + c % panel_width
                                      : k / 2 * 2 * panel_width + 2 * (c % panel_width) + k % 2;
}

template <class T>
struct kernel_table {
    // C as T, as float, added to float.
    void (*gemm)(const gemm_args<T> &, T * out, int64_t ld);
    void (*gemm_f32)(const gemm_args<T> &, float * out, int64_t ld);
    void (*gemm_add)(const gemm_args<T> &, float * out, int64_t ld);
    void (*gated)(const gated_args<T> &);
    void (*gated_backward)(const gated_backward_args<T> &);

    // out = act(gate) * up, n values, n a multiple of panel_width
    void (*activate)(activation, const float * gate, const float * up, int32_t n, float * out);

    // y = x / rms(x), rows of d values; rstd [rows] = 1 / rms.
    void (*rms_norm)(const float * x, int64_t ldx, int32_t rows, int32_t d, float eps, T * y, int64_t ldy, float * rstd);
    // dx += gradient with respect to x, given dy and the unit-norm y.
    void (*rms_norm_backward)(const float * dy, int64_t ldy, const T * y, int64_t ld, const float * rstd, int32_t rows,
                              int32_t d, float * dx, int64_t ldx);

    void (*residual)(const residual_args<T> &);
    void (*residual_backward)(const residual_args<T> &);

    void (*qkv)(const qkv_args<T> &);          // norm, rotation, conversion
    void (*qkv_backward)(const qkv_args<T> &); // the same, transposed

    // Query tokens [begin, end) of the heads that share kv head `head_kv`.
    void (*attention)(const attention_args<T> &, int32_t head_kv, int32_t begin, int32_t end);
    void (*attention_backward)(const attention_backward_args<T> &, int32_t head_kv);
    // The same with keys and values of a cache, for tokens [begin, end) of the call.
    void (*cached_attention)(const cached_attention_args<T> &, int32_t head_kv, int32_t begin, int32_t end);
    // Blocks of keys [begin, end) for one token of the call: out [heads that share the kv head]. Args' out is not used.
    void (*attention_part)(const cached_attention_args<T> &, int32_t head_kv, int32_t token, int32_t begin, int32_t end,
                           attention_sums * out);

    // out [x.n, panel_width] = x times the transposed panel.
    void (*quantised_product)(const quantised_panel &, const quantised_rows & x, float * out, int64_t ld);
    // n a multiple of 32; values [n], scales [n / 32]
    void (*quantise)(const float * x, int32_t n, int8_t * values, quantised_scale * scales);

    void (*convert)(const float * x, int64_t ldx, int32_t rows, int32_t n, T * y, int64_t ldy);
    // y = x with entries dropped; padding of y is left alone.
    void (*drop)(const T * x, int64_t ldx, int32_t rows, int32_t n, const dropout_mask & mask, T * y, int64_t ldy);
    // x [k, n] row-major -> packed [k, n].
    void (*pack)(const T * x, int64_t ldx, int32_t k, int32_t n, T * packed);
    // x [n, k] row-major -> packed [k, n]; ldx even.
    void (*pack_transposed)(const T * x, int64_t ldx, int32_t k, int32_t n, T * packed);
    // x [rows, n] -> y [n, round_up(rows, k_multiple)], padding zero.
    void (*transpose)(const T * x, int64_t ldx, int32_t rows, int32_t n, T * y, int64_t ldy);

    // s = cap * tanh(scale * s / cap), or scale * s without a cap (0).
    void (*cap)(float * s, int32_t n, float scale, float cap);
    // Part of a row of the output head: returns log sum exp(x).
    float (*log_sum_exp)(const float * x, int32_t n);
    // y = weight * (softmax(x) - onehot(target)) given the whole row's log sum exp; target may lie outside of [0, n).
    void (*softmax_gradient)(const float * x, int32_t n, float lse, int32_t target, float weight, T * y);
    // Goes on with n scores more: y = exp(x - max) times the slope of the cap that x went through, 0 for the target (which may
    // lie outside of [0, n)). Returns what sums so far must be multiplied by. y may be NULL.
    float (*softmax_part)(softmax_state & state, const float * x, int32_t n, int32_t target, float cap, T * y);
    // y = weight * (softmax(x) - softmax(base)) given both rows' log sum exp; returns sum of p log(p / q) with p =
    // softmax(base) and q = softmax(x). y may be NULL.
    float (*softmax_difference)(const float * x, float lse, const float * base, float lse_base, int32_t n, float weight, T * y);
};

// How many tokens pass through a matrix together. Weights come from memory once for all of them, and what one matrix hands
// to the next must stay in cache: the faster the products, the more tokens it takes for memory to keep up.
struct batching {
    int32_t tokens; // short rows are packed into groups of about this many
    int32_t chunk;  // larger groups, and long rows, are worked through in chunks of at most this many
};

// One instruction set: both tables.
struct kernel_set {
    const char *                name;
    const kernel_table<bf16> *  bf16_table;
    const kernel_table<float> * f32_table;
    // Products of integers are faster than those of bf16: prompts take them, too (block_runner::stored).
    bool                        integers = false;
    batching                    infer = { 128, 160 };
    batching                    train = { 128, 160 };
    // Up to so many sequences, of one token each, are multiplied with the weights as the file stores them.
    int32_t                     most_stored = INT32_MAX;
};

template <class T>
const kernel_table<T> & table_of(const kernel_set & set);
template <>
inline const kernel_table<bf16> & table_of(const kernel_set & set) {
    return *set.bf16_table;
}
template <>
inline const kernel_table<float> & table_of(const kernel_set & set) {
    return *set.f32_table;
}

// One per kernel-*.cpp; NULL where the compiler or the target cannot build it.
const kernel_set * kernel_set_amx();
const kernel_set * kernel_set_avx512bf16();
const kernel_set * kernel_set_avx512();
const kernel_set * kernel_set_avx2();
const kernel_set * kernel_set_dotprod();
const kernel_set * kernel_set_neon();
const kernel_set * kernel_set_generic();

} // namespace magnet::fused
