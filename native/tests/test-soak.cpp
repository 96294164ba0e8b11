// Many threads and many calls of every kind on one model: each call ends, and as it ends alone; memory stays as it was.
// MAGNET_SOAK is the number of calls of one round.
#include "api.h"
#include "api_reference.h"
#include "gguf_file.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <mutex>
#include <random>
#include <thread>

#if defined(__GLIBC__)
#    include <malloc.h>
#endif

using namespace magnet::testing;

namespace {

constexpr int32_t n_threads = 64;
constexpr int32_t n_ctx     = 4096; // tokens are bytes

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int32_t few = 96;
#else
constexpr int32_t few = 256;
#endif

int32_t calls_of_a_round() {
    const char * wanted = getenv("MAGNET_SOAK");
    return wanted ? std::max(n_threads, atoi(wanted)) : few;
}

// Bytes that are allocated at this moment; 0 where nobody counts.
int64_t allocated() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    const auto info = mallinfo2();
    return int64_t(info.uordblks + info.hblkhd);
#else
    return 0;
#endif
}

enum class kind { generate, ordered, hybrid, embed, score, too_long };

// A call, and what it says when it is alone.
struct task {
    kind                 what;
    int32_t              engine;
    bool                 adapted;
    std::string          prompt;
    int32_t              n_tokens;
    std::vector<int32_t> tokens; // that it chose
    std::vector<float>   values; // logprobs, or a vector
};

// How a call is disturbed.
enum class fate { none, callback, cancel };

struct outcome {
    int32_t              status;
    int32_t              stop = MAGNET_STOP_NONE;
    std::vector<int32_t> tokens;
    std::vector<float>   values;
};

bool stops_at_third(const magnet_token_event * event, void *) {
    return event->index < 2;
}

outcome take(int32_t status, magnet_result * r) {
    outcome          out = { status, MAGNET_STOP_NONE, {}, {} };
    const result_ptr result(r);
    if (result) {
        const magnet_span & span = result->spans[0];
        out.stop                 = span.stop;
        out.tokens               = ids(span);
        for (int32_t i = 0; i < span.n_tokens; ++i) {
            out.values.push_back(span.tokens[i].logprob);
        }
    }
    return out;
}

outcome perform(const session_ptr & session, const task & t, fate f) {
    magnet_result * r = nullptr;
    switch (t.what) {
        case kind::embed: {
            outcome           out = { 0, MAGNET_STOP_NONE, {}, std::vector<float>(32) };
            const magnet_text one = text(t.prompt);
            out.status            = magnet_embed(session.get(), &one, 1, nullptr, out.values.data(), 32, nullptr);
            return out;
        }
        case kind::score: {
            const magnet_part       parts[] = { given(t.prompt.c_str()), filled(" and so on") };
            const magnet_score_item item    = { parts, 2 };
            const int32_t           status  = magnet_score(session.get(), &item, 1, nullptr, &r);
            return take(status, r);
        }
        case kind::ordered:
        case kind::hybrid: {
            const magnet_part    parts[] = { given(t.prompt.c_str()), gap(t.n_tokens), given(" The end.") };
            magnet_infill_params p       = magnet_infill_default_params();
            p.context  = t.what == kind::hybrid ? MAGNET_CONTEXT_HYBRID : MAGNET_CONTEXT_ORDERED;
            p.on_token = f == fate::callback ? stops_at_third : nullptr;
            const int32_t status = magnet_infill(session.get(), parts, 3, &p, &r);
            return take(status, r);
        }
        default: {
            magnet_generate_params p = greedy(t.n_tokens);
            p.on_token               = f == fate::callback ? stops_at_third : nullptr;
            const int32_t status     = magnet_generate(session.get(), text(t.prompt), &p, &r);
            return take(status, r);
        }
    }
}

session_ptr new_session(const model_ptr & model, int32_t engine) {
    magnet_session_params p = magnet_session_default_params();
    p.engine                = engine;
    p.reuse_prefix          = false; // the same bits, whatever runs beside it
    return make_session(model, p);
}

