// Sessions and threads: who may free what and when, BUSY, cancelling at any point, the log callback.
#include "api.h"
#include "gguf.h"
#include "gguf_file.h"
#include "reference_model.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <numeric>
#include <set>
#include <thread>

using namespace magnet::testing;

namespace {

const char * const sentences[] = {"Tom lost his keys.",
                                  "The train was late again.",
                                  "A dog",
                                  "",
                                  "Rain fell all night.",
                                  "She bought three red apples at the market and gave one away."};

std::vector<magnet_text> some_texts(int32_t n) {
    std::vector<magnet_text> texts;
    for (int32_t i = 0; i < n; ++i) {
        texts.push_back(text(sentences[i % 6]));
    }
    return texts;
}

// What a session answers that works: token ids and the first numbers of an embedding.
struct answers {
    std::vector<int32_t> generated, infilled;
    std::vector<float>   embedding;
    bool                 operator==(const answers & o) const {
                        return generated == o.generated && infilled == o.infilled && embedding == o.embedding;
    }
};

answers ask(const session_ptr & session) {
    answers a;
    a.generated = ids(generate(session, "Once upon a time", greedy(8))->spans[0]);
    a.infilled =
        ids(infill(session, {given("Tom "), gap(5), given(" home")}, magnet_infill_default_params())->spans[0]);
    a.embedding.resize(32);
    const magnet_text t = text("a sentence");
    require_ok(magnet_embed(session.get(), &t, 1, nullptr, a.embedding.data(), 32, nullptr));
    return a;
}

std::string adapter_file() {
    const std::string path = scratch_path("session-adapter.gguf");
    write_adapter(path, "llama", random_lora(reference_model(golden("tiny-llama.gguf")).targets(), 4, 1.0f, 3), 4.0f);
    return path;
}

} // namespace

