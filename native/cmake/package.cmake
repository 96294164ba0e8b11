# Packages of the npm and PyPI registries, fetched once by their own clients into a cache that all checkouts share.
#
# A cache entry is made in a folder beside it and renamed into place when complete, so an entry that exists is whole,
# an interrupted run leaves nothing half done, and two builds that fetch at the same time do not meet.

# OUT: the cache folder, made if need be.
function(magnet_cache_dir OUT)
  if(MAGNET_CACHE)
    set(dir "${MAGNET_CACHE}")
  elseif(DEFINED ENV{MAGNET_CACHE})
    set(dir "$ENV{MAGNET_CACHE}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(dir "$ENV{XDG_CACHE_HOME}/magnet")
  else()
    set(dir "$ENV{HOME}/.cache/magnet")
  endif()
  get_filename_component(dir "${dir}" ABSOLUTE)
  file(MAKE_DIRECTORY "${dir}")
  set(${OUT} "${dir}" PARENT_SCOPE)
endfunction()

# OUT: an empty folder in the cache, for this run alone.
function(magnet_cache_begin OUT)
  magnet_cache_dir(cache)
  string(RANDOM LENGTH 12 name)
  set(dir "${cache}/tmp-${name}")
  file(MAKE_DIRECTORY "${dir}")
  set(${OUT} "${dir}" PARENT_SCOPE)
endfunction()

# Makes the folder FROM the cache entry TO; where another run was faster, its entry stays.
function(magnet_cache_commit FROM TO)
  file(RENAME "${FROM}" "${TO}" RESULT result)
  if(NOT result EQUAL 0)
    file(REMOVE_RECURSE "${FROM}")
    if(NOT IS_DIRECTORY "${TO}")
      message(FATAL_ERROR "Cannot write ${TO}: ${result}")
    endif()
  endif()
endfunction()

# Downloads the package SPEC (npm: name@version, pypi: name==version) into DIR and checks its archive.
# OUT: the path of the archive. DIR is removed before any failure is reported.
function(magnet_download REGISTRY SPEC SHA256 DIR OUT)
  if(REGISTRY STREQUAL "npm")
    find_program(MAGNET_NPM npm)
    set(client "${MAGNET_NPM}")
    set(command "${MAGNET_NPM}" pack "${SPEC}" --pack-destination "${DIR}" --ignore-scripts --loglevel=error)
  elseif(REGISTRY STREQUAL "pypi")
    find_program(MAGNET_PYTHON NAMES python3 python)
    set(client "${MAGNET_PYTHON}")
    set(command "${MAGNET_PYTHON}" -m pip download --no-deps --no-input --only-binary :all: --dest "${DIR}" "${SPEC}")
  else()
    message(FATAL_ERROR "unknown registry ${REGISTRY}")
  endif()
  if(NOT client)
    file(REMOVE_RECURSE "${DIR}")
    message(FATAL_ERROR "${SPEC} is needed and its package client is not installed. "
      "Install npm (npm packages) or python3 with pip (PyPI packages) and run cmake again.")
  endif()

  message(STATUS "Downloading ${SPEC}")
  execute_process(COMMAND ${command} WORKING_DIRECTORY "${DIR}"
    RESULT_VARIABLE result OUTPUT_VARIABLE log ERROR_VARIABLE log)
  file(GLOB archive "${DIR}/*.tgz" "${DIR}/*.whl")
  list(LENGTH archive count)
  if(NOT result EQUAL 0 OR NOT count EQUAL 1)
    file(REMOVE_RECURSE "${DIR}")
    list(JOIN command " " command)
    message(FATAL_ERROR "Could not download ${SPEC}: ${command}\n${log}\n"
      "A machine without network can build when the cache is filled from another one (MAGNET_CACHE).")
  endif()

  file(SHA256 "${archive}" actual)
  if(NOT actual STREQUAL SHA256)
    file(REMOVE_RECURSE "${DIR}")
    message(FATAL_ERROR "${SPEC} is not the archive that was pinned; nothing of it was kept.\n"
      "  expected SHA-256 ${SHA256}\n  downloaded       ${actual}\n"
      "If the pin was changed on purpose, change its SHA-256 with it.")
  endif()
  set(${OUT} "${archive}" PARENT_SCOPE)
endfunction()
