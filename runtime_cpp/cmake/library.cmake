# libedgetrack: the tracker for C++ and C, with its CMake package. ONNX Runtime is opened at run time.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(edgetrack_c_api OBJECT src/c_api.cpp src/c_api_multi.cpp src/c_guard.cpp)
target_link_libraries(edgetrack_c_api PRIVATE edgetrack_core)
target_compile_options(edgetrack_c_api PRIVATE ${warnings})
add_library(edgetrack $<TARGET_OBJECTS:edgetrack_c_api> $<TARGET_OBJECTS:edgetrack_core>)
add_library(edgetrack::edgetrack ALIAS edgetrack)
target_include_directories(edgetrack PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(edgetrack PUBLIC cxx_std_17)
target_link_libraries(edgetrack PRIVATE ${CMAKE_DL_LIBS} Threads::Threads)
# Before 1.0 every minor version may change the interface, and the structs of the C API with it.
set_target_properties(edgetrack PROPERTIES VERSION ${PROJECT_VERSION}
                                           SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
if(BUILD_SHARED_LIBS AND CMAKE_SYSTEM_NAME STREQUAL "Linux") # instances of the standard library's templates stay inside
  target_link_options(edgetrack PRIVATE "LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/exports.map")
  set_property(TARGET edgetrack APPEND PROPERTY LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/exports.map)
endif()

set(config ${CMAKE_CURRENT_BINARY_DIR}/edgetrackConfig.cmake)
set(config_version ${CMAKE_CURRENT_BINARY_DIR}/edgetrackConfigVersion.cmake)
file(WRITE ${config} "include(CMakeFindDependencyMacro)\nfind_dependency(Threads)\n"
                     "include(\${CMAKE_CURRENT_LIST_DIR}/edgetrackTargets.cmake)\n")
write_basic_package_version_file(${config_version} COMPATIBILITY SameMinorVersion)
install(TARGETS edgetrack EXPORT edgetrackTargets)
install(DIRECTORY include/edgetrack DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT edgetrackTargets NAMESPACE edgetrack:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/edgetrack)
install(FILES ${config} ${config_version} DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/edgetrack)

if(EDGETRACK_TESTS) # for ctest; tests/runtime_cpp/test_cpp_library.py builds and runs them as well
  add_executable(steady tests/steady.cpp tests/allocations.cpp)
  add_executable(masks tests/masks.cpp)
  add_executable(multi tests/multi.cpp tests/allocations.cpp)
  add_executable(pairs tests/pairs.cpp tests/allocations.cpp)
  add_executable(hostile tests/hostile.cpp)
  add_executable(portable tests/portable.cpp)
  add_executable(robust tests/robust.cpp)
  add_executable(c_multi tests/c_multi.cpp)
  add_executable(threads tests/threads.cpp)
  add_executable(tokens tests/tokens.cpp)
  foreach(name c_multi hostile masks multi pairs portable robust steady threads tokens)
    # The objects, not the library: the tests call what a shared one hides.
    target_link_libraries(${name} PRIVATE edgetrack_c_api edgetrack_core Threads::Threads ${CMAKE_DL_LIBS})
    target_compile_options(${name} PRIVATE ${warnings})
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF) # allocations.cpp replaces the operator new of the others
  endforeach()
  if(NOT MSVC)
    target_compile_options(portable PRIVATE -ffp-contract=off) # the dice are part of what is compared
  endif()
  enable_testing()
  foreach(name hostile masks multi pairs portable steady threads)
    add_test(NAME ${name} COMMAND ${name})
  endforeach()
  foreach(name c_multi robust)
    add_test(NAME ${name} COMMAND ${name} ${CMAKE_CURRENT_LIST_DIR}/../../edgetrack/models/edgetrack-256)
  endforeach()
endif()