TEST_CASE("lifetime: model, adapter, session and result are freed in any order") {
    const std::string path = adapter_file();
    std::vector<int>  order(4);
    std::iota(order.begin(), order.end(), 0);
    do {
        model_ptr        model   = load_tiny();
        adapter_ptr      adapter = load_adapter(model, path);
        session_ptr      session = make_session(model);
        magnet_adapter * list[]  = {adapter.get()};
        require_ok(magnet_session_set_adapters(session.get(), list, nullptr, 1));
        result_ptr        result = generate(session, "abc", greedy(3));
        const std::string before = result->spans[0].text;
        for (const int which : order) {
            switch (which) {
                case 0:
                    model.reset();
                    break;
                case 1:
                    adapter.reset();
                    break;
                case 2:
                    session.reset();
                    break;
                case 3:
                    result.reset();
                    break;
            }
            if (result) {
                CHECK(result->spans[0].text == before);
            }
            if (session) { // works on without what was freed
                CHECK(generate(session, "abc", greedy(3))->spans[0].text == before);
            }
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("lifetime: the strings of infos live as long as what they borrow from") {
    const model_ptr     model   = load_tiny();
    const adapter_ptr   adapter = load_adapter(model, adapter_file());
    magnet_adapter_info info    = {};
    require_ok(magnet_adapter_get_info(adapter.get(), &info));
    const magnet_model_info about   = info_of(model);
    const session_ptr       session = make_session(model);
    ask(session);
    CHECK(info.architecture == std::string("llama"));
    CHECK(info.instruction == std::string());
    CHECK(about.architecture == std::string("llama"));
}

TEST_CASE("threads: sessions of one model work beside each other, as they do alone") {
    const model_ptr model = load_tiny();
    const answers   alone = ask(make_session(model));
    const auto      work  = [&] {
        const session_ptr session = make_session(model);
        for (int i = 0; i < 5; ++i) {
            if (!(ask(session) == alone)) {
                return false;
            }
        }
        return true;
    };
    auto first = std::async(std::launch::async, work), second = std::async(std::launch::async, work);
    CHECK(first.get());
    CHECK(second.get());
}

TEST_CASE("threads: adapters come and go while another session computes") {
    const std::string path  = adapter_file();
    const model_ptr   model = load_tiny();
    const answers     alone = ask(make_session(model));
    std::atomic<bool> stop{false};
    auto              other = std::async(std::launch::async, [&] {
        const session_ptr session = make_session(model);
        while (!stop) {
            const adapter_ptr adapter = load_adapter(model, path);
            magnet_adapter *  list[]  = {adapter.get()};
            require_ok(magnet_session_set_adapters(session.get(), list, nullptr, 1));
            generate(session, "abc", greedy(2));
            require_ok(magnet_session_set_adapters(session.get(), nullptr, nullptr, 0));
        }
    });
    bool              same  = true;
    for (int i = 0; i < 5; ++i) {
        same = same && ask(make_session(model)) == alone;
    }
    stop = true;
    other.get();
    CHECK(same);
}

TEST_CASE("busy: a second call while one runs fails at once, from another thread and from a callback") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const answers     alone   = ask(make_session(model));

    struct state {
        magnet_session *   session;
        std::promise<void> inside;
        std::future<void>  go_on;
        int32_t            nested = 0;
    };
    std::promise<void> release;
    state              s = {session.get(), {}, release.get_future(), 0};

    auto running = std::async(std::launch::async, [&] {
        magnet_generate_params p = greedy(4);
        p.on_token_user_data     = &s;
        p.on_token               = [](const magnet_token_event * event, void * data) {
            auto & s = *static_cast<state *>(data);
            if (event->index == 0) {
                magnet_result * r = nullptr;
                s.nested          = magnet_generate(s.session, text("nested"), nullptr, &r);
                s.inside.set_value();
                s.go_on.wait();
            }
            return true;
        };
        const result_ptr result = generate(session, "Once upon a time", p);
        CHECK(magnet_last_error() == std::string()); // that of the callback's call is gone
        return ids(result->spans[0]);
    });
    s.inside.get_future().wait();
    CHECK(s.nested == MAGNET_STATUS_BUSY);

    magnet_result *    r = nullptr;
    std::vector<float> vector(32);
    const magnet_text  t  = text("a");
    const magnet_part  g  = gap(1);
    const int32_t      id = 5;
    int32_t            n  = 0;
    check_fails(magnet_generate(session.get(), t, nullptr, &r), MAGNET_STATUS_BUSY, {"session"});
    check_fails(magnet_infill(session.get(), &g, 1, nullptr, &r), MAGNET_STATUS_BUSY);
    check_fails(magnet_score(session.get(), nullptr, 0, nullptr, &r), MAGNET_STATUS_BUSY);
    check_fails(magnet_embed(session.get(), &t, 1, nullptr, vector.data(), 32, nullptr), MAGNET_STATUS_BUSY);
    check_fails(magnet_embed_tokens(session.get(), t, nullptr, nullptr, nullptr, 0, &n), MAGNET_STATUS_BUSY);
    check_fails(magnet_embed_token_ids(session.get(), &id, 1, nullptr, vector.data(), 32), MAGNET_STATUS_BUSY);
    check_fails(magnet_session_set_adapters(session.get(), nullptr, nullptr, 0), MAGNET_STATUS_BUSY);
    check_fails(magnet_session_reset(session.get()), MAGNET_STATUS_BUSY);
    CHECK(r == nullptr);

    release.set_value();
    const std::vector<int32_t> generated = running.get();
    CHECK(std::equal(generated.begin(), generated.end(), alone.generated.begin()));
    CHECK(ask(session) == alone);
}

TEST_CASE("cancel: without a running call it does nothing") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    magnet_session_cancel(session.get());
    CHECK(generate(session, "abc", greedy(3))->n_generated_tokens == 3);
}

TEST_CASE("cancel: a callback ends generation and infilling after any token, with what there is") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const answers     alone   = ask(make_session(model));

    const std::vector<magnet_part> two_gaps = {given("Tom "), gap(5), given(" home"), gap(5)};
    const result_ptr               whole    = infill(make_session(model), two_gaps, magnet_infill_default_params());
    const std::vector<int32_t>     filled   = ids(whole->spans[0]);

    struct state {
        magnet_session * session;
        int32_t          last;
        bool             by_call; // magnet_session_cancel instead of returning false
    };
    const magnet_token_callback stop_at = [](const magnet_token_event * event, void * data) {
        const auto & s = *static_cast<state *>(data);
        if (event->index < s.last) {
            return true;
        }
        if (s.by_call) {
            magnet_session_cancel(s.session);
        }
        return s.by_call;
    };
    for (const bool by_call : {false, true}) {
        for (int32_t last = 0; last < 8; ++last) {
            state                  s = {session.get(), last, by_call};
            magnet_generate_params g = greedy(8);
            g.on_token               = stop_at;
            g.on_token_user_data     = &s;
            const result_ptr a       = generate(session, "Once upon a time", g);
            const bool       at_end  = by_call && last == 7; // nothing was left to be cancelled
            CHECK(a->spans[0].stop == (at_end ? MAGNET_STOP_LENGTH : MAGNET_STOP_CANCELLED));
            CHECK(ids(a->spans[0]) ==
                  std::vector<int32_t>(alone.generated.begin(), alone.generated.begin() + last + 1));

            magnet_infill_params i = magnet_infill_default_params();
            i.on_token             = stop_at;
            i.on_token_user_data   = &s;
            s.last                 = std::min(last, 4);
            const result_ptr b     = infill(session, two_gaps, i);
            REQUIRE(b->n_spans == 2);
            CHECK(b->spans[0].stop == MAGNET_STOP_CANCELLED);
            CHECK(ids(b->spans[0]) == std::vector<int32_t>(filled.begin(), filled.begin() + s.last + 1));
            CHECK(b->spans[1].stop == MAGNET_STOP_CANCELLED); // never begun
            CHECK(b->spans[1].part == 3);
            CHECK(b->spans[1].n_tokens == 0);
        }
        CHECK(ask(session) == alone);
    }
}

