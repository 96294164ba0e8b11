#include "report.h"

#include "base/atomic-file.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

namespace magnet::train {

struct series {
    const char *                                       name;
    const char *                                       style; // CSS class
    bool                                               dots;  // held-out points; else a line of every step, smoothed
    std::function<double(const train_record & record)> value; // NaN = no point
};

static std::string number(double x, const char * format = "%.4g") {
    char text[32];
    std::snprintf(text, sizeof(text), format, x);
    return text;
}

static std::string escaped(const std::string & text) {
    std::string out;
    for (const char c : text) {
        out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
    }
    return out;
}

// ------------------------------------------------------------------------------------------------ charts

struct point {
    double x, y;
};

// Lines are drawn as an exponential mean, so that the trend shows through the noise of single batches.
static std::vector<point> points_of(const series & s, const std::vector<train_record> & history) {
    std::vector<point> points;
    for (const train_record & r : history) {
        const double y = s.value(r);
        if (std::isfinite(y)) {
            points.push_back({double(r.step), s.dots || points.empty() ? y : 0.9 * points.back().y + 0.1 * y});
        }
    }
    return points;
}

// A round distance between ticks that makes three to six of them.
static double tick_step(double range) {
    const double power = std::pow(10.0, std::floor(std::log10(range / 3)));
    const double lead  = range / 3 / power;
    return power * (lead >= 5 ? 5 : lead >= 2 ? 2 : 1);
}

static std::string chart(const std::string & title, const std::vector<series> & all,
                         const std::vector<train_record> & history) {
    const double                    width = 460, height = 260, left = 52, right = 12, top = 12, bottom = 30;
    std::vector<std::vector<point>> curves;
    double                          lo = INFINITY, hi = -INFINITY;
    for (const series & s : all) {
        curves.push_back(points_of(s, history));
        for (const point & p : curves.back()) {
            lo = std::min(lo, p.y);
            hi = std::max(hi, p.y);
        }
    }
    if (lo > hi) {
        return ""; // nothing to draw
    }
    const double margin = std::max(0.05 * (hi - lo), 1e-9 + 1e-3 * std::fabs(hi));
    lo -= margin;
    hi += margin;
    const double last = std::max(1, history.back().step);
    const auto   x    = [&](double step) { return number(left + (width - left - right) * step / last, "%.1f"); };
    const auto   y    = [&](double v) { return number(top + (height - top - bottom) * (hi - v) / (hi - lo), "%.1f"); };

    std::string svg = "<figure><figcaption>" + title +
                      "</figcaption><svg viewBox=\"0 0 460 260\" role=\"img\" aria-label=\"" + title + "\">\n";
    const double dy = tick_step(hi - lo), dx = std::max(1.0, tick_step(last));
    for (double v = std::ceil(lo / dy) * dy; v <= hi; v += dy) {
        svg += "<line class=\"grid\" x1=\"" + number(left) + "\" x2=\"" + number(width - right) + "\" y1=\"" + y(v) +
               "\" y2=\"" + y(v) + "\"/><text x=\"" + number(left - 6) + "\" y=\"" + y(v) +
               "\" dy=\"4\" text-anchor=\"end\">" + number(std::fabs(v) < dy * 1e-6 ? 0.0 : v, "%.3g") + "</text>\n";
    }
    for (double step = 0; step <= last; step += dx) {
        svg += "<text x=\"" + x(step) + "\" y=\"" + number(height - 8) + "\" text-anchor=\"middle\">" +
               number(step, "%.0f") + "</text>\n";
    }
    std::string legend;
    for (size_t i = 0; i < all.size(); ++i) {
        if (curves[i].empty()) {
            continue;
        }
        std::string path;
        for (const point & p : curves[i]) {
            path += x(p.x) + "," + y(p.y) + " ";
        }
        svg += std::string("<polyline class=\"") + all[i].style + (all[i].dots ? " held" : "") + "\" points=\"" + path +
               "\"/>\n";
        for (const point & p : all[i].dots ? curves[i] : std::vector<point>()) {
            svg += "<circle class=\"" + std::string(all[i].style) + "\" cx=\"" + x(p.x) + "\" cy=\"" + y(p.y) +
                   "\" r=\"3\"><title>" + all[i].name + ", step " + number(p.x, "%.0f") + ": " + number(p.y) +
                   "</title></circle>\n";
        }
        legend += "<span class=\"" + std::string(all[i].style) + "\">" + all[i].name + " " +
                  number(curves[i].back().y) + "</span> ";
    }
    return svg + "</svg><p class=\"legend\">" + legend + "</p></figure>\n";
}

// ------------------------------------------------------------------------------------------------ page

static const char * const style = R"(
:root { color-scheme: light dark; --line: #8884; --a: #2266bb; --b: #cc5522; --c: #228855; }
@media (prefers-color-scheme: dark) { :root { --a: #77aaff; --b: #ff9966; --c: #66cc99; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.4em; } main { display: grid; grid-template-columns: repeat(auto-fit, minmax(360px, 1fr)); gap: 1em; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
svg text { font-size: 11px; fill: currentColor; } .grid { stroke: var(--line); }
polyline { fill: none; stroke-width: 1.6; } polyline.held { stroke-dasharray: 3 3; stroke-width: 1; }
polyline.a { stroke: var(--a); } polyline.b { stroke: var(--b); } polyline.c { stroke: var(--c); }
circle.a, .legend .a { fill: var(--a); color: var(--a); } circle.b, .legend .b { fill: var(--b); color: var(--b); }
circle.c, .legend .c { fill: var(--c); color: var(--c); } .legend { margin: 0; font-size: 13px; }
table { border-collapse: collapse; } td { padding: 0.1em 1.2em 0.1em 0; } pre { white-space: pre-wrap; font-size: 12px; }
)";

static std::string summary(const train_options & options, const std::vector<train_record> & history) {
    const train_record & last = history.back();
    const train_record * best = nullptr;
    for (const train_record & r : history) {
        if (r.looked && r.step > 0 && (!best || r.heldout.score < best->heldout.score)) {
            best = &r;
        }
    }
    std::string rows;
    const auto  row = [&rows](const std::string & name, const std::string & value) {
        rows += "<tr><td>" + name + "</td><td>" + escaped(value) + "</td></tr>\n";
    };
    row("Base model", options.files.model);
    row("Adapter", options.files.output);
    row("LoRA", "rank " + std::to_string(options.lora.rank) + ", alpha " + number(options.lora.alpha));
    row("Steps", std::to_string(last.step) + " of " + std::to_string(total_steps(options)));
    row("Tokens", std::to_string(last.tokens));
    row("Time", number(last.seconds, "%.0f") + " s, " +
                    number(double(last.tokens) / std::max(last.seconds, 1e-9), "%.0f") + " tokens/s");
    if (best) {
        row("Best held-out loss", number(best->heldout.score) + " at step " + std::to_string(best->step));
    }
    return "<table>\n" + rows + "</table>\n";
}

std::string make_report(const train_options & options, const std::vector<train_record> & history) {
    const auto held = [](double heldout_losses::*loss) {
        return [loss](const train_record & r) { return r.looked ? r.heldout.*loss : NAN; };
    };
    std::string page = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Training report</title>"
                       "<meta name=\"viewport\" content=\"width=device-width\"><style>" +
                       std::string(style) + "</style></head><body>\n<h1>Training of " + escaped(options.files.output) +
                       "</h1>\n";
    if (!history.empty()) {
        page += summary(options, history) +
                "<p>Losses are mean negative log-likelihoods (nats) over steps. Lines: training, "
                "smoothed. Dots: held-out text.</p>\n<main>\n";
        page += chart("MSG: missing spans",
                      {{"training", "a", false, [](const train_record & r) { return r.msg; }},
                       {"held-out, hybrid mask", "b", true, held(&heldout_losses::msg_hybrid)},
                       {"held-out, ordered mask", "c", true, held(&heldout_losses::msg_ordered)}},
                      history);
        page += chart("MNTP: masked next tokens",
                      {{"training", "a", false, [](const train_record & r) { return r.mntp; }},
                       {"held-out", "b", true, held(&heldout_losses::mntp)}},
                      history);
        page += chart("SSCL: contrastive",
                      {{"training", "a", false, [](const train_record & r) { return r.sscl; }},
                       {"held-out", "b", true, held(&heldout_losses::sscl)}},
                      history);
        page += chart("Language modelling", {{"held-out, causal", "b", true, held(&heldout_losses::causal)}}, history);
        page +=
            chart("Gradient norm",
                  {{"before clipping", "a", false, [](const train_record & r) { return r.gradient_norm; }}}, history);
        page += chart("Learning rate", {{"AdamW", "a", false, [](const train_record & r) { return r.learning_rate; }}}, history);
        page += "</main>\n";
    }
    return page + "<details><summary>All options</summary><pre>" + escaped(options_to_json(options)) +
           "</pre></details>\n</body></html>\n";
}

void write_report(const std::string & path, const train_options & options, const std::vector<train_record> & history) {
    const std::string page = make_report(options, history);
    atomic_file       file(path);
    file.write(page.data(), page.size());
    file.commit();
}

} // namespace magnet::train
