#include "graph-adapters.h"

#include "magnet-error.h"

#include <map>
#include <set>

namespace magnet {

graph_adapters::graph_adapters(const llama_model * model, const std::vector<lora_matrix> & targets)
    : model_(model), targets_(targets) {
    for (size_t i = 0; i < targets_.size(); ++i) {
        index_[targets_[i].target] = (int32_t) i;
    }
}

int32_t graph_adapters::target(const std::string & name) const {
    const auto it = index_.find(name);
    return it == index_.end() ? -1 : it->second;
}

static std::string size_of(int64_t rows, int64_t columns) {
    return std::to_string(rows) + " x " + std::to_string(columns);
}

static void check(const lora_matrix * w, const lora_matrix & m, int32_t rank) {
    if (!w) {
        throw error(MAGNET_STATUS_MISMATCH,
                    "the adapter's target " + m.target + " is not a matrix that this model can adapt.");
    }
    if (m.n_in != w->n_in || m.n_out != w->n_out || (int64_t) m.a.size() != (int64_t) rank * w->n_in ||
        (int64_t) m.b.size() != (int64_t) w->n_out * rank) {
        throw error(MAGNET_STATUS_MISMATCH, "adapter of " + m.target + ": the model's matrix is " +
                                                size_of(w->n_out, w->n_in) + ", the adapter says " +
                                                size_of(m.n_out, m.n_in) + " with " + std::to_string(m.a.size()) +
                                                " and " + std::to_string(m.b.size()) + " values at rank " +
                                                std::to_string(rank) + ".");
    }
}

bool graph_adapters::same_shapes(const std::vector<const lora_set *> & sets) const {
    size_t i = 0;
    for (const lora_set * s : sets) {
        for (const lora_matrix & m : s->matrices) {
            if (i == terms_.size() || terms_[i].target != m.target || terms_[i].a->ne[1] != s->rank) {
                return false;
            }
            ++i;
        }
    }
    return i == terms_.size();
}

void graph_adapters::allocate_terms(const std::vector<const lora_set *> & sets) {
    size_t n = 0;
    for (const lora_set * s : sets) {
        n += 2 * s->matrices.size();
    }
    terms_.clear();
    buffers_.clear();
    contexts_.clear();
    std::map<ggml_backend_buffer_type_t, ggml_context *> by_device;
    for (const lora_set * s : sets) {
        for (const lora_matrix & m : s->matrices) {
            ggml_context *& context = by_device[companion_buffer_type(llama_weight(model_, m.target))];
            if (!context) {
                contexts_.push_back(make_context(n));
                context = contexts_.back().get();
            }
            terms_.push_back({ m.target, ggml_new_tensor_2d(context, GGML_TYPE_F32, m.n_in, s->rank),
                               ggml_new_tensor_2d(context, GGML_TYPE_F32, s->rank, m.n_out), s->scale });
            ggml_format_name(terms_.back().a, "%s.lora_a", m.target.c_str());
            ggml_format_name(terms_.back().b, "%s.lora_b", m.target.c_str());
        }
    }
    for (const auto & [type, context] : by_device) {
        buffers_.push_back(allocate(context, type));
    }
}

void graph_adapters::set(const std::vector<const lora_set *> & sets) {
    for (const lora_set * s : sets) {
        std::set<std::string> seen;
        for (const lora_matrix & m : s->matrices) {
            const int32_t i = target(m.target);
            check(i < 0 ? nullptr : &targets_[i], m, s->rank);
            if (!seen.insert(m.target).second) {
                throw error(MAGNET_STATUS_MISMATCH, "the adapter names " + m.target + " twice.");
            }
        }
    }
    if (!same_shapes(sets)) {
        trained_.clear();
        allocate_terms(sets);
    }
    trained_.clear();
    size_t i = 0;
    for (const lora_set * s : sets) {
        for (const lora_matrix & m : s->matrices) {
            lora_tensors & term = terms_[i++];
            term.scale          = s->scale;
            ggml_backend_tensor_set(term.a, m.a.data(), 0, ggml_nbytes(term.a));
            ggml_backend_tensor_set(term.b, m.b.data(), 0, ggml_nbytes(term.b));
            if (s == sets.front()) {
                trained_.push_back(term.a);
                trained_.push_back(term.b);
            }
        }
    }
}

void graph_adapters::check_gradient(const lora_set & grad) const {
    bool same = 2 * grad.matrices.size() == trained_.size();
    for (size_t i = 0; same && i < grad.matrices.size(); ++i) {
        const lora_matrix & m = grad.matrices[i];
        same = m.target == terms_[i].target && (int64_t) m.a.size() == ggml_nelements(terms_[i].a) &&
               (int64_t) m.b.size() == ggml_nelements(terms_[i].b);
    }
    if (!same) {
        throw error(MAGNET_STATUS_MISMATCH, "the gradient must have the shape of the first adapter in use.");
    }
}

void graph_adapters::count(device_memory & memory) const {
    for (const auto & buffer : buffers_) {
        memory.add("adapters", buffer.get());
    }
}

} // namespace magnet
