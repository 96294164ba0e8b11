// Linear probes: what do frozen token vectors say of a word? Softmax regression on them, trained here.
#include "base/error.h"
#include "conll.h"
#include "evaluation.h"
#include "names.h"
#include "softmax-regression.h"

#include <algorithm>
#include <map>
#include <memory>

namespace magnet::eval {

namespace {

using sentences = std::vector<conll_sentence>;

constexpr size_t sentences_per_batch = 256;
constexpr size_t held_out_every      = 10; // of the training sentences, to choose the strength of L2 by

// Words of a list of sentences as vectors, in order.
struct word_vectors {
    feature_matrix      features;
    std::vector<size_t> first; // row of each sentence's first word

    word_vectors(const sentences & list, int32_t n_embd) : features(n_embd) {
        size_t n = 0;
        for (const conll_sentence & s : list) {
            first.push_back(n);
            n += s.words.size();
        }
        features.resize(n);
    }
};

// A sentence as tokens, cut at its words: token t belongs to word[t].
struct cut_sentence {
    std::vector<int32_t> tokens;
    std::vector<int32_t> word;
    std::vector<int32_t> begin, end; // tokens of each word
};

cut_sentence cut(const model & base, const conll_sentence & s, bool begins) {
    cut_sentence out;
    for (size_t w = 0; w < s.words.size(); ++w) {
        const std::vector<int32_t> tokens = w == 0 && begins
                                                ? base.tokenize(s.words[0], false, false)
                                                : base.tokenize_continuation((w > 0 ? " " : "") + s.words[w]);
        out.begin.push_back((int32_t)out.tokens.size());
        out.tokens.insert(out.tokens.end(), tokens.begin(), tokens.end());
        out.word.resize(out.tokens.size(), (int32_t)w);
        out.end.push_back((int32_t)out.tokens.size());
    }
    return out;
}

// What token t, one of word w, counts in that word's vector.
float weight(const cut_sentence & c, int32_t w, int32_t t, int32_t kind) {
    switch (kind) {
    case MAGNET_EVAL_WORD_FIRST: return t == c.begin[w] ? 1.0f : 0.0f;
    case MAGNET_EVAL_WORD_LAST:  return t == c.end[w] - 1 ? 1.0f : 0.0f;
    default:                     return 1.0f / (float)(c.end[w] - c.begin[w]);
    }
}

class probing {
public:
    probing(evaluation & e)
        : e_(e), train_(read_conll(e.params().probe.train_file, e.params().probe.train_limit)),
          test_(read_conll(e.params().file, e.params().limit)), pool_(e.with().n_threads()) {}

    eval_result run();

private:
    std::vector<float>  strengths_to_try() const; // each fit starts from the stronger one before it
    size_t              n_trials() const;         // fits that only choose among them
    word_vectors        embed(const sentences & list, const char * path, int32_t attention);
    std::vector<double> probe(int32_t task, const word_vectors & train, const word_vectors & test);

