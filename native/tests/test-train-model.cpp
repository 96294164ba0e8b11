// Training the default model through magnet.h, on short stories. MAGNET_MODEL names the GGUF file.
#include "magnet.h"
#include "test_files.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <vector>

using namespace magnet::testing;

namespace {

std::string model_path() {
    const char * path = std::getenv("MAGNET_MODEL");
    REQUIRE_MESSAGE(path, "MAGNET_MODEL is not set; scripts/fetch-model.sh prints the path");
    return path;
}

std::string data_path(const std::string & name) {
    const char * data = std::getenv("MAGNET_TEST_DATA");
    REQUIRE_MESSAGE(data, "MAGNET_TEST_DATA is not set; run the tests with ctest");
    return std::string(data) + "/data/" + name;
}

void ok(int32_t status) {
    REQUIRE_MESSAGE(status == MAGNET_STATUS_OK, magnet_last_error());
}

// Model, adapter (none if "") and session.
struct opened {
    magnet_model *   model   = nullptr;
    magnet_adapter * adapter = nullptr;
    magnet_session * session = nullptr;

    explicit opened(const std::string & adapter_path) {
        ok(magnet_model_load(model_path().c_str(), nullptr, &model));
        ok(magnet_session_create(model, nullptr, &session));
        if (!adapter_path.empty()) {
            ok(magnet_adapter_load(model, adapter_path.c_str(), &adapter));
            ok(magnet_session_set_adapters(session, &adapter, nullptr, 1));
        }
    }
    ~opened() {
        magnet_session_free(session);
        magnet_adapter_free(adapter);
        magnet_model_free(model);
    }

    int32_t n_tokens(const std::string & text) const {
        int32_t n = 0;
        ok(magnet_tokenize(model, {text.data(), int32_t(text.size())}, false, false, nullptr, 0, &n));
        return n;
    }
};

// Sentences of each story, each but the first with the space before it.
std::vector<std::vector<std::string>> read_stories(const std::string & path) {
    std::vector<std::vector<std::string>> stories;
    std::ifstream                         file(path);
    for (std::string line; std::getline(file, line);) {
        if (line.empty()) {
            continue;
        }
        stories.emplace_back();
        for (size_t begin = 0; begin < line.size();) {
            const size_t dot = line.find('.', begin);
            stories.back().push_back(line.substr(begin, dot + 1 - begin));
            begin = dot + 1;
        }
    }
    return stories;
}

// Text, gap, text; sentence `hidden` is the gap.
struct a_template {
    std::string left, gap, right;
    magnet_part parts[3];

    a_template(const std::vector<std::string> & story, size_t hidden) {
        for (size_t i = 0; i < story.size(); ++i) {
            (i < hidden ? left : i == hidden ? gap : right) += story[i];
        }
        parts[0] = {MAGNET_PART_TEXT, {left.data(), int32_t(left.size())}, 0, 0, false};
        parts[1] = {MAGNET_PART_GAP, {nullptr, 0}, 0, 0, false};
        parts[2] = {MAGNET_PART_TEXT, {right.data(), int32_t(right.size())}, 0, 0, false};
    }
};

double heldout_logprob(const opened & with, int32_t context) {
    double sum = 0;
    for (const auto & story : read_stories(data_path("stories-heldout.txt"))) {
        a_template t(story, 2);
        t.parts[1].text              = {t.gap.data(), int32_t(t.gap.size())};
        const magnet_score_item item = {t.parts, 3};
        magnet_score_params     how  = magnet_score_default_params();
        how.context                  = context;
        magnet_result * result       = nullptr;
        ok(magnet_score(with.session, &item, 1, &how, &result));
        sum += result->spans[0].logprob;
        magnet_result_free(result);
    }
    return sum;
}

} // namespace

