// Which file it was that was loaded: what is read from it later must come from the same one.
#pragma once

#include <cstdint>
#include <string>

namespace magnet {

class file_identity {
public:
    // Throws IO, naming the file.
    explicit file_identity(const std::string & path);

    // Throws IO if the path leads to no file any more, to another one, or to one that was written to since.
    void check_unchanged() const;

    // Tells its content from others (base/file-stamp.h). Throws as check_unchanged does.
    std::string digest() const;

private:
    struct marks {
        uint64_t device, inode;
        int64_t  size, seconds, nanoseconds; // of the last change

        bool operator==(const marks & m) const;
    };
    static bool look(const std::string & path, marks & out);

    std::string path_;
    marks       marks_ = {};
};

} // namespace magnet
