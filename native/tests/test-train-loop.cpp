// The loop as a whole, on a toy engine: it learns, stops, goes on bit for bit, and never loses what it had.
#include "base/log.h"
#include "test_files.h"
#include "toy_engine.h"
#include "model/lora-file.h"
#include "magnet-mask.h"
#include "train/mining.h"
#include "train/report.h"
#include "train/trainer.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstring>
#include <numeric>

#ifndef _WIN32
#    include <sys/resource.h>
#    include <sys/wait.h>
#    include <unistd.h>
#endif

using namespace magnet;
using namespace magnet::train;
using namespace magnet::testing;

namespace {

const int32_t V = 40, D = 12;

train_vocab letters_vocab() {
    train_vocab v; // 4.. = a..z, others folded in
    v.tokenize = [](const std::string & text, bool) {
        std::vector<int32_t> tokens;
        for (const char c : text) {
            tokens.push_back(4 + uint8_t(c) % (V - 4));
        }
        return tokens;
    };
    v.bos  = 0;
    v.eos  = 1;
    v.mask = 2;
    v.end  = 3;
    v.plain.resize(V - 4);
    std::iota(v.plain.begin(), v.plain.end(), 4);
    return v;
}

struct setup {
    train_vocab   vocab = letters_vocab();
    corpus        data, held;
    train_options options;
    test_folder   folder;

