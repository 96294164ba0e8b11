#include "distinct-files.h"

#include "error.h"
#include "path.h"

#include <filesystem>

namespace magnet {

namespace fs = std::filesystem;

// Where opening the path would lead, whether or not something is there.
static fs::path target_of(fs::path path) {
    std::error_code failed;
    for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(path, failed)); ++links) {
        const fs::path to = fs::read_symlink(path, failed);
        path              = to.is_absolute() ? to : path.parent_path() / to;
    }
    const fs::path absolute  = fs::absolute(path, failed);
    const fs::path canonical = fs::weakly_canonical(absolute, failed);
    return failed ? absolute : canonical;
}

static bool same_file(const std::string & a, const std::string & b) {
    std::error_code failed;
    return fs::equivalent(to_path(a), to_path(b), failed) || target_of(to_path(a)) == target_of(to_path(b));
}

void check_distinct(const std::vector<named_file> & reads, const std::vector<named_file> & writes) {
    for (size_t i = 0; i < writes.size(); ++i) {
        const named_file & to = writes[i];
        if (to.path.empty()) {
            continue;
        }
        const auto check = [&to](const named_file & other, const char * what) {
            if (!other.path.empty() && same_file(to.path, other.path)) {
                throw error(MAGNET_STATUS_INVALID_ARGUMENT, to.name + " is " + to.path + ", which would destroy " +
                                                                other.name + ", " + other.path + ", " + what +
                                                                " by this call; name another file.");
            }
        };
        for (const named_file & from : reads) {
            check(from, "read");
        }
        for (size_t k = 0; k < writes.size(); ++k) {
            if (k != i) {
                check(writes[k], "written");
            }
        }
    }
}

} // namespace magnet
