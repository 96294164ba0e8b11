#include "pair-order.h"

#include "base/error.h"

#include <algorithm>
#include <cmath>

namespace magnet::train {

double spread(int64_t i) {
    return std::fmod((double(i) + 0.5) * 0.6180339887498949, 1.0);
}

pair_order::pair_order(const corpus & data, uint64_t seed) : data(data), seed(seed) {
    sources.resize(data.pairs.empty() ? 0 : std::max<size_t>(data.sources.size(), 1));
    for (int32_t s = 0; s < n_sources(); ++s) {
        shuffle(s, 0);
    }
}

int32_t pair_order::source_of_batch(int64_t i) const {
    double sum = 0;
    for (const pair_source & s : data.sources) {
        sum += s.share;
    }
    double u = spread(i) * sum;
    for (int32_t s = 0; s + 1 < n_sources(); ++s) {
        if ((u -= data.sources[s].share) < 0) {
            return s;
        }
    }
    return n_sources() - 1;
}

void pair_order::shuffle(int32_t source, int64_t epoch) {
    std::vector<int32_t> & pairs = sources[source].pairs;
    pairs.clear();
    for (size_t i = 0; i < data.pairs.size(); ++i) {
        if (data.pairs[i].source == source) {
            pairs.push_back(int32_t(i));
        }
    }
    rng(seed, draw::pair_order, uint64_t(epoch) ^ uint64_t(source) << 40).shuffle(pairs);
    sources[source].now = {epoch, 0};
}

int32_t pair_order::next(int32_t source) {
    source_order & s = sources[source];
    if (s.now.index == int64_t(s.pairs.size())) {
        shuffle(source, s.now.epoch + 1);
    }
    return s.pairs[s.now.index++];
}

std::vector<order_place> pair_order::at() const {
    std::vector<order_place> places;
    for (const source_order & s : sources) {
        places.push_back(s.now);
    }
    return places;
}

void pair_order::seek(const std::vector<order_place> & to) {
    if (!to.empty() && to.size() != sources.size()) {
        throw error(MAGNET_STATUS_BAD_FILE, "there are places in " + std::to_string(to.size()) + " sources of pairs, not in " +
                                                std::to_string(sources.size()));
    }
    for (int32_t s = 0; s < n_sources(); ++s) {
        const order_place place = to.empty() ? order_place() : to[s];
        if (place.index > n_pairs(s)) {
            throw error(MAGNET_STATUS_BAD_FILE, "there is no pair " + std::to_string(place.index));
        }
        if (place.epoch != sources[s].now.epoch) {
            shuffle(s, place.epoch);
        }
        sources[s].now = place;
    }
}

} // namespace magnet::train
