#include "log.h"

#include "llama.h"
#include "utf8.h"

#include <algorithm>
#include <mutex>

namespace magnet {

namespace {

std::recursive_mutex log_mutex; // serialises the callback, and log_set against it; a callback may call the library
magnet_log_callback  log_callback  = nullptr;
void *               log_user_data = nullptr;

thread_local log_capture * active_capture = nullptr;

constexpr size_t max_reason = 300; // bytes: a grammar's error quotes all of the grammar that follows

int32_t level_of(ggml_log_level level) {
    switch (level) {
        case GGML_LOG_LEVEL_DEBUG: return MAGNET_LOG_DEBUG;
        case GGML_LOG_LEVEL_WARN:  return MAGNET_LOG_WARN;
        case GGML_LOG_LEVEL_ERROR: return MAGNET_LOG_ERROR;
        default:                   return MAGNET_LOG_INFO;
    }
}

} // namespace

// What a captured line is to the log: the call fails with these words, or was cancelled and does not fail.
ggml_log_level captured(const std::string & line, ggml_log_level level) {
    log_capture & to = *active_capture;
    if (line.find("model default pooling_type is") != std::string::npos) {
        return GGML_LOG_LEVEL_DEBUG; // what the file says of pooling: vectors are pooled here, as the caller says
    }
    if (line.find("cannot use buft") != std::string::npos) {
        return GGML_LOG_LEVEL_DEBUG; // a line for each matrix of an adapter beside weights in AMX's order; nothing is amiss
    }
    if (level == GGML_LOG_LEVEL_ERROR) {
        to.first_error_ = to.first_error_.empty() ? line : to.first_error_;
        return GGML_LOG_LEVEL_INFO;
    }
    return level == GGML_LOG_LEVEL_WARN && !to.warns_ ? GGML_LOG_LEVEL_INFO : level;
}

namespace {

// llama.cpp logs pieces of lines (GGML_LOG_LEVEL_CONT continues the last one).
void on_llama_log(ggml_log_level level, const char * text, void *) {
    static thread_local std::string    line;
    static thread_local ggml_log_level line_level = GGML_LOG_LEVEL_INFO;
    if (level == GGML_LOG_LEVEL_NONE) {
        return;
    }
    if (level != GGML_LOG_LEVEL_CONT) {
        line_level = level;
    }
    line += text;
    if (line.empty() || line.back() != '\n') {
        return;
    }
    while (!line.empty() && line.back() == '\n') {
        line.pop_back();
    }
    if (active_capture) {
        line_level = captured(line, line_level);
    }
    for (size_t begin = 0; begin < line.size();) {
        const size_t end = std::min(line.find('\n', begin), line.size());
        log_message(level_of(line_level), line.substr(begin, end - begin));
        begin = end + 1;
    }
    line.clear();
}

// Before any call into llama.cpp: its default callback prints to stderr.
const bool installed = [] {
    llama_log_set(on_llama_log, nullptr);
    return true;
}();

} // namespace

void log_set(magnet_log_callback callback, void * user_data) {
    std::lock_guard<std::recursive_mutex> lock(log_mutex);
    log_callback  = callback;
    log_user_data = user_data;
}

void log_message(int32_t level, const std::string & message) {
    std::lock_guard<std::recursive_mutex> lock(log_mutex);
    if (log_callback) {
        log_callback(level, message.c_str(), log_user_data);
    }
}

log_capture::log_capture(bool warns) : outer_(active_capture), warns_(warns) {
    active_capture = this;
}

log_capture::~log_capture() {
    active_capture = outer_;
}

std::string log_capture::reason() const {
    if (first_error_.empty()) {
        return "";
    }
    // "llama_model_load: error loading model: …" -> the part that says something, of its first line
    const size_t      colon  = first_error_.find(": ");
    const std::string reason = colon == std::string::npos ? first_error_ : first_error_.substr(colon + 2);
    return " (" + utf8_repair(reason.substr(0, std::min(reason.find('\n'), max_reason))) + ")";
}

} // namespace magnet
