#include "heldout.h"

#include "base/error.h"
#include "base/log.h"
#include "objectives.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace magnet::train {

// Document without the windows that are held out (ascending).
static void keep_rest(const text_document & d, const std::vector<text_window> & out,
                      std::vector<text_document> & rest) {
    const auto part = [&](int32_t begin, int32_t end) {
        text_document p;
        p.tokens.assign(d.tokens.begin() + begin, d.tokens.begin() + end);
        p.begins = d.begins && begin == 0;
        p.ends   = d.ends && end == int32_t(d.tokens.size());
        for (const int32_t s : d.sentences) {
            if (s >= begin && s < end) {
                p.sentences.push_back(s - begin);
            }
        }
        if (p.sentences.empty() || p.sentences.front() != 0) {
            p.sentences.insert(p.sentences.begin(), 0);
        }
        if (end > begin) {
            rest.push_back(std::move(p));
        }
    };
    int32_t begin = 0;
    for (const text_window & w : out) {
        part(begin, w.begin);
        begin = w.end;
    }
    part(begin, int32_t(d.tokens.size()));
}

static text_document copy_window(const text_document & d, const text_window & w) {
    std::vector<text_document> parts;
    std::vector<text_window>   around;
    if (w.begin > 0) {
        around.push_back({w.document, 0, w.begin});
    }
    if (w.end < int32_t(d.tokens.size())) {
        around.push_back({w.document, w.end, int32_t(d.tokens.size())});
    }
    keep_rest(d, around, parts);
    return parts.front();
}

corpus split_heldout(corpus & data, const train_options & options) {
    corpus                   out;
    rng                      r(options.seed, draw::heldout);
    std::vector<text_window> windows;
    for (size_t i = 0; i < data.documents.size(); ++i) {
        cut_document(data.documents[i], int32_t(i), options.rows.length, options.rows.length, windows);
    }
    r.shuffle(windows);
    windows.resize(std::min<size_t>(windows.size() / 10, size_t(options.heldout.rows)));
    std::sort(windows.begin(), windows.end(), [](const text_window & a, const text_window & b) {
        return a.document != b.document ? a.document < b.document : a.begin < b.begin;
    });
    std::vector<text_document> rest;
    auto                       w = windows.begin();
    for (size_t i = 0; i < data.documents.size(); ++i) {
        std::vector<text_window> mine;
        for (; w != windows.end() && w->document == int32_t(i); ++w) {
            mine.push_back(*w);
            out.documents.push_back(copy_window(data.documents[i], *w));
        }
        if (mine.empty()) {
            rest.push_back(std::move(data.documents[i]));
        } else {
            keep_rest(data.documents[i], mine, rest);
        }
    }
    data.documents = std::move(rest);

    r.shuffle(data.pairs);
    out.sources = data.sources;
    std::vector<size_t> wanted(std::max<size_t>(data.sources.size(), 1), 0);
    for (const text_pair & p : data.pairs) {
        ++wanted[p.source];
    }
    for (size_t & n : wanted) {
        n = std::min<size_t>(n / 10, size_t(options.heldout.rows));
    }
    std::vector<text_pair> rest_of_pairs;
    for (auto p = data.pairs.rbegin(); p != data.pairs.rend(); ++p) {
        const bool keep = wanted[p->source] > 0 && wanted[p->source]-- > 0;
        (keep ? out.pairs : rest_of_pairs).push_back(std::move(*p));
    }
    std::reverse(out.pairs.begin(), out.pairs.end());
    std::reverse(rest_of_pairs.begin(), rest_of_pairs.end());
    data.pairs = std::move(rest_of_pairs);
    return out;
}

// At most n of the items, evenly spread.
template <typename T>
static std::vector<T> thinned(const std::vector<T> & items, size_t n) {
    std::vector<T> some;
    const size_t   count = std::min(items.size(), n);
    for (size_t i = 0; i < count; ++i) {
        some.push_back(items[i * items.size() / count]);
    }
    return some;
}