TEST_CASE("cancel: a progress callback ends embedding and scoring after any text") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const answers     alone   = ask(make_session(model));

    struct state {
        int64_t left;
        int64_t last  = 0;
        bool    exact = true;
    };
    const magnet_progress_callback stop_at = [](const magnet_progress * progress, void * data) {
        auto & s = *static_cast<state *>(data);
        s.exact  = s.exact && progress->done == s.last + 1 && progress->total == 40;
        s.last   = progress->done;
        return --s.left > 0;
    };
    const std::vector<magnet_text>       texts = some_texts(40);
    std::vector<float>                   vectors(40 * 32);
    const magnet_part                    parts[] = {given("The train was"), filled(" late"), given(" again.")};
    const std::vector<magnet_score_item> items(40, {parts, 3});

    for (const int64_t n : {1, 2, 17, 39, 40, 41}) {
        state               s     = {n};
        magnet_embed_params embed = magnet_embed_default_params();
        embed.progress            = stop_at;
        embed.progress_user_data  = &s;
        int32_t status = magnet_embed(session.get(), texts.data(), 40, &embed, vectors.data(), 40 * 32, nullptr);
        CHECK(s.exact);
        CHECK(s.last == std::min<int64_t>(n, 40));
        n <= 40 ? check_fails(status, MAGNET_STATUS_CANCELLED, {"cancelled"}) : require_ok(status);

        s                          = {n};
        magnet_score_params params = magnet_score_default_params();
        params.progress            = stop_at;
        params.progress_user_data  = &s;
        magnet_result * r          = nullptr;
        status                     = magnet_score(session.get(), items.data(), 40, &params, &r);
        const result_ptr owner(r);
        CHECK(s.exact);
        CHECK(s.last == std::min<int64_t>(n, 40));
        n <= 40 ? check_fails(status, MAGNET_STATUS_CANCELLED, {"cancelled"}) : require_ok(status);
        CHECK((r == nullptr) == (n <= 40));
        CHECK(ask(session) == alone);
    }
}

