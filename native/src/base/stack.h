// Room to recurse: a caller's thread may have a small stack (a Java thread has 1 MiB, on request 256 KiB), and running
// out of it ends the process.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace magnet {

// Runs fn on a thread with a stack of that many bytes, and waits for it. Throws what fn throws, and OUT_OF_MEMORY.
void with_stack(size_t bytes, const std::function<void()> & fn);

// Bytes of the longest run in a text that a tokenizer's regular expression could take as one piece: where ASCII letters,
// digits or punctuation meet ASCII space, one ends.
size_t longest_run(std::string_view text);

} // namespace magnet
