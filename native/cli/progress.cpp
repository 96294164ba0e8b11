#include "progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <unistd.h>

#include "interrupt.h"
#include "terminal.h"

namespace magnet_cli {

using namespace std::chrono_literals;

std::string clock_text(double seconds) {
    const auto whole = static_cast<long long>(std::lround(std::min(seconds, 3.6e8)));
    char       buffer[40];
    if (whole >= 3600) {
        std::snprintf(buffer, sizeof buffer, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        std::snprintf(buffer, sizeof buffer, "%lld:%02lld", whole / 60, whole % 60);
    }
    return buffer;
}

static std::string bar(double fraction, int columns) {
    static const char * const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int                 filled    = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * columns * 8);
    std::string               out;
    for (int i = 0; i < filled / 8; ++i) {
        out += "█";
    }
    out += eighths[filled % 8];
    return pad(out, columns);
}

progress::progress(std::string label, int64_t total, bool visible, unit shows)
    : label(std::move(label)), total(total), visible(visible && is_terminal(STDERR_FILENO)), shows(shows) {}

progress::~progress() {
    erase();
}

void progress::update(int64_t done, const std::string & numbers) {
    const auto now = clock::now();
    if (visible && now - start >= 500ms && (!shown || now - drawn >= 100ms)) {
        drawn = now;
        draw(done, false, numbers);
    }
}

void progress::finish() {
    if (shown) {
        draw(total, true, "");
        std::fputc('\n', stderr);
        shown = false;
    }
}

void progress::print(const std::string & line) {
    erase();
    std::fprintf(stderr, "%s\n", line.c_str());
}

void progress::draw(int64_t done, bool last, std::string numbers) {
    const double seconds = std::chrono::duration<double>(clock::now() - start).count();
    const double rate    = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    if (numbers.empty()) {
        if (shows == unit::share) {
            numbers = std::to_string(done * 100 / std::max<int64_t>(total, 1)) + " %";
        } else {
            char speed[40];
            std::snprintf(speed, sizeof speed, rate < 10 ? "%.1f/s" : "%.0f/s", rate);
            numbers = group_thousands(done) + (total > 0 ? "/" + group_thousands(total) : "") + "  " + speed;
        }
        if (last) {
            numbers += "  " + clock_text(seconds);
        } else if (total > 0 && done > 0) {
            numbers += "  " + clock_text(static_cast<double>(total - done) / rate) + " left";
        }
    }
    const int   room = terminal_width(STDERR_FILENO) - 1 - display_width(label) - display_width(numbers) - 4;
    std::string line = label + "  ";
    if (total > 0 && room >= 8) {
        line += bar(static_cast<double>(done) / static_cast<double>(total), std::min(room, 24)) + "  ";
    }
    line = shorten(line + numbers, std::max(terminal_width(STDERR_FILENO) - 1, 1));
    std::fprintf(stderr, "\r%s\033[K", line.c_str());
    std::fflush(stderr);
    shown = true;
}

void progress::erase() {
    if (shown) {
        std::fputs("\r\033[K", stderr);
        std::fflush(stderr);
        shown = false;
    }
}

bool progress::callback(const magnet_progress * state, void * user_data) {
    auto & self = *static_cast<progress *>(user_data);
    self.update(self.offset + state->done);
    return !interrupted();
}

} // namespace magnet_cli
