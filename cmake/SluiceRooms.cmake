# The rooms of the house. A room names its sources and the rooms below it; link edges are the layers.

# sluice_library(<room> SOURCES ... [NEEDS rooms...] [FOREIGN targets...]): static library sluice_<room>.
# FOREIGN libraries are private: their headers are not seen by whoever links the room.
function(sluice_library room)
    cmake_parse_arguments(ARG "" "" "SOURCES;NEEDS;FOREIGN" ${ARGN})
    list(TRANSFORM ARG_NEEDS PREPEND sluice_)
    add_library(sluice_${room} STATIC ${ARG_SOURCES})
    target_link_libraries(sluice_${room} PUBLIC sluice_flags ${ARG_NEEDS} PRIVATE ${ARG_FOREIGN})
endfunction()

# sluice_program(<name> SOURCES ... NEEDS rooms...): an executable in bin/.
function(sluice_program name)
    cmake_parse_arguments(ARG "" "" "SOURCES;NEEDS;FOREIGN" ${ARGN})
    list(TRANSFORM ARG_NEEDS PREPEND sluice_)
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE sluice_flags ${ARG_NEEDS} ${ARG_FOREIGN})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

# sluice_unit(<layer> <module> rooms...): tests/unit/<layer>/test_<module>.c, one executable, one ctest entry.
function(sluice_unit layer module)
    set(target test_${layer}_${module})
    add_executable(${target} ${layer}/test_${module}.c)
    set(needs ${ARGN})
    list(TRANSFORM needs PREPEND sluice_)
    target_link_libraries(${target} PRIVATE sluice_flags ${needs} PkgConfig::CMOCKA)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
    add_test(NAME unit.${layer}.${module} COMMAND ${target})
    set_tests_properties(unit.${layer}.${module} PROPERTIES TIMEOUT ${SLUICE_TEST_SECONDS}
        ENVIRONMENT "ASAN_OPTIONS=handle_segv=2;CMOCKA_MESSAGE_OUTPUT=STDOUT")
endfunction()

# sluice_embed(<out.S variable> <symbol prefix> files...): each file as bytes in the read-only section, followed by a NUL:
# `const char <prefix>_<name with _ for dots>[]` and `..._end[]`.
function(sluice_embed out prefix)
    set(asm ${CMAKE_CURRENT_BINARY_DIR}/${prefix}_embed.S)
    set(text "    .section .rodata\n")
    foreach(file ${ARGN})
        get_filename_component(path ${file} ABSOLUTE)
        get_filename_component(name ${file} NAME)
        string(REGEX REPLACE "[^A-Za-z0-9]" "_" symbol ${prefix}_${name})
        string(APPEND text "    .global ${symbol}\n    .global ${symbol}_end\n    .hidden ${symbol}\n    .hidden ${symbol}_end\n"
            "${symbol}:\n    .incbin \"${path}\"\n${symbol}_end:\n    .byte 0\n")
        list(APPEND deps ${path})
    endforeach()
    string(APPEND text "    .section .note.GNU-stack,\"\",%progbits\n")
    file(CONFIGURE OUTPUT ${asm} CONTENT "${text}" @ONLY)
    set_source_files_properties(${asm} PROPERTIES OBJECT_DEPENDS "${deps}")
    set(${out} ${asm} PARENT_SCOPE)
endfunction()