int32_t use_adapter(const session_ptr & session, const task & t, const adapter_ptr & adapter) {
    magnet_adapter * list[] = { adapter.get() };
    return magnet_session_set_adapters(session.get(), list, nullptr, t.adapted ? 1 : 0);
}

// Prompts of 1 to 4,000 tokens, short ones as often as long ones.
std::vector<task> some_tasks(const model_ptr & model, const adapter_ptr & adapter) {
    std::mt19937      random(7);
    std::vector<task> tasks;
    const kind        kinds[] = { kind::generate, kind::generate, kind::ordered, kind::generate, kind::hybrid,
                                  kind::embed,    kind::generate, kind::score,   kind::generate, kind::too_long };
    for (size_t i = 0; i < 60; ++i) {
        task t;
        t.what      = kinds[i % 10];
        t.engine    = i % 4 == 3 ? MAGNET_ENGINE_GRAPH : MAGNET_ENGINE_FUSED;
        t.adapted   = random() % 2 == 0;
        t.n_tokens  = 1 + int32_t(random() % 8);
        const double share = double(random() % 1000) / 999;
        size_t       size  = size_t(std::lround(std::exp(share * std::log(4000.0))));
        if (t.what == kind::hybrid) {
            size = std::min<size_t>(size, 1000); // one pass, and it costs the square
        }
        t.prompt.resize(t.what == kind::too_long ? 2 * n_ctx : size);
        for (char & c : t.prompt) {
            c = char('a' + random() % 26);
        }
        const session_ptr session = new_session(model, t.engine);
        require_ok(use_adapter(session, t, adapter));
        const outcome alone = perform(session, t, fate::none);
        REQUIRE(alone.status == (t.what == kind::too_long ? MAGNET_STATUS_TOO_LONG : MAGNET_STATUS_OK));
        t.tokens = alone.tokens;
        t.values = alone.values;
        tasks.push_back(std::move(t));
    }
    return tasks;
}

// "" if the call ended as it may.
std::string fault_of(const task & t, fate f, const outcome & o) {
    if (t.what == kind::too_long) {
        return o.status == MAGNET_STATUS_TOO_LONG ? "" : "was not refused";
    }
    if (f == fate::cancel && o.status == MAGNET_STATUS_CANCELLED) {
        return "";
    }
    if (o.status != MAGNET_STATUS_OK) {
        return std::string("failed with ") + magnet_status_name(o.status) + ": " + magnet_last_error();
    }
    const bool   cut      = o.stop == MAGNET_STOP_CANCELLED;
    const size_t expected = f == fate::callback && t.tokens.size() > 2 ? 3 : t.tokens.size();
    if (cut && f == fate::none) {
        return "was cut short";
    }
    if (!cut && f != fate::callback && o.tokens.size() != t.tokens.size()) {
        return "lost tokens";
    }
    const bool decodes = t.what == kind::generate || t.what == kind::ordered || t.what == kind::hybrid;
    if (f == fate::callback && decodes && o.tokens.size() != expected) {
        return "did not stop where its callback said so";
    }
    if (o.tokens.size() > t.tokens.size() || !std::equal(o.tokens.begin(), o.tokens.end(), t.tokens.begin())) {
        return "chose other tokens";
    }
    if (o.values.size() > t.values.size() || !std::equal(o.values.begin(), o.values.end(), t.values.begin())) {
        return "has other numbers";
    }
    return "";
}

// A session of each engine for every thread, and one more thread that cancels.
class soak {
public:
    soak(const model_ptr & model, const adapter_ptr & adapter, const std::vector<task> & tasks)
        : adapter_(adapter), tasks_(tasks), places_(n_threads) {
        for (place & p : places_) {
            p.fused = new_session(model, MAGNET_ENGINE_FUSED);
            p.graph = new_session(model, MAGNET_ENGINE_GRAPH);
        }
    }

