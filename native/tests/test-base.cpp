// What the rest stands on: processors that may be used, stamps of files.
#include "base/file-stamp.h"
#include "base/memory.h"
#include "base/processors.h"
#include "model/model.h"
#include "test_files.h"

#include <doctest/doctest.h>

#include <cmath>

#ifdef __linux__
#    include <sched.h>
#endif

using namespace magnet;
using namespace magnet::testing;

namespace {

// Control groups as the kernel shows them: a file of memberships, and folders with limits.
struct control_groups {
    test_folder folder;

    void limit(const std::string & group, const std::string & file, const std::string & text) {
        std::filesystem::create_directories(folder / ("root/" + group));
        folder.write("root/" + group + "/" + file, text);
    }
    double quota(const std::string & memberships) {
        return cgroup_quota(folder.write("membership", memberships), folder / "root");
    }
    int64_t memory(const std::string & memberships) {
        return cgroup_memory_left(folder.write("membership", memberships), folder / "root");
    }
};

} // namespace

TEST_CASE_FIXTURE(control_groups, "quota of control groups, version 2") {
    CHECK(std::isinf(quota("0::/a/b\n")));
    limit("a/b", "cpu.max", "max 100000\n");
    CHECK(std::isinf(quota("0::/a/b\n")));
    limit("a", "cpu.max", "250000 100000\n"); // of the group around it
    CHECK(quota("0::/a/b\n") == 2.5);
    limit("a/b", "cpu.max", "50000 100000\n");
    CHECK(quota("0::/a/b\n") == 0.5);
    CHECK(quota("0::/a\n") == 2.5);
    CHECK(std::isinf(quota("0::/other\n")));
    limit("", "cpu.max", "400000 100000\n"); // all that a container sees of itself
    CHECK(quota("0::/\n") == 4.0);
    CHECK(quota("0::/not/seen/from/here\n") == 4.0);
}

TEST_CASE_FIXTURE(control_groups, "quota of control groups, version 1") {
    const std::string memberships = "3:memory:/m\n2:cpu,cpuacct:/docker/x\n1:name=systemd:/\n";
    CHECK(std::isinf(quota(memberships)));
    limit("cpu,cpuacct/docker/x", "cpu.cfs_quota_us", "-1\n");
    limit("cpu,cpuacct/docker/x", "cpu.cfs_period_us", "100000\n");
    CHECK(std::isinf(quota(memberships)));
    limit("cpu,cpuacct/docker/x", "cpu.cfs_quota_us", "150000\n");
    CHECK(quota(memberships) == 1.5);
    limit("cpu", "cpu.cfs_quota_us", "100000\n");
    limit("cpu", "cpu.cfs_period_us", "100000\n");
    CHECK(quota(memberships) == 1.0);
    limit("memory/m", "cpu.max", "1 100000\n"); // of no concern
    CHECK(quota(memberships) == 1.0);
}

TEST_CASE_FIXTURE(control_groups, "memory that control groups leave, version 2") {
    CHECK(memory("0::/a/b\n") == INT64_MAX);
    limit("a/b", "memory.max", "max\n");
    limit("a/b", "memory.current", "700\n");
    CHECK(memory("0::/a/b\n") == INT64_MAX);
    limit("a", "memory.max", "1000\n");
    CHECK(memory("0::/a/b\n") == 1000);
    limit("a", "memory.current", "900\n");
    CHECK(memory("0::/a/b\n") == 100);
    limit("a", "memory.stat", "anon 500\nfile 420\nactive_file 250\ninactive_file 150\n"); // of the page cache
    CHECK(memory("0::/a/b\n") == 500);
    limit("a/b", "memory.max", "720\n");
    CHECK(memory("0::/a/b\n") == 20);
}

TEST_CASE_FIXTURE(control_groups, "memory that control groups leave, version 1") {
    const std::string memberships = "3:memory:/m\n2:cpu,cpuacct:/docker/x\n";
    limit("memory/m", "memory.limit_in_bytes", "9223372036854771712\n"); // what it says without one
    CHECK(memory(memberships) > (int64_t(1) << 60));
    limit("memory/m", "memory.limit_in_bytes", "5000\n");
    limit("memory/m", "memory.usage_in_bytes", "6000\n"); // lowered behind
    CHECK(memory(memberships) == 0);
    limit("cpu/docker/x", "memory.limit_in_bytes", "1\n"); // of no concern
    CHECK(memory(memberships) == 0);
}

TEST_CASE("some memory is available, and no more than there is") {
    CHECK(available_memory() > (int64_t(1) << 20));
    CHECK(available_memory() < (int64_t(1) << 50));
}

TEST_CASE_FIXTURE(control_groups, "files that are no control groups limit nothing") {
    limit("a", "cpu.max", "nonsense");
    for (const char * text : {"", "\n", "0", "0:", "0::", "::::", "0::/a\n", "x\n0:cpu\n"}) {
        CHECK(std::isinf(quota(text)));
        CHECK(memory(text) == INT64_MAX);
    }
}

TEST_CASE("processors: no more threads are worth having than there are of them") {
    CHECK(physical_cores() >= 1);
    CHECK(usable_processors() >= physical_cores());
    CHECK(threads_worth(1) == 1);
    CHECK(threads_worth(usable_processors()) == usable_processors());
    CHECK(threads_worth(100000) == usable_processors());
}

#ifdef __linux__ // elsewhere nothing is asked of the system but how many there are

TEST_CASE("processors: bound to one of them, one thread is worth having") {
    cpu_set_t before, one;
    REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
    CPU_ZERO(&one);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &before)) {
        ++cpu;
    }
    CPU_SET(cpu, &one);
    REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
    CHECK(physical_cores() == 1);
    CHECK(usable_processors() == 1);
    CHECK(threads_worth(2) == 1);
    sched_setaffinity(0, sizeof(before), &before);
}

#endif

TEST_CASE("stamps: files that differ in any byte have different ones") {
    const test_folder folder;
    std::string       bytes;
    for (int i = 0; i < (3 << 20) + 5; ++i) {
        bytes += (char)(i * 31 >> 3);
    }
    const std::string path = folder.write("a", bytes), whole = file_stamp(path);
    CHECK(whole.size() == 16);
    CHECK(file_stamp(folder.write("copy", bytes)) == whole);
    for (const size_t at : {size_t(0), size_t(7), size_t(1) << 20, bytes.size() / 2, bytes.size() - 1}) {
        std::string other = bytes;
        other[at]         = (char)(other[at] ^ 128);
        CHECK(file_stamp(folder.write("other", other)) != whole);
    }
    CHECK(file_stamp(folder.write("shorter", bytes.substr(0, bytes.size() - 1))) != whole);
    CHECK(file_stamp(folder.write("longer", bytes + std::string(1, '\0'))) != whole);
    folder.write("a", bytes + "b"); // the same path again
    CHECK(file_stamp(path) != whole);
    CHECK(error_of([&] { file_stamp(folder / "missing"); }).find("missing") != std::string::npos);
}

TEST_CASE("a model in several files has a name for each") {
    CHECK(model_parts("m.gguf") == std::vector<std::string>{"m.gguf"});
    CHECK(model_parts("a/m-00001-of-00003.gguf") ==
          std::vector<std::string>{"a/m-00001-of-00003.gguf", "a/m-00002-of-00003.gguf", "a/m-00003-of-00003.gguf"});
    for (const char * one : {"m-00002-of-00003.gguf", "-00001-of-00003.ggu", "m-00001-of-0003.gguf", ""}) {
        CHECK(model_parts(one) == std::vector<std::string>{one});
    }
}
