# Foreign libraries. Only the room that owns one links its target (style: one home per library).
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent>=2.1)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.88)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(EDIT REQUIRED IMPORTED_TARGET libedit)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)

# msgpack-c is `msgpack` on Debian 12 and `msgpack-c` on 13, whose .pc names a folder that does not exist:
# take its libraries only (the headers lie in /usr/include).
pkg_search_module(MSGPACK REQUIRED msgpack-c msgpack)
add_library(sluice_msgpack INTERFACE)
target_link_libraries(sluice_msgpack INTERFACE ${MSGPACK_LINK_LIBRARIES})

# libjq has a .pc file from 1.7 on (Debian 13).
pkg_check_modules(JQ IMPORTED_TARGET libjq)
add_library(sluice_libjq INTERFACE)
if(JQ_FOUND)
    target_link_libraries(sluice_libjq INTERFACE PkgConfig::JQ)
else()
    find_library(SLUICE_JQ_LIBRARY jq REQUIRED)
    target_link_libraries(sluice_libjq INTERFACE ${SLUICE_JQ_LIBRARY})
endif()

if(SLUICE_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
