// What the figures of an evaluation are made of, against SciPy, scikit-learn, Python and hand-worked examples.
#include "eval/bm25.h"
#include "eval/bootstrap.h"
#include "eval/conll.h"
#include "eval/edit-similarity.h"
#include "eval/journal.h"
#include "eval/python-random.h"
#include "eval/ranking.h"
#include "eval/repetition.h"
#include "eval/softmax-regression.h"
#include "eval/statistics.h"
#include "golden.h"
#include "test_files.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace magnet;
using namespace magnet::eval;
using namespace magnet::testing;
using doctest::Approx;

static const nlohmann::json & golden() {
    static const nlohmann::json all = read_golden("eval.json");
    return all;
}

TEST_CASE("ranks: equal values share the mean of theirs") {
    CHECK(average_ranks({10, 30, 20, 30, 30, 5}) == std::vector<double>{2, 5, 3, 5, 5, 1});
    CHECK(average_ranks({7, 7}) == std::vector<double>{1.5, 1.5});
    CHECK(average_ranks({}).empty());
}

TEST_CASE("the bootstrap's interval of a mean is near the normal one, and the same in every run") {
    std::mt19937        random(3);
    std::vector<double> values(400), ones(400, 1.0);
    for (double & v : values) {
        v = (double)(random() % 1000) / 1000.0;
    }
    double mean = 0.0, variance = 0.0;
    for (const double v : values) {
        mean += v / 400.0;
    }
    for (const double v : values) {
        variance += (v - mean) * (v - mean) / 399.0;
    }
    const statistic figure = ratio(values, ones);
    CHECK(of_all(400, figure) == Approx(mean));
    const interval found = bootstrap(400, 2000, figure), again = bootstrap(400, 2000, figure);
    const double   half  = 1.96 * std::sqrt(variance / 400.0);
    CHECK(found.low == Approx(mean - half).epsilon(0.15 * half / mean));
    CHECK(found.high == Approx(mean + half).epsilon(0.15 * half / mean));
    CHECK(found.low == again.low);
    CHECK(found.high == again.high);
    CHECK(std::isnan(bootstrap(400, 0, figure).low));
    CHECK(std::isnan(bootstrap(1, 1000, figure).low)); // one item says nothing of others
    CHECK(bootstrap(3, 100, [](const std::vector<size_t> &) { return 7.0; }).high == 7.0);
    CHECK(std::isnan(bootstrap(3, 100, [](const std::vector<size_t> &) { return std::nan(""); }).high));
}

TEST_CASE("a ratio of sums leaves out what is no number, and has its shape") {
    const statistic figure = ratio({1.0, std::nan(""), 3.0}, {2.0, 100.0, 4.0}, [](double x) { return -x; });
    CHECK(of_all(3, figure) == Approx(-4.0 / 6.0));
    CHECK(figure({2, 2, 0}) == Approx(-7.0 / 10.0)); // an item as often as it is named
}

TEST_CASE("BM25 by its formula") {
    const std::vector<std::string> documents = {"The cat sat.", "the dog: the DOG's dog", "a bird", "caf\xc3\xa9 cat_2 cat"};
    const std::vector<std::vector<std::string>> words = {
        {"the", "cat", "sat"}, {"the", "dog", "the", "dog", "s", "dog"}, {"a", "bird"}, {"caf\xc3\xa9", "cat", "2", "cat"}};
    for (size_t d = 0; d < documents.size(); ++d) {
        CHECK(words_of(documents[d]) == words[d]);
    }
    const std::vector<std::string> query = {"cat", "the", "the", "unknown"};
    const std::vector<double>      found = bm25(documents).scores("Cat the THE unknown?");
    for (size_t d = 0; d < documents.size(); ++d) {
        double expected = 0.0;
        for (const std::string & word : query) {
            double n = 0.0, f = 0.0;
            for (const auto & other : words) {
                n += std::count(other.begin(), other.end(), word) > 0;
            }
            f                = (double)std::count(words[d].begin(), words[d].end(), word);
            const double len = (double)words[d].size() / (15.0 / 4.0);
            expected += std::log(1.0 + (4.0 - n + 0.5) / (n + 0.5)) * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * len));
        }
        CHECK(found[d] == Approx(expected));
    }
    CHECK(found[0] > found[3]);
    CHECK(found[2] == 0.0);
}