TEST_CASE("a short training lowers the loss of stories that it has not seen") {
    const test_folder   folder;
    const std::string   model = model_path(), text = data_path("stories.txt"), held = data_path("stories-heldout.txt");
    const std::string   out = folder / "a.gguf", metrics = folder / "a.jsonl";
    const char *        texts[] = {text.c_str()}, *helds[] = {held.c_str()};
    magnet_train_stage  stage   = {24, 1, 1, 1};
    magnet_train_params p       = magnet_train_default_params();
    p.files.model                     = model.c_str();
    p.files.output                    = out.c_str();
    p.files.metrics                   = metrics.c_str();
    p.files.texts                     = texts;
    p.files.n_texts                   = 1;
    p.files.heldout_texts             = helds;
    p.files.n_heldout_texts           = 1;
    p.stages                    = &stage;
    p.rows.batch                      = 6;
    p.rows.length                = 80;
    p.contrast.batch           = 6;
    p.heldout.every                = 12;
    magnet_train_result result  = {};
    ok(magnet_train(&p, &result));
    CHECK(result.step == 24);
    CHECK(result.best_step > 0);

    std::vector<nlohmann::json> looks;
    std::istringstream          lines(content_of(metrics));
    for (std::string line; std::getline(lines, line);) {
        const nlohmann::json record = nlohmann::json::parse(line);
        if (record.contains("heldout")) {
            looks.push_back(record["heldout"]);
        }
    }
    REQUIRE(looks.size() == 3); // before, half way, at the end
    MESSAGE("held-out MSG, hybrid: " << looks[0]["msg_hybrid"] << " -> " << looks[2]["msg_hybrid"]
                                     << ", ordered: " << looks[0]["msg_ordered"] << " -> " << looks[2]["msg_ordered"]);
    CHECK(double(looks[2]["msg_hybrid"]) < double(looks[0]["msg_hybrid"]) - 0.3);
    CHECK(double(looks[2]["msg_ordered"]) < double(looks[0]["msg_ordered"]));

    // and so says inference: the adapter file, its recipe, and llama.cpp's graph
    const opened before(""), after(out);
    CHECK(heldout_logprob(after, MAGNET_CONTEXT_HYBRID) > heldout_logprob(before, MAGNET_CONTEXT_HYBRID) + 10);
    magnet_adapter_info info = {};
    ok(magnet_adapter_get_info(after.adapter, &info));
    CHECK(info.recipe_version == 1);
    CHECK(info.rank == 16);
    CHECK(info.n_matrices == 7 * 30);
    CHECK(std::string(info.instruction) == p.contrast.instruction);
    CHECK(info.token_end >= 0);
}

TEST_CASE("sixteen stories are learned by heart: every sentence is filled back exactly, in a gap of its length and in an open one") {
    const test_folder   folder;
    const std::string   model = model_path(), text = data_path("stories.txt"), out = folder / "a.gguf";
    const char *        texts[] = {text.c_str()};
    magnet_train_stage  stage   = {100, 0, 0, 1};
    magnet_train_params p       = magnet_train_default_params();
    p.files.model                     = model.c_str();
    p.files.output                    = out.c_str();
    p.files.texts                     = texts;
    p.files.n_texts                   = 1;
    p.heldout.rows              = 0;
    p.stages                    = &stage;
    p.rows.batch                      = 16;
    p.rows.share_hybrid              = 0;
    p.rows.share_causal              = 0;
    p.rows.sentence_share            = 1;
    p.rows.max_spans                 = 1;
    p.rows.open_room                 = 32;
    p.optimizer.learning_rate             = 2e-3f;
    p.on_step = [](const magnet_train_progress * progress, void *) {
        if (progress->step % 20 == 0) {
            MESSAGE("step " << progress->step << " msg " << progress->msg << ", " << progress->tokens_per_second << " tokens/s");
        }
        return true;
    };
    ok(magnet_train(&p, nullptr));

    const opened with(out);
    for (const bool open : {false, true}) {
        CAPTURE(open);
        int32_t n = 0;
        for (const auto & story : read_stories(text)) {
            REQUIRE(story.size() == 5);
            for (size_t hidden = 0; hidden < story.size(); ++hidden) {
                a_template    t(story, hidden);
                const int32_t length  = with.n_tokens(t.gap);
                t.parts[1].length     = open ? 0 : length;
                t.parts[1].max_length = 32;
                magnet_infill_params how    = magnet_infill_default_params();
                how.context                 = MAGNET_CONTEXT_ORDERED;
                magnet_result *      result = nullptr;
                ok(magnet_infill(with.session, t.parts, 3, &how, &result));
                const std::string filled = result->spans[0].text;
                CHECK(filled == t.gap);
                CHECK(result->spans[0].stop == (open ? MAGNET_STOP_END : MAGNET_STOP_LENGTH));
                n += filled == t.gap;
                magnet_result_free(result);
            }
        }
        MESSAGE((open ? "open gaps: " : "gaps of known length: ") << n << " of 80 exact");
    }
}
