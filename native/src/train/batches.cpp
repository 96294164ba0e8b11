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

void add_embed_rows(const std::vector<text_pair> & pairs, const std::vector<int32_t> & instruction,
                    const pair_options & options, const train_vocab & vocab, micro_batch & b) {
    const auto add = [&](const std::vector<int32_t> & text) {
        b.rows.push_back(make_embed_row(instruction, text, options, vocab));
        b.texts.push_back(hash_tokens(b.rows.back().tokens)); // of what is left of it when it is cut
    };
    b.n_pairs = int32_t(pairs.size());
    for (const text_pair & p : pairs) {
        add(p.anchor);
    }
    for (const text_pair & p : pairs) {
        add(p.positive);
    }
    for (const text_pair & p : pairs) {
        if (!p.negative.empty()) {
            add(p.negative);
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
    : data(data), options(options), vocab(vocab), instruction(vocab.tokenize(options.contrast.instruction, true)) {
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
    const double asked = options.contrast.text_share < 0 ? (data.pairs.empty() ? 1 : 0) : options.contrast.text_share;
    crop_share         = data.documents.empty() ? 0 : data.pairs.empty() ? 1 : asked;
    if (crop_share > 0) {
        crops = std::make_unique<window_order>(data.documents, options.contrast.length, options.seed, draw::crop_order);
    }
    const int64_t n = int64_t(data.pairs.size()) + (crops ? crops->n_windows() : 0);
    if (n < 2) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "a contrastive batch needs at least 2 texts to tell apart, here is " + std::to_string(n) +
                        "; add pairs or text, or set the weight of SSCL to 0.");
    }
    if (crop_share == 0 && !can_contrast(data.pairs, options.contrast)) {
        throw error(MAGNET_STATUS_INVALID_ARGUMENT,
                    "none of the " + std::to_string(data.pairs.size()) +
                        " pairs is a negative to another, because they share a text (one answer to all, say): SSCL would "
                        "learn nothing from them. Add pairs of other texts or hard negatives, or set its weight to 0.");
    }
    seek(places);
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
    const row_mode          mode = mode_of_row(options.rows, places.n_rows++);
    std::vector<token_span> spans;
    if (mode != row_mode::causal) {
        spans = draw_spans(d, w, options.rows, vocab, r);
    }
    b.rows.push_back(
        make_text_row(d, w, spans, mode, stage.mntp > 0 ? options.rows.mask_rate : 0, options.rows, vocab, r));
}

text_pair batch_source::next_pair() {
    const int64_t i = places.n_pairs++;
    if (std::fmod((double(i) + 0.5) * 0.6180339887498949, 1.0) < crop_share) { // as mode_of_row
        const text_window w = crops->next();
        rng               r(options.seed, draw::pair_row, uint64_t(i));
        return crop_pair(data.documents[w.document], w, options.contrast, r);
    }
    if (places.pairs.index == int64_t(pair_order.size())) {
        batch_places next = at();
        next.pairs        = {places.pairs.epoch + 1, 0};
        seek(next);
    }
    return data.pairs[pair_order[places.pairs.index++]];
}

void batch_source::add_pairs(micro_batch & b) {
    const int64_t          most = crops ? INT32_MAX : int64_t(data.pairs.size());
    std::vector<text_pair> pairs;
    for (int64_t i = 0; i < std::min<int64_t>(options.contrast.batch, most); ++i) {
        pairs.push_back(next_pair());
    }
    add_embed_rows(pairs, instruction, options.contrast, vocab, b);
}

batch_places batch_source::at() const {
    batch_places now = places;
    now.text         = text ? text->at() : order_place();
    now.crops        = crops ? crops->at() : order_place();
    return now;
}

void batch_source::seek(const batch_places & to) {
    if (text) {
        text->seek(to.text);
    }
    if (crops) {
        crops->seek(to.crops);
    }
    if (pair_order.empty() || to.pairs.epoch != places.pairs.epoch) {
        pair_order.resize(data.pairs.size());
        std::iota(pair_order.begin(), pair_order.end(), 0);
        rng(options.seed, draw::pair_order, uint64_t(to.pairs.epoch)).shuffle(pair_order);
    }
    if (to.pairs.index > int64_t(pair_order.size())) {
        throw error(MAGNET_STATUS_BAD_FILE, "there is no pair " + std::to_string(to.pairs.index));
    }
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
