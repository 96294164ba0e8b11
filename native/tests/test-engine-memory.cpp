// No memory, at any allocation of the fused engine: it throws, no thread waits for another that gave up, and it works on
// as if nothing had been.
#include "engine_fixture.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

// Allocations of what grows with the work fail from the n-th on, while a test asks for it.
static std::atomic<int64_t> until_failure{ INT64_MAX };
constexpr size_t            small = 256; // bytes; what is smaller is never the one that fails

static bool may_have(size_t size) {
    return size < small || until_failure.load() == INT64_MAX || until_failure.fetch_sub(1) > 0;
}

#ifndef _WIN32 // whose C library lets nobody take its place
extern "C" void * aligned_alloc(size_t alignment, size_t size) {
    void * memory = nullptr;
    return may_have(size) && posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}
#endif

void * operator new(size_t size, const std::nothrow_t &) noexcept {
    return may_have(size) ? std::malloc(size > 0 ? size : 1) : nullptr;
}
void * operator new(size_t size) {
    void * memory = operator new(size, std::nothrow);
    if (!memory) {
        throw std::bad_alloc();
    }
    return memory;
}
void * operator new[](size_t size) {
    return operator new(size);
}
// Not inlined: GCC would see free() of what operator new gave, and warn.
[[gnu::noinline]] void operator delete(void * memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void * memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void * memory, size_t) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void * memory, size_t) noexcept {
    std::free(memory);
}

using namespace magnet;
using namespace magnet::testing;

namespace {

// Runs work with memory for 0, 1, 2, ... allocations until there is enough; returns how often there was not.
int32_t without_memory(const std::function<void()> & work) {
    for (int64_t n = 0;; ++n) {
        until_failure = n;
        bool failed   = false;
        try {
            work();
        } catch (const std::bad_alloc &) {
            failed = true;
        } catch (const error & e) {
            failed = true;
            REQUIRE(e.status == MAGNET_STATUS_OUT_OF_MEMORY);
        }
        until_failure = INT64_MAX;
        if (!failed) {
            return (int32_t) n;
        }
        REQUIRE(n < 10000);
    }
}

struct fixture {
    temporary_model         model{ tiny_model_params() };
    std::unique_ptr<engine> work;
    std::vector<owned_row>  owned = random_rows({ 40, 61, 33, 50 }, 96, 3);
    std::vector<engine_row> rows  = views(owned);

    explicit fixture(int32_t n_threads) :
        work(make_fused_engine(model.path, engine_params("", engine_precision::f32, n_threads))) {}

    lora_set adapter(uint32_t seed) const { return random_adapter(work->targets(), 4, 1.0f, seed); }

    // Of the adapter's A and B.
    std::vector<std::vector<float>> gradient(const lora_set & lora, bool coupled) const {
        lora_set   grad = zeros_like(lora);
        const auto loss = [&](int32_t row, const float * h, float * d) {
            std::copy_n(h, (int64_t) rows[row].n_tokens * work->shape().n_embd, d);
        };
        if (coupled) {
            work->train_coupled(rows, [](int32_t, const float *) {}, [] {}, loss, grad);
        } else {
            work->train(rows, loss, {}, grad);
        }
        std::vector<std::vector<float>> all;
        for (const lora_matrix & m : grad.matrices) {
            all.push_back(m.a);
            all.push_back(m.b);
        }
        return all;
    }
};

} // namespace

TEST_CASE("fewer threads than the engine has: the same hidden states") {
    const fixture f(3), other(3);
    const auto    right = hidden_of(*other.work, other.rows);
    for (const int32_t n : { 1, 2, 3, 7, 0, 3 }) {
        f.work->limit_threads(n);
        CHECK(hidden_of(*f.work, f.rows) == right);
    }
}

TEST_CASE("out of memory in a forward pass") {
    for (const int32_t n_threads : { 1, 2, 3 }) {
        const fixture f(n_threads), other(n_threads);
        const auto    right = hidden_of(*other.work, other.rows);
        CHECK(without_memory([&] { hidden_of(*f.work, f.rows); }) > 0);
        CHECK(hidden_of(*f.work, f.rows) == right);
    }
}

TEST_CASE("out of memory while adapters are set") {
    const fixture  f(2), other(2);
    const lora_set one = f.adapter(1), two = f.adapter(2);
    other.work->set_lora({ &two });
    f.work->set_lora({ &one });
    CHECK(without_memory([&] { f.work->set_lora({ &two }); }) > 0);
    CHECK(hidden_of(*f.work, f.rows) == hidden_of(*other.work, other.rows));
}

TEST_CASE("out of memory in training") {
    for (const int32_t n_threads : { 1, 2, 3 }) {
        for (const bool coupled : { false, true }) {
            const fixture  f(n_threads), other(n_threads);
            const lora_set lora = f.adapter(1);
            f.work->set_lora({ &lora });
            other.work->set_lora({ &lora });
            CHECK(without_memory([&] { f.gradient(lora, coupled); }) > 0);
            CHECK(f.gradient(lora, coupled) == other.gradient(lora, coupled));
        }
    }
}
