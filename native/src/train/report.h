// One self-contained HTML page of a training run: what was asked, how the losses went, what came out.
//
// The curves are inline SVG drawn here. The page holds no script, so it opens anywhere a page may be shown (mail, CI
// artefacts, sandboxed viewers) and building the library needs no JavaScript package.
#pragma once

#include "metrics.h"
#include "train-options.h"

#include <string>
#include <vector>

namespace magnet::train {

std::string make_report(const train_options & options, const std::vector<train_record> & history);

// Replaces path atomically. Throws IO.
void write_report(const std::string & path, const train_options & options, const std::vector<train_record> & history);

} // namespace magnet::train
