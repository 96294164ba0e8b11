#include "head.h"

#include <algorithm>
#include <cmath>

namespace magnet::fused {

namespace {

constexpr int32_t chunk = 64;   // positions that share a walk over the matrix
constexpr int32_t tile  = 2048; // rows of the matrix whose scores are still in cache when they are read again

// log(e^a + e^b)
float log_add(float a, float b) { return std::max(a, b) + std::log1p(std::exp(-std::fabs(a - b))); }

} // namespace

template <class T>
output_head<T>::output_head(std::string path, const hparams & hp, const kernel_table<T> & kernels,
                            const model_file::raw_rows * embeddings)
    : path(std::move(path)), hp(hp), kernels(kernels), tied(hp.tied ? embeddings : nullptr) {}

template <class T>
void output_head<T>::load() const {
    if (quantised.data != nullptr) {
        return;
    }
    loaded([&] {
        model_file::raw_rows read;
        if (tied == nullptr) {
            read = model_file(path).read_raw(hp.tied ? "token_embd.weight" : "output.weight");
        }
        const model_file::raw_rows & w = tied ? *tied : read;
        packed<T>                    p(hp.n_embd, hp.n_vocab);
        std::vector<float>           wide(int64_t(tile) * hp.n_embd);
        for (int32_t first = 0; first < hp.n_vocab; first += tile) { // widened at once it would be four bytes a weight
            const int32_t n = std::min(tile, hp.n_vocab - first);
            for (int32_t i = 0; i < n; ++i) {
                w.widen(first + i, wide.data() + int64_t(i) * hp.n_embd);
            }
            rounded_matrix<T>(wide.data(), n, hp.n_embd, kernels)
                .pack_forward(p.data.data() + first / panel_width * panel_size(hp.n_embd));
        }
        forward = std::move(p);
    });
}

template <class T>
std::unique_ptr<typename output_head<T>::workspace> output_head<T>::borrow() const {
    {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!idle.empty()) {
            auto w = std::move(idle.back());
            idle.pop_back();
            return w;
        }
    }
    auto w    = std::make_unique<workspace>();
    w->hidden = buffer<T>((chunk + row_slack) * round_up(hp.n_embd, k_multiple));
    return w;
}

template <class T>
void output_head<T>::give_back(std::unique_ptr<workspace> w) const {
    const std::lock_guard<std::mutex> lock(mutex);
    idle.push_back(std::move(w));
}

template <class T>
void output_head<T>::logits(const float * hidden, int32_t n, float * out) const {
    load();
    auto          w  = borrow();
    const int64_t ld = round_up(hp.n_embd, k_multiple);
    for (int32_t begin = 0; begin < n; begin += chunk) {
        const int32_t rows = std::min(chunk, n - begin);
        kernels.convert(hidden + int64_t(begin) * hp.n_embd, hp.n_embd, rows, hp.n_embd, w->hidden.data(), ld);
        float * scores = out + int64_t(begin) * hp.n_vocab;
        logits({}, w->hidden.data(), ld, rows, scores);
        for (int32_t i = 0; i < rows; ++i) {
            finish_logits(hp, kernels, scores + int64_t(i) * hp.n_vocab, hp.n_vocab);
        }
    }
    give_back(std::move(w));
}

template <class T>
void output_head<T>::logits(const share & part, const T * hidden, int64_t ld, int32_t n, float * out) const {
    load();
    gemm_args<T> args;
    args.m    = n;
    args.n    = hp.n_vocab;
    args.part = part;
    args.add(times(forward, quantised, hidden, ld));
    kernels.gemm_f32(args, out, hp.n_vocab);
}

