#include "statistics.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace magnet::bench {

spread spread_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const size_t n = values.size();
    return { values.front(), (values[(n - 1) / 2] + values[n / 2]) / 2.0, values.back() };
}

spread comparison::rate(const std::vector<timing> & runs) const {
    std::vector<double> values;
    for (const timing & t : runs) {
        values.push_back(amount / t.wall);
    }
    return spread_of(values);
}

spread comparison::ratio(double timing::*clock) const {
    std::vector<double> values;
    for (size_t i = 0; i < side_runs.size(); ++i) {
        const double time_ratio = side_runs[i].*clock / (peer_runs[i].*clock);
        values.push_back(by_time ? time_ratio : 1.0 / time_ratio);
    }
    return spread_of(values);
}

std::string table_head() {
    char line[256];
    snprintf(line, sizeof(line), "%-28s %-8s %-8s %11s %11s %-12s %-20s %-20s %s", "what", "side", "peer", "side", "peer", "unit",
             "ratio min med max", "by CPU time", "agreement");
    return line;
}

std::string comparison::table_row() const {
    const spread wall = ratio(&timing::wall), cpu = ratio(&timing::cpu);
    char         line[320];
    snprintf(line, sizeof(line), "%-28s %-8s %-8s %11.1f %11.1f %-12s %.3f %.3f %.3f    %.3f %.3f %.3f    %s", what.c_str(),
             side.c_str(), peer.c_str(), rate(side_runs).median, rate(peer_runs).median, unit.c_str(), wall.min, wall.median,
             wall.max, cpu.min, cpu.median, cpu.max, agreement.c_str());
    return line;
}

nlohmann::json comparison::json() const {
    const auto object = [](const spread & s) { return nlohmann::json{ { "min", s.min }, { "median", s.median }, { "max", s.max } }; };
    const auto runs   = [](const std::vector<timing> & list) {
        nlohmann::json out = nlohmann::json::array();
        for (const timing & t : list) {
            out.push_back({ { "s", t.wall }, { "cpu_s", t.cpu } });
        }
        return out;
    };
    return { { "what", what },
             { "unit", unit },
             { "amount", amount },
             { "side", side },
             { "peer", peer },
             { "side_rate", object(rate(side_runs)) },
             { "peer_rate", object(rate(peer_runs)) },
             { "ratio_of", by_time ? "time" : "rate" },
             { "ratio", object(ratio(&timing::wall)) },
             { "ratio_cpu", object(ratio(&timing::cpu)) },
             { "side_runs", runs(side_runs) },
             { "peer_runs", runs(peer_runs) },
             { "agreement", agreement } };
}

nlohmann::json circumstances(int32_t n_threads) {
    std::string   cpu = "unknown", line;
    std::ifstream info("/proc/cpuinfo");
    while (std::getline(info, line)) {
        if (line.compare(0, 10, "model name") == 0) {
            cpu = line.substr(line.find(':') + 2);
            break;
        }
    }
    double load[3] = { 0, 0, 0 };
    getloadavg(load, 3);
    return { { "cpu", cpu },
             { "processors", std::thread::hardware_concurrency() },
             { "threads", n_threads },
             { "load_average", { load[0], load[1], load[2] } } };
}

} // namespace magnet::bench
