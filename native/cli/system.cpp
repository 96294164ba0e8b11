#include "system.h"

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdlib>

#ifdef _WIN32
#    include <windows.h>

#    include <fcntl.h>
#    include <io.h>
#    include <random>
#    include <shellapi.h>
#    include <share.h>
#    include <sys/stat.h>

#    include "../src/base/path.h"
#else
#    include <sys/stat.h>
#    include <unistd.h>
#endif

namespace magnet_cli {

#ifdef _WIN32

static std::string utf8(const std::wstring & text) {
    const int   size = WideCharToMultiByte(CP_UTF8, 0, text.data(), int(text.size()), nullptr, 0, nullptr, nullptr);
    std::string out(size_t(size), '\0');
    WideCharToMultiByte(CP_UTF8, 0, text.data(), int(text.size()), out.data(), size, nullptr, nullptr);
    return out;
}

// getenv() would give them in the code page of the system.
static void environment_in_utf8() {
    wchar_t * const all = GetEnvironmentStringsW();
    for (const wchar_t * entry = all; entry != nullptr && *entry != L'\0'; entry += std::wcslen(entry) + 1) {
        const std::string text = utf8(entry);
        const size_t      end  = text.find('=');
        if (end == std::string::npos) {
            continue;
        }
        const std::string name = text.substr(0, end);
        if (name.compare(0, 7, "MAGNET_") == 0 || name == "XDG_CACHE_HOME" || name == "USERPROFILE") {
            _putenv_s(name.c_str(), text.substr(end + 1).c_str());
        }
    }
    FreeEnvironmentStringsW(all);
}

std::vector<std::string> start_process(int, char **) {
    for (std::FILE * stream : {stdin, stdout, stderr}) {
        _setmode(_fileno(stream), _O_BINARY);
    }
    SetConsoleOutputCP(CP_UTF8);
    DWORD mode = 0;
    for (const DWORD handle : {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE}) {
        if (GetConsoleMode(GetStdHandle(handle), &mode)) {
            SetConsoleMode(GetStdHandle(handle), mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
        }
    }
    environment_in_utf8();
    int                      n     = 0;
    wchar_t ** const         words = CommandLineToArgvW(GetCommandLineW(), &n);
    std::vector<std::string> arguments;
    for (int i = 0; i < n; ++i) {
        arguments.push_back(utf8(words[i]));
    }
    LocalFree(words);
    return arguments;
}

int create_temporary(std::string & path) {
    static const char  letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device random;
    for (int tries = 0; tries < 100; ++tries) {
        for (size_t i = path.size() - 6; i < path.size(); ++i) {
            path[i] = letters[random() % (sizeof letters - 1)];
        }
        int fd = -1;
        if (_wsopen_s(&fd, magnet::to_path(path).c_str(), _O_BINARY | _O_CREAT | _O_EXCL | _O_RDWR, _SH_DENYNO,
                      _S_IREAD | _S_IWRITE) == 0) {
            return fd;
        }
        if (errno != EEXIST) {
            return -1;
        }
    }
    return -1;
}

std::FILE * open_temporary(int fd, const std::filesystem::file_status &) {
    return _fdopen(fd, "wb");
}

void close_descriptor(int fd) {
    _close(fd);
}

#else

std::vector<std::string> start_process(int argc, char ** argv) {
    std::setlocale(LC_CTYPE, "C.UTF-8"); // wcwidth() of characters beyond ASCII
    std::signal(SIGPIPE, SIG_IGN);       // a reader that is gone shows as a failed write
    std::signal(SIGXFSZ, SIG_IGN);       // and so does a file that is larger than the shell allows
    return {argv, argv + argc};
}

int create_temporary(std::string & path) {
    return mkstemp(path.data());
}

std::FILE * open_temporary(int fd, const std::filesystem::file_status & replaced) {
    const mode_t mask = umask(0); // mkstemp made it private
    umask(mask);
    const auto mode =
        std::filesystem::exists(replaced) ? static_cast<mode_t>(replaced.permissions()) & 0777 : 0666 & ~mask;
    return fchmod(fd, mode) == 0 ? fdopen(fd, "wb") : nullptr;
}

void close_descriptor(int fd) {
    ::close(fd);
}

#endif

} // namespace magnet_cli