TEST_CASE("cancel: from another thread at any moment, and the session goes on") {
    const model_ptr   model   = load_tiny();
    const session_ptr session = make_session(model);
    const answers     alone   = ask(make_session(model));

    const std::vector<magnet_text>       texts = some_texts(60);
    std::vector<float>                   vectors(60 * 32);
    const magnet_part                    parts[] = {given("The train was"), filled(" late"), given(" again.")};
    const std::vector<magnet_score_item> items(60, {parts, 3});

    const std::function<int32_t()> calls[] = {
        [&] {
            magnet_generate_params p = greedy(200);
            magnet_result *        r = nullptr;
            const int32_t          s = magnet_generate(session.get(), text("Once upon a time"), &p, &r);
            const result_ptr       owner(r);
            return s == MAGNET_STATUS_OK && r->spans[0].stop == MAGNET_STOP_CANCELLED ? MAGNET_STATUS_CANCELLED : s;
        },
        [&] {
            const magnet_part gaps[] = {given("Tom "), gap(80), given(" home"), gap(80)};
            magnet_result *   r      = nullptr;
            const int32_t     s      = magnet_infill(session.get(), gaps, 4, nullptr, &r);
            const result_ptr  owner(r);
            CHECK((s != MAGNET_STATUS_OK || r->n_spans == 2));
            return s == MAGNET_STATUS_OK && r->spans[1].stop == MAGNET_STOP_CANCELLED ? MAGNET_STATUS_CANCELLED : s;
        },
        [&] { return magnet_embed(session.get(), texts.data(), 60, nullptr, vectors.data(), 60 * 32, nullptr); },
        [&] {
            magnet_result *  r = nullptr;
            const int32_t    s = magnet_score(session.get(), items.data(), 60, nullptr, &r);
            const result_ptr owner(r);
            return s;
        },
    };
    int n_cancelled = 0;
    for (const auto & call : calls) {
        for (int i = 0; i < 12; ++i) {
            std::atomic<bool> done{false};
            std::thread       canceller([&] {
                std::this_thread::sleep_for(std::chrono::microseconds(i * i * 150));
                while (!done) { // the call may not have begun
                    magnet_session_cancel(session.get());
                    std::this_thread::yield();
                }
            });
            const int32_t     status = call();
            done                     = true;
            canceller.join();
            CHECK((status == MAGNET_STATUS_OK || status == MAGNET_STATUS_CANCELLED));
            n_cancelled += status == MAGNET_STATUS_CANCELLED;
        }
        CHECK(ask(session) == alone);
    }
    CHECK(n_cancelled > 0);
}

// A text that takes so long to read that nobody comes too late.
TEST_CASE("cancel: before the first token there is nothing to return") {
    const std::string path = scratch_path("far-sighted.gguf");
    copy_gguf(golden("tiny-llama.gguf"), path,
              [](gguf_context * meta) { gguf_set_val_u32(meta, "llama.context_length", 1 << 20); });
    const model_ptr   model  = load_model(path);
    const auto        long_text = [](size_t size) {
        std::string s;
        while (s.size() < size) {
            s += "the dog ran home and the cat sat in the tree; ";
        }
        return s;
    };
    const std::string       prompt   = long_text(100000), pass = long_text(6000); // of one pass, all of which sees all
    const magnet_part       parts[]  = {given(prompt.c_str()), gap(4), given(" again.")};
    const magnet_part       hybrids[] = {given(pass.c_str()), gap(4), given(" again.")};
    const magnet_part       scored[] = {given(pass.c_str()), filled(" late"), given(" again.")};
    const magnet_score_item item     = {scored, 3};
    const magnet_text       one      = text(prompt), two = text(pass);
    std::vector<float>      vector((size_t)info_of(model).n_embd);
    magnet_result *         r = nullptr;

    for (const int32_t engine : {MAGNET_ENGINE_FUSED, MAGNET_ENGINE_GRAPH}) {
        magnet_session_params params = session_params();
        params.engine                = engine;
        const session_ptr    session = make_session(model, params);
        magnet_infill_params hybrid = magnet_infill_default_params(), ordered = hybrid;
        hybrid.context                         = MAGNET_CONTEXT_HYBRID;
        ordered.context                        = MAGNET_CONTEXT_ORDERED;
        const std::function<int32_t()> calls[] = {
            [&] { return magnet_generate(session.get(), one, nullptr, &r); },
            [&] { return magnet_infill(session.get(), parts, 3, &ordered, &r); },
            [&] { return magnet_infill(session.get(), hybrids, 3, &hybrid, &r); },
            [&] { return magnet_embed(session.get(), &two, 1, nullptr, vector.data(), (int64_t)vector.size(), nullptr); },
            [&] { return magnet_score(session.get(), &item, 1, nullptr, &r); },
        };
        for (size_t i = 0; i < std::size(calls); ++i) {
            INFO("engine ", engine, ", call ", i);
            std::atomic<bool> done{false};
            std::thread       canceller([&] {
                while (!done) { // the call may not have begun
                    magnet_session_cancel(session.get());
                    std::this_thread::yield();
                }
            });
            const int32_t     status = calls[i]();
            done                     = true;
            canceller.join();
            check_fails(status, MAGNET_STATUS_CANCELLED, {"cancelled"});
            CHECK(r == nullptr);
            magnet_result_free(r);
            r = nullptr;
        }
        CHECK(generate(session, "abc", greedy(3))->spans[0].stop == MAGNET_STOP_LENGTH); // the next call is not touched
    }
}

