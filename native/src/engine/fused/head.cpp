#include "head.h"

#include <algorithm>
#include <cmath>

namespace magnet::fused {

namespace {

// Few enough that the scores stay around 16 MiB, enough to fill the kernels' tiles.
int32_t chunk_for(int32_t n_vocab) { return std::clamp(4 * 1024 * 1024 / n_vocab, 12, 64); }

// The vocabulary is worked through in blocks whose scores are still in cache when they are read again.
constexpr int32_t vocab_block = 2048;

// log(e^a + e^b)
float log_add(float a, float b) { return std::max(a, b) + std::log1p(std::exp(-std::fabs(a - b))); }

} // namespace

template <class T>
output_head<T>::output_head(std::string path, const hparams & hp, const kernel_table<T> & kernels)
    : path(std::move(path)), hp(hp), kernels(kernels), chunk(chunk_for(hp.n_vocab)) {}

template <class T>
void output_head<T>::load() const {
    if (quantised.data != nullptr) {
        return;
    }
    loaded([&] {
        const std::vector<float> w = model_file(path).read(hp.tied ? "token_embd.weight" : "output.weight");
        packed<T>                p(hp.n_embd, hp.n_vocab);
        rounded_matrix<T>(w.data(), hp.n_vocab, hp.n_embd, kernels).pack_forward(p);
        forward = std::move(p);
    });
}

template <class T>
void output_head<T>::load_backward() const {
    load();
    backward_loaded([&] { backward = transposed(forward); });
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
        logits({}, w->hidden.data(), ld, rows, out + int64_t(begin) * hp.n_vocab);
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

template <class T>
void output_head<T>::cross_entropy(const float * hidden, const int32_t * index, const int32_t * targets,
                                   const float * weight, int32_t n, float * nll, float * d_hidden) const {
    load();
    auto          w   = borrow();
    const int32_t d   = hp.n_embd;
    const int64_t ld  = round_up(d, k_multiple);
    const int64_t ldv = round_up(hp.n_vocab, k_multiple);
    w->scores.reserve(chunk * ldv);
    if (d_hidden != nullptr) {
        load_backward();
        w->d_scores.reserve((chunk + row_slack) * vocab_block);
        w->d_hidden.reserve(chunk * ld);
    }
    std::vector<float> lse(chunk);
    for (int32_t begin = 0; begin < n; begin += chunk) {
        const int32_t rows = std::min(chunk, n - begin);
        const auto    at   = [&](int32_t i) { return int64_t(index ? index[begin + i] : begin + i) * d; };
        for (int32_t i = 0; i < rows; ++i) {
            kernels.convert(hidden + at(i), d, 1, d, w->hidden.data() + i * ld, ld);
        }
        for (int32_t v = 0; v < hp.n_vocab; v += vocab_block) {
            const int32_t   size = std::min(vocab_block, hp.n_vocab - v);
            gemm_args<T>    args;
            args.m = rows;
            args.n = size;
            args.add(times(forward, quantised, w->hidden.data(), ld).from_column(v));
            kernels.gemm_f32(args, w->scores.data() + v, ldv);
            for (int32_t i = 0; i < rows; ++i) {
                const float part = kernels.log_sum_exp(w->scores.data() + i * ldv + v, size);
                lse[i]           = v == 0 ? part : log_add(lse[i], part);
            }
        }
        for (int32_t i = 0; i < rows; ++i) {
            nll[begin + i] = lse[i] - w->scores[i * ldv + targets[begin + i]];
        }
        if (d_hidden == nullptr) {
            continue;
        }
        for (int32_t v = 0; v < hp.n_vocab; v += vocab_block) {
            const int32_t size = std::min(vocab_block, hp.n_vocab - v);
            for (int32_t i = 0; i < rows; ++i) {
                kernels.softmax_gradient(w->scores.data() + i * ldv + v, size, lse[i], targets[begin + i] - v,
                                         weight ? weight[begin + i] : 1.0f, w->d_scores.data() + i * vocab_block);
            }
            gemm_args<T> args;
            product<T>   term = backward.times(w->d_scores.data(), vocab_block);
            term.b += int64_t(v) * panel_width;
            term.k = size;
            args.m = rows;
            args.n = d;
            args.add(term);
            (v == 0 ? kernels.gemm_f32 : kernels.gemm_add)(args, w->d_hidden.data(), ld);
        }
        for (int32_t i = 0; i < rows; ++i) {
            for (int32_t c = 0; c < d; ++c) {
                d_hidden[at(i) + c] += w->d_hidden[i * ld + c];
            }
        }
    }
    give_back(std::move(w));
}

template class output_head<bf16>;
template class output_head<float>;

} // namespace magnet::fused
