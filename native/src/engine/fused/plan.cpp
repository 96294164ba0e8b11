#include "plan.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

namespace magnet::fused {

namespace {

// Multiply-adds of one row's forward pass: products with the weights, and attention at half the square.
double cost(int64_t n_tokens, const hparams & hp) {
    const double heads = double(hp.n_head) * hp.head_dim;
    const double dense = 2.0 * hp.n_embd * heads + 2.0 * hp.n_embd * hp.n_head_kv * hp.head_dim +
                         3.0 * hp.n_embd * hp.n_ff;
    return double(n_tokens) * (dense + heads * double(n_tokens));
}

double cost(const row_group & g, const hparams & hp) {
    double sum = 0.0;
    for (size_t i = 0; i < g.rows.size(); ++i) {
        sum += cost(g.offsets[i + 1] - g.offsets[i], hp);
    }
    return sum;
}

// Groups of nearly equal size: longest rows first, each to the emptiest group.
std::vector<row_group> make_groups(const std::vector<engine_row> & rows, int64_t n_groups) {
    std::vector<int32_t> order(rows.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return rows[a].n_tokens > rows[b].n_tokens; });

    std::vector<row_group> groups(n_groups, row_group{ {}, { 0 } });
    using candidate = std::pair<int32_t, int32_t>; // tokens, group
    std::priority_queue<candidate, std::vector<candidate>, std::greater<candidate>> emptiest;
    for (int32_t g = 0; g < n_groups; ++g) {
        emptiest.push({ 0, g });
    }
    for (int32_t i : order) {
        const int32_t g = emptiest.top().second;
        emptiest.pop();
        groups[g].rows.push_back(i);
        groups[g].offsets.push_back(groups[g].n_tokens() + rows[i].n_tokens);
        emptiest.push({ groups[g].n_tokens(), g });
    }
    return groups;
}

// Each group to the team with the least to do so far. Returns the greatest load.
double assign(const std::vector<row_group> & groups, const hparams & hp, int32_t n_teams,
              std::vector<std::vector<row_group>> & teams) {
    std::vector<int32_t> order(groups.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return cost(groups[a], hp) > cost(groups[b], hp); });
    std::vector<double> load(n_teams, 0.0);
    teams.assign(n_teams, {});
    for (int32_t i : order) {
        const auto least = std::min_element(load.begin(), load.end()) - load.begin();
        teams[least].push_back(groups[i]);
        load[least] += cost(groups[i], hp);
    }
    return *std::max_element(load.begin(), load.end());
}

} // namespace

work_plan plan_work(const std::vector<engine_row> & rows, const hparams & hp, int32_t group_tokens, int32_t n_threads) {
    int64_t total = 0;
    for (const engine_row & row : rows) {
        total += row.n_tokens;
    }
    const int64_t per_round = int64_t(n_threads) * group_tokens; // the same number of groups for every thread
    const int64_t n_groups  = std::min<int64_t>((total + per_round - 1) / per_round * n_threads, int64_t(rows.size()));
    const std::vector<row_group> groups = make_groups(rows, n_groups);

    // Threads of a team wait for each other some ten times a layer, and small shares run less well.
    constexpr double team_efficiency = 0.9;

    work_plan best;
    double    best_time = 0.0;
    for (int32_t size = 1; size <= n_threads; ++size) {
        if (n_threads % size != 0) {
            continue;
        }
        work_plan    plan;
        const double load = assign(groups, hp, n_threads / size, plan.teams);
        const double time = size == 1 ? load : load / (size * team_efficiency);
        plan.team_size    = size;
        if (best.teams.empty() || time < best_time) {
            best      = plan;
            best_time = time;
        }
    }
    return best;
}

work_plan plan_at_once(const std::vector<engine_row> & rows, int32_t n_threads) {
    work_plan plan;
    for (row_group & g : make_groups(rows, n_threads)) {
        plan.teams.push_back({ std::move(g) });
    }
    return plan;
}

} // namespace magnet::fused