TEST_CASE("log: a model whose file names a pooling embeds without a warning") {
    const std::string path = scratch_path("pooling.gguf");
    copy_gguf(golden("tiny-gpt2.gguf"), path,
              [](gguf_context * meta) { gguf_set_val_u32(meta, "gpt2.pooling_type", 3); }); // the last token
    std::vector<std::string> warnings;
    magnet_log_set(
        [](int32_t level, const char * message, void * data) {
            if (level >= MAGNET_LOG_WARN) {
                static_cast<std::vector<std::string> *>(data)->push_back(message);
            }
        },
        &warnings);
    const model_ptr   model   = load_model(path);
    const session_ptr session = make_session(model);
    const int32_t     n_embd  = info_of(model).n_embd;
    const auto        embed   = [&](const session_ptr & s) {
        const magnet_text  t = text("ab");
        std::vector<float> out(n_embd);
        require_ok(magnet_embed(s.get(), &t, 1, nullptr, out.data(), n_embd, nullptr));
        return out;
    };
    const std::vector<float> vector = embed(session);
    magnet_log_set(nullptr, nullptr);
    CHECK(warnings == std::vector<std::string>());
    CHECK(vector == embed(make_session(load_tiny("gpt2")))); // and with MAGNET's own pooling
}

TEST_CASE("log: lines with levels, one at a time, until it is taken away") {
    struct state {
        std::atomic<int>  inside{0};
        std::atomic<bool> overlapped{false};
        std::atomic<bool> gone{false};
        std::atomic<bool> called_when_gone{false};
        std::atomic<int>  lines{0}, bad_lines{0};
    } s;
    magnet_log_set(
        [](int32_t level, const char * message, void * data) {
            auto & s = *static_cast<state *>(data);
            if (s.inside++ > 0) {
                s.overlapped = true;
            }
            const bool good = level >= MAGNET_LOG_DEBUG && level <= MAGNET_LOG_ERROR && message &&
                              std::string(message).find('\n') == std::string::npos;
            s.bad_lines += !good;
            s.called_when_gone = s.called_when_gone || s.gone;
            ++s.lines;
            --s.inside;
        },
        &s);
    auto first  = std::async(std::launch::async, [] { return load_tiny(); });
    auto second = std::async(std::launch::async, [] { return load_tiny("gpt2"); });
    first.get();
    second.get();
    CHECK(s.lines > 10);
    CHECK(s.bad_lines == 0);
    CHECK(!s.overlapped);

    // taken away while another thread logs
    auto third = std::async(std::launch::async, [] { return load_tiny(); });
    magnet_log_set(nullptr, nullptr);
    s.gone = true;
    third.get();
    load_tiny();
    CHECK(!s.called_when_gone);
}