TEST_CASE("fusion stretches both sides before it adds them") {
    const std::vector<double> joined = fused({10, 20, 15}, {0.5, 0.1, 0.3}, 0.25);
    CHECK(joined[0] == Approx(0.25));
    CHECK(joined[1] == Approx(0.75));
    CHECK(joined[2] == Approx(0.75 * 0.5 + 0.25 * 0.5));
    CHECK(fused({3, 3}, {1, 2}, 0.5) == std::vector<double>{0.0, 0.5}); // nothing to stretch
}

TEST_CASE("reciprocal rank") {
    CHECK(reciprocal_rank({0, -1, 2, 1}) == Approx(1.0 / 3.0));
    CHECK(reciprocal_rank({1}) == 1.0);
    CHECK(reciprocal_rank({0, 0}) == 0.0);
}

TEST_CASE("Spearman by hand") {
    CHECK(spearman({1, 2, 3}, {10, 100, 1000}) == Approx(1.0));
    CHECK(spearman({1, 2, 3}, {5, 4, -3}) == Approx(-1.0));
    // ranks 1 2 3 4 and 1.5 1.5 3 4: covariance 4.5, variances 5 and 4.5
    CHECK(spearman({1, 2, 3, 4}, {0, 0, 1, 2}) == Approx(4.5 / std::sqrt(5.0 * 4.5)));
    CHECK(std::isnan(spearman({1, 2, 3}, {4, 4, 4})));
    CHECK(std::isnan(spearman({1}, {2})));
}

TEST_CASE("Spearman as SciPy has it, with ties") {
    for (const nlohmann::json & c : golden().at("correlations")) {
        CHECK(spearman(c.at("a").get<std::vector<double>>(), c.at("b").get<std::vector<double>>()) ==
              Approx(c.at("rho").get<double>()).epsilon(1e-12));
    }
}

TEST_CASE("randint draws what Python's random.Random draws") {
    for (const nlohmann::json & c : golden().at("draws")) {
        python_random random(c.at("seed").get<uint32_t>());
        const auto    bounds = c.at("bounds").get<std::vector<std::vector<int32_t>>>();
        const auto    turn   = [&] {
            std::vector<int32_t> drawn;
            for (const std::vector<int32_t> & b : bounds) {
                drawn.push_back(random.randint(b[0], b[1]));
            }
            return drawn;
        };
        std::vector<std::vector<int32_t>> turns;
        for (int32_t i = 0; i < c.at("turns").get<int32_t>(); ++i) {
            turns.push_back(turn());
        }
        const auto first = c.at("first").get<std::vector<std::vector<int32_t>>>();
        CHECK(std::vector<std::vector<int32_t>>(turns.begin(), turns.begin() + (int64_t)first.size()) == first);
        CHECK(turns.back() == c.at("last").get<std::vector<int32_t>>());
    }
}

TEST_CASE("recall and nDCG by hand") {
    // ranked: relevant, not, relevant (grade 2), not judged; a third relevant one was not found
    const std::vector<int32_t> ranked = {1, 0, 2, 0}, judged = {0, 1, 2, 1, -1};
    CHECK(recall_at(ranked, judged, 1) == Approx(1.0 / 3));
    CHECK(recall_at(ranked, judged, 2) == Approx(1.0 / 3));
    CHECK(recall_at(ranked, judged, 3) == Approx(2.0 / 3));
    CHECK(recall_at(ranked, judged, 100) == Approx(2.0 / 3));
    // 1 + 2 / log2(4) over 2 + 1 / log2(3) + 1 / log2(4)
    CHECK(ndcg_at(ranked, judged, 10) == Approx(2.0 / (2.0 + 1.0 / std::log2(3.0) + 0.5)));
    CHECK(ndcg_at(ranked, judged, 1) == Approx(0.5));
    CHECK(ndcg_at({2, 1, 1}, judged, 10) == Approx(1.0));
    CHECK(ndcg_at({-1, 2}, judged, 1) == 0.0);
}

TEST_CASE("nDCG as scikit-learn has it") {
    for (const nlohmann::json & c : golden().at("rankings")) {
        const auto grades = c.at("grades").get<std::vector<int32_t>>();
        CHECK(ndcg_at(grades, grades, c.at("k").get<int32_t>()) == Approx(c.at("ndcg").get<double>()).epsilon(1e-12));
    }
}

