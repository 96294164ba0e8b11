#include "adapters.h"

#include "base/error.h"
#include "frozen-weights.h"

#include <algorithm>
#include <set>

namespace magnet::graph {

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

tensor_block & graph_adapters::blocks::beside(const ggml_tensor * weight, size_t n_tensors) {
    const ggml_backend_buffer_type_t type  = companion_buffer_type(weight);
    std::unique_ptr<tensor_block> &  block = of_device_[type];
    if (!block) {
        block = std::make_unique<tensor_block>(type, n_tensors);
    }
    return *block;
}

tensor_block & graph_adapters::blocks::of(const ggml_tensor * t) const {
    return *of_device_.at(ggml_backend_buffer_get_type(t->buffer));
}

// Lists and blocks are put in place last: those that are there have their memory.
void graph_adapters::allocate_terms(const std::vector<const lora_set *> & sets) {
    size_t n = 0;
    for (const lora_set * s : sets) {
        n += 2 * s->matrices.size();
    }
    terms_.clear();
    term_blocks_.clear();
    sums_.clear();
    sum_blocks_.clear();
    blocks                    made;
    std::vector<lora_tensors> terms;
    for (const lora_set * s : sets) {
        for (const lora_matrix & m : s->matrices) {
            tensor_block & block = made.beside(llama_weight(model_, m.target), n);
            terms.push_back({ m.target, block.add(m.n_in, s->rank), block.add(s->rank, m.n_out), s->scale });
            ggml_format_name(terms.back().a, "%s.lora_a", m.target.c_str());
            ggml_format_name(terms.back().b, "%s.lora_b", m.target.c_str());
        }
    }
    made.each([](tensor_block & block) { block.allocate(); });
    term_blocks_ = std::move(made);
    terms_       = std::move(terms);
}

void graph_adapters::allocate_sums() {
    sums_.clear();
    sum_blocks_.clear();
    blocks                     made;
    std::vector<ggml_tensor *> sums;
    for (size_t i = 0; i < trained_.size(); ++i) {
        tensor_block & block = made.beside(trained_[i], trained_.size());
        sums.push_back(block.add(trained_[i]->ne[0], trained_[i]->ne[1]));
        ggml_format_name(sums.back(), "%s.gradient", trained_[i]->name);
    }
    made.each([](tensor_block & block) { block.allocate(); });
    sum_blocks_ = std::move(made);
    sums_       = std::move(sums);
}

void graph_adapters::clear_sums() {
    if (sums_.size() != trained_.size()) {
        allocate_sums();
    } else {
        sum_blocks_.each([](tensor_block & block) { block.clear(); });
    }
}

void graph_adapters::add_sums_to(lora_set & grad) {
    sum_blocks_.each([](tensor_block & block) { block.download(); });
    for (size_t i = 0; i < sums_.size(); ++i) {
        lora_matrix &        m    = grad.matrices[i / 2];
        std::vector<float> & to   = i % 2 == 0 ? m.a : m.b;
        const float *        from = sum_blocks_.of(sums_[i]).host(sums_[i]);
        for (size_t k = 0; k < to.size(); ++k) {
            to[k] += from[k];
        }
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
            lora_tensors & term  = terms_[i++];
            term.scale           = s->scale;
            tensor_block & block = term_blocks_.of(term.a);
            std::copy(m.a.begin(), m.a.end(), block.host(term.a));
            std::copy(m.b.begin(), m.b.end(), block.host(term.b));
            if (trained_.size() < 2 * sets.front()->matrices.size()) {
                trained_.push_back(term.a);
                trained_.push_back(term.b);
            }
        }
    }
    term_blocks_.each([](tensor_block & block) { block.upload(); });
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
    for (const blocks * b : { &term_blocks_, &sum_blocks_ }) {
        b->each([&](const tensor_block & block) { block.count("adapters", memory); });
    }
}

} // namespace magnet::graph
