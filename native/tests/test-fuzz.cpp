// Calls with arguments drawn at random, good and bad: each returns a status, leaves a message where it failed, and the
// session works on. Run it under the sanitizers.
#include "api.h"
#include "gguf_file.h"
#include "reference_model.h"

#include <cmath>
#include <limits>
#include <random>

using namespace magnet::testing;

namespace {

class dice {
public:
    explicit dice(uint32_t seed) : random_(seed) {}

    int  below(int n) { return (int)(random_() % (uint32_t)n); }
    bool one_in(int n) { return below(n) == 0; }

    // Mostly small numbers, sometimes the edges of int32.
    int32_t integer(int32_t low, int32_t high) {
        static const int32_t edges[] = {INT32_MIN, INT32_MAX, INT32_MAX - 1, -1, 0, 1, 65536};
        return one_in(12) ? edges[below(7)] : low + below(high - low + 1);
    }

    float real(float low, float high) {
        static const float edges[] = {std::numeric_limits<float>::quiet_NaN(),
                                      std::numeric_limits<float>::infinity(),
                                      -std::numeric_limits<float>::infinity(),
                                      std::numeric_limits<float>::max(),
                                      std::numeric_limits<float>::denorm_min(),
                                      -1.0f,
                                      0.0f};
        return one_in(12) ? edges[below(7)] : low + (high - low) * (float)below(1001) / 1000.0f;
    }

    // Kept until the next round.
    const char * string() {
        static const char * const pieces[] = {"the ", "a",    "\xF0\x9F\x98\x80", "\xC3\xA9", "<s>", "\n",
                                              "\x01", "zebra"};
        std::string               s;
        for (int n = below(6); n > 0; --n) {
            s += pieces[below(8)];
        }
        if (one_in(25)) {
            s += "\xFF\x80";
        }
        if (one_in(40)) {
            s.assign(700, 'y');
        }
        strings_.push_back(std::make_unique<std::string>(s));
        return strings_.back()->c_str();
    }

    magnet_text text() {
        if (one_in(20)) {
            return {nullptr, integer(-1, 1)};
        }
        const char *  s    = string();
        const int32_t size = (int32_t)strings_.back()->size();
        return {s, one_in(20) ? -2 - below(5) : one_in(2) ? -1 : size > 0 ? below(size + 1) : 0};
    }

    std::vector<magnet_part> parts() {
        std::vector<magnet_part> list(below(6));
        for (magnet_part & p : list) {
            p = {one_in(25) ? integer(-3, 3) : below(2), {}, 0, 0, one_in(4)};
            if (p.type == MAGNET_PART_TEXT || one_in(3)) {
                p.text = text();
            }
            if (one_in(2)) {
                p.length = integer(-1, 12);
            }
            if (one_in(2)) {
                p.max_length = integer(-1, 12);
            }
        }
        return list;
    }

    magnet_sampling_params sampling() {
        magnet_sampling_params p = magnet_infill_default_params().sampling;
        if (one_in(2)) {
            p.temperature = real(0.0f, 2.0f);
            p.seed        = one_in(3) ? (int64_t)integer(-1, 100) * integer(1, 3) : below(1000);
        }
        if (one_in(4)) {
            p.top_p = real(0.1f, 1.0f);
            p.min_p = real(0.0f, 0.5f);
            p.top_k = integer(0, 50);
        }
        if (one_in(4)) {
            p.repeat_penalty    = real(0.5f, 2.0f);
            p.frequency_penalty = real(-1.0f, 1.0f);
            p.presence_penalty  = real(-1.0f, 1.0f);
            p.penalty_last_n    = integer(-1, 100);
        }
        if (one_in(5)) {
            static const char * const grammars[] = {"root ::= [a-c]+",
                                                    "root ::= \"the\" | \"\"",
                                                    "root ::= [^x]{2,4}",
                                                    "root ::=",
                                                    "x ::= \"a\"",
                                                    "root ::= root",
                                                    "\xFF",
                                                    "root ::= (([a]*)*)*"};
            p.grammar                            = grammars[below(8)];
            p.grammar_root                       = one_in(6) ? string() : nullptr;
        }
        if (one_in(4)) {
            for (magnet_logit_bias & b : bias_) {
                b = {one_in(30) ? integer(-5, 300) : below(264),
                     one_in(3) ? -std::numeric_limits<float>::infinity() : real(-9, 9)};
            }
            p.logit_bias   = bias_;
            p.n_logit_bias = one_in(30) ? -below(3) : below(9);
        }
        return p;
    }