TEST_CASE("repetition by hand") {
    CHECK(repeated_sentences("He ran. She sat. He ran.\nHe ran.") == Approx(0.5)); // 2 of 4 are new
    CHECK(repeated_sentences("He ran. He sat.") == 0.0);
    CHECK(std::isnan(repeated_sentences(" \n")));
    // 1234 2345 3451 4512 5123 1234 2345: 5 of 7 are new
    CHECK(repeated_ngrams({1, 2, 3, 4, 5, 1, 2, 3, 4, 5}, 4) == Approx(2.0 / 7));
    CHECK(repeated_ngrams({1, 2, 3, 4}, 4) == 0.0);
    CHECK(repeated_ngrams({8, 8, 8, 8, 8}, 4) == Approx(0.5));
    CHECK(std::isnan(repeated_ngrams({1, 2, 3}, 4)));
}

namespace {

struct regression_case {
    feature_matrix features;
    labelled_rows  data;
    int32_t        n_classes;

    explicit regression_case(const nlohmann::json & c)
        : features((int32_t)c.at("x")[0].size()), data{&features, {}, {}} {
        const auto x = c.at("x").get<std::vector<std::vector<float>>>();
        features.resize(x.size());
        for (size_t i = 0; i < x.size(); ++i) {
            std::copy(x[i].begin(), x[i].end(), features.row(i));
            data.rows.push_back(i);
        }
        features.standardize(features);
        data.labels = c.at("y").get<std::vector<int32_t>>();
        n_classes   = 1 + *std::max_element(data.labels.begin(), data.labels.end());
    }
};

} // namespace

TEST_CASE("features are standardised by another matrix's mean and deviation") {
    feature_matrix train(2), test(2);
    train.resize(3);
    test.resize(1);
    const float values[3][2] = {{1, 4}, {2, 4}, {6, 4}};
    for (size_t i = 0; i < 3; ++i) {
        std::copy(values[i], values[i] + 2, train.row(i));
    }
    test.row(0)[0] = 10;
    test.row(0)[1] = 5;
    test.standardize(train);
    CHECK(test.row(0)[0] == Approx(7.0 / std::sqrt(14.0 / 3))); // mean 3, variance (4 + 1 + 9) / 3
    CHECK(test.row(0)[1] == Approx(1.0));                       // no spread: only the mean is taken off
    CHECK(test.row(0)[2] == 1.0f);                              // the bias stays
}

TEST_CASE("softmax regression: the gradient is that of the loss") {
    const nlohmann::json  one = golden().at("regressions")[2];
    const regression_case c(one);
    thread_pool    pool(2);
    softmax_regression    regression(c.n_classes, c.features.width());
    std::mt19937          rng(5);
    for (int32_t d = 0; d <= c.features.n_features(); ++d) {
        for (int32_t k = 0; k < c.n_classes; ++k) {
            regression.weights()[regression.index(d, k)] = (double)(rng() % 1000) / 1000.0 - 0.5;
        }
    }
    std::vector<double> gradient, ignored;
    const double        l2 = 0.3, h = 1e-2;
    regression.loss(c.data, l2, pool, gradient);
    for (const auto & [d, k] : {std::pair<int32_t, int32_t>{0, 0}, {7, 3}, {19, 18}, {c.features.n_features(), 2}}) {
        double &     w      = regression.weights()[regression.index(d, k)];
        const double before = w;
        w                   = before + h;
        const double up     = regression.loss(c.data, l2, pool, ignored);
        w                   = before - h;
        const double down   = regression.loss(c.data, l2, pool, ignored);
        w                   = before;
        CHECK(gradient[regression.index(d, k)] == Approx((up - down) / (2 * h)).epsilon(1e-3)); // logits are floats
    }
}

TEST_CASE("softmax regression finds scikit-learn's minimum") {
    for (const nlohmann::json & one : golden().at("regressions")) {
        const regression_case c(one);
        thread_pool    pool(1);
        softmax_regression    regression(c.n_classes, c.features.width());
        std::vector<double>   gradient;
        const double          l2 = one.at("l2").get<double>();
        regression.fit(c.data, l2, pool, {1000, 1e-6});
        CHECK(regression.loss(c.data, l2, pool, gradient) == Approx(one.at("loss").get<double>()).epsilon(1e-6));

        const auto weights = one.at("weights").get<std::vector<std::vector<double>>>(); // [class][feature]
        double     worst   = 0.0;
        for (int32_t k = 0; k < c.n_classes; ++k) {
            for (int32_t d = 0; d < c.features.n_features(); ++d) {
                worst = std::max(worst, std::fabs(regression.weights()[regression.index(d, k)] - weights[k][d]));
            }
        }
        CHECK(worst < 5e-3); // the gradient is below 1e-6, the curvature l2 >= 1e-3 at least
        CHECK(regression.predict(c.data, pool) == one.at("predicted").get<std::vector<int32_t>>());
    }
}