    setup() {
        for (int i = 0; i < 60; ++i) {
            const std::string n = std::to_string(i % 7);
            data.documents.push_back(tokenize_document(
                "The cat " + n + " sat on the mat. Then it ran to the door " + n + ". It was happy.", vocab));
            data.pairs.push_back({vocab.tokenize("cat " + std::to_string(i * 37), true),
                                  vocab.tokenize("dog " + std::to_string(i * 37), true),
                                  {}});
        }
        options.rows.batch           = 4;
        options.rows.length          = 40;
        options.rows.span_min        = 2;
        options.rows.span_max        = 6;
        options.rows.open_room       = 5;
        options.rows.keep_base       = 0.5;
        options.contrast.batch       = 4;
        options.contrast.instruction = "x";
        options.lora.rank            = 4;
        options.lora.alpha           = 8;
        options.lora.targets         = {"q", "v"};
        options.optimizer.learning_rate         = 0.02;
        options.optimizer.warmup     = 3;
        options.stages               = {{12, 1, 0, 1}, {18, 1, 0.5, 1}};
        options.heldout.rows         = 5;
        options.heldout.every           = 5;
        options.checkpoint_every     = 4;
        options.files.output               = folder / "out.gguf";
        options.files.checkpoint           = folder / "out.ckpt";
        options.files.metrics              = folder / "out.jsonl";
        options.files.report               = folder / "out.html";
        held                         = split_heldout(data, options);
    }
};

bool same_bits(const std::vector<float> & a, const std::vector<float> & b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool same_bits(const lora_set & a, const lora_set & b) {
    bool same = a.matrices.size() == b.matrices.size();
    for (size_t i = 0; same && i < a.matrices.size(); ++i) {
        same = same_bits(a.matrices[i].a, b.matrices[i].a) && same_bits(a.matrices[i].b, b.matrices[i].b);
    }
    return same;
}

} // namespace

TEST_CASE("training lowers the losses, the best state is kept, and the files say so") {
    setup                     s;
    toy_engine                e(V, D);
    trainer                   t(e, s.vocab, s.data, s.held, s.options);
    std::vector<int32_t>      steps, stages;
    std::vector<train_record> seen;
    const train_result        result = t.run([&](const train_progress & p) {
        steps.push_back(p.record->step);
        stages.push_back(p.record->stage);
        seen.push_back(*p.record);
        CHECK(p.n_steps == 30);
        CHECK(p.tokens_per_second > 0);
        CHECK(p.seconds_left >= 0);
        return true;
    });
    CHECK(result.step == 30);
    CHECK_FALSE(result.stopped);
    std::vector<int32_t> expected(30);
    std::iota(expected.begin(), expected.end(), 1);
    CHECK(steps == expected);
    CHECK(stages[11] == 0);
    CHECK(stages[12] == 1);
    CHECK(std::isnan(seen[0].sscl)); // the first stage leaves SSCL out
    CHECK(std::isfinite(seen[20].sscl));
    CHECK(seen[0].learning_rate == doctest::Approx(0.02 / 3));

    std::vector<nlohmann::json> lines;
    std::istringstream          text(content_of(s.options.files.metrics));
    for (std::string line; std::getline(text, line);) {
        lines.push_back(nlohmann::json::parse(line));
    }
    REQUIRE(lines.size() == 31); // with the start
    double best      = 1e9;
    int    best_step = 0;
    for (const auto & line : lines) {
        if (line.contains("heldout") && line["step"] > 0 && line["heldout"]["score"] < best) {
            best      = line["heldout"]["score"];
            best_step = line["step"];
        }
    }
    CHECK(result.best_step == best_step);
    CHECK(best < 0.95 * double(lines[0]["heldout"]["score"]));
    CHECK(lines[30]["tokens"] == seen.back().tokens);
    CHECK_FALSE(lines[1].contains("sscl"));

    // the adapter is the best state: the engine computes the same held-out score with it
    const lora_adapter saved = load_lora(s.options.files.output);
    CHECK(saved.how.version == recipe_version);
    CHECK(saved.how.token_end == 3);
    CHECK(saved.how.token_mask == 2);
    CHECK(saved.how.instruction == "x");
    e.set_lora({&saved.set});
    CHECK(heldout(s.held, s.options, s.vocab).evaluate(e).score == doctest::Approx(best).epsilon(1e-9));

    const std::string page = content_of(s.options.files.report);
    CHECK(page.find("<svg") != std::string::npos);
    CHECK(page.find("MSG: missing spans") != std::string::npos);
    CHECK(page.find("<script") == std::string::npos);
    CHECK(page.find("nan") == std::string::npos);
}

TEST_CASE("a run that is stopped and resumed ends with the very bits of one that was not") {
    setup      whole, parts;
    toy_engine e(V, D);
    whole.options.contrast.projection = parts.options.contrast.projection = 5;
    for (setup * s : {&whole, &parts}) {
        s->options.optimizer.average = 0.3f;
        s->data.sources = s->held.sources = {{"a", 2}, {"b", 1}};
        for (size_t i = 0; i < s->data.pairs.size() / 3; ++i) {
            s->data.pairs[i].source = 1;
        }
    }
    trainer(e, whole.vocab, whole.data, whole.held, whole.options).run(nullptr);
    const train_result first =
        trainer(e, parts.vocab, parts.data, parts.held, parts.options).run([](const train_progress & p) {
            return p.record->step < 13; // neither a checkpoint's step nor a look's
        });
    CHECK(first.stopped);
    CHECK(first.step == 13);
    {
        const checkpoint c = load_checkpoint(parts.options.files.checkpoint);
        CHECK(c.state.step == 13);
        trainer again(e, parts.vocab, parts.data, parts.held, c.options);
        again.restore(c);
        CHECK(again.run(nullptr).step == 30);
    }
    const checkpoint a = load_checkpoint(whole.options.files.checkpoint), b = load_checkpoint(parts.options.files.checkpoint);
    CHECK(same_bits(a.state.now.lora, b.state.now.lora));
    CHECK(same_bits(a.state.m.lora, b.state.m.lora));
    CHECK(same_bits(a.state.v.lora, b.state.v.lora));
    CHECK(same_bits(a.state.best.lora, b.state.best.lora));
    CHECK(same_bits(a.state.average.lora, b.state.average.lora));
    CHECK(same_bits(a.state.now.head.w, b.state.now.head.w));
    CHECK(a.state.best_step == b.state.best_step);
    CHECK(content_of(whole.options.files.output) == content_of(parts.options.files.output));
    REQUIRE(a.state.history.size() == b.state.history.size());
    for (size_t i = 1; i < a.state.history.size(); ++i) {
        CHECK(a.state.history[i].loss == b.state.history[i].loss);
        CHECK(a.state.history[i].gradient_norm == b.state.history[i].gradient_norm);
    }
}

TEST_CASE("the mean over the end of a run is what is judged and written") {
    setup      s;
    toy_engine e(V, D);
    s.options.stages            = {{20, 1, 0, 1}};
    s.options.optimizer.average = 0.25;
    s.options.checkpoint_every  = 1;
    s.options.heldout.every     = 20;
    trainer               t(e, s.vocab, s.data, s.held, s.options);
    std::vector<lora_set> states;
    t.run([&](const train_progress & p) {
        if (p.record->step > 1) { // written before this call: of the step before
            states.push_back(load_checkpoint(s.options.files.checkpoint).state.now.lora);
        }
        return true;
    });
    const checkpoint last = load_checkpoint(s.options.files.checkpoint);
    states.push_back(last.state.now.lora);
    REQUIRE(states.size() == 20);
    std::vector<double> weights(20); // of each state, as the product of what every later step leaves of it
    double              sum = 0;
    for (int k = 1; k <= 20; ++k) {
        weights[k - 1] = 1 / std::max(1.0, 0.25 * k);
        for (int j = k + 1; j <= 20; ++j) {
            weights[k - 1] *= 1 - 1 / std::max(1.0, 0.25 * j);
        }
        sum += weights[k - 1];
    }
    CHECK(sum == doctest::Approx(1));
    CHECK(std::accumulate(weights.begin() + 10, weights.end(), 0.0) > 0.9); // most of it from the second half
    const lora_adapter out = load_lora(s.options.files.output);
    for (size_t m = 0; m < out.set.matrices.size(); ++m) {
        for (size_t i = 0; i < out.set.matrices[m].b.size(); ++i) {
            double mean = 0;
            for (int k = 0; k < 20; ++k) {
                mean += weights[k] * states[k].matrices[m].b[i];
            }
            CHECK(out.set.matrices[m].b[i] == doctest::Approx(mean).epsilon(1e-4).scale(0.01));
        }
    }
    e.set_lora({&out.set});
    CHECK(heldout(s.held, s.options, s.vocab).evaluate(e).score ==
          doctest::Approx(last.state.history.back().heldout.score).epsilon(1e-9));
}

TEST_CASE("negatives are mined from candidates: the nearest that is farther than the answer by the margin") {
    setup s;
    for (size_t i = 0; i < s.data.pairs.size(); ++i) {
        s.data.pairs[i].candidates = i % 3 == 0 ? -1 : i % 3 == 1 ? 0 : 1; // a third has nothing to mine from
    }
    s.data.pairs[1].negative = s.vocab.tokenize("given", true);
    s.data.candidates.resize(2);
    for (int i = 0; i < 30; ++i) {
        s.data.candidates[0].push_back(s.vocab.tokenize("bird " + std::to_string(i * 71), true));
        s.data.candidates[1].push_back(s.vocab.tokenize("dog " + std::to_string(i * 53), true));
    }
    s.data.candidates[0].push_back(s.data.pairs[4].positive); // of its pair no negative, of others it may be
    s.options.contrast.mine_margin = 0.02f;
    s.options.contrast.pooling     = MAGNET_POOLING_MEAN;
    toy_engine e(V, D);
    e.set_lora({});
    const std::vector<int32_t> found = mine_negatives(e, s.data, s.options.contrast, s.vocab);

    const auto vector_of = [&](const std::vector<int32_t> & text) { // in doubles
        std::vector<int32_t> tokens = s.vocab.tokenize("x", true);
        tokens.insert(tokens.end(), text.begin(), text.end());
        tokens.push_back(s.vocab.eos);
        std::vector<int8_t> roles(tokens.size(), int8_t(MAGNET_MASK_CONTEXT));
        std::vector<float>  hidden(tokens.size() * D);
        e.forward({{tokens.data(), nullptr, roles.data(), int32_t(tokens.size())}}, {hidden.data()});
        std::vector<double> v(D, 0.0);
        double              norm = 0;
        for (int k = 0; k < D; ++k) {
            for (size_t t = 1; t <= text.size(); ++t) {
                v[k] += hidden[t * D + k];
            }
            norm += v[k] * v[k];
        }
        for (double & x : v) {
            x /= std::sqrt(norm);
        }
        return v;
    };
    const auto cosine = [&](const std::vector<int32_t> & a, const std::vector<int32_t> & b) {
        const auto u = vector_of(a), v = vector_of(b);
        return std::inner_product(u.begin(), u.end(), v.begin(), 0.0);
    };
    int n_found = 0;
    for (size_t i = 0; i < s.data.pairs.size(); ++i) {
        const text_pair & p        = s.data.pairs[i];
        int32_t           expected = -1;
        double            best     = -2;
        for (int32_t k = 0; p.candidates >= 0 && p.negative.empty() && k < int32_t(s.data.candidates[p.candidates].size()); ++k) {
            const auto & c    = s.data.candidates[p.candidates][k];
            const double here = cosine(p.anchor, c);
            if (c != p.positive && c != p.anchor && here <= cosine(p.anchor, p.positive) - 0.02 + 1e-7 && here > best + 1e-7) {
                best     = here;
                expected = k;
            }
        }
        CHECK(found[i] == expected);
        n_found += found[i] >= 0;
    }
    CHECK(n_found > 10);
    CHECK(found[1] == -1);

    // they stand in batches, a resumed run keeps them, and others do not fit
    s.options.stages = {{3, 0, 1, 0}};
    trainer(e, s.vocab, s.data, s.held, s.options).run(nullptr);
    checkpoint c = load_checkpoint(s.options.files.checkpoint);
    CHECK(c.state.mined == found);
    batch_source source(s.data, s.options, s.vocab);
    const auto   n_rows = [&] {
        source.seek({});
        size_t n = 0;
        for (int i = 0; i < 12; ++i) {
            n += source.next({1, 0, 1, 0}).rows.size();
        }
        return n;
    };
    const size_t without = n_rows();
    source.use_mined(found);
    CHECK(n_rows() > without);
    c.state.mined[4] = 1000;
    trainer again(e, s.vocab, s.data, s.held, c.options);
    CHECK(error_of([&] { again.restore(c); }).find("the mined negatives are not those of these pairs") != std::string::npos);
}

TEST_CASE("a checkpoint belongs to its data and its model") {
    setup      s;
    toy_engine e(V, D);
    trainer(e, s.vocab, s.data, s.held, s.options).run([](const train_progress &) { return false; });
    checkpoint c = load_checkpoint(s.options.files.checkpoint);
    s.data.documents[3].tokens[2]++;
    trainer other(e, s.vocab, s.data, s.held, s.options);
    CHECK(error_of([&] { other.restore(c); }).find("the training files are not what they were") == 0);
    s.data.documents[3].tokens[2]--;
    c.arch = "llama";
    trainer right(e, s.vocab, s.data, s.held, s.options);
    CHECK(error_of([&] { right.restore(c); }).find("was trained for architecture \"llama\"") != std::string::npos);
}

TEST_CASE("two micro-batches of half the size make the same text gradient as one") {
    // no SSCL: in-batch negatives make it another loss
    setup s;
    s.options.stages = {{6, 1, 0, 1}};
    toy_engine e(V, D);
    trainer(e, s.vocab, s.data, s.held, s.options).run(nullptr);
    const lora_adapter one = load_lora(s.options.files.output);
    s.options.rows.batch /= 2;
    s.options.optimizer.accumulate = 2;
    trainer(e, s.vocab, s.data, s.held, s.options).run(nullptr);
    const lora_adapter two = load_lora(s.options.files.output);
    for (size_t k = 0; k < one.set.matrices.size(); ++k) {
        for (size_t i = 0; i < one.set.matrices[k].a.size(); ++i) {
            CHECK(one.set.matrices[k].a[i] == doctest::Approx(two.set.matrices[k].a[i]).epsilon(1e-3));
        }
    }
}

TEST_CASE("a batch without negatives is warned of once, and pairs without any are not judged by") {
    struct log {
        std::vector<std::string> warnings;
        log() {
            log_set(
                [](int32_t level, const char * message, void * data) {
                    if (level == MAGNET_LOG_WARN) {
                        static_cast<log *>(data)->warnings.emplace_back(message);
                    }
                },
                this);
        }
        ~log() { log_set(nullptr, nullptr); }
    } seen;
    setup s;
    s.options.stages         = {{12, 0, 1, 0}};
    s.options.contrast.batch = 2;
    for (size_t i = 0; i < s.data.pairs.size(); ++i) {
        s.data.pairs[i].positive = s.vocab.tokenize(i % 2 ? "yes" : "no", true); // half of the batches
    }
    s.held.documents.clear();
    s.held.pairs = {s.data.pairs[0], s.data.pairs[2], s.data.pairs[4]};
    toy_engine e(V, D);
    trainer    t(e, s.vocab, s.data, s.held, s.options);
    REQUIRE(seen.warnings.size() == 1);
    CHECK(seen.warnings[0].find("SSCL is not judged") != std::string::npos);
    bool none = false;
    t.run([&](const train_progress & p) {
        none = none || p.record->sscl == 0.0;
        return true;
    });
    CHECK(none);
    REQUIRE(seen.warnings.size() == 2);
    CHECK(seen.warnings[1].find("has no negative") != std::string::npos);
}

TEST_CASE("a loss that is no number stops the run, says the step, and leaves the last good files") {
    setup             s;
    toy_engine        e(V, D);
    trainer           t(e, s.vocab, s.data, s.held, s.options);
    std::string       before;
    const std::string message = error_of([&] {
        t.run([&](const train_progress & p) {
            if (p.record->step == 10) {
                before     = content_of(s.options.files.checkpoint);
                e.poisoned = true;
            }
            return true;
        });
    });
    CHECK(message.find("step 11: the loss is not finite (mntp nan") == 0);
    CHECK(message.find("out.ckpt holds step 8") != std::string::npos);
    CHECK(content_of(s.options.files.checkpoint) == before);
    CHECK(load_checkpoint(s.options.files.checkpoint).state.step == 8);
    CHECK(load_lora(s.options.files.output).set.matrices.size() == 2); // the best so far
}

#ifndef _WIN32 // which has no limit for files, and no copies of processes

TEST_CASE("a disk that is full at a checkpoint leaves the last good one, and the message says so") {
    setup      s;
    toy_engine e(V, D);
    s.options.files.report.clear();
    s.options.files.metrics.clear();
    s.options.heldout.every = 0;
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit unlimited;
    getrlimit(RLIMIT_FSIZE, &unlimited);
    trainer           t(e, s.vocab, s.data, s.held, s.options);
    const std::string message = error_of([&] {
        t.run([&](const train_progress & p) {
            if (p.record->step == 6) {
                rlimit small   = unlimited;
                small.rlim_cur = 3000; // a checkpoint is larger
                setrlimit(RLIMIT_FSIZE, &small);
            }
            return true;
        });
    });
    setrlimit(RLIMIT_FSIZE, &unlimited);
    CHECK(message.find("cannot write " + s.options.files.checkpoint) == 0);
    CHECK(message.find("the checkpoint of step 4 is as it was") != std::string::npos);
    CHECK(load_checkpoint(s.options.files.checkpoint).state.step == 4);
    CHECK_FALSE(std::filesystem::exists(s.options.files.checkpoint + ".tmp"));
}

TEST_CASE("killed at any moment, a run leaves a checkpoint that can be read") {
    setup s;
    s.options.checkpoint_every = 1;
    s.options.stages           = {{100000, 1, 0, 1}};
    for (int round = 0; round < 8; ++round) {
        const pid_t child = fork();
        if (child == 0) {
            toy_engine e(V, D);
            trainer    t(e, s.vocab, s.data, s.held, s.options);
            if (std::filesystem::exists(s.options.files.checkpoint)) {
                t.restore(load_checkpoint(s.options.files.checkpoint));
            }
            t.run(nullptr);
            _exit(0);
        }
        usleep(60000 + 7000 * round);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        if (std::filesystem::exists(s.options.files.checkpoint)) {
            const checkpoint c = load_checkpoint(s.options.files.checkpoint);
            CHECK(c.state.step > 0);
            CHECK(c.state.history.back().step == c.state.step);
        }
    }
    CHECK(std::filesystem::exists(s.options.files.checkpoint));
}

#endif

TEST_CASE("a truncated checkpoint and one of something else are refused") {
    setup      s;
    toy_engine e(V, D);
    trainer(e, s.vocab, s.data, s.held, s.options).run([](const train_progress &) { return false; });
    const std::string bytes = content_of(s.options.files.checkpoint);
    for (const size_t n : {bytes.size() / 3, bytes.size() - 64}) {
        const std::string cut = s.folder.write("cut.ckpt", bytes.substr(0, n));
        CHECK(error_of([&] { load_checkpoint(cut); }).find("cut.ckpt") != std::string::npos);
    }
    CHECK(error_of([&] { load_checkpoint(s.options.files.output); }).find("is not a training checkpoint") !=
          std::string::npos);
}

TEST_CASE("a checkpoint with one bit that is another one is refused") {
    setup      s;
    toy_engine e(V, D);
    trainer(e, s.vocab, s.data, s.held, s.options).run([](const train_progress & p) { return p.record->step < 4; });
    const std::string bytes = content_of(s.options.files.checkpoint);
    const auto        flip  = [&](size_t at) {
        std::string other = bytes;
        other[at] ^= char(1 << at % 8);
        return s.folder.write("flipped.ckpt", other);
    };
    for (size_t at = 0; at < bytes.size(); at += 97) {
        INFO("byte ", at, " of ", bytes.size());
        CHECK(error_of([&] { load_checkpoint(flip(at)); }).find("flipped.ckpt") != std::string::npos);
    }
    const std::string weights = error_of([&] { load_checkpoint(flip(bytes.size() - 100)); });
    CHECK(weights.find("checksum differs") != std::string::npos);
    CHECK(weights.find("begin the run anew") != std::string::npos);
    const std::string cut = s.folder.write("cut.ckpt", bytes.substr(0, bytes.size() - 9)); // all tensors are there
    CHECK(error_of([&] { load_checkpoint(cut); }).find("its checksum is not where it should be") != std::string::npos);
    CHECK(load_checkpoint(s.options.files.checkpoint).state.step > 0);
}

TEST_CASE("an estimate changes nothing") {
    setup      s;
    toy_engine e(V, D);
    trainer    plain(e, s.vocab, s.data, s.held, s.options);
    plain.run(nullptr);
    const std::string    expected = content_of(s.options.files.output);
    trainer              t(e, s.vocab, s.data, s.held, s.options);
    const train_estimate x = t.estimate();
    CHECK(x.n_steps == 30);
    CHECK(x.n_parameters == 2 * 2 * 4 * D);
    CHECK(x.tokens_per_step > 0);
    CHECK(x.seconds > 0);
    CHECK(x.peak_bytes > 1 << 20);
    t.run(nullptr);
    CHECK(content_of(s.options.files.output) == expected);
}

TEST_CASE("training goes on from an adapter") {
    setup              s;
    toy_engine         e(V, D);
    const train_result before = trainer(e, s.vocab, s.data, s.held, s.options).run(nullptr);
    const lora_adapter first  = load_lora(s.options.files.output);
    const double       best   = load_checkpoint(s.options.files.checkpoint).state.history[before.best_step].heldout.score;
    s.options.files.init_adapter       = s.folder / "start.gguf";
    std::filesystem::copy_file(s.options.files.output, s.options.files.init_adapter);
    trainer(e, s.vocab, s.data, s.held, s.options).run([](const train_progress &) { return false; });
    const checkpoint c = load_checkpoint(s.options.files.checkpoint);
    CHECK(c.state.history.front().heldout.score == doctest::Approx(best));
    CHECK(c.state.now.lora.rank == first.set.rank);
    CHECK(c.state.now.lora.scale == first.set.scale);
    lora_adapter foreign = first;
    foreign.arch         = "llama";
    save_lora(s.options.files.init_adapter, foreign, lora_type::f32);
    CHECK(error_of([&] { trainer(e, s.vocab, s.data, s.held, s.options); }).find("was trained for architecture") !=
          std::string::npos);
}

TEST_CASE("sizes of vectors that the model's do not have are refused") {
    setup      s;
    toy_engine e(V, D);
    s.options.contrast.dimensions = {4, D};
    CHECK(error_of([&] { trainer(e, s.vocab, s.data, s.held, s.options); }) ==
          "contrast.dimensions has 12; the whole vector has 12, and is trained anyway.");
    s.options.contrast.projection = 4;
    CHECK(error_of([&] { check_options(s.options); }).find("contrast.dimensions are sizes of the vector itself") == 0);
    s.options.contrast.dimensions = {0};
    CHECK(error_of([&] { check_options(s.options); }).find("contrast.dimensions[0] is 0; it must be in [1, 65536].") == 0);
}

TEST_CASE("a contrast that is to take no text, and has no pairs, is refused") {
    setup      s;
    toy_engine e(V, D);
    s.data.pairs.clear();
    s.data.sources.clear();
    s.options.contrast.text_share = 0;
    CHECK(error_of([&] { trainer(e, s.vocab, s.data, s.held, s.options); }).find("contrast.text_share is 0, and there are no pairs") == 0);
    s.options.contrast.text_share = -1;
    CHECK(error_of([&] { trainer(e, s.vocab, s.data, s.held, s.options); }) == "");
}

TEST_CASE("options that make rows longer than the model reads are refused") {
    setup      s;
    toy_engine e(V, D, 64);
    for (const int32_t length : {80, INT32_MAX}) {
        s.options.rows.length = length;
        CHECK(error_of([&] {
                  trainer(e, s.vocab, s.data, s.held, s.options);
              }).find("this model reads at most 64. Lower rows.length") != std::string::npos);
    }
    s.options.rows.length     = 40;
    s.options.contrast.length = 64;
    const std::string message = error_of([&] { trainer(e, s.vocab, s.data, s.held, s.options); });
    CHECK(message.find("rows to embed") != std::string::npos);
    CHECK(message.find("Lower contrast.length") != std::string::npos);
}

TEST_CASE("options survive JSON, and nonsense is named") {
    train_options o;
    o.files.texts               = {"a \"quoted\" name.txt"};
    o.stages              = {{5, 1, 0, 0.25}, {7, 0, 1, 0}};
    o.seed                = INT64_MAX;
    o.optimizer.decay     = MAGNET_LR_LINEAR;
    o.contrast.text_share = 0.125;
    o.files.pairs         = {{"a.tsv", 0.25f}, {"b \"c\".tsv", 2}};
    o.rows.keep_base      = 0.5f;
    o.contrast.dimensions = {64, 256};
    CHECK(options_from_json(options_to_json(o)).contrast.dimensions == o.contrast.dimensions);
    CHECK(options_from_json(options_to_json(o)).files.pairs[1].path == "b \"c\".tsv");
    CHECK(options_to_json(options_from_json(options_to_json(o))) == options_to_json(o));
    CHECK(options_from_json(options_to_json(o)).seed == o.seed);
    CHECK(total_steps(o) == 12);
    check_options(o);
    o.optimizer.learning_rate = -1;
    CHECK(error_of([&] { check_options(o); }) == "optimizer.learning_rate is -1; it must be in [1e-12, 1].");
    o.optimizer.learning_rate = 0;
    CHECK(error_of([&] { check_options(o); }) == "optimizer.learning_rate is 0; it must be in [1e-12, 1].");
    o.optimizer.learning_rate = NAN;
    CHECK(error_of([&] { check_options(o); }) == "optimizer.learning_rate is nan; it must be in [1e-12, 1].");
    o               = {};
    o.rows.span_max = 3;
    CHECK(error_of([&] { check_options(o); })== "rows.span_max is 3; it must be rows.span_min or more, which is 8.");
    o                = {};
    o.contrast.batch = 1;
    CHECK(error_of([&] { check_options(o); }) == "contrast.batch is 1; it must be in [2, 65536].");
    o             = {};
    o.rows.length = 3;
    CHECK(error_of([&] { check_options(o); }) == "rows.length is 3; it must be 4 or more.");
    o                = {};
    o.optimizer.clip = INFINITY;
    CHECK(error_of([&] { check_options(o); }) == "optimizer.clip is inf; it must be 0 or more.");
    o        = {};
    o.stages = {{5, 1, 0, 0.25}, {0, 1, 0, 0}};
    CHECK(error_of([&] { check_options(o); }) == "stages[1].steps is 0; it must be 1 or more.");
    o.stages = {{5, 0, 0, 0}};
    CHECK(error_of([&] { check_options(o); }).find("stages[0].mntp, stages[0].sscl and stages[0].msg are all 0") == 0);
    o.stages = {{2000000000, 1, 0, 0}, {2000000000, 1, 0, 0}};
    CHECK(error_of([&] { check_options(o); }).find("4000000000 steps") != std::string::npos);
    o             = {};
    o.files.pairs = {{"a.tsv", 0.25f}, {"b.tsv", 0}};
    CHECK(error_of([&] { check_options(o); }).find("files.pairs[1].share is 0.000000 (b.tsv)") == 0);
    o.files.pairs[1].share = -1;
    CHECK(error_of([&] { check_options(o); }) == "files.pairs[1].share is -1; it must be in [0, 1000000].");
    o                   = {};
    o.rows.keep_base    = 1;
    o.rows.share_causal = 0;
    CHECK(error_of([&] { check_options(o); }).find("rows.keep_base is a share of the rows without a gap") == 0);
    o                   = {};
    o.rows.share_hybrid = o.rows.share_ordered = o.rows.share_causal = 0;
    CHECK(error_of([&] { check_options(o); }).find("rows.share_hybrid, rows.share_ordered and rows.share_causal") == 0);
}