// Scores of rows [first, first + tile) of the matrix, one row a position, into the running softmax.
template <class T>
void output_head<T>::run_tile(workspace & w, std::vector<softmax_state> & states, const int32_t * targets, int32_t first,
                              bool sums) const {
    const int32_t d    = hp.n_embd;
    const int64_t ld   = round_up(d, k_multiple);
    const int32_t size = std::min(tile, hp.n_vocab - first);
    const int32_t rows = int32_t(states.size());
    gemm_args<T>  scores;
    scores.m = rows;
    scores.n = size;
    scores.add(times(forward, quantised, w.hidden.data(), ld).from_column(first));
    kernels.gemm_f32(scores, w.scores.data(), tile);
    for (int32_t i = 0; i < rows; ++i) {
        float * row = w.scores.data() + int64_t(i) * tile;
        finish_logits(hp, kernels, row, size);
        const float decay = kernels.softmax_part(states[i], row, size, targets[i] - first, hp.logit_cap,
                                                 sums ? w.weights.data() + int64_t(i) * tile : nullptr);
        for (int32_t c = 0; sums && first > 0 && decay != 1.0f && c < d; ++c) {
            w.sums[i * ld + c] *= decay;
        }
    }
    if (sums) {
        add_rows(w, rows, first, size);
    }
}

template <class T>
void output_head<T>::reserve_gradient(workspace & w) const {
    w.weights.reserve((chunk + row_slack) * int64_t(tile));
    w.rows.reserve(packed_size(tile, hp.n_embd));
    w.sums.reserve(chunk * round_up(hp.n_embd, k_multiple));
}

// The tile is still in cache from its scores: to turn it costs no more than to read a turned copy, which would be as large as
// the matrix.
template <class T>
void output_head<T>::add_rows(workspace & w, int32_t rows, int32_t first, int32_t size) const {
    transpose_columns(forward, first, size, w.rows.data());
    product<T> term;
    term.a        = w.weights.data();
    term.lda      = tile;
    term.b        = w.rows.data();
    term.b_stride = panel_size(size);
    term.k        = size;
    gemm_args<T> args;
    args.m = rows;
    args.n = hp.n_embd;
    args.add(term);
    (first == 0 ? kernels.gemm_f32 : kernels.gemm_add)(args, w.sums.data(), round_up(hp.n_embd, k_multiple));
}

// d_hidden [D] += weight * gradient of the negative log-likelihood of position i. The target's part is added by itself: near
// a probability of 1 it is the small difference of two others.
template <class T>
void output_head<T>::add_gradient(const workspace & w, int32_t i, const softmax_state & state, int32_t target, float weight,
                                  float * d_hidden) const {
    const float   slope  = hp.logit_cap > 0.0f ? 1.0f - state.score * state.score / (hp.logit_cap * hp.logit_cap) : 1.0f;
    const double  p      = std::exp(double(state.score) - state.max) / state.total;
    const float   others = weight * hp.logit_scale / state.total;
    const float   own    = weight * hp.logit_scale * slope * float(p - 1.0);
    const float * sums   = w.sums.data() + int64_t(i) * round_up(hp.n_embd, k_multiple);
    const T *     panel  = forward.data.data() + target / panel_width * panel_size(hp.n_embd);
    for (int32_t c = 0; c < hp.n_embd; ++c) {
        d_hidden[c] += others * sums[c] + own * to_float(panel[panel_index<T>(c, target)]);
    }
}

template <class T>
void output_head<T>::cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets,
                                   const float * weight, int32_t n, float * nll, float * d_hidden) const {
    load();
    auto          w  = borrow();
    const int32_t d  = hp.n_embd;
    const int64_t ld = round_up(d, k_multiple);
    w->scores.reserve(int64_t(chunk) * tile);
    if (d_hidden != nullptr) {
        reserve_gradient(*w);
    }
    for (int32_t begin = 0; begin < n; begin += chunk) {
        std::vector<softmax_state> states(std::min(chunk, n - begin));
        const int32_t              rows = int32_t(states.size());
        const auto at = [&](int32_t i) { return int64_t(index ? index[begin + i] : begin + i) * d; };
        for (int32_t i = 0; i < rows; ++i) {
            kernels.convert(hidden + at(i), d, 1, d, w->hidden.data() + i * ld, ld);
        }
        for (int32_t v = 0; v < hp.n_vocab; v += tile) {
            run_tile(*w, states, targets + begin, v, d_hidden != nullptr);
        }
        for (int32_t i = 0; i < rows; ++i) {
            const softmax_state & s = states[i];
            nll[begin + i]          = float(double(s.max) - s.score + std::log(double(s.total)));
            if (d_hidden != nullptr) {
                add_gradient(*w, i, s, targets[begin + i], weight ? weight[begin + i] : 1.0f, d_hidden + at(i));
            }
        }
    }
    give_back(std::move(w));
}

