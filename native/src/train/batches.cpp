#include "batches.h"

#include "base/error.h"
#include "base/hash.h"
#include "objectives.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace magnet::train {

static uint64_t hash_tokens(const std::vector<int32_t> & tokens) {
    fnv1a h;
    h.add(tokens);
    return h.value();
}

int64_t micro_batch::n_tokens() const {
    return std::accumulate(rows.begin(), rows.end(), int64_t(0),
                           [](int64_t n, const train_row & r) { return n + r.n_tokens(); });
}

text_pair crop_pair(const text_document & d, const text_window & w, const pair_options & options, rng & r) {
    const int32_t * passage = d.tokens.data() + w.begin;
    text_pair       p;
    p.anchor   = draw_crop(passage, w.end - w.begin, options, r);
    p.positive = draw_crop(passage, w.end - w.begin, options, r);
    return p;
}

void add_embed_rows(const std::vector<text_pair> & pairs, const instructions & before, const pair_options & options,
                    const train_vocab & vocab, micro_batch & b) {
    const auto add = [&](const std::vector<int32_t> & text, bool document) {
        const train_row row = make_embed_row(document ? before.document : before.query, text, options, vocab);
        b.rows.push_back(row);
        b.texts.push_back(hash_tokens({row.tokens.begin() + row.pool_begin, row.tokens.begin() + row.pool_end}));
    };
    b.n_pairs = int32_t(pairs.size());
    for (const text_pair & p : pairs) {
        add(p.anchor, false);
    }
    for (const text_pair & p : pairs) {
        add(p.positive, p.documents);
    }
    for (const text_pair & p : pairs) {
        if (!p.negative.empty()) {
            add(p.negative, p.documents);
        }
    }
}

// Could a batch of these pairs hold a negative?
static bool can_contrast(const std::vector<text_pair> & pairs, const pair_options & options) {
    const auto text = [&](const std::vector<int32_t> & tokens) {
        const int64_t n = std::min<int64_t>(int64_t(tokens.size()), options.length); // what is left of it when it is cut
        return hash_tokens({tokens.begin(), tokens.begin() + n});
    };
    std::set<uint64_t>                      anchors, positives;
    std::set<std::pair<uint64_t, uint64_t>> different;
    for (const text_pair & p : pairs) {
        const uint64_t anchor = text(p.anchor), positive = text(p.positive);
        if (!p.negative.empty() && text(p.negative) != anchor && text(p.negative) != positive) {
            return true;
        }
        anchors.insert(anchor);
        positives.insert(positive);
        different.insert({anchor, positive});
    }
    // Pairs that have no negative in each other share a text, two by two. More than three pairs of texts, six with either
    // one as the anchor, do so only if one text is in all of them, and then always on the same side.
    if (different.size() > 6) {
        return anchors.size() > 1 && positives.size() > 1;
    }
    std::vector<uint64_t> texts;
    for (const auto & p : different) {
        texts.push_back(p.first);
    }
    for (const auto & p : different) {
        texts.push_back(p.second);
    }
    return has_negative(int32_t(different.size()), texts, options.symmetric);
}

// Steps without a loss would leave the adapter as it is, and nobody would notice before the end of the run.
static void check_stages(const corpus & data, const train_options & options) {
    const bool masks = options.rows.share_hybrid > 0 && options.rows.mask_rate > 0;
    for (size_t i = 0; i < options.stages.size(); ++i) {
        const train_stage & s = options.stages[i];
        if (s.sscl > 0) {
            continue;
        }
        if (data.documents.empty()) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        "there is no text: MNTP and MSG need text files, pairs serve SSCL only.");
        }
        if (s.msg <= 0 && !masks) {
            throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                        "stage " + std::to_string(i + 1) + " of " + std::to_string(options.stages.size()) +
                            " has MNTP alone, which learns from masked tokens of hybrid rows, and there are none: give "
                            "rows.share_hybrid and rows.mask_rate more than 0, or MSG or SSCL a weight.");
        }
    }
}

batch_source::batch_source(const corpus & data, const train_options & options, const train_vocab & vocab)
    : data(data), options(options), vocab(vocab), before(options.contrast, vocab),
      order(data, uint64_t(options.seed)) {
    bool wants_text = false, wants_pairs = false;
    for (const train_stage & s : options.stages) {
        wants_text  = wants_text || s.mntp > 0 || s.msg > 0;
        wants_pairs = wants_pairs || s.sscl > 0;
    }
    if (data.documents.empty() && data.pairs.empty()) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "there is nothing to train on: the files hold no text and no pairs.");
    }
    check_stages(data, options);
    if (wants_text && !data.documents.empty()) {
        text = std::make_unique<window_order>(data.documents, options.rows.length, options.seed, draw::text_order);
    }
    if (!wants_pairs) {
        return;
    }
    if (data.pairs.empty() && options.contrast.text_share == 0) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT, "contrast.text_share is 0, and there are no pairs: SSCL has nothing to learn "
                                                    "from. Add pairs, take a share of the text, or set the weight of SSCL to 0.");
    }
    const double asked = options.contrast.text_share < 0 ? (data.pairs.empty() ? 1 : 0) : options.contrast.text_share;
    crop_share         = data.documents.empty() ? 0 : data.pairs.empty() ? 1 : asked;
    if (crop_share > 0) {
        crops = std::make_unique<window_order>(data.documents, options.contrast.length, options.seed, draw::crop_order);
    }
    check_pairs();
}