    // Returns what went wrong.
    std::vector<std::string> run(int32_t n_calls) {
        std::atomic<int32_t>     next{ 0 }, done{ 0 };
        std::atomic<bool>        over{ false };
        std::thread              canceller([&] { cancel_those_due(over); });
        std::vector<std::thread> threads;
        for (place & p : places_) {
            threads.emplace_back([&] {
                for (int32_t i = next++; i < n_calls; i = next++) {
                    const std::string fault = call(p, i);
                    if (!fault.empty()) {
                        p.faults.push_back("call " + std::to_string(i) + " " + fault);
                    }
                    ++done;
                }
            });
        }
        for (std::thread & t : threads) {
            t.join();
        }
        over = true;
        canceller.join();

        std::vector<std::string> faults;
        if (done != n_calls) {
            faults.push_back(std::to_string(n_calls - done) + " calls are lost");
        }
        for (place & p : places_) {
            faults.insert(faults.end(), p.faults.begin(), p.faults.end());
            p.faults.clear();
        }
        return faults;
    }

private:
    struct place {
        session_ptr              fused, graph;
        std::mutex               mutex;
        magnet_session *         due = nullptr; // to be cancelled; guarded by mutex
        std::vector<std::string> faults;
    };

    std::string call(place & p, int32_t i) {
        const uint32_t      dice    = uint32_t(i) * 2654435761u >> 16;
        const fate          f       = dice % 5 == 0 ? fate::callback : dice % 5 == 1 ? fate::cancel : fate::none;
        const task &        t       = tasks_[size_t(i) % tasks_.size()];
        const session_ptr & session = t.engine == MAGNET_ENGINE_GRAPH ? p.graph : p.fused;
        if (use_adapter(session, t, adapter_) != MAGNET_STATUS_OK) {
            return magnet_last_error();
        }
        set_due(p, f == fate::cancel ? session.get() : nullptr);
        const std::string fault = fault_of(t, f, perform(session, t, f));
        set_due(p, nullptr); // before the next call, which the canceller must not meet
        return fault;
    }

    static void set_due(place & p, magnet_session * session) {
        const std::lock_guard<std::mutex> lock(p.mutex);
        p.due = session;
    }

    // Again and again: a call that has not begun takes no notice.
    void cancel_those_due(const std::atomic<bool> & over) {
        while (!over) {
            std::this_thread::sleep_for(std::chrono::milliseconds(3));
            for (place & p : places_) {
                const std::lock_guard<std::mutex> lock(p.mutex);
                if (p.due) {
                    magnet_session_cancel(p.due);
                }
            }
        }
    }

    const adapter_ptr &       adapter_;
    const std::vector<task> & tasks_;
    std::vector<place>        places_;
};

} // namespace

TEST_CASE("soak: each of many calls from many threads ends, and as it does alone; memory stays as it was") {
    const std::string long_path = scratch_path("long.gguf"), adapter_path = scratch_path("adapter.gguf");
    copy_gguf(golden("tiny-llama.gguf"), long_path, set_context_length("llama", n_ctx));
    write_adapter(adapter_path, "llama", random_lora(reference_model(golden("tiny-llama.gguf")).targets(), 4, 1.0f, 3), 4.0f);
    const model_ptr         model   = load_model(long_path);
    const adapter_ptr       adapter = load_adapter(model, adapter_path);
    const std::vector<task> tasks   = some_tasks(model, adapter);
    int64_t                 held    = 0;
    for (int32_t i = 0; i < 3; ++i) {
        for (const std::string & fault : soak(model, adapter, tasks).run(calls_of_a_round())) {
            FAIL_CHECK(fault);
        }
        if (i == 0) {
            held = allocated(); // by the model, and by what is made once
        }
    }
    const int64_t grown = allocated() - held;
    INFO("bytes more after two more rounds: ", grown);
    CHECK(grown < 64 * 1024);
}
