// Copies of a model's frozen weights in the form that a backward pass, or exact arithmetic, needs.
#pragma once

#include "device-memory.h"

#include "ggml-cpp.h"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace magnet::graph {

// Copies are made when first asked for and lie on the device that holds the weight.
class frozen_weights {
public:
    // exact: copies are F32, else BF16, whose range holds any gradient. shapes_only: copies have no data, for graphs
    // that are only looked at.
    explicit frozen_weights(bool exact, bool shapes_only = false) : exact_(exact), shapes_only_(shapes_only) {}

    // w [n_in, n_out, ...] as [n_out, n_in, ...]. Throws magnet::error (OUT_OF_MEMORY); so does the other.
    ggml_tensor * transposed(const ggml_tensor * w) { return copy(w, true); }

    // w in F32: itself if it is that already.
    ggml_tensor * widened(const ggml_tensor * w);

    // Drops the copies of a tensor whose values or memory change: of an adapter that is not trained.
    void forget(const ggml_tensor * w);

    void count(device_memory & memory) const;

private:
    struct held {
        ggml_context_ptr        context;
        ggml_backend_buffer_ptr buffer;
        ggml_tensor *           tensor = nullptr;
    };

    ggml_tensor * copy(const ggml_tensor * w, bool turned);

    const bool                                           exact_;
    const bool                                           shapes_only_;
    std::map<std::pair<const ggml_tensor *, bool>, held> copies_;
};

// A leaf whose values lie in memory: a weight, and no input of a graph that is not allocated yet.
bool is_stored(const ggml_tensor * t);

// All values of a weight as floats, rows one after the other, whatever its type and wherever it lies.
std::vector<float> weight_values(const ggml_tensor * w);

// Where a companion of this weight goes: its device's memory, but not a form that only products understand.
ggml_backend_buffer_type_t companion_buffer_type(const ggml_tensor * w);

// Allocates the tensors of a context. Throws magnet::error (OUT_OF_MEMORY).
ggml_backend_buffer_ptr allocate(ggml_context * context, ggml_backend_buffer_type_t type);

// A context for so many tensors without data.
ggml_context_ptr make_context(size_t n_tensors);

} // namespace magnet::graph
