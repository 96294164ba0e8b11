# What is compiled into libmagnet, for whoever hands it on: licences, and a bill of materials (CycloneDX 1.5).

# Writes FOLDER/*-LICENSE and FOLDER/magnet.cdx.json. LLAMA, HEADERS: the source trees of llama.cpp and of the header-only
# libraries.
function(magnet_write_bill FOLDER LLAMA HEADERS)
  configure_file(${PROJECT_SOURCE_DIR}/LICENSE ${FOLDER}/magnet-LICENSE COPYONLY)
  configure_file(${LLAMA}/LICENSE ${FOLDER}/llama.cpp-LICENSE COPYONLY)
  configure_file(${HEADERS}/nlohmann_json/LICENSE.MIT ${FOLDER}/nlohmann_json-LICENSE COPYONLY)
  file(STRINGS ${HEADERS}/nlohmann_json/include/nlohmann/detail/abi_macros.hpp numbers
    REGEX "define NLOHMANN_JSON_VERSION_(MAJOR|MINOR|PATCH)")
  list(TRANSFORM numbers REPLACE "^[^0-9]*([0-9]+).*" "\\1")
  list(JOIN numbers "." json)
  magnet_component(components llama.cpp ${MAGNET_LLAMA_TAG} pkg:github/ggml-org/llama.cpp@${MAGNET_LLAMA_TAG} MIT)
  magnet_component(components nlohmann_json ${json} pkg:github/nlohmann/json@v${json} MIT)
  if(MAGNET_ZIG_TARGET) # brings the C++ library along
    magnet_zig(zig)
    configure_file(${zig}/lib/libcxx/LICENSE.TXT ${FOLDER}/libcxx-LICENSE COPYONLY)
    configure_file(${zig}/LICENSE ${FOLDER}/zig-LICENSE COPYONLY)
    magnet_component(components libc++ ${CMAKE_CXX_COMPILER_VERSION} pkg:github/llvm/llvm-project@llvmorg-${CMAKE_CXX_COMPILER_VERSION}
      "Apache-2.0 WITH LLVM-exception")
    if(WIN32)
      configure_file(${zig}/lib/libc/mingw/COPYING ${FOLDER}/mingw-w64-LICENSE COPYONLY)
      magnet_component(components mingw-w64 ${MAGNET_ZIG_VERSION} pkg:pypi/ziglang@${MAGNET_ZIG_VERSION} ZPL-2.1)
    endif()
  endif()
  file(CONFIGURE OUTPUT ${FOLDER}/magnet.cdx.json @ONLY CONTENT [[{
  "bomFormat": "CycloneDX",
  "specVersion": "1.5",
  "version": 1,
  "metadata": {
    "component": {
      "type": "library", "bom-ref": "libmagnet", "group": "dev.magnet", "name": "libmagnet", "version": "@PROJECT_VERSION@",
      "licenses": [{ "license": { "id": "MIT" } }]
    }
  },
  "components": [@components@
  ]
}
]])
endfunction()

# Appends a component to the JSON in OUT. LICENCE: an expression of SPDX.
function(magnet_component OUT NAME VERSION PURL LICENCE)
  set(comma "")
  if(${OUT})
    set(comma ",")
  endif()
  set(${OUT} "${${OUT}}${comma}
    {
      \"type\": \"library\", \"bom-ref\": \"${NAME}\", \"name\": \"${NAME}\", \"version\": \"${VERSION}\",
      \"purl\": \"${PURL}\", \"licenses\": [{ \"expression\": \"${LICENCE}\" }]
    }" PARENT_SCOPE)
endfunction()
