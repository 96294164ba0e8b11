#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "magnet.h"

namespace magnet_cli {

// 75.2 -> "1:15", 3725 -> "1:02:05"
std::string clock_text(double seconds);

/*
 * One line on stderr: label, bar, count, rate and time left. Drawn only where stderr is a terminal, first after half a
 * second (short work shows nothing), then at most ten times a second, as wide as the terminal is at that moment.
 */
class progress {
public:
    enum class unit { count, share }; // share: only the percentage means something to a reader

    // total 0 = not known. visible false = never draw, for work that prints to the same terminal.
    progress(std::string label, int64_t total, bool visible = true, unit shows = unit::count);
    ~progress(); // erases the line
    progress(const progress &)             = delete;
    progress & operator=(const progress &) = delete;

    // numbers: what to show instead of count, rate and time left
    void update(int64_t done, const std::string & numbers = "");
    void print(const std::string & line); // a line that stays, above the bar; shown on no terminal too
    void finish(); // leaves the last line, with the whole time, if the bar was shown

    // What calls of magnet.h take: user_data is a progress; its counts are added to offset. False once interrupted.
    static bool callback(const magnet_progress * state, void * user_data);
    int64_t     offset = 0;

private:
    using clock = std::chrono::steady_clock;

    void draw(int64_t done, bool last, std::string numbers);
    void erase();

    std::string       label;
    int64_t           total;
    bool              visible;
    unit              shows;
    bool              shown = false;
    clock::time_point start = clock::now();
    clock::time_point drawn = start;
};

} // namespace magnet_cli
