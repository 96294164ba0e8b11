// Latencies of callers.
#pragma once

#include "side.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace magnet::bench {

// The smallest value that a share p of all does not exceed (nearest rank).
inline double percentile(std::vector<double> values, double p) {
    std::sort(values.begin(), values.end());
    const auto rank = (size_t)std::ceil(p * (double)values.size());
    return values[std::max<size_t>(rank, 1) - 1];
}

// What callers that run at once get.
struct callers_figures {
    double rate;                 // tokens/s of all together, from the first one's beginning to the last one's end
    double decode_rate;          // tokens/s while all decode: from the last first token to the first last one
    double first_p50, first_p99; // s from a caller's beginning to its first token
    double next_p50, next_p99;   // s from a token to the caller's next one

    explicit callers_figures(const std::vector<caller_run> & runs) {
        std::vector<double> first, next;
        double              end = 0.0, all_run = 0.0, one_done = INFINITY;
        for (const caller_run & c : runs) {
            first.push_back(c.at.front() - c.begin);
            for (size_t i = 1; i < c.at.size(); ++i) {
                next.push_back(c.at[i] - c.at[i - 1]);
            }
            end      = std::max(end, c.at.back());
            all_run  = std::max(all_run, c.at.front());
            one_done = std::min(one_done, c.at.back());
        }
        double total = 0.0, within = 0.0;
        for (const caller_run & c : runs) {
            total += (double)c.at.size();
            within +=
                (double)std::count_if(c.at.begin(), c.at.end(), [&](double t) { return t > all_run && t <= one_done; });
        }
        rate        = total / end;
        decode_rate = one_done > all_run ? within / (one_done - all_run) : NAN;
        first_p50   = percentile(first, 0.5);
        first_p99   = percentile(first, 0.99);
        next_p50    = percentile(next, 0.5);
        next_p99    = percentile(next, 0.99);
    }
};

} // namespace magnet::bench
