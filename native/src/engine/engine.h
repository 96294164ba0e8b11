// What computes hidden states and LoRA gradients: one interface, two implementations.
//
//   fused   native/src/engine/fused: our own forward and backward of the dense decoder block on CPU, no graph
//   graph   native/src/engine/graph: llama.cpp's graph builders: every architecture, every backend
//
// Rows (token sequences with positions and roles) go in, hidden states after the final norm come out; the gradient of
// a loss with respect to those hidden states goes in, LoRA gradients come out. Losses live outside: the trainer owns
// them, and they may couple rows (InfoNCE).
//
// Shapes: D = width of the model (n_embd), V = vocabulary, T = tokens of one row. Matrices are row-major.
#pragma once

#include "model/lora-set.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct llama_model;

namespace magnet {

// One sequence. Borrowed: the arrays belong to the caller and are read during the call only.
struct engine_row {
    const int32_t * tokens   = nullptr; // [T] ids in [0, V)
    const int32_t * pos      = nullptr; // [T] positions, any order, gaps allowed; NULL = 0, 1, 2, ...
    const int8_t  * roles    = nullptr; // [T] magnet_mask_role; NULL = all SPAN (causal)
    int32_t         n_tokens = 0;       // T >= 1
};

struct engine_shape {
    std::string arch;             // general.architecture of the GGUF
    int32_t     n_vocab     = 0;  // V
    int32_t     n_embd      = 0;  // D
    int32_t     n_layer     = 0;
    int32_t     n_ctx_train = 0;
};

// Dropout on the input of A, as PEFT does: mask drawn from (seed, row, matrix, token, channel), so that it does not
// depend on the number of threads.
struct engine_dropout {
    float    p    = 0.0f; // [0, 1)
    uint64_t seed = 0;    // change it every step
};

// Keys and values of one sequence, in the order in which its tokens were encoded: what an engine that decodes reads again.
// Made by engine::make_cache, used with that engine only, by one call at a time.
class kv_cache {
public:
    virtual ~kv_cache() = default;

    virtual int32_t size() const        = 0; // cells: tokens that are in it
    virtual void    truncate(int32_t n) = 0; // forgets all but the first n
    virtual int64_t bytes() const       = 0;

    // Room for n cells in all. Throws magnet::error (OUT_OF_MEMORY), and what was there stays.
    virtual void reserve(int32_t n) = 0;

    // Who sees the cells [begin, end) from now on (magnet_mask_role); their keys and values stay.
    virtual void set_role(int32_t begin, int32_t end, int8_t role) = 0;

    // Becomes a copy of another one of the same engine.
    virtual void copy_from(const kv_cache & other) = 0;
};

// Tokens that go on a sequence.
struct cached_row {
    engine_row row;            // positions anywhere, also before those of cells
    kv_cache * cache = nullptr; // no two rows of a call may share one
    int32_t    again = -1;      // >= 0: the row is one token, that of this cell, whose output is wanted once more
    int32_t    output = 0;      // index of the token whose logits are wanted ...
    float *    logits = nullptr; // ... [V]; NULL = of none
};

class engine {
public:
    virtual ~engine() = default;

    virtual const engine_shape & shape() const = 0;

    // One text line for logs: implementation, kernel variant, threads, bytes held.
    virtual std::string describe() const = 0;

    // Names and sizes of every matrix that LoRA can adapt, in the order of the forward pass; a and b are empty.
    virtual std::vector<lora_matrix> targets() const = 0;

    // Uses these adapters from now on (copied and packed; call it again after each optimizer step). Several are summed.
    // Empty = bare base. Throws magnet::error on a target that does not exist or has another size, and keeps the adapters
    // that it had; where there is no memory for them, none.
    virtual void set_lora(const std::vector<const lora_set *> & sets) = 0;

    // forward and forward_each take no more than n of its threads from now on; an engine may take no notice.
    virtual void limit_threads(int32_t /*n*/) {}

    // hidden[i] receives [T_i, D]. Rows are independent of each other and may be processed in any order.
    virtual void forward(const std::vector<engine_row> & rows, const std::vector<float *> & hidden) = 0;

    // Forward that keeps nothing but what the caller takes: hidden [T, D] is valid during the call only.
    // Called from worker threads, one row at a time per thread.
    using row_sink = std::function<void(int32_t row, const float * hidden)>;
    virtual void   forward_each(const std::vector<engine_row> & rows, const row_sink & sink) = 0;

    // Given hidden [T, D] of row i, writes the gradient of the total loss with respect to it into d_hidden [T, D]
    // (zeroed before the call). Called from worker threads, once per row; must be safe for that.
    using row_loss = std::function<void(int32_t row, const float * hidden, float * d_hidden)>;

    // Forward, loss and backward of all rows; gradients with respect to the FIRST adapter set are added to grad, which
    // has that set's shape. Deterministic for a given number of threads.
    virtual void train(const std::vector<engine_row> & rows, const row_loss & loss, const engine_dropout & dropout,
                       lora_set & grad) = 0;

