// Statistics of the protocols.
#pragma once

#include <vector>

namespace magnet::eval {

// Ranks from 1; equal values share the mean of their ranks. values are finite.
std::vector<double> average_ranks(const std::vector<double> & values);

// Spearman's rank correlation, in [-1, 1]: Pearson's of the average ranks. NaN if either side has less than two
// different values. a and b have one size.
double spearman(const std::vector<double> & a, const std::vector<double> & b);

} // namespace magnet::eval
