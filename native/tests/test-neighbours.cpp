// A text is computed alike whatever stands beside it: alone, among few and many, in any order.
#include "api.h"
#include "api_reference.h"

#include <cmath>
#include <cstring>
#include <numeric>

using namespace magnet::testing;

namespace {

// More tokens than any pass or tile holds, of lengths from nothing on.
std::vector<std::string> many_texts() {
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) {
        std::string s;
        for (int k = 0; k < i * 7 % 41; ++k) {
            s += char('A' + (i * 5 + k * k + k * 3) % 26);
        }
        texts.push_back(s);
    }
    return texts;
}

// Every way to compute that the model has: an engine, and flash attention where it is the graph's.
std::vector<magnet_session_params> ways(const model_ptr & model) {
    std::vector<magnet_session_params> all;
    for (const int32_t engine : {MAGNET_ENGINE_FUSED, MAGNET_ENGINE_GRAPH}) {
        for (const int32_t flash : {MAGNET_FLASH_ATTENTION_AUTO, MAGNET_FLASH_ATTENTION_OFF, MAGNET_FLASH_ATTENTION_ON}) {
            if (engine == MAGNET_ENGINE_FUSED && (!info_of(model).fused_engine || flash != MAGNET_FLASH_ATTENTION_AUTO)) {
                continue;
            }
            magnet_session_params p = session_params();
            p.engine                = engine;
            p.flash_attention       = flash;
            all.push_back(p);
        }
    }
    return all;
}

std::vector<float> embed(const session_ptr & session, const std::vector<magnet_text> & texts, int32_t width) {
    std::vector<float> out(texts.size() * (size_t)width);
    require_ok(
        magnet_embed(session.get(), texts.data(), (int32_t)texts.size(), nullptr, out.data(), (int64_t)out.size(), nullptr));
    return out;
}

// On a GPU rows share passes.
bool same(const float * a, const float * b, size_t n) {
    if (gpu_layers() == 0) {
        return std::memcmp(a, b, n * sizeof(float)) == 0;
    }
    return std::equal(a, a + n, b, [](float x, float y) { return std::fabs(x - y) < 1e-2f; });
}

} // namespace

TEST_CASE("neighbours: a text has one vector, alone and among any others, in any order") {
    const std::vector<std::string> texts = many_texts();
    for (const char * architecture : architectures) {
        const model_ptr model = load_model(architecture_path(architecture));
        const int32_t   width = info_of(model).n_embd;
        for (const magnet_session_params & way : ways(model)) {
            INFO(architecture, ", engine ", way.engine, ", flash attention ", way.flash_attention);
            const session_ptr  session = make_session(model, way);
            std::vector<float> alone;
            for (const std::string & s : texts) {
                const std::vector<float> one = embed(session, {text(s)}, width);
                alone.insert(alone.end(), one.begin(), one.end());
            }
            for (const size_t together : {2, 8, 64, 200}) {
                size_t n_same = 0;
                for (size_t first = 0; first < texts.size(); first += together) {
                    std::vector<magnet_text> group;
                    std::vector<size_t>      index; // strides that reach every text of the group once
                    for (size_t i = 0; i < std::min(together, texts.size() - first); ++i) {
                        index.push_back(first + i * 37 % std::min(together, texts.size() - first));
                        group.push_back(text(texts[index.back()]));
                    }
                    const std::vector<float> vectors = embed(session, group, width);
                    for (size_t i = 0; i < group.size(); ++i) {
                        n_same += same(&vectors[i * width], &alone[index[i] * width], (size_t)width);
                    }
                }
                INFO("groups of ", together);
                CHECK(n_same == texts.size());
            }
        }
    }
}

TEST_CASE("neighbours: an item has one score, alone and among any others") {
    const std::vector<std::string>        texts = many_texts();
    std::vector<std::vector<magnet_part>> parts;
    for (size_t i = 1; i < 60; ++i) {
        parts.push_back({given("ONCE "), filled(texts[i].c_str()), given(texts[i + 1].c_str())});
    }
    for (const char * architecture : architectures) {
        const model_ptr model = load_model(architecture_path(architecture));
        for (const magnet_session_params & way : ways(model)) {
            const session_ptr session = make_session(model, way);
            for (const int32_t context : {MAGNET_CONTEXT_HYBRID, MAGNET_CONTEXT_ORDERED}) {
                INFO(architecture, ", engine ", way.engine, ", flash attention ", way.flash_attention, ", context ", context);
                magnet_score_params p = magnet_score_default_params();
                p.context             = context;
                std::vector<magnet_score_item> items;
                for (const auto & item : parts) {
                    items.push_back({item.data(), (int32_t)item.size()});
                }
                magnet_result * all = nullptr;
                require_ok(magnet_score(session.get(), items.data(), (int32_t)items.size(), &p, &all));
                const result_ptr owned(all);
                REQUIRE(all->n_spans == (int32_t)items.size());
                for (size_t i = 0; i < items.size(); ++i) {
                    const result_ptr one = score(session, parts[i], p);
                    if (gpu_layers() == 0) {
                        CHECK(one->spans[0].logprob == all->spans[i].logprob);
                    } else {
                        CHECK(std::fabs(one->spans[0].logprob - all->spans[i].logprob) < 0.1);
                    }
                }
            }
        }
    }
}
