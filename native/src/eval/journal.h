// What an interrupted evaluation has finished: JSON Lines, a line an item, flushed as it is done.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace magnet::eval {

// What a line's "sum" must be, told from the rest of it: a digit that is another one would be believed.
std::string sum_of(const nlohmann::json & line);

class journal {
public:
    // Reads what is at path, if anything, and appends to it. path "": keeps nothing. what: an object that says what is
    // evaluated how, the same for runs that may share items. Throws MISMATCH naming the keys that differ, BAD_FILE if
    // the file is no journal, IO. A last line that was cut off is dropped.
    journal(const std::string & path, const nlohmann::json & what);
    ~journal();
    journal(const journal &)             = delete;
    journal & operator=(const journal &) = delete;

    // NULL if the item is not finished.
    const std::vector<double> * find(const std::string & item) const;

    // Throws IO.
    void add(const std::string & item, const std::vector<double> & values);

private:
    void read(const nlohmann::json & what);
    void write(const std::string & line);

    const std::string                          path_;
    std::FILE *                                file_ = nullptr;
    std::map<std::string, std::vector<double>> items_;
};

} // namespace magnet::eval