void batch_source::check_pairs() const {
    const auto refuse = [](const std::string & what) { throw error(MAGNET_STATUS_INVALID_ARGUMENT, what); };
    const auto check  = [&](const std::vector<text_pair> & pairs, const std::string & where, int64_t more) {
        if (int64_t(pairs.size()) + more < 2) {
            refuse(where + "a contrastive batch needs at least 2 texts to tell apart, here is " +
                   std::to_string(int64_t(pairs.size()) + more) + "; add pairs or text, or set the weight of SSCL to 0.");
        }
        if (more == 0 && !can_contrast(pairs, options.contrast)) {
            refuse(where + "none of the " + std::to_string(pairs.size()) +
                   " pairs is a negative to another, because they share a text (one answer to all, say): SSCL would "
                   "learn nothing from them. Add pairs of other texts or hard negatives, or set its weight to 0.");
        }
    };
    if (data.sources.empty()) {
        check(data.pairs, "", crops ? crops->n_windows() : 0);
        return;
    }
    std::vector<std::vector<text_pair>> of_source(data.sources.size());
    for (const text_pair & p : data.pairs) {
        of_source[p.source].push_back(p);
    }
    for (size_t s = 0; s < of_source.size(); ++s) { // each is alone in its batches
        check(of_source[s], data.sources[s].name + ": ", 0);
    }
}

micro_batch batch_source::next(const train_stage & stage) {
    micro_batch b;
    if (text && (stage.mntp > 0 || stage.msg > 0)) {
        for (int32_t i = 0; i < options.rows.batch; ++i) {
            add_text_row(stage, b);
        }
        b.n_text = options.rows.batch;
    }
    if (stage.sscl > 0) {
        add_pairs(b);
    }
    return b;
}

void batch_source::add_text_row(const train_stage & stage, micro_batch & b) {
    const text_window       w = text->next();
    const text_document &   d = data.documents[w.document];
    rng                     r(options.seed, draw::text_row, uint64_t(places.n_rows));
    const bool              keep = keeps_base(options.rows, places.n_rows);
    const row_mode          mode = mode_of_row(options.rows, places.n_rows++);
    std::vector<token_span> spans;
    if (mode != row_mode::causal) {
        spans = draw_spans(d, w, options.rows, vocab, r);
    }
    b.rows.push_back(
        make_text_row(d, w, spans, mode, stage.mntp > 0 ? options.rows.mask_rate : 0, options.rows, vocab, r));
    if (keep) {
        b.rows.back().keeps_base = true;
        b.rows.back().msg.clear();
    }
}

text_pair batch_source::next_pair(double crop_share, int32_t source) {
    const int64_t i = places.n_pairs++;
    if (spread(i) < crop_share) {
        const text_window w = crops->next();
        rng               r(options.seed, draw::pair_row, uint64_t(i));
        return crop_pair(data.documents[w.document], w, options.contrast, r);
    }
    const int32_t at   = order.next(source);
    text_pair     pair = data.pairs[at];
    if (pair.negative.empty() && !mined.empty() && mined[at] >= 0) {
        pair.negative = data.candidates[pair.candidates][mined[at]];
    }
    return pair;
}

void batch_source::use_mined(const std::vector<int32_t> & negatives) {
    bool fits = negatives.empty() || negatives.size() == data.pairs.size();
    for (size_t i = 0; fits && i < negatives.size(); ++i) {
        const int32_t set = data.pairs[i].candidates;
        fits              = negatives[i] < 0 || (set >= 0 && negatives[i] < int32_t(data.candidates[set].size()));
    }
    if (!fits) {
        throw error(MAGNET_STATUS_BAD_FILE, "the mined negatives are not those of these pairs");
    }
    mined = negatives;
}

void batch_source::add_pairs(micro_batch & b) {
    double  crops_here = crop_share; // of this batch
    int64_t i          = places.n_batches++;
    int32_t source     = 0;
    int64_t most       = crops ? INT32_MAX : order.n_pairs(0);
    if (!data.sources.empty()) {
        const double crops_so_far = std::floor(double(i) * crop_share);
        crops_here = std::floor(double(i + 1) * crop_share) - crops_so_far; // all of it or none
        source     = order.source_of_batch(i - int64_t(crops_so_far));
        most       = crops_here > 0 ? INT32_MAX : order.n_pairs(source);
    }
    std::vector<text_pair> pairs;
    for (int64_t k = 0; k < std::min<int64_t>(options.contrast.batch, most); ++k) {
        pairs.push_back(next_pair(crops_here, source));
    }
    add_embed_rows(pairs, before, options.contrast, vocab, b);
}

batch_places batch_source::at() const {
    batch_places now = places;
    now.text         = text ? text->at() : order_place();
    now.crops        = crops ? crops->at() : order_place();
    now.pairs        = order.at();
    return now;
}

void batch_source::seek(const batch_places & to) {
    if (text) {
        text->seek(to.text);
    }
    if (crops) {
        crops->seek(to.crops);
    }
    order.seek(to.pairs);
    places = to;
}

int64_t batch_source::n_cut() const {
    const size_t most = size_t(options.contrast.length);
    int64_t      n    = 0;
    for (const text_pair & p : data.pairs) {
        n += (p.anchor.size() > most) + (p.positive.size() > most) + (p.negative.size() > most);
    }
    return n;
}

} // namespace magnet::train
