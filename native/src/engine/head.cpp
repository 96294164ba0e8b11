#include "head.h"

#include <algorithm>

namespace magnet::fused {

namespace {

// Few enough that the scores stay around 16 MiB, enough to fill the kernels' tiles.
int32_t chunk_for(int32_t n_vocab) { return std::clamp(4 * 1024 * 1024 / n_vocab, 12, 64); }

} // namespace

template <class T>
output_head<T>::output_head(std::string path, const hparams & hp, const kernel_table<T> & kernels)
    : path(std::move(path)), hp(hp), kernels(kernels), chunk(chunk_for(hp.n_vocab)) {}

template <class T>
void output_head<T>::load() const {
    std::call_once(loaded, [&] {
        const std::vector<float> w = model_file(path).read(hp.tied ? "token_embd.weight" : "output.weight");
        packed<T>                p(hp.n_embd, hp.n_vocab);
        pack_weights(w.data(), p);
        forward = std::move(p);
    });
}

template <class T>
void output_head<T>::load_backward() const {
    load();
    std::call_once(backward_loaded, [&] { backward = transposed(forward); });
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
        gemm_args<T> args;
        args.m = rows;
        args.n = hp.n_vocab;
        args.add(forward.times(w->hidden.data(), ld));
        kernels.gemm_f32(args, out + int64_t(begin) * hp.n_vocab, hp.n_vocab);
    }
    give_back(std::move(w));
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
        w->d_scores.reserve((chunk + row_slack) * ldv);
        w->d_hidden.reserve(chunk * ld);
    }
    for (int32_t begin = 0; begin < n; begin += chunk) {
        const int32_t rows = std::min(chunk, n - begin);
        const auto    at   = [&](int32_t i) { return int64_t(index ? index[begin + i] : begin + i) * d; };
        for (int32_t i = 0; i < rows; ++i) {
            kernels.convert(hidden + at(i), d, 1, d, w->hidden.data() + i * ld, ld);
        }
        gemm_args<T> args;
        args.m = rows;
        args.n = hp.n_vocab;
        args.add(forward.times(w->hidden.data(), ld));
        kernels.gemm_f32(args, w->scores.data(), ldv);
        for (int32_t i = 0; i < rows; ++i) {
            const float * s      = w->scores.data() + i * ldv;
            const int32_t target = targets[begin + i];
            const float   lse    = kernels.log_sum_exp(s, hp.n_vocab);
            nll[begin + i]       = lse - s[target];
            if (d_hidden != nullptr) {
                kernels.softmax_gradient(s, hp.n_vocab, lse, target, weight ? weight[begin + i] : 1.0f,
                                         w->d_scores.data() + i * ldv);
            }
        }
        if (d_hidden == nullptr) {
            continue;
        }
        // In blocks of the vocabulary, so that a block of the matrix is still in cache for the next rows.
        constexpr int32_t block = 2048;
        for (int32_t v = 0; v < hp.n_vocab; v += block) {
            gemm_args<T> back;
            back.m          = rows;
            back.n          = d;
            product<T> term = backward.times(w->d_scores.data() + v, ldv);
            term.b += int64_t(v) * panel_width;
            term.k = std::min(block, hp.n_vocab - v);
            back.add(term);
            (v == 0 ? kernels.gemm_f32 : kernels.gemm_add)(back, w->d_hidden.data(), ld);
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
