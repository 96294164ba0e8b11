# Tool chain file: MAGNET for the platform MAGNET_PLATFORM, compiled by zig's clang from any Linux on x86-64.
#
# The compiler is the PyPI package ziglang, which brings the headers and start-up code of every platform with it. Which
# system a binary needs at least is part of the target: the C library 2.17 (CentOS 7), macOS 11, Windows 10.
include(${CMAKE_CURRENT_LIST_DIR}/package.cmake)

set(MAGNET_ZIG_VERSION 0.17.1)
set(MAGNET_ZIG_PACKAGE ziglang==${MAGNET_ZIG_VERSION})
set(MAGNET_ZIG_SHA256 ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54) # wheel for Linux on x86-64

set(MAGNET_PLATFORM "" CACHE STRING "linux-x86_64, linux-aarch_64, windows-x86_64, osx-x86_64 or osx-aarch_64")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MAGNET_PLATFORM MAGNET_CACHE)

set(MAGNET_ZIG_PLATFORMS # name, system and processor as CMake has them, zig's target
  "linux-x86_64 Linux x86_64 x86_64-linux-gnu.2.17"
  "linux-aarch_64 Linux aarch64 aarch64-linux-gnu.2.17"
  "windows-x86_64 Windows x86_64 x86_64-windows-gnu"
  "osx-x86_64 Darwin x86_64 x86_64-macos.11.0"
  "osx-aarch_64 Darwin arm64 aarch64-macos.11.0")

# OUT: the folder of the compiler, fetched unless it is in the cache.
function(magnet_zig OUT)
  magnet_cache_dir(cache)
  string(SUBSTRING ${MAGNET_ZIG_SHA256} 0 12 short)
  set(entry "${cache}/ziglang-${short}")
  if(NOT IS_DIRECTORY "${entry}")
    magnet_cache_begin(tmp)
    magnet_download(pypi ${MAGNET_ZIG_PACKAGE} ${MAGNET_ZIG_SHA256} "${tmp}" archive)
    file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${tmp}" PATTERNS "ziglang/*")
    file(CHMOD "${tmp}/ziglang/zig" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    magnet_cache_commit("${tmp}/ziglang" "${entry}")
    file(REMOVE_RECURSE "${tmp}")
  endif()
  set(${OUT} "${entry}" PARENT_SCOPE)
endfunction()

# A program that CMake can call, in DIR: zig with these words before its arguments.
function(magnet_zig_program DIR NAME ZIG)
  list(JOIN ARGN " " words)
  set(script "#!/bin/sh
# Written by native/cmake/zig.cmake. Names of processors have no dashes for zig; its own baseline is x86-64's.
n=$#
while [ $n -gt 0 ]; do
  a=$1; shift; n=$((n - 1))
  case $a in
    -march=x86-64) ;;
    -march=armv8-a) ;;
    -march=armv8.2-a*|-march=armv8.6-a*)
      rest=\${a#-march=armv8.}; features=\${rest#*-a}; minor=\${rest%%-*}
      set -- \"$@\" \"-mcpu=generic+v8_\${minor}a$(printf %s \"$features\" | sed 's/+fp16/+fullfp16/')\" ;;
    *) set -- \"$@\" \"$a\" ;;
  esac
done
exec \"${ZIG}/zig\" ${words} \"$@\"
")
  set(file "${DIR}/${NAME}")
  if(EXISTS "${file}")
    file(READ "${file}" before)
  endif()
  if(NOT "${before}" STREQUAL "${script}")
    string(RANDOM LENGTH 12 suffix)
    file(WRITE "${file}.${suffix}" "${script}")
    file(CHMOD "${file}.${suffix}" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    file(RENAME "${file}.${suffix}" "${file}")
  endif()
endfunction()

foreach(platform IN LISTS MAGNET_ZIG_PLATFORMS)
  separate_arguments(platform)
  list(POP_FRONT platform name system processor target)
  if(name STREQUAL MAGNET_PLATFORM)
    set(CMAKE_SYSTEM_NAME ${system})
    set(CMAKE_SYSTEM_PROCESSOR ${processor})
    set(MAGNET_ZIG_TARGET ${target})
  endif()
endforeach()
if(NOT MAGNET_ZIG_TARGET)
  message(FATAL_ERROR "MAGNET_PLATFORM=${MAGNET_PLATFORM} is no platform of native/cmake/zig.cmake")
endif()

set(MAGNET_CPU_CHOICE_DEFAULT ON)

magnet_zig(zig)
set(bin "${zig}-bin/${MAGNET_PLATFORM}")
# Debug information would hold the paths of the machine that built it.
magnet_zig_program(${bin} clang   ${zig} cc  -target ${MAGNET_ZIG_TARGET} -g0)
magnet_zig_program(${bin} clang++ ${zig} c++ -target ${MAGNET_ZIG_TARGET} -g0)
foreach(tool IN ITEMS ar ranlib)
  magnet_zig_program(${bin} ${tool} ${zig} ${tool})
endforeach()
magnet_zig_program(${bin} windres ${zig} rc)
set(CMAKE_C_COMPILER   ${bin}/clang)
set(CMAKE_CXX_COMPILER ${bin}/clang++)
set(CMAKE_AR           ${bin}/ar CACHE FILEPATH "" FORCE)
set(CMAKE_RANLIB       ${bin}/ranlib CACHE FILEPATH "" FORCE)
set(CMAKE_RC_COMPILER  ${bin}/windres)

# What runs here what was built, where it is installed: Debian's qemu-user-static with libc6-arm64-cross, and wine64.
if(MAGNET_PLATFORM STREQUAL "linux-aarch_64")
  find_program(MAGNET_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
  if(MAGNET_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${MAGNET_QEMU} -L /usr/aarch64-linux-gnu)
  endif()
elseif(CMAKE_SYSTEM_NAME STREQUAL "Windows")
  find_program(MAGNET_WINE NAMES wine64 wine PATHS /usr/lib/wine)
  if(MAGNET_WINE)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${MAGNET_WINE})
  endif()
endif()

set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE NEVER)
if(CMAKE_SYSTEM_NAME STREQUAL "Darwin") # nothing is renamed after linking, and there is no tool that could
  set(CMAKE_INSTALL_NAME_TOOL /bin/false CACHE FILEPATH "" FORCE)
  set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
  set(CMAKE_BUILD_WITH_INSTALL_NAME_DIR ON)
endif()