    void forget() { strings_.clear(); }

private:
    std::mt19937                              random_;
    std::vector<std::unique_ptr<std::string>> strings_;
    magnet_logit_bias                         bias_[8] = {};
};

void check_status(int32_t status) {
    CHECK((status <= MAGNET_STATUS_OK && magnet_status_name(status) != std::string("UNKNOWN")));
    CHECK(status != MAGNET_STATUS_INTERNAL);
    CHECK((status == MAGNET_STATUS_OK) == std::string(magnet_last_error()).empty());
}

} // namespace

TEST_CASE("random calls return a status") {
    dice                  random(20260101);
    const std::string     path  = scratch_path("fuzz-adapter.gguf");
    const model_ptr       model = load_tiny();
    const reference_model shapes(golden("tiny-llama.gguf"));
    write_adapter(path, "llama", random_lora(shapes.targets(), 2, 1.0f, 1), 2.0f);
    const adapter_ptr adapter = load_adapter(model, path);

    session_ptr           session = make_session(model);
    std::vector<float>    vectors(8 * 32);
    std::vector<int32_t>  tokens(16), counts(8);
    std::vector<char>     bytes(64);
    magnet_token_callback on_token = [](const magnet_token_event * event, void * data) {
        return event->text_size >= 0 && !static_cast<dice *>(data)->one_in(30);
    };
    magnet_progress_callback on_progress = [](const magnet_progress *, void * data) {
        return !static_cast<dice *>(data)->one_in(30);
    };

    for (int i = 0; i < 4000; ++i) {
        INFO("call ", i, ": ", magnet_last_error());
        random.forget();
        int32_t         n      = 0;
        magnet_result * result = nullptr;
        for (int32_t & token : tokens) {
            token = random.one_in(40) ? random.integer(-5, 300) : random.below(264);
        }
        const int32_t capacity = random.one_in(3) ? 0 : random.integer(0, 16) % 17;

        switch (random.below(15)) {
            case 0:
                check_status(magnet_tokenize(model.get(), random.text(), random.one_in(2), random.one_in(2),
                                             capacity > 0 ? tokens.data() : nullptr, capacity, &n));
                break;
            case 1:
                check_status(magnet_detokenize(model.get(), tokens.data(), random.integer(0, 16) % 17, random.one_in(2),
                                               bytes.data(), random.below(65), &n));
                break;
            case 2:
                check_status(magnet_token_bytes(model.get(), tokens[0], bytes.data(), random.below(5), &n));
                break;
            case 3:
                check_status(
                    magnet_model_meta_value(model.get(), random.integer(0, 40), bytes.data(), random.below(65), &n));
                break;
            case 4: {
                const magnet_message message = {random.one_in(9) ? nullptr : random.string(), random.text(), random.one_in(4) ? random.string() : nullptr, random.one_in(4) ? random.string() : nullptr};
                check_status(magnet_chat_prompt(model.get(), &message, random.below(2), nullptr, random.one_in(2), bytes.data(),
                                                random.below(65), &n));
                break;
            }
            case 5: {
                const auto parts = random.parts();
                check_status(magnet_layout(model.get(), parts.data(), (int32_t)parts.size(), random.integer(0, 3),
                                           nullptr, 0, &n));
                break;
            }
            case 6: {
                magnet_adapter * list[]   = {adapter.get(), adapter.get()};
                const float      scales[] = {random.real(-1, 1), random.real(-1, 1)};
                check_status(magnet_session_set_adapters(session.get(), list, random.one_in(2) ? scales : nullptr,
                                                         random.integer(0, 2) % 3));
                break;
            }
            case 7:
            case 8: {
                magnet_text texts[8];
                for (magnet_text & t : texts) {
                    t = random.text();
                }
                const int32_t       n_texts = random.integer(0, 8) % 9;
                magnet_embed_params p       = magnet_embed_default_params();
                p.instruction               = random.one_in(3) ? random.string() : nullptr;
                p.pooling                   = random.integer(0, 3);
                p.attention                 = random.integer(0, 2);
                p.truncate                  = random.integer(0, 2);
                p.max_tokens                = random.one_in(2) ? 0 : random.integer(1, 40);
                p.normalize                 = random.one_in(2);
                p.append_eos                = random.one_in(2);
                p.progress                  = random.one_in(2) ? on_progress : nullptr;
                p.progress_user_data        = &random;
                if (random.one_in(2)) {
                    check_status(magnet_embed(session.get(), texts, n_texts, random.one_in(5) ? nullptr : &p,
                                              vectors.data(), random.one_in(6) ? random.integer(0, 256) % 257 : 256,
                                              counts.data()));
                } else if (random.one_in(2)) {
                    check_status(magnet_embed_tokens(session.get(), texts[0], &p, vectors.data(), counts.data(),
                                                     random.below(9), &n));
                } else {
                    check_status(magnet_embed_token_ids(session.get(), tokens.data(), random.integer(0, 16) % 17, &p,
                                                        vectors.data(), random.one_in(9) ? 31 : 256));
                }
                break;
            }
            case 9:
            case 10: {
                const auto           parts = random.parts();
                magnet_infill_params p     = magnet_infill_default_params();
                p.sampling                 = random.sampling();
                p.context                  = random.integer(0, 3);
                p.max_tokens               = random.integer(1, 20);
                p.top                    = random.one_in(2) ? 0 : random.integer(0, 100);
                p.on_token                 = random.one_in(2) ? on_token : nullptr;
                p.on_token_user_data       = &random;
                check_status(magnet_infill(session.get(), parts.data(), (int32_t)parts.size(),
                                           random.one_in(6) ? nullptr : &p, &result));
                break;
            }
            case 11: {
                const std::vector<magnet_part> parts[] = {random.parts(), random.parts()};
                const magnet_score_item        items[] = {{parts[0].data(), (int32_t)parts[0].size()},
                                                          {parts[1].data(), (int32_t)parts[1].size()}};
                magnet_score_params            p       = magnet_score_default_params();
                p.context                              = random.integer(0, 3);
                p.top                                = random.one_in(2) ? 0 : random.integer(0, 100);
                p.progress                             = random.one_in(2) ? on_progress : nullptr;
                p.progress_user_data                   = &random;
                check_status(magnet_score(session.get(), items, random.below(3), &p, &result));
                break;
            }
            case 12:
            case 13: {
                const char * const     stop[] = {random.string(), random.string()};
                magnet_generate_params p      = magnet_generate_default_params();
                p.sampling                    = random.sampling();
                p.stop                        = stop;
                p.n_stop                      = random.one_in(2) ? 0 : random.integer(0, 2) % 3;
                p.max_tokens                  = random.integer(-1, 20);
                p.top                       = random.one_in(2) ? 0 : random.integer(0, 100);
                p.add_special                 = random.one_in(2);
                p.parse_special               = random.one_in(2);
                p.ignore_eos                  = random.one_in(2);
                p.on_token                    = random.one_in(2) ? on_token : nullptr;
                p.on_token_user_data          = &random;
                check_status(magnet_generate(session.get(), random.text(), &p, &result));
                break;
            }
            default: {
                magnet_session_params p = session_params();
                p.n_ctx                 = random.integer(0, 256);
                p.batch                 = random.integer(32, 4096);
                p.flash_attention       = random.integer(-1, 1);
                p.engine                = random.integer(0, 2);
                magnet_session * s      = nullptr;
                check_status(magnet_session_create(model.get(), &p, &s));
                if (s) {
                    session.reset(s);
                }
            }
        }
        magnet_result_free(result);
    }
    require_ok(magnet_session_set_adapters(session.get(), nullptr, nullptr, 0));
    CHECK(ids(generate(session, "abc", greedy(2))->spans[0]) ==
          ids(generate(make_session(model), "abc", greedy(2))->spans[0]));
}
