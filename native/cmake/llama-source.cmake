# The source tree of llama.cpp that is compiled: a copy in the build folder, with patches applied.
#
# The pristine tree (pinned package in the cache, or MAGNET_LLAMA_SOURCE) is never written to. When a patch changes,
# the tree is made anew beside the old one and only files that differ are replaced, so that a build recompiles no more
# than what a patch touches.
include(${CMAKE_CURRENT_LIST_DIR}/package.cmake)

set(MAGNET_LLAMA_PIN ${CMAKE_CURRENT_LIST_DIR}/../LLAMA_CPP_VERSION)
# What the build reads of the tree.
set(MAGNET_LLAMA_PARTS CMakeLists.txt LICENSE cmake common ggml include src vendor)

# OUT: the value of KEY in native/LLAMA_CPP_VERSION.
function(magnet_llama_pin KEY OUT)
  file(STRINGS "${MAGNET_LLAMA_PIN}" line REGEX "^${KEY} ")
  string(REGEX REPLACE "^${KEY} +" "" value "${line}")
  if(NOT value)
    message(FATAL_ERROR "native/LLAMA_CPP_VERSION has no line \"${KEY} VALUE\"")
  endif()
  set(${OUT} "${value}" PARENT_SCOPE)
endfunction()

# git, cut off from any repository around the folder that it runs in and from the user's hooks.
function(magnet_git DIR RESULT LOG)
  find_program(MAGNET_GIT git)
  if(NOT MAGNET_GIT)
    message(FATAL_ERROR "git is needed to unpack and patch llama.cpp. Install it and run cmake again.")
  endif()
  get_filename_component(ceiling "${DIR}" DIRECTORY)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -E env --unset=GIT_DIR --unset=GIT_WORK_TREE --unset=GIT_INDEX_FILE
      "GIT_CEILING_DIRECTORIES=${ceiling}" "${MAGNET_GIT}" ${ARGN}
    WORKING_DIRECTORY "${DIR}" RESULT_VARIABLE result OUTPUT_VARIABLE log ERROR_VARIABLE log)
  set(${RESULT} "${result}" PARENT_SCOPE)
  set(${LOG} "${log}" PARENT_SCOPE)
endfunction()

# OUT: the folder of the unpatched tree; ID: what tells one tree from another, empty where that is not known.
function(magnet_llama_pristine OUT ID)
  magnet_llama_pin(tag tag)
  if(MAGNET_LLAMA_SOURCE)
    foreach(part IN LISTS MAGNET_LLAMA_PARTS)
      if(NOT EXISTS "${MAGNET_LLAMA_SOURCE}/${part}")
        message(FATAL_ERROR "MAGNET_LLAMA_SOURCE=${MAGNET_LLAMA_SOURCE} has no ${part}. "
          "Give the root of a llama.cpp checkout of tag ${tag}.")
      endif()
    endforeach()
    message(STATUS "llama.cpp: your own checkout ${MAGNET_LLAMA_SOURCE} (the patches are made for ${tag})")
    set(${OUT} "${MAGNET_LLAMA_SOURCE}" PARENT_SCOPE)
    set(${ID} "" PARENT_SCOPE)
    return()
  endif()

  magnet_llama_pin(package package)
  magnet_llama_pin(sha256 sha256)
  magnet_cache_dir(cache)
  string(SUBSTRING "${sha256}" 0 12 short)
  set(entry "${cache}/llama.cpp-${tag}-${short}")
  if(NOT IS_DIRECTORY "${entry}")
    magnet_cache_begin(tmp)
    magnet_download(npm "${package}" "${sha256}" "${tmp}" archive)
    file(ARCHIVE_EXTRACT INPUT "${archive}" DESTINATION "${tmp}" PATTERNS "*/gitRelease.bundle")
    magnet_git("${tmp}" result log clone --quiet package/llama/gitRelease.bundle tree)
    if(NOT result EQUAL 0)
      file(REMOVE_RECURSE "${tmp}")
      message(FATAL_ERROR "Cannot unpack llama.cpp from ${package}:\n${log}")
    endif()
    file(REMOVE_RECURSE "${tmp}/tree/.git")
    magnet_cache_commit("${tmp}/tree" "${entry}")
    file(REMOVE_RECURSE "${tmp}")
  endif()
  message(STATUS "llama.cpp: ${tag} of ${package}, ${entry}")
  set(${OUT} "${entry}" PARENT_SCOPE)
  set(${ID} "${sha256}" PARENT_SCOPE)
endfunction()

# Makes the folder TO equal to FROM, leaving files that are equal already untouched. FROM is used up.
function(magnet_sync FROM TO)
  file(GLOB_RECURSE new RELATIVE "${FROM}" "${FROM}/*")
  file(GLOB_RECURSE old RELATIVE "${TO}" "${TO}/*")
  list(REMOVE_ITEM old ${new})
  foreach(name IN LISTS old)
    file(REMOVE "${TO}/${name}")
  endforeach()
  foreach(name IN LISTS new)
    get_filename_component(dir "${TO}/${name}" DIRECTORY)
    file(MAKE_DIRECTORY "${dir}")
    file(COPY_FILE "${FROM}/${name}" "${TO}/${name}" ONLY_IF_DIFFERENT)
  endforeach()
  file(REMOVE_RECURSE "${FROM}")
endfunction()

# Fills the folder TREE with llama.cpp plus the patches given, in that order; does nothing where it is so already.
function(magnet_llama_source TREE)
  set(patches ${ARGN})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${MAGNET_LLAMA_PIN}" ${patches})
  magnet_llama_pristine(pristine id)

  set(state "${id}\n")
  foreach(patch IN LISTS patches)
    file(SHA256 "${patch}" hash)
    get_filename_component(name "${patch}" NAME)
    string(APPEND state "${name} ${hash}\n")
  endforeach()
  list(LENGTH patches count)
  set(stamp "${TREE}.stamp")
  if(id AND EXISTS "${stamp}")
    file(READ "${stamp}" before)
    if(before STREQUAL state)
      message(STATUS "llama.cpp: ${count} patches already applied in ${TREE}")
      return()
    endif()
  endif()

  set(tmp "${TREE}.tmp")
  file(REMOVE "${stamp}")
  file(REMOVE_RECURSE "${tmp}")
  foreach(part IN LISTS MAGNET_LLAMA_PARTS)
    file(COPY "${pristine}/${part}" DESTINATION "${tmp}" NO_SOURCE_PERMISSIONS)
  endforeach()
  foreach(patch IN LISTS patches)
    get_filename_component(name "${patch}" NAME)
    magnet_git("${tmp}" result log apply --whitespace=nowarn "${patch}")
    if(NOT result EQUAL 0)
      magnet_llama_pin(tag tag)
      file(REMOVE_RECURSE "${tmp}")
      message(FATAL_ERROR "native/patches/${name} does not apply to ${pristine}:\n${log}\n"
        "The patches are made for llama.cpp ${tag} and apply in the order of their numbers. "
        "Use that tag, or bring the patch up to date as native/patches/README.md tells.")
    endif()
    message(STATUS "llama.cpp: applied ${name}")
  endforeach()
  magnet_sync("${tmp}" "${TREE}")
  file(WRITE "${stamp}" "${state}")
endfunction()