template <class T>
void output_head<T>::score(const T * states, int32_t rows, float * scores, float * lse) const {
    const int64_t ldv = scores_ld();
    for (int32_t v = 0; v < hp.n_vocab; v += tile) {
        const int32_t size = std::min(tile, hp.n_vocab - v);
        gemm_args<T>  args;
        args.m = rows;
        args.n = size;
        args.add(times(forward, quantised, states, round_up(hp.n_embd, k_multiple)).from_column(v));
        kernels.gemm_f32(args, scores + v, ldv);
        for (int32_t i = 0; i < rows; ++i) {
            finish_logits(hp, kernels, scores + i * ldv + v, size);
            const float part = kernels.log_sum_exp(scores + i * ldv + v, size);
            lse[i]           = v == 0 ? part : log_add(lse[i], part);
        }
    }
}

template <class T>
void output_head<T>::states_gradient(workspace & w, int32_t rows, const scores_gradient & fill) const {
    reserve_gradient(w);
    for (int32_t v = 0; v < hp.n_vocab; v += tile) {
        const int32_t size = std::min(tile, hp.n_vocab - v);
        for (int32_t i = 0; i < rows; ++i) {
            fill(i, v, size, w.weights.data() + int64_t(i) * tile);
        }
        add_rows(w, rows, v, size);
    }
}

template <class T>
void output_head<T>::divergence(const float * base, const float * hidden, float weight, int32_t n, float * out,
                                float * d_hidden) const {
    load();
    auto          w   = borrow();
    const int64_t d   = hp.n_embd;
    const int64_t ld  = round_up(d, k_multiple);
    const int64_t ldv = scores_ld();
    const int32_t few = std::min(chunk, std::max(12, 4 * 1024 * 1024 / hp.n_vocab)); // scores of 16 MiB, or of few rows
    w->all.reserve(few * ldv);
    w->of_base.reserve(few * ldv);
    std::vector<float> lse(few), lse_of_base(few);
    for (int32_t begin = 0; begin < n; begin += few) {
        const int32_t rows = std::min(few, n - begin);
        kernels.convert(base + begin * d, d, rows, hp.n_embd, w->hidden.data(), ld);
        score(w->hidden.data(), rows, w->of_base.data(), lse_of_base.data());
        kernels.convert(hidden + begin * d, d, rows, hp.n_embd, w->hidden.data(), ld);
        score(w->hidden.data(), rows, w->all.data(), lse.data());
        const auto difference = [&](int32_t i, int32_t v, int32_t size, T * y) {
            const float * scores = w->all.data() + i * ldv + v;
            const float   sum    = kernels.softmax_difference(scores, lse[i], w->of_base.data() + i * ldv + v, lse_of_base[i],
                                                              size, weight * hp.logit_scale, y);
            for (int32_t c = 0; y != nullptr && hp.logit_cap > 0.0f && c < size; ++c) { // the slope of the cap
                from_float(to_float(y[c]) * (1.0f - scores[c] * scores[c] / (hp.logit_cap * hp.logit_cap)), y[c]);
            }
            return sum;
        };
        std::vector<double> sums(rows, 0.0); // of blocks: float sums over a large vocabulary would be coarse
        if (d_hidden != nullptr) {
            states_gradient(*w, rows,
                            [&](int32_t i, int32_t v, int32_t size, T * y) { sums[i] += difference(i, v, size, y); });
            for (int32_t i = 0; i < rows; ++i) {
                for (int64_t c = 0; c < d; ++c) {
                    d_hidden[(begin + i) * d + c] += w->sums[i * ld + c];
                }
            }
        } else {
            for (int32_t i = 0; i < rows; ++i) {
                for (int32_t v = 0; v < hp.n_vocab; v += tile) {
                    sums[i] += difference(i, v, std::min(tile, hp.n_vocab - v), nullptr);
                }
            }
        }
        std::copy(sums.begin(), sums.end(), out + begin);
    }
    give_back(std::move(w));
}

template class output_head<bf16>;
template class output_head<float>;

} // namespace magnet::fused
