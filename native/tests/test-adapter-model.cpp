// What the adapter in adapters/ is for, on the default model (MAGNET_MODEL): texts of the tests, which it was not trained on.
#include "eval_api.h"

using namespace magnet::testing;

namespace {

std::string test_data(const std::string & name) {
    return golden("../data/" + name);
}

std::string shipped_adapter() {
    return golden("../../../adapters/SmolLM2-135M-Instruct.magnet.gguf");
}

struct default_model {
    test_folder folder;
    model_ptr   model;
    session_ptr bare, adapted;
    adapter_ptr adapter;

    default_model() {
        const char * path = std::getenv("MAGNET_MODEL");
        REQUIRE_MESSAGE(path, "MAGNET_MODEL is not set; scripts/fetch-model.sh prints the path");
        model                    = load_model(path);
        adapter                  = load_adapter(model, shipped_adapter());
        bare                     = make_session(model);
        adapted                  = make_session(model);
        magnet_adapter * const a = adapter.get();
        require_ok(magnet_session_set_adapters(adapted.get(), &a, nullptr, 1));
    }
};

// Stories of the tests, a sentence a column.
std::string stories_as_tsv() {
    std::string text = content_of(test_data("stories.txt")) + content_of(test_data("stories-heldout.txt"));
    std::string tsv;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool inside = text[i] == '.' && i + 1 < text.size() && text[i + 1] == ' ';
        if (text[i] != '\n' || (!tsv.empty() && tsv.back() != '\n')) {
            tsv += text[i];
        }
        if (inside) {
            tsv += '\t';
            ++i;
        }
    }
    return tsv;
}

} // namespace

TEST_CASE("the shipped adapter: sentences that mean the same come close") {
    const default_model work;
    const std::string   file = test_data("similarity.tsv");
    magnet_eval_params  p    = params_of(MAGNET_EVAL_STS, file);
    const auto          base = evaluate(work.bare, p);
    const auto          ours = evaluate(work.adapted, p); // pooling, attention and instruction are the adapter's own
    const double before = figure(base, "spearman.bidirectional.mean").value;
    const double after  = figure(ours, "spearman.bidirectional.last").value;
    MESSAGE("Spearman x100: ", before, " without, ", after, " with it");
    CHECK(after > 80);
    CHECK(after > before + 10);
}

TEST_CASE("the shipped adapter: the text to the right helps to fill a gap") {
    const default_model work;
    const std::string   file = work.folder.write("stories.tsv", stories_as_tsv());
    const auto          p    = params_of(MAGNET_EVAL_INFILL, file);
    const auto          base = evaluate(work.bare, p);
    const auto          ours = evaluate(work.adapted, p);
    const double        left = figure(ours, "perplexity.left").value;
    for (const char * mask : {"perplexity.hybrid", "perplexity.ordered"}) {
        const std::string name = mask;
        MESSAGE(name, ": ", figure(base, mask).value, " without, ", figure(ours, mask).value, " with it");
        CHECK(figure(ours, mask).value < 0.85 * figure(base, mask).value);
    }
    CHECK(figure(ours, "perplexity.ordered").value < 0.95 * left);
    CHECK(figure(ours, "perplexity.ordered").value < 0.95 * figure(base, "perplexity.left").value);
}

TEST_CASE("the shipped adapter: the model still generates") {
    const default_model work;
    const std::string   file = test_data("stories-heldout.txt");
    const auto          p    = params_of(MAGNET_EVAL_PERPLEXITY, file);
    // Two pages of prose are few and unlike its training text: a bound for a model that forgot, no measurement.
    CHECK(figure(evaluate(work.adapted, p), "perplexity").value <
          1.5 * figure(evaluate(work.bare, p), "perplexity").value);

    const auto counted = generate(work.adapted, "1, 2, 3, 4, 5,", greedy(6));
    CHECK(std::string(counted->spans[0].text).substr(0, 5) == " 6, 7");
}