heldout::heldout(const corpus & data, const train_options & options, const train_vocab & vocab) : options(options) {
    const row_options &      o = options.rows;
    std::vector<text_window> windows;
    for (size_t i = 0; i < data.documents.size(); ++i) {
        cut_document(data.documents[i], int32_t(i), o.length, o.length, windows);
    }
    std::vector<text_pair> crops;
    for (const text_window & w : thinned(windows, size_t(options.heldout.rows))) {
        const text_document & d = data.documents[w.document];
        rng                   r(options.seed, draw::heldout, 1 + text.size());
        const auto            spans = draw_spans(d, w, o, vocab, r);
        for (const row_mode mode : {row_mode::hybrid, row_mode::ordered, row_mode::causal}) {
            rng same = r; // the same room under either mask
            text.push_back(make_text_row(d, w, spans, mode, 0.0, o, vocab, same));
        }
        train_row masked = make_text_row(d, w, spans, row_mode::hybrid, o.mask_rate, o, vocab, r);
        masked.msg.clear();
        text.push_back(std::move(masked));
        if (data.pairs.empty()) {
            crops.push_back(crop_pair(d, w, options.contrast, r));
        }
    }
    const std::vector<pair_source> one = {{"", 1}};
    const auto &                   sources = data.sources.empty() ? one : data.sources;
    for (size_t s = 0; s < sources.size(); ++s) {
        std::vector<text_pair> pairs = crops;
        std::copy_if(data.pairs.begin(), data.pairs.end(), std::back_inserter(pairs),
                     [s](const text_pair & p) { return p.source == int32_t(s); });
        add_contrast(thinned(pairs, size_t(options.heldout.rows)), sources[s], vocab);
    }
}

void heldout::add_contrast(const std::vector<text_pair> & pairs, const pair_source & source, const train_vocab & vocab) {
    if (pairs.size() < 2) {
        return;
    }
    contrast c;
    c.share = source.share;
    add_embed_rows(pairs, instructions(options.contrast, vocab), options.contrast, vocab, c.batch);
    if (!has_negative(c.batch.n_pairs, c.batch.texts, options.contrast.symmetric)) {
        log_message(MAGNET_LOG_WARN, (source.name.empty() ? "" : source.name + ": ") + "no held-out pair is a negative to "
                                     "another, because they share a text: SSCL is not judged.");
        return;
    }
    contrasts.push_back(std::move(c));
}

int64_t heldout::n_pairs() const {
    int64_t n = 0;
    for (const contrast & c : contrasts) {
        n += c.batch.n_pairs;
    }
    return n;
}

static std::vector<engine_row> views_of(const std::vector<train_row> & rows) {
    std::vector<engine_row> views;
    for (const train_row & row : rows) {
        views.push_back(row.view());
    }
    return views;
}

double heldout::sscl_of(engine & e) const {
    const int32_t d   = e.shape().n_embd;
    double        sum = 0, shares = 0;
    for (const contrast & c : contrasts) {
        contrast_batch batch;
        batch.n_pairs = c.batch.n_pairs;
        batch.n_embd  = d;
        batch.texts   = c.batch.texts;
        batch.vectors.resize(c.batch.rows.size() * size_t(d));
        e.forward_each(views_of(c.batch.rows), [&](int32_t i, const float * hidden) {
            pool(c.batch.rows[i], options.contrast.pooling, hidden, d, &batch.vectors[size_t(i) * d]);
        });
        sum += c.share * contrast_loss(batch, options.contrast, 0, nullptr);
        shares += c.share;
    }
    return sum / shares; // NaN without any
}

heldout_losses heldout::evaluate(engine & e) const {
    std::vector<double> mntp(text.size(), 0.0), msg(text.size(), 0.0);
    e.forward_each(views_of(text), [&](int32_t i, const float * hidden) {
        mntp[i] = mntp_loss(e, text[i], hidden, 0, nullptr);
        msg[i]  = msg_loss(e, text[i], hidden, 0, nullptr);
    });

    double sum[4] = {}, n[4] = {}; // by mode; the last is MNTP
    for (size_t i = 0; i < text.size(); ++i) {
        const train_row & row = text[i];
        sum[int(row.mode)] += msg[i];
        n[int(row.mode)] += double(row.msg.size());
        sum[3] += mntp[i];
        n[3] += double(row.mntp.size());
    }
    const double   none = std::numeric_limits<double>::quiet_NaN();
    const auto     mean = [&](int k) { return n[k] > 0 ? sum[k] / n[k] : none; };
    heldout_losses l;
    l.msg_hybrid  = mean(int(row_mode::hybrid));
    l.msg_ordered = mean(int(row_mode::ordered));
    l.causal      = mean(int(row_mode::causal));
    l.mntp        = mean(3);
    l.sscl        = sscl_of(e);

    // What there is nothing to compute on does not count; a loss that is no number must not look like a good one.
    const train_stage & stage = options.stages.back();
    const row_options & o     = options.rows;
    const double        gaps  = double(o.share_hybrid) + o.share_ordered;
    const double fill = gaps > 0 ? (o.share_hybrid * l.msg_hybrid + o.share_ordered * l.msg_ordered) / gaps : l.causal;
    l.score           = (!text.empty() ? stage.msg * fill : 0) + (n[3] > 0 ? stage.mntp * l.mntp : 0) +
              (!contrasts.empty() ? stage.sscl * l.sscl : 0);
    return l;
}

} // namespace magnet::train
