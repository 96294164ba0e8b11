// How good a ranking is.
#pragma once

#include <cstdint>
#include <vector>

namespace magnet::eval {

// grades: of the ranked documents, best rank first; judged: of all judged documents of the query, in any order, at
// least one above 0. A document is relevant if its grade is above 0; one that nobody judged has grade 0.

// Share of the relevant documents that are among the first k. In [0, 1].
double recall_at(const std::vector<int32_t> & grades, const std::vector<int32_t> & judged, int32_t k);

// Normalised discounted cumulative gain of the first k: sum of grade / log2(rank + 1), over that of the best order
// (Järvelin and Kekäläinen, 2002, with the linear gain of trec_eval's ndcg_cut). Grades below 0 gain nothing. In [0,
// 1].
double ndcg_at(const std::vector<int32_t> & grades, const std::vector<int32_t> & judged, int32_t k);

// 1 / rank of the first relevant document, 0 if none of them is: the mean over queries is MRR.
double reciprocal_rank(const std::vector<int32_t> & grades);

} // namespace magnet::eval