    evaluation &       e_;
    const sentences    train_, test_;
    thread_pool pool_;
};

// Progress of one fit, in sentences read.
size_t units_of_fit(size_t n_train) {
    return n_train / 10 + 1;
}

std::vector<float> probing::strengths_to_try() const {
    std::vector<float> strengths = {1e-2f, 1e-3f, 1e-4f};
    if (e_.params().probe.n_l2 > 0) {
        strengths.assign(e_.params().probe.l2, e_.params().probe.l2 + e_.params().probe.n_l2);
    }
    std::sort(strengths.rbegin(), strengths.rend());
    return strengths;
}

// None where there is no choice, or nothing held out to choose by.
size_t probing::n_trials() const {
    const size_t n = strengths_to_try().size();
    return n > 1 && train_.size() >= held_out_every ? n : 0;
}

word_vectors probing::embed(const sentences & list, const char * path, int32_t attention) {
    const int32_t       n_embd = e_.base().n_embd();
    word_vectors        out(list, n_embd);
    magnet_embed_params how = magnet_embed_default_params();
    how.instruction         = e_.params().probe.instruction ? e_.params().probe.instruction : "";
    how.attention           = attention;

    for (size_t begin = 0; begin < list.size(); begin += sentences_per_batch) {
        const size_t                      end = std::min(begin + sentences_per_batch, list.size());
        std::vector<cut_sentence>         cuts;
        std::vector<std::vector<int32_t>> own;
        for (size_t i = begin; i < end; ++i) {
            cuts.push_back(cut(e_.base(), list[i], how.instruction[0] == '\0'));
            own.push_back(cuts.back().tokens);
            e_.check_length(own.back().size(), path, list[i].line);
        }
        // a sentence's tokens come from one thread, and no other sentence touches its rows
        e_.with().embed_tokens(own, how, [&](int32_t s, int32_t t, const float * vector) {
            const cut_sentence & c   = cuts[s];
            const auto           add = [&](int32_t of) { // as the vector of token `of`
                const int32_t w = c.word[of];
                const float   k = weight(c, w, of, e_.params().probe.word);
                if (k == 0.0f) {
                    return;
                }
                float * row = out.features.row(out.first[begin + s] + w);
                for (int32_t d = 0; d < n_embd; ++d) {
                    row[d] += k * vector[d];
                }
            };
            const bool previous = e_.params().probe.word == MAGNET_EVAL_WORD_PREVIOUS;
            if (!previous || t == 0) {
                add(t);
            }
            if (previous && t + 1 < (int32_t)c.tokens.size()) {
                add(t + 1);
            }
        });
        e_.advance(end - begin);
    }
    return out;
}

// Rows and labels of the sentences that `wanted` says; classes grows with labels that are new, if grow.
template <typename Wanted>
labelled_rows label(const sentences & list, const word_vectors & vectors, int32_t task,
                    std::map<std::string, int32_t> & classes, bool grow, const Wanted & wanted) {
    labelled_rows out = {&vectors.features, {}, {}};
    for (size_t i = 0; i < list.size(); ++i) {
        for (size_t w = 0; wanted(i) && w < list[i].words.size(); ++w) {
            const std::string & name  = list[i].labels[task][w];
            const auto          found = classes.find(name);
            int32_t             c     = found == classes.end() ? -1 : found->second;
            if (c < 0 && grow) {
                c             = (int32_t)classes.size();
                classes[name] = c;
            }
            out.rows.push_back(vectors.first[i] + w);
            out.labels.push_back(c);
        }
    }
    return out;
}

double accuracy(const std::vector<int32_t> & predicted, const std::vector<int32_t> & labels) {
    size_t correct = 0;
    for (size_t i = 0; i < labels.size(); ++i) {
        correct += predicted[i] == labels[i];
    }
    return (double)correct / (double)labels.size();
}

// The strength of L2 that was chosen, the accuracy that chose it, and the correct words of each test sentence.
std::vector<double> probing::probe(int32_t task, const word_vectors & train, const word_vectors & test) {
    std::map<std::string, int32_t> classes;
    const auto is_held_out = [](size_t sentence) { return sentence % held_out_every == held_out_every - 1; };
    const auto all         = [](size_t) { return true; };

    const labelled_rows everything = label(train_, train, task, classes, true, all);
    const labelled_rows fitted = label(train_, train, task, classes, false, [&](size_t i) { return !is_held_out(i); });
    const labelled_rows held_out = label(train_, train, task, classes, false, is_held_out);
    const labelled_rows judged   = label(test_, test, task, classes, false, all);

    const std::vector<float> strengths = strengths_to_try();

    const size_t       units = units_of_fit(train_.size());
    softmax_regression regression((int32_t)classes.size(), train.features.width()), best = regression;
    double             best_accuracy = -1.0, best_strength = strengths[0];
    for (size_t i = 0; i < n_trials(); ++i) {
        regression.fit(fitted, strengths[i], pool_);
        const double a = accuracy(regression.predict(held_out, pool_), held_out.labels);
        if (a > best_accuracy) {
            best_accuracy = a;
            best_strength = strengths[i];
            best          = regression;
        }
        e_.advance(units);
    }
    best.fit(everything, best_strength, pool_);
    e_.advance(units);

    const std::vector<int32_t> predicted = best.predict(judged, pool_);
    std::vector<double>        outcome   = {best_strength, best_accuracy};
    size_t                     row       = 0;
    for (const conll_sentence & s : test_) {
        double correct = 0.0;
        for (size_t w = 0; w < s.words.size(); ++w, ++row) {
            correct += predicted[row] == judged.labels[row];
        }
        outcome.push_back(correct);
    }
    return outcome;
}

eval_result probing::run() {
    const magnet_eval_params & p       = e_.params();
    static const char * const  names[] = {"", "pos", "chunk", "ner"};
    const auto                 tasks =
        choices(p.probe.tasks, p.probe.n_tasks, {MAGNET_EVAL_TASK_POS, MAGNET_EVAL_TASK_CHUNK, MAGNET_EVAL_TASK_NER}, 0);
    const auto attentions =
        choices(p.probe.attentions, p.probe.n_attentions, {MAGNET_ATTENTION_CAUSAL, MAGNET_ATTENTION_BIDIRECTIONAL},
                e_.with().how().attention);
    size_t              n_words = 0;
    std::vector<double> words; // of each test sentence
    for (const conll_sentence & s : test_) {
        n_words += s.words.size();
        words.push_back((double)s.words.size());
    }

    // what is finished needs no vectors
    std::vector<std::vector<evaluation::work>> works;
    std::vector<std::unique_ptr<word_vectors>> train(attentions.size()), test(attentions.size());
    const size_t                               n_fits = n_trials() + 1;
    for (size_t a = 0; a < attentions.size(); ++a) {
        works.emplace_back();
        for (const int32_t task : tasks) {
            works[a].push_back({std::string(names[task]) + "." + attention_name(attentions[a]), 1, 1,
                                [&, a, task](const std::vector<size_t> &) {
                                    if (!train[a]) {
                                        train[a] =
                                            std::make_unique<word_vectors>(embed(train_, p.probe.train_file, attentions[a]));
                                        test[a] = std::make_unique<word_vectors>(embed(test_, p.file, attentions[a]));
                                        test[a]->features.standardize(train[a]->features);
                                        train[a]->features.standardize(train[a]->features);
                                    }
                                    return evaluation::outcomes{probe(task - 1, *train[a], *test[a])};
                                },
                                [this](size_t, const std::vector<double> & outcome) {
                                    return evaluation::are_finite(outcome, 2 + test_.size());
                                }});
        }
        bool embeds = false;
        for (const evaluation::work & w : works[a]) {
            const bool open = !e_.finished(w);
            embeds          = embeds || open;
            e_.expect(1 + (open ? n_fits * units_of_fit(train_.size()) : 0));
        }
        e_.expect(embeds ? train_.size() + test_.size() : 0);
    }

    eval_result out;
    for (size_t a = 0; a < attentions.size(); ++a) {
        for (const evaluation::work & w : works[a]) {
            const std::vector<double> outcome = e_.run(w)[0];
            const std::vector<double> correct(outcome.begin() + 2, outcome.end());
            e_.add(out, "accuracy." + w.variant, n_words, correct.size(), ratio(correct, words));
            out.figures.push_back({"l2." + w.variant, outcome[0], (int64_t)train_.size(), no_interval});
            out.series.push_back({"correct." + w.variant, correct});
        }
        train[a].reset();
        test[a].reset();
    }
    return out;
}

} // namespace

eval_result eval_probe(evaluation & e) {
    return probing(e).run();
}

} // namespace magnet::eval
