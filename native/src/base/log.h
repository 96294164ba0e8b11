// Where messages of llama.cpp and of this library go: to the caller's callback, or nowhere.
#pragma once

#include "magnet.h"

#include "ggml.h"

#include <string>

namespace magnet {

void log_set(magnet_log_callback callback, void * user_data);
void log_message(int32_t level, const std::string & message);

// While it lives, keeps the first error that llama.cpp logs on this thread: the reason behind a NULL or a code. To the
// log, errors are information then; so are warnings if it does not warn.
class log_capture {
public:
    explicit log_capture(bool warns = true);
    ~log_capture();
    log_capture(const log_capture &)             = delete;
    log_capture & operator=(const log_capture &) = delete;

    // " (reason)", or "" if nothing was logged.
    std::string reason() const;

private:
    log_capture * outer_;
    std::string   first_error_;
    bool          warns_;

    friend ggml_log_level captured(const std::string & line, ggml_log_level level);
};

} // namespace magnet