    // train with a loss that couples rows (InfoNCE), without dropout: gather(row, hidden) of every row, from worker
    // threads; meet() once, when all are gathered; then gradient(row, hidden, d_hidden) of every row as train calls it.
    // This one keeps nothing and computes forward twice (GradCache, arXiv 2101.06983): memory does not grow with the
    // rows. Implementations may keep the activations of all rows instead.
    virtual void train_coupled(const std::vector<engine_row> & rows, const row_sink & gather,
                               const std::function<void()> & meet, const row_loss & gradient, lora_set & grad) {
        forward_each(rows, gather);
        meet();
        train(rows, gradient, {}, grad);
    }

    // Decoding: a cache for a new sequence, and a pass over tokens of several. The pass adds each row's tokens to its cache;
    // they see its cells, and each other, as roles and positions say. On failure caches are as they were before. Throws
    // UNSUPPORTED where the engine does not decode.
    // eight_bits: keys and values are rounded to 8 bits, a scale to 32 of them (ggml's Q8_0).
    virtual std::unique_ptr<kv_cache> make_cache(bool eight_bits);
    virtual void                      extend(const std::vector<cached_row> & rows);

    // logits [n, V] of n hidden vectors [n, D]. Any thread.
    virtual void logits(const float * hidden, int32_t n, float * out) const = 0;

    // Cross-entropy of the output head at n positions, computed in chunks: nll[i] = -log p(targets[i] | hidden[i]).
    // If d_hidden is given, adds weight[i] * d nll[i] / d hidden[i] to it; index[i] names the row of hidden and
    // d_hidden that position i reads (NULL = i). Single-threaded and safe to call from several threads at once.
    virtual void cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets,
                               const float * weight, int32_t n, float * nll, float * d_hidden) const = 0;

    // Kullback-Leibler divergence of what the head predicts of n states hidden [n, D] from what it predicts of base [n, D]:
    // out[i] = sum of p(base_i) * log(p(base_i) / p(hidden_i)) over the vocabulary. If d_hidden [n, D] is given, weight *
    // gradient with respect to hidden is added to it. Chunks and threads as cross_entropy.
    virtual void divergence(const float * base, const float * hidden, float weight, int32_t n, float * out,
                            float * d_hidden) const = 0;
};

enum class engine_precision { bf16, f32 };

struct fused_engine_params {
    int32_t          n_threads = 0;                      // 0 = physical_cores()
    engine_precision precision = engine_precision::bf16; // of products; f32 is the exact mode of the tests
    std::string      kernel;                             // "" = best here; "amx", "avx512bf16", "avx512", "avx2", "dotprod", "neon", "generic"
    bool             copies    = true;                   // of all matrices in `precision`; false: quantised ones are
                                                         // unpacked as they are read, which is less memory and no training
    bool             recompute = false;                  // training keeps one activation a layer and recomputes the rest
    int64_t          coupled_bytes = int64_t(2) << 30;   // train_coupled may keep so much instead of computing it twice
};

// Memory for a model's weights, in bytes.
struct fused_engine_memory {
    int64_t copied = 0; // with copies of all matrices
    int64_t stored = 0; // fused_engine_params::copies = false
};

// True if the file's architecture and tensors are covered by the fused engine, and memory says what they take; otherwise why
// says what is not.
bool fused_engine_covers(const std::string & path, std::string & why, fused_engine_memory * memory = nullptr);

// Can the fused engine adapt this tensor of a model that it covers?
bool fused_engine_adapts(const std::string & tensor);

// A model's weights as the fused engine reads them. Immutable; shared by engines of any thread.
class fused_weights {
public:
    virtual ~fused_weights() = default;
};

// Loads weights of any quantisation from a GGUF file. Throws magnet::error with a reason a user can act on.
std::shared_ptr<fused_weights> load_fused_weights(const std::string & path, const fused_engine_params & params);

// Precision and kernel are those that the weights were loaded for.
std::unique_ptr<engine> make_fused_engine(std::shared_ptr<fused_weights> weights, const fused_engine_params & params);

// An engine with weights of its own.
std::unique_ptr<engine> make_fused_engine(const std::string & path, const fused_engine_params & params);

struct graph_engine_params {
    int32_t          n_threads       = 0;                      // of the CPU backend; 0 = physical_cores()
    int32_t          n_gpu_layers    = 0;                      // layers held by the GPU backend if one is built in; -1 = all
    engine_precision precision       = engine_precision::bf16; // f32: all weights are widened, the exact mode of the tests
    int32_t          tokens_per_pass = 0; // rows share a graph up to this many tokens, a longer row has one of its own;
                                          // 0 = tokens_of_pass (model/context.h)
};

// True if the graph engine can train this model on the devices that hold it; otherwise why says what is missing.
bool graph_engine_trains(llama_model * model, std::string & why);

// Any architecture whose attention goes through llama.cpp's common builders. Throws magnet::error (UNSUPPORTED) for the
// others; what cannot be differentiated is named by train.
std::unique_ptr<engine> make_graph_engine(const std::string & path, const graph_engine_params & params);

// Names of the product kernels that this machine can run, best first.
std::vector<std::string> fused_engine_kernels();

} // namespace magnet