TEST_CASE("softmax regression: the threads do not change a bit") {
    const regression_case c(golden().at("regressions")[2]);
    thread_pool    one(1), three(3);
    softmax_regression    a(c.n_classes, c.features.width()), b = a;
    a.fit(c.data, 1e-2, one);
    b.fit(c.data, 1e-2, three);
    CHECK(a.weights() == b.weights());
}

TEST_CASE("CoNLL columns") {
    const test_folder folder;
    const std::string text =
        "-DOCSTART- -X- O O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\n\nPeter\tNNP\tI-NP\tI-PER\n";
    const auto all = read_conll(folder.write("a", text), 0);
    REQUIRE(all.size() == 2);
    CHECK(all[0].words == std::vector<std::string>{"EU", "rejects"});
    CHECK(all[0].labels[0] == std::vector<std::string>{"NNP", "VBZ"});
    CHECK(all[0].labels[1] == std::vector<std::string>{"I-NP", "I-VP"});
    CHECK(all[0].labels[2] == std::vector<std::string>{"I-ORG", "O"});
    CHECK(all[1].words == std::vector<std::string>{"Peter"});
    CHECK(all[1].line == 7);
    CHECK(read_conll(folder / "a", 1).size() == 1);
    const std::string message = error_of([&] { read_conll(folder.write("b", "EU NNP I-NP O\nrejects VBZ\n"), 0); });
    CHECK(message.find("b:2: expected 4 columns (word, POS, chunk, NER), found 2.") != std::string::npos);
    CHECK(error_of([&] { read_conll(folder.write("c", "\n"), 0); }).find("no sentence") != std::string::npos);
}

TEST_CASE("a journal gives back what was added, and nothing that was cut off") {
    const test_folder    folder;
    const std::string    path = folder / "state";
    const nlohmann::json what = {{"protocol", "sts"}, {"seed", 1}};
    {
        journal j(path, what);
        CHECK(j.find("x:0") == nullptr);
        j.add("x:0", {0.1, -3.0, std::nan("")});
        j.add("x:1", {});
    }
    std::ofstream(path, std::ios::app) << "{\"item\":\"x:2\",\"val"; // killed while writing
    {
        journal j(path, what);
        REQUIRE(j.find("x:0") != nullptr);
        CHECK(j.find("x:0")->at(0) == 0.1); // to the bit
        CHECK(j.find("x:0")->at(1) == -3.0);
        CHECK(std::isnan(j.find("x:0")->at(2)));
        CHECK(j.find("x:1")->empty());
        CHECK(j.find("x:2") == nullptr);
        j.add("x:2", {5.0});
    }
    CHECK(journal(path, what).find("x:2")->at(0) == 5.0);

    std::string text = content_of(path);
    text.replace(text.find("0.1"), 3, "0.2");
    const std::string edited = error_of([&] { journal(folder.write("edited", text), what); });
    CHECK(edited.find("edited:2: ") != std::string::npos);
    CHECK(edited.find("remove this line") != std::string::npos);

    const std::string other = error_of([&] { journal(path, {{"protocol", "sts"}, {"seed", 2}}); });
    CHECK(other.find("another evaluation (other: seed)") != std::string::npos);
    CHECK(error_of([&] { journal(folder.write("text", "hello\n"), what); }).find("text:1: ") != std::string::npos);
    CHECK(error_of([&] { journal(folder.write("json", "{}\n"), what); }).find("not the state of an evaluation") !=
          std::string::npos);
    CHECK(error_of([&] { journal(folder / "no/such", what); }).find("no/such") != std::string::npos);
}

TEST_CASE("edit similarity: characters to insert, delete or replace") {
    using magnet::eval::edit_similarity;
    CHECK(edit_similarity("", "") == 1.0);
    CHECK(edit_similarity("same", "same") == 1.0);
    CHECK(edit_similarity("", "abc") == 0.0);
    CHECK(edit_similarity("kitten", "sitting") == doctest::Approx(1.0 - 3.0 / 7.0)); // Levenshtein's own example
    CHECK(edit_similarity("sitting", "kitten") == doctest::Approx(1.0 - 3.0 / 7.0));
    CHECK(edit_similarity("\u00e4b", "ab") == doctest::Approx(0.5)); // a character of two bytes is one
    CHECK(magnet::eval::stripped(" \n\tx = 1 \r\n") == "x = 1");
    CHECK(magnet::eval::stripped(" \n") == "");
}
