# Language level, warnings, hardening and sanitizers: one interface target that every room links.
option(SLUICE_TESTS "build the unit tests" ON)
option(SLUICE_BENCH "build the bench's own programs" OFF)
option(SLUICE_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(SLUICE_HARDEN "release hardening" OFF)
option(SLUICE_FUZZ "libFuzzer targets (clang)" OFF)
option(SLUICE_COVERAGE "gcov instrumentation" OFF)
option(SLUICE_ANALYZE "gcc -fanalyzer" OFF)
set(SLUICE_TEST_SECONDS 240 CACHE STRING "how long one unit test may take")

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g") # asserts of ours stay on in release; NDEBUG is never set

add_library(sluice_flags INTERFACE)
target_include_directories(sluice_flags INTERFACE ${CMAKE_SOURCE_DIR}/lib)
target_compile_definitions(sluice_flags INTERFACE _GNU_SOURCE SLUICE_VERSION="${PROJECT_VERSION}")
target_compile_options(sluice_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:
    -Wall;-Wextra;-Wpedantic;-Werror;-Wshadow;-Wconversion;-Wsign-conversion;-Wstrict-prototypes;-Wmissing-prototypes
    -Wold-style-definition;-Wpointer-arith;-Wcast-qual;-Wcast-align;-Wwrite-strings;-Wundef;-Wvla;-Wformat=2
    -Wswitch-enum;-Wnull-dereference;-Wimplicit-fallthrough;-Wdouble-promotion;-fno-common>)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(sluice_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Wlogical-op;-Wduplicated-cond;-Wduplicated-branches>)
endif()

if(SLUICE_SANITIZE)
    target_compile_options(sluice_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(sluice_flags INTERFACE -fsanitize=address,undefined)
endif()
if(SLUICE_HARDEN)
    target_compile_options(sluice_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-D_FORTIFY_SOURCE=3;-fstack-protector-strong;-fstack-clash-protection;-fcf-protection;-fPIE>)
    target_link_options(sluice_flags INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
if(SLUICE_COVERAGE)
    target_compile_options(sluice_flags INTERFACE --coverage)
    target_link_options(sluice_flags INTERFACE --coverage)
endif()
if(SLUICE_ANALYZE)
    target_compile_options(sluice_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-fanalyzer>)
endif()
if(SLUICE_FUZZ)
    target_compile_options(sluice_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-fsanitize=fuzzer-no-link>)
endif()
