// Several runs of one piece of work on two sides, and what they say.
#pragma once

#include "side.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace magnet::bench {

struct spread {
    double min, median, max;
};
spread spread_of(std::vector<double> values);

// Runs come in pairs, one of each side after the other, so that a ratio compares what happened at the same time.
struct comparison {
    std::string         what;
    std::string         side, peer;
    std::string         unit;      // of rate(): "tokens/s"
    double              amount;    // done by one run, in that unit
    bool                by_time;   // ratio = time of side / time of peer (smaller is better), else rate / rate
    std::vector<timing> side_runs, peer_runs;
    std::string         agreement; // what the two computed, compared

    spread rate(const std::vector<timing> & runs) const;
    spread ratio(double timing::*clock) const;

    std::string    table_row() const;
    nlohmann::json json() const;
};

// The head of what table_row() prints.
std::string table_head();

// CPU, load, threads: what figures have to be read with.
nlohmann::json circumstances(int32_t n_threads);

} // namespace magnet::bench
