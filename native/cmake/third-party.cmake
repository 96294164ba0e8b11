# Header-only libraries for the program and the tests: targets magnet_cli11, magnet_json and magnet_doctest.
include(${CMAKE_CURRENT_LIST_DIR}/package.cmake)

set(MAGNET_HEADERS_PACKAGE pgm-build-deps==2026.10.26.92)
set(MAGNET_HEADERS_SHA256 fe18d1004aa8630c5dd2c82a33b2f6b561a7c60da1d4f2484cbc39dc5236f772)

# OUT: a folder with one folder a library, each with its licence and its include folder.
function(magnet_headers OUT)
  magnet_cache_dir(cache)
  string(SUBSTRING ${MAGNET_HEADERS_SHA256} 0 12 short)
  set(entry "${cache}/headers-${short}")
  if(NOT IS_DIRECTORY "${entry}")
    magnet_cache_begin(tmp)
    magnet_download(pypi ${MAGNET_HEADERS_PACKAGE} ${MAGNET_HEADERS_SHA256} "${tmp}" archive)
    file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${tmp}"
      PATTERNS "*/cli11/*" "*/nlohmann_json/*" "*/doctest/*")
    magnet_cache_commit("${tmp}/pgm_build_deps" "${entry}")
    file(REMOVE_RECURSE "${tmp}")
  endif()
  set(${OUT} "${entry}" PARENT_SCOPE)
endfunction()

function(magnet_add_headers)
  magnet_headers(headers)
  foreach(library IN ITEMS cli11:CLI/CLI.hpp nlohmann_json:nlohmann/json.hpp doctest:doctest/doctest.h)
    string(REPLACE ":" ";" library "${library}")
    list(POP_FRONT library name)
    if(NOT EXISTS "${headers}/${name}/include/${library}")
      message(FATAL_ERROR "${headers} has no ${name}/include/${library}. Remove that folder and run cmake again.")
    endif()
    string(REPLACE "nlohmann_" "" target "magnet_${name}")
    add_library(${target} INTERFACE)
    target_include_directories(${target} SYSTEM INTERFACE "${headers}/${name}/include")
  endforeach()
endfunction()

