#include "adapters.h"

#include "base/error.h"

#include <algorithm>

namespace magnet::fused {

template <class T>
adapters<T>::adapters(const weights<T> & base) : base(base), all(base.layers.size() * n_matrices) {}

// Indices into all: one, or those of the matrices that are joined in this one. Throws if the model has no such matrix or the
// sizes differ.
template <class T>
std::vector<int32_t> adapters<T>::find(const lora_matrix & m, int32_t rank) const {
    const auto describe = [](int64_t rows, int64_t cols) { return std::to_string(rows) + " x " + std::to_string(cols); };
    std::vector<int32_t> found;
    for (size_t i = 0; i < all.size(); ++i) {
        const linear<T> & w = base.layers[i / n_matrices].matrices[i % n_matrices];
        if (w.target != m.target) {
            continue;
        }
        if (m.n_in != w.n_in || m.n_out != w.target_rows || int64_t(m.a.size()) != int64_t(rank) * w.n_in ||
            int64_t(m.b.size()) != int64_t(w.target_rows) * rank) {
            throw error(MAGNET_STATUS_MISMATCH,
                        "adapter of " + m.target + ": the model's matrix is " + describe(w.target_rows, w.n_in) +
                            ", the adapter says " + describe(m.n_out, m.n_in) + " with " + std::to_string(m.a.size()) +
                            " and " + std::to_string(m.b.size()) + " values at rank " + std::to_string(rank));
        }
        found.push_back(static_cast<int32_t>(i));
    }
    if (!found.empty()) {
        return found;
    }
    throw error(MAGNET_STATUS_MISMATCH, "the adapter's target " + m.target + " is not a matrix that this " +
                                            base.hp.arch + " model can adapt");
}

template <class T>
void adapters<T>::set(const std::vector<const lora_set *> & sets, thread_pool & pool) {
    std::vector<std::vector<source>> sources(all.size());
    std::vector<std::vector<int32_t>> first;
    for (const lora_set * s : sets) {
        for (const lora_matrix & m : s->matrices) {
            const std::vector<int32_t> parts = find(m, s->rank);
            for (const int32_t i : parts) {
                if (!sources[i].empty() && sources[i].back().set == s) {
                    throw error(MAGNET_STATUS_MISMATCH, "the adapter names " + m.target + " twice");
                }
                sources[i].push_back({ s, &m });
            }
            if (s == sets.front()) {
                first.push_back(parts);
            }
        }
    }

    try {
        use(sources, sets.empty() ? nullptr : sets.front());
        parallel_for(pool, int32_t(all.size()), [&](int32_t i) {
            if (all[i].rank > 0) {
                pack(i, sources[i]);
            }
        });
    } catch (...) { // no memory: half of them are of no use
        for (adapted<T> & m : all) {
            m = adapted<T>();
        }
        columns         = 0;
        gradient_floats = 0;
        first_set.clear();
        throw;
    }
    first_set = std::move(first);
}

// Ranks, places and memory of what goes into each matrix.
template <class T>
void adapters<T>::use(const std::vector<std::vector<source>> & sources, const lora_set * first) {
    first_rank      = first == nullptr ? 0 : first->rank;
    first_scale     = first == nullptr ? 1.0f : first->scale;
    columns         = 0;
    gradient_floats = 0;
    for (size_t i = 0; i < all.size(); ++i) {
        const linear<T> & w = base.layers[i / n_matrices].matrices[i % n_matrices];
        adapted<T> &      m = all[i];
        const int32_t     was = m.rank;

        m.rank    = 0;
        m.trained = 0;
        for (const source & s : sources[i]) {
            m.rank += s.set->rank;
            m.trained = s.set == first ? s.set->rank : m.trained;
        }
        m.column = i % n_matrices == 0 ? 0 : all[i - 1].column + int32_t(round_up(all[i - 1].rank, k_multiple));
        columns  = std::max(columns, m.column + int32_t(round_up(m.rank, k_multiple)));
        m.grad_a = gradient_floats;
        m.grad_b = m.grad_a + round_up(int64_t(m.trained) * w.n_in, 16);
        gradient_floats = m.grad_b + round_up(int64_t(m.trained) * w.n_out, 16);
        if (m.rank != was) {
            m.a      = packed<T>(w.n_in, m.rank);
            m.b      = packed<T>(m.rank, w.n_out);
            m.a_back = packed<T>(m.rank, w.n_in);
            m.b_back = packed<T>(w.n_out, m.rank);
        }
    }
}

template <class T>
void adapters<T>::pack(int32_t i, const std::vector<source> & sources) {
    const linear<T> &  w = base.layers[i / n_matrices].matrices[i % n_matrices];
    adapted<T> &       m = all[i];
    std::vector<float> a(int64_t(m.rank) * w.n_in);
    std::vector<float> b(int64_t(w.n_out) * m.rank);
    int32_t            row = 0;
    for (const source & s : sources) {
        const int32_t rank = s.set->rank;
        for (int32_t r = 0; r < rank; ++r) {
            for (int32_t c = 0; c < w.n_in; ++c) {
                const float folded = w.column_scale.empty() ? 1.0f : w.column_scale[c];
                a[int64_t(row + r) * w.n_in + c] = s.set->scale * folded * s.matrix->a[int64_t(r) * w.n_in + c];
            }
        }
        for (int32_t o = 0; o < w.n_out; ++o) {
            const int64_t from = int64_t(w.row_order.empty() ? o : w.row_order[o]) * rank;
            std::copy_n(s.matrix->b.data() + from, rank, b.data() + int64_t(o) * m.rank + row);
        }
        row += rank;
    }
    const rounded_matrix<T> down(a.data(), m.rank, w.n_in, base.kernels);
    const rounded_matrix<T> up(b.data(), w.n_out, m.rank, base.kernels);
    down.pack_forward(m.a);
    down.pack_backward(m.a_back);
    up.pack_forward(m.b);
    up.pack_backward(m.b_back);
}

template <class T>
void adapters<T>::check_gradient(const lora_set & grad) const {
    bool same = grad.rank == first_rank && grad.matrices.size() == first_set.size();
    for (size_t i = 0; same && i < first_set.size(); ++i) {
        same = find(grad.matrices[i], grad.rank) == first_set[i];
    }
    if (!same) {
        throw error(MAGNET_STATUS_MISMATCH, "the gradient must have the shape of the first adapter in use");
    }
}

template <class T>
void adapters<T>::add_gradient(const float * gradient, lora_set & grad, thread_pool & pool) const {
    const auto add = [&](int32_t part, lora_matrix & to) {
        const adapted<T> & m  = all[part];
        const linear<T> &  w  = base.layers[part / n_matrices].matrices[part % n_matrices];
        const float *      ga = gradient + m.grad_a;
        const float *      gb = gradient + m.grad_b;
        for (int32_t r = 0; r < m.trained; ++r) {
            for (int32_t c = 0; c < w.n_in; ++c) {
                const float folded = w.column_scale.empty() ? 1.0f : w.column_scale[c];
                to.a[int64_t(r) * w.n_in + c] += first_scale * folded * ga[int64_t(r) * w.n_in + c];
            }
        }
        for (int32_t o = 0; o < w.n_out; ++o) {
            float * row = to.b.data() + int64_t(w.row_order.empty() ? o : w.row_order[o]) * m.trained;
            for (int32_t r = 0; r < m.trained; ++r) {
                row[r] += gb[int64_t(r) * w.n_out + o];
            }
        }
    };
    parallel_for(pool, int32_t(first_set.size()), [&](int32_t i) {
        for (const int32_t part : first_set[i]) {
            add(part, grad.matrices[i]);
        }
    });
}

template class adapters<bf16>;
template class adapters<float>;

} // namespace magnet::fused
